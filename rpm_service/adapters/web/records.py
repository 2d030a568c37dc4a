"""What is stored, for the page: trends, exports, scores, the journal, evidence. All of it reads.

Rights are checked before each route by the bed that it names (see rights.py), and here for
what names none.
"""

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import inf
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Path, Query, Request, Response

from rpm_service.adapters.web.gate import refusal, session_of
from rpm_service.adapters.web.reading import Exported, ReadingRoom, TooBusy, too_busy
from rpm_service.adapters.web.rights import may_see, rights_of
from rpm_service.application.acts import ActRefused
from rpm_service.application.ports import Clock
from rpm_service.application.records import (
    EVENTS,
    EVENTS_MAX,
    POINTS,
    POINTS_MAX,
    POINTS_MIN,
    SPAN_S_MIN,
    Entry,
    Export,
    JournalQuery,
    KeptEvidence,
    Records,
    Trend,
    check_number,
    check_span,
)
from rpm_service.application.refusals import CannotStart
from rpm_service.domain.alarms import Phase, Priority
from rpm_service.domain.early_warning import Score

_log = logging.getLogger(__name__)
Moment = Annotated[float | None, Query(allow_inf_nan=False, ge=0)]
OccurrenceId = Annotated[int, Path(ge=1, lt=2**63)]
AHEAD_S_MAX: Final = 5.0
"""So far a browser's idea of this clock may be ahead, without what it asks for being shorter."""


def add_records(app: FastAPI, records: Records, clock: Clock) -> None:
    """Adds the routes. What they read is read elsewhere than in the event loop."""
    room = ReadingRoom()

    @app.get("/v1/beds/{bed:path}/trend")
    async def trend(
        bed: str, since: Moment = None, until: Moment = None, points: int = POINTS
    ) -> Response:
        """The trend of a bed: each metric in steps of one length, with its mean, low and high.

        Without `since` the shortest span up to `until`, without `until` up to now.
        """
        begin, end = _span(since, until, clock.now())
        check_number("points", points, POINTS_MIN, POINTS_MAX)
        return await _json(room, lambda: trend_object(records.trend(bed, begin, end, points)))

    @app.get("/v1/beds/{bed:path}/numerics.csv")
    async def numerics(
        bed: str, request: Request, since: Moment = None, until: Moment = None
    ) -> Response:
        """The stored numerics of the present patient of a bed, as CSV."""
        begin, end = _span(since, until, clock.now())
        session = session_of(request)
        return Exported(
            room,
            lambda: csv_lines(records.export(bed, begin, end)),
            lambda: not session.ended and may_see(request, bed),
            f"{re.sub(r'[^A-Za-z0-9_-]', '_', bed)}.csv",
        )

    @app.get("/v1/beds/{bed:path}/scores")
    async def scores(bed: str, since: Moment = None, before: Moment = None) -> Response:
        """The stored early-warning scores of the present patient of a bed, oldest first."""

        def found() -> dict[str, Any]:
            scored = records.scores(bed, since or 0.0, inf if before is None else before)
            return {"scores": list(map(score_object, scored))}

        return await _json(room, found)

    @app.get("/v1/journal")
    async def journal(
        request: Request,
        bed: str = "",
        earlier: bool = False,
        unit: str = "",
        since: Moment = None,
        until: Moment = None,
        priority: Literal["LOW", "MEDIUM", "HIGH"] | None = None,
        condition: str = "",
        phase: Phase | None = None,
        by: str = "",
        before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
        limit: int = EVENTS,
    ) -> Response:
        """Alarm events of the past, newest first; `next_before` goes on from the oldest.

        `earlier` also brings those of earlier patients of the bed; `by` is who acknowledged or
        answered.
        """
        check_number("limit", limit, 1, EVENTS_MAX)
        query = JournalQuery(
            bed=bed,
            earlier=earlier,
            unit=unit,
            within=rights_of(request).units,
            since=-inf if since is None else since,
            until=inf if until is None else until,
            priority=None if priority is None else Priority[priority],
            condition=condition,
            phase=phase,
            by=by,
            before=before,
            limit=limit,
        )

        def found() -> dict[str, Any]:
            page = records.journal(query)
            return {
                "events": list(map(event_object, page.entries)),
                "next_before": page.next_before,
            }

        return await _json(room, found)

    @app.get("/v1/alarms/{occurrence_id}/evidence")
    async def evidence(occurrence_id: OccurrenceId, request: Request) -> Response:
        """Numerics and waveforms around the time when an alarm began."""
        bed = await room.read(lambda: records.bed_of(occurrence_id))
        if not may_see(request, bed):
            reason = f"there is no alarm {occurrence_id}"
            raise ActRefused("NOT_FOUND", "occurrence_id", reason)
        return await _json(room, lambda: evidence_object(records.evidence(occurrence_id)))

    app.add_exception_handler(TooBusy, too_busy)
    app.add_exception_handler(CannotStart, _unreadable)


