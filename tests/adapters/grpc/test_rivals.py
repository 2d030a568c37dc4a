"""Two devices of one certificate that take the stream from each other, over mutual TLS."""

import time

import grpc
import pytest

from rpm_service.application.identity import Role
from tests.support.loopback import Device, LoopbackServer

FLIPS = 100
CUT_S_MAX = 1.0


@pytest.mark.spec("WIRE-30")
@pytest.mark.spec("INGEST-30")
@pytest.mark.spec("ALARM-60")
@pytest.mark.promise("G12")
async def test_a_hundred_flips_cut_the_older_at_once_and_mix_nothing(
    server: LoopbackServer,
) -> None:
    given_out, sent, slowest_s = {1: 0, 2: 0}, [], 0.0
    older: Device | None = None
    async with (
        server.channel_of(Role.DEVICE, "bed-1") as one,
        server.channel_of(Role.DEVICE, "bed-1") as other,
    ):
        for flip in range(FLIPS):
            spool_id = flip % 2 + 1
            newer = Device(server, other if flip % 2 else one, "bed-1")
            begun = time.monotonic()
            welcome = await newer.hello(
                spool_id=spool_id, spool_last_seq=given_out[spool_id], backfills=True
            )
            if older is not None:
                code, reason = await older.status()
                slowest_s = max(slowest_s, time.monotonic() - begun)
                assert code is grpc.StatusCode.ABORTED
                assert reason == "superseded by a newer session of the same identity"
                await older.close()
            await newer.describe()
            newer.seq = given_out[spool_id] or welcome.resume_from_seq - 1
            heart_rate = 60.0 + flip % 50
            given_out[spool_id] = await newer.observe(newer.entry(heart_rate, 97.0))
            await newer.acked(given_out[spool_id])
            sent.append((given_out[spool_id], heart_rate))
            server.clock.advance(0.2)
            older = newer
        assert older is not None
        await older.close()
    assert [(row.seq, row.values[0]) for _, row in server.rows] == sent
    assert not server.gaps
    assert slowest_s <= CUT_S_MAX
    assert "DUPLICATE_DEVICE" in {each.condition.code for each in server.alarms("bed-1")}
