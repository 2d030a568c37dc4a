"""I3: an alarm whose condition held for its delay is raised at most 2 s later.

An oracle of its own: which values reached the server while they were of now, and the limits
that people had put into force. It expects only what is beyond doubt: values that follow each
other without a gap, at a bed and under limits that nobody touched meanwhile.
"""

from dataclasses import dataclass, field
from math import isnan
from typing import Final, NamedTuple

from rpm_service.domain.alarms import Alarm, Priority
from rpm_service.domain.limits import MetricLimits
from tests.simulation.broken import Broken
from tests.simulation.places import Sayings
from tests.simulation.samples import Sample

PRESET: Final = {
    "HR": MetricLimits(50, 120, 35, 160, delay_s=5),
    "SpO2": MetricLimits(low=90, extreme_low=80, delay_s=10),
}
"""Of adults, as docs/spec says; everybody here is one."""
RAISED_S: Final = 2.0
LATE_S: Final = 8.0
"""Older values are for the record."""
GAP_S: Final = 3.0
"""Between values further apart nobody knows what was."""
SLACK_S: Final = 1.5
"""Times of a device are known to the server no better: a step of its clock, and delays."""


@dataclass
class Run:
    """Values beyond one limit, one after the other."""

    since: float
    expected_since: float | None = None


@dataclass
class Known:
    """One metric of one device."""

    newest_at: float = float("-inf")
    runs: dict[tuple[str, bool], Run] = field(default_factory=dict)


class Oracle:
    """Says which alarms must stand."""

    def __init__(self, sayings: Sayings) -> None:
        self.expected = 0
        self._sayings = sayings
        self._known: dict[tuple[str, str], Known] = {}

    def forget(self) -> None:
        """A server begins: what it has not heard since it cannot know."""
        self._known.clear()

    def reconnected(self, device_id: str) -> None:
        """What stood must call anew, with the next value and without another delay."""
        for (device, _), known in self._known.items():
            if device == device_id:
                for run in known.runs.values():
                    run.expected_since = None

    def reached(self, sample: Sample, now: float, standing: list[Alarm]) -> None:
        """A value reached the server; `standing` are the alarms that were published by now."""
        for metric, value in (("HR", sample.heart_rate), ("SpO2", sample.saturation)):
            known = self._known.setdefault((sample.device, metric), Known())
            if sample.at <= known.newest_at:
                continue
            follows = sample.at - known.newest_at <= GAP_S
            known.newest_at = sample.at
            if isnan(value) or not follows or now - sample.at > LATE_S:
                known.runs.clear()
            if isnan(value) or now - sample.at > LATE_S:
                continue
            limits = self._limits(sample.device, metric, now)
            for side in _sides(limits, value):
                which = (side.name, side.is_extreme)
                if not side.is_crossed:
                    known.runs.pop(which, None)
                    continue
                run = known.runs.setdefault(which, Run(sample.at))
                self._judge(run, sample, metric, side, now, standing)

    def _judge(
        self,
        run: Run,
        sample: Sample,
        metric: str,
        side: "Side",
        now: float,
        standing: list[Alarm],
    ) -> None:
        if self._sayings.changed_at > run.since - SLACK_S:
            # Somebody moved something: it counts from there.
            run.since, run.expected_since = sample.at, None
        if sample.at - run.since < side.delay_s + (SLACK_S if side.delay_s else 0.0):
            return
        if run.expected_since is None:
            run.expected_since = now
            self.expected += 1
        if now - run.expected_since < RAISED_S:
            return
        codes = {f"{metric.upper()}_{side.name}", "ASYSTOLE"}
        if not any(
            alarm.device_id == sample.device
            and alarm.condition.code in codes
            and alarm.ended_at is None
            and (alarm.priority is Priority.HIGH or not side.is_extreme)
            for alarm in standing
        ):
            raise Broken("I3", f"no {metric} {side} at {sample.device} since {run.expected_since}")

    def _limits(self, device_id: str, metric: str, now: float) -> MetricLimits:
        places = self._sayings.places
        own = places.limits.get((places.bed_of(device_id), metric))
        if own is not None and abs(own[1] - now) < SLACK_S:
            self._known[device_id, metric].runs.clear()
        return own[0] if own is not None and now < own[1] else PRESET[metric]


class Side(NamedTuple):
    """One limit: which condition it makes, whether it is an extreme one, and after how long."""

    name: str
    is_extreme: bool
    is_crossed: bool
    delay_s: float


def _sides(limits: MetricLimits, value: float) -> list[Side]:
    low, high = limits.low, limits.high
    least, most = limits.extreme_low, limits.extreme_high
    return [
        Side("LOW", False, low is not None and value < low, limits.delay_s),
        Side("HIGH", False, high is not None and value > high, limits.delay_s),
        Side("LOW", True, least is not None and value < least, 0.0),
        Side("HIGH", True, most is not None and value > most, 0.0),
    ]
