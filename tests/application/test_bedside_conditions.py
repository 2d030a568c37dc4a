"""Conditions of a whole bedside: stories, and the combined condition against a plain reading."""

from dataclasses import replace
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Connection, Restored, StoredDevice
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope
from rpm_service.application.sifting import INVALID
from rpm_service.domain.alarms import Condition, Kind, Phase, Priority
from rpm_service.domain.limits import AgeClass, AlarmSettings, MetricLimits
from rpm_service.domain.presets import PRESETS
from tests.support.plain_encoder import PlainViewer
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description

ADULT = PRESETS[AgeClass.ADULT]


def spooled(scene: Scene, spool_id: int) -> Device:
    device = scene.device()
    device.hello(spool_id=spool_id)
    return device.describes("HR", "SpO2")


# -- equipment --------------------------------------------------------------------------------


@pytest.mark.spec("ALARM-55")
def test_a_battery_that_runs_low_is_a_technical_alarm_of_low_priority(scene: Scene) -> None:
    device = scene.device().begins("HR", "Batt")
    device.streams(1, 72, 20)
    assert not scene.alarms()
    device.streams(1, 72, 19)
    (alarm,) = scene.bedside().board
    assert alarm.condition == Condition("BATTERY_LOW", Kind.TECHNICAL, "Batt")
    assert (alarm.priority, alarm.limit) == (Priority.LOW, 20)
    scene.operators.admit("oximeter-1", "", "patient", AgeClass.ADULT, "nurse")
    scene.operators.discharge("oximeter-1", "nurse")
    device.streams(1, 72, 21)
    assert set(scene.alarms()) == {"BATTERY_LOW"}, "it is about no patient; back by 2 % only"
    device.streams(1, 72, 22)
    assert not scene.alarms()


# -- warnings on two vitals -------------------------------------------------------------------


def combining(scene: Scene) -> None:
    bedside = scene.bedside()
    bedside.put_in_force(replace(ADULT, combined=True), scene.now)


@pytest.mark.spec("ALARM-56")
def test_two_warnings_on_different_vitals_are_a_high_priority_alarm_together(
    scene: Scene, device: Device
) -> None:
    combining(scene)
    device.streams(12, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}
    device.streams(6, 130, 88)
    alarm = scene.alarms()["COMBINED_WARNING"]
    assert (alarm.priority, alarm.condition.kind) == (Priority.HIGH, Kind.PHYSIOLOGICAL)
    assert alarm.raised_at == scene.alarms()["HR_HIGH"].raised_at == scene.now
    device.streams(4, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}
    ends = {each.alarm.condition.code: each.alarm.ended_at for each in scene.events[-2:]}
    assert ends == {"HR_HIGH": scene.now, "COMBINED_WARNING": scene.now}


@pytest.mark.spec("ALARM-56")
def test_in_the_presets_it_is_not_in_force_and_ends_where_it_no_longer_is(
    scene: Scene, device: Device
) -> None:
    device.streams(12, 130, 88)
    assert set(scene.alarms()) == {"SPO2_LOW", "HR_HIGH"}
    combining(scene)
    assert set(scene.alarms()) == {"SPO2_LOW", "HR_HIGH", "COMBINED_WARNING"}
    scene.bedside().put_in_force(ADULT, scene.now)
    assert set(scene.alarms()) == {"SPO2_LOW", "HR_HIGH"}


@pytest.mark.spec("ALARM-57")
def test_heart_rate_and_pulse_rate_are_one_vital(scene: Scene) -> None:
    device = scene.device().begins("HR", "PR", "NIBPs", "NIBPm")
    combining(scene)
    device.streams(6, 130, 130, 120, 80)
    assert set(scene.alarms()) == {"HR_HIGH", "PR_HIGH"}
    device.streams(4, 72, 72, 170, 120)
    assert set(scene.alarms()) == {"NIBPS_HIGH", "NIBPM_HIGH"}


@pytest.mark.spec("ALARM-57")
def test_it_does_not_begin_beside_what_is_high_already_and_does_not_end_for_it(
    scene: Scene, device: Device
) -> None:
    combining(scene)
    device.streams(12, 130, 75)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.HIGH
    assert set(scene.alarms()) == {"SPO2_LOW", "HR_HIGH"}
    device.streams(4, 130, 85)
    combined = scene.alarms()["COMBINED_WARNING"]
    device.streams(4, 130, 75)
    assert scene.alarms()["COMBINED_WARNING"] == combined


