"""One bedside: newest values, staleness, settings, restart."""

from dataclasses import replace
from math import isnan, nan
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.application.bedside import Bedside, stale_after_s
from rpm_service.application.effects import (
    Bed,
    Connection,
    Description,
    Restored,
    Stay,
    StoredDevice,
)
from rpm_service.application.sifting import INVALID, MISSING
from rpm_service.domain.alarms import Acknowledgement, Condition, Kind, Priority
from rpm_service.domain.limits import AgeClass, MetricLimits
from rpm_service.domain.metric_monitor import MetricMonitor
from rpm_service.domain.presets import PRESETS
from rpm_service.domain.signals import Presence
from tests.support.numbers import through
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description, numeric


@pytest.mark.spec("ALARM-12")
def test_nan_is_missing_whatever_is_said_of_it(scene: Scene, device: Device) -> None:
    device.sends(nan, 97)
    assert list(scene.bedside().validity) == [MISSING, 0]
    device.sends(72, 97)
    assert not list(scene.bedside().validity)
    device.sends(72, 97, validity=(MISSING, 0))
    assert isnan(scene.bedside().values[0])


@pytest.mark.spec("ALARM-13")
def test_an_invalid_value_is_shown_as_invalid_and_not_judged(scene: Scene, device: Device) -> None:
    device.streams(1, 72, 97)
    for _ in range(5):
        scene.passes(1)
        device.sends(20, 97, validity=(INVALID, 1))
    assert list(scene.bedside().validity) == [INVALID, 1]
    assert set(scene.alarms()) == {"INVALID_SIGNAL"}


