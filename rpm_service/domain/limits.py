"""Alarm limits, their delays, and the presets a unit starts from.

The numbers are starting points taken from published monitor manuals; each unit of care must
own its limits. The maxima bound what anybody may set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from math import isinf, isnan
from types import MappingProxyType
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


def _rate(low: float, high: float, extreme_low: float, extreme_high: float) -> MetricLimits:
    return MetricLimits(low, high, extreme_low, extreme_high, delay_s=5, hysteresis=2, hold_s=3)


def _saturation(low: float, high: float | None) -> MetricLimits:
    return MetricLimits(low, high, extreme_low=80, delay_s=10, hysteresis=1, hold_s=3)


def _breathing(low: float, high: float) -> MetricLimits:
    return MetricLimits(low, high, delay_s=10, hysteresis=1, hold_s=3)


def _pressure(low: float, high: float) -> MetricLimits:
    # Cuff pressures come minutes apart: a delay would wait for the next inflation.
    return MetricLimits(low, high)


def _preset(
    rate: MetricLimits,
    saturation: MetricLimits,
    breathing: MetricLimits,
    systolic: tuple[float, float],
    diastolic: tuple[float, float],
    mean: tuple[float, float],
    end_tidal_co2: tuple[float, float],
    bounds: Mapping[str, Bounds],
) -> AlarmSettings:
    limits = {
        "HR": rate,
        "PR": rate,
        "SpO2": saturation,
        "RR": breathing,
        "NIBPs": _pressure(*systolic),
        "NIBPd": _pressure(*diastolic),
        "NIBPm": _pressure(*mean),
        "ABPs": replace(_pressure(*systolic), delay_s=10, hysteresis=2, hold_s=3),
        "ABPd": replace(_pressure(*diastolic), delay_s=10, hysteresis=2, hold_s=3),
        "ABPm": replace(_pressure(*mean), delay_s=10, hysteresis=2, hold_s=3),
        "Temp": MetricLimits(36.0, 39.0, hysteresis=0.1),
        "EtCO2": MetricLimits(*end_tidal_co2, delay_s=10, hysteresis=1, hold_s=3),
        "Batt": MetricLimits(low=20, hysteresis=2),
    }
    return AlarmSettings(MappingProxyType(limits), signal_delay_s=3, standstill=True, bounds=bounds)


def _bounds(
    rate: Bounds,
    saturation: Bounds,
    breathing: Bounds,
    systolic: Bounds,
    diastolic: Bounds,
    mean: Bounds,
    end_tidal_co2: Bounds,
) -> Mapping[str, Bounds]:
    return MappingProxyType(
        {
            "HR": rate,
            "PR": rate,
            "SpO2": saturation,
            "RR": breathing,
            "NIBPs": systolic,
            "NIBPd": diastolic,
            "NIBPm": mean,
            "ABPs": systolic,
            "ABPd": diastolic,
            "ABPm": mean,
            # 35.0 and below scores 3 in NEWS2, above 40 is heat stroke; the same for all ages.
            "Temp": Bounds((35, 37.5), (37, 40)),
            "EtCO2": end_tidal_co2,
        }
    )


# Where a preset has an extreme limit, no limit goes beyond it: what is a HIGH priority alarm in
# every unit is not to be switched off for one patient. An upper limit may come down, and a lower
# one up, into the normal range and no further, where it would call without end and be ignored.
# A saturation may take 30 s (motion), all else 15 s and an extreme 5 s, as monitors have it.
_SATURATION_DELAY_S: Final = 30.0
_BOUNDS: Final = {
    # RR below 6 is where Mindray's automatic limits end, above 35 OpenICE is critical; systolic
    # below 70 scores most in MEWS, and NEWS2 asks for help above 219; mean and diastolic, and
    # EtCO2 of 10 and 75, are OpenICE's critical limits.
    AgeClass.ADULT: _bounds(
        Bounds((35, 100), (80, 160)),
        Bounds((80, 98), (85, 100), _SATURATION_DELAY_S),
        Bounds((6, 20), (15, 35)),
        Bounds((70, 130), (110, 219)), Bounds((40, 80), (70, 120)), Bounds((40, 90), (80, 120)),
        Bounds((10, 40), (35, 75)),
    ),
    # From 29 days on: the outermost bands of the ages (RR 10 to 60, systolic 50 to 150).
    AgeClass.PAEDIATRIC: _bounds(
        Bounds((50, 130), (100, 180)),
        Bounds((80, 98), (85, 100), _SATURATION_DELAY_S),
        Bounds((6, 30), (20, 60)),
        Bounds((50, 100), (90, 150)), Bounds((25, 70), (60, 100)), Bounds((35, 80), (70, 120)),
        Bounds((15, 40), (35, 65)),
    ),
    # Saturation: preterm babies on oxygen are harmed above 95, term babies on air are not.
    AgeClass.NEONATAL: _bounds(
        Bounds((70, 140), (140, 220)),
        Bounds((80, 95), (90, 100), _SATURATION_DELAY_S),
        Bounds((20, 50), (50, 100)),
        Bounds((30, 60), (60, 110)), Bounds((15, 40), (40, 75)), Bounds((20, 50), (45, 90)),
        Bounds((25, 40), (35, 60)),
    ),
}  # fmt: skip
"""Columns: rate, SpO2, RR, systolic, diastolic, mean, EtCO2."""


PRESETS: Final = MappingProxyType(
    {
        AgeClass.ADULT: _preset(
            _rate(50, 120, 35, 160), _saturation(90, None), _breathing(8, 30),
            (90, 160), (50, 90), (60, 110), (15, 50),
            _BOUNDS[AgeClass.ADULT],
        ),
        AgeClass.PAEDIATRIC: _preset(
            _rate(75, 160, 50, 180), _saturation(90, None), _breathing(8, 30),
            (70, 120), (40, 70), (50, 90), (20, 50),
            _BOUNDS[AgeClass.PAEDIATRIC],
        ),
        AgeClass.NEONATAL: _preset(
            _rate(100, 200, 70, 220), _saturation(85, 95), _breathing(30, 100),
            (40, 90), (20, 60), (25, 70), (30, 45),
            _BOUNDS[AgeClass.NEONATAL],
        ),
    }
)  # fmt: skip
"""Columns: rate low, high, extremes; SpO2; RR; NIBP systolic, diastolic, mean; EtCO2; bounds."""
