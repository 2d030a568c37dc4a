"""Inactivation: what is held back of alarm signals, of one alarm, one metric or one bed.

It filters what is presented and never changes what an alarm is: conditions are judged, raised
and ended as ever, and what still holds when an inactivation ends signals again. What is paused
ends by itself; what is off stays so until somebody ends it, and a reminder tells of it. Terms
of IEC 60601-1-8.
"""

from dataclasses import dataclass
from enum import StrEnum


class InactivationState(StrEnum):
    """What is held back."""

    AUDIO_PAUSED = "AUDIO_PAUSED"
    AUDIO_OFF = "AUDIO_OFF"
    ALARM_PAUSED = "ALARM_PAUSED"
    ALARM_OFF = "ALARM_OFF"


@dataclass(frozen=True, slots=True)
class Inactivation:
    """One thing that is held back at a bedside.

    `metric` is the name of a numeric there and `condition` a condition's code; empty where it is
    not bound to one. `until` is None for what is off.
    """

    state: InactivationState
    metric: str
    condition: str
    by: str
    since: float
    until: float | None
    reason: str = ""
