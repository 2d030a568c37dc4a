"""The session of a device's stream: order, duplicates, gaps, clocks, silence."""

from math import inf, isnan, nan

import pytest

from rpm_service.application.effects import (
    Connection,
    Description,
    Restored,
    SampleArray,
    WaveformRow,
)
from rpm_service.application.ingest import LIVE_S, Step
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.reception import ACK_FRAMES, ACK_S, JUMP_MAX
from rpm_service.application.scope import Scope
from rpm_service.application.sifting import INVALID, MISSING, Refused
from rpm_service.domain.alarms import Kind, Priority
from rpm_service.domain.signals import Presence
from tests.support.numbers import through
from tests.support.plain_encoder import PlainViewer
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description

# -- opening ------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-1")
def test_a_session_opens_with_hello_then_describe_then_observations(scene: Scene) -> None:
    device = scene.device()
    for too_early in (
        lambda: device.describes("HR"),
        lambda: device.sends(72),
        lambda: device.session.heartbeat(scene.now, scene.now),
        device.session.goodbye,
    ):
        with pytest.raises(Refused, match="send hello first"):
            too_early()
    device.hello()
    with pytest.raises(Refused, match="send describe first"):
        device.sends(72, seq=1)
    device.describes("HR")
    assert device.sends(72, seq=1)
    assert device.session.step is Step.STREAMING
    with pytest.raises(Refused, match="open already"):
        device.hello()


@pytest.mark.spec("INGEST-1")
def test_what_is_refused_before_describe_is_neither_kept_nor_counted(scene: Scene) -> None:
    device = scene.device()
    device.hello()
    with pytest.raises(Refused):
        device.sends(72, seq=1)
    device.describes("HR")
    assert device.sends(73, seq=1)
    assert [row.values for row in scene.rows()] == [(73,)]
    assert not scene.ward.batch.gaps


@pytest.mark.spec("INGEST-2")
def test_a_device_describes_itself_only(scene: Scene) -> None:
    device = scene.device("oximeter-1")
    device.hello()
    with pytest.raises(Refused) as refused:
        device.session.describe([("oximeter-2", description("HR"))], scene.now)
    assert refused.value.field == "describe.mds[0].id"
    assert "oximeter-2" in refused.value.reason
    assert not scene.ward.bedsides
    assert device.session.step is Step.WELCOMED


@pytest.mark.spec("INGEST-2")
def test_a_gateway_describes_its_own_monitors_only_and_each_once(scene: Scene) -> None:
    gateway = scene.gateway("ward-3")
    gateway.hello()
    each = description("HR")
    for parts, field in (
        ([], "describe.mds"),
        ([("ward-3", each)], "describe.mds[0].id"),
        ([("ward-3/a", each), ("ward-4/b", each)], "describe.mds[1].id"),
        ([("ward-3/a", each), ("ward-3/a", each)], "describe.mds[1].id"),
    ):
        with pytest.raises(Refused) as refused:
            gateway.session.describe(parts, scene.now)
        assert refused.value.field == field
    assert not scene.ward.bedsides
    gateway.describes_monitors("a", "b")
    assert set(scene.ward.bedsides) == {"ward-3/a", "ward-3/b"}


@pytest.mark.spec("INGEST-3")
@pytest.mark.promise("G12")
def test_a_newer_session_supersedes_the_older_one(scene: Scene, device: Device) -> None:
    newer = scene.device().begins("HR", "SpO2")
    assert newer.session.epoch == device.session.epoch + 1
    assert device.superseded
    assert not newer.superseded
    with pytest.raises(Refused):
        device.sends(72, 97)


@pytest.mark.spec("INGEST-3")
@pytest.mark.promise("G12")
def test_the_late_end_of_an_older_session_changes_nothing(scene: Scene, device: Device) -> None:
    newer = scene.device().begins("HR", "SpO2")
    device.breaks()
    assert scene.bedside().connection is Connection.CONNECTED
    assert not scene.alarms()
    newer.sends(72, 97)
    newer.breaks()
    assert set(scene.alarms()) == {"CONNECTION_LOST"}


@pytest.mark.spec("INGEST-3")
def test_epochs_grow_over_a_restart() -> None:
    scene = Scene(Restored(epochs={"device/oximeter-1": 41}))
    device = scene.device().begins("HR")
    assert device.session.epoch == 42
    assert scene.ward.batch.epochs == {"device/oximeter-1": 42}


