"""Alarm conditions of one metric, as stories at a bedside: SpO2 with a sample each second."""

from collections.abc import Iterable
from math import nan

import pytest

from rpm_service.domain.alarms import Kind, Phase, Priority
from rpm_service.domain.limits import MetricLimits
from rpm_service.domain.metric_monitor import NEVER_QUIET
from rpm_service.domain.signals import Presence
from tests.support.metric_bed import INVALID, Bed

BELOW_90 = MetricLimits(low=90)


@pytest.mark.spec("ALARM-2")
def test_at_the_limit_is_not_beyond_it() -> None:
    bed = Bed(MetricLimits(low=90, high=100)).measures(90, 100, 90.0)
    assert not bed.names
    assert bed.measures(89.999).names == {"SPO2_LOW"}
    assert bed.measures(100.001).names == {"SPO2_HIGH"}


@pytest.mark.spec("ALARM-2")
def test_what_is_raised_is_a_physiological_alarm_that_says_value_and_limit() -> None:
    alarm = Bed(BELOW_90).measures(95, 88).alarms["SPO2_LOW"]
    assert alarm.condition.kind is Kind.PHYSIOLOGICAL
    assert alarm.condition.metric == "SpO2"
    assert alarm.priority is Priority.MEDIUM
    assert (alarm.value, alarm.limit, alarm.raised_at) == (88, 90, 1002)


@pytest.mark.spec("ALARM-3")
def test_a_violation_must_persist_for_at_least_the_delay() -> None:
    bed = Bed(MetricLimits(low=90, delay_s=5)).measures(88, 88, 88, 88, 88)
    assert not bed.names, "first and last violating sample are only 4 s apart"
    assert bed.measures(88).names == {"SPO2_LOW"}
    assert bed.alarms["SPO2_LOW"].raised_at == 1006


@pytest.mark.spec("ALARM-3")
def test_one_sample_within_the_limit_begins_the_delay_anew() -> None:
    bed = Bed(MetricLimits(low=90, delay_s=5)).measures(88, 88, 88, 88, 90, 88, 88, 88, 88, 88)
    assert not bed.names
    assert bed.measures(88).names == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-4")
def test_time_alone_raises_and_ends_no_limit_alarm() -> None:
    bed = Bed(MetricLimits(low=90, delay_s=5, hold_s=3)).measures(88)
    bed.now += 100
    bed.measures(95)
    assert not bed.board.events, "one violating sample is not seen to last, however long ago"
    bed.measures(88)
    bed.now += 100
    assert bed.measures(88).names == {"SPO2_LOW"}
    bed.measures(95)
    bed.now += 100
    assert bed.names == {"SPO2_LOW"}
    assert not bed.measures(95).names


@pytest.mark.spec("ALARM-5")
def test_an_alarm_ends_only_when_the_value_is_back_by_the_hysteresis() -> None:
    bed = Bed(MetricLimits(low=90, hysteresis=2)).measures(89, 90, 91, 91.9)
    assert bed.names == {"SPO2_LOW"}
    assert not bed.measures(92).names
    assert not bed.measures(91, 90).names, "hysteresis counts for what is present only"


@pytest.mark.spec("ALARM-5")
def test_an_alarm_ends_only_when_the_value_stays_back_for_the_hold() -> None:
    bed = Bed(MetricLimits(low=90, hold_s=3)).measures(89, 95, 95, 95, 89, 95, 95, 95)
    assert bed.names == {"SPO2_LOW"}
    assert bed.told() == [("start", "SPO2_LOW")]
    assert not bed.measures(95).names
    assert bed.board.events[-1].alarm.ended_at == 1009


@pytest.mark.spec("ALARM-5")
def test_without_hysteresis_and_hold_the_first_sample_within_the_limit_ends_it() -> None:
    bed = Bed(BELOW_90).measures(89, 90, 89, 90)
    assert bed.told() == [("start", "SPO2_LOW"), ("end", "SPO2_LOW")] * 2


TIERS = MetricLimits(low=90, extreme_low=80, delay_s=5, hysteresis=1, hold_s=2)


@pytest.mark.spec("ALARM-6")
def test_the_two_limits_of_a_side_are_one_condition_whose_priority_changes() -> None:
    bed = Bed(TIERS).measures(88, 88, 88, 88, 88, 88)
    assert bed.alarms["SPO2_LOW"].priority is Priority.MEDIUM
    bed.measures(79)
    alarm = bed.alarms["SPO2_LOW"]
    assert (alarm.priority, alarm.limit) == (Priority.HIGH, 80)
    bed.measures(85, 85, 85)
    alarm = bed.alarms["SPO2_LOW"]
    assert (alarm.priority, alarm.limit, alarm.extreme) == (Priority.MEDIUM, 90, 79)
    bed.measures(91, 91, 91)
    assert bed.told() == [
        ("start", "SPO2_LOW"),
        ("escalate", "SPO2_LOW"),
        ("deescalate", "SPO2_LOW"),
        ("end", "SPO2_LOW"),
    ]
    assert {event.alarm.occurrence_id for event in bed.board.events} == {1}


