"""One bed whose alarm comes and goes fifty times a second, over mutual TLS."""

import pytest

from rpm_service.domain.alarms import Phase
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from tests.support.loopback import Device, LoopbackServer

FRAMES = 300
"""Six seconds."""


@pytest.mark.spec("ALARM-67")
@pytest.mark.spec("ALARM-68")
@pytest.mark.promise("G15")
async def test_a_flood_at_one_bed_is_told_and_stored_whole_and_another_beds_alarm_comes_through(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    async with server.streaming("bed-2") as other, server.viewer(subscribe=m.Subscribe()) as viewer:
        await other.lives()
        await viewer.take("snapshot")
        for frame in range(FRAMES):
            server.clock.advance(0.02)
            seq = await device.observe(device.entry(80.0 if frame % 2 else 0.0, 97.0))
            if frame == FRAMES // 2:
                await other.observe(other.entry(0.0, 97.0))
            await device.acked(seq)
        told: list[a.AlarmEvent] = []
        while len(told) < FRAMES + 1:
            told += (await viewer.take("delta")).alarms
    flood = [event for event in told if event.bed == "bed-1"]
    assert [event.phase for event in flood] == [a.ALARM_PHASE_START, a.ALARM_PHASE_END] * (
        FRAMES // 2
    )
    began = [event for event in flood if event.phase == a.ALARM_PHASE_START]
    heard = [event.received_at - flood[0].received_at for event in began if not event.no_new_burst]
    assert heard == pytest.approx([0.0, 5.0], abs=0.05), "once in five seconds"
    assert len({event.occurrence_id for event in began}) == FRAMES // 2
    (own,) = [event for event in told if event.bed == "bed-2"]
    assert (own.condition, own.no_new_burst) == ("ASYSTOLE", False)
    await server.until(lambda: len(server.events) > FRAMES)
    stored = [event for event in server.events if event.alarm.bed == "bed-1"]
    assert [event.phase for event in stored] == [Phase.START, Phase.END] * (FRAMES // 2)
