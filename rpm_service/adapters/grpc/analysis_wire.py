"""Alarm burden and what-if on the wire."""

from dataclasses import replace
from math import inf
from typing import Final

from rpm_service.adapters.grpc.convert import KINDS, PRIORITIES, alarm_to_wire
from rpm_service.adapters.grpc.limits import limits_of
from rpm_service.application.acts import ActRefused
from rpm_service.application.burden import (
    AlarmBurden,
    BedBurden,
    ConditionBurden,
    KindBurden,
    TimeBurden,
)
from rpm_service.application.places import Scope
from rpm_service.application.what_if import Trial, WhatIf
from rpm_service.domain.limits import AlarmSettings, LimitsRefused
from rpm_service.domain.metrics import BY_NAME
from rpm_service.v1 import alarm_analysis_pb2 as wire

CHOSEN_MAX: Final = 1_000
"""Beds, units or limits that a request may name."""


def scope_of(scope: wire.HistoryScope) -> Scope:
    """Reads which part of history is meant. Raises ActRefused."""
    since, until = scope.since or -inf, scope.until or inf
    if not since < until:
        raise ActRefused("INVALID_ARGUMENT", "scope.until", "is not after since")
    for field, names in (("scope.beds", scope.beds), ("scope.units", scope.units)):
        _check_many(field, len(names))
    return Scope(since, until, frozenset(scope.beds), frozenset(scope.units))


def trial_of(request: wire.ReplayAlarmLimitsRequest) -> Trial:
    """Reads which limits to try. Raises ActRefused; so does the trial where they cannot be."""
    if not request.limits:
        raise ActRefused("INVALID_ARGUMENT", "limits", "name at least one limit to try")
    _check_many("limits", len(request.limits))
    given = {}
    for place, each in enumerate(request.limits):
        kind, _, number = each.metric.partition(" ")
        if kind not in BY_NAME or (number and not number.isdecimal()):
            reason = f"{each.metric!r} is not the name of a metric"
            raise ActRefused("INVALID_ARGUMENT", f"limits[{place}].metric", reason)
        given[each.metric] = limits_of(each)

    def trial(preset: AlarmSettings) -> AlarmSettings:
        base = AlarmSettings() if request.only else preset
        settings = replace(base, limits={**base.limits, **given})
        try:
            settings.check()
        except LimitsRefused as refusal:
            raise ActRefused("INVALID_ARGUMENT", "limits", str(refusal)) from refusal
        return settings

    return trial


def _check_many(field: str, count: int) -> None:
    if count > CHOSEN_MAX:
        raise ActRefused("INVALID_ARGUMENT", field, f"{count} named; at most {CHOSEN_MAX}")


def burden_to_wire(burden: AlarmBurden) -> wire.MeasureAlarmBurdenResponse:
    """The alarm burden of a time."""
    return wire.MeasureAlarmBurdenResponse(
        bed_days=burden.bed_days,
        physiological=_kind(burden.physiological),
        technical=_kind(burden.technical),
        late_detected=burden.late_detected,
    )


def _kind(burden: KindBurden) -> wire.KindBurden:
    return wire.KindBurden(
        occurrences=burden.occurrences,
        per_bed_day=burden.per_bed_day,
        duration_s=burden.duration_s,
        acknowledged=burden.acknowledged,
        acknowledged_after_s_p50=burden.acknowledged_after_s_p50,
        acknowledged_after_s_p90=burden.acknowledged_after_s_p90,
        never_acknowledged=burden.never_acknowledged,
        repeated_within_60_s=burden.repeated_within_60_s,
        conditions=map(_condition, burden.conditions),
        beds=map(_bed, burden.beds),
        over_time=map(_stretch, burden.over_time),
    )


def _condition(burden: ConditionBurden) -> wire.ConditionBurden:
    return wire.ConditionBurden(
        condition=burden.condition,
        priority=PRIORITIES[burden.priority],
        unit=burden.unit,
        occurrences=burden.occurrences,
        per_bed_day=burden.per_bed_day,
        duration_s=burden.duration_s,
    )


def _bed(burden: BedBurden) -> wire.BedBurden:
    return wire.BedBurden(
        bed=burden.bed,
        unit=burden.unit,
        occurrences=burden.occurrences,
        share=burden.share,
        share_so_far=burden.share_so_far,
        by_hour=burden.by_hour,
    )


def _stretch(burden: TimeBurden) -> wire.TimeBurden:
    return wire.TimeBurden(
        since=burden.since,
        until=burden.until,
        high=burden.high,
        medium=burden.medium,
        low=burden.low,
    )


def what_if_to_wire(found: WhatIf) -> wire.ReplayAlarmLimitsResponse:
    """The last frame of a replay."""
    result = wire.ReplayResult(
        comparisons=[
            wire.ReplayComparison(
                condition=each.condition,
                kind=KINDS[each.kind],
                recorded=each.recorded,
                baseline=each.baseline,
                tried=each.tried,
            )
            for each in found.comparisons
        ],
        real=found.real,
        missed=map(alarm_to_wire, found.missed),
        unknown=found.unknown,
        beds=found.beds,
        values=found.values,
        late_values=found.late_values,
    )
    return wire.ReplayAlarmLimitsResponse(result=result)


def progress_to_wire(done: int, devices: int) -> wire.ReplayAlarmLimitsResponse:
    """A frame of a replay under way."""
    return wire.ReplayAlarmLimitsResponse(progress=wire.ReplayProgress(done=done, devices=devices))
