"""A device that was killed with a spool full of frames, and a server that was away meanwhile."""

import asyncio
import json
import signal
import time
from math import inf
from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.adapters.storage import archive
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.application.identity import Role
from rpm_service.sdk import Credentials
from rpm_service.sdk.channel import open_channel
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import monitoring_pb2_grpc
from tests.support.backfilling import LIVE, PAST
from tests.support.process import free_port, process, rpm_service

KEPT = 2_500
SHOWN_S_MAX = 2.0
DEVICE = "bed-1"


@pytest.mark.system
@pytest.mark.spec("SDK-24")
@pytest.mark.promise("G14")
async def test_what_is_live_is_shown_at_once_while_thousands_of_older_frames_follow(
    tmp_path: Path, certs: Path
) -> None:
    target = f"127.0.0.1:{free_port()}"
    ensure_client(certs, Role.DEVICE, DEVICE)
    data = tmp_path / "data"
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target)
    device = ("-m", "tests.support.backfilling", target, str(certs), DEVICE, str(tmp_path / "s"))
    with process(*device, "fill", str(KEPT)) as first:
        with rpm_service(*serve) as server:
            await asyncio.to_thread(first.wait_for, "connected")
            server.end(signal.SIGKILL)
        first.say("go")
        await asyncio.to_thread(first.wait_for, "observed")
        first.kill()
    with process(*device, "live", "0") as second, rpm_service(*serve) as server:
        await asyncio.to_thread(server.wait_for, "devices and viewers")
        watched_at, shown_at = await _shown(target, certs)
        connected_at, drained_at, waiting, backfilled = json.loads(
            await asyncio.to_thread(second.wait_for, "[")
        )
    assert waiting >= KEPT
    assert backfilled >= KEPT
    assert drained_at > shown_at + 3.0, "the rest took its time"
    took_s = shown_at - max(connected_at, watched_at)
    print(f"the first live value was shown {took_s:.2f} s after device and viewer were there")
    assert took_s <= SHOWN_S_MAX
    engine = open_reading(data)
    rows = [row for _, row in archive.numerics(engine, DEVICE)]
    engine.dispose()
    assert sorted(row.seq for row in rows) == [*range(1, len(rows) + 1)]
    assert sum(tuple(row.values) == PAST for row in rows) == KEPT + 1
    latest = max(
        row.received_at - row.observed_at
        for row in rows
        if tuple(row.values) == LIVE and row.observed_at >= connected_at
    )
    print(f"no live value came later than {latest:.2f} s beside {backfilled} of backfill")
    assert latest <= SHOWN_S_MAX


async def _shown(target: str, certs: Path) -> tuple[float, float]:
    """When a viewer had its first frame, and when it was first shown a live value."""
    own = ensure_client(certs, Role.USER, "wall")
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    async with open_channel(target, credentials) as channel:
        call = monitoring_pb2_grpc.MonitoringServiceStub(channel).Watch()
        watched_at = inf
        await call.write(m.WatchRequest(subscribe=m.Subscribe()))
        try:
            async for frame in call:
                watched_at = min(watched_at, time.time())
                for bed in [*frame.snapshot.numerics, *frame.delta.numerics]:
                    assert tuple(bed.values) != PAST, "an older value is never shown"
                    if tuple(bed.values) == LIVE:
                        return watched_at, time.time()
        finally:
            call.cancel()
    raise AssertionError("the viewer's stream ended")
