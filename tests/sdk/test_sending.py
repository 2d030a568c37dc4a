"""In which order frames go: what is live first, what is older beside it, marked."""

import sqlite3
from contextlib import closing

import pytest

from rpm_service.sdk import GoodbyeReason, Monitor, Observation, wire
from rpm_service.sdk.disk_spool import DiskSpool
from rpm_service.sdk.ranges import holes, minus
from rpm_service.sdk.sending import (
    ANSWER_S_MAX,
    BACKFILL_BYTES_PER_S_MAX,
    BACKFILL_FRAMES_PER_S_MAX,
    BURST_S,
    LIVE_BACKLOG_MAX,
    LIVE_WAIT_S_MAX,
)
from rpm_service.sdk.session import RETRY_AFTER_S, State
from rpm_service.sdk.vocabulary import AlarmKind, AlarmPriority
from rpm_service.sdk.wire import Numbered
from rpm_service.v1 import telemetry_pb2
from tests.sdk.test_session import CLOCK, Device

RATE = 50.0


@pytest.fixture
def device(monitor: Monitor) -> Device:
    """One that has said frames 1 and 2, which are on disk, and was away while 60 more came."""
    device = Device(monitor)
    device.connects(backfill_frames_per_s=RATE)
    device.observe()
    device.observe()
    device.says_observations(1, 2)
    device.hears_ack(2)
    device.session.disconnected()
    for _ in range(60):
        device.observe()
    return device


def comes_back(device: Device, **welcome: object) -> None:
    device.connects(**({"resume_from_seq": 3, "backfill_frames_per_s": RATE} | welcome))
    device.now += 2 * BURST_S


def says_all(device: Device) -> list[tuple[int, bool]]:
    """All that is said now: numbers, and whether they are backfill."""
    said = []
    while (frame := device.session.next_frame(device.now, CLOCK)) is not None:
        parsed = telemetry_pb2.StreamTelemetryRequest.FromString(frame)
        if parsed.WhichOneof("frame") == "observations":
            said.append((parsed.observations.seq, parsed.observations.backfill))
    return said


def alarm(device: Device, condition: str, *, present: bool, at: float) -> None:
    payload = wire.device_alarm(
        mds=0, condition=condition, kind=AlarmKind.PHYSIOLOGICAL, priority=AlarmPriority.HIGH,
        present=present, observed_at=at, text="",
    )  # fmt: skip
    device.session.observe(Numbered.DEVICE_ALARM, payload)


@pytest.mark.spec("SDK-24")
def test_what_is_observed_next_goes_before_what_waited(device: Device) -> None:
    comes_back(device)
    device.observe()
    first, *older = says_all(device)
    assert len(older) >= RATE * BURST_S
    assert first == (63, False)
    assert older == [(3 + place, True) for place in range(len(older))]
    device.now += 1.0
    device.observe()
    assert says_all(device)[0] == (64, False)


@pytest.mark.spec("SDK-24")
def test_a_few_that_wait_are_sent_in_order(monitor: Monitor) -> None:
    device = Device(monitor)
    device.connects(backfill_frames_per_s=RATE)
    device.session.disconnected()
    for _ in range(LIVE_BACKLOG_MAX):
        device.observe()
    device.connects(backfill_frames_per_s=RATE)
    assert says_all(device) == [(seq, False) for seq in range(1, LIVE_BACKLOG_MAX + 1)]


@pytest.mark.spec("SDK-24")
def test_many_that_come_at_once_on_a_connection_are_live(monitor: Monitor) -> None:
    device = Device(monitor)
    device.connects(backfill_frames_per_s=RATE)
    assert device.is_silent()
    for _ in range(100):
        device.observe()
    assert says_all(device) == [(seq, False) for seq in range(1, 101)]