# -- numbers ------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-4")
@pytest.mark.promise("G14")
def test_a_duplicate_is_acknowledged_again_and_otherwise_ignored(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    scene.commit()
    scene.passes(1)
    scene.commit()
    assert device.acks == [1]
    assert not device.sends(20, 20, seq=1)
    assert not scene.alarms(), "not judged"
    scene.commit()
    assert device.acks == [1, 1]
    assert len(scene.rows()) == 1
    assert device.session.reception.duplicates == 1


@pytest.mark.spec("INGEST-42")
@pytest.mark.promise("G2")
def test_a_device_hears_of_the_server_each_second_by_an_ack_or_a_heartbeat(
    scene: Scene, device: Device
) -> None:
    began = scene.now
    for _ in range(3):
        device.sends(72, 97)
        scene.commit()
        device.session.acknowledge(scene.now)
        scene.passes(1)
    assert (device.acks, device.heartbeats) == ([1, 2, 3], [])
    for _ in range(8):
        scene.passes(0.5)
        device.session.acknowledge(scene.now)
    assert device.acks == [1, 2, 3]
    assert device.heartbeats == [began + second for second in (3.5, 4.5, 5.5, 6.5)]


@pytest.mark.spec("INGEST-4")
def test_a_number_that_goes_back_is_a_duplicate_though_it_is_not_on_disk_yet(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    device.sends(72, 97)
    assert not device.sends(72, 97, seq=1)
    assert [row.seq for row in scene.rows()] == [1, 2]


@pytest.mark.spec("INGEST-4")
@pytest.mark.parametrize("seq", [0, -1, 2**63])
def test_a_number_that_is_none_is_refused(scene: Scene, device: Device, seq: int) -> None:
    with pytest.raises(Refused) as refused:
        device.sends(72, 97, seq=seq)
    assert refused.value.field == "seq"
    assert device.sends(72, 97, seq=1)


@pytest.mark.spec("INGEST-5")
@pytest.mark.promise("G14")
def test_a_jump_is_a_gap_that_is_kept(scene: Scene, device: Device) -> None:
    device.sends(72, 97, seq=1)
    device.sends(72, 97, seq=5)
    (gap,) = scene.ward.batch.gaps
    assert (gap.stream_id, gap.from_seq, gap.to_seq) == ("device/oximeter-1", 2, 4)
    assert gap.noticed_at == scene.now
    assert not device.sends(72, 97, seq=3), "what comes after all is too late"


@pytest.mark.spec("INGEST-24")
@pytest.mark.parametrize("seq", [3 + JUMP_MAX, 2**60, 2**63 - 1])
def test_a_jump_too_far_is_refused_and_moves_nothing(
    scene: Scene, device: Device, seq: int
) -> None:
    device.sends(72, 97)
    device.sends(72, 97)
    with pytest.raises(Refused) as refused:
        device.sends(0, 97, seq=seq)
    assert refused.value.field == "seq"
    assert refused.value.reason == f"{seq} is not within 3 to 1000002"
    assert not scene.ward.batch.gaps
    assert device.sends(72, 97, seq=3), "what follows is no duplicate"
    scene.commit()
    assert device.acks == [3]
    assert [row.seq for row in scene.rows()] == [1, 2, 3]
    assert not scene.alarms()


@pytest.mark.spec("INGEST-24")
def test_a_device_whose_numbers_stay_too_far_is_lost(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    for later in range(10):
        scene.passes(1)
        device.session.heartbeat(scene.now, scene.now)
        with pytest.raises(Refused):
            device.sends(72, 97, seq=2**60 + later)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}


@pytest.mark.spec("INGEST-24")
def test_the_furthest_jump_is_a_gap(scene: Scene, device: Device) -> None:
    assert device.sends(72, 97, seq=JUMP_MAX)
    assert device.sends(72, 97, seq=2 * JUMP_MAX)
    assert [(gap.from_seq, gap.to_seq) for gap in scene.ward.batch.gaps] == [
        (1, JUMP_MAX - 1),
        (JUMP_MAX + 1, 2 * JUMP_MAX - 1),
    ]


@pytest.mark.spec("INGEST-24")
def test_a_jump_that_hello_announced_is_a_gap_however_far(scene: Scene) -> None:
    device = scene.device()
    device.hello(given_out=2**60)
    device.describes("HR", "SpO2")
    with pytest.raises(Refused, match=f"not within 1 to {2**60 + JUMP_MAX}"):
        device.sends(72, 97, seq=2**60 + JUMP_MAX + 1)
    assert device.sends(72, 97, seq=2**60)
    assert device.sends(72, 97, seq=2**60 + 1)


@pytest.mark.spec("INGEST-24")
def test_no_announcement_leads_beyond_what_can_be_stored(scene: Scene) -> None:
    device = scene.device()
    device.hello(given_out=2**64 - 1)
    device.describes("HR", "SpO2")
    assert device.sends(72, 97, seq=2**63 - 1)
    for seq in (2**63, 2**64 - 1):
        with pytest.raises(Refused):
            device.sends(72, 97, seq=seq)


@pytest.mark.spec("INGEST-6")
def test_a_session_resumes_after_what_is_on_disk(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    device.sends(72, 97)
    scene.commit()
    device.breaks()
    assert scene.device().hello(given_out=2) == 3


@pytest.mark.spec("INGEST-6")
def test_what_is_on_its_way_to_the_disk_is_not_stored_twice(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    scene.commit()
    device.sends(72, 97)
    device.sends(72, 97)
    device.breaks()
    again = scene.device()
    assert again.hello(given_out=3) == 2, "2 and 3 are not on disk, so the device keeps them"
    again.describes("HR", "SpO2")
    assert not again.sends(72, 97, seq=2)
    assert not again.sends(72, 97, seq=3)
    assert again.sends(72, 97, seq=4)
    assert [row.seq for row in scene.rows()] == [1, 2, 3, 4]
    assert not scene.ward.batch.gaps


@pytest.mark.spec("INGEST-6")
def test_a_superseded_session_leaves_its_numbers_to_the_newer_one(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    again = scene.device()
    again.hello(given_out=1)
    again.describes("HR", "SpO2")
    assert not again.sends(72, 97, seq=1)
    assert len(scene.rows()) == 1


@pytest.mark.spec("INGEST-6")
def test_a_device_that_remembers_no_numbers_begins_after_all_that_were_taken(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    scene.commit()
    device.sends(72, 97)
    device.breaks()
    fresh = scene.device()
    assert fresh.hello(given_out=0) == 3
    fresh.describes("HR", "SpO2")
    assert fresh.sends(72, 97), "its first frame is not mistaken for an older one"


@pytest.mark.spec("INGEST-6")
def test_numbers_go_on_over_a_restart_of_the_server() -> None:
    scene = Scene(Restored(progress=through("device/oximeter-1", 7)))
    device = scene.device()
    assert device.hello(given_out=9) == 8
    device.describes("HR")
    assert not device.sends(72, seq=7)
    assert device.sends(72, seq=8)


# -- acks ---------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-7")
def test_only_what_is_on_disk_is_acknowledged(scene: Scene, device: Device) -> None:
    for _ in range(ACK_FRAMES):
        device.sends(72, 97)
    scene.passes(60)
    device.session.acknowledge(scene.now)
    assert device.acks == []
    scene.commit()
    assert device.acks == [ACK_FRAMES]


@pytest.mark.spec("INGEST-7")
def test_acks_are_cumulative_and_not_one_a_frame(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    scene.commit()
    assert device.acks == [1]
    for _ in range(ACK_FRAMES - 1):
        device.sends(72, 97)
        scene.commit()
    assert device.acks == [1]
    device.sends(72, 97)
    scene.commit()
    assert device.acks == [1, ACK_FRAMES + 1]
    device.sends(72, 97)
    scene.commit()
    scene.clock.advance(ACK_S)
    device.session.acknowledge(scene.now)
    assert device.acks == [1, ACK_FRAMES + 1, ACK_FRAMES + 2]
    device.session.acknowledge(scene.now + 100)
    assert len(device.acks) == 3, "an ack that says nothing new is not sent"


# -- values -------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-8")
def test_a_bad_entry_is_refused_by_name_and_the_others_of_its_frame_count(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    gateway.begin_frame()
    with pytest.raises(Refused) as refused:
        gateway.entry(72, mds=0)
    assert refused.value.field == "values"
    assert refused.value.reason == "1 values for 2 described numerics"
    gateway.entry(72, 88, mds=1)
    assert scene.rows("ward-3/a") == []
    assert isnan(scene.bedside("ward-3/a").values[0]), "no value of a refused entry is taken"
    assert [row.values for row in scene.rows("ward-3/b")] == [(72, 88)]
    scene.commit()
    assert gateway.acks == [1], "the frame is dealt with"


@pytest.mark.spec("INGEST-9")
@pytest.mark.parametrize(
    ("values", "indices", "validity", "field"),
    [
        ((72,), (), (), "values"),
        ((72, 97, 15), (), (), "values"),
        ((72, 97), (0,), (), "values"),
        ((72,), (2,), (), "indices[0]"),
        ((72,), (-1,), (), "indices[0]"),
        ((72, 73), (0, 0), (), "indices"),
        ((72, 97), (), (1,), "validity"),
        ((72, 97), (), (1, 9), "validity[1]"),
        ((351, inf), (0, 0), (), "indices"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_an_entry_of_which_nothing_can_be_told_is_refused_by_name(
    scene: Scene,
    device: Device,
    values: tuple[float, ...],
    indices: tuple[int, ...],
    validity: tuple[int, ...],
    field: str,
    late: bool,
) -> None:
    at = scene.now - 60 if late else scene.now
    with pytest.raises(Refused) as refused:
        device.sends(*values, indices=indices, validity=validity, at=at)
    assert refused.value.field == field
    assert not scene.rows()
    assert all(isnan(value) for value in scene.bedside().values)
    assert device.sends(72, 97), "the session goes on"


@pytest.mark.spec("INGEST-22")
@pytest.mark.parametrize(
    ("values", "indices", "validity", "stored", "states", "reasons"),
    [
        ((inf, 97), (), (), (nan, 97), (INVALID, 0), {"values[0]": "infinity is not a value"}),
        ((72, -inf), (), (1, 2), (72, nan), (1, INVALID), {"values[1]": "infinity"}),
        ((inf, 97), (), (INVALID, 0), (nan, 97), (INVALID, 0), {"values[0]": "infinity"}),
        ((inf, 97), (), (MISSING, 0), (nan, 97), (INVALID, 0), {"values[0]": "infinity"}),
        ((72, 100.5), (), (), (72, nan), (0, INVALID),
         {"values[1]": "SpO2 100.5 is not within 0 to 100"}),
        ((96, 351), (1, 0), (), (96, nan), (0, INVALID),
         {"values[1]": "HR 351 is not within 0 to 350"}),
        ((-1, 101), (), (), (nan, nan), (INVALID, INVALID), {"values[0]": "HR", "values[1]": "SpO2"}),
        ((999, 97), (), (INVALID, 0), (999, 97), (INVALID, 0), {}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.promise("G17")
def test_a_value_that_cannot_be_is_refused_alone_and_is_an_invalid_signal(
    scene: Scene,
    device: Device,
    values: tuple[float, ...],
    indices: tuple[int, ...],
    validity: tuple[int, ...],
    stored: tuple[float, ...],
    states: tuple[int, ...],
    reasons: dict[str, str],
    late: bool,
) -> None:
    device.begin_frame()
    at = scene.now - 60 if late else scene.now
    refused = device.entry(*values, indices=indices, validity=validity, at=at)
    assert [each.field for each in refused] == list(reasons)
    assert all(each.reason.startswith(reasons[each.field]) for each in refused)
    (row,) = scene.rows()
    assert list(row.values) == pytest.approx(list(stored), nan_ok=True)
    assert list(row.validity) == list(states)
    if not late:
        for place, index in enumerate(indices or (0, 1)):
            assert scene.bedside().values[index] == pytest.approx(stored[place], nan_ok=True)
            assert scene.bedside().validity[index] == states[place]


@pytest.mark.spec("INGEST-22")
@pytest.mark.promise("G17")
def test_a_broken_probe_is_a_technical_alarm_and_hides_no_other_metric(scene: Scene) -> None:
    device = scene.device().begins("HR", "Temp")
    device.streams(1, 72, 39.5)
    assert set(scene.alarms()) == {"TEMP_HIGH"}
    for _ in range(4):
        scene.passes(1)
        device.begin_frame()
        (refusal,) = device.entry(0, 99)
        assert refusal.field == "values[1]"
    assert set(scene.alarms()) == {"ASYSTOLE", "INVALID_SIGNAL"}, "no value, no limit alarm"
    assert scene.alarms()["INVALID_SIGNAL"].condition.metric == "Temp"
    scene.passes(20)
    device.streams(1, 72, 37)
    assert "INVALID_SIGNAL" not in scene.alarms()


@pytest.mark.spec("INGEST-23")
def test_a_monitor_that_sends_nonsense_is_not_lost_and_its_metrics_are_stale(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    for second in range(30):
        scene.passes(1)
        with pytest.raises(Refused):
            device.sends(72, at=nan if second % 2 else None)
    assert [(each.condition.code, each.condition.metric) for each in scene.bedside().board] == [
        ("METRIC_STALE", "HR"),
        ("METRIC_STALE", "SpO2"),
    ]
    assert scene.bedside().connection is Connection.CONNECTED
    device.sends(72, 97)
    assert not scene.alarms()


@pytest.mark.spec("INGEST-23")
def test_a_monitor_that_was_lost_and_sends_nonsense_is_back_but_not_its_values(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    scene.passes(11)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}
    for _ in range(6):
        with pytest.raises(Refused):
            device.sends(72)
        scene.passes(1)
    assert set(scene.alarms()) == {"METRIC_STALE"}


@pytest.mark.spec("INGEST-23")
def test_a_monitor_that_only_ever_sent_nonsense_is_lost_once(scene: Scene, device: Device) -> None:
    for _ in range(40):
        with pytest.raises(Refused):
            device.sends(72)
        scene.passes(1)
    assert [each.alarm.condition.code for each in scene.events] == ["CONNECTION_LOST"]
    device.sends(72, 97)
    assert not scene.alarms()


@pytest.mark.spec("INGEST-9")
def test_an_unknown_monitor_is_refused(device: Device) -> None:
    with pytest.raises(Refused) as refused:
        device.sends(72, 97, mds=1)
    assert refused.value.field == "mds"


@pytest.mark.spec("INGEST-9")
def test_0_is_a_value_and_nan_is_none(scene: Scene, device: Device) -> None:
    device.sends(0, nan)
    heart_rate, spo2 = scene.bedside().values
    assert heart_rate == 0
    assert isnan(spo2)
    (row,) = scene.rows()
    assert row.values[0] == 0
    assert isnan(row.values[1])


@pytest.mark.spec("INGEST-9")
def test_a_report_of_some_numerics_leaves_the_others_as_they_were(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    first = scene.now
    scene.passes(1)
    device.sends(96, indices=(1,))
    bedside = scene.bedside()
    assert list(bedside.values) == [72, 96]
    assert list(bedside.observed_at) == [first, scene.now]


# -- time ---------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-10")
@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (nan, "not a time"),
        (inf, "not a time"),
        (-inf, "not a time"),
        (0.0, "days ago"),
        (4_000_000_000.0, "in the future"),
    ],
)
def test_an_impossible_time_is_refused(
    scene: Scene, device: Device, at: float, reason: str
) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        device.sends(72, 97, at=at)
    assert refused.value.field == "observed_at"
    assert device.sends(72, 97)


@pytest.mark.spec("INGEST-10")
def test_a_time_slightly_ahead_is_now(scene: Scene, device: Device) -> None:
    device.sends(72, 88, at=scene.now + 4)
    assert scene.bedside().observed_at[0] == scene.now
    assert scene.rows()[0].observed_at == scene.now + 4, "kept as the device said it"
    with pytest.raises(Refused):
        device.sends(72, 88, at=scene.now + 11)


@pytest.mark.spec("INGEST-11")
def test_late_values_are_stored_and_not_judged(scene: Scene, device: Device) -> None:
    scene.passes(0.5)
    device.sends(72, 97, at=scene.now - 0.5)
    device.sends(0, 50, at=scene.now - LIVE_S - 1)
    assert not scene.alarms()
    assert list(scene.bedside().values) == [72, 97]
    assert len(scene.rows()) == 2
    device.sends(0, 97, at=scene.now - 0.2)
    assert set(scene.alarms()) == {"ASYSTOLE"}


@pytest.mark.spec("INGEST-11")
def test_values_from_before_the_newest_are_stored_and_not_judged(
    scene: Scene, device: Device
) -> None:
    scene.passes(2)
    device.sends(72, 97)
    device.sends(0, 50, at=scene.now - 1)
    device.sends(72, 97, at=scene.now - 1)
    assert not scene.alarms()
    assert list(scene.bedside().values) == [72, 97]
    assert scene.bedside().observed_at[0] == scene.now
    assert len(scene.rows()) == 3


@pytest.mark.spec("INGEST-11")
def test_a_device_that_sends_its_past_is_there_but_has_no_current_values(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97)
    for _ in range(20):
        scene.passes(1)
        device.sends(72, 97, at=scene.now - 3600)
    assert scene.bedside().connection is Connection.CONNECTED
    assert {alarm.condition.code for alarm in scene.bedside().board} == {"METRIC_STALE"}


@pytest.mark.spec("INGEST-12")
@pytest.mark.promise("G6")
def test_a_wrong_device_clock_is_a_technical_alarm_and_its_values_count(scene: Scene) -> None:
    device = scene.device()
    wrong = scene.now - 3600
    device.hello(clock=wrong)
    device.describes("HR", "SpO2")
    alarm = scene.alarms()["DEVICE_CLOCK_OFF"]
    assert (alarm.priority, alarm.condition.kind) == (Priority.LOW, Kind.TECHNICAL)
    device.sends(0, 97, at=wrong)
    assert scene.alarms()["ASYSTOLE"].raised_at == scene.now, "on the server's clock"
    row = scene.rows()[0]
    assert (row.observed_at, row.received_at) == (wrong, scene.now)
    device.session.heartbeat(scene.now - 4, scene.now)
    assert "DEVICE_CLOCK_OFF" not in scene.alarms()


@pytest.mark.spec("INGEST-12")
@pytest.mark.promise("G6")
def test_a_clock_that_steps_is_measured_anew(scene: Scene, device: Device) -> None:
    device.session.heartbeat(scene.now + 7200, scene.now)
    assert "DEVICE_CLOCK_OFF" in scene.alarms()
    device.sends(72, 97, at=scene.now + 7200)
    assert scene.bedside().observed_at[0] == scene.now


@pytest.mark.spec("INGEST-12")
def test_a_clock_that_went_back_is_measured_anew(scene: Scene, device: Device) -> None:
    device.session.heartbeat(scene.now - 3600, scene.now)
    device.sends(72, 97, at=scene.now - 3600)
    assert scene.bedside().observed_at[0] == scene.now


@pytest.mark.spec("INGEST-40")
def test_heartbeats_that_a_link_held_back_say_nothing_of_the_clock(
    scene: Scene, device: Device
) -> None:
    for _ in range(3):
        scene.passes(1)
        device.session.heartbeat(scene.now, scene.now)
    began = scene.now
    scene.passes(8)
    for second in range(1, 9):
        # What was held back comes at once.
        device.session.heartbeat(began + second, scene.now)
        device.sends(72, 97, at=began + second)
        assert scene.bedside().observed_at[0] == began + second
    assert "DEVICE_CLOCK_OFF" not in scene.alarms()
    device.sends(72, 97, at=scene.now)
    assert scene.bedside().observed_at[0] == scene.now


@pytest.mark.spec("INGEST-10")
@pytest.mark.spec("INGEST-40")
def test_what_follows_a_hello_that_came_late_counts(scene: Scene) -> None:
    device = scene.device()
    device.hello(clock=scene.now - 8)
    device.describes("HR", "SpO2")
    device.sends(72, 97)
    assert scene.bedside().observed_at[0] == scene.now
    assert "DEVICE_CLOCK_OFF" in scene.alarms()
    scene.passes(1)
    device.session.heartbeat(scene.now, scene.now)
    assert "DEVICE_CLOCK_OFF" not in scene.alarms()
    device.sends(72, 97, at=scene.now - 0.5)
    assert scene.bedside().observed_at[0] == scene.now - 0.5


@pytest.mark.spec("INGEST-40")
def test_a_clock_that_stays_behind_is_believed_in_time(scene: Scene, device: Device) -> None:
    scene.passes(6)
    for second in range(40):
        scene.passes(1)
        device.session.heartbeat(scene.now - 6, scene.now)
        assert ("DEVICE_CLOCK_OFF" in scene.alarms()) is (second >= 30)


@pytest.mark.spec("INGEST-12")
def test_small_jitter_moves_no_duration(scene: Scene, device: Device) -> None:
    device.session.heartbeat(scene.now - 0.4, scene.now)
    scene.passes(1)
    device.sends(72, 97, at=scene.now - 0.9)
    assert scene.bedside().observed_at[0] == scene.now - 0.9


@pytest.mark.spec("INGEST-12")
def test_a_clock_that_is_no_time_is_refused(scene: Scene, device: Device) -> None:
    with pytest.raises(Refused) as refused:
        device.session.heartbeat(nan, scene.now)
    assert refused.value.field == "heartbeat.device_clock"
    with pytest.raises(Refused) as refused:
        scene.device("other").hello(clock=inf)
    assert refused.value.field == "hello.device_clock"


# -- silence ------------------------------------------------------------------------------


@pytest.mark.spec("INGEST-13")
def test_a_stream_that_ends_without_goodbye_is_a_technical_alarm(
    scene: Scene, device: Device
) -> None:
    device.sends(0, 97)
    device.breaks()
    alarm = scene.alarms()["CONNECTION_LOST"]
    assert (alarm.priority, alarm.condition.kind) == (Priority.MEDIUM, Kind.TECHNICAL)
    assert scene.bedside().connection is Connection.LOST
    assert "ASYSTOLE" in scene.alarms(), "a broken link says nothing about the patient"
    assert scene.ward.batch.connections == {"oximeter-1": Connection.LOST}


@pytest.mark.spec("INGEST-14")
@pytest.mark.promise("G2")
def test_ten_seconds_of_silence_are_a_lost_connection(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    scene.passes(9.5)
    assert "CONNECTION_LOST" not in scene.alarms()
    scene.passes(0.5)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}, "one alarm, not one a metric"
    assert scene.ward.batch.connections == {"oximeter-1": Connection.LOST}
    scene.passes(60)
    assert [each.alarm.condition.code for each in scene.events] == ["CONNECTION_LOST"]


@pytest.mark.spec("INGEST-14")
@pytest.mark.promise("G2")
def test_heartbeats_without_values_are_silence_too(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    for _ in range(20):
        scene.passes(0.5)
        device.session.heartbeat(scene.now, scene.now)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}


@pytest.mark.spec("INGEST-14")
def test_a_device_that_speaks_again_on_its_stream_is_back(scene: Scene, device: Device) -> None:
    device.streams(1, 0, 97)
    occurrence = scene.alarms()["ASYSTOLE"].occurrence_id
    scene.passes(20)
    assert "CONNECTION_LOST" in scene.alarms()
    device.sends(0, 97)
    assert scene.bedside().connection is Connection.CONNECTED
    assert set(scene.alarms()) == {"ASYSTOLE"}
    assert scene.alarms()["ASYSTOLE"].occurrence_id > occurrence
    scene.passes(10)
    assert "CONNECTION_LOST" in scene.alarms(), "silence is noticed again"


@pytest.mark.spec("INGEST-14")
def test_waveforms_alone_are_a_sign_of_life(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    for _ in range(20):
        scene.passes(1)
        device.begin_frame()
        device.session.hear(0, scene.now)
    assert set(scene.alarms()) == {"METRIC_STALE"}, "the values are no longer current"


@pytest.mark.spec("INGEST-15")
def test_goodbye_is_no_alarm_and_nothing_holds_after_it(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    device.session.goodbye()
    device.breaks()
    assert not scene.alarms()
    assert scene.bedside().connection is Connection.AWAY
    assert all(isnan(value) for value in scene.bedside().values)
    scene.passes(60)
    assert not scene.alarms()


@pytest.mark.spec("INGEST-16")
@pytest.mark.promise("G3")
def test_what_still_holds_after_a_lost_connection_calls_again_at_once(
    scene: Scene, device: Device
) -> None:
    device.streams(12, 72, 88)
    first = scene.alarms()["SPO2_LOW"]
    scene.operators.acknowledge(first.occurrence_id, Priority.MEDIUM, "nurse", "key")
    device.breaks()
    scene.passes(30)
    again = scene.device()
    again.hello(given_out=device.seq)
    again.describes("HR", "SpO2")
    assert set(scene.alarms()) == set(), "connected again, not judged yet"
    again.sends(72, 88, seq=device.seq + 1)
    alarm = scene.alarms()["SPO2_LOW"]
    assert alarm.occurrence_id > first.occurrence_id
    assert alarm.presence is Presence.ON, "though the earlier one was acknowledged"
    assert alarm.raised_at == scene.now, "without a new delay"


@pytest.mark.spec("INGEST-16")
def test_what_no_longer_holds_after_a_lost_connection_stays_away(
    scene: Scene, device: Device
) -> None:
    device.streams(12, 72, 88)
    device.breaks()
    again = scene.device()
    again.hello(given_out=device.seq)
    again.describes("HR", "SpO2")
    again.sends(72, 97, seq=device.seq + 1)
    again.seq = device.seq + 1
    assert not scene.alarms()
    again.streams(3, 72, 88)
    assert not scene.alarms(), "a new violation has its delay"


@pytest.mark.spec("INGEST-41")
@pytest.mark.promise("G4")
def test_a_link_that_breaks_again_and_again_holds_back_no_alarm(
    scene: Scene, device: Device
) -> None:
    """Broken every 3 s, with a delay of 10 s."""
    for _ in range(4):
        assert "SPO2_LOW" not in scene.alarms()
        device.streams(3, 72, 88)
        device.breaks()
        seq, device = device.seq, scene.device()
        device.hello(given_out=seq)
        device.describes("HR", "SpO2")
        device.seq = seq
    assert "SPO2_LOW" not in scene.alarms(), "connected again, not judged yet"
    device.streams(1, 72, 88)
    assert "SPO2_LOW" in scene.alarms()


# -- gateways -----------------------------------------------------------------------------


@pytest.mark.spec("INGEST-17")
def test_each_monitor_behind_a_gateway_is_a_bedside_of_its_own(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b", "c")
    gateway.begin_frame()
    for mds, heart_rate in enumerate((0, 72, 200)):
        gateway.entry(heart_rate, 97, mds=mds)
    assert set(scene.alarms("ward-3/a")) == {"ASYSTOLE"}
    assert set(scene.alarms("ward-3/b")) == set()
    assert set(scene.alarms("ward-3/c")) == {"HR_HIGH"}
    assert len({scene.bedside(f"ward-3/{name}").number for name in "abc"}) == 3
    gateway.breaks()
    assert all("CONNECTION_LOST" in scene.alarms(f"ward-3/{name}") for name in "abc")


@pytest.mark.spec("INGEST-17")
def test_a_monitor_that_falls_silent_behind_a_gateway_is_lost_alone(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    for _ in range(12):
        gateway.begin_frame()
        gateway.entry(72, 97, mds=0)
        scene.passes(1)
    assert set(scene.alarms("ward-3/a")) == set()
    assert set(scene.alarms("ward-3/b")) == {"CONNECTION_LOST"}


@pytest.mark.spec("INGEST-17")
def test_a_monitor_that_a_gateway_no_longer_describes_is_lost(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    gateway.describes_monitors("b")
    assert set(scene.alarms("ward-3/a")) == {"CONNECTION_LOST"}
    gateway.sends(72, 97, mds=0)
    assert list(scene.bedside("ward-3/b").values) == [72, 97]


# -- waveforms and the device's own alarms ------------------------------------------------


@pytest.mark.spec("INGEST-21")
def test_samples_are_stored_as_they_came_and_shown_unless_they_are_late(scene: Scene) -> None:
    device = scene.device()
    device.hello()
    ecg = SampleArray("ECG", 131330, 266418, 250, 0.001, 0)
    device.session.describe([("oximeter-1", Description((), (ecg,)))], scene.now)
    box, viewer = Mailbox(scene.live), PlainViewer()
    box.subscribe(Scope(waveforms=True))
    scene.live.publish()
    viewer.take(box.take(scene.now))
    for at, samples in ((scene.now - 60, b"\1\0"), (scene.now - 1, b"\2\0\0\x80")):
        device.begin_frame()
        device.session.take_samples(device.seq, 0, 0, at, samples, scene.now)
    assert scene.ward.batch.waveforms["oximeter-1"] == [
        WaveformRow(1, 0, scene.now - 60, scene.now, b"\1\0"),
        WaveformRow(2, 0, scene.now - 1, scene.now, b"\2\0\0\x80"),
    ]
    scene.live.publish()
    viewer.take(box.take(scene.now))
    assert viewer.waveforms == [b"\2\0\0\x80"]


@pytest.mark.spec("INGEST-9")
def test_half_a_sample_is_refused(scene: Scene) -> None:
    device = scene.device()
    device.hello()
    ecg = SampleArray("ECG", 131330, 266418, 250, 0.001, 0)
    device.session.describe([("oximeter-1", Description((), (ecg,)))], scene.now)
    for samples in (b"", b"\1\0\2"):
        with pytest.raises(Refused) as refused:
            device.session.take_samples(1, 0, 0, scene.now, samples, scene.now)
        assert refused.value.field == "samples"
    with pytest.raises(Refused) as refused:
        device.session.take_samples(1, 0, 0, nan, b"\1\0", scene.now)
    assert refused.value.field == "start_at"
    assert not scene.ward.batch.waveforms


@pytest.mark.spec("INGEST-9")
def test_samples_of_an_unknown_array_are_refused(scene: Scene, device: Device) -> None:
    with pytest.raises(Refused) as refused:
        device.session.take_samples(1, 0, 0, scene.now, b"\0\0", scene.now)
    assert refused.value.field == "index"
    assert not scene.ward.batch.waveforms


@pytest.mark.spec("ALARM-24")
def test_a_device_raises_and_ends_alarms_of_its_own(scene: Scene, device: Device) -> None:
    def says(present: bool, priority: Priority = Priority.HIGH) -> None:
        device.session.take_device_alarm(
            0, "ASYSTOLE", Kind.PHYSIOLOGICAL, priority, scene.now, scene.now,
            present=present, text="no beats",
        )  # fmt: skip

    says(present=False)
    assert not scene.events, "what was never raised cannot end"
    says(present=True)
    says(present=True)
    alarm = scene.alarms()["DEVICE_ASYSTOLE"]
    assert (alarm.priority, alarm.text) == (Priority.HIGH, "no beats")
    says(present=True, priority=Priority.MEDIUM)
    assert scene.alarms()["DEVICE_ASYSTOLE"].priority is Priority.MEDIUM
    says(present=False)
    assert not scene.alarms()
    assert [each.phase.value for each in scene.events] == ["start", "deescalate", "end"]


@pytest.mark.spec("ALARM-24")
def test_a_device_has_only_so_many_alarms_of_its_own(scene: Scene, device: Device) -> None:
    def raises(number: int) -> None:
        device.session.take_device_alarm(
            0, f"C{number}", Kind.TECHNICAL, Priority.LOW, scene.now, scene.now,
            present=True, text="",
        )  # fmt: skip

    for number in range(64):
        raises(number)
    with pytest.raises(Refused) as refused:
        raises(64)
    assert refused.value.field == "condition"
    raises(63)
    device.sends(0, 97)
    assert "ASYSTOLE" in scene.alarms(), "limit alarms are not crowded out"


@pytest.mark.spec("STORE-7")
def test_values_on_their_way_to_disk_keep_the_description_they_were_sent_under(
    scene: Scene,
) -> None:
    device = scene.device().begins("HR", "SpO2")
    device.sends(72, 97)
    device.describes("SpO2", "HR")
    device.sends(96, 73)
    batch = scene.commit()
    (earlier,) = batch.earlier
    assert [numeric.name for numeric in earlier.description.numerics] == ["HR", "SpO2"]
    assert [list(row.values) for row in earlier.numerics] == [[72, 97]]
    assert [list(row.values) for row in batch.numerics["oximeter-1"]] == [[96, 73]]
