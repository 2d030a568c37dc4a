"""Live data first: older frames beside it are kept, and never take its place."""

import pytest

from rpm_service.application.effects import Batch, Gap, Progress, Restored, SpoolKey
from rpm_service.application.numbering import HOLES_MAX
from rpm_service.application.reception import HOLE_S_MAX
from rpm_service.application.retrospect import IDLE_S
from rpm_service.application.sifting import Refused
from rpm_service.application.spools import SPOOLS_MAX
from rpm_service.domain.alarms import AlarmEvent, Kind, Phase, Priority
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.signals import Presence
from tests.support.numbers import through
from tests.support.scene import Device, Scene

STREAM = "device/oximeter-1"


def connected(scene: Scene, given_out: int = 0, holds_from: int = 0, spool_id: int = 1) -> Device:
    device = scene.device()
    device.hello(given_out=given_out, holds_from=holds_from, spool_id=spool_id, backfills=True)
    return device.describes("HR", "SpO2")


@pytest.fixture
def away(scene: Scene) -> float:
    """A device has sent frames 1 to 3 and was away for a minute; gives when it went."""
    connected(scene).streams(3, 72, 97).breaks()
    scene.commit()
    began = scene.now
    scene.passes(60)
    return began


def gaps(scene: Scene) -> list[tuple[int, int]]:
    batches = (*scene.written, scene.ward.batch)
    return [(gap.from_seq, gap.to_seq) for batch in batches for gap in batch.gaps]


def late(scene: Scene) -> list[AlarmEvent]:
    return [event for event in scene.events if event.late_detected]


# -- numbers ------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-5")
@pytest.mark.spec("INGEST-7")
@pytest.mark.promise("G14")
def test_a_jump_of_a_device_that_backfills_is_a_hole_that_older_frames_fill(
    scene: Scene, away: float
) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(73, 97, seq=64)
    scene.passes(1)
    scene.commit()
    assert device.reports[-1] == (3, [(64, 64)])
    for seq in range(4, 64):
        assert device.sends(74, 97, seq=seq, at=away + seq - 3, backfill=True)
    scene.passes(1)
    scene.commit()
    assert device.reports[-1] == (64, [])
    assert sorted(row.seq for row in scene.rows()) == list(range(1, 65))
    assert not gaps(scene)
    assert not scene.alarms()


@pytest.mark.spec("INGEST-25")
@pytest.mark.promise("G14")
def test_what_hello_says_is_no_longer_held_is_a_gap(scene: Scene, away: float) -> None:
    device = connected(scene, given_out=63, holds_from=40)
    assert gaps(scene) == [(4, 39)]
    assert set(scene.alarms()) == {"SEQUENCE_GAP"}
    scene.commit()
    scene.passes(1)
    device.session.acknowledge(scene.now)
    assert device.acks[-1] == 39, "nobody waits for it"


@pytest.mark.spec("INGEST-25")
def test_a_spool_that_is_empty_has_lost_what_was_not_taken(scene: Scene, away: float) -> None:
    connected(scene, given_out=63)
    assert gaps(scene) == [(4, 63)]


@pytest.mark.spec("INGEST-25")
@pytest.mark.promise("G14")
def test_a_declared_gap_is_kept_and_shown_at_once_but_for_what_was_taken(
    scene: Scene, away: float
) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(73, 97, seq=64)
    device.sends(73, 97, seq=10, at=away, backfill=True)
    assert not scene.alarms()
    device.session.declare_gap(2, 12, scene.now)
    assert gaps(scene) == [(4, 9), (11, 12)]
    assert set(scene.alarms()) == {"SEQUENCE_GAP"}
    device.session.declare_gap(2, 12, scene.now)
    assert gaps(scene) == [(4, 9), (11, 12)]
    scene.commit()
    assert device.reports[-1] == (12, [(64, 64)])


@pytest.mark.spec("INGEST-25")
@pytest.mark.parametrize(
    ("first", "last", "field"),
    [(0, 3, "gap.from_seq"), (5, 4, "gap.to_seq"), (1, 2**62, "gap.to_seq")],
)
def test_a_gap_that_is_none_is_refused(scene: Scene, first: int, last: int, field: str) -> None:
    device = connected(scene)
    with pytest.raises(Refused) as refused:
        device.session.declare_gap(first, last, scene.now)
    assert refused.value.field == field
    assert not gaps(scene)


