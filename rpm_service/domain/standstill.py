"""Asystole and apnoea: a value of 0 is no low value, it says that nothing moves."""

from types import MappingProxyType
from typing import Final

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.conditions import Report

STANDSTILL: Final = MappingProxyType({"HR": "ASYSTOLE", "RR": "APNOEA"})
"""By kind of metric."""


class Standstill:
    """A value of 0 that says that the heart or the breathing stands still: HIGH, at once."""

    __slots__ = ("_report",)

    def __init__(self, board: AlarmBoard, metric: str, kind: str, *, latching: bool) -> None:
        condition = Condition(STANDSTILL[kind], Kind.PHYSIOLOGICAL, metric)
        self._report = Report(board, condition, -1, latching=latching)

    @property
    def present(self) -> bool:
        """Whether it stands still."""
        return self._report.present

    def observe(self, value: float, at: float, now: float) -> None:
        """Judges one value."""
        self._report.tell(Priority.HIGH if value == 0 else None, None, value, at, now)

    def end(self, at: float, now: float) -> None:
        """It can no longer be judged, or calls again at the next value."""
        self._report.end(at, now)
