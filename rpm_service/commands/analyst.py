"""The process of one analysis (see adapters/analyst/process.py).

    python -m rpm_service.commands.analyst DIR UNITS METHOD < request > responses

UNITS is the file of units; empty: that of DIR, where it has one.

It reads the database beside the server that started it, and gives way to it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import Message

from rpm_service.adapters.analyst.process import HEAD, REFUSAL, RESPONSE
from rpm_service.adapters.grpc.analysis_wire import (
    burden_to_wire,
    progress_to_wire,
    scope_of,
    trial_of,
    what_if_to_wire,
)
from rpm_service.adapters.grpc.convert import alarm_to_wire
from rpm_service.adapters.storage import journal
from rpm_service.adapters.units.reader import units_in
from rpm_service.application.acts import ActRefused
from rpm_service.application.units import Units
from rpm_service.commands.analysis import burden_of, what_if_of, zone_named
from rpm_service.commands.database import database
from rpm_service.commands.page_analyses import tell_burden, tell_what_if
from rpm_service.v1 import alarm_analysis_pb2 as wire

if TYPE_CHECKING:
    from sqlalchemy import Engine

Say = Callable[[Message], None]

NICENESS: Final = 10
EVENTS_MAX: Final = 256
"""Alarm events in one response."""


def list_alarm_events(engine: "Engine", _units: Units, request: bytes, say: Say) -> None:
    """Says what the journal has, some events at a time. Raises ActRefused."""
    scope = scope_of(wire.ListAlarmEventsRequest.FromString(request).scope)
    events = journal.events(engine, scope)
    while some := list(islice(events, EVENTS_MAX)):
        say(wire.ListAlarmEventsResponse(events=map(alarm_to_wire, some)))


def measure_alarm_burden(engine: "Engine", _units: Units, request: bytes, say: Say) -> None:
    """Says the burden. Raises ActRefused."""
    asked = wire.MeasureAlarmBurdenRequest.FromString(request)
    scope, zone = scope_of(asked.scope), zone_named(asked.time_zone)
    if not asked.scope.until:
        scope = replace(scope, until=time.time())
    say(burden_to_wire(burden_of(engine, scope, zone)))


def replay_alarm_limits(engine: "Engine", units: Units, request: bytes, say: Say) -> None:
    """Says how far it has come, then what came of it. Raises ActRefused."""
    asked = wire.ReplayAlarmLimitsRequest.FromString(request)
    scope, trial = scope_of(asked.scope), trial_of(asked)
    found = what_if_of(
        engine, units, scope, trial, lambda done, devices: say(progress_to_wire(done, devices))
    )
    say(what_if_to_wire(found))


METHODS: Final = {
    "ListAlarmEvents": list_alarm_events,
    "MeasureAlarmBurden": measure_alarm_burden,
    "ReplayAlarmLimits": replay_alarm_limits,
}
FOR_THE_PAGE: Final = {"burden": tell_burden, "what-if": tell_what_if}
"""What is asked for and answered in JSON, an object a frame."""


def main() -> None:
    """Carries out one analysis; an error ends it with a traceback, for the server's log."""
    data, units, method = sys.argv[1:]
    os.nice(NICENESS)
    request = sys.stdin.buffer.read()
    try:
        decided = units_in(Path(data), Path(units) if units else None)
        with database(Path(data)) as engine:
            if method in METHODS:
                METHODS[method](engine, decided, request, _say)
            else:
                FOR_THE_PAGE[method](engine, decided, json.loads(request), _tell)
    except ActRefused as refusal:
        said = {"code": refusal.code, "field": refusal.field, "reason": refusal.reason}
        _write(REFUSAL, json.dumps(said).encode())


def _say(response: Message) -> None:
    _write(RESPONSE, response.SerializeToString())


def _tell(line: dict[str, Any]) -> None:
    _write(RESPONSE, json.dumps(line, allow_nan=False).encode())


def _write(what: bytes, frame: bytes) -> None:
    sys.stdout.buffer.write(HEAD.pack(what, len(frame)) + frame)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
