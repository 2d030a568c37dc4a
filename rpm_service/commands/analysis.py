"""Analyses of what a server has kept, put together from its database."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rpm_service.adapters.storage import coverage, journal
from rpm_service.adapters.storage.history import StoredHistory
from rpm_service.application.acts import ActRefused
from rpm_service.application.burden import AlarmBurden, measure
from rpm_service.application.places import Places, Scope
from rpm_service.application.units import Units
from rpm_service.application.what_if import Trial, WhatIf, what_if

if TYPE_CHECKING:
    from sqlalchemy import Engine

Progress = Callable[[int, int], None]


def places_of(engine: "Engine") -> Places:
    """Who and what was where."""
    history = StoredHistory(engine)
    return Places(history.beds(), history.stays(), history.associations())


def burden_of(
    engine: "Engine",
    scope: Scope,
    zone: tzinfo | None,
    progress: Progress = lambda _done, _of: None,
) -> AlarmBurden:
    """Measures the alarm burden of a part of history. Raises DatabaseDamaged.

    Hours of the day are those of a time zone (None: of this machine); `progress` is told how
    many devices are done, of how many.
    """
    history, places = StoredHistory(engine), places_of(engine)
    monitored_s: dict[str, float] = defaultdict(float)
    devices = history.devices()
    for done, device_id in enumerate(devices):
        progress(done, len(devices))
        for stretch in places.stretches(device_id, scope):
            for begin, end in coverage.monitored(engine, device_id, stretch.since, stretch.until):
                monitored_s[stretch.bed] += end - begin
    progress(len(devices), len(devices))
    events = journal.events(engine, Scope(scope.since))

    def hour_of(at: float) -> int:
        return datetime.fromtimestamp(at, UTC).astimezone(zone).hour

    return measure(events, monitored_s, places.unit_of, scope, hour_of)


def zone_named(name: str) -> tzinfo:
    """The time zone of an IANA name; UTC without one. Raises ActRefused."""
    if name in {"", "UTC"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        reason = f"{name!r} is not the name of a time zone"
        raise ActRefused("INVALID_ARGUMENT", "time_zone", reason) from error


def what_if_of(
    engine: "Engine",
    units: Units,
    scope: Scope,
    trial: Trial,
    progress: Progress = lambda _done, _of: None,
) -> WhatIf:
    """Replays a part of history under other limits. Raises LimitsRefused, DatabaseDamaged."""
    history, events = StoredHistory(engine), journal.events(engine, Scope(scope.since))
    return what_if(history, events, units, scope, trial, progress)
