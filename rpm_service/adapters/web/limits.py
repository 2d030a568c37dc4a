"""Alarm limits of a patient's own, from the page: set, cleared, and proposed."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Final, Protocol

from fastapi import FastAPI, Request

from rpm_service.adapters.web.body import Body
from rpm_service.adapters.web.gate import session_of
from rpm_service.application.limit_overrides import MovableLimits, Proposal
from rpm_service.domain.limits import MetricLimits

SET_HERE: Final = tuple(each.name for each in fields(MetricLimits) if each.name != "rate")
"""What may be set of limits; a rate of change is the preset's."""


class LimitActs(Protocol):
    """Carries out acts about limits. Raises ActRefused."""

    def set_limits(
        self,
        bed: str,
        metric: str,
        limits: MetricLimits,
        reason: str,
        duration_s: float,
        by: str,
        key: str,
    ) -> object:
        """Sets the limits of one metric; 0 s: as long as is usual."""
        ...

    def clear_limits(self, bed: str, metric: str, by: str, key: str) -> object:
        """Puts the preset into force again."""
        ...

    def limits_of(self, bed: str) -> Sequence[MovableLimits]:
        """Gives the preset's limits of what is measured, and how far they may be moved."""
        ...

    def propose_limits(self, bed: str) -> Sequence[Proposal]:
        """Proposes limits around the values of now."""
        ...


class ClearLimits(Body):
    """The metric whose limits were set."""

    metric: str


class SetLimits(ClearLimits):
    """The limits of one metric, whole; for how long, in seconds (0: as is usual), and why."""

    low: float | None = None
    high: float | None = None
    extreme_low: float | None = None
    extreme_high: float | None = None
    delay_s: float = 0
    extreme_delay_s: float = 0
    hysteresis: float = 0
    hold_s: float = 0
    latching: bool = False
    reason: str
    duration_s: float = 0

    def limits(self) -> MetricLimits:
        """The same in the words of the core."""
        return MetricLimits(**{name: getattr(self, name) for name in SET_HERE})


def add_limit_acts(app: FastAPI, acts: LimitActs) -> None:
    """Adds the routes."""

    @app.post("/v1/beds/{bed:path}/set-limits", status_code=204)
    async def set_limits(bed: str, body: SetLimits, request: Request) -> None:
        """Sets limits of a patient's own for one metric, for a time."""
        what = (bed, body.metric, body.limits(), body.reason, body.duration_s)
        acts.set_limits(*what, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/clear-limits", status_code=204)
    async def clear_limits(bed: str, body: ClearLimits, request: Request) -> None:
        """Ends them: the preset is in force again."""
        acts.clear_limits(bed, body.metric, session_of(request).user, body.idempotency_key)

    @app.get("/v1/beds/{bed:path}/limits")
    async def limits(bed: str) -> list[dict[str, object]]:
        """The limits of the preset and their bounds, metric by metric."""
        return [
            {
                "metric": each.metric,
                "preset": each.preset and _set_here(each.preset),
                "bounds": each.bounds and asdict(each.bounds),
            }
            for each in acts.limits_of(bed)
        ]

    @app.get("/v1/beds/{bed:path}/proposed-limits")
    async def proposed_limits(bed: str) -> list[dict[str, object]]:
        """Limits around the values of now, for a person to confirm; sets none."""
        return [
            {"metric": each.metric, "value": each.value, **_set_here(each.limits)}
            for each in acts.propose_limits(bed)
        ]


def _set_here(limits: MetricLimits) -> dict[str, object]:
    return {name: getattr(limits, name) for name in SET_HERE}
