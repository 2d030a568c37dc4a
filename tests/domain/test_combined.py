from itertools import count

import pytest

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.combined import COMBINED_WARNING, VITALS, judge_combined
from rpm_service.domain.metrics import BY_NAME

KINDS = {"SpO2": "SpO2", "HR": "HR", "ICP": "ICP"}


def board(*alarms: tuple[Condition, Priority]) -> AlarmBoard:
    found = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
    for condition, priority in alarms:
        found.start(condition, priority, 1000.0, 1000.0)
    judge_combined(found, KINDS, 1000.0, 1000.0, in_force=True)
    return found


LOW_SPO2 = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2"), Priority.MEDIUM


@pytest.mark.spec("ALARM-56")
@pytest.mark.parametrize(
    ("other", "is_combined"),
    [
        ((Condition("HR_HIGH", Kind.PHYSIOLOGICAL, "HR"), Priority.MEDIUM), True),
        ((Condition("HR_HIGH", Kind.PHYSIOLOGICAL, "HR"), Priority.LOW), False),
        ((Condition("METRIC_STALE", Kind.TECHNICAL, "HR"), Priority.MEDIUM), False),
        ((Condition("ICP_HIGH", Kind.PHYSIOLOGICAL, "ICP"), Priority.MEDIUM), False),
        ((Condition("DEVICE_VFIB", Kind.PHYSIOLOGICAL), Priority.MEDIUM), False),
        ((Condition("NEWS2_HIGH", Kind.PHYSIOLOGICAL, "NEWS2"), Priority.MEDIUM), False),
    ],
)
def test_only_warnings_on_vitals_count(
    other: tuple[Condition, Priority], is_combined: bool
) -> None:
    assert board(LOW_SPO2, other).holds(COMBINED_WARNING) == is_combined


@pytest.mark.spec("ALARM-56")
def test_a_latched_warning_counts_no_more() -> None:
    found = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
    found.start(*LOW_SPO2, 1000.0, 1000.0)
    high = Condition("HR_HIGH", Kind.PHYSIOLOGICAL, "HR")
    found.start(high, Priority.MEDIUM, 1000.0, 1000.0, latching=True)
    found.end(high, 1001.0, 1001.0)
    judge_combined(found, KINDS, 1001.0, 1001.0, in_force=True)
    assert not found.holds(COMBINED_WARNING)


def test_every_vital_is_of_a_known_metric() -> None:
    assert set(VITALS) <= set(BY_NAME)
