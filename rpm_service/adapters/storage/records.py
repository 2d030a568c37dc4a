"""Reads what the page shows of the past: trends, exports, scores, the journal, evidence.

What computes with arrays is loaded with the first question, so that a start does not pay for it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from math import inf, isnan
from pathlib import Path
from struct import iter_unpack
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Engine, and_, or_, select

from rpm_service.adapters.storage import bedsides, tables
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.errors import NotRead, in_one_line
from rpm_service.adapters.storage.evidence import Evidence, evidence
from rpm_service.adapters.storage.journal import event_of, span
from rpm_service.adapters.storage.registry import (
    admitted_at,
    all_associations,
    all_stays,
    known_beds,
)
from rpm_service.application.acts import ActRefused
from rpm_service.application.bedside import SERVER
from rpm_service.application.device_clock import CLOCK_STEP_S
from rpm_service.application.effects import Description, NumericRow, WaveformRow
from rpm_service.application.evidence import is_whole
from rpm_service.application.ingest import LIVE_S
from rpm_service.application.places import Places, Scope
from rpm_service.application.records import (
    LOOKED_AT_MAX,
    SAMPLES_MAX,
    Entry,
    Export,
    JournalPage,
    JournalQuery,
    KeptEvidence,
    KeptSeries,
    KeptWaveform,
    Trend,
)
from rpm_service.application.sifting import VALID
from rpm_service.domain.alarms import Phase
from rpm_service.domain.early_warning import Score
from rpm_service.domain.metrics import UCUM

if TYPE_CHECKING:
    from rpm_service.adapters.storage.history import StoredHistory

MISSING: Final = -32768
SLACK_S: Final = LIVE_S
"""What was received in the time of evidence may have been observed so long before it."""
_journal: Final = tables.journal


class StoredRecords:
    """Reads the database of a data directory, beside whoever writes; from any thread."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def trend(self, bed: str, since: float, until: float, points: int) -> Trend:
        """The numerics of whoever lies in a bed, in at most so many buckets."""
        from rpm_service.application.trend import of_bed, trend

        with _reading():
            return trend(of_bed(self._history, bed, since, until), since, until, points)

    def export(self, bed: str, since: float, until: float) -> Export:
        """The numerics of whoever lies in a bed, one by one."""
        from rpm_service.application.trend import export

        with _reading():
            return export(self._history, bed, since, until)

    def scores(self, bed: str, since: float, before: float) -> Sequence[Score]:
        """The newest scores of whoever lies in a bed, oldest first: at most SCORES_MAX."""
        with _reading(), self._engine.begin() as connection:
            stays = all_stays(connection)
            stay = next((each for each in stays if each.bed == bed and each.until is None), None)
            if stay is None:
                return ()
            begun = max(since, admitted_at(connection, stay.patient_id))
            return bedsides.scores(connection, stay.patient_id, begun, before)

    def journal(self, query: JournalQuery) -> JournalPage:
        """A page of alarm events: what of the rows looked at fits, and where to go on."""
        with _reading():
            first, last = 1, inf
            if (query.since, query.until) != (-inf, inf):
                first, last = span(self._engine, Scope(query.since, query.until))
            return self._page(query, first, min(last, (query.before or inf) - 1))

    def _page(self, query: JournalQuery, first: int, last: float) -> JournalPage:
        with self._engine.begin() as connection:
            units = {bed.name: bed.unit for bed in known_beds(connection)}
            newest = connection.execute(
                select(_journal.c.number).order_by(_journal.c.number.desc()).limit(1)
            ).scalar()
            last = min(last, newest or 0)
            floor = max(first, int(last) - LOOKED_AT_MAX + 1)
            wanted = [_journal.c.number >= floor, _journal.c.number <= last]
            wanted += _conditions(query, units)
            if query.bed and not query.earlier:
                places = Places((), all_stays(connection), all_associations(connection))
                wanted.append(
                    or_(
                        *(
                            and_(
                                _journal.c.bed == part.bed,
                                _journal.c.received_at >= max(part.since, 0.0),
                                _journal.c.received_at < min(part.until, bedsides.NEVER),
                            )
                            for part in places.course(query.bed)
                        )
                    )
                )
            found = connection.execute(
                select(_journal)
                .where(*wanted)
                .order_by(_journal.c.number.desc())
                .limit(query.limit)
            ).all()
        entries = [Entry(row.number, units.get(row.bed, ""), event_of(row)) for row in found]
        if len(entries) == query.limit:
            floor = entries[-1].number
        return JournalPage(entries, floor if floor > first else None)

    def bed_of(self, occurrence_id: int) -> str:
        """The bed where an occurrence began. Raises ActRefused."""
        return self._beginning(occurrence_id)[0]

    def _beginning(self, occurrence_id: int) -> tuple[str, float]:
        """Where and when an occurrence began. Raises ActRefused."""
        query = select(_journal.c.bed, _journal.c.raised_at)
        query = query.where(_journal.c.occurrence_id == occurrence_id)
        with _reading(), self._engine.begin() as connection:
            found = connection.execute(query.order_by(_journal.c.event_seq).limit(1)).one_or_none()
        if found is None:
            reason = f"there is no alarm {occurrence_id}"
            raise ActRefused("NOT_FOUND", "occurrence_id", reason)
        return found.bed, found.raised_at

    def evidence(self, occurrence_id: int) -> KeptEvidence:
        """What was kept of an occurrence. Raises ActRefused."""
        bed, raised_at = self._beginning(occurrence_id)
        with _reading():
            kept = evidence(self._engine, occurrence_id)
        if kept is None:
            reason = (
                f"nothing is kept of alarm {occurrence_id} yet: "
                "what belongs to one is there some 20 s after it began"
            )
            raise ActRefused("NOT_FOUND", "occurrence_id", reason)
        offset = _offset(kept)
        what = kept.what
        # Where another patient was observed beside it, what was observed before may be theirs.
        earliest = what.since - SLACK_S if is_whole(what) else what.since
        return KeptEvidence(
            occurrence_id,
            bed,
            raised_at,
            what.since,
            what.until,
            _series(kept, offset, earliest),
            _samples(kept, offset, earliest),
        )

    def close(self) -> None:
        """Lets go of the database."""
        if "_engine" in self.__dict__:
            self._engine.dispose()

    @cached_property
    def _engine(self) -> Engine:
        return open_reading(self._data)

    @cached_property
    def _history(self) -> "StoredHistory":
        from rpm_service.adapters.storage.history import StoredHistory

        return StoredHistory(self._engine)