@pytest.mark.spec("INGEST-32")
def test_frames_without_their_waveforms_are_one_gap_of_waveforms(scene: Scene) -> None:
    device = connected(scene)
    for _ in range(3):
        device.sends(72, 97)
        device.session.note_dropped_waveforms(device.seq, scene.now)
    assert scene.ward.batch.gaps == [Gap(STREAM, 1, 3, scene.now, 1, waveforms=True)]
    assert set(scene.alarms()) == {"SEQUENCE_GAP"}
    assert len(scene.rows()) == 3


@pytest.mark.spec("INGEST-29")
def test_what_is_missing_is_known_after_a_restart() -> None:
    holes = {SpoolKey(STREAM, 1): Progress(64, ((4, 63),), 1)}
    scene = Scene(Restored(progress=holes))
    device = scene.device()
    assert device.hello(given_out=65, holds_from=4, spool_id=1, backfills=True) == 4
    assert device.session.durable_beyond == [(64, 64)]
    device.describes("HR", "SpO2")
    assert not device.sends(72, 97, seq=64)
    assert device.sends(72, 97, seq=63, backfill=True)
    assert device.sends(72, 97, seq=65)
    assert scene.commit().progress == {SpoolKey(STREAM, 1): Progress(65, ((4, 62),), 1)}


@pytest.mark.spec("INGEST-29")
@pytest.mark.spec("INGEST-35")
def test_a_hole_too_many_is_refused_until_one_is_filled(scene: Scene) -> None:
    device = connected(scene)
    for place in range(HOLES_MAX):
        device.sends(72, 97, seq=2 * place + 2)
    one_more = 2 * HOLES_MAX + 2
    with pytest.raises(Refused) as refused:
        device.sends(72, 97, seq=one_more)
    assert refused.value.retryable
    assert device.sends(72, 97, seq=1, backfill=True)
    assert device.sends(72, 97, seq=one_more)


@pytest.mark.spec("INGEST-34")
def test_a_device_that_fills_nothing_has_a_gap(scene: Scene) -> None:
    device = connected(scene)
    device.sends(72, 97, seq=1)
    device.sends(72, 97, seq=9)
    for _ in range(int(HOLE_S_MAX) - 1):
        scene.passes(1)
        device.sends(72, 97, seq=device.session.reception.numbering.newest + 1)
        device.session.acknowledge(scene.now)
    assert not scene.alarms()
    scene.passes(1)
    device.session.acknowledge(scene.now)
    assert set(scene.alarms()) == {"SEQUENCE_GAP"}
    assert device.sends(72, 97, seq=2, backfill=True), "better late than never"


# -- spools -------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-30")
@pytest.mark.promise("G12")
def test_two_devices_of_one_identity_take_nothing_from_each_other(scene: Scene) -> None:
    sent = 0
    given_out = {1: 0, 2: 0}
    for flip in range(100):
        spool_id = flip % 2 + 1
        device = scene.device()
        resume = device.hello(
            given_out=given_out[spool_id], holds_from=0, spool_id=spool_id, backfills=True
        )
        given_out[spool_id] = given_out[spool_id] or resume - 1
        device.describes("HR", "SpO2")
        for _ in range(3):
            given_out[spool_id] += 1
            sent += 1
            assert device.sends(60 + sent % 40, 97, seq=given_out[spool_id])
        scene.passes(0.5)
        if flip % 7 == 0:
            scene.commit()
    assert [row.values[0] for row in scene.rows()] == [60 + n % 40 for n in range(1, sent + 1)]
    assert not gaps(scene)
    assert set(scene.alarms()) == {"DUPLICATE_DEVICE"}


@pytest.mark.spec("INGEST-30")
def test_a_spool_that_is_new_begins_after_all_others(scene: Scene) -> None:
    connected(scene, spool_id=1).streams(5, 72, 97)
    device = scene.device()
    assert device.hello(spool_id=2, backfills=True) == 6


