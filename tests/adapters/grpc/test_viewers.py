"""A viewer's stream over real loopback mutual TLS."""

import time
from math import isnan, nan
from typing import Any

import grpc
import pytest

from rpm_service.domain.limits import AgeClass
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2
from tests.support.loopback import Device, LoopbackServer, Viewer, monitor, numeric

EVERYTHING = m.Subscribe()
OF_A_LATER_VERSION = b"\xa2\x06\x00"
"""Field 100, which no frame of this version has."""


async def delta_with(viewer: Viewer, part: str) -> m.Delta:
    """The next delta that has such parts; only deltas may come before it."""
    while not getattr(delta := await viewer.take("delta"), part):
        pass
    return delta


async def admit(server: LoopbackServer, bed: str, unit: str) -> None:
    server.monitoring.operators.admit(bed, unit, f"patient of {bed}", AgeClass.ADULT, "nurse-7")


@pytest.mark.spec("WIRE-40")
async def test_the_first_frame_is_a_snapshot_of_everything_as_it_stands(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    observed_at = device.now()
    seq = await device.observe(device.entry(0.0, 97.0))
    await device.acked(seq)
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        snapshot = await viewer.take("snapshot")
    assert snapshot.server_clock == server.clock.now()
    beds = {bed.bed: bed for bed in snapshot.beds}
    assert beds.keys() == {"bed-1", "bed-2"}
    bed = beds["bed-1"]
    assert (bed.device_id, bed.unit, bed.patient_id) == ("bed-1", "", "")
    assert (bed.connection, bed.age_class) == (m.CONNECTION_CONNECTED, m.AGE_CLASS_UNSPECIFIED)
    assert not bed.HasField("audio_paused_until")
    rate, saturation = bed.metrics
    assert (rate.name, rate.code, rate.unit, rate.decimals) == ("HR", 147842, "/min", 0)
    assert (rate.stale_after_s, rate.limits.low, rate.limits.extreme_low) == (5, 50, 35)
    assert (saturation.name, saturation.unit) == ("SpO2", "%")
    (waveform,) = bed.waveforms
    assert (waveform.label, waveform.sample_rate_hz, waveform.scale) == ("II", 250, 0.001)
    numerics = next(each for each in snapshot.numerics if each.number == bed.number)
    assert list(numerics.values) == [0.0, 97.0]
    assert list(numerics.observed_at) == [observed_at] * 2
    (alarm,) = snapshot.alarms
    assert (alarm.bed, alarm.condition, alarm.metric) == ("bed-1", "ASYSTOLE", "HR")
    assert (alarm.phase, alarm.presence) == (a.ALARM_PHASE_CONTINUE, a.ALARM_PRESENCE_ON)
    assert (alarm.kind, alarm.priority) == (a.ALARM_KIND_PHYSIOLOGICAL, a.ALARM_PRIORITY_HIGH)
    assert (alarm.value, alarm.extreme, alarm.HasField("limit")) == (0.0, 0.0, False)
    assert (alarm.raised_at, alarm.HasField("ended_at")) == (observed_at, False)


@pytest.mark.spec("WIRE-41")
async def test_then_come_deltas_of_what_changed_by_growing_revisions(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.lives()
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        snapshot = await viewer.take("snapshot")
        (number,) = [bed.number for bed in snapshot.beds if bed.bed == "bed-1"]
        await device.observe(device.entry(81.0, 96.0))
        delta = await delta_with(viewer, "numerics")
        assert delta.revision > snapshot.revision
        assert [(each.number, list(each.values)) for each in delta.numerics] == [
            (number, [81.0, 96.0])
        ]
        assert not delta.beds
        await device.observe(device.entry(0.0, 96.0))
        later = await delta_with(viewer, "alarms")
        assert later.revision > delta.revision
        (event,) = later.alarms
        assert (event.phase, event.event_seq) == (a.ALARM_PHASE_START, 1)
        assert (event.bed, event.condition) == ("bed-1", "ASYSTOLE")
        await device.half_close()
        gone = await delta_with(viewer, "beds")
        assert [(bed.bed, bed.connection) for bed in gone.beds] == [("bed-1", m.CONNECTION_LOST)]


@pytest.mark.spec("ALARM-62")
@pytest.mark.spec("ALARM-65")
async def test_a_pending_alarm_is_told_and_the_alarm_comes_with_the_sample_that_shows_it(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        await device.acked(await device.observe(device.entry(80.0, 88.0)))
        delta = await delta_with(viewer, "numerics")
        assert [list(each.pending) for each in delta.numerics] == [[1]]
        server.clock.advance(9.0)
        await device.acked(await device.observe(device.entry(80.0, 88.0)))
        server.clock.advance(1.0)
        shows = time.monotonic()
        await device.observe(device.entry(80.0, 88.0))
        delta = await delta_with(viewer, "alarms")
        assert time.monotonic() - shows < 2.0
        assert [alarm.condition for alarm in delta.alarms] == ["SPO2_LOW"]
        assert [list(each.pending) for each in delta.numerics] == [[]]


@pytest.mark.spec("WIRE-41")
async def test_no_alarm_event_is_left_out_however_fast_they_come(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        for seq in range(1, 201):
            said = telemetry_pb2.DeviceAlarm(
                seq=seq,
                condition="APNEA",
                kind=a.ALARM_KIND_PHYSIOLOGICAL,
                priority=a.ALARM_PRIORITY_HIGH,
                present=seq % 2 == 1,
                observed_at=device.now(),
            )
            await device.send(device_alarm=said)
        seen: list[tuple[int, int]] = []
        while len(seen) < 200:
            events = (await delta_with(viewer, "alarms")).alarms
            seen += [(event.occurrence_id, event.event_seq) for event in events]
        first = seen[0][0]
        assert seen == [(first + each, seq) for each in range(100) for seq in (1, 2)]


@pytest.mark.spec("WIRE-42")
async def test_a_viewer_hears_at_least_every_second_that_its_link_lives(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        snapshot = await viewer.take("snapshot")
        for second in (1, 2, 3):
            server.clock.advance(1.0)
            progress = await viewer.take("progress")
            assert progress.revision == snapshot.revision
            assert progress.server_clock == snapshot.server_clock + second


@pytest.mark.spec("WIRE-43")
async def test_nothing_is_sent_before_a_viewer_says_what_it_wants(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer() as viewer:
        await viewer.send_bytes(m.WatchRequest(heartbeat=m.ViewerHeartbeat()).SerializeToString())
        server.clock.advance(5.0)
        await device.lives()
        await viewer.subscribe(EVERYTHING)
        await viewer.take("snapshot")


@pytest.mark.spec("WIRE-43")
async def test_a_viewer_sees_the_beds_and_units_that_it_chose_and_may_choose_anew(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await admit(server, "bed-2", "ICU")
    await device.observe(device.entry(0.0, 97.0))
    await device.acked(1)

    def shown(snapshot: m.Snapshot) -> tuple[list[str], int, int]:
        return [bed.bed for bed in snapshot.beds], len(snapshot.numerics), len(snapshot.alarms)

    async with server.viewer(subscribe=m.Subscribe(beds=["bed-1"])) as viewer:
        assert shown(await viewer.take("snapshot")) == (["bed-1"], 1, 1)
        await viewer.subscribe(m.Subscribe(units=["ICU"]))
        assert shown(await viewer.take("snapshot")) == (["bed-2"], 1, 0)
        await viewer.subscribe(m.Subscribe(beds=["bed-1"], units=["ICU"]))
        assert shown(await viewer.take("snapshot")) == ([], 0, 0)
        await viewer.subscribe(EVERYTHING)
        assert shown(await viewer.take("snapshot")) == (["bed-1", "bed-2"], 2, 1)


@pytest.mark.spec("WIRE-44")
async def test_waveforms_come_only_to_those_who_want_them(
    server: LoopbackServer, device: Device
) -> None:
    async with (
        server.viewer(subscribe=m.Subscribe(waveforms=True)) as wants,
        server.viewer(subscribe=EVERYTHING) as other,
    ):
        await wants.take("snapshot")
        await other.take("snapshot")
        at = device.now() - 1
        strip = telemetry_pb2.SampleArray(start_at=at, samples=b"\x01\x00\xff\xff")
        await device.observe(device.entry(sample_arrays=[strip]))
        (chunk,) = (await delta_with(wants, "waveforms")).waveforms
        assert (chunk.waveform, chunk.start_at, chunk.samples) == (0, at, b"\x01\x00\xff\xff")
        assert not (await delta_with(other, "numerics")).waveforms


@pytest.mark.spec("WIRE-45")
async def test_what_is_missing_is_shown_missing_and_each_value_has_its_own_age(
    server: LoopbackServer, device: Device
) -> None:
    start = device.now()
    await device.observe(device.entry(at=start))
    await device.observe(device.entry(70.0, at=start, indices=[0]))
    await device.acked(2)
    server.clock.advance(2.0)
    later = [device.entry(nan, 0.0, indices=[0, 1], validity=[4, 2])]
    await device.observe(*later)
    await device.acked(3)
    server.clock.advance(1.0)
    await device.observe(device.entry(95.0, indices=[1]))
    await device.acked(4)
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        (numerics,) = (await viewer.take("snapshot")).numerics
    assert isnan(numerics.values[0])
    assert numerics.values[1] == 95.0
    assert list(numerics.observed_at) == [start + 2, start + 3]
    assert list(numerics.validity) == [a.VALIDITY_MISSING, a.VALIDITY_UNSPECIFIED]


@pytest.mark.spec("WIRE-46")
async def test_a_frame_that_is_no_request_closes_that_viewers_stream_and_no_other(
    server: LoopbackServer, device: Device
) -> None:
    async with (
        server.viewer(subscribe=EVERYTHING) as viewer,
        server.viewer(subscribe=EVERYTHING) as other,
    ):
        await viewer.take("snapshot")
        await other.take("snapshot")
        await viewer.send_bytes(b"\xff")
        closing = await viewer.take("closing")
        assert closing.reason == "a frame that is not a WatchRequest"
        assert await viewer.status() == (grpc.StatusCode.OK, "")
        await device.observe()
        await delta_with(other, "numerics")
        await server.until(lambda: server.monitoring.viewers == 1)


@pytest.mark.spec("WIRE-47")
async def test_a_frame_of_a_kind_that_is_not_known_yet_is_passed_over(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        await viewer.send_bytes(OF_A_LATER_VERSION)
        await device.observe()
        await delta_with(viewer, "numerics")


@pytest.mark.spec("WIRE-48")
async def test_an_error_while_a_viewer_is_heard_ends_its_stream_loudly(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(server.monitoring.ward.deliveries, "confirm", broken)
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        event = m.AlarmEventId(occurrence_id=1, event_seq=1)
        confirmation = m.ConfirmDelivery(events=[event])
        await viewer.send_bytes(m.WatchRequest(confirm_delivery=confirmation).SerializeToString())
        await viewer.take("closing")
        status, said = await viewer.status()
    assert status is grpc.StatusCode.INTERNAL
    assert "a fault of our own" not in said
    assert "a fault of our own" in caplog.text


@pytest.mark.spec("WIRE-46")
async def test_a_server_that_stops_says_so_to_every_viewer(server: LoopbackServer) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        await server.monitoring.drain("the server is stopping")
        assert (await viewer.take("closing")).reason == "the server is stopping"
        assert await viewer.status() == (grpc.StatusCode.OK, "")


@pytest.mark.spec("WIRE-46")
@pytest.mark.parametrize("how", ["half-close", "cancel"])
async def test_a_viewer_that_leaves_is_forgotten(server: LoopbackServer, how: str) -> None:
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        await viewer.take("snapshot")
        if how == "cancel":
            await viewer.close()
        else:
            await viewer.half_close()
            await viewer.take("closing")
        await server.until(lambda: server.monitoring.viewers == 0)


@pytest.mark.spec("WIRE-40")
async def test_a_snapshot_holds_a_bed_whose_device_is_lost_and_its_alarm(
    server: LoopbackServer,
) -> None:
    async with server.streaming("bed-1") as device:
        await device.lives()
    await server.until(lambda: server.alarms("bed-1") != [])
    async with server.viewer(subscribe=EVERYTHING) as viewer:
        snapshot = await viewer.take("snapshot")
        while not snapshot.alarms:
            snapshot = await viewer.take("delta")
    (alarm,) = snapshot.alarms
    assert (alarm.condition, alarm.kind) == ("CONNECTION_LOST", a.ALARM_KIND_TECHNICAL)
    assert alarm.metric == ""
    assert not alarm.HasField("value")


async def test_metrics_of_one_name_are_told_apart(server: LoopbackServer) -> None:
    async with server.device("bed-1") as device:
        two: Any = [numeric("Temp"), numeric("Temp", instance=1)]
        await device.begin(monitor("bed-1", numerics=two))
        async with server.viewer(subscribe=EVERYTHING) as viewer:
            (bed,) = (await viewer.take("snapshot")).beds
    assert [metric.name for metric in bed.metrics] == ["Temp", "Temp 2"]
