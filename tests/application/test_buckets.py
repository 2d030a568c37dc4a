"""Counting in stretches: every alarm is in exactly one cell, and the cells add up."""

from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.application.buckets import BUCKETS_MAX, DAY_S, HOUR_S, Buckets, utc_hour
from rpm_service.application.burden import measure
from rpm_service.application.places import Scope
from rpm_service.domain.alarms import Priority
from tests.application.test_burden import Night

SPANS_S = st.floats(1.0, 400 * DAY_S)
BEGINNINGS = st.floats(0.0, 2e9)


@given(BEGINNINGS, SPANS_S, st.floats(0.0, 1.0, exclude_max=True))
@pytest.mark.spec("BURDEN-6")
def test_a_time_is_in_the_stretch_that_it_is_counted_in(
    since: float, span_s: float, share: float
) -> None:
    until = since + span_s
    at = min(since + share * span_s, until)
    buckets = Buckets.of(since, until)
    ends = buckets.ends()
    assert 1 <= len(ends) == len(buckets) <= BUCKETS_MAX
    assert (ends[0][0], ends[-1][1]) == (since, until)
    assert all(end == begin for (_, end), (begin, _) in pairwise(ends))
    begin, end = ends[buckets.place(at)]
    assert begin - 1e-3 <= at <= end + 1e-3


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["B1", "B2", "B3"]),
            st.integers(-1_000, 100_000),
            st.sampled_from([Priority.HIGH, Priority.MEDIUM, Priority.LOW]),
        ),
        max_size=30,
    ),
    st.sampled_from([-inf, 0.0, 17.5, 50_000.0]),
    st.sampled_from([60_000.0, DAY_S, 100_001.0]),
)
@pytest.mark.spec("BURDEN-6")
def test_every_alarm_is_in_one_cell_of_each_picture(
    raised: list[tuple[str, int, Priority]], since: float, until: float
) -> None:
    night = Night()
    for bed, at, priority in sorted(raised, key=lambda each: each[1]):
        night.alarm(bed, float(at), 0.5, priority=priority)
    scope = Scope(since, until)
    found = measure(night.events, {}, lambda _: "", scope).physiological
    inside = [each for each in raised if since <= each[1] < until]
    cells = {
        (bed.bed, hour): count
        for bed in found.beds
        for hour, count in enumerate(bed.by_hour)
        if count
    }
    expected: dict[tuple[str, int], int] = {}
    for bed, at, _ in inside:
        cell = bed, utc_hour(at)
        expected[cell] = expected.get(cell, 0) + 1
    assert cells == expected
    assert found.occurrences == len(inside)
    for name in ("high", "medium", "low"):
        of_priority = [each for each in inside if each[2] is Priority[name.upper()]]
        assert sum(getattr(each, name) for each in found.over_time) == len(of_priority)
    for each in found.over_time:
        here = [at for _, at, _ in inside if each.since <= at < each.until]
        assert each.high + each.medium + each.low == len(here)


@pytest.mark.spec("BURDEN-6")
@pytest.mark.parametrize(
    ("span_s", "step_s"),
    [
        (HOUR_S, 300), (DAY_S, HOUR_S), (3 * DAY_S, HOUR_S), (7 * DAY_S, 6 * HOUR_S),
        (31 * DAY_S, DAY_S), (365 * DAY_S, 7 * DAY_S), (3_650 * DAY_S, 49 * DAY_S),
    ],
)  # fmt: skip
def test_stretches_are_as_short_as_can_be_told_apart(span_s: float, step_s: float) -> None:
    assert Buckets.of(1e9, 1e9 + span_s).step_s == step_s
