"""The protocol without a network: conversations, word for word."""

from typing import Any

import pytest

from rpm_service.sdk import GoodbyeReason, Monitor, Observation, Refusal, Refused, Settings, wire
from rpm_service.sdk.errors import ProtocolViolated
from rpm_service.sdk.session import (
    ENDING_S_MAX,
    RETRIES_MAX,
    RETRY_AFTER_S,
    WELCOME_S_MAX,
    Session,
    State,
)
from rpm_service.sdk.spool import MemorySpool
from rpm_service.sdk.wire import Numbered
from rpm_service.v1 import telemetry_pb2

CLOCK = 1_700_000_000.0


class Device:
    """A session with a clock that stands still until told."""

    def __init__(self, monitor: Monitor) -> None:
        self.now = 100.0
        self.session = Session([monitor], MemorySpool(), software="test", clock_rate=1.0)

    def observe(self, value: float = 98.0) -> int:
        payload = wire.observations([Observation(self.now, [value, 72.0])])
        return self.session.observe(Numbered.OBSERVATIONS, payload)

    def says(self, kind: str) -> Any:
        frame = self.session.next_frame(self.now, CLOCK)
        assert frame is not None, f"silent where {kind} was to come"
        parsed = telemetry_pb2.StreamTelemetryRequest.FromString(frame)
        assert parsed.WhichOneof("frame") == kind, parsed
        return getattr(parsed, kind)

    def says_observations(self, *seqs: int) -> None:
        assert [self.says("observations").seq for _ in seqs] == list(seqs)

    def is_silent(self) -> bool:
        return self.session.next_frame(self.now, CLOCK) is None

    def hears(self, **frame: Any) -> Refusal | Settings | None:
        return self.session.receive(telemetry_pb2.StreamTelemetryResponse(**frame), self.now)

    def hears_welcome(self, resume_from_seq: int = 1, **fields: Any) -> None:
        standard = {
            "session_epoch": 1,
            "resume_from_seq": resume_from_seq,
            "heartbeat_interval_s": 10.0,
            "max_frame_bytes": 262_144,
        }
        self.hears(welcome=telemetry_pb2.Welcome(**(standard | fields)))

    def hears_ack(self, through: int) -> None:
        self.hears(ack=telemetry_pb2.Ack(durable_through_seq=through))

    def hears_refusal(self, seq: int, *, retryable: bool = False, field: str = "values") -> Any:
        return self.hears(
            refusal=telemetry_pb2.Refusal(
                seq=seq, field=field, reason="not so", retryable=retryable
            )
        )

    def connects(self, resume_from_seq: int = 1, **fields: Any) -> Any:
        self.session.connected(self.now)
        hello = self.says("hello")
        self.hears_welcome(resume_from_seq, **fields)
        self.says("describe")
        return hello


@pytest.fixture
def device(monitor: Monitor) -> Device:
    return Device(monitor)


@pytest.mark.spec("SDK-2")
def test_hello_is_answered_before_anything_else_is_said(device: Device) -> None:
    device.observe()
    assert device.is_silent()
    device.session.connected(device.now)
    assert device.session.state is State.GREETING
    hello = device.says("hello")
    assert (hello.protocol_version, hello.software, hello.clock_rate) == (1, "test", 1.0)
    assert hello.device_clock == CLOCK
    assert device.is_silent()
    device.hears_welcome()
    (mds,) = device.says("describe").mds
    assert [numeric.code for numeric in mds.numerics] == [150456, 149530]
    device.says_observations(1)
    assert device.is_silent()


@pytest.mark.spec("SDK-40")
@pytest.mark.promise("G6")
def test_a_device_whose_hello_was_late_says_its_clock_again(device: Device) -> None:
    device.observe()
    for late_s in (1.0, 1.5):
        device.session.connected(device.now)
        device.says("hello")
        device.now += late_s
        device.hears_welcome()
        device.says("describe")
        if late_s > 1:
            assert device.says("heartbeat").device_clock == CLOCK
        device.says_observations(1)
        device.session.disconnected()


@pytest.mark.spec("SDK-3")
def test_a_process_without_memory_continues_where_the_server_stands(device: Device) -> None:
    assert device.observe() == 1
    assert device.observe() == 2
    hello = device.connects(resume_from_seq=501)
    assert (hello.spool_first_seq, hello.spool_last_seq) == (0, 0)
    device.says_observations(501, 502)


