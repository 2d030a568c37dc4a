"""Trends: what a bed's stored numerics were on the average, at least and at most."""

from collections.abc import Iterator, Sequence
from math import floor, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Association, Bed, Description, Stay
from rpm_service.application.history import NumericColumns
from rpm_service.application.records import METRICS_MAX, Trend
from rpm_service.application.trend import export, of_bed, trend
from rpm_service.domain.limits import AgeClass
from tests.support.columns import T0, columns, histories
from tests.support.vital_signs import numeric

HR = Description((numeric("HR"),))
ADULT = AgeClass.ADULT


class Kept:
    """History in memory."""

    def __init__(
        self,
        by_device: dict[str, list[NumericColumns]],
        stays: Sequence[Stay] = (),
        associations: Sequence[Association] = (),
        beds: Sequence[Bed] = (),
    ) -> None:
        self._by_device = by_device
        self._kept = beds, stays, associations

    def devices(self) -> Sequence[str]:
        return list(self._by_device)

    def beds(self) -> Sequence[Bed]:
        return self._kept[0]

    def stays(self) -> Sequence[Stay]:
        return self._kept[1]

    def associations(self) -> Sequence[Association]:
        return self._kept[2]

    def numerics(self, device_id: str, since: float, until: float) -> Iterator[NumericColumns]:
        for each in self._by_device[device_id]:
            inside = (each.received_at >= since) & (each.received_at < until)
            if inside.any():
                yield each.chosen(inside)


def every_second(begin: float, end: float, value: float = 80.0) -> NumericColumns:
    return columns(HR, [(T0 + at, [value], None, None) for at in np.arange(begin, end)])


def shown(history: Kept, bed: str, begin: float = 0, end: float = 3600) -> set[float]:
    """The values that a bed shows."""
    rows = export(history, bed, T0 + begin, T0 + end).chunks
    return {value for chunk in rows for _, values in chunk for value in values if value is not None}


def plainly(
    stored: list[NumericColumns], since: float, until: float, step_s: float
) -> dict[str, dict[int, list[float]]]:
    """Every usable value, by metric and bucket, one after the other."""
    found: dict[str, dict[int, list[float]]] = {}
    for each in stored:
        for place in range(len(each)):
            at = float(each.observed_at[place])
            if not since <= at < until:
                continue
            values, indices, validity = each.row(place)
            for nth, value in enumerate(values):
                index = indices[nth] if indices else nth
                if not isnan(value) and (not validity or validity[nth] <= 2):
                    buckets = found.setdefault(each.description.numerics[index].name, {})
                    buckets.setdefault(floor(at / step_s), []).append(value)
    return found


@pytest.mark.spec("RECORDS-1")
@pytest.mark.spec("RECORDS-2")
@given(histories(), st.floats(-100, 1000), st.floats(1, 4000), st.integers(2, 400))
def test_a_trend_is_what_a_plain_computation_gives(
    stored: list[NumericColumns], begin: float, span: float, points: int
) -> None:
    since, until = T0 + begin, T0 + begin + span
    history = Kept({"bed-1": stored})
    result = trend(of_bed(history, "bed-1", since, until), since, until, points)
    assert len(result.at) <= points
    assert result.since <= since
    assert until <= result.until
    expected = plainly(stored, since, until, result.step_s)
    assert {each.name for each in result.metrics} == set(expected)
    first = round(result.since / result.step_s)
    for each in result.metrics:
        buckets = expected[each.name]
        for place, row in enumerate(zip(each.mean, each.low, each.high, strict=True)):
            values = buckets.get(first + place)
            if values is None:
                assert row == (None, None, None)
            else:
                mean, low, high = row
                assert (low, high) == (min(values), max(values))
                assert mean == pytest.approx(sum(values) / len(values))


def test_the_same_time_is_in_the_same_bucket_whenever_it_is_asked_for() -> None:
    history = Kept({"bed-1": [every_second(0, 3000)]})

    def asked(at: float) -> Trend:
        since, until = T0 + at, T0 + at + 3600
        return trend(of_bed(history, "bed-1", since, until), since, until, 100)

    earlier, later = asked(0), asked(61)
    assert earlier.step_s == later.step_s == 37
    assert set(later.at[:90]) <= set(earlier.at)


@pytest.mark.spec("RECORDS-2")
def test_an_asystole_is_a_value_and_a_gap_is_none() -> None:
    stored = columns(HR, [(T0, [0.0], None, None), (T0 + 1, [nan], None, None)])
    (heart_rate,) = trend(iter([stored]), T0, T0 + 3, 4).metrics
    assert heart_rate.mean[:3] == heart_rate.low[:3] == heart_rate.high[:3] == [0.0, None, None]


