"""Analyses for the page: asked for as JSON that the web side has checked, told line by line."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rpm_service.application.acts import ActRefused
from rpm_service.application.places import Scope
from rpm_service.application.units import Units
from rpm_service.application.what_if import Trial
from rpm_service.commands.analysis import Progress, burden_of, what_if_of, zone_named
from rpm_service.commands.analysis_objects import burden_object, what_if_object
from rpm_service.domain.limits import AlarmSettings, LimitsRefused, MetricLimits
from rpm_service.domain.metrics import named

if TYPE_CHECKING:
    from sqlalchemy import Engine

MISSED_MAX: Final = 200
"""Missed alarms that are told one by one, the newest; of all of them how many."""
Tell = Callable[[dict[str, Any]], None]


def tell_burden(engine: "Engine", _units: Units, asked: Mapping[str, Any], tell: Tell) -> None:
    """Tells how far it has come, then the burden. Raises ActRefused."""
    scope, zone = _scope(asked), zone_named(asked["time_zone"])
    measured = burden_of(engine, scope, zone, _progress(tell))
    tell({"result": burden_object(scope, measured)})


def tell_what_if(engine: "Engine", units: Units, asked: Mapping[str, Any], tell: Tell) -> None:
    """Tells how far it has come, then what came of it. Raises ActRefused."""
    scope = _scope(asked)
    found = what_if_of(engine, units, scope, _trial(asked["limits"]), _progress(tell))
    newest = sorted(found.missed, key=lambda each: -each.alarm.raised_at)[:MISSED_MAX]
    told = what_if_object(scope, replace(found, missed=newest))
    tell({"result": {**told, "missed_count": len(found.missed)}})


def _scope(asked: Mapping[str, Any]) -> Scope:
    beds, units = frozenset(asked["beds"]), frozenset(asked["units"])
    return Scope(asked["since"], asked["until"], beds, units)


def _progress(tell: Tell) -> Progress:
    return lambda done, devices: tell({"progress": {"done": done, "devices": devices}})


def _trial(given: Mapping[str, Mapping[str, Any]]) -> Trial:
    """The limits of each preset with what is given put into them."""
    for metric in given:
        kind, _, number = metric.partition(" ")
        if named(kind) is None or (number and not number.isdecimal()):
            reason = f"{metric!r} is not the name of a metric"
            raise ActRefused("INVALID_ARGUMENT", "limits", reason)

    def trial(preset: AlarmSettings) -> AlarmSettings:
        limits = dict(preset.limits)
        for metric, fields in given.items():
            limits[metric] = replace(limits.get(metric, MetricLimits()), **fields)
        settings = replace(preset, limits=limits)
        try:
            settings.check()
        except LimitsRefused as refusal:
            raise ActRefused("INVALID_ARGUMENT", "limits", str(refusal)) from refusal
        return settings

    return trial