@pytest.mark.spec("ALARM-57")
def test_it_ends_with_the_warnings_however_they_end(scene: Scene, device: Device) -> None:
    combining(scene)
    device.streams(12, 130, 88)
    device.streams(4, nan, 88)
    assert set(scene.alarms()) == {"METRIC_MISSING", "SPO2_LOW"}
    device.streams(6, 130, 88)
    assert "COMBINED_WARNING" in scene.alarms()
    device.session.goodbye()
    device.breaks()
    assert not scene.alarms()


vitals = st.fixed_dictionaries(
    {
        "HR": st.sampled_from((30.0, 60.0, 130.0, 170.0, nan)),
        "PR": st.sampled_from((60.0, 130.0)),
        "SpO2": st.sampled_from((75.0, 85.0, 97.0, nan)),
        "RR": st.sampled_from((0.0, 5.0, 15.0)),
        "CVP": st.sampled_from((5.0, 15.0)),
        "NIBPs": st.sampled_from((80.0, 120.0)),
        "ABPs": st.sampled_from((80.0, 120.0)),
    }
)
VITAL_NAMES = ("HR", "PR", "SpO2", "RR", "CVP", "NIBPs", "ABPs")
VITAL_OF = {
    "HR": 1, "PR": 1, "SpO2": 2, "RR": 3, "NIBPs": 4, "ABPs": 4,
}  # fmt: skip


@pytest.mark.spec("ALARM-57")
@settings(max_examples=200)
@given(st.lists(vitals, min_size=1, max_size=12))
def test_the_combined_condition_is_what_the_rule_says(instants: list[dict[str, float]]) -> None:
    limits = {
        name: replace(each, delay_s=0.0, extreme_delay_s=0.0, hold_s=0.0, hysteresis=0.0)
        for name, each in ADULT.limits.items()
    }
    limits["CVP"] = MetricLimits(high=10)
    in_force = AlarmSettings(limits, standstill=True, combined=True)
    scene = Scene()
    device = scene.device().begins(*VITAL_NAMES)
    scene.bedside().put_in_force(in_force, scene.now)
    expected = False
    for instant in instants:
        scene.passes(1)
        device.sends(*(instant[name] for name in VITAL_NAMES))
        warnings = {
            alarm.condition.metric: alarm.priority
            for alarm in scene.bedside().board
            if alarm.condition.metric in VITAL_OF and alarm.condition.kind is Kind.PHYSIOLOGICAL
        }
        several = len({VITAL_OF[metric] for metric in warnings}) >= 2
        expected = several and (expected or Priority.HIGH not in warnings.values())
        assert ("COMBINED_WARNING" in scene.alarms()) == expected


# -- what happened a short while ago ----------------------------------------------------------


def phases(scene: Scene, code: str) -> list[Phase]:
    return [each.phase for each in scene.events if each.alarm.condition.code == code]


@pytest.mark.spec("ALARM-58")
def test_a_gap_in_the_numbers_is_an_alarm_at_every_bed_of_the_stream_for_a_minute(
    scene: Scene,
) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    gateway.sends(72, 97, seq=1)
    gateway.sends(72, 97, seq=3)
    for name in ("ward-3/a", "ward-3/b"):
        (alarm,) = scene.bedside(name).board
        assert alarm.condition == Condition("SEQUENCE_GAP", Kind.TECHNICAL)
        assert (alarm.priority, alarm.raised_at) == (Priority.LOW, scene.now)
    gateway.seq = 3
    for _ in range(30):
        scene.passes(1)
        gateway.sends(72, 97)
        gateway.entry(72, 97, mds=1)
    gateway.seq += 7
    gateway.sends(72, 97)
    for _ in range(59):
        scene.passes(1)
        gateway.sends(72, 97)
        gateway.entry(72, 97, mds=1)
    assert "SEQUENCE_GAP" in scene.alarms("ward-3/b"), "a minute after the last one"
    scene.passes(1)
    assert not scene.alarms("ward-3/b")
    assert phases(scene, "SEQUENCE_GAP") == [Phase.START, Phase.START, Phase.END, Phase.END]


