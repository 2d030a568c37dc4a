"""Alarm limits of patients' own: who set them, why, and until when.

They belong to the patient who lies in a bed. They move with a transfer, and end with their
time, with the discharge, or where the preset that is in force now would not allow them: then
the preset is in force again. Every change is in the journal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

from rpm_service.application.acts import REASON_MAX, ActRefused, check_text
from rpm_service.application.bedside import SERVER, Bedside, stale_after_s
from rpm_service.application.effects import Act, Connection, LimitOverride, Numeric
from rpm_service.domain.auto_limits import propose
from rpm_service.domain.limits import AgeClass, AlarmSettings, Bounds, LimitsRefused, MetricLimits
from rpm_service.domain.metrics import BY_NAME, kind_of

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward

OVERRIDE_S_MIN: Final = 60.0
OVERRIDE_S: Final = 43_200.0
"""How long limits last where nothing else was said: over one shift."""
OVERRIDE_S_MAX: Final = 86_400.0
"""No limits last longer: whoever still wants them sets them again."""
CERTAIN: Final = (0, 1)
"""Wire numbers of validities that limits are proposed from: not stated, valid."""


class Proposal(NamedTuple):
    """Limits that could be set for a metric, and the value they were made from."""

    metric: str
    limits: MetricLimits
    value: float


class MovableLimits(NamedTuple):
    """What a preset says of a metric that is measured, and how far that may be moved."""

    metric: str
    preset: MetricLimits | None
    bounds: Bounds | None


class LimitOverrides:
    """Keeps the limits of all patients' own."""

    def __init__(
        self, ward: "Ward", restored: Mapping[str, Sequence[LimitOverride]], now: float
    ) -> None:
        self._ward = ward
        self._beds = {
            bed: {each.metric: each for each in overrides} for bed, overrides in restored.items()
        }
        self._due = inf
        for bed in list(self._beds):
            if ward.registry.stay(bed) is None:
                self.discharge(bed, now)
            else:
                self._end_unfit(bed, now)
        self._end_old(now)

    def of(self, bed: str) -> Mapping[str, LimitOverride]:
        """Limits of their own of the patient in a bed, by metric."""
        return self._beds.get(bed, {})

    def in_force(self, bed: str, preset: AlarmSettings) -> AlarmSettings:
        """What a preset becomes in a bed."""
        own = self._beds.get(bed)
        if not own:
            return preset
        return preset.with_own({metric: each.limits for metric, each in own.items()})

    # -- acts ---------------------------------------------------------------------------

    def set(
        self,
        bed: str,
        metric: str,
        limits: MetricLimits,
        reason: str,
        duration_s: float,
        by: str,
        now: float,
    ) -> LimitOverride:
        """Sets limits of the patient's own, for so long (0: OVERRIDE_S). Raises ActRefused."""
        self._require_stay(bed)
        if metric not in BY_NAME and metric not in _names(self._ward.at_bed(bed)):
            raise ActRefused("INVALID_ARGUMENT", "limits.metric", f"{metric!r} is not measured")
        check_text("reason", reason, REASON_MAX)
        lasts_s = duration_s or OVERRIDE_S
        if not OVERRIDE_S_MIN <= lasts_s <= OVERRIDE_S_MAX:
            span = f"{OVERRIDE_S_MIN:g} to {OVERRIDE_S_MAX:g} s"
            raise ActRefused(
                "INVALID_ARGUMENT", "duration_s", f"{lasts_s:g} s is not within {span}"
            )
        preset = self._ward.preset(bed)
        try:
            preset.check_own(metric, limits)
        except LimitsRefused as refused:
            part = refused.field.removeprefix(f"{metric}.")
            reason = f"{metric} {part}: {refused.reason}"
            raise ActRefused("INVALID_ARGUMENT", f"limits.{part}", reason) from None
        own = self._beds.setdefault(bed, {})
        known = own.get(metric)
        old = known.limits if known else preset.preset_of(metric)
        own[metric] = override = LimitOverride(metric, limits, by, now, now + lasts_s, reason)
        until = datetime.fromtimestamp(override.until, UTC).isoformat(timespec="seconds")
        detail = f"{_change(metric, old, limits)}; until {until}: {reason}"
        self._ward.batch.acts.append(Act(now, by, "set_limits", bed, detail))
        self._due = min(self._due, override.until)
        self._ward.batch.overrides[bed] = tuple(own.values())
        self._ward.put_limits_in_force(bed, now)
        return override

    def clear(self, bed: str, metric: str, by: str, now: float) -> MetricLimits | None:
        """Puts the preset into force again; gives its limits. Raises ActRefused."""
        self._require_stay(bed)
        if metric not in self.of(bed):
            reason = f"{metric!r} has no limits of the patient's own"
            raise ActRefused("NOT_FOUND", "metric", reason)
        self._end(bed, [metric], by, "", now)
        self._ward.put_limits_in_force(bed, now)
        return self._ward.preset(bed).preset_of(metric)

    def movable(self, bed: str) -> list[MovableLimits]:
        """The preset's limits of every metric that is measured at a bed. Raises ActRefused."""
        bedside = self._ward.at_bed(bed)
        if bedside is None:
            self._require_bed(bed)
            return []
        preset = self._ward.preset(bed)
        return [
            MovableLimits(
                numeric.name,
                preset.preset_of(numeric.name),
                preset.bounds_of(numeric.name, kind_of(numeric.code)),
            )
            for numeric in bedside.description.numerics
        ]

    def propose(self, bed: str, now: float) -> list[Proposal]:
        """Limits around the values of now, of which none is set. Raises ActRefused."""
        stay, bedside = self._ward.registry.stay(bed), self._ward.at_bed(bed)
        if bedside is None:
            self._require_bed(bed)
            return []
        preset = self._ward.preset(bed)
        age_class = stay.age_class if stay else AgeClass.ADULT
        found = []
        for numeric, value in _current(bedside, now):
            kind = kind_of(numeric.code)
            limits = preset.limits_of(numeric.name, kind)
            bounds = preset.bounds_of(numeric.name, kind)
            if limits is None or bounds is None:
                continue
            proposed = propose(kind, value, age_class, limits, bounds)
            if proposed is not None:
                found.append(Proposal(numeric.name, proposed, value))
        return found

    # -- what ends them -----------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Ends what has had its time."""
        if now >= self._due:
            self._end_old(now)

    def discharge(self, bed: str, now: float) -> None:
        """The patient has left: nothing of theirs is in force for the next."""
        self._end(bed, list(self.of(bed)), SERVER, "the patient has left", now)

    def transfer(self, bed: str, to: str, now: float) -> None:
        """The patient has moved to a free bed, with all limits that are allowed there."""
        own = self._beds.pop(bed, None)
        if own is not None:
            self._beds[to] = own
            self._ward.batch.overrides |= {bed: (), to: tuple(own.values())}
            self._end_unfit(to, now)

    def _end_unfit(self, bed: str, now: float) -> None:
        preset = self._ward.preset(bed)
        for metric, each in list(self.of(bed).items()):
            try:
                preset.check_own(metric, each.limits)
            except LimitsRefused as refused:
                self._end(bed, [metric], SERVER, f"not allowed here: {refused.reason}", now)

    def _end_old(self, now: float) -> None:
        for bed, own in list(self._beds.items()):
            old = [metric for metric, each in own.items() if each.until <= now]
            if old:
                self._end(bed, old, SERVER, "their time is over", now)
                self._ward.put_limits_in_force(bed, now)
        untils = [each.until for own in self._beds.values() for each in own.values()]
        self._due = min(untils, default=inf)

    def _end(self, bed: str, metrics: Iterable[str], by: str, why: str, now: float) -> None:
        preset = self._ward.preset(bed)
        for metric in metrics:
            each = self._beds[bed].pop(metric)
            detail = _change(metric, each.limits, preset.preset_of(metric))
            detail += f": {why}" if why else ""
            self._ward.batch.acts.append(Act(now, by, "clear_limits", bed, detail))
            self._ward.batch.overrides[bed] = tuple(self._beds[bed].values())
        if not self.of(bed):
            self._beds.pop(bed, None)

    # -- inside -------------------------------------------------------------------------

    def _require_bed(self, bed: str) -> None:
        if not self._ward.registry.has_bed(bed):
            raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")

    def _require_stay(self, bed: str) -> None:
        if self._ward.registry.stay(bed) is None:
            if self._ward.at_bed(bed) is None and not self._ward.registry.has_bed(bed):
                raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
            raise ActRefused("FAILED_PRECONDITION", "bed", f"nobody lies in {bed!r}")


def _names(bedside: Bedside | None) -> Iterable[str]:
    return [numeric.name for numeric in bedside.description.numerics] if bedside else []


def _current(bedside: Bedside, now: float) -> Iterable[tuple[Numeric, float]]:
    """What is measured at this moment beyond doubt."""
    if bedside.connection is not Connection.CONNECTED:
        return
    for index, numeric in enumerate(bedside.description.numerics):
        age_s = now - bedside.observed_at[index]
        certain = not bedside.validity or bedside.validity[index] in CERTAIN
        if certain and age_s <= stale_after_s(numeric.period_s):
            yield numeric, bedside.values[index]


def _change(metric: str, old: MetricLimits | None, new: MetricLimits | None) -> str:
    """What a change of limits changes, in words."""
    old, new = old or MetricLimits(), new or MetricLimits()
    changes = [
        f"{each.name} {_word(before)} -> {_word(after)}"
        for each in fields(MetricLimits)
        if each.name != "rate"
        and (before := getattr(old, each.name)) != (after := getattr(new, each.name))
    ]
    return f"{metric} " + (", ".join(changes) or "as before")


def _word(value: float | bool | None) -> str:
    if value is None:
        return "none"
    return ("off", "on")[value] if isinstance(value, bool) else f"{value:g}"
