"""What is asked of stored history for one bed or one list: bounded, and read elsewhere.

It knows no arrays, so that a server that starts need not load what computes with them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final, NamedTuple, Protocol

from rpm_service.application.acts import ActRefused
from rpm_service.domain.alarms import AlarmEvent, Phase, Priority
from rpm_service.domain.early_warning import Score

SPAN_S_MIN: Final = 3_600.0
SPAN_S_MAX: Final = 72 * 3_600.0
"""The least and the most of history that one trend or one export is of."""
POINTS_MIN: Final = 2
POINTS_MAX: Final = 2_000
"""The least and the most buckets of a trend."""
POINTS: Final = 600
"""Buckets of a trend where nobody says how many."""
METRICS_MAX: Final = 64
"""Metrics of a trend or an export, in the order in which they were first measured."""
LATE_S: Final = 25 * 3_600.0
"""What came so long after the end of what is asked for is looked at too."""
EXPORT_ROWS_MAX: Final = 1_000_000
"""Rows of an export: as many as a spreadsheet takes."""
SCORES_MAX: Final = 1_000
EVENTS_MAX: Final = 200
EVENTS: Final = 50
"""Alarm events on a page of the journal, where nobody says how many."""
LOOKED_AT_MAX: Final = 20_000
"""Rows of the journal that are looked at for one page."""
SAMPLES_MAX: Final = 500_000
"""Waveform samples of one occurrence that are shown."""


@dataclass(frozen=True, slots=True)
class MetricTrend:
    """One metric in buckets: None where it has no value.

    `period_s` is how often the metric is measured; `at` are the middles of the buckets.
    """

    name: str
    code: int
    unit: str
    decimals: int
    period_s: float
    mean: Sequence[float | None]
    low: Sequence[float | None]
    high: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Trend:
    """Buckets of `step_s` from `since` to before `until`, the same ones for all metrics."""

    since: float
    until: float
    step_s: float
    at: Sequence[float]
    metrics: Sequence[MetricTrend]


@dataclass(frozen=True, slots=True)
class Column:
    """A metric of an export."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Export:
    """Values as they were received. Each row has a time and a value of each column, or None."""

    columns: Sequence[Column]
    chunks: Iterator[Sequence[tuple[float, Sequence[float | None]]]]


@dataclass(frozen=True, slots=True)
class JournalQuery:
    """Which alarm events, newest first. What is empty or None leaves nothing out.

    `bed` alone is of the patient who lies there (see Places.course), with `earlier` of all who
    lay in it. `by` is who acknowledged or answered. `within` are the units that may be seen at all. Times are those of receipt.
    """

    bed: str = ""
    earlier: bool = False
    unit: str = ""
    within: frozenset[str] = frozenset()
    since: float = -inf
    until: float = inf
    priority: Priority | None = None
    condition: str = ""
    phase: Phase | None = None
    by: str = ""
    before: int | None = None
    limit: int = EVENTS


class Entry(NamedTuple):
    """An alarm event, its number in the journal, and the unit that its bed is in now."""

    number: int
    unit: str
    event: AlarmEvent


class JournalPage(NamedTuple):
    """Entries, newest first. The next page is what comes `before`; None: there is none."""

    entries: Sequence[Entry]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class KeptSeries:
    """Values of one metric; None where there was none to be used."""

    name: str
    unit: str
    at: Sequence[float]
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class KeptWaveform:
    """Consecutive samples of one waveform, in its unit, each with when it begins."""

    name: str
    unit: str
    rate_hz: float
    chunks: Sequence[tuple[float, Sequence[float | None]]]


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """What was kept of one occurrence, on the server's clock."""

    occurrence_id: int
    bed: str
    raised_at: float
    since: float
    until: float
    numerics: Sequence[KeptSeries]
    waveforms: Sequence[KeptWaveform]


class Records(Protocol):
    """Reads stored history, in any thread but that of the event loop. Raises ActRefused."""

    def trend(self, bed: str, since: float, until: float, points: int) -> Trend:
        """The numerics of whoever lies in a bed, in at most so many buckets."""
        ...

    def export(self, bed: str, since: float, until: float) -> Export:
        """The numerics of whoever lies in a bed, one by one, without holding all of them."""
        ...

    def scores(self, bed: str, since: float, before: float) -> Sequence[Score]:
        """The newest scores of whoever lies in a bed, oldest first: at most SCORES_MAX."""
        ...

    def journal(self, query: JournalQuery) -> JournalPage:
        """A page of alarm events."""
        ...

    def bed_of(self, occurrence_id: int) -> str:
        """The bed where an occurrence began."""
        ...

    def evidence(self, occurrence_id: int) -> KeptEvidence:
        """What was kept of an occurrence."""
        ...


def check_span(since: float, until: float) -> None:
    """Raises ActRefused for a time that is too short, too long, or none at all."""
    for field, at in (("since", since), ("until", until)):
        if not isfinite(at):
            raise ActRefused("INVALID_ARGUMENT", field, f"{field}: {at} is not a time")
    if not SPAN_S_MIN <= until - since <= SPAN_S_MAX:
        reason = (
            f"since: {(until - since) / 3600:g} h before until; ask for "
            f"{SPAN_S_MIN / 3600:g} to {SPAN_S_MAX / 3600:g} h"
        )
        raise ActRefused("INVALID_ARGUMENT", "since", reason)


def check_number(field: str, value: int, least: int, most: int) -> None:
    """Raises ActRefused for a number that is too small or too large."""
    if not least <= value <= most:
        reason = f"{field}: {value} is not within {least} to {most}"
        raise ActRefused("INVALID_ARGUMENT", field, reason)
