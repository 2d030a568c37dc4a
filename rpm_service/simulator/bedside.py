"""A simulated bedside monitor: what it measures at its patient, as a device would send it.

Time is the bedside's own, in seconds from 0; there is no clock here. The same seed, scenario
and number always give the same values and samples, in however many pieces they are asked for.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil, isnan, nan, pi
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rpm_service.domain.metrics import BY_NAME, DIMENSIONLESS, MILLIVOLT, OHM
from rpm_service.sdk import NO_SAMPLE, Numeric, SampleArray, Validity
from rpm_service.simulator.patient import Patient, Vitals
from rpm_service.simulator.scenarios import scenario_of
from rpm_service.simulator.waveforms import Floats, ecg, pleth, respiration

MANUFACTURER: Final = "rpm-service"
MODEL: Final = "simulated bedside"

CUFF_PERIOD_S: Final = 300
CUFF_FIRST_S: Final = 3
TEMPERATURE_PERIOD_S: Final = 60

_PERIODS: Final = {
    "HR": 1, "PR": 1, "SpO2": 1, "RR": 1,
    "NIBPs": CUFF_PERIOD_S, "NIBPd": CUFF_PERIOD_S, "NIBPm": CUFF_PERIOD_S,
    "Temp": TEMPERATURE_PERIOD_S,
}  # fmt: skip

NUMERICS: Final = tuple(
    Numeric(BY_NAME[name].code, BY_NAME[name].unit, period_s) for name, period_s in _PERIODS.items()
)
"""What every simulated bedside measures; an Instant speaks in positions here."""
NUMERIC_NAMES: Final = tuple(_PERIODS)
"""Short names of NUMERICS."""
WAVEFORMS: Final = (
    SampleArray(131330, MILLIVOLT, 250.0, scale=0.001, label="II"),
    SampleArray(150452, DIMENSIONLESS, 125.0, scale=0.0001, label="Pleth"),
    SampleArray(151780, OHM, 62.5, scale=0.0001, label="Resp"),
)
"""Its waveforms; a Strip speaks in positions here."""

_HEART_RATE: Final = NUMERIC_NAMES.index("HR")
_EVERY_SECOND: Final = (0, 1, 2, 3)
_CUFF: Final = (4, 5, 6)
_TEMPERATURE: Final = (7,)
_BEYOND_LIMITS: Final = (185.0, 185.0, 72.0, 45.0, 205.0, 118.0, 147.0, 40.3)
"""Of each numeric, a value beyond its adult limit."""

_ECG: Final = 0
_NOISE: Final = np.random.default_rng(1).standard_normal(8191)
_NOISE_HEIGHTS: Final = (0.012, 0.004, 0.006)


@dataclass(frozen=True, slots=True)
class Instant:
    """Numerics observed at one instant. NaN: no value now; 0 is a value."""

    at_s: float
    indices: tuple[int, ...]
    values: tuple[float, ...]
    validity: tuple[Validity, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Strip:
    """Consecutive samples of one waveform; NO_SAMPLE where there is none."""

    index: int
    start_s: float
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Everything of one stretch of time, its end not included."""

    instants: tuple[Instant, ...]
    strips: tuple[Strip, ...]


