"""Which stored rows are judged again, and at what time."""

import numpy as np
import pytest

from rpm_service.application.effects import Description
from rpm_service.application.history import NumericColumns, judged
from tests.support.columns import T0
from tests.support.vital_signs import numeric

SPO2 = Description((numeric("SpO2"),))


def stored(observed: list[float], received: list[float]) -> NumericColumns:
    at, came = (T0 + np.array(times, dtype=float) for times in (observed, received))
    return NumericColumns(SPO2, at, came, np.full((len(at), 1), 97.0))


def times(*columns: NumericColumns) -> list[float]:
    return [float(at) - T0 for each in judged(columns) for at in each.observed_at]


@pytest.mark.spec("ANALYSIS-1")
def test_a_clock_that_is_off_keeps_its_own_durations() -> None:
    slow_by_a_minute = [0.0, 1.0, 2.5, 3.0]
    came = [60.02, 61.4, 62.53, 63.02]
    assert times(stored(slow_by_a_minute, came)) == pytest.approx([60.02, 61.02, 62.52, 63.02])


@pytest.mark.spec("ANALYSIS-1")
def test_what_came_too_late_to_help_is_not_judged() -> None:
    assert times(stored([0, 1, 2, 20, 21], [0, 1, 20, 20, 21])) == [0, 1, 20, 21]


@pytest.mark.spec("ANALYSIS-1")
def test_what_came_after_something_newer_is_not_judged() -> None:
    assert times(stored([0, 3, 1, 4], [0, 3, 3, 4]), stored([2, 5], [5, 5])) == [0, 3, 4, 5]


@pytest.mark.spec("ANALYSIS-1")
def test_a_clock_that_was_set_right_is_followed() -> None:
    assert times(stored([-60, -59, 70, 71], [0, 1, 70, 71])) == [0, 1, 70, 71]


@pytest.mark.spec("ANALYSIS-1")
def test_no_time_is_later_than_its_receipt() -> None:
    assert max(times(stored([0, 1.5, 2], [0, 1, 2]))) <= 2


def test_nothing_stored_is_nothing_judged() -> None:
    assert times() == times(stored([], [])) == []
