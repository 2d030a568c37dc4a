"""The alarm engine against a slow and plain reading of its rules, on random samples."""

from dataclasses import dataclass
from itertools import count
from math import isnan, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.domain.alarms import AlarmBoard, AlarmEvent, Condition, Kind, Priority
from rpm_service.domain.limits import MetricLimits
from rpm_service.domain.metric_monitor import MetricMonitor

LOW = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
HIGH = Condition("SPO2_HIGH", Kind.PHYSIOLOGICAL, "SpO2")
MISSING = Condition("METRIC_MISSING", Kind.TECHNICAL, "SpO2")
INVALID = Condition("INVALID_SIGNAL", Kind.TECHNICAL, "SpO2")


@dataclass(frozen=True)
class Sample:
    at: float
    value: float
    invalid: bool

    @property
    def usable(self) -> bool:
        return not self.invalid and not isnan(self.value)


durations = st.sampled_from((0.0, 1.0, 2.0, 3.0))
hysteresis = st.sampled_from((0.0, 1.0, 2.0))
limits_in_force = st.builds(
    MetricLimits,
    low=st.sampled_from((None, 90.0)),
    high=st.sampled_from((None, 96.0)),
    extreme_low=st.sampled_from((None, 88.0)),
    extreme_high=st.sampled_from((None, 98.0)),
    delay_s=durations,
    extreme_delay_s=durations,
    hysteresis=hysteresis,
    hold_s=durations,
)
values = st.one_of(st.integers(85, 100).map(float), st.just(nan))
steps = st.tuples(
    st.sampled_from((0.5, 1.0, 1.0, 2.0)), values, st.sampled_from((False, False, False, True))
)


def recording(parts: list[tuple[float, float, bool]]) -> list[Sample]:
    at, samples = 1000.0, []
    for step, value, invalid in parts:
        at += step
        samples.append(Sample(at, value, invalid))
    return samples


# -- the plain reading ------------------------------------------------------------------------


def gone(samples: list[Sample], delay_s: float) -> Condition | None:
    """Which technical alarm is present after the last of these samples."""
    usable = [place for place, sample in enumerate(samples) if sample.usable]
    if not usable or usable[-1] == len(samples) - 1:
        return None
    since, last = samples[usable[-1] + 1], samples[-1]
    if last.at - since.at < delay_s:
        return None
    return INVALID if last.invalid else MISSING


def lasting(flags: list[bool], times: list[float], duration_s: float) -> bool:
    """Whether the last flags are true for at least so long."""
    return any(
        all(flags[first:]) and times[-1] - times[first] >= duration_s for first in range(len(flags))
    )


def tier(signed: list[float], times: list[float], bound: float, delay_s: float,
         forced: list[bool], limits: MetricLimits, stood: list[bool]) -> list[bool]:  # fmt: skip
    """Whether one limit counts as violated after each of these values.

    `stood` says where the heart stood still: nothing else counts then, and what is violated
    from there on needs no delay.
    """
    present: list[bool] = []
    for place in range(len(signed)):
        so_far = slice(0, place + 1)
        if stood[place]:
            present.append(False)
            continue
        beyond = [value > bound for value in signed[so_far]]
        back = [value <= bound - limits.hysteresis for value in signed[so_far]]
        if present and present[-1]:
            present.append(not lasting(back, times[so_far], limits.hold_s))
        else:
            begun = next((back for back in range(place, -1, -1) if stood[back]), None)
            at_once = begun is not None and all(beyond[begun + 1 :])
            present.append(at_once or lasting(beyond, times[so_far], delay_s))
        present[-1] = present[-1] or forced[place]
    return present


def side(
    samples: list[Sample], sign: int, limits: MetricLimits, *, standstill: bool = False
) -> Priority | None:
    """The priority of one side after the last of these samples, all usable and of one epoch."""
    plain = limits.low if sign < 0 else limits.high
    extreme = limits.extreme_low if sign < 0 else limits.extreme_high
    signed = [sign * sample.value for sample in samples]
    times = [sample.at for sample in samples]
    stood = [standstill and sign < 0 and sample.value == 0 for sample in samples]
    forced = [False] * len(samples)
    highs = forced
    if extreme is not None:
        highs = tier(signed, times, sign * extreme, limits.extreme_delay_s, forced, limits, stood)
    lows = forced
    if plain is not None:
        lows = tier(signed, times, sign * plain, limits.delay_s, highs, limits, stood)
    if highs and highs[-1]:
        return Priority.HIGH
    return Priority.MEDIUM if lows and lows[-1] else None


def plainly(
    samples: list[Sample], limits: MetricLimits, delay_s: float
) -> dict[Condition, Priority]:
    """What is present after the last sample, from nothing but the samples."""
    technical = gone(samples, delay_s)
    if technical is not None:
        return {technical: Priority.LOW}
    began = 0
    for end in range(1, len(samples) + 1):
        if gone(samples[:end], delay_s) is not None:
            began = end
    epoch = [sample for sample in samples[began:] if sample.usable]
    sides = {LOW: side(epoch, -1, limits), HIGH: side(epoch, +1, limits)}
    return {condition: priority for condition, priority in sides.items() if priority is not None}


