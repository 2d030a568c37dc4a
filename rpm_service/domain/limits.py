"""Alarm limits, their delays, and how far anybody may move them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from math import isinf, isnan
from typing import Final

from rpm_service.domain.metrics import BY_NAME, Metric

DELAY_S_MAX: Final = 30.0
"""No condition delay may be longer."""
SIGNAL_DELAY_S_MAX: Final = 30.0
"""No signal may be gone for longer without an alarm."""
HOLD_S_MAX: Final = 60.0
"""No hold may be longer."""
HYSTERESIS_SHARE_MAX: Final = 0.1
"""No hysteresis may be a larger share of a metric's plausible range,"""
HYSTERESIS_MAX: Final = 50.0
"""nor larger where nothing is known of the metric."""
RATE_WINDOW_S: Final = (1.0, 300.0)
"""The shortest and longest time that a rate of change may look back."""
LADDER: Final = ("extreme_low", "low", "high", "extreme_high")
"""The limits of a metric, which must grow in this order."""


class LimitsRefused(Exception):
    """Limits that may not be set; `field` names the one at fault."""

    def __init__(self, at: str, reason: str) -> None:
        super().__init__(f"{at}: {reason}")
        self.field = at
        self.reason = reason


class AgeClass(StrEnum):
    """Chooses the preset."""

    ADULT = "adult"
    PAEDIATRIC = "paediatric"
    NEONATAL = "neonatal"


@dataclass(frozen=True, slots=True)
class RateOfChange:
    """How far a value may move within a time.

    More than `change`, in the metric's unit, away from the highest or lowest value of the last
    `window_s` is a MEDIUM priority alarm, {KIND}_FALLING or {KIND}_RISING.
    """

    change: float
    window_s: float


@dataclass(frozen=True, slots=True)
class MetricLimits:
    """Alarm limits of one metric, in its unit. A limit is crossed strictly beyond it.

    `low` and `high` make a MEDIUM priority alarm, `extreme_low` and `extreme_high` a HIGH
    one; of equipment (Batt) they make LOW and MEDIUM ones, technical. A violation must last
    `delay_s` (`extreme_delay_s` for the extremes) before it is an alarm; the value must be
    back by `hysteresis` within the limit, for `hold_s`, before the alarm ends. A `rate` has
    neither delay nor hysteresis, and costs: every value of such a metric is judged in full.
    """

    low: float | None = None
    high: float | None = None
    extreme_low: float | None = None
    extreme_high: float | None = None
    delay_s: float = 0.0
    extreme_delay_s: float = 0.0
    hysteresis: float = 0.0
    hold_s: float = 0.0
    latching: bool = False
    rate: RateOfChange | None = None

    def check(self, metric: str) -> None:
        """Raises LimitsRefused where limits cross, or anything leaves its bounds."""
        ladder = [(name, value) for name in LADDER if (value := getattr(self, name)) is not None]
        for (lower, below), (upper, above) in pairwise(ladder):
            if below >= above:
                raise LimitsRefused(
                    f"{metric}.{lower}", f"{below:g} is not below {upper} {above:g}"
                )
        known = known_metric(metric)
        for name, value in ladder:
            if isnan(value) or (known and not known.low <= value <= known.high):
                span = f"{known.low:g} to {known.high:g}" if known else "a number"
                raise LimitsRefused(f"{metric}.{name}", f"{value:g} is not within {span}")
        for name, value, most in (
            ("delay_s", self.delay_s, DELAY_S_MAX),
            ("extreme_delay_s", self.extreme_delay_s, DELAY_S_MAX),
            ("hold_s", self.hold_s, HOLD_S_MAX),
        ):
            if not 0 <= value <= most:
                raise LimitsRefused(
                    f"{metric}.{name}", f"{value:g} s is not within 0 to {most:g} s"
                )
        self._check_hysteresis(metric, known)
        if self.rate is not None:
            _check_rate(metric, self.rate, known)

    def _check_hysteresis(self, metric: str, known: Metric | None) -> None:
        """Also refuses a hysteresis that leaves no value to end an alarm within the limits."""
        most = HYSTERESIS_SHARE_MAX * (known.high - known.low) if known else HYSTERESIS_MAX
        if not 0 <= self.hysteresis <= most:
            raise LimitsRefused(
                f"{metric}.hysteresis", f"{self.hysteresis:g} is not within 0 to {most:g}"
            )
        lowest, highest = (known.low, known.high) if known else (float("-inf"), float("inf"))
        for side, back, furthest in (
            ("low", self.low, self.high if self.high is not None else highest),
            ("extreme_low", self.extreme_low, highest),
        ):
            if back is not None and back + self.hysteresis > furthest:
                raise LimitsRefused(
                    f"{metric}.hysteresis",
                    f"{self.hysteresis:g} above {side} {back:g} is beyond {furthest:g}",
                )
        for side, back in (("high", self.high), ("extreme_high", self.extreme_high)):
            if back is not None and back - self.hysteresis < lowest:
                raise LimitsRefused(
                    f"{metric}.hysteresis",
                    f"{self.hysteresis:g} below {side} {back:g} is beyond {lowest:g}",
                )


def known_metric(metric: str) -> Metric | None:
    """The metric that limits are of: they may be of one numeric among several, Temp 2."""
    kind, _, number = metric.rpartition(" ")
    return BY_NAME.get(kind if number.isdecimal() else metric)


