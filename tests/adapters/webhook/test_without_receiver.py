"""A server whose units have no webhook any more."""

import asyncio
from pathlib import Path

import pytest

from rpm_service.app import Server, Settings
from rpm_service.application.effects import Notice, Restored
from tests.support.memory_recorder import MemoryRecorder

LEFT = Notice("n-1", 1.0, "ICU", "bed-1", 1, 1, 1, "ASYSTOLE", "HIGH", 1.0)


@pytest.mark.spec("HOOK-9")
async def test_what_waited_for_one_is_given_up(certs: Path, tmp_path: Path) -> None:
    recorder = MemoryRecorder(Restored(notices=[LEFT]))
    server = Server(Settings(tmp_path, certs, "127.0.0.1:0"), recorder)
    await server.start()
    try:
        async with asyncio.timeout(30):
            while server.monitoring.outbox:
                await asyncio.sleep(0)
    finally:
        await server.stop()
    assert [each for batch in recorder.batches for each in batch.notices_given_up] == ["n-1"]