@pytest.mark.spec("SDK-24")
def test_what_has_waited_behind_a_slow_link_is_passed_over(monitor: Monitor) -> None:
    device = Device(monitor)
    device.connects(backfill_frames_per_s=RATE)
    assert device.is_silent()
    for _ in range(100):
        device.observe()
    device.says_observations(1, 2)
    device.now += LIVE_WAIT_S_MAX + 0.1
    assert device.says("observations").backfill
    device.observe()
    frame = device.says("observations")
    assert (frame.seq, frame.backfill) == (101, False)


@pytest.mark.spec("SDK-25")
def test_backfill_keeps_to_the_servers_rate(device: Device) -> None:
    comes_back(device)
    said = len(says_all(device))
    assert said <= 1 + RATE * BURST_S
    for _ in range(20):
        device.now += 0.05
        device.hears_ack(2)
        said += len(says_all(device))
    assert said == pytest.approx(RATE, abs=RATE * BURST_S + 1)
    assert device.session.deadline() <= device.now + 1 / RATE + 1e-9


@pytest.mark.spec("SDK-25")
def test_backfill_has_bounds_of_its_own(monitor: Monitor) -> None:
    device = Device(monitor)
    device.connects(backfill_frames_per_s=1e9)
    device.session.disconnected()
    big = BACKFILL_BYTES_PER_S_MAX // 4
    for _ in range(LIVE_BACKLOG_MAX + 1):
        payload = wire.observations([Observation(1.0, [1.0] * (big // 8))])
        device.session.observe(Numbered.OBSERVATIONS, payload)
    device.connects(backfill_frames_per_s=1e9)
    for _ in range(20):
        device.now += 0.05
        device.session.next_frame(device.now, CLOCK)
        device.hears_ack(0)
    assert device.session.counters.frames_backfilled <= 5
    assert BACKFILL_FRAMES_PER_S_MAX <= 200


@pytest.mark.spec("SDK-25")
def test_while_the_server_does_not_answer_live_frames_have_their_half(device: Device) -> None:
    comes_back(device)
    says_all(device)
    device.now += ANSWER_S_MAX + 0.1
    assert says_all(device) == []
    device.observe()
    (seq, backfill), *older = says_all(device)
    assert (seq, backfill) == (63, False)
    assert [each for _, each in older] == [True]
    device.hears_ack(3)
    assert len(says_all(device)) > 1


@pytest.mark.spec("SDK-5")
def test_ranges_beyond_the_first_hole_are_let_go_and_not_said_again(device: Device) -> None:
    comes_back(device)
    device.observe()
    device.says_observations(63, 3, 4)
    beyond = [telemetry_pb2.SeqRange(from_seq=63, to_seq=63)]
    device.hears(ack=telemetry_pb2.Ack(durable_through_seq=3, durable_beyond=beyond))
    assert device.session.counters.frames_acked == 4
    device.session.disconnected()
    device.observe()
    comes_back(device, resume_from_seq=4, durable_beyond=beyond)
    first, *older = says_all(device)
    assert first == (64, False)
    assert older[0] == (4, True)
    device.now += 60.0
    device.hears_ack(3)
    rest = []
    while said := says_all(device):
        rest += said
        device.now += 1.0
        device.hears_ack(3)
    assert [seq for seq, _ in [*older, *rest]] == list(range(4, 63))


@pytest.mark.spec("SDK-26")
def test_what_the_spool_gave_up_is_declared_before_what_comes_after(device: Device) -> None:
    spool = device.session._spool
    for number in (3, 4, 10, 62):
        spool.discard(number)
    comes_back(device)
    gap = device.says("gap")
    assert (gap.from_seq, gap.to_seq) == (3, 4)
    device.says_observations(5, 6, 7, 8, 9)
    device.now += 1.0
    gap = device.says("gap")
    assert (gap.from_seq, gap.to_seq) == (10, 10)
    device.observe()
    device.observe()
    spool.discard(63)
    gap = device.says("gap")
    assert (gap.from_seq, gap.to_seq) == (63, 63)
    assert not device.says("observations").backfill


@pytest.mark.spec("SDK-26")
def test_waveforms_that_were_given_up_are_told() -> None:
    payload = wire.without_waveforms(wire.observations([Observation(1.0, [98.0])]))
    assert telemetry_pb2.Observations.FromString(payload).waveforms_dropped


@pytest.mark.spec("SDK-27")
def test_what_holds_of_a_devices_own_alarms_is_said_at_once(device: Device) -> None:
    alarm(device, "VFIB", present=True, at=1.0)
    alarm(device, "APNOEA", present=True, at=2.0)
    alarm(device, "APNOEA", present=False, at=3.0)
    comes_back(device)
    said = [device.says("device_alarm") for _ in range(2)]
    assert [(each.seq, each.condition, each.present, each.observed_at) for each in said] == [
        (66, "VFIB", True, 1.0),
        (67, "APNOEA", False, 3.0),
    ]
    assert not any(each.backfill for each in said)
    assert device.says("observations").backfill
    assert device.session.counters.frames == 67


@pytest.mark.spec("SDK-28")
def test_a_server_that_takes_no_backfill_gets_all_in_order(device: Device) -> None:
    device.connects(resume_from_seq=3)
    assert says_all(device) == [(seq, False) for seq in range(3, 63)]


@pytest.mark.spec("SDK-9")
def test_backfill_that_is_refused_for_now_comes_again_alone(device: Device) -> None:
    comes_back(device)
    device.observe()
    device.says_observations(63, 3, 4)
    assert device.hears_refusal(3, retryable=True).will_retry
    device.observe()
    device.says_observations(64)
    assert device.is_silent()
    device.now += RETRY_AFTER_S + BURST_S
    device.says_observations(3, 5)


@pytest.mark.spec("SDK-29")
def test_a_spool_has_a_name_that_a_file_keeps(tmp_path) -> None:
    first = DiskSpool(tmp_path / "spool")
    assert first.spool_id > 0
    first.close()
    again = DiskSpool(tmp_path / "spool")
    assert again.spool_id == first.spool_id
    again.close()
    other = DiskSpool(tmp_path / "other")
    assert other.spool_id != first.spool_id
    other.close()


@pytest.mark.spec("SDK-42")
def test_a_frame_that_is_damaged_on_disk_is_declared_as_a_gap(monitor: Monitor, tmp_path) -> None:
    device = Device(monitor)
    device.session = type(device.session)([monitor], DiskSpool(tmp_path / "spool"))
    device.connects(backfill_frames_per_s=RATE)
    for _ in range(4):
        device.observe()
    device.session._spool.close()
    with closing(sqlite3.connect(tmp_path / "spool")) as file, file:
        file.execute("UPDATE frames SET payload = x'1200' WHERE number IN (2, 3)")
    device.session = type(device.session)([monitor], DiskSpool(tmp_path / "spool"))
    device.connects(backfill_frames_per_s=RATE)
    device.says_observations(1)
    gap = device.says("gap")
    assert (gap.from_seq, gap.to_seq) == (2, 3)
    device.says_observations(4)
    device.session._spool.close()


@pytest.mark.spec("SDK-30")
def test_goodbye_waits_for_backfill_only_where_the_spool_is_lost(
    device: Device, monitor: Monitor, tmp_path
) -> None:
    comes_back(device)
    device.session.leave(GoodbyeReason.SHUTDOWN)
    says_all(device)
    assert device.session.state is State.STREAMING
    kept = Device(monitor)
    kept.session = type(kept.session)([monitor], DiskSpool(tmp_path / "spool"))
    for _ in range(60):
        kept.observe()
    kept.connects(backfill_frames_per_s=RATE)
    kept.session.leave(GoodbyeReason.SHUTDOWN)
    says_all(kept)
    assert kept.session.state is State.LEAVING
    kept.session._spool.close()


def test_ranges() -> None:
    assert holes(3, [(5, 6), (9, 9)]) == [(4, 4), (7, 8)]
    assert holes(3, []) == []
    assert minus([(1, 9), (12, 15)], [(1, 3), (5, 5), (9, 13)]) == [(4, 4), (6, 8), (14, 15)]
    assert minus([(1, 0)], []) == []
