"""Delivery and coverage over real loopback mutual TLS: what viewers say, and who is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.application.coverage import GRACE_S, HIDDEN_S
from rpm_service.application.delivery import CONFIRM_MAX
from rpm_service.application.units import EscalationLevel, Unit, Units
from rpm_service.domain.signals import Presence
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from tests.support.loopback import Device, LoopbackServer, Viewer, hasten

EVERYTHING = m.Subscribe()
CALLED = Units(
    other=Unit(
        escalation=(
            EscalationLevel(10.0, frozenset({"charge-nurse"})),
            EscalationLevel(30.0),
        ),
        covers=False,
    )
)


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    hasten(monkeypatch)
    async with LoopbackServer(certs, CALLED) as server:
        yield server


@pytest.fixture
async def ward(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    """One whose beds need cover, and whose start is longer ago than the grace after it."""
    hasten(monkeypatch)
    async with LoopbackServer(certs, Units(other=Unit(escalation=()))) as ward:
        ward.clock.advance(GRACE_S)
        yield ward


async def says(viewer: Viewer, **frame: object) -> None:
    await viewer.send_bytes(m.WatchRequest(**frame).SerializeToString())


async def confirms(viewer: Viewer, *events: a.AlarmEvent) -> None:
    ids = [m.AlarmEventId(occurrence_id=e.occurrence_id, event_seq=e.event_seq) for e in events]
    await says(viewer, confirm_delivery=m.ConfirmDelivery(events=ids))


async def alarm(viewer: Viewer, condition: str) -> a.AlarmEvent:
    """The next event of a condition, in whatever frame it comes."""
    while True:
        frame = await viewer.frame()
        assert frame is not None
        for event in (*frame.snapshot.alarms, *frame.delta.alarms):
            if event.condition == condition:
                return event


async def passes(server: LoopbackServer, device: Device, seconds: float, *values: float) -> None:
    """Time goes on, and the device with it."""
    server.clock.advance(seconds)
    await device.acked(await device.observe(device.entry(*values)))


def conditions(server: LoopbackServer) -> set[str]:
    return {each.condition.code for each in server.alarms("bed-1")}


@pytest.mark.spec("DELIVERY-3")
@pytest.mark.promise("G9")
async def test_what_a_viewer_does_not_confirm_is_not_delivered_within_ten_to_twelve_seconds(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await passes(server, device, 0, 0.0, 97.0)
        await alarm(viewer, "ASYSTOLE")
        for _ in range(3):
            await passes(server, device, 3.3, 0.0, 97.0)
        assert conditions(server) == {"ASYSTOLE"}
        await passes(server, device, 0.2, 0.0, 97.0)
        event = await alarm(viewer, "NOT_DELIVERED")
    assert (event.kind, event.priority) == (a.ALARM_KIND_TECHNICAL, a.ALARM_PRIORITY_HIGH)
    assert (event.latching, event.text) == (True, "ASYSTOLE of HR: level 1")
    begun = next(each for each in server.events if each.alarm.condition.code == "ASYSTOLE")
    assert 10 <= event.received_at - begun.received_at <= 12


@pytest.mark.spec("DELIVERY-2")
@pytest.mark.spec("DELIVERY-11")
async def test_what_a_viewer_confirms_twice_is_delivered_once(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer("nurse-7", EVERYTHING) as viewer:
        await passes(server, device, 0, 0.0, 97.0)
        event = await alarm(viewer, "ASYSTOLE")
        server.clock.advance(1)
        await confirms(viewer, event, event)
        await confirms(viewer, event, a.AlarmEvent(occurrence_id=99, event_seq=1))

        def deliveries() -> list[object]:
            return [each for batch in server.recorder.batches for each in batch.deliveries]

        await server.until(lambda: len(deliveries()) == 2)
        for _ in range(6):
            await passes(server, device, 6, 0.0, 97.0)
        sent, confirmed = deliveries()
    assert conditions(server) == {"ASYSTOLE"}
    assert (sent.viewer, sent.confirmed_at) == ("nurse-7", None)
    assert (confirmed.viewer, confirmed.confirmed_at - confirmed.sent_at) == ("nurse-7", 1)


@pytest.mark.spec("DELIVERY-7")
async def test_a_viewer_of_a_level_sees_it_whatever_it_watches(
    server: LoopbackServer, device: Device
) -> None:
    elsewhere = m.Subscribe(beds=["bed-9"])
    async with (
        server.viewer("charge-nurse", elsewhere) as called,
        server.viewer("nurse-7", elsewhere) as other,
    ):
        await called.take("snapshot")
        await other.take("snapshot")
        await passes(server, device, 0, 0.0, 97.0)
        await passes(server, device, 9, 0.0, 97.0)
        await passes(server, device, 1, 0.0, 97.0)
        event = await alarm(called, "NOT_DELIVERED")
        assert event.bed == "bed-1"
        while (frame := await other.frame()).WhichOneof("frame") != "progress":
            assert not frame.delta.alarms
    async with server.clinician("charge-nurse") as clinician:
        await clinician.monitoring.AcknowledgeAlarm(
            m.AcknowledgeAlarmRequest(
                occurrence_id=event.occurrence_id, priority=event.priority, idempotency_key="k"
            )
        )
    await server.until(lambda: conditions(server) == {"ASYSTOLE"})


@pytest.mark.spec("DELIVERY-13")
async def test_more_than_256_confirmed_at_once_end_the_stream(server: LoopbackServer) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        some = [a.AlarmEvent(occurrence_id=n, event_seq=1) for n in range(1, CONFIRM_MAX + 2)]
        await confirms(viewer, *some[:-1])
        await confirms(viewer, *some)
        closing = await viewer.take("closing")
    assert closing.reason == "257 events confirmed at once; at most 256"


@pytest.mark.spec("DELIVERY-16")
@pytest.mark.spec("DELIVERY-17")
async def test_when_all_viewers_leave_the_device_is_told_and_the_alarm_raised(
    ward: LoopbackServer,
) -> None:
    async with ward.device("bed-1") as device:
        await device.hello()
        await device.describe()
        await device.take("settings")
        assert not await told(device)
        async with ward.viewer(subscribe=EVERYTHING) as viewer:
            await says(viewer, presence=m.ViewerPresence(audio_armed=True, visible=True))
            assert await told(device)
            await passes(ward, device, 1)
            while not (bed := next(iter((await viewer.frame()).delta.beds), None)):
                pass
            assert bed.covered
        left = ward.clock.now()
        assert not await told(device)
        assert not conditions(ward)
        for _ in range(4):
            ward.clock.advance(0.5)
            await device.observe()
        await ward.until(lambda: conditions(ward) == {"BED_NOT_COVERED"})
        (event,) = ward.alarms("bed-1")
        assert event.raised_at - left <= 2
        assert event.presence is Presence.ON


async def told(device: Device) -> bool:
    """What the device is told next of its coverage."""
    while (frame := await device.frame()).WhichOneof("frame") != "coverage":
        assert frame.WhichOneof("frame") == "ack"
    assert frame.coverage.mds == 0
    return frame.coverage.covered


@pytest.mark.spec("DELIVERY-14")
@pytest.mark.promise("G13")
async def test_a_hidden_viewer_covers_for_ten_seconds_and_a_silent_one_not_at_all(
    ward: LoopbackServer,
) -> None:
    async with ward.streaming("bed-1") as device, ward.viewer(subscribe=EVERYTHING) as viewer:
        covered = ward.bedside("bed-1")
        await says(viewer, presence=m.ViewerPresence(audio_armed=True, visible=True))
        await ward.until(lambda: covered.covered is True)
        await says(viewer, presence=m.ViewerPresence(audio_armed=True, visible=False))
        (presence,) = ward.monitoring.ward.coverage._presences
        await ward.until(lambda: not presence.visible)
        await passes(ward, device, HIDDEN_S - 1)
        assert covered.covered is True
        await passes(ward, device, 1)
        await ward.until(lambda: covered.covered is False)
        await says(viewer, presence=m.ViewerPresence(audio_armed=True, visible=True))
        await ward.until(lambda: covered.covered is True)
        await says(viewer, presence=m.ViewerPresence(audio_armed=False, visible=True))
        await ward.until(lambda: covered.covered is False)