@pytest.mark.spec("INGEST-30")
def test_a_device_from_before_spools_had_names_goes_on_with_its_numbers() -> None:
    scene = Scene(Restored(progress=through(STREAM, 7)))
    device = scene.device()
    assert device.hello(given_out=9, holds_from=8, spool_id=5, backfills=True) == 8
    device.describes("HR", "SpO2")
    assert not device.sends(72, 97, seq=7)
    assert device.sends(72, 97, seq=8)
    batch = scene.commit()
    assert batch.progress == {SpoolKey(STREAM, 5): Progress(8, (), 1)}
    assert batch.spools_forgotten == [SpoolKey(STREAM)]
    assert device.acks == [8]


@pytest.mark.spec("INGEST-30")
def test_a_spool_that_was_not_heard_of_for_long_is_forgotten(scene: Scene) -> None:
    for spool_id in range(1, SPOOLS_MAX + 2):
        connected(scene, spool_id=spool_id).streams(1, 72, 97)
    batch = scene.commit()
    assert batch.spools_forgotten == [SpoolKey(STREAM, 1)]
    assert SpoolKey(STREAM, 1) not in batch.progress
    assert len(batch.progress) == SPOOLS_MAX


@pytest.mark.spec("INGEST-31")
def test_what_a_spool_left_missing_is_told_when_another_takes_over(
    scene: Scene, away: float
) -> None:
    connected(scene, given_out=63, holds_from=4).sends(73, 97, seq=64)
    assert not gaps(scene)
    connected(scene, spool_id=2)
    assert gaps(scene) == [(4, 63)]
    assert "SEQUENCE_GAP" in scene.alarms()
    connected(scene, spool_id=3)
    assert gaps(scene) == [(4, 63)], "once"
    again = connected(scene, given_out=64, holds_from=4)
    assert again.sends(74, 97, seq=4, backfill=True)


# -- what is shown and judged -------------------------------------------------------------


@pytest.mark.spec("INGEST-26")
def test_backfill_replaces_nothing_newer_and_wakes_no_viewer(scene: Scene, away: float) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(73, 97, seq=64)
    scene.live.publish()
    bedside = scene.bedside()
    before = list(bedside.values), list(bedside.observed_at)
    for seq, at in ((4, away), (5, scene.now - 1), (6, scene.now)):
        assert device.sends(20, 20, seq=seq, at=at, backfill=True)
    assert (list(bedside.values), list(bedside.observed_at)) == before
    assert not scene.live.publish(), "there is nothing new to show"
    assert not scene.alarms()


@pytest.mark.spec("INGEST-26")
def test_a_monitor_of_which_only_backfill_comes_is_lost(scene: Scene, away: float) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    for seq in range(4, 16):
        scene.passes(1)
        device.session.heartbeat(scene.now, scene.now)
        device.sends(72, 97, seq=seq, at=away + seq, backfill=True)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}


@pytest.mark.spec("INGEST-27")
@pytest.mark.promise("G14")
def test_what_would_have_been_an_alarm_is_journalled_without_a_signal(
    scene: Scene, away: float
) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(72, 97, seq=64)
    for seq in range(4, 64):
        value = 30 if 10 <= seq < 40 else 72
        device.sends(value, 97, seq=seq, at=away + seq, backfill=True)
    assert not scene.alarms()
    found = late(scene)
    assert [(each.phase, each.alarm.condition.code) for each in found] == [
        (Phase.START, "HR_LOW"),
        (Phase.END, "HR_LOW"),
    ]
    start, end = found
    assert start.alarm.priority is Priority.HIGH
    assert away + 10 <= start.observed_at <= away + 20
    assert end.alarm.ended_at is not None
    assert away + 40 <= end.alarm.ended_at <= away + 55
    assert {each.alarm.presence for each in found} == {Presence.OFF}
    assert {each.alarm.bed for each in found} == {"oximeter-1"}
    assert {each.received_at for each in found} == {scene.now}


@pytest.mark.spec("INGEST-27")
def test_what_holds_at_the_end_of_backfill_ends_as_far_as_is_known(
    scene: Scene, away: float
) -> None:
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(72, 97, seq=64)
    for seq in range(4, 30):
        device.sends(30, 97, seq=seq, at=away + seq, backfill=True)
    assert [each.phase for each in late(scene)] == [Phase.START]
    device.streams(int(IDLE_S) + 1, 72, 97)
    start, end = late(scene)
    assert end.phase is Phase.END
    assert end.alarm.ended_at == away + 29
    assert end.alarm.occurrence_id == start.alarm.occurrence_id


