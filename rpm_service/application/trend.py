"""Numerics of one bed in buckets: what each metric was on the average, at least and at most.

It loads numpy: import it where it is needed.
"""

from collections.abc import Iterable, Iterator
from math import ceil, floor, isnan

import numpy as np

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Numeric
from rpm_service.application.history import History, Numbers, NumericColumns, on_server_clock
from rpm_service.application.places import Places
from rpm_service.application.records import (
    EXPORT_ROWS_MAX,
    LATE_S,
    METRICS_MAX,
    Column,
    Export,
    MetricTrend,
    Trend,
)
from rpm_service.application.sifting import VALID

Key = tuple[str, int, str]
"""What makes two numerics the same metric of a bed: name, code and unit."""


def of_bed(history: History, bed: str, since: float, until: float) -> Iterator[NumericColumns]:
    """What was measured for whoever lies in a bed, at times on the server's clock.

    From `since` to before `until`, device by device, as it was received. Raises ActRefused.
    """
    devices = history.devices()
    places = Places(history.beds(), history.stays(), history.associations())
    course = places.course(bed)
    sources = [
        (device_id, max(begun, since), min(ended, until))
        for device_id in devices
        for begun, ended in places.sources(device_id, course)
    ]
    if not sources and not places.knows(bed):
        raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
    for device_id, begun, ended in sources:
        if begun >= ended:
            continue
        for columns in on_server_clock(history.numerics(device_id, begun, ended + LATE_S)):
            inside = (columns.observed_at >= begun) & (columns.observed_at < ended)
            if inside.any():
                yield columns.chosen(inside)


def usable(columns: NumericColumns, place: int) -> Numbers:
    """Values of one numeric; NaN where there is none, or none to be used."""
    values = columns.values[:, place]
    usable = np.isfinite(values)
    if columns.reported is not None:
        usable &= columns.reported[:, place]
    if columns.validity is not None:
        usable &= np.isin(columns.validity[:, place], VALID)
    return np.where(usable, values, np.nan)


def trend(measured: Iterable[NumericColumns], since: float, until: float, points: int) -> Trend:
    """Puts values into at most so many buckets, which begin at whole multiples of their length.

    So the same time is in the same bucket whenever it is asked for.
    """
    step_s = max(1.0, float(ceil((until - since) / (points - 1))))
    first = floor(since / step_s)
    count = ceil(until / step_s) - first
    found: dict[Key, _Buckets] = {}
    for columns in measured:
        at = np.floor(columns.observed_at / step_s).astype(np.int64) - first
        for place, numeric in enumerate(columns.description.numerics):
            key = _key(numeric)
            if key not in found:
                if len(found) >= METRICS_MAX:
                    continue
                found[key] = _Buckets(numeric, count)
            found[key].take(at, usable(columns, place))
    begun = first * step_s
    return Trend(
        begun,
        begun + count * step_s,
        step_s,
        [begun + (place + 0.5) * step_s for place in range(count)],
        [buckets.metric() for buckets in found.values() if buckets.count.any()],
    )


class _Buckets:
    """One metric."""

    def __init__(self, numeric: Numeric, count: int) -> None:
        self.numeric = numeric
        self.count = np.zeros(count, dtype=np.int64)
        self._sum = np.zeros(count)
        self._low = np.full(count, np.inf)
        self._high = np.full(count, -np.inf)

    def take(self, at: "np.ndarray[tuple[int], np.dtype[np.int64]]", values: Numbers) -> None:
        """Adds values, each to the bucket of that number."""
        there = ~np.isnan(values)
        at, values = at[there], values[there]
        length = len(self.count)
        self.count += np.bincount(at, minlength=length)
        self._sum += np.bincount(at, values, length)
        np.minimum.at(self._low, at, values)
        np.maximum.at(self._high, at, values)

    def metric(self) -> MetricTrend:
        numeric, some = self.numeric, self.count > 0
        # The mean of equal values is that value, whatever a sum rounds to.
        mean = np.clip(self._sum / np.maximum(self.count, 1), self._low, self._high)
        return MetricTrend(
            numeric.name,
            numeric.code,
            numeric.ucum,
            numeric.decimals,
            numeric.period_s,
            *(
                [value if there else None for value, there in zip(each, some.tolist(), strict=True)]
                for each in (mean.tolist(), self._low.tolist(), self._high.tolist())
            ),
        )


def export(history: History, bed: str, since: float, until: float) -> Export:
    """Finds out what columns there are, then gives the rows. Raises ActRefused."""
    numerics: dict[Key, Numeric] = {}
    rows = 0
    for columns in of_bed(history, bed, since, until):
        rows += len(columns)
        for place, numeric in enumerate(columns.description.numerics):
            if len(numerics) < METRICS_MAX and not np.isnan(usable(columns, place)).all():
                numerics.setdefault(_key(numeric), numeric)
    if rows > EXPORT_ROWS_MAX:
        reason = f"since: {rows} rows, and an export has at most {EXPORT_ROWS_MAX}; ask for less"
        raise ActRefused("INVALID_ARGUMENT", "since", reason)
    keys = {key: place for place, key in enumerate(numerics)}
    chunks = (_rows(columns, keys) for columns in of_bed(history, bed, since, until))
    return Export([Column(each.name, each.ucum) for each in numerics.values()], chunks)


def _rows(columns: NumericColumns, keys: dict[Key, int]) -> list[tuple[float, list[float | None]]]:
    table = np.full((len(columns), len(keys)), np.nan)
    for place, numeric in enumerate(columns.description.numerics):
        key = _key(numeric)
        if key in keys:
            table[:, keys[key]] = usable(columns, place)
    some = ~np.isnan(table).all(axis=1)
    values = [[None if isnan(value) else value for value in row] for row in table[some].tolist()]
    return list(zip(columns.observed_at[some].tolist(), values, strict=True))


def _key(numeric: Numeric) -> Key:
    return numeric.name, numeric.code, numeric.ucum
