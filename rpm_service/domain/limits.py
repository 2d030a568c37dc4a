"""Alarm limits, their delays, and the presets a unit starts from.

The numbers are starting points taken from published monitor manuals; each unit of care must
own its limits. The maxima bound what anybody may set.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from math import isnan
from types import MappingProxyType
from typing import Final

from rpm_service.domain.metrics import BY_NAME

DELAY_S_MAX: Final = 30.0
"""No condition delay may be longer."""
HOLD_S_MAX: Final = 60.0
"""No hold may be longer."""


class LimitsRefused(Exception):
    """Limits that may not be set; `field` names the one at fault."""

    def __init__(self, at: str, reason: str) -> None:
        super().__init__(f"{at}: {reason}")
        self.field = at


class AgeClass(StrEnum):
    """Chooses the preset."""

    ADULT = "adult"
    PAEDIATRIC = "paediatric"
    NEONATAL = "neonatal"


@dataclass(frozen=True, slots=True)
class MetricLimits:
    """Alarm limits of one metric, in its unit. A limit is crossed strictly beyond it.

    `low` and `high` make a MEDIUM priority alarm, `extreme_low` and `extreme_high` a HIGH
    one. A violation must last `delay_s` (`extreme_delay_s` for the extremes) before it is an
    alarm; the value must be back by `hysteresis` within the limit, for `hold_s`, before the
    alarm ends.
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

    def check(self, metric: str) -> None:
        """Raises LimitsRefused where limits cross, or leave the metric's plausible range."""
        ladder = [
            (name, value)
            for name in ("extreme_low", "low", "high", "extreme_high")
            if (value := getattr(self, name)) is not None
        ]
        for (lower, below), (upper, above) in pairwise(ladder):
            if below >= above:
                raise LimitsRefused(
                    f"{metric}.{lower}", f"{below:g} is not below {upper} {above:g}"
                )
        known = BY_NAME.get(metric)
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
        if not 0 <= self.hysteresis < float("inf"):
            raise LimitsRefused(f"{metric}.hysteresis", f"{self.hysteresis:g} is not 0 or more")


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """What is in force at one bedside."""

    limits: Mapping[str, MetricLimits] = field(default_factory=dict)
    """By the short name of a kind of metric, or of one numeric among several of a kind."""
    signal_delay_s: float = 0.0
    """How long a signal may be missing or invalid before that is a technical alarm."""

    def limits_of(self, numeric: str, kind: str) -> MetricLimits | None:
        """The limits of one numeric: those given for it by name, or else those of its kind."""
        return self.limits.get(numeric, self.limits.get(kind))

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
    }
    return AlarmSettings(MappingProxyType(limits), signal_delay_s=3)


PRESETS: Final = MappingProxyType(
    {
        AgeClass.ADULT: _preset(
            _rate(50, 120, 35, 160), _saturation(90, None), _breathing(8, 30),
            (90, 160), (50, 90), (60, 110), (15, 50),
        ),
        AgeClass.PAEDIATRIC: _preset(
            _rate(75, 160, 50, 180), _saturation(90, None), _breathing(8, 30),
            (70, 120), (40, 70), (50, 90), (20, 50),
        ),
        AgeClass.NEONATAL: _preset(
            _rate(100, 200, 70, 220), _saturation(85, 95), _breathing(30, 100),
            (40, 90), (20, 60), (25, 70), (30, 45),
        ),
    }
)  # fmt: skip
"""Columns: rate low, high, extremes; SpO2; RR; NIBP systolic, diastolic, mean; EtCO2."""