# -- the engine -------------------------------------------------------------------------------


class Engine:
    def __init__(self, limits: MetricLimits, delay_s: float, *, metric: str = "SpO2") -> None:
        self.board = AlarmBoard("device", "bed", count(1).__next__)
        self.monitor = MetricMonitor(
            self.board, metric, metric, limits, delay_s, (0, 100), 1000.0, standstill=True
        )

    def take(self, sample: Sample, *, skip_quiet: bool) -> None:
        low, high = self.monitor.quiet_band
        if skip_quiet and not sample.invalid and low <= sample.value <= high:
            return
        self.monitor.observe(sample.value, sample.at, sample.at, invalid=sample.invalid)

    @property
    def present(self) -> dict[Condition, Priority]:
        return {alarm.condition: alarm.priority for alarm in self.board}

    @property
    def events(self) -> list[AlarmEvent]:
        return self.board.events


@pytest.mark.spec("ALARM-3")
@pytest.mark.spec("ALARM-4")
@pytest.mark.spec("ALARM-5")
@pytest.mark.spec("ALARM-6")
@settings(max_examples=300)
@given(st.lists(steps, max_size=25), limits_in_force, durations)
def test_the_engine_does_what_the_rules_say(
    parts: list[tuple[float, float, bool]], limits: MetricLimits, delay_s: float
) -> None:
    samples = recording(parts)
    engine = Engine(limits, delay_s)
    for place, sample in enumerate(samples):
        engine.take(sample, skip_quiet=True)
        assert engine.present == plainly(samples[: place + 1], limits, delay_s), place


hearts = st.builds(
    MetricLimits,
    low=st.sampled_from((None, 50.0)),
    extreme_low=st.sampled_from((None, 35.0)),
    delay_s=durations,
    extreme_delay_s=durations,
    hysteresis=st.sampled_from((0.0, 5.0)),
    hold_s=durations,
)
beats = st.tuples(
    st.sampled_from((0.5, 1.0, 1.0, 2.0)),
    st.sampled_from((0.0, 0.0, 1.0, 30.0, 40.0, 52.0, 72.0, nan)),
    st.sampled_from((False,) * 9 + (True,)),
)


@pytest.mark.spec("ALARM-50")
@pytest.mark.spec("ALARM-51")
@settings(max_examples=500)
@given(st.lists(beats, max_size=25), hearts, durations)
def test_a_heart_that_stands_still_is_what_the_rules_say(
    parts: list[tuple[float, float, bool]], limits: MetricLimits, delay_s: float
) -> None:
    samples = recording(parts)
    engine = Engine(limits, delay_s, metric="HR")
    for place, sample in enumerate(samples):
        engine.take(sample, skip_quiet=True)
        so_far = samples[: place + 1]
        technical = gone(so_far, delay_s)
        began = max((end for end in range(len(so_far)) if gone(so_far[:end], delay_s)), default=0)
        epoch = [each for each in so_far[began:] if each.usable]
        expected = {}
        if technical is not None:
            expected[technical.code] = Priority.LOW
        elif epoch and epoch[-1].value == 0:
            expected["ASYSTOLE"] = Priority.HIGH
        elif (low := side(epoch, -1, limits, standstill=True)) is not None:
            expected["HR_LOW"] = low
        assert {each.code: found for each, found in engine.present.items()} == expected, place


@settings(max_examples=300)
@given(st.lists(steps, max_size=60), limits_in_force, durations)
def test_what_is_within_the_quiet_band_need_not_be_judged(
    parts: list[tuple[float, float, bool]], limits: MetricLimits, delay_s: float
) -> None:
    quick, slow = Engine(limits, delay_s), Engine(limits, delay_s)
    for sample in recording(parts):
        quick.take(sample, skip_quiet=True)
        slow.take(sample, skip_quiet=False)
    assert quick.events == slow.events


@pytest.mark.spec("ALARM-16")
@given(st.lists(steps, max_size=60), limits_in_force, durations)
def test_occurrences_and_their_events_are_numbered_without_holes(
    parts: list[tuple[float, float, bool]], limits: MetricLimits, delay_s: float
) -> None:
    engine = Engine(limits, delay_s)
    for sample in recording(parts):
        engine.take(sample, skip_quiet=True)
    numbers: dict[int, int] = {}
    for event in engine.events:
        occurrence = event.alarm.occurrence_id
        assert event.alarm.event_seq == numbers.get(occurrence, 0) + 1
        numbers[occurrence] = event.alarm.event_seq
    assert list(numbers) == list(range(1, len(numbers) + 1))
