"""A simulated patient: heart beats, breaths, and vital signs that drift as living ones do."""

from bisect import bisect_right
from dataclasses import dataclass
from math import inf, pi, sin
from typing import Final

import numpy as np

from rpm_service.simulator.scenarios import Course, Scenario
from rpm_service.simulator.waveforms import PULSE_DELAY_S

PAST_S: Final = 30
"""How long a patient has lived when time 0 comes, and how much of its past is kept."""
BEATS_AVERAGED: Final = 8
BREATHS_AVERAGED: Final = 4
ASYSTOLE_AFTER_S: Final = 3.0
"""Without a beat for so long, the heart rate is 0."""
PULSE_LOST_AFTER_S: Final = 5.0
"""Without a pulse for so long, an oximeter has neither rate nor saturation."""
APNOEA_AFTER_S: Final = 10.0
"""Without a breath for so long, the respiratory rate is 0."""
LAST_BREATH_AFTER_S: Final = 15.0
"""Breathing outlives the heart by about so long."""

_RECALL: Final = 0.98
"""What a drift keeps of itself each second."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What can be measured at one instant. NaN: nothing; 0 is a value."""

    heart_rate: float
    pulse_rate: float
    spo2: float
    breathing_rate: float
    systolic: float
    diastolic: float
    temperature: float


class _Drift:
    """A bounded random walk around 0 that is drawn back to it."""

    __slots__ = ("_bound", "_step", "value")

    def __init__(self, spread: float, bound: float) -> None:
        self._step = spread * (1 - _RECALL**2) ** 0.5
        self._bound = bound
        self.value = 0.0

    def walk(self, noise: float) -> None:
        value = _RECALL * self.value + self._step * noise
        self.value = min(max(value, -self._bound), self._bound)


class Patient:
    """Lives second by second; how often it is asked changes nothing.

    `beats` (R waves) and `breaths` (beginnings of inspiration) reach back PAST_S and end with
    the first after the present; infinity where there will be none.
    """

    def __init__(self, rng: np.random.Generator, scenario: Scenario, onset_s: float) -> None:
        self._rng = rng
        self._scenario = scenario
        self._onset_s = onset_s
        self._heart_rate = rng.uniform(62, 92)
        self._spo2 = rng.uniform(*scenario.spo2_at_rest)
        self._breathing = rng.uniform(13, 18)
        self._systolic = rng.uniform(110, 124)
        self._pulse_pressure = rng.uniform(42, 50)
        self._temperature = rng.uniform(36.5, 37.3)
        self._drifts = (
            _Drift(3, 8),
            _Drift(0.5, 1.2),
            _Drift(1, 3),
            _Drift(3, 8),
            _Drift(0.05, 0.2),
        )
        self.second = -PAST_S
        self.beats = [self.second - before_s for before_s in (2.0, 1.0, 0.0)]
        self.breaths = [self.second - before_s for before_s in (8.0, 4.0, 0.0)]
        while self.second < 0:
            self.live()

    def live(self) -> Vitals:
        """Lives through the present second; returns what was measured as it began."""
        for drift, noise in zip(self._drifts, self._rng.standard_normal(5).tolist(), strict=True):
            drift.walk(noise)
        vitals = self._measured(float(self.second))
        self.second += 1
        while self.breaths[-1] < self.second:
            self.breaths.append(self._breath_after(self.breaths[-1]))
        while self.beats[-1] < self.second:
            self.beats.append(self._beat_after(self.beats[-1]))
        return vitals

    def forget(self, before_s: float) -> None:
        """Drops beats and breaths from before a time, but PAST_S of them."""
        for past in (self.beats, self.breaths):
            del past[: max(bisect_right(past, before_s - PAST_S) - 2, 0)]

    def _towards(self, course: Course | None, at_s: float, rest: float) -> float:
        if course is None or at_s <= self._onset_s:
            return rest
        return course.at(at_s - self._onset_s, rest)

    def _beat_after(self, at_s: float) -> float:
        rest = self._heart_rate + self._drifts[0].value
        rate = self._towards(self._scenario.heart_rate, at_s, rest)
        # The heart quickens while breathing in: respiratory sinus arrhythmia.
        here = bisect_right(self.breaths, at_s) - 1
        phase = (at_s - self.breaths[here]) / (self.breaths[here + 1] - self.breaths[here])
        swing = 0.03 * sin(2 * pi * phase)
        beat_s = at_s + 60 / rate * (1 - swing + 0.006 * self._rng.standard_normal())
        stopped = self._scenario.arrests and beat_s >= self._onset_s
        return inf if stopped else beat_s

    def _breath_after(self, at_s: float) -> float:
        rest = self._breathing + self._drifts[2].value
        rate = self._towards(self._scenario.breathing, at_s, rest)
        breath_s = at_s + 60 / rate * (1 + 0.04 * self._rng.standard_normal())
        stopped = self._scenario.arrests and breath_s >= self._onset_s + LAST_BREATH_AFTER_S
        return inf if stopped else breath_s

    def _measured(self, at_s: float) -> Vitals:
        heart_rate, since_beat_s = _rate(self.beats, at_s, BEATS_AVERAGED)
        pulse_rate, since_pulse_s = _rate(self.beats, at_s - PULSE_DELAY_S, BEATS_AVERAGED)
        breathing_rate, since_breath_s = _rate(self.breaths, at_s, BREATHS_AVERAGED)
        spo2 = self._towards(self._scenario.spo2, at_s, self._spo2 + self._drifts[1].value)
        systolic = self._systolic + self._drifts[3].value
        pulseless = since_pulse_s > PULSE_LOST_AFTER_S
        return Vitals(
            heart_rate=0.0 if since_beat_s > ASYSTOLE_AFTER_S else heart_rate,
            pulse_rate=float("nan") if pulseless else pulse_rate,
            spo2=float("nan") if pulseless else min(spo2, 100.0),
            breathing_rate=0.0 if since_breath_s > APNOEA_AFTER_S else breathing_rate,
            systolic=float("nan") if pulseless else systolic,
            diastolic=float("nan") if pulseless else systolic - self._pulse_pressure,
            temperature=self._temperature + self._drifts[4].value,
        )


def _rate(times: list[float], at_s: float, averaged: int) -> tuple[float, float]:
    """Averages the newest intervals up to a time; returns the rate per minute, and the time since."""
    end = bisect_right(times, at_s)
    begin = max(end - 1 - averaged, 0)
    return 60 * (end - 1 - begin) / (times[end - 1] - times[begin]), at_s - times[end - 1]
