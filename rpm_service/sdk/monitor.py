"""What a device says about itself, and what it observes."""

import sys
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rpm_service.sdk.vocabulary import Validity

NO_SAMPLE = -32768
"""The int16 that says that there is no sample at this place of a waveform."""


@dataclass(frozen=True, slots=True)
class Numeric:
    """A metric with one value at a time."""

    code: int
    """MDC code, e.g. 150456 (MDC_PULS_OXIM_SAT_O2)."""
    unit: int
    """MDC unit code, e.g. 262688 (percent)."""
    period_s: float = 1.0
    """Seconds between two values, 0.05 to 86400: tells the server when a value is stale."""
    instance: int = 0
    """Tells apart metrics of one code."""
    label: str = ""
    """What to show for a code that the server does not know; at most 16 characters."""


@dataclass(frozen=True, slots=True)
class SampleArray:
    """A metric with many evenly spaced samples: a waveform; value = scale * sample + offset."""

    code: int
    """MDC code, e.g. 131330 (MDC_ECG_LEAD_II)."""
    unit: int
    """MDC unit code, e.g. 266418 (millivolt)."""
    sample_rate_hz: float
    """0.1 to 4000; need not be whole."""
    scale: float = 1.0
    offset: float = 0.0
    instance: int = 0
    """Tells apart metrics of one code."""
    label: str = ""
    """What to show for a code that the server does not know; at most 16 characters."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """One monitor at one patient (an MDS in IEEE 11073): everything that it can measure."""

    id: str
    """The device's own id, or "<gateway>/<name>" for a monitor behind a gateway."""
    numerics: tuple[Numeric, ...] = ()
    """At most 64; observations speak of them by position."""
    sample_arrays: tuple[SampleArray, ...] = ()
    """At most 32; observations speak of them by position."""
    manufacturer: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """Consecutive samples of one waveform."""

    index: int
    """Which of the monitor's sample arrays."""
    start_at: float
    """Time of the first sample, on the device's clock."""
    samples: bytes
    """Little-endian int16, see int16_bytes."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one monitor observed at one instant."""

    observed_at: float
    """When, on the device's clock: Unix seconds."""
    values: Sequence[float] = ()
    """In each metric's unit. 0 is a value; NaN says that there is none now."""
    mds: int = 0
    """Which monitor: its position among those given to the client."""
    indices: Sequence[int] = ()
    """Which numeric each value is of; empty: all of the monitor's, in order."""
    validity: Sequence[Validity] = ()
    """Of each value; empty: all valid."""
    sample_arrays: Sequence[Samples] = ()


def int16_bytes(samples: Iterable[int]) -> bytes:
    """Packs waveform samples the way the wire wants them: little-endian int16."""
    packed = array("h", samples)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