@pytest.mark.spec("RECORDS-3")
def test_a_new_patient_sees_nothing_of_the_one_before() -> None:
    stored = [every_second(0, 1000, 50), every_second(1000, 2000, 60), every_second(2000, 3000, 70)]
    history = Kept(
        {"m1": stored},
        [Stay("B1", "p1", ADULT, T0, T0 + 1000), Stay("B1", "p2", ADULT, T0 + 2000)],
        [Association("m1", "B1", T0 - 10)],
        [Bed("B1")],
    )
    assert shown(history, "B1") == {70}


@pytest.mark.spec("RECORDS-3")
def test_an_empty_bed_shows_nothing_of_who_has_left() -> None:
    stored = [every_second(0, 1001, 50), every_second(1001, 2000, 60)]
    history = Kept(
        {"m1": stored},
        [Stay("B1", "p1", ADULT, T0, T0 + 1000)],
        [Association("m1", "B1", T0 - 10)],
    )
    assert shown(history, "B1") == {60}


@pytest.mark.spec("RECORDS-3")
def test_a_history_goes_along_to_another_bed() -> None:
    moved = T0 + 1000
    history = Kept(
        {
            "m1": [every_second(0, 1000, 50), every_second(1000, 2000, 60)],
            "m2": [every_second(0, 1000, 70), every_second(1000, 2000, 80)],
        },
        [Stay("B1", "p1", ADULT, T0, moved), Stay("B2", "p1", ADULT, moved)],
        [Association("m1", "B1", T0), Association("m2", "B2", T0)],
    )
    assert shown(history, "B2") == {50, 80}
    assert shown(history, "B1") == {60}


@pytest.mark.spec("RECORDS-3")
def test_a_device_without_a_bed_is_not_mistaken_for_a_bed_of_its_name() -> None:
    history = Kept(
        {"B1": [every_second(0, 3000, 50)], "m2": [every_second(0, 3000, 60)]},
        associations=[Association("m2", "B1", T0 + 1000, T0 + 2000)],
    )
    assert shown(history, "B1", 1000, 2000) == {60}
    assert shown(history, "device B1") == {50}
    assert shown(history, "B1", 0, 1000) == shown(history, "B1", 2000) == {50}


@pytest.mark.spec("RECORDS-3")
@pytest.mark.spec("RECORDS-4")
def test_what_was_kept_of_the_patient_before_is_not_the_next_ones() -> None:
    """A device was away, and comes back to a bed with another patient."""
    late = columns(HR, [(T0 + at, [50.0], None, None) for at in range(1000)])
    # 1,000 s of values in 100 s.
    late = NumericColumns(HR, late.observed_at, T0 + 2000 + np.arange(1000) / 10, late.values)
    history = Kept(
        {"m1": [late, every_second(2101, 2300, 60)]},
        [Stay("B1", "p1", ADULT, T0, T0 + 1500), Stay("B1", "p2", ADULT, T0 + 1600)],
        [Association("m1", "B1", T0 - 10)],
    )
    assert shown(history, "B1") == {60}


@pytest.mark.spec("RECORDS-4")
def test_what_came_late_is_at_the_time_it_was_observed() -> None:
    at = T0 + np.arange(1000.0)
    late = NumericColumns(HR, at, T0 + 2000 + np.arange(1000) / 10, np.full((1000, 1), 50.0))
    history = Kept({"bed-1": [late, every_second(2101, 2300, 60)]})
    begun = [at for at, _ in next(iter(export(history, "bed-1", T0, T0 + 3600).chunks))]
    assert begun == at.tolist()


def test_a_bed_that_never_was_is_refused() -> None:
    with pytest.raises(ActRefused, match="there is no bed 'B9'"):
        list(of_bed(Kept({"bed-1": []}, beds=[Bed("B2")]), "B9", T0, T0 + 1))
    assert list(of_bed(Kept({"bed-1": []}, beds=[Bed("B2")]), "B2", T0, T0 + 1)) == []


def test_metrics_are_bounded() -> None:
    many = Description(tuple(numeric("HR") for _ in range(METRICS_MAX + 1)))
    many = Description(
        tuple(
            type(each)(f"HR {place}", *(getattr(each, name) for name in each.__slots__[1:]))
            for place, each in enumerate(many.numerics)
        )
    )
    stored = columns(many, [(T0, [80.0] * (METRICS_MAX + 1), None, None)])
    assert len(trend(iter([stored]), T0, T0 + 10, 10).metrics) == METRICS_MAX
    assert len(export(Kept({"m": [stored]}), "m", T0, T0 + 10).columns) == METRICS_MAX