@pytest.mark.spec("ALARM-15")
@pytest.mark.promise("G5")
def test_a_metric_that_stops_while_others_go_on_is_stale(scene: Scene) -> None:
    assert [stale_after_s(period) for period in (0.5, 1, 3, 300)] == [5, 5, 6, 600]
    device = scene.device().begins("HR", "SpO2")
    device.sends(72, 97)
    for _ in range(5):
        assert not scene.alarms()
        scene.passes(1)
        device.sends(72, indices=(0,))
    scene.passes(1)
    (alarm,) = scene.alarms().values()
    assert (alarm.condition.code, alarm.condition.metric) == ("METRIC_STALE", "SpO2")
    device.sends(72, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-15")
def test_a_cuff_pressure_is_not_stale_between_two_measurements(scene: Scene) -> None:
    device = scene.device()
    device.hello()
    what = Description((numeric("HR"), numeric("NIBPs", period_s=60)))
    device.session.describe([("oximeter-1", what)], scene.now)
    device.sends(72, 120)
    for _ in range(119):
        scene.passes(1)
        device.sends(72, indices=(0,))
    assert not scene.alarms()
    scene.passes(1)
    device.sends(72, indices=(0,))
    scene.passes(1)
    assert {alarm.condition.metric for alarm in scene.bedside().board} == {"NIBPs"}


@pytest.mark.spec("INGEST-14")
def test_a_device_that_reports_seldom_is_not_silent_meanwhile(scene: Scene) -> None:
    device = scene.device()
    device.hello()
    device.session.describe(
        [("oximeter-1", Description((numeric("NIBPs", period_s=60),)))], scene.now
    )
    device.sends(120)
    for _ in range(60):
        scene.passes(1)
        device.session.heartbeat(scene.now, scene.now)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-21")
@pytest.mark.promise("G10")
def test_a_change_of_limits_hides_no_missing_signal(scene: Scene, device: Device) -> None:
    device.streams(1, 72, 97)
    scene.operators.admit("oximeter-1", "", "patient", AgeClass.PAEDIATRIC, "nurse")
    device.streams(5, 80, nan)
    assert set(scene.alarms()) == {"METRIC_MISSING"}


@pytest.mark.spec("ALARM-21")
def test_a_metric_that_is_no_longer_described_has_no_alarms(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    device.describes("SpO2", "RR")
    assert not scene.alarms()
    device.sends(97, 15)
    assert list(scene.bedside().values) == [97, 15]


@pytest.mark.spec("ALARM-22")
def test_the_next_patient_is_judged_afresh(scene: Scene, device: Device) -> None:
    scene.operators.admit("oximeter-1", "", "first", AgeClass.ADULT, "nurse")
    device.streams(12, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}
    scene.operators.discharge("oximeter-1", "nurse")
    assert not scene.alarms()
    assert all(isnan(value) for value in scene.bedside().values), "no value of another's"
    device.streams(1, 72, 90.5)
    assert not scene.alarms(), "no hysteresis of an alarm that was another's"
    device.streams(10, 72, 88)
    assert not scene.alarms(), "and no delay of theirs"
    device.streams(1, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}


def numerics_of(age_class: AgeClass) -> MetricLimits:
    return PRESETS[age_class].limits["HR"]


@pytest.mark.spec("ALARM-18")
def test_the_preset_in_force_is_that_of_the_patient(scene: Scene, device: Device) -> None:
    heart_rate = scene.bedside().description.numerics[0]
    assert scene.bedside().limits_of(heart_rate) == numerics_of(AgeClass.ADULT)
    scene.operators.admit("oximeter-1", "", "patient", AgeClass.NEONATAL, "nurse")
    assert scene.bedside().limits_of(heart_rate) == numerics_of(AgeClass.NEONATAL)
    device.streams(6, 90, 90)
    assert set(scene.alarms()) == {"HR_LOW"}
    scene.operators.discharge("oximeter-1", "nurse")
    assert scene.bedside().limits_of(heart_rate) == numerics_of(AgeClass.ADULT)
    device.streams(4, 90, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-28")
def test_a_second_numeric_of_a_kind_is_judged_like_the_first_and_calls_by_itself(
    scene: Scene,
) -> None:
    device = scene.device()
    device.hello()
    first, second = numeric("SpO2"), replace(numeric("SpO2"), name="SpO2 2")
    what = Description((first, second))
    device.session.describe([("oximeter-1", what)], scene.now)
    adult = PRESETS[AgeClass.ADULT].limits["SpO2"]
    assert scene.bedside().limits_of(second) == scene.bedside().limits_of(first) == adult
    device.streams(11, 97, 85)
    (alarm,) = scene.bedside().board
    assert alarm.condition == Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2 2")
    device.sends(75, 85)
    scene.operators.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", "key")
    assert {each.condition.metric: (each.priority, each.presence, each.value)
            for each in scene.bedside().board} == {
        "SpO2": (Priority.HIGH, Presence.ON, 75),
        "SpO2 2": (Priority.MEDIUM, Presence.ACKNOWLEDGED, 85),
    }  # fmt: skip
    device.streams(5, 75, 97)
    assert [each.condition.metric for each in scene.bedside().board] == ["SpO2"]


@pytest.mark.spec("ALARM-20")
def test_after_a_restart_everything_at_a_bedside_is_as_it_was() -> None:
    before = Scene()
    before.operators.admit("bed 3", "ICU", "patient", AgeClass.PAEDIATRIC, "nurse")
    before.operators.associate("oximeter-1", "bed 3", "nurse")
    device = before.device().begins("HR", "SpO2")
    device.streams(12, 80, 88)
    low = before.alarms()["SPO2_LOW"]
    before.operators.acknowledge(low.occurrence_id, Priority.MEDIUM, "nurse", "key")
    before.operators.pause_audio("bed 3", 60, "nurse", "key")
    device.sends(80, 70)
    assert before.alarms()["SPO2_LOW"].priority is Priority.HIGH
    standing = before.alarms()["SPO2_LOW"]
    written = before.commit()
    assert written.inactivations == {"oximeter-1": ()}, "the rise in priority ended the pause"
    before.operators.pause_audio("bed 3", 60, "nurse", "another key")
    paused = before.commit().inactivations

    after = Scene(
        Restored(
            next_occurrence=2,
            alarms=(standing,),
            devices=(
                StoredDevice("oximeter-1", written.descriptions["oximeter-1"],
                             Connection.CONNECTED),
            ),
            inactivations=paused,
            progress=written.progress,
            epochs=written.epochs,
            beds=written.beds,
            stays=written.stays,
            associations=written.associations,
        )
    )  # fmt: skip
    after.clock.advance(before.now - after.now)
    bedside = after.bedside()
    assert (bedside.bed, bedside.unit, bedside.patient_id) == ("bed 3", "ICU", "patient")
    assert bedside.age_class is AgeClass.PAEDIATRIC
    assert bedside.audio_paused_until == before.now + 60
    assert after.alarms() == {"SPO2_LOW": standing}
    assert not after.events, "nothing has happened"
    again = after.device()
    again.hello(given_out=device.seq)
    again.describes("HR", "SpO2")
    again.sends(80, 85)
    assert after.alarms()["SPO2_LOW"] == standing, "the same occurrence, still held, no event"


@pytest.mark.spec("ALARM-20")
def test_an_alarm_is_restored_even_where_its_device_is_not_known_any_more() -> None:
    before = Scene()
    before.device().begins("HR", "SpO2").sends(0, 97)
    standing = before.alarms()["ASYSTOLE"]
    after = Scene(Restored(next_occurrence=2, alarms=(standing,)))
    assert after.alarms() == {"ASYSTOLE": standing}
    assert after.operators.acknowledge(1, Priority.HIGH, "nurse", "key")


@pytest.mark.spec("ALARM-20")
def test_a_device_that_does_not_come_back_after_a_restart_is_lost() -> None:
    stored = StoredDevice("oximeter-1", description("HR"), Connection.CONNECTED)
    scene = Scene(Restored(devices=(stored,)))
    scene.passes(9.5)
    assert not scene.alarms()
    scene.passes(0.5)
    assert set(scene.alarms()) == {"CONNECTION_LOST"}


@pytest.mark.spec("ALARM-20")
def test_a_device_that_had_left_before_a_restart_is_not_missed() -> None:
    stored = StoredDevice("oximeter-1", description("HR"), Connection.AWAY)
    scene = Scene(Restored(devices=(stored,)))
    scene.passes(60)
    assert not scene.ward.bedsides


@pytest.mark.spec("ALARM-9")
def test_an_acknowledgement_runs_out_by_the_clock_of_the_ward(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    alarm = scene.alarms()["ASYSTOLE"]
    scene.operators.acknowledge(alarm.occurrence_id, Priority.HIGH, "nurse", "key")
    given = scene.alarms()["ASYSTOLE"].acknowledgement
    assert given == Acknowledgement("nurse", scene.now, scene.now + 120)
    device.streams(119, 0, 97)
    assert scene.alarms()["ASYSTOLE"].presence is Presence.ACKNOWLEDGED
    device.streams(1, 0, 97)
    assert scene.alarms()["ASYSTOLE"].presence is Presence.ON


@pytest.mark.spec("ALARM-29")
def test_a_delay_begins_anew_after_a_kill_and_what_needs_none_waits_for_nothing(
    scene: Scene, device: Device
) -> None:
    device.streams(5, 72, 97).streams(8, 72, 85)
    written = scene.commit()
    stored = StoredDevice("oximeter-1", written.descriptions["oximeter-1"], Connection.CONNECTED)
    # The disk has all but the last two values.
    ats = [scene.now - 1, scene.now]
    after = Scene(
        Restored(devices=(stored,), progress=through("device/oximeter-1", device.seq - 2)),
        clock=scene.clock,
    )
    again = after.device()
    again.hello(given_out=device.seq)
    again.describes("HR", "SpO2")
    for at in ats:
        again.sends(72, 85, at=at)
    again.streams(8, 72, 85)
    assert not after.alarms()
    again.streams(1, 72, 85)
    assert set(after.alarms()) == {"SPO2_LOW"}
    again.streams(1, 0, 85)
    assert "ASYSTOLE" in after.alarms()


def test_a_bed_that_was_restored_knows_its_stay() -> None:
    stay = Stay("bed 3", "patient", AgeClass.NEONATAL, 1.0)
    scene = Scene(Restored(beds=(Bed("bed 3", "NICU"),), stays=(stay,)))
    assert scene.ward.registry.stay("bed 3") == stay
    assert scene.ward.registry.stay_of("patient") == stay
    assert scene.ward.registry.stay_of("another") is None


# -- the quick way and the slow way ---------------------------------------------------------


def test_quiet_values_are_not_judged_one_by_one(scene: Scene, device: Device) -> None:
    device.sends(72, 97)
    bedside = scene.bedside()
    bedside._monitors = [cast("MetricMonitor", None)] * 2
    device.sends(73, 96)
    assert list(bedside.values) == [73, 96]
    with pytest.raises(AttributeError):
        device.sends(0, 96)


reports = st.lists(
    st.tuples(
        st.floats(-0.4, 3.0),
        st.one_of(st.sampled_from((0.0, 50.0, 72.0, 120.0, 200.0)), st.just(nan)),
        st.one_of(st.sampled_from((79.0, 88.0, 90.0, 97.0)), st.just(nan)),
    ),
    max_size=40,
)


@pytest.mark.spec("ALARM-4")
@given(reports)
def test_the_common_case_is_only_a_quicker_way_to_the_same_state(
    frames: list[tuple[float, float, float]],
) -> None:
    def bedside() -> Bedside:
        made = Bedside(1, "device", iter(range(1, 1000)).__next__, 1000.0)
        made.describe(description("HR", "SpO2"), 1000.0)
        made.connect(1000.0)
        return made

    quick, slow = bedside(), bedside()
    at = 1000.0
    for step, *values in frames:
        at += step
        current = quick.observe_quiet(at, at, values) or quick.observe(at, at, values)
        assert slow.observe(at, at, values, validity=(0, 0)) == current
        for one in (quick, slow):
            # It may ask to be looked at sooner than need be, never later than what is due.
            while one.tick(at) <= at:
                pass
        assert quick.board.events == slow.board.events
        assert list(map(str, quick.values)) == list(map(str, slow.values))
        assert list(quick.observed_at) == list(slow.observed_at)
        assert list(quick.validity) == list(slow.validity)