async def _json(room: ReadingRoom, found: Callable[[], object]) -> Response:
    body = await room.read(lambda: json.dumps(found(), allow_nan=False).encode())
    return Response(body, media_type="application/json")


def _span(since: float | None, until: float | None, now: float) -> tuple[float, float]:
    end = now if until is None else until
    if end > now + AHEAD_S_MAX:
        end = now
    begin = end - SPAN_S_MIN if since is None else since
    check_span(begin, end)
    return begin, min(end, now)


def trend_object(trend: Trend) -> dict[str, Any]:
    """A trend; the mean to two digits more than the metric is shown with."""
    return {
        "since": trend.since,
        "until": trend.until,
        "step_s": trend.step_s,
        "metrics": [
            {
                "name": each.name,
                "code": each.code,
                "unit": each.unit,
                "decimals": each.decimals,
                "period_s": each.period_s,
                "at": trend.at,
                "mean": [
                    None if value is None else round(value, each.decimals + 2)
                    for value in each.mean
                ],
                "low": each.low,
                "high": each.high,
            }
            for each in trend.metrics
        ],
    }


def csv_lines(export: Export) -> Iterator[bytes]:
    """The export as CSV (RFC 4180): one line for each time, an empty field for no value."""
    yield _line(["time", *(_header(f"{each.name} ({each.unit})") for each in export.columns)])
    for chunk in export.chunks:
        text = io.StringIO()
        writer = csv.writer(text)
        for at, values in chunk:
            writer.writerow(
                [_time(at), *("" if value is None else f"{value:.7g}" for value in values)]
            )
        yield text.getvalue().encode()


def _line(fields: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(fields)
    return text.getvalue().encode()


def _header(text: str) -> str:
    """A name that a device gave, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _time(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def score_object(score: Score) -> dict[str, Any]:
    """A score with what it is made of."""
    return {
        "at": score.at,
        "total": score.total,
        "band": score.band,
        "complete": score.total is not None,
        "oxygen_scale": score.oxygen_scale,
        "sub_scores": [
            {
                "input": each.name,
                "value": each.value,
                "score": each.score,
                "observed_at": each.observed_at,
            }
            for each in score.sub_scores
        ],
        "missing": list(score.missing),
    }


def event_object(entry: Entry) -> dict[str, Any]:
    """An alarm event; `by` is who did what happened, None where it happened by itself."""
    event = entry.event
    alarm, given, answer = event.alarm, event.alarm.acknowledgement, event.alarm.answer
    by = None
    if event.phase is Phase.ACKNOWLEDGE and given:
        by = given.by
    elif event.phase is Phase.RESPONSIBILITY and answer:
        by = answer.by
    return {
        "seq": entry.number,
        "at": event.received_at,
        "observed_at": event.observed_at,
        "bed": alarm.bed,
        "unit": entry.unit,
        "phase": event.phase,
        "presence": alarm.presence,
        "condition": alarm.condition.code,
        "kind": alarm.condition.kind,
        "metric": alarm.condition.metric or None,
        "priority": alarm.priority.name,
        "value": alarm.value,
        "extreme": alarm.extreme,
        "limit": alarm.limit,
        "text": alarm.text or None,
        "by": by,
        "occurrence_id": alarm.occurrence_id,
        "event_seq": alarm.event_seq,
        "raised_at": alarm.raised_at,
        "ended_at": alarm.ended_at,
        "acknowledged_by": given.by if given else None,
        "acknowledged_until": given.until if given else None,
        "responsible": answer.by if answer else None,
        "accepted": answer.accepted if answer else None,
        "late_detected": event.late_detected,
    }


def evidence_object(kept: KeptEvidence) -> dict[str, Any]:
    """What was kept of an occurrence."""
    return {
        "occurrence_id": kept.occurrence_id,
        "bed": kept.bed,
        "raised_at": kept.raised_at,
        "since": kept.since,
        "until": kept.until,
        "numerics": [
            {"name": each.name, "unit": each.unit, "at": each.at, "values": each.values}
            for each in kept.numerics
        ],
        "waveforms": [
            {
                "name": each.name,
                "unit": each.unit,
                "rate_hz": each.rate_hz,
                "chunks": [
                    {"start_at": start_at, "values": values} for start_at, values in each.chunks
                ],
            }
            for each in kept.waveforms
        ],
    }


async def _unreadable(_request: Request, error: Exception) -> Response:
    """Answers for a database that gives nothing; what is wrong with it is for the log."""
    _log.error("records: %s", error)
    return refusal(503, "what is stored cannot be read at the moment; the server's log says why")