@pytest.mark.spec("INGEST-27")
@pytest.mark.spec("INGEST-16")
@pytest.mark.promise("G3")
def test_what_still_holds_in_the_first_live_sample_is_an_alarm_again(scene: Scene) -> None:
    device = connected(scene).streams(3, 72, 97).streams(10, 30, 97)
    alarm = scene.alarms()["HR_LOW"]
    scene.operators.acknowledge(alarm.occurrence_id, Priority.HIGH, "nurse", "key")
    scene.commit()
    began = scene.now
    device.breaks()
    scene.passes(30)
    device = connected(scene, given_out=43, holds_from=14)
    for seq in range(14, 20):
        device.sends(72, 97, seq=seq, at=began + seq, backfill=True)
    device.sends(30, 97, seq=44)
    again = scene.alarms()["HR_LOW"]
    assert again.presence is Presence.ON
    assert again.occurrence_id != alarm.occurrence_id
    for seq in range(20, 44):
        device.sends(72, 97, seq=seq, at=began + seq - 13, backfill=True)
    assert scene.alarms()["HR_LOW"] == again, "what comes late ends nothing"


@pytest.mark.spec("INGEST-27")
def test_frames_that_are_late_unmarked_are_for_the_record_too(scene: Scene, away: float) -> None:
    """A device of an earlier version sends what it held in the order of its numbers."""
    scene.ward.sessions.clear()
    device = scene.device()
    device.hello(given_out=63)
    device.describes("HR", "SpO2")
    for seq in range(4, 50):
        device.sends(30, 97, seq=seq, at=away + seq)
    assert [each.alarm.condition.code for each in late(scene)] == ["HR_LOW"]


@pytest.mark.spec("INGEST-28")
def test_values_from_before_the_present_stay_are_not_judged(scene: Scene, away: float) -> None:
    scene.ward.stays.admit("oximeter-1", "", "patient", AgeClass.ADULT, scene.now)
    device = connected(scene, given_out=63, holds_from=4)
    device.sends(72, 97, seq=64)
    for seq in range(4, 64):
        device.sends(30, 97, seq=seq, at=away + seq - 4, backfill=True)
    assert not late(scene)
    assert len(scene.rows()) == 64


@pytest.mark.spec("INGEST-36")
def test_a_devices_own_alarm_is_what_it_says_live(scene: Scene, away: float) -> None:
    device = connected(scene, given_out=63, holds_from=4)

    def tells(at: float, *, present: bool, backfill: bool) -> None:
        kind, priority = Kind.PHYSIOLOGICAL, Priority.HIGH
        device.session.take_device_alarm(
            0, "VFIB", kind, priority, at, scene.now, present=present, text="", backfill=backfill
        )

    tells(away + 50, present=True, backfill=False)
    assert scene.alarms()["DEVICE_VFIB"].raised_at == away + 50
    tells(away + 10, present=True, backfill=True)
    tells(away + 20, present=False, backfill=True)
    tells(away + 50, present=True, backfill=True)
    assert [(each.phase, each.observed_at) for each in late(scene)] == [
        (Phase.START, away + 10),
        (Phase.END, away + 20),
    ]
    assert scene.alarms()["DEVICE_VFIB"].presence is Presence.ON


@pytest.mark.spec("INGEST-33")
@pytest.mark.parametrize(("devices", "each"), [(1, 200.0), (5, 200.0), (50, 20.0), (2_000, 1.0)])
def test_the_backfill_of_all_devices_is_bounded(scene: Scene, devices: int, each: float) -> None:
    for number in range(devices):
        scene.ward.bedside(f"m{number}", scene.now)
    assert scene.ward.backfill_frames_per_s() == each


@pytest.mark.spec("INGEST-35")
def test_what_comes_before_hello_or_describe_may_come_again(scene: Scene) -> None:
    device = scene.device()
    for _ in range(2):
        with pytest.raises(Refused) as refused:
            device.sends(72, 97, seq=1)
        assert refused.value.retryable
        if device.session.epoch == 0:
            device.hello()
    device.describes("HR", "SpO2")
    with pytest.raises(Refused) as refused:
        device.sends(72, 97, seq=2**60)
    assert not refused.value.retryable
    assert device.sends(72, 97, seq=1)


def test_a_batch_of_forgotten_spools_alone_is_one() -> None:
    assert Batch(spools_forgotten=[SpoolKey(STREAM)])
