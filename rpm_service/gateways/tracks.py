"""What a recording is made of: numerics, waveforms, and remarks on its time line."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int16]
Array = TypeVar("Array", bound=NDArray[Any])

MISSING_SAMPLE: Final = -32768
"""Says that there is no sample; the contract's own value."""
WAVEFORM_HZ_MIN: Final = 10.0
"""What comes at least this often is a waveform, what comes less often a numeric."""
WAVEFORM_SAMPLES_MAX: Final = 50_000_000
"""Longest waveform that is read, gaps counted: 55 hours at 250 Hz."""
EPISODIC: Final = frozenset({"NIBPs", "NIBPd", "NIBPm"})
"""Metrics measured now and then: between two measurements nothing is missing."""
PERIOD_S_MAX: Final = 86400.0
"""Longest period the contract takes."""

_SAMPLE_MAX: Final = 32767


class RecordingUnreadable(Exception):
    """A recording cannot be read; the message names the file and the reason in one line."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True, slots=True, eq=False)
class NumericTrack:
    """One numeric over time. `code`, `unit`: MDC; 0 where not known.

    `times` (seconds, increasing, not always even) and `values` (NaN: no value; 0 is a value)
    are read-only and equally long. `instance` tells apart tracks of one code.
    """

    metric: str
    code: int
    unit: int
    period_s: float
    times: Floats
    values: Floats
    instance: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class WaveformTrack:
    """One waveform: value = scale * sample + offset. `code`, `unit`: MDC; 0 where not known.

    `samples` is read-only, MISSING_SAMPLE where there is none; the first is at `start_s`.
    `sample_rate_hz` need not be whole. `instance` tells apart tracks of one code.
    """

    label: str
    code: int
    unit: int
    sample_rate_hz: float
    scale: float
    offset: float
    samples: Samples
    start_s: float = 0.0
    instance: int = 0


@dataclass(frozen=True, slots=True)
class Annotation:
    """What the recording says about one instant."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What one file holds, on that file's own clock (seconds)."""

    start_s: float
    end_s: float
    numerics: tuple[NumericTrack, ...]
    waveforms: tuple[WaveformTrack, ...]
    annotations: tuple[Annotation, ...] = ()


def quantised(values: Floats) -> tuple[Samples, float, float]:
    """Fits finite values (NaN: missing) into int16; returns samples, scale and offset.

    No value moves by more than half a scale, 1/131068 of the range.
    """
    missing = np.isnan(values)
    valid = values[~missing]
    if not valid.size:
        return read_only(np.full(len(values), MISSING_SAMPLE, np.int16)), 1.0, 0.0
    low, high = float(valid.min()), float(valid.max())
    # Halved and divided first: the range of doubles near their maximum does not fit a double.
    offset = low / 2 + high / 2
    # A constant, or a range too small for a double to divide, needs no scale of its own.
    scale = (high / 2 - low / 2) / _SAMPLE_MAX or 1.0
    steps = np.clip(np.rint((values - offset) / scale), -_SAMPLE_MAX, _SAMPLE_MAX)
    return read_only(np.where(missing, MISSING_SAMPLE, steps).astype(np.int16)), scale, offset


def recovered(values: Floats, gain: float, baseline: float) -> tuple[Samples, float, float]:
    """Fits values that were (integer - baseline) / gain into int16, exactly where they fit.

    Returns samples, scale and offset, as `quantised` does for the rest.
    """
    missing = np.isnan(values)
    integers = np.rint(values * gain + baseline)
    valid = integers[~missing]
    if not valid.size:
        return quantised(values)
    low, high = float(valid.min()), float(valid.max())
    if high - low > 2 * _SAMPLE_MAX:
        return quantised(values)
    fits = low >= -_SAMPLE_MAX and high <= _SAMPLE_MAX
    moved = 0.0 if fits else float(np.floor((low + high) / 2))
    integers[missing] = MISSING_SAMPLE + moved
    samples = read_only((integers - moved).astype(np.int16))
    return samples, 1 / gain, (moved - baseline) / gain


def numeric_track(
    metric: str, code: int, unit: int, period_s: float, times: Floats, values: Floats
) -> NumericTrack:
    """Makes a track; an episodic one keeps only what was measured.

    Its period is the longest it went without: a cuff's schedule changes, and a shorter
    period would call a good measurement stale.
    """
    if metric in EPISODIC:
        measured = ~np.isnan(values)
        times, values = times[measured], values[measured]
        if times.size > 1:
            period_s = min(float(np.diff(times).max()), PERIOD_S_MAX)
    return NumericTrack(metric, code, unit, period_s, read_only(times), read_only(values))


def read_only(array: Array) -> Array:
    """Locks an array that a frozen value is about to hold."""
    array.setflags(write=False)
    return array
