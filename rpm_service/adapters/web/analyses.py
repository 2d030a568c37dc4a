"""Alarm burden and what-if for the page: JSON objects, a line each (application/x-ndjson).

`{"progress": {"done", "devices"}}` any number of times, then one `{"result": …}` or one
`{"error": …}`. The analysis is made in a process of its own, which ends when the browser goes
away, and when whoever asked may not see any more what it is about.
"""

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Query, Request, Response
from pydantic import Field
from starlette.types import Receive, Scope, Send

from rpm_service.adapters.web.body import Strict
from rpm_service.adapters.web.gate import refusal, session_of
from rpm_service.adapters.web.rights import check_bed, check_unit
from rpm_service.adapters.web.sessions import Session, Sessions
from rpm_service.application.acts import ActRefused
from rpm_service.application.analyses import AnalysisFailed, Analyst, TookTooLong, TooManyWait
from rpm_service.application.ports import Clock

_log = logging.getLogger(__name__)

DAY_S: Final = 86_400.0
SPAN_S_MAX: Final = 31 * DAY_S
"""An analysis looks at no more of history."""
OF_A_SESSION_MAX: Final = 2
"""Analyses that one session may ask for at once: one, and the one before that is being left."""
CHOSEN_MAX: Final = 64
"""Beds or units that may be named."""
METRICS_MAX: Final = 8
NAME_MAX: Final = 64
CHECK_S: Final = 0.5
"""How often it is looked whether whoever asked may still see the answer."""

Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX)]
Names = Annotated[list[Name], Field(max_length=CHOSEN_MAX)]
Moment = Annotated[float | None, Query(allow_inf_nan=False)]


class TriedLimits(Strict):
    """What to try of one metric; what is left out is as in the preset of each bed."""

    low: float | None = None
    high: float | None = None
    extreme_low: float | None = None
    extreme_high: float | None = None
    delay_s: float | None = None
    extreme_delay_s: float | None = None
    hysteresis: float | None = None
    hold_s: float | None = None


class WhatIf(Strict):
    """Limits to try by metric, and on which part of history: the last day where nothing is said."""

    limits: Annotated[dict[Name, TriedLimits], Field(min_length=1, max_length=METRICS_MAX)]
    since: float | None = None
    until: float | None = None
    beds: Names = Field(default_factory=list)
    units: Names = Field(default_factory=list)


def add_analyses(app: FastAPI, analyst: Analyst, sessions: Sessions, clock: Clock) -> None:
    """Adds the routes."""
    asked_by: Counter[str] = Counter()

    def answer(request: Request, method: str, what: Mapping[str, Any]) -> Response:
        session = session_of(request)
        if asked_by[session.id] >= OF_A_SESSION_MAX:
            return refusal(429, f"{OF_A_SESSION_MAX} analyses of this session are under way")
        return Told(analyst, method, json.dumps(what).encode(), session, sessions, asked_by)

    @app.get("/v1/burden")
    async def burden(
        request: Request,
        bed: Annotated[Names, Query(default_factory=list)],
        unit: Annotated[Names, Query(default_factory=list)],
        since: Moment = None,
        until: Moment = None,
        time_zone: Annotated[str, Query(max_length=NAME_MAX)] = "",
    ) -> Response:
        """What alarms cost: an analysis of the journal, told line by line as it is made.

        Without `since` and `until` the last day.
        """
        scope = _scope(request, clock.now(), since, until, bed, unit)
        return answer(request, "burden", {**scope, "time_zone": time_zone})

    @app.post("/v1/what-if")
    async def what_if(body: WhatIf, request: Request) -> Response:
        """The stored history under other limits: told line by line as it is replayed."""
        for name in body.beds:
            check_bed(request, name)
        for name in body.units:
            check_unit(request, name)
        scope = _scope(request, clock.now(), body.since, body.until, body.beds, body.units)
        limits = {
            metric: tried.model_dump(exclude_none=True) for metric, tried in body.limits.items()
        }
        return answer(request, "what-if", {**scope, "limits": limits})


def _scope(
    request: Request,
    now: float,
    since: float | None,
    until: float | None,
    beds: Sequence[str],
    units: Sequence[str],
) -> dict[str, Any]:
    """The part of history that is asked for, within the rights of whoever asks.

    Raises ActRefused.
    """
    until = now if until is None else until
    since = until - DAY_S if since is None else since
    if not since < until:
        raise ActRefused("INVALID_ARGUMENT", "until", "until is not after since")
    if until - since > SPAN_S_MAX:
        reason = f"since is more than {SPAN_S_MAX / DAY_S:g} days before until"
        raise ActRefused("INVALID_ARGUMENT", "since", reason)
    seen = units or sorted(session_of(request).rights.units)
    return {"since": since, "until": until, "beds": beds, "units": seen}


class Told(Response):
    """An answer that is told while an analysis is made."""

    media_type = "application/x-ndjson"

    def __init__(
        self,
        analyst: Analyst,
        method: str,
        asked: bytes,
        session: Session,
        sessions: Sessions,
        asked_by: Counter[str],
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._analyst = analyst
        self._method, self._asked = method, asked
        self._session, self._sessions = session, sessions
        self._rights = session.rights
        self._asked_by = asked_by

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Tells until all is said, the browser has gone, or its rights have."""
        self._asked_by[self._session.id] += 1
        try:
            start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
            await send(start)
            async with asyncio.TaskGroup() as tasks:
                under_way = [
                    tasks.create_task(each)
                    for each in (self._tell(send), _gone(receive), self._not_permitted())
                ]
                await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                for each in under_way:
                    each.cancel()
            if not under_way[0].cancelled():
                await send({"type": "http.response.body", "body": b""})
            elif not under_way[2].cancelled():
                await self._end(send, error="you may not see this any more")
        finally:
            self._asked_by[self._session.id] -= 1
            self._asked_by += Counter()

    async def _tell(self, send: Send) -> None:
        async def take(frame: bytes) -> None:
            await send({"type": "http.response.body", "body": frame + b"\n", "more_body": True})

        try:
            await self._analyst.analyse(self._method, self._asked, take)
        except ActRefused as refused:
            await take(_line(error=refused.reason, field=refused.field))
        except (TooManyWait, TookTooLong) as refused:
            await take(_line(error=str(refused)))
        except AnalysisFailed:
            incident = secrets.token_hex(4)
            _log.exception("incident %s", incident)
            await take(_line(error=f"internal error, incident {incident}; see the server's log"))

    async def _not_permitted(self) -> None:
        """Waits until the session has ended or has other rights."""
        while True:
            await asyncio.sleep(CHECK_S)
            if not self._sessions.is_live(self._session) or self._session.rights != self._rights:
                return

    async def _end(self, send: Send, **line: str) -> None:
        await send({"type": "http.response.body", "body": _line(**line) + b"\n"})


async def _gone(receive: Receive) -> None:
    """Waits until the browser has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _line(**said: str) -> bytes:
    return json.dumps(said).encode()
