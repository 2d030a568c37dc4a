"""Analyses of what a server has kept, put together from its database."""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING

from rpm_service.adapters.storage import coverage, journal
from rpm_service.adapters.storage.history import StoredHistory
from rpm_service.application.burden import AlarmBurden, measure
from rpm_service.application.places import Places, Scope
from rpm_service.application.units import Units
from rpm_service.application.what_if import Trial, WhatIf, what_if

if TYPE_CHECKING:
    from sqlalchemy import Engine


def places_of(engine: "Engine") -> Places:
    """Who and what was where."""
    history = StoredHistory(engine)
    return Places(history.beds(), history.stays(), history.associations())


def burden_of(engine: "Engine", scope: Scope) -> AlarmBurden:
    """Measures the alarm burden of a part of history. Raises DatabaseDamaged."""
    history, places = StoredHistory(engine), places_of(engine)
    monitored_s: dict[str, float] = defaultdict(float)
    for device_id in history.devices():
        for stretch in places.stretches(device_id, scope):
            for begin, end in coverage.monitored(engine, device_id, stretch.since, stretch.until):
                monitored_s[stretch.bed] += end - begin
    events = journal.events(engine, Scope(scope.since))
    return measure(events, monitored_s, places.unit_of, scope)


def what_if_of(
    engine: "Engine",
    units: Units,
    scope: Scope,
    trial: Trial,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> WhatIf:
    """Replays a part of history under other limits. Raises LimitsRefused, DatabaseDamaged."""
    history, events = StoredHistory(engine), journal.events(engine, Scope(scope.since))
    return what_if(history, events, units, scope, trial, progress)