def _kind_of(metric: str) -> str:
    known = known_metric(metric)
    return known.name if known else metric


def _check_rate(metric: str, rate: RateOfChange, known: Metric | None) -> None:
    most = known.high - known.low if known else float("inf")
    if not 0 < rate.change <= most or isinf(rate.change):
        span = f"above 0 and at most {most:g}" if known else "a number above 0"
        raise LimitsRefused(f"{metric}.rate.change", f"{rate.change:g} is not {span}")
    shortest, longest = RATE_WINDOW_S
    if not shortest <= rate.window_s <= longest:
        raise LimitsRefused(
            f"{metric}.rate.window_s",
            f"{rate.window_s:g} s is not within {shortest:g} to {longest:g} s",
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far anybody may move the limits of one metric, ends included, in its unit.

    `low` bounds the lower limit and the extreme one below it, `high` the upper ones. The delays
    are the longest, in seconds.
    """

    low: tuple[float, float]
    high: tuple[float, float]
    delay_s_max: float = 15.0
    extreme_delay_s_max: float = 5.0

    def check(self, metric: str, limits: MetricLimits) -> None:
        """Raises LimitsRefused for a limit or delay that is beyond them."""
        for name in LADDER:
            value = getattr(limits, name)
            lowest, highest = self.low if name.endswith("low") else self.high
            if value is not None and not lowest <= value <= highest:
                span = f"{lowest:g} to {highest:g}"
                raise LimitsRefused(
                    f"{metric}.{name}", f"{value:g} is beyond what is allowed here, {span}"
                )
        for name, value, most in (
            ("delay_s", limits.delay_s, self.delay_s_max),
            ("extreme_delay_s", limits.extreme_delay_s, self.extreme_delay_s_max),
        ):
            if not 0 <= value <= most:
                raise LimitsRefused(
                    f"{metric}.{name}", f"{value:g} s is beyond what is allowed here, {most:g} s"
                )


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """What is in force at one bedside."""

    limits: Mapping[str, MetricLimits] = field(default_factory=dict)
    """By the short name of a kind of metric, or of one numeric among several of a kind."""
    signal_delay_s: float = 0.0
    """How long a signal may be missing or invalid before that is a technical alarm."""
    standstill: bool = False
    """Whether a heart rate of 0 (ASYSTOLE) and a respiratory rate of 0 (APNOEA) are alarms of
    their own: HIGH priority, at once."""
    combined: bool = False
    """Whether warnings on two different vitals at once are a HIGH priority alarm together."""
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    """How far limits may be moved, named like them; without, the plausible range bounds them."""

    def limits_of(self, numeric: str, kind: str) -> MetricLimits | None:
        """The limits of one numeric: those given for it by name, or else those of its kind."""
        return self.limits.get(numeric, self.limits.get(kind))

    def bounds_of(self, numeric: str, kind: str) -> Bounds | None:
        """The bounds of one numeric, found likewise."""
        return self.bounds.get(numeric, self.bounds.get(kind))

    def preset_of(self, metric: str) -> MetricLimits | None:
        """The limits of a metric that is named like a numeric or a kind."""
        return self.limits_of(metric, _kind_of(metric))

    def check_own(self, metric: str, limits: MetricLimits) -> None:
        """Raises LimitsRefused for limits of a patient's own that may not replace these.

        They may be moved within the bounds. None may be taken away, and latching neither: that
        is to hold an alarm back, which is another act and leaves a mark of its own.
        """
        limits.check(metric)
        if all(getattr(limits, name) is None for name in LADDER):
            raise LimitsRefused(f"{metric}.low", "say at least one limit")
        preset, bounds = self.preset_of(metric), self.bounds_of(metric, _kind_of(metric))
        if preset is None:
            return
        if bounds is None:
            raise LimitsRefused(f"{metric}.metric", f"{metric} has no bounds to move limits in")
        for name in LADDER:
            if getattr(preset, name) is not None and getattr(limits, name) is None:
                reason = "the preset has a limit here: it may be moved, not taken away"
                raise LimitsRefused(f"{metric}.{name}", reason)
        if preset.latching and not limits.latching:
            raise LimitsRefused(f"{metric}.latching", "the preset latches, and that stays")
        bounds.check(metric, limits)

    def check_preset(self) -> None:
        """Raises LimitsRefused for the first limit that may not be set, or leaves its bounds."""
        for metric, limits in self.limits.items():
            limits.check(metric)
            bounds = self.bounds_of(metric, _kind_of(metric))
            if bounds is not None:
                bounds.check(metric, limits)

    def with_own(self, own: Mapping[str, MetricLimits]) -> "AlarmSettings":
        """Puts limits of a patient's own in the place of these; a rate of change stays."""
        limits = dict(self.limits)
        for metric, each in own.items():
            preset = self.preset_of(metric)
            limits[metric] = each if preset is None else replace(each, rate=preset.rate)
        return replace(self, limits=limits)

    def check(self) -> None:
        """Raises LimitsRefused for the first limit that may not be set."""
        for metric, limits in self.limits.items():
            limits.check(metric)

    def with_latching(self, *, latching: bool) -> "AlarmSettings":
        """Makes every limit alarm latching, or none."""
        limits = {name: replace(each, latching=latching) for name, each in self.limits.items()}
        return replace(self, limits=limits)