@pytest.mark.spec("SDK-5")
def test_what_is_not_acknowledged_is_said_again_after_a_reconnect(device: Device) -> None:
    device.connects(resume_from_seq=11)
    for _ in range(4):
        device.observe()
    device.says_observations(11, 12, 13, 14)
    device.hears_ack(12)
    device.session.disconnected()
    device.observe()
    hello = device.connects(resume_from_seq=13)
    assert (hello.spool_first_seq, hello.spool_last_seq) == (13, 15)
    device.says_observations(13, 14, 15)
    device.hears_ack(15)
    assert device.session.drained
    assert device.session.counters.frames_acked == 5


@pytest.mark.spec("SDK-5")
def test_what_the_server_had_on_disk_without_saying_so_is_not_said_again(device: Device) -> None:
    device.connects()
    for _ in range(3):
        device.observe()
    device.says_observations(1, 2, 3)
    device.session.disconnected()
    device.connects(resume_from_seq=3)
    device.says_observations(3)
    assert device.session.counters.frames_acked == 2


@pytest.mark.spec("SDK-5")
def test_a_server_that_lost_its_record_gets_what_is_held_and_the_gap_shows(device: Device) -> None:
    device.connects(resume_from_seq=11)
    for _ in range(3):
        device.observe()
    device.says_observations(11, 12, 13)
    device.hears_ack(12)
    device.session.disconnected()
    device.connects(resume_from_seq=1)
    device.says_observations(13)


@pytest.mark.spec("SDK-6")
def test_frames_move_to_new_numbers_when_somebody_else_has_used_them(device: Device) -> None:
    device.connects()
    for _ in range(3):
        device.observe()
    device.says_observations(1, 2, 3)
    device.hears_ack(1)
    device.session.disconnected()
    device.connects(resume_from_seq=50)
    device.says_observations(50, 51)
    assert device.session.counters.renumbered == 1
    device.hears_ack(51)
    assert device.session.drained


@pytest.mark.spec("SDK-9")
def test_a_refused_frame_is_let_go_and_the_rest_goes_on(device: Device) -> None:
    device.connects(resume_from_seq=11)
    device.observe()
    device.observe()
    device.says_observations(11, 12)
    refusal = device.hears_refusal(11, field="observations")
    assert refusal == Refusal(1, "observations", "not so", will_retry=False)
    device.hears_refusal(11)
    counters = device.session.counters
    assert (counters.frames_refused, counters.frames_acked) == (1, 0)
    device.hears_ack(12)
    assert (counters.frames_refused, counters.frames_acked) == (1, 1)
    assert device.session.drained


@pytest.mark.spec("SDK-18")
def test_a_frame_that_is_refused_in_part_is_kept_until_it_is_acknowledged(device: Device) -> None:
    device.connects()
    device.observe()
    device.says_observations(1)
    value = "observations.entries[0].values[0]"
    assert device.hears_refusal(1, field=value) == Refusal(1, value, "not so", will_retry=False)
    device.hears_refusal(1, field="observations.entries")
    counters = device.session.counters
    assert (counters.frames_partly_refused, counters.frames_refused) == (1, 0)
    assert not device.session.drained, "what was not refused is not on disk yet"
    device.session.disconnected()
    device.connects()
    device.says_observations(1)
    device.hears_refusal(1, field=value)
    device.hears_ack(1)
    device.hears_refusal(1, field=value)
    assert (counters.frames_partly_refused, counters.frames_acked) == (1, 1)
    assert device.session.drained


@pytest.mark.spec("SDK-19")
@pytest.mark.parametrize("field", ["observations.seq", "device_alarm.seq"])
def test_a_number_that_is_refused_is_announced_on_another_connection(
    device: Device, field: str
) -> None:
    device.connects()
    device.observe()
    device.says_observations(1)
    with pytest.raises(ProtocolViolated, match="not so"):
        device.hears_refusal(1, field=field)
    device.session.disconnected()
    assert device.connects().spool_last_seq == 1
    device.says_observations(1)