@pytest.mark.spec("ALARM-6")
def test_what_was_beyond_the_high_limit_falls_back_to_medium_without_a_delay_of_its_own() -> None:
    bed = Bed(TIERS).measures(79)
    assert bed.alarms["SPO2_LOW"].priority is Priority.HIGH
    bed.measures(85, 85, 85)
    assert bed.alarms["SPO2_LOW"].priority is Priority.MEDIUM
    assert bed.told() == [("start", "SPO2_LOW"), ("deescalate", "SPO2_LOW")]


@pytest.mark.spec("ALARM-6")
def test_the_high_limit_may_stand_alone() -> None:
    bed = Bed(MetricLimits(extreme_high=160), metric="HR").measures(150, 161)
    assert bed.alarms["HR_HIGH"].priority is Priority.HIGH
    assert not bed.measures(160).names


@pytest.mark.spec("ALARM-11")
def test_a_heart_rate_of_0_is_a_value_and_beyond_every_low_limit() -> None:
    bed = Bed(MetricLimits(low=50, extreme_low=35), metric="HR").measures(72, 0)
    alarm = bed.alarms["HR_LOW"]
    assert alarm.priority is Priority.HIGH
    assert alarm.value == 0
    assert bed.names == {"HR_LOW"}, "0 is not missing"


@pytest.mark.spec("ALARM-12")
@pytest.mark.promise("G17")
def test_a_missing_value_is_neither_normal_nor_violating() -> None:
    bed = Bed(MetricLimits(low=90, delay_s=4)).measures(95, nan, 88, nan, 88, nan)
    assert not bed.board.events
    assert bed.measures(88).names == {"SPO2_LOW"}, "dropouts do not hide what they interrupt"
    assert bed.measures(nan, nan).names == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-13")
def test_a_signal_missing_for_the_delay_is_a_technical_alarm_and_ends_the_limit_alarm() -> None:
    bed = Bed(BELOW_90).measures(88, nan, nan, nan)
    assert bed.names == {"SPO2_LOW"}
    bed.measures(nan)
    assert bed.names == {"METRIC_MISSING"}
    alarm = bed.alarms["METRIC_MISSING"]
    assert (alarm.condition.kind, alarm.condition.metric) == (Kind.TECHNICAL, "SpO2")
    assert alarm.priority is Priority.LOW
    assert bed.measures(95).names == set()


@pytest.mark.spec("ALARM-13")
def test_a_violation_before_the_signal_was_gone_does_not_count_after_it() -> None:
    bed = Bed(MetricLimits(low=90, delay_s=5)).measures(88, nan, nan, nan, nan, nan, 88, 88)
    assert not bed.names


@pytest.mark.spec("ALARM-13")
def test_an_invalid_signal_suppresses_the_limit_alarm_of_its_metric() -> None:
    bed = Bed(BELOW_90, signal_delay_s=0).measures(88, INVALID)
    assert bed.names == {"INVALID_SIGNAL"}
    assert bed.measures(INVALID, INVALID).names == {"INVALID_SIGNAL"}
    assert bed.measures(88).names == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-13")
def test_an_invalid_value_is_not_judged_even_before_it_is_an_alarm() -> None:
    bed = Bed(BELOW_90)
    bed.measures(95)
    bed.monitor.observe(20, 1002, 1002, invalid=True)
    assert not bed.names


@pytest.mark.spec("ALARM-13")
def test_a_signal_now_missing_and_now_invalid_does_not_go_unnoticed() -> None:
    bed = Bed(BELOW_90).measures(95, nan, INVALID, nan, INVALID)
    assert bed.names == {"INVALID_SIGNAL"}
    assert bed.measures(nan).names == {"METRIC_MISSING"}


@pytest.mark.spec("ALARM-14")
def test_a_metric_that_never_had_a_value_is_not_monitored_yet() -> None:
    bed = Bed(BELOW_90, signal_delay_s=0).measures(nan, nan, INVALID)
    bed.monitor.go_stale(bed.now, bed.now)
    assert not bed.board.events
    assert bed.measures(95, nan).names == {"METRIC_MISSING"}