class SimulatedBedside:
    """One bedside of a ward, numbered from 1.

    `scenario` is one of SCENARIO_NAMES; "mixed" chooses by number. Raises ScenarioUnknown.
    """

    def __init__(self, seed: int, scenario: str = "normal", number: int = 1) -> None:
        self.number = number
        self.scenario = scenario_of(scenario, number)
        rng = np.random.default_rng([seed, number])
        self.onset_s = float(rng.uniform(*self.scenario.onset_s))
        """When the scenario takes effect."""
        self._patient = Patient(rng, self.scenario, self.onset_s)
        self._due: deque[Instant] = deque()
        self._until_s = 0.0
        self._heart_rate = nan

    def silent(self, at_s: float) -> bool:
        """Whether the device sends nothing at all: no values, and no proof of life."""
        return self.onset_s <= at_s < self.onset_s + self.scenario.silent_s

    def advance(self, start_s: float, end_s: float) -> Chunk:
        """Returns what was measured from `start_s` until before `end_s`.

        Time may be skipped, never taken back. A silent device still measures.
        """
        assert self._until_s <= start_s <= end_s, "a bedside's time does not go back"
        self._until_s = end_s
        self._patient.forget(min(start_s, self._patient.second))
        while self._patient.second < end_s:
            self._due.append(self._instant(self._patient.second, self._patient.live()))
        while self._due and self._due[0].at_s < start_s:
            self._due.popleft()
        instants = tuple(self._due)
        self._due.clear()
        return Chunk(instants, self._strips(start_s, end_s))

    def _instant(self, second: int, vitals: Vitals) -> Instant:
        flooded = self.onset_s <= second < self.onset_s + self.scenario.flood_s
        indices: tuple[int, ...] = _EVERY_SECOND
        if flooded or second % CUFF_PERIOD_S == CUFF_FIRST_S:
            indices += _CUFF
        if flooded or second % TEMPERATURE_PERIOD_S == 0:
            indices += _TEMPERATURE
        every = _BEYOND_LIMITS if flooded and second % 2 else _displayed(vitals)
        values = [every[index] for index in indices]
        validity = [Validity.MISSING if isnan(value) else Validity.VALID for value in values]
        if self._leads_off(second):
            # A monitor's number is not to be trusted now; it goes on showing the last one.
            values[_HEART_RATE] = self._heart_rate
            validity[_HEART_RATE] = Validity.INVALID
        self._heart_rate = values[_HEART_RATE]
        return Instant(float(second), indices, tuple(values), tuple(validity))

    def _leads_off(self, at_s: float) -> bool:
        return self.onset_s <= at_s < self.onset_s + self.scenario.leads_off_s

    def _strips(self, start_s: float, end_s: float) -> tuple[Strip, ...]:
        beats = np.array(self._patient.beats)
        breaths = np.array(self._patient.breaths)
        strips = []
        for index, waveform in enumerate(WAVEFORMS):
            rate_hz = waveform.sample_rate_hz
            numbers = np.arange(ceil(start_s * rate_hz), ceil(end_s * rate_hz))
            if not numbers.size:
                continue
            times = numbers / rate_hz
            values = self._values(index, times, beats, breaths)
            noise = _NOISE.take(numbers + 997 * self.number, mode="wrap")
            values += _NOISE_HEIGHTS[index] * noise
            samples = np.rint(values / waveform.scale).astype(np.int16)
            if index == _ECG and self.scenario.leads_off_s:
                off_s = times - self.onset_s
                samples[(off_s >= 0) & (off_s < self.scenario.leads_off_s)] = NO_SAMPLE
            strips.append(Strip(index, float(times[0]), samples))
        return tuple(strips)

    def _values(self, index: int, times: Floats, beats: Floats, breaths: Floats) -> Floats:
        if index == _ECG:
            # The baseline wanders as the chest moves under the electrodes.
            return ecg(times, beats) + 0.03 * np.sin(2 * pi * 0.23 * times)
        return pleth(times, beats) if index == 1 else respiration(times, breaths)


def ward(beds: int, scenario: str, seed: int) -> list[SimulatedBedside]:
    """Makes the beds of a ward. Raises ScenarioUnknown."""
    return [SimulatedBedside(seed, scenario, number) for number in range(1, beds + 1)]


def _displayed(vitals: Vitals) -> tuple[float, ...]:
    """Rounds as a monitor does, in the order of NUMERICS."""
    systolic, diastolic = _whole(vitals.systolic), _whole(vitals.diastolic)
    return (
        _whole(vitals.heart_rate),
        _whole(vitals.pulse_rate),
        _whole(vitals.spo2),
        _whole(vitals.breathing_rate),
        systolic,
        diastolic,
        _whole(diastolic + (systolic - diastolic) / 3),
        round(vitals.temperature, 1),
    )


def _whole(value: float) -> float:
    return value if isnan(value) else float(round(value))