@pytest.mark.spec("SDK-9")
def test_a_retryable_frame_is_said_again_later_with_all_after_it(device: Device) -> None:
    device.connects()
    device.observe()
    device.observe()
    device.says_observations(1, 2)
    assert device.hears_refusal(1, retryable=True).will_retry
    device.observe()
    assert device.is_silent()
    assert device.session.deadline() == device.now + RETRY_AFTER_S
    device.now += RETRY_AFTER_S
    device.says_observations(1, 2, 3)


@pytest.mark.spec("SDK-9")
def test_a_frame_is_not_retried_for_ever(device: Device) -> None:
    device.connects()
    device.observe()
    for _ in range(RETRIES_MAX):
        device.says_observations(1)
        assert device.hears_refusal(1, retryable=True).will_retry
        device.now += RETRY_AFTER_S
    device.says_observations(1)
    assert not device.hears_refusal(1, retryable=True).will_retry
    assert device.is_silent()
    assert device.session.counters.frames_refused == 1


@pytest.mark.spec("SDK-10")
@pytest.mark.parametrize("field", ["hello.protocol_version", "hello.clock_rate"])
def test_a_refused_hello_is_final(device: Device, field: str) -> None:
    device.session.connected(device.now)
    device.says("hello")
    with pytest.raises(Refused, match="not so"):
        device.hears_refusal(0, field=field)


@pytest.mark.spec("SDK-10")
def test_a_refused_describe_is_final(device: Device) -> None:
    device.connects()
    with pytest.raises(Refused, match="describe"):
        device.hears_refusal(0, field="describe.mds[0].id")


def test_a_refusal_without_a_number_is_only_told(device: Device) -> None:
    device.connects()
    device.observe()
    device.says_observations(1)
    assert device.hears_refusal(0, field="device_clock").number == 0
    assert not device.session.drained


def test_a_frame_larger_than_the_server_takes_is_never_sent(device: Device) -> None:
    device.connects(max_frame_bytes=100)
    big = wire.observations([Observation(1.0, [1.0] * 64)])
    device.session.observe(Numbered.OBSERVATIONS, big)
    device.observe()
    device.says_observations(2)
    assert device.session.counters.frames_refused == 1


def test_a_describe_larger_than_the_server_takes_is_final(device: Device) -> None:
    device.session.connected(device.now)
    device.says("hello")
    device.hears_welcome(max_frame_bytes=10)
    with pytest.raises(Refused, match="describe"):
        device.session.next_frame(device.now, CLOCK)


@pytest.mark.spec("SDK-11")
def test_an_idle_device_says_heartbeat_before_the_interval_is_over(device: Device) -> None:
    device.connects(heartbeat_interval_s=10.0)
    assert device.is_silent()
    due = device.session.deadline()
    assert device.now < due < device.now + 10.0
    device.now = due
    assert device.says("heartbeat").device_clock == CLOCK
    assert device.is_silent()
    assert device.session.deadline() > due
    device.now += 5.0
    device.observe()
    device.says_observations(1)
    device.now += 5.0
    assert device.is_silent()


@pytest.mark.spec("SDK-41")
@pytest.mark.promise("G2")
def test_a_server_that_breaks_its_promise_to_say_something_is_lost(device: Device) -> None:
    device.connects(server_heartbeat_interval_s=1.0)
    session = device.session
    for _ in range(2):
        device.now += 9.9
        device.says("heartbeat")
        assert not session.overdue(device.now)
        assert session.deadline() <= device.now + 0.11
        device.hears(heartbeat=telemetry_pb2.ServerHeartbeat(server_clock=1.0))
    session.hush(device.now + 60.0)
    device.now += 9.9
    device.hears_ack(0)
    device.now += 10.0
    assert session.deadline() == device.now
    assert session.overdue(device.now), "also a device that itself says nothing"


@pytest.mark.spec("SDK-41")
@pytest.mark.parametrize("promised_s", [0.0, -1.0, float("nan")])
def test_a_server_that_promised_nothing_may_be_silent(device: Device, promised_s: float) -> None:
    device.connects(server_heartbeat_interval_s=promised_s)
    device.now += 1000.0
    assert not device.session.overdue(device.now)
    assert device.session.deadline() < device.now
    device.says("heartbeat")


@pytest.mark.spec("SDK-15")
def test_a_hushed_device_says_nothing_and_then_all_that_it_observed(device: Device) -> None:
    device.connects(heartbeat_interval_s=1.0)
    device.session.hush(device.now + 20.0)
    device.observe()
    assert device.is_silent()
    assert device.session.deadline() == device.now + 20.0
    device.now += 19.9
    device.observe()
    assert device.is_silent()
    device.now += 0.1
    device.says_observations(1, 2)
    assert device.is_silent()
    assert device.session.deadline() < device.now + 1.0


