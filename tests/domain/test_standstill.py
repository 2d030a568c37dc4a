"""Asystole and apnoea, as stories at a bedside with a sample each second."""

from math import nan

import pytest

from rpm_service.domain.alarms import Kind, Phase, Priority
from rpm_service.domain.limits import MetricLimits
from rpm_service.domain.metric_monitor import NEVER_QUIET
from rpm_service.domain.signals import Presence
from tests.support.metric_bed import INVALID, Bed

HEART = MetricLimits(50, 120, 35, 160, delay_s=5, extreme_delay_s=5, hysteresis=2, hold_s=3)


def heart(limits: MetricLimits = HEART, *, signal_delay_s: float = 3) -> Bed:
    return Bed(limits, metric="HR", signal_delay_s=signal_delay_s, standstill=True)


@pytest.mark.spec("ALARM-50")
def test_asystole_is_a_heart_rate_of_0_and_a_high_priority_alarm_without_a_delay() -> None:
    bed = heart().measures(72, 0)
    alarm = bed.alarms["ASYSTOLE"]
    assert (alarm.condition.kind, alarm.condition.metric) == (Kind.PHYSIOLOGICAL, "HR")
    assert (alarm.priority, alarm.value, alarm.raised_at) == (Priority.HIGH, 0, 1002)
    assert alarm.limit is None, "it needs no limit, and has none"


@pytest.mark.spec("ALARM-50")
def test_apnoea_is_a_respiratory_rate_of_0() -> None:
    bed = Bed(MetricLimits(low=8, delay_s=10), metric="RR", standstill=True).measures(14, 0)
    assert bed.alarms["APNOEA"].priority is Priority.HIGH
    bed = Bed(MetricLimits(), metric="PR", standstill=True).measures(72, 0)
    assert not bed.names, "a pulse that is not felt is no standstill of the heart"


@pytest.mark.spec("ALARM-50")
def test_whatever_limits_are_set_a_standstill_is_an_alarm_and_ends_with_it() -> None:
    bed = heart(MetricLimits()).measures(72)
    low, high = bed.monitor.quiet_band
    assert not low <= 0 <= high
    assert low <= 1 <= high
    assert bed.measures(0).names == {"ASYSTOLE"}
    assert bed.monitor.quiet_band == NEVER_QUIET
    assert not bed.measures(1).names


@pytest.mark.spec("ALARM-50")
def test_where_it_is_not_in_force_0_is_a_low_value_like_any_other() -> None:
    bed = Bed(HEART, metric="HR").measures(72, 0)
    assert not bed.names
    assert bed.measures(0, 0, 0, 0, 0).names == {"HR_LOW"}


@pytest.mark.spec("ALARM-51")
def test_bradycardia_becomes_asystole_and_comes_back_without_a_new_delay() -> None:
    bed = heart().measures(72, 30, 30, 30, 30, 30, 30)
    assert bed.names == {"HR_LOW"}
    assert bed.measures(0).names == {"ASYSTOLE"}
    assert bed.measures(0, 0).names == {"ASYSTOLE"}
    assert bed.measures(28).names == {"HR_LOW"}
    alarm = bed.alarms["HR_LOW"]
    assert (alarm.priority, alarm.limit, alarm.extreme) == (Priority.HIGH, 35, 28)
    assert bed.told() == [
        ("start", "HR_LOW"),
        ("start", "ASYSTOLE"),
        ("end", "HR_LOW"),
        ("start", "HR_LOW"),
        ("end", "ASYSTOLE"),
    ], "at no moment is there no alarm"


@pytest.mark.spec("ALARM-51")
def test_after_asystole_a_normal_heart_rate_is_no_alarm_and_a_low_one_needs_its_delay() -> None:
    bed = heart().measures(72, 0, 72)
    assert not bed.names
    assert not bed.measures(30, 30, 30, 30, 30).names
    assert bed.measures(30).names == {"HR_LOW"}


@pytest.mark.spec("ALARM-51")
def test_a_low_value_after_a_gap_in_asystole_needs_no_delay() -> None:
    bed = heart().measures(72, 0)
    bed.monitor.after_gap(bed.now, bed.now)
    assert not bed.names
    assert bed.measures(30).names == {"HR_LOW"}


@pytest.mark.spec("ALARM-52")
def test_a_signal_that_is_gone_ends_asystole_as_it_ends_every_limit_alarm() -> None:
    bed = heart().measures(72, 0, nan, nan, nan)
    assert bed.names == {"ASYSTOLE"}
    assert bed.measures(nan).names == {"METRIC_MISSING"}
    bed = heart(signal_delay_s=0).measures(72, 0, INVALID)
    assert bed.names == {"INVALID_SIGNAL"}
    assert bed.measures(0).names == {"ASYSTOLE"}
    bed.monitor.go_stale(bed.now, bed.now)
    assert bed.names == {"METRIC_STALE"}


@pytest.mark.spec("ALARM-20")
def test_asystole_from_before_a_restart_goes_on_as_the_same_occurrence() -> None:
    bed = heart().measures(72, 0)
    bed.board.events.clear()
    bed.put_in_force(HEART)
    bed.measures(0)
    assert not bed.board.events
    assert bed.measures(30).told() == [("start", "HR_LOW"), ("end", "ASYSTOLE")]


@pytest.mark.spec("ALARM-21")
def test_asystole_that_is_no_longer_in_force_leaves_a_low_heart_rate_without_a_delay() -> None:
    bed = heart().measures(72, 0)
    bed.standstill = False
    bed.put_in_force(HEART)
    assert not bed.names
    assert bed.measures(0).names == {"HR_LOW"}


@pytest.mark.spec("ALARM-50")
def test_asystole_latches_where_the_limits_of_the_heart_rate_do() -> None:
    bed = heart(MetricLimits(low=50, latching=True)).measures(0, 72)
    assert bed.alarms["ASYSTOLE"].presence is Presence.LATCHED
    assert bed.measures(0).alarms["ASYSTOLE"].presence is Presence.ON
    assert bed.told(Phase.START) == [("start", "ASYSTOLE")] * 2