@pytest.mark.spec("ALARM-15")
def test_a_stale_metric_is_a_technical_alarm_until_it_reports_again() -> None:
    bed = Bed(BELOW_90).measures(88)
    bed.monitor.go_stale(1010, 1010)
    assert bed.names == {"METRIC_STALE"}, "what cannot be judged does not hold"
    assert bed.alarms["METRIC_STALE"].priority is Priority.MEDIUM
    bed.monitor.go_stale(1011, 1011)
    assert bed.told(Phase.START) == [("start", "SPO2_LOW"), ("start", "METRIC_STALE")]
    assert bed.measures(88).names == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-15")
def test_a_missing_signal_is_not_called_stale_as_well() -> None:
    bed = Bed(BELOW_90, signal_delay_s=0).measures(95, nan)
    bed.monitor.go_stale(1010, 1010)
    assert bed.names == {"METRIC_MISSING"}


@pytest.mark.spec("ALARM-10")
def test_the_alarm_of_a_latching_limit_latches() -> None:
    bed = Bed(MetricLimits(low=90, latching=True)).measures(88, 95)
    assert bed.alarms["SPO2_LOW"].presence is Presence.LATCHED
    assert bed.measures(88).alarms["SPO2_LOW"].presence is Presence.ON


@pytest.mark.spec("ALARM-17")
def test_the_extreme_is_the_furthest_value_beyond_the_limit() -> None:
    bed = Bed(BELOW_90).measures(88, 84, 86, 95)
    assert bed.board.events[-1].alarm.extreme == 84
    bed = Bed(MetricLimits(high=120), metric="HR").measures(121, 140, 130, 100)
    assert bed.board.events[-1].alarm.extreme == 140


@pytest.mark.spec("ALARM-17")
def test_an_extreme_belongs_to_one_occurrence() -> None:
    bed = Bed(BELOW_90).measures(70, 95, 88, 87, 95)
    assert bed.board.events[-1].alarm.extreme == 87


@pytest.mark.spec("ALARM-20")
def test_what_was_present_before_a_restart_goes_on_without_a_new_delay_or_occurrence() -> None:
    bed = Bed(TIERS).measures(79)
    bed.board.events.clear()
    bed.put_in_force(TIERS)
    assert not bed.board.events
    bed.measures(79)
    assert not bed.board.events
    bed.measures(95, 95, 95)
    assert bed.told() == [("end", "SPO2_LOW")]


@pytest.mark.spec("ALARM-20")
def test_a_signal_that_was_gone_before_a_restart_is_still_gone() -> None:
    bed = Bed(BELOW_90, signal_delay_s=3).measures(95, nan, nan, nan, nan)
    bed.board.events.clear()
    bed.put_in_force(BELOW_90)
    bed.measures(nan)
    assert not bed.board.events
    assert bed.names == {"METRIC_MISSING"}
    bed.put_in_force(BELOW_90)
    assert bed.measures(INVALID).names == {"INVALID_SIGNAL"}, "gone all the while"


@pytest.mark.spec("ALARM-21")
def test_an_alarm_whose_limit_is_no_longer_in_force_ends() -> None:
    bed = Bed(BELOW_90).measures(88)
    bed.put_in_force(MetricLimits(high=100))
    assert not bed.names


@pytest.mark.spec("ALARM-21")
def test_an_alarm_goes_on_until_the_next_value_is_judged_against_the_new_limit() -> None:
    bed = Bed(BELOW_90).measures(88)
    bed.put_in_force(MetricLimits(low=85))
    assert bed.names == {"SPO2_LOW"}
    assert not bed.measures(88).names


@pytest.mark.spec("ALARM-21")
def test_a_priority_whose_limit_is_no_longer_in_force_falls() -> None:
    bed = Bed(TIERS).measures(79)
    bed.put_in_force(BELOW_90)
    assert bed.measures(79).alarms["SPO2_LOW"].priority is Priority.MEDIUM


def within(band: tuple[float, float], values: Iterable[float]) -> list[float]:
    low, high = band
    return [value for value in values if low <= value <= high]


def test_the_quiet_band_is_what_can_change_nothing() -> None:
    bed = Bed(MetricLimits(low=90, high=100, extreme_low=80, delay_s=5))
    assert bed.monitor.quiet_band == NEVER_QUIET
    bed.measures(95)
    assert within(bed.monitor.quiet_band, (89.9, 90, 100, 100.1, nan)) == [90, 100]
    bed.measures(89)
    assert bed.monitor.quiet_band == NEVER_QUIET, "a delay is running"
    bed.measures(95)
    assert bed.monitor.quiet_band == (90, 100)
    bed.measures(nan)
    assert bed.monitor.quiet_band == NEVER_QUIET


def test_without_limits_the_quiet_band_is_the_plausible_range() -> None:
    assert Bed(MetricLimits()).measures(95).monitor.quiet_band == (0, 350)
