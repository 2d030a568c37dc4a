"""One metric at one bed, judged with a sample each second: what stories of conditions need."""

from itertools import count
from math import nan

from rpm_service.domain.alarms import Alarm, AlarmBoard, Phase
from rpm_service.domain.limits import MetricLimits
from rpm_service.domain.metric_monitor import MetricMonitor

INVALID = "invalid"
Sample = float | str


class Bed:
    def __init__(
        self,
        limits: MetricLimits,
        *,
        metric: str = "SpO2",
        signal_delay_s: float = 3,
        standstill: bool = False,
    ) -> None:
        self.metric = metric
        self.standstill = standstill
        self.signal_delay_s = signal_delay_s
        self.board = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
        self.now = 1000.0
        self.put_in_force(limits)

    def put_in_force(self, limits: MetricLimits) -> None:
        self.monitor = MetricMonitor(
            self.board, self.metric, self.metric, limits, self.signal_delay_s, (0, 350), self.now,
            standstill=self.standstill,
        )  # fmt: skip

    def measures(self, *samples: Sample) -> "Bed":
        for sample in samples:
            self.now += 1
            invalid = sample == INVALID
            value = nan if isinstance(sample, str) else sample
            self.monitor.observe(value, self.now, self.now, invalid=invalid)
        return self

    @property
    def alarms(self) -> dict[str, Alarm]:
        return {alarm.condition.code: alarm for alarm in self.board}

    @property
    def names(self) -> set[str]:
        return {code for code, alarm in self.alarms.items() if alarm.ended_at is None}

    def told(self, *phases: Phase) -> list[tuple[str, str]]:
        return [
            (each.phase.value, each.alarm.condition.code)
            for each in self.board.events
            if not phases or each.phase in phases
        ]