@pytest.mark.spec("ALARM-59")
def test_three_refused_parts_within_a_minute_are_invalid_data(scene: Scene, device: Device) -> None:
    refuse = device.session.refuse
    for _ in range(2):
        refuse(scene.now, 0)
    device.streams(61, 72, 97)
    refuse(scene.now, 0)
    refuse(scene.now, 0)
    assert not scene.alarms(), "two, a minute later"
    refuse(scene.now, 0)
    (alarm,) = scene.bedside().board
    assert alarm.condition == Condition("INVALID_DATA", Kind.TECHNICAL)
    assert alarm.priority is Priority.LOW
    device.streams(59, 72, 97)
    refuse(scene.now, 0)
    device.streams(59, 72, 97)
    assert set(scene.alarms()) == {"INVALID_DATA"}
    device.streams(1, 72, 97)
    assert not scene.alarms()
    assert device.session.refused == 6


@pytest.mark.spec("ALARM-59")
def test_what_is_refused_of_one_monitor_is_told_at_its_bed_and_what_of_none_at_all(
    scene: Scene,
) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    for _ in range(3):
        gateway.session.refuse(scene.now, 1)
    assert not scene.alarms("ward-3/a")
    assert set(scene.alarms("ward-3/b")) == {"INVALID_DATA"}
    for mds in (2, None, None):
        gateway.session.refuse(scene.now, mds)
    assert set(scene.alarms("ward-3/a")) == {"INVALID_DATA"}


