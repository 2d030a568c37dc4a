"""Numerics of one bed in buckets: what each metric was on the average, at least and at most.

It loads numpy: import it where it is needed.
"""

from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import chain, islice
from math import ceil, floor, inf, isnan
from operator import itemgetter
from typing import Final

import numpy as np

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Numeric
from rpm_service.application.history import (
    Flags,
    History,
    Numbers,
    NumericColumns,
    on_server_clock,
)
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
ROWS_AT_ONCE: Final = 1_000

_Row = tuple[float, list[float | None]]


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
    rows, newest, is_in_order = 0, -inf, True
    for columns in of_bed(history, bed, since, until):
        rows += len(columns)
        is_in_order = is_in_order and not _before(columns, newest).any()
        newest = max(newest, float(columns.observed_at.max()))
        for place, numeric in enumerate(columns.description.numerics):
            if len(numerics) < METRICS_MAX and not np.isnan(usable(columns, place)).all():
                numerics.setdefault(_key(numeric), numeric)
    if rows > EXPORT_ROWS_MAX:
        reason = f"since: {rows} rows, and an export has at most {EXPORT_ROWS_MAX}; ask for less"
        raise ActRefused("INVALID_ARGUMENT", "since", reason)
    keys = {key: place for place, key in enumerate(numerics)}
    columns_of = [Column(each.name, each.ucum) for each in numerics.values()]
    if is_in_order:
        return Export(
            columns_of, (_rows(each, keys) for each in of_bed(history, bed, since, until))
        )
    # What came late is in order too, oldest first: the two are put together row by row.
    parts = (
        chain.from_iterable(
            _rows(each, keys) for each in _chosen(of_bed(history, bed, since, until), late=late)
        )
        for late in (False, True)
    )
    return Export(columns_of, _batched(merge(*parts, key=itemgetter(0))))


def _before(columns: NumericColumns, newest: float) -> Flags:
    """Which rows are older than one that came before them."""
    at = columns.observed_at
    reached = np.maximum.accumulate(np.concatenate(([newest], at)))[:-1]
    older: Flags = at < reached
    return older


def _chosen(measured: Iterable[NumericColumns], *, late: bool) -> Iterator[NumericColumns]:
    """What came in the order of its time, or the rest."""
    newest = -inf
    for columns in measured:
        older = _before(columns, newest)
        newest = max(newest, float(columns.observed_at.max()))
        wanted = older if late else ~older
        if wanted.any():
            yield columns.chosen(wanted)


def _batched(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        yield batch


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
