"""A device's session over real loopback mutual TLS: what is taken, kept, judged and acked."""

from math import isnan, nan

import grpc
import pytest

from rpm_service.application.effects import Connection
from rpm_service.domain.alarms import Kind, Phase, Priority
from rpm_service.v1 import alarm_pb2, telemetry_pb2
from rpm_service.v1.monitoring_pb2 import Subscribe
from tests.support.loopback import Device, LoopbackServer, monitor, numeric

STANDBY = telemetry_pb2.GOODBYE_REASON_STANDBY


def codes(server: LoopbackServer, device_id: str = "bed-1") -> list[str]:
    return [alarm.condition.code for alarm in server.alarms(device_id)]


def values_of(server: LoopbackServer, device_id: str = "bed-1") -> list[tuple[int, list[float]]]:
    return [(row.seq, list(row.values)) for own, row in server.rows if own == device_id]


# -- opening ------------------------------------------------------------------------------


@pytest.mark.spec("WIRE-21")
async def test_welcome_says_where_to_resume_and_what_is_expected(server: LoopbackServer) -> None:
    async with server.device("bed-1") as device:
        welcome = await device.hello()
        assert welcome == telemetry_pb2.Welcome(
            session_epoch=1,
            resume_from_seq=1,
            heartbeat_interval_s=1.0,
            max_frame_bytes=262_144,
            server_clock=server.clock.now(),
            backfill_frames_per_s=200.0,
            server_heartbeat_interval_s=1.0,
        )
        await device.describe()
        await device.take("settings")
        for _ in range(3):
            await device.lives()
    async with server.device("bed-1") as device:
        welcome = await device.hello(spool_first_seq=1, spool_last_seq=5)
        assert (welcome.session_epoch, welcome.resume_from_seq) == (2, 4)


@pytest.mark.spec("WIRE-61")
@pytest.mark.promise("G2")
async def test_a_server_with_nothing_to_say_says_that_it_lives(server: LoopbackServer) -> None:
    async with server.device("bed-1") as device:
        await device.begin()
        before = server.clock.now()
        server.clock.advance(1.0)
        heartbeat = await device.take("heartbeat")
        assert heartbeat.server_clock >= before + 1.0


@pytest.mark.spec("WIRE-21")
async def test_describe_is_answered_with_the_limits_in_force(server: LoopbackServer) -> None:
    async with server.gateway("ward-3") as gateway:
        await gateway.hello()
        await gateway.describe(monitor("ward-3/a"), monitor("ward-3/b"))
        for place in (0, 1):
            settings = await gateway.take("settings")
            assert settings.mds == place
            rate, saturation = settings.limits
            assert (rate.metric, rate.low, rate.high) == ("HR", 50, 120)
            assert (rate.extreme_low, rate.extreme_high) == (35, 160)
            assert (saturation.metric, saturation.low) == ("SpO2", 90)
            assert not saturation.HasField("high")


@pytest.mark.spec("ALARM-28")
async def test_the_limits_of_a_second_numeric_of_a_kind_are_shown_and_in_force(
    server: LoopbackServer,
) -> None:
    async with server.device("bed-1") as device:
        await device.hello()
        await device.describe(monitor("bed-1", numerics=[numeric("HR"), numeric("HR", instance=1)]))
        first, second = (await device.take("settings")).limits
        assert (first.metric, second.metric) == ("HR", "HR 2")
        assert (second.low, second.high, second.extreme_low) == (50, 120, 35)
        await device.acked(await device.observe(device.entry(80.0, 0.0)))
    async with server.viewer(subscribe=Subscribe()) as viewer:
        snapshot = await viewer.take("snapshot")
    (bed,) = snapshot.beds
    assert [metric.limits.extreme_low for metric in bed.metrics] == [35, 35]
    assert ("ASYSTOLE", "HR 2") in [(each.condition, each.metric) for each in snapshot.alarms]


