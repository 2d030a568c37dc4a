"""Passing over what is quiet gives what playing every instant gives."""

from collections.abc import Sequence
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.application.evaluation import Evaluation
from rpm_service.application.history import NumericColumns
from rpm_service.application.quiet_runs import play
from rpm_service.domain.limits import AgeClass, AlarmSettings, MetricLimits, RateOfChange
from rpm_service.domain.presets import PRESETS
from tests.support.columns import DESCRIPTIONS, T0, columns, histories

limits = st.builds(
    MetricLimits,
    low=st.sampled_from([None, 50, 88, 90]),
    high=st.sampled_from([None, 98, 120]),
    extreme_low=st.sampled_from([None, 35]),
    extreme_high=st.sampled_from([None, 160]),
    delay_s=st.sampled_from([0, 3, 15]),
    extreme_delay_s=st.sampled_from([0, 5]),
    hysteresis=st.sampled_from([0, 2]),
    hold_s=st.sampled_from([0, 3, 20]),
    latching=st.booleans(),
    rate=st.none() | st.just(RateOfChange(8, 60)),
)
in_force = st.builds(
    AlarmSettings,
    st.dictionaries(st.sampled_from(["SpO2", "HR", "NIBPs"]), limits),
    st.sampled_from([0, 3]),
    standstill=st.booleans(),
    combined=st.booleans(),
) | st.sampled_from([*[PRESETS[AgeClass.ADULT]] * 3, PRESETS[AgeClass.NEONATAL]])


def plainly(stored: NumericColumns, evaluation: Evaluation) -> None:
    """Every instant, one after the other."""
    times = stored.observed_at.tolist()
    if times and stored.description != evaluation.bedside.description:
        evaluation.describe(stored.description, times[0])
    for place, at in enumerate(times):
        evaluation.instant(at, *stored.row(place))


def left_behind(evaluation: Evaluation) -> Sequence[object]:
    """What the bedside is like afterwards, as anybody may see it."""
    bedside = evaluation.bedside
    return [
        [repr(value) for value in bedside.values],
        list(bedside.observed_at),
        list(bedside.validity),
        bedside.connection,
        bedside.quiet(),
        bedside.is_monitored,
        list(bedside.board),
    ]


def compare(stored: Sequence[NumericColumns], settings_: AlarmSettings) -> None:
    began = float(stored[0].observed_at[0])
    plain, quick = (Evaluation(settings_, began) for _ in range(2))
    for each in stored:
        plainly(each, plain)
        play(each, quick)
        assert left_behind(quick) == left_behind(plain)
    # What runs out later is noticed alike.
    end = float(stored[-1].observed_at[-1]) + 100.0
    for one in (plain, quick):
        one.reach(end)
    assert left_behind(quick) == left_behind(plain)
    assert quick.end() == plain.end()


@pytest.mark.spec("ANALYSIS-2")
@settings(max_examples=200)
@given(stored=histories(), settings_=in_force)
def test_passing_over_what_is_quiet_changes_nothing(
    stored: list[NumericColumns], settings_: AlarmSettings
) -> None:
    compare(stored, settings_)


@pytest.mark.spec("ANALYSIS-2")
def test_a_missing_signal_that_is_called_invalid_is_news() -> None:
    described = DESCRIPTIONS[1]
    rows = [(T0 + second, [97.0], None, [0]) for second in range(100)]
    rows += [(T0 + second, [nan], None, [4]) for second in range(100, 200)]
    rows += [(T0 + second, [nan], None, [3]) for second in range(200, 300)]
    compare([columns(described, rows)], PRESETS[AgeClass.ADULT])


ADULT = PRESETS[AgeClass.ADULT]


@pytest.mark.spec("ANALYSIS-2")
def test_a_connection_that_is_lost_in_the_middle_of_an_alarm_is_noticed() -> None:
    before, after = range(60), range(72, 130)
    rows = [(T0 + second, [85.0, 97.0], None, None) for second in (*before, *after)]
    compare([columns(DESCRIPTIONS[0], rows)], ADULT)


@pytest.mark.spec("ANALYSIS-2")
def test_in_an_alarm_what_is_not_reported_goes_stale() -> None:
    whole = [(T0 + second, [97.0, 120.0, 85.0], None, None) for second in range(60)]
    partly = [
        (T0 + second, [97.0, 120.0, 85.0], [False, True, True], None) for second in range(60, 120)
    ]
    compare([columns(DESCRIPTIONS[2], whole + partly)], ADULT)


def values_handed_over(rows: list[tuple[float, list[float], None, None]]) -> int:
    """How many values the bedside was asked to judge."""
    evaluation = Evaluation(PRESETS[AgeClass.ADULT], T0)
    judged = evaluation.bedside.observe
    count = 0

    def counting(at: float, now: float, values: Sequence[float], *rest: Sequence[int]) -> bool:
        nonlocal count
        count += len(values)
        return judged(at, now, values, *rest)

    evaluation.bedside.observe = counting
    play(columns(DESCRIPTIONS[0], rows), evaluation)
    return count


def test_a_quiet_hour_costs_next_to_nothing() -> None:
    assert values_handed_over([(T0 + place, [97, 72], None, None) for place in range(3600)]) < 10


def test_a_socket_that_nothing_is_plugged_into_costs_next_to_nothing() -> None:
    assert values_handed_over([(T0 + place, [97, nan], None, None) for place in range(3600)]) < 10


def test_a_sensor_that_is_off_for_an_hour_costs_next_to_nothing() -> None:
    rows = [(T0 + place, [97, 72 if place < 60 else nan], None, None) for place in range(3600)]
    assert values_handed_over(rows) < 30


def test_an_hour_in_alarm_costs_the_values_of_that_metric() -> None:
    rows = [(T0 + place, [85, 72], None, None) for place in range(3600)]
    assert 3600 <= values_handed_over(rows) < 3610
