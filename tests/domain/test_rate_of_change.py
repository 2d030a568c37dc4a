"""A value that moves fast: stories at a bedside, and a plain reading of the rule."""

from math import inf, isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.domain.alarms import Kind, Priority
from rpm_service.domain.limits import MetricLimits, RateOfChange
from rpm_service.domain.metric_monitor import NEVER_QUIET
from rpm_service.domain.rate_of_change import WINDOW_VALUES_MAX
from tests.support.metric_bed import INVALID, Bed, Sample

FAST = MetricLimits(rate=RateOfChange(change=10, window_s=5))


@pytest.mark.spec("ALARM-53")
def test_a_fall_by_more_than_the_change_within_the_window_is_a_medium_alarm() -> None:
    bed = Bed(FAST).measures(98, 97, 95, 92, 88)
    assert not bed.names, "10 is not more than 10"
    bed.measures(87)
    alarm = bed.alarms["SPO2_FALLING"]
    assert (alarm.condition.kind, alarm.condition.metric) == (Kind.PHYSIOLOGICAL, "SpO2")
    assert (alarm.priority, alarm.value, alarm.limit) == (Priority.MEDIUM, 87, None)
    assert bed.measures(86).names == {"SPO2_FALLING"}, "11 below the 97 of 5 s ago"
    assert not bed.measures(86).names, "9 below the 95 of 5 s ago"
    assert bed.board.events[-1].alarm.extreme == 86


@pytest.mark.spec("ALARM-53")
def test_a_slow_fall_is_none_however_deep() -> None:
    assert not Bed(FAST).measures(*range(98, 40, -2)).names


@pytest.mark.spec("ALARM-53")
def test_a_rise_is_a_condition_of_its_own() -> None:
    bed = Bed(FAST, metric="HR").measures(70, 75, 81)
    assert bed.names == {"HR_RISING"}
    bed.measures(60)
    assert bed.names == {"HR_FALLING"}, "nothing in the window is so low that 60 has risen"


@pytest.mark.spec("ALARM-53")
def test_a_fast_change_that_is_over_ends_only_after_the_hold() -> None:
    limits = MetricLimits(rate=RateOfChange(10, 5), hold_s=2)
    bed = Bed(limits).measures(98, 80, 98, 98)
    assert bed.names == {"SPO2_FALLING", "SPO2_RISING"}
    assert bed.measures(98).names == {"SPO2_RISING"}


@pytest.mark.spec("ALARM-54")
def test_a_metric_with_a_rate_is_never_quiet() -> None:
    bed = Bed(FAST).measures(98, 98)
    assert bed.monitor.quiet_band == NEVER_QUIET


@pytest.mark.spec("ALARM-54")
def test_nothing_is_compared_over_a_time_without_a_signal() -> None:
    bed = Bed(FAST, signal_delay_s=1).measures(98, nan, 80)
    assert bed.names == {"SPO2_FALLING"}, "one value that is missing hides no fall"
    bed = Bed(FAST, signal_delay_s=1).measures(98, INVALID, INVALID, 80)
    assert not bed.names
    bed.monitor.go_stale(bed.now, bed.now)
    assert not bed.measures(65, 64).names, "a metric that had stopped"


@pytest.mark.spec("ALARM-54")
def test_after_a_lost_connection_what_is_still_within_the_window_calls_anew() -> None:
    bed = Bed(FAST).measures(98, 80)
    first = bed.alarms["SPO2_FALLING"].occurrence_id
    bed.monitor.after_gap(bed.now, bed.now)
    assert not bed.names
    assert bed.measures(80).alarms["SPO2_FALLING"].occurrence_id > first


@pytest.mark.spec("ALARM-54")
def test_after_a_restart_the_window_begins_anew_and_what_was_present_ends() -> None:
    bed = Bed(FAST).measures(98, 80)
    bed.put_in_force(FAST)
    assert bed.names == {"SPO2_FALLING"}
    assert not bed.measures(80).names


@pytest.mark.spec("ALARM-21")
def test_a_rate_that_is_no_longer_in_force_ends_its_alarm() -> None:
    bed = Bed(FAST).measures(98, 80)
    bed.put_in_force(MetricLimits(low=70))
    assert not bed.names


def test_the_charge_of_a_battery_that_falls_fast_is_about_equipment() -> None:
    alarm = Bed(FAST, metric="Batt").measures(98, 80).alarms["BATTERY_FALLING"]
    assert (alarm.condition.kind, alarm.priority) == (Kind.TECHNICAL, Priority.LOW)


def test_no_more_values_are_kept_than_a_fast_metric_needs() -> None:
    bed = Bed(MetricLimits(rate=RateOfChange(1e9, 300)), metric="X")
    for step in range(2 * WINDOW_VALUES_MAX):
        bed.monitor.observe(float(step), 2000 + step / 1000, 2000.0)
    assert max(len(rate._window) for rate in bed.monitor._rates) == WINDOW_VALUES_MAX


samples = st.lists(
    st.integers(80, 105).map(
        lambda each: {103: nan, 104: nan, 105: INVALID}.get(each, float(each))
    ),
    max_size=40,
)


def plainly(so_far: list[Sample], rate: RateOfChange, signal_delay_s: int) -> set[str]:
    """What is present after the last of these samples, a second apart, without a hold."""
    usable = [not isinstance(each, str) and not isnan(each) for each in so_far]
    if not any(usable[-signal_delay_s - 1 :]):
        return set()
    last = max(place for place, good in enumerate(usable) if good)
    began = 0
    for place in range(last):
        if not any(usable[place : place + signal_delay_s + 1]):
            began = place
    window = [
        each
        for place, each in enumerate(so_far)
        if began <= place <= last and last - place <= rate.window_s and usable[place]
    ]
    value = window[-1]
    assert not isinstance(value, str)
    numbers = [each for each in window if not isinstance(each, str)]
    falls = max(numbers, default=-inf) - value > rate.change
    rises = value - min(numbers, default=inf) > rate.change
    return {name for name, holds in (("SPO2_FALLING", falls), ("SPO2_RISING", rises)) if holds}


@pytest.mark.spec("ALARM-53")
@settings(max_examples=300)
@given(samples, st.integers(1, 12), st.integers(1, 8), st.integers(0, 3))
def test_a_fast_change_is_what_the_rule_says(
    parts: list[Sample], change: int, window_s: int, signal_delay_s: int
) -> None:
    rate = RateOfChange(change, window_s)
    bed = Bed(MetricLimits(rate=rate), signal_delay_s=signal_delay_s)
    for place, sample in enumerate(parts):
        bed.measures(sample)
        moving = {name for name in bed.names if name.startswith("SPO2")}
        assert moving == plainly(parts[: place + 1], rate, signal_delay_s), place
