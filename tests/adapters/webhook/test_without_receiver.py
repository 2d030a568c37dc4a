"""A server whose units have no webhook any more."""

from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_server
from rpm_service.app import Server, Settings
from rpm_service.application.effects import Notice, Restored
from tests.support.loopback import until
from tests.support.memory_recorder import MemoryRecorder

LEFT = Notice("n-1", 1.0, "ICU", "bed-1", 1, 1, 1, "ASYSTOLE", "HIGH", 1.0)


@pytest.fixture
def certs(tmp_path: Path) -> Path:
    ensure_server(tmp_path / "certs")
    return tmp_path / "certs"


@pytest.mark.spec("HOOK-9")
async def test_what_waited_for_one_is_given_up(certs: Path, tmp_path: Path) -> None:
    recorder = MemoryRecorder(Restored(notices=[LEFT]))
    server = Server(Settings(tmp_path, certs, "127.0.0.1:0"), recorder)
    await server.start()
    try:
        await until(lambda: any("n-1" in batch.notices_given_up for batch in recorder.batches))
        assert not server.monitoring.outbox
    finally:
        await server.stop()
