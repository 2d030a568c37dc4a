"""The shapes of ECG, pleth and respiration, drawn from the times of heart beats and breaths.

Every function is pure: times (seconds, increasing) in, values out. `beats` and `breaths` are
increasing times that begin at least two before the first of `times` and end after the last;
a heart or a chest that stands still ends with infinity.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

PULSE_DELAY_S: Final = 0.2
"""From the R wave to the foot of the pulse at the finger."""

_PHASE: Final = np.linspace(0.0, 1.0, 257)


def _pulse_shape() -> Floats:
    systolic = np.exp(-(((_PHASE - 0.18) / 0.075) ** 2) / 2)
    dicrotic = 0.40 * np.exp(-(((_PHASE - 0.47) / 0.12) ** 2) / 2)
    shape: Floats = systolic + dicrotic
    # Straightened so that one pulse ends where the next begins.
    shape -= shape[0] + (shape[-1] - shape[0]) * _PHASE
    shape /= shape.max()
    return shape


def _breath_shape() -> Floats:
    inspiring = (1 - np.cos(np.pi * _PHASE / 0.4)) / 2
    expiring = (1 + np.cos(np.pi * (_PHASE - 0.4) / 0.6)) / 2
    return np.where(_PHASE < 0.4, inspiring, expiring)


_PULSE: Final = _pulse_shape()
_BREATH: Final = _breath_shape()


def ecg(times: Floats, beats: Floats) -> Floats:
    """Draws lead II in mV: P, Q, R, S and T as Gaussians around each beat.

    T comes and widens with the square root of the beat interval before it, as the QT
    interval does (Bazett).
    """
    last = np.searchsorted(beats, times, side="right") - 1
    after = times - beats[last]
    before = beats[last + 1] - times
    stretch = np.sqrt(beats[last] - beats[last - 1])
    return (
        _bump(before, 0.16, 0.024, 0.13)
        + _bump(before, 0.030, 0.009, -0.10)
        + _bump(np.minimum(after, before), 0.0, 0.011, 1.10)
        + _bump(after, 0.032, 0.011, -0.24)
        + _bump(after / stretch, 0.30, 0.050, 0.30)
    )


def pleth(times: Floats, beats: Floats) -> Floats:
    """Draws the pulse at the finger, 0 to 1: a systolic peak, the dicrotic notch, a second wave."""
    felt = times - PULSE_DELAY_S
    last = np.searchsorted(beats, felt, side="right") - 1
    phase = (felt - beats[last]) / (beats[last] - beats[last - 1])
    return np.interp(phase, _PHASE, _PULSE)


def respiration(times: Floats, breaths: Floats) -> Floats:
    """Draws the chest, 0 (breathed out) to 1 (breathed in)."""
    last = np.searchsorted(breaths, times, side="right") - 1
    phase = (times - breaths[last]) / (breaths[last + 1] - breaths[last])
    return np.interp(phase, _PHASE, _BREATH)


def _bump(distance: Floats, centre: float, width: float, height: float) -> Floats:
    return height * np.exp(((distance - centre) / width) ** 2 * -0.5)