@pytest.mark.spec("ALARM-60")
def test_two_devices_of_one_identity_are_a_medium_alarm(scene: Scene, device: Device) -> None:
    device.streams(3, 72, 97)
    other = spooled(scene, 2).streams(1, 72, 97)
    assert not scene.alarms(), "it may be the same one, started anew"
    spooled(scene, 1).streams(1, 72, 97)
    assert not scene.alarms()
    other = spooled(scene, 2)
    (alarm,) = scene.bedside().board
    assert alarm.condition == Condition("DUPLICATE_DEVICE", Kind.TECHNICAL)
    assert alarm.priority is Priority.MEDIUM
    other.streams(59, 72, 97)
    assert set(scene.alarms()) == {"DUPLICATE_DEVICE"}
    other.streams(1, 72, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-60")
def test_a_device_that_comes_back_after_its_connection_broke_is_no_duplicate(
    scene: Scene, device: Device
) -> None:
    device.streams(3, 72, 97)
    scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.passes(2.1)
    scene.device().begins("HR", "SpO2").streams(1, 72, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-60")
@pytest.mark.promise("G12")
def test_a_spool_that_takes_over_from_itself_is_no_duplicate(scene: Scene) -> None:
    for _ in range(5):
        spooled(scene, 7).streams(1, 72, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-60")
@pytest.mark.promise("G12")
def test_two_devices_that_name_no_spool_are_told_by_both_being_alive(
    scene: Scene, device: Device
) -> None:
    device.streams(3, 72, 97)
    scene.device().begins("HR", "SpO2").streams(1, 72, 97)
    assert not scene.alarms()
    scene.device().begins("HR", "SpO2")
    assert set(scene.alarms()) == {"DUPLICATE_DEVICE"}


@pytest.mark.spec("ALARM-61")
def test_what_was_recent_before_a_restart_ends_a_minute_after_it(
    scene: Scene, device: Device
) -> None:
    device.sends(72, 97, seq=3)
    standing = scene.alarms()["SEQUENCE_GAP"]
    stored = StoredDevice("oximeter-1", description("HR", "SpO2"), Connection.CONNECTED)
    after = Scene(Restored(next_occurrence=2, alarms=(standing,), devices=(stored,)))
    again = after.device()
    again.hello(given_out=3)
    again.describes("HR", "SpO2")
    again.streams(59, 72, 97)
    assert set(after.alarms()) == {"SEQUENCE_GAP"}
    again.streams(1, 72, 97)
    assert not after.alarms()


# -- what is pending --------------------------------------------------------------------------


def pending(scene: Scene) -> list[int]:
    return list(scene.bedside().pending)


@pytest.mark.spec("ALARM-62")
def test_a_limit_that_is_violated_is_pending_until_its_delay_is_over(
    scene: Scene, device: Device
) -> None:
    device.streams(1, 72, 97)
    assert pending(scene) == []
    device.streams(10, 72, 88)
    assert pending(scene) == [1]
    assert not scene.alarms()
    device.streams(1, 72, 88)
    assert pending(scene) == []
    assert set(scene.alarms()) == {"SPO2_LOW"}
    device.streams(1, 130, 97)
    assert pending(scene) == [0]
    device.streams(1, 72, 97)
    assert pending(scene) == []
    device.streams(1, 0, 97)
    assert pending(scene) == [], "asystole has no delay, and no other waits beside it"


@pytest.mark.spec("ALARM-62")
def test_what_cannot_be_judged_is_not_pending(scene: Scene, device: Device) -> None:
    device.streams(1, 72, 97)
    device.streams(2, 72, 88)
    for _ in range(5):
        scene.passes(1)
        device.sends(72, indices=(0,))
    scene.passes(1)
    assert set(scene.alarms()) == {"METRIC_STALE"}
    assert pending(scene) == []
    device.streams(2, 72, 88)
    assert pending(scene) == [1]
    device.breaks()
    assert pending(scene) == []


@pytest.mark.spec("ALARM-62")
def test_viewers_learn_that_a_pending_alarm_has_become_none(scene: Scene, device: Device) -> None:
    device.streams(1, 72, 97)
    device.streams(2, 72, 88)
    for _ in range(5):
        scene.passes(1)
        device.sends(72, indices=(0,))
    viewer, mailbox = PlainViewer(), Mailbox(scene.live)
    mailbox.subscribe(Scope())
    scene.live.publish()
    viewer.take(mailbox.take(scene.now))
    assert list(viewer.numerics.values()) == [("72", "88", "1 is pending")]
    scene.passes(1)
    scene.live.publish()
    viewer.take(mailbox.take(scene.now))
    assert list(viewer.numerics.values()) == [("72", "88")], "with no new value"


# -- restart ----------------------------------------------------------------------------------


@pytest.mark.spec("ALARM-64")
def test_an_invalid_signal_from_before_a_restart_inhibits_before_anything_fires(
    scene: Scene, device: Device
) -> None:
    device.streams(1, 72, 97)
    for _ in range(4):
        scene.passes(1)
        device.sends(72, 97, validity=(1, INVALID))
    standing = scene.alarms()["INVALID_SIGNAL"]
    stored = StoredDevice("oximeter-1", description("HR", "SpO2"), Connection.CONNECTED)
    after = Scene(Restored(next_occurrence=2, alarms=(standing,), devices=(stored,)))
    again = after.device()
    again.hello(given_out=device.seq)
    again.describes("HR", "SpO2")
    for _ in range(30):
        after.passes(1)
        again.sends(72, 70, validity=(1, INVALID))
    assert after.alarms() == {"INVALID_SIGNAL": standing}
    assert not after.events, "nothing began, and nothing ended"
    again.streams(1, 72, 70)
    assert {code: alarm.priority for code, alarm in after.alarms().items()} == {
        "SPO2_LOW": Priority.HIGH
    }


# -- latency ----------------------------------------------------------------------------------


@pytest.mark.spec("ALARM-65")
@settings(max_examples=200)
@given(
    st.lists(st.sampled_from((85.0, 86.0, 89.0, 90.0, 97.0)), min_size=1, max_size=40),
    st.integers(0, 6),
)
def test_a_condition_that_held_for_its_delay_is_an_alarm_with_the_sample_that_shows_it(
    values: list[float], delay_s: int
) -> None:
    numbers = iter(range(1, 1000))
    bedside = Bedside(1, "oximeter-1", numbers.__next__, 1000.0)
    bedside.put_in_force(AlarmSettings({"SpO2": MetricLimits(low=90, delay_s=delay_s)}), 1000.0)
    bedside.describe(description("SpO2"), 1000.0)
    bedside.connect(1000.0)
    lasted = 0
    for second, value in enumerate(values, 1001):
        if not bedside.observe_quiet(second, second, (value,)):
            bedside.observe(second, second, (value,))
        lasted = lasted + 1 if value < 90 else 0
        is_on = any(alarm.condition.code == "SPO2_LOW" for alarm in bedside.board)
        assert is_on == (lasted > delay_s)
        assert list(bedside.pending) == ([0] if 0 < lasted <= delay_s else [])
