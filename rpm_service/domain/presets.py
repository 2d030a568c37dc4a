"""The presets a unit starts from, and their bounds.

The numbers are starting points taken from published monitor manuals; each unit of care must
own its limits.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from rpm_service.domain.limits import AgeClass, AlarmSettings, Bounds, MetricLimits


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
