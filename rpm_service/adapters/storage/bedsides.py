"""What people have decided about alarms at a bedside, and its early-warning scores."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage import tables
from rpm_service.application.effects import LimitOverride, ScoreRow
from rpm_service.application.records import SCORES_MAX
from rpm_service.domain.early_warning import (
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Score,
    SubScore,
)
from rpm_service.domain.inactivation import Inactivation, InactivationState
from rpm_service.domain.limits import MetricLimits, RateOfChange

NEVER: Final = 1e15
"""Later than any time; the database compares with no infinity."""


def keep_inactivations(
    connection: Connection, by_device: Mapping[str, Sequence[Inactivation]]
) -> None:
    """Notes all that is held back at devices now."""
    rows = {device_id: map(asdict, held) for device_id, held in by_device.items()}
    _replace(connection, tables.inactivations, "device_id", rows)


def keep_overrides(connection: Connection, by_bed: Mapping[str, Sequence[LimitOverride]]) -> None:
    """Notes all limits of patients' own at beds now."""
    rows = {
        bed: [{**asdict(each), "limits": _packed(asdict(each.limits))} for each in overrides]
        for bed, overrides in by_bed.items()
    }
    _replace(connection, tables.overrides, "bed", rows)


def keep_assessments(connection: Connection, by_bed: Mapping[str, Assessment | None]) -> None:
    """Notes what clinicians have entered; None once the patient has left."""
    table = tables.assessments
    for bed, assessment in by_bed.items():
        connection.execute(delete(table).where(table.c.bed == bed))
        if assessment is not None:
            row = {"bed": bed, "content": _packed(asdict(assessment))}
            connection.execute(insert(table), row)


def keep_scores(connection: Connection, computed: Iterable[ScoreRow]) -> None:
    """Appends early-warning scores."""
    rows = [
        {
            "patient_id": row.patient_id,
            "bed": row.bed,
            "at": row.score.at,
            "total": row.score.total,
            "band": row.score.band,
            "sub_scores": _packed([asdict(each) for each in row.score.sub_scores]),
            "missing": _packed(row.score.missing),
            "oxygen_scale": row.score.oxygen_scale,
        }
        for row in computed
    ]
    if rows:
        connection.execute(sqlite.insert(tables.scores).on_conflict_do_nothing(), rows)


def inactivations(connection: Connection) -> dict[str, list[Inactivation]]:
    """What is held back, by device."""
    found: dict[str, list[Inactivation]] = {}
    for device_id, _, state, *rest in _in_order(connection, tables.inactivations):
        held = Inactivation(InactivationState(state), *rest)
        found.setdefault(device_id, []).append(held)
    return found


def overrides(connection: Connection) -> dict[str, list[LimitOverride]]:
    """Limits of patients' own, by bed."""
    found: dict[str, list[LimitOverride]] = {}
    for bed, _, metric, limits, *rest in _in_order(connection, tables.overrides):
        override = LimitOverride(metric, _limits(**json.loads(limits)), *rest)
        found.setdefault(bed, []).append(override)
    return found


def assessments(connection: Connection) -> dict[str, Assessment]:
    """What clinicians have entered, by bed."""
    rows = connection.execute(select(tables.assessments).order_by(tables.assessments.c.bed))
    return {bed: _assessment(**json.loads(content)) for bed, content in rows}


def scores(
    connection: Connection,
    patient_id: str,
    since: float = 0.0,
    before: float = NEVER,
    limit: int = SCORES_MAX,
) -> list[Score]:
    """The newest of a patient's scores of that time, in whatever bed, oldest first."""
    table = tables.scores
    query = select(table).where(
        table.c.patient_id == patient_id,
        table.c.at >= since,
        table.c.at < min(before, NEVER),
    )
    newest = query.order_by(table.c.at.desc(), table.c.bed.desc()).limit(limit)
    return [_score(row) for row in reversed(connection.execute(newest).all())]


def _limits(rate: dict[str, float] | None = None, **rest: Any) -> MetricLimits:
    return MetricLimits(rate=None if rate is None else RateOfChange(**rate), **rest)


def _assessment(
    inspired_gas: str | None, consciousness: str | None, oxygen_scale: str, **rest: Any
) -> Assessment:
    return Assessment(
        inspired_gas=None if inspired_gas is None else InspiredGas(inspired_gas),
        consciousness=None if consciousness is None else Consciousness(consciousness),
        oxygen_scale=OxygenScale(oxygen_scale),
        **rest,
    )


def _score(row: Any) -> Score:
    return Score(
        at=row.at,
        total=row.total,
        band=None if row.band is None else Band(row.band),
        sub_scores=tuple(SubScore(**each) for each in json.loads(row.sub_scores)),
        missing=tuple(json.loads(row.missing)),
        oxygen_scale=OxygenScale(row.oxygen_scale),
    )


def _replace(
    connection: Connection,
    table: Table,
    owner: str,
    by_owner: Mapping[str, Iterable[Mapping[str, Any]]],
) -> None:
    """Puts rows in the place of all that an owner had."""
    for name, rows in by_owner.items():
        connection.execute(delete(table).where(table.c[owner] == name))
        new = [{**row, owner: name, "position": place} for place, row in enumerate(rows)]
        if new:
            connection.execute(insert(table), new)


def _in_order(connection: Connection, table: Table) -> Iterable[Any]:
    return connection.execute(select(table).order_by(*table.primary_key))


def _packed(content: object) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))
