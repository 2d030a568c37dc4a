"""Automatic limits: alarm limits around the values that a patient has now, as a proposal.

The rules are those of published monitor manuals (Mindray; saturation: Dräger). A metric or an
age class without a rule there has none here. Nothing is set by a rule: a person confirms.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from rpm_service.domain.limits import AgeClass, Bounds, LimitsRefused, MetricLimits
from rpm_service.domain.metrics import BY_NAME

Rule = Callable[[float], tuple[float, float | None]]
"""Lower and upper limit around a value; None leaves the upper one as it is."""

NEVER: Final[tuple[float, float]] = (float("-inf"), float("inf"))


def _scaled(
    below: tuple[float, float], above: tuple[float, float], within: tuple[float, float] = NEVER
) -> Rule:
    """A limit is a factor times the value and something added, and never outside `within`."""
    return lambda value: (
        max(below[0] * value + below[1], within[0]),
        min(above[0] * value + above[1], within[1]),
    )


_RATE = _scaled((0.8, 0), (1.25, 0), (40, 240))
_NEONATAL_RATE = _scaled((1, -30), (1, +40), (90, 200))
_BREATHING = _scaled((0.5, 0), (1.5, 0), (6, 30))
_SYSTOLIC = _scaled((0.68, 10), (0.86, 38))
_TEMPERATURE = _scaled((1, -0.5), (1, +0.5))
_CO2 = _scaled((1, -6), (1, +6))


def _saturation(value: float) -> tuple[float, float | None]:
    return value - 5, None


_ALL_AGES: Final[dict[str, Rule]] = {
    "SpO2": _saturation,
    "Temp": _TEMPERATURE,
    "EtCO2": _CO2,
}
_OLDER: Final = _ALL_AGES | {"HR": _RATE, "PR": _RATE, "RR": _BREATHING, "NIBPs": _SYSTOLIC}
RULES: Final = {
    AgeClass.ADULT: _OLDER,
    AgeClass.PAEDIATRIC: _OLDER,
    AgeClass.NEONATAL: _ALL_AGES | {"HR": _NEONATAL_RATE, "PR": _NEONATAL_RATE},
}
APPLIES: Final = {"EtCO2": (36.0, 45.0)}
"""Values that a rule is for, where it is not for all."""


def propose(
    kind: str, value: float, age_class: AgeClass, preset: MetricLimits, bounds: Bounds
) -> MetricLimits | None:
    """Limits around a value, within bounds, or None where there is no rule for it.

    Extremes, delays and all else are the preset's; so is a limit that the rule leaves open.
    """
    rule = RULES[age_class].get(kind)
    least, most = APPLIES.get(kind, NEVER)
    if rule is None or not least <= value <= most:
        return None
    low, high = rule(value)
    decimals = BY_NAME[kind].decimals
    # A limit stays one step within the extreme one beyond it.
    step = 10.0**-decimals
    lowest = max(bounds.low[0], _or(preset.extreme_low, NEVER[0]) + step)
    low = round(min(max(low, lowest), bounds.low[1]), decimals)
    if high is None:
        high = preset.high
    else:
        highest = min(bounds.high[1], _or(preset.extreme_high, NEVER[1]) - step)
        high = round(max(min(high, highest), bounds.high[0]), decimals)
    limits = replace(preset, low=low, high=high)
    try:
        limits.check(kind)
    except LimitsRefused:
        return None
    return limits


def _or(limit: float | None, otherwise: float) -> float:
    return otherwise if limit is None else limit