@contextmanager
def _reading() -> Iterator[None]:
    with in_one_line(NotRead):
        yield


def _conditions(query: JournalQuery, units: dict[str, str]) -> list[ColumnElement[bool]]:
    wanted = []
    if query.since > -inf:
        wanted.append(_journal.c.received_at >= query.since)
    if query.until < inf:
        wanted.append(_journal.c.received_at < query.until)
    if query.bed and query.earlier:
        wanted.append(_journal.c.bed == query.bed)
    if query.unit:
        beds = [bed for bed, unit in units.items() if unit == query.unit]
        wanted.append(_journal.c.bed.in_(beds))
    if query.within:
        beds = [bed for bed, unit in units.items() if unit in query.within]
        # What is at no bed but the server's own is for everybody.
        wanted.append(_journal.c.bed.in_([*beds, SERVER]))
    if query.priority is not None:
        wanted.append(_journal.c.priority == int(query.priority))
    if query.condition:
        wanted.append(_journal.c.condition == query.condition)
    if query.phase is not None:
        wanted.append(_journal.c.phase == query.phase.value)
    if query.by:
        # Later events carry an acknowledgement and an answer on, and are nobody's act.
        wanted.append(
            or_(
                and_(
                    _journal.c.phase == Phase.ACKNOWLEDGE.value,
                    _journal.c.acknowledged_by == query.by,
                ),
                and_(
                    _journal.c.phase == Phase.RESPONSIBILITY.value,
                    _journal.c.answered_by == query.by,
                ),
            )
        )
    return wanted


def _offset(kept: Evidence) -> float:
    """What a device's clock was behind the server's, as far as what was kept shows it."""
    delays = [row.received_at - row.observed_at for _, row in kept.numerics]
    for description, row in kept.waveforms:
        lasts = len(row.samples) / 2 / description.sample_arrays[row.channel].sample_rate_hz
        delays.append(row.received_at - row.start_at - lasts)
    offset = min(delays, default=0.0)
    return offset if abs(offset) > CLOCK_STEP_S else 0.0


def _series(kept: Evidence, offset: float, since: float) -> list[KeptSeries]:
    """What was observed from then on: beside it came older values, which are of another time."""
    found: dict[tuple[str, str], tuple[list[float], list[float | None]]] = {}
    for description, row in kept.numerics:
        if row.observed_at + offset < since:
            continue
        for name, unit, value in _values(description, row):
            at, values = found.setdefault((name, unit), ([], []))
            at.append(row.observed_at + offset)
            values.append(value)
    return [KeptSeries(*key, *series) for key, series in found.items()]


def _values(description: Description, row: NumericRow) -> Iterator[tuple[str, str, float | None]]:
    indices = row.indices or range(len(description.numerics))
    states = row.validity or VALID[:1] * len(row.values)
    for index, value, state in zip(indices, row.values, states, strict=True):
        numeric = description.numerics[index]
        used = state in VALID and not isnan(value)
        yield numeric.name, numeric.ucum, value if used else None


def _samples(kept: Evidence, offset: float, since: float) -> list[KeptWaveform]:
    found: dict[tuple[str, str, float], list[tuple[float, list[float | None]]]] = {}
    left = SAMPLES_MAX
    for description, row in kept.waveforms:
        if row.start_at + offset < since:
            continue
        left -= len(row.samples) // 2
        if left < 0:
            break
        array = description.sample_arrays[row.channel]
        key = (array.name, UCUM.get(array.unit, ""), array.sample_rate_hz)
        found.setdefault(key, []).append((row.start_at + offset, _scaled(description, row)))
    return [KeptWaveform(*key, chunks) for key, chunks in found.items()]


def _scaled(description: Description, row: WaveformRow) -> list[float | None]:
    array = description.sample_arrays[row.channel]
    return [
        None if sample == MISSING else sample * array.scale + array.offset
        for (sample,) in iter_unpack("<h", row.samples)
    ]
