"""The combined condition: warnings on two different vitals at once are more than each alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority

COMBINED_WARNING: Final = Condition("COMBINED_WARNING", Kind.PHYSIOLOGICAL)

VITALS: Final = MappingProxyType(
    {
        "HR": "heart", "PR": "heart",
        "SpO2": "oxygen",
        "RR": "breathing",
        "NIBPs": "pressure", "NIBPd": "pressure", "NIBPm": "pressure",
        "ABPs": "pressure", "ABPd": "pressure", "ABPm": "pressure",
        "Temp": "temperature",
        "EtCO2": "carbon dioxide",
    }
)  # fmt: skip
"""By kind of metric: two of the same vital say the same thing twice."""


def judge_combined(
    board: AlarmBoard, kinds: Mapping[str, str], at: float, now: float, *, in_force: bool
) -> None:
    """Raises or ends the combined condition; `kinds` tells the kind of each metric at the bed.

    It begins while nothing is HIGH, which would say more, and ends when fewer than two vitals
    have a warning.
    """
    warnings = [
        (VITALS[kinds[alarm.condition.metric]], alarm.priority)
        for alarm in board
        if alarm.ended_at is None
        and alarm.condition.kind is Kind.PHYSIOLOGICAL
        and alarm.priority >= Priority.MEDIUM
        and kinds.get(alarm.condition.metric) in VITALS
    ]
    several = in_force and len({vital for vital, _ in warnings}) > 1
    if board.holds(COMBINED_WARNING):
        if not several:
            board.end(COMBINED_WARNING, at, now)
    elif several and all(priority < Priority.HIGH for _, priority in warnings):
        board.start(COMBINED_WARNING, Priority.HIGH, at, now)