@pytest.mark.spec("WIRE-22")
async def test_a_second_description_replaces_the_first(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    await device.describe(monitor("bed-1", numerics=monitor("bed-1").numerics[1:]))
    await device.take("settings")
    seq = await device.observe(device.entry(96.0))
    await device.acked(seq)
    bedside = server.bedside("bed-1")
    assert [each.name for each in bedside.description.numerics] == ["SpO2"]
    assert list(bedside.values) == [96.0]


# -- values -------------------------------------------------------------------------------


@pytest.mark.spec("WIRE-23")
async def test_asystole_is_a_heart_rate_of_0_and_the_alarm_of_highest_priority(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.lives()
    seq = await device.observe(device.entry(0.0, 97.0))
    await device.acked(seq)
    (alarm,) = server.alarms("bed-1")
    assert (alarm.condition.code, alarm.condition.kind) == ("ASYSTOLE", Kind.PHYSIOLOGICAL)
    assert (alarm.priority, alarm.value, alarm.limit) == (Priority.HIGH, 0.0, None)
    assert values_of(server)[-1] == (seq, [0.0, 97.0])


@pytest.mark.spec("WIRE-24")
@pytest.mark.parametrize("missing", [{"values": [nan, 97.0]}, {"validity": [4, 1]}])
async def test_nan_is_no_value_is_stored_so_and_is_missing_once_it_lasts(
    server: LoopbackServer, device: Device, neighbour: Device, missing: dict[str, list[float]]
) -> None:
    start = device.now()
    await device.observe(device.entry(at=start - 8))
    for age_s in range(7, 3, -1):
        await device.observe(device.entry(at=start - age_s, **missing))
    await device.acked(device.seq)
    (alarm,) = server.alarms("bed-1")
    assert (alarm.condition.code, alarm.condition.metric) == ("METRIC_MISSING", "HR")
    assert (alarm.condition.kind, alarm.priority) == (Kind.TECHNICAL, Priority.LOW)
    assert isnan(server.bedside("bed-1").values[0])
    assert server.bedside("bed-1").values[1] == 97.0
    stored = [row for _, row in server.rows if row.seq > 1]
    assert all(isnan(row.values[0]) or list(row.validity) == [4, 1] for row in stored)
    await device.lives()
    assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-25")
async def test_values_that_come_late_are_stored_and_sound_no_alarm(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    late = device.now() - 60
    seq = await device.observe(*[device.entry(0.0, 20.0, at=late + second) for second in range(9)])
    await device.acked(seq)
    assert codes(server) == []
    assert list(server.bedside("bed-1").values) == [80.0, 97.0]
    assert len([row for row in values_of(server) if row == (seq, [0.0, 20.0])]) == 9


@pytest.mark.spec("WIRE-25")
async def test_a_value_that_comes_in_time_is_judged(server: LoopbackServer, device: Device) -> None:
    seq = await device.observe(device.entry(0.0, 97.0, at=device.now() - 10))
    await device.acked(seq)
    assert codes(server) == ["ASYSTOLE"]


@pytest.mark.spec("WIRE-26")
@pytest.mark.parametrize("off_s", [-3600.0, -5.5, 5.5, 86_400.0 * 365])
async def test_a_device_clock_that_is_off_is_a_low_alarm_and_values_go_by_the_servers(
    server: LoopbackServer, neighbour: Device, off_s: float
) -> None:
    async with server.device("bed-1") as device:
        await device.hello(device_clock=device.now() + off_s)
        await device.describe()
        await device.take("settings")
        (alarm,) = server.alarms("bed-1")
        assert (alarm.condition.code, alarm.priority) == ("DEVICE_CLOCK_OFF", Priority.LOW)
        at = device.now()
        seq = await device.observe(device.entry(at=at + off_s))
        await device.acked(seq)
        assert list(server.bedside("bed-1").observed_at) == pytest.approx([at, at])
        (stored,) = [row for own, row in server.rows if own == "bed-1"]
        assert (stored.observed_at, stored.received_at) == (at + off_s, at)
        await device.send(heartbeat=telemetry_pb2.Heartbeat(device_clock=device.now()))
        await device.lives()
        assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-26")
@pytest.mark.parametrize("off_s", [-4.9, 4.9, None])
async def test_a_device_clock_that_is_nearly_right_or_unstated_is_no_alarm(
    server: LoopbackServer, off_s: float | None
) -> None:
    async with server.device("bed-1") as device:
        await device.hello(device_clock=0.0 if off_s is None else device.now() + off_s)
        await device.describe()
        await device.take("settings")
        await device.lives()
        assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-27")
async def test_waveforms_may_come_alone(server: LoopbackServer, device: Device) -> None:
    strip = telemetry_pb2.SampleArray(index=0, start_at=device.now() - 1, samples=b"\x01\x00" * 250)
    entry = telemetry_pb2.MdsObservation(observed_at=device.now(), sample_arrays=[strip])
    seq = await device.observe(entry)
    await device.acked(seq)
    ((own, row),) = server.waveforms
    assert (own, row.seq, row.channel, len(row.samples)) == ("bed-1", seq, 0, 500)


@pytest.mark.spec("WIRE-28")
async def test_an_alarm_of_the_device_itself_is_raised_and_ended_with_its_own_priority(
    server: LoopbackServer, device: Device
) -> None:
    said = {
        "condition": "VENT_FIB",
        "kind": alarm_pb2.ALARM_KIND_PHYSIOLOGICAL,
        "priority": alarm_pb2.ALARM_PRIORITY_HIGH,
        "observed_at": device.now(),
        "text": "VF",
    }
    await device.send(device_alarm=telemetry_pb2.DeviceAlarm(seq=1, present=True, **said))
    assert await device.acked(1) == 1
    (alarm,) = server.alarms("bed-1")
    assert (alarm.condition.code, alarm.priority, alarm.text) == (
        "DEVICE_VENT_FIB",
        Priority.HIGH,
        "VF",
    )
    await device.send(device_alarm=telemetry_pb2.DeviceAlarm(seq=2, present=False, **said))
    assert await device.acked(2) == 2
    assert server.alarms("bed-1") == []


# -- numbers and acks ---------------------------------------------------------------------


@pytest.mark.spec("WIRE-29")
async def test_numbers_that_go_back_are_acked_again_and_stored_once(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    for _ in range(3):
        await device.lives()
    for seq in (3, 1, 2):
        await device.observe(device.entry(0.0, 10.0), seq=seq)
        assert await device.acked(seq) == 3
    assert values_of(server) == [(seq, [80.0, 97.0]) for seq in (1, 2, 3)]
    assert server.alarms("bed-1") == []
    device.seq = 3
    await device.lives()


@pytest.mark.spec("WIRE-29")
async def test_a_jump_is_a_gap_that_is_kept(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.lives()
    await device.observe(seq=5)
    assert await device.acked(5) == 5
    (gap,) = server.gaps
    assert (gap.stream_id, gap.from_seq, gap.to_seq) == ("device/bed-1", 2, 4)
    await device.lives()


@pytest.mark.spec("WIRE-29")
@pytest.mark.parametrize("seq", [0, 1_000_002, 2**60, 2**63, 2**64 - 1])
async def test_a_number_that_cannot_be_next_is_refused_and_moves_nothing(
    server: LoopbackServer, device: Device, neighbour: Device, seq: int
) -> None:
    await device.lives()
    await device.observe(seq=seq)
    refused, field, reason = await device.refusal()
    assert (refused, field) == (seq, "observations.seq")
    assert reason == f"{seq} is not within 2 to 1000001"
    await device.send(device_alarm=telemetry_pb2.DeviceAlarm(seq=seq, condition="X"))
    assert (await device.refusal())[1:] == ("device_alarm.seq", reason)
    device.seq = 1
    await device.lives()
    assert server.gaps == []


@pytest.mark.spec("WIRE-29")
async def test_a_jump_that_hello_announced_is_a_gap_however_far(server: LoopbackServer) -> None:
    async with server.device("bed-1") as device:
        await device.hello(spool_last_seq=2**60)
        await device.describe()
        await device.take("settings")
        assert await device.acked(await device.observe(seq=2**60)) == 2**60
    assert [(gap.from_seq, gap.to_seq) for gap in server.gaps] == [(1, 2**60 - 1)]


@pytest.mark.spec("WIRE-31")
async def test_an_ack_comes_only_once_the_frame_is_on_disk_and_alarms_do_not_wait_for_it(
    server: LoopbackServer, device: Device
) -> None:
    async with server.viewer(subscribe=Subscribe()) as viewer:
        await viewer.take("snapshot")
        server.recorder.error = OSError("no space left on device")
        await device.observe(device.entry(0.0, 97.0))
        delta = await viewer.take("delta")
        while not delta.alarms:
            delta = await viewer.take("delta")
        assert delta.alarms[0].condition == "ASYSTOLE"
        ward = server.monitoring.ward
        assert ward.spools.durable("device/bed-1").newest == 0
        assert ward.sessions["device/bed-1"].reception.acked == 0
        server.recorder.error = None
        assert await device.acked(1) == 1
        assert values_of(server) == [(1, [0.0, 97.0])]


# -- ends ---------------------------------------------------------------------------------


@pytest.mark.spec("WIRE-30")
async def test_a_newer_stream_of_the_same_device_supersedes_the_older_one(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    await device.lives()
    async with server.device("bed-1") as newer:
        welcome = await newer.begin()
        assert welcome.session_epoch == 2
        assert await device.status() == (
            grpc.StatusCode.ABORTED,
            "superseded by a newer session of the same identity",
        )
        newer.seq = welcome.resume_from_seq - 1
        await newer.lives()
        assert values_of(server) == [(1, [80.0, 97.0]), (2, [80.0, 97.0])]
        assert server.bedside("bed-1").connection is Connection.CONNECTED
        assert codes(server) == [], "it may have come back before its old end was seen"


@pytest.mark.spec("WIRE-33")
@pytest.mark.parametrize("how", ["half-close", "cancel"])
async def test_a_stream_that_ends_without_goodbye_is_a_lost_connection(
    server: LoopbackServer, device: Device, neighbour: Device, how: str
) -> None:
    await device.lives()
    if how == "cancel":
        await device.close()
    else:
        await device.half_close()
        assert await device.status() == (grpc.StatusCode.OK, "")
    await server.until(lambda: server.alarms("bed-1") != [])
    (alarm,) = server.alarms("bed-1")
    assert (alarm.condition.code, alarm.priority) == ("CONNECTION_LOST", Priority.MEDIUM)
    async with server.streaming("bed-1") as again:
        again.seq = 1
        await again.lives()
        assert server.alarms("bed-1") == []
    assert [event.phase for event in server.events if event.alarm.device_id == "bed-1"][:2] == [
        Phase.START,
        Phase.END,
    ]


@pytest.mark.spec("WIRE-33")
async def test_a_gateway_that_is_gone_is_a_lost_connection_at_each_of_its_monitors(
    server: LoopbackServer,
) -> None:
    async with server.gateway("ward-3") as gateway:
        await gateway.begin(monitor("ward-3/a"), monitor("ward-3/b"))
    await server.until(lambda: server.alarms("ward-3/b") != [])
    assert codes(server, "ward-3/a") == codes(server, "ward-3/b") == ["CONNECTION_LOST"]


@pytest.mark.spec("WIRE-34")
async def test_goodbye_is_no_alarm_and_leaves_no_value_behind(
    server: LoopbackServer, device: Device
) -> None:
    await device.observe(device.entry(0.0, 97.0))
    await device.acked(1)
    assert codes(server) == ["ASYSTOLE"]
    await device.send(goodbye=telemetry_pb2.Goodbye(reason=STANDBY))
    await device.half_close()
    assert await device.status() == (grpc.StatusCode.OK, "")
    assert server.alarms("bed-1") == []
    assert server.bedside("bed-1").connection is Connection.AWAY
    assert all(isnan(value) for value in server.bedside("bed-1").values)


@pytest.mark.spec("WIRE-35")
async def test_silence_on_a_stream_that_lives_is_a_lost_connection_until_a_heartbeat_or_value(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    server.clock.advance(10.5)
    await server.until(lambda: server.alarms("bed-1") != [])
    assert codes(server) == ["CONNECTION_LOST"]
    await device.lives()
    assert server.alarms("bed-1") == []
    assert server.bedside("bed-1").connection is Connection.CONNECTED


@pytest.mark.spec("WIRE-37")
async def test_a_server_that_stops_acks_what_is_on_disk_and_tells_its_devices_to_come_back(
    server: LoopbackServer, device: Device
) -> None:
    await device.observe()
    await server.until(lambda: server.monitoring.ward.sessions["device/bed-1"].frames == 1)
    await server.monitoring.drain("the test says so")
    assert await device.acked(1) == 1
    drain = await device.take("drain")
    assert 0 < drain.reconnect_after_s < 10
    assert await device.status() == (grpc.StatusCode.UNAVAILABLE, "the server is stopping")
    assert server.alarms("bed-1") == []