@pytest.mark.spec("SDK-12")
def test_goodbye_comes_after_all_that_was_observed(device: Device) -> None:
    device.connects()
    device.observe()
    device.session.leave(GoodbyeReason.SHUTDOWN)
    device.says_observations(1)
    assert device.says("goodbye").reason == telemetry_pb2.GOODBYE_REASON_SHUTDOWN
    assert device.session.state is State.LEAVING
    assert device.session.over
    assert device.is_silent()
    device.hears_ack(1)
    assert not device.session.overdue(device.now)
    assert device.session.overdue(device.now + ENDING_S_MAX)


@pytest.mark.spec("SDK-12")
def test_a_goodbye_that_was_cut_off_is_said_again(device: Device) -> None:
    device.connects()
    device.session.leave(GoodbyeReason.STANDBY)
    device.says("goodbye")
    device.session.disconnected()
    device.connects()
    assert device.says("goodbye").reason == telemetry_pb2.GOODBYE_REASON_STANDBY


@pytest.mark.spec("SDK-13")
def test_a_draining_server_is_left_alone_for_as_long_as_it_asks(device: Device) -> None:
    device.connects()
    device.observe()
    device.says_observations(1)
    device.hears(drain=telemetry_pb2.Drain(reconnect_after_s=3.0))
    device.observe()
    assert device.is_silent()
    assert device.session.over
    device.hears_ack(1)
    assert device.session.reconnect_after_s == 3.0
    device.session.disconnected()
    device.connects(resume_from_seq=2)
    device.says_observations(2)
    assert device.session.reconnect_after_s is None


def test_a_server_that_does_not_welcome_is_given_up(device: Device) -> None:
    device.session.connected(device.now)
    assert device.session.deadline() == device.now + WELCOME_S_MAX
    assert not device.session.overdue(device.now)
    assert device.session.overdue(device.now + WELCOME_S_MAX)


def test_settings_are_told_with_absent_limits_absent(device: Device) -> None:
    device.connects()
    limits = telemetry_pb2.MetricLimits(metric="HR", low=0.0, extreme_high=160.0)
    settings = device.hears(settings=telemetry_pb2.Settings(mds=0, limits=[limits]))
    assert isinstance(settings, Settings)
    (hr,) = settings.limits
    assert (hr.metric, hr.low, hr.high, hr.extreme_low, hr.extreme_high) == (
        "HR", 0.0, None, None, 160.0,
    )  # fmt: skip


@pytest.mark.spec("SDK-14")
@pytest.mark.parametrize(
    "frame",
    [
        {"ack": telemetry_pb2.Ack(durable_through_seq=1)},
        {"settings": telemetry_pb2.Settings()},
        {"welcome": telemetry_pb2.Welcome(resume_from_seq=0, heartbeat_interval_s=1.0)},
        {"welcome": telemetry_pb2.Welcome(resume_from_seq=1, heartbeat_interval_s=0.0)},
        {"welcome": telemetry_pb2.Welcome(resume_from_seq=1, heartbeat_interval_s=float("nan"))},
    ],
)
def test_an_answer_to_hello_that_the_contract_does_not_know_is_a_violation(
    device: Device, frame: dict[str, Any]
) -> None:
    device.session.connected(device.now)
    device.says("hello")
    with pytest.raises(ProtocolViolated):
        device.hears(**frame)


@pytest.mark.spec("SDK-14")
def test_a_frame_of_a_later_contract_is_passed_over(device: Device) -> None:
    device.connects()
    later = telemetry_pb2.StreamTelemetryResponse.FromString(b"\xfa\x01\x00")
    assert device.session.receive(later, device.now) is None
    assert device.session.state is State.STREAMING


@pytest.mark.spec("SDK-14")
def test_a_second_welcome_and_an_ack_of_what_was_never_sent_are_violations(device: Device) -> None:
    device.connects()
    with pytest.raises(ProtocolViolated, match="welcome while STREAMING"):
        device.hears_welcome()
    device.observe()
    with pytest.raises(ProtocolViolated, match="never sent"):
        device.hears_ack(2)
