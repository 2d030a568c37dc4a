"""Inactivation: what is held back of alarm signals, of one alarm, one metric or one bed.

It filters what is presented and never changes what an alarm is: conditions are judged, raised
and ended as ever, and what still holds when an inactivation ends signals again. What is paused
ends by itself, and sooner when something new calls; what is off stays so until somebody ends
it, and a reminder tells of it. What tells that alarms may reach nobody is never held back. Terms of IEC 60601-1-8.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, assert_never

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority

HELD_MAX: Final = 64
"""So many things may be held back at one bedside."""
REMINDER_S: Final = 600.0
"""What has been off for so long is an alarm, which is told again as often."""
ALARMS_OFF: Final = Condition("ALARMS_OFF", Kind.TECHNICAL)
NEVER_HELD_BACK: Final = frozenset({ALARMS_OFF.code, "BED_NOT_COVERED", "NOT_DELIVERED"})
"""What tells that alarms of a bed may reach nobody."""


class InactivationState(StrEnum):
    """What is held back."""

    AUDIO_PAUSED = "AUDIO_PAUSED"
    AUDIO_OFF = "AUDIO_OFF"
    ALARM_PAUSED = "ALARM_PAUSED"
    ALARM_OFF = "ALARM_OFF"


class PauseBounds(NamedTuple):
    """How long a pause may be, in seconds, and how long it is where nobody says."""

    least: float
    most: float
    standard: float


PAUSES: Final = MappingProxyType(
    {
        InactivationState.AUDIO_PAUSED: PauseBounds(1.0, 120.0, 120.0),
        InactivationState.ALARM_PAUSED: PauseBounds(1.0, 7200.0, 600.0),
    }
)
"""What ends by itself."""


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

    def covers(self, condition: Condition) -> bool:
        """Whether it holds back the signals of a condition."""
        return (
            condition.code not in NEVER_HELD_BACK
            and self.metric in ("", condition.metric)
            and self.condition in ("", condition.code)
        )

    def is_ended_by(self, condition: Condition, priority: Priority) -> bool:
        """Whether a new occurrence, or one whose priority has just risen to this, ends it."""
        if not self.covers(condition):
            return False
        match self.state:
            case InactivationState.AUDIO_PAUSED:
                return True
            case InactivationState.ALARM_PAUSED:
                return priority is Priority.HIGH
            case InactivationState.AUDIO_OFF | InactivationState.ALARM_OFF:
                return False
            case _:
                assert_never(self.state)


class Inactivations:
    """All that is held back at one bedside: at most one of each state and scope.

    `changed` is set whenever `held` is not what it was; the owner takes that back.
    """

    def __init__(self, held: Sequence[Inactivation] = ()) -> None:
        self.held = tuple(held)
        self.changed = False

    def begin(self, new: Inactivation) -> None:
        """Holds something back; the same of before ends."""
        self._keep(*(each for each in self.held if _what(each) != _what(new)), new)

    def end(self, metric: str, condition: str, state: InactivationState | None = None) -> bool:
        """Ends what is held back of exactly this scope; tells whether there was anything."""
        scope = (metric, condition)
        before = self.held
        self._keep(
            *(
                each
                for each in before
                if (each.metric, each.condition) != scope or state not in (None, each.state)
            )
        )
        return self.held != before

    def end_all(self) -> None:
        """Nothing is held back any more."""
        self._keep()

    def break_through(self, condition: Condition, priority: Priority) -> None:
        """A new occurrence, or one whose priority rose, ends pauses within whose scope it is."""
        self._keep(*(each for each in self.held if not each.is_ended_by(condition, priority)))

    def expire(self, now: float) -> float | None:
        """Ends what has run out; tells when the next does."""
        if not self.held:
            # The common case.
            return None
        self._keep(*(each for each in self.held if each.until is None or now < each.until))
        return min((each.until for each in self.held if each.until is not None), default=None)

    @property
    def off_since(self) -> float | None:
        """Since when something has been off; None where nothing is."""
        return min((each.since for each in self.held if each.until is None), default=None)

    def _keep(self, *held: Inactivation) -> None:
        self.changed = self.changed or held != self.held
        self.held = held


def _what(each: Inactivation) -> tuple[InactivationState, str, str]:
    return each.state, each.metric, each.condition


class Reminder:
    """Tells that something at a bedside is off, so that nobody forgets it: the alarm ALARMS_OFF."""

    def __init__(self, board: AlarmBoard) -> None:
        self._board = board
        self._next = 0.0

    def judge(self, off_since: float | None, now: float) -> float | None:
        """Raises, repeats or ends the alarm; tells when to come again."""
        alarm = self._board.get(ALARMS_OFF)
        if off_since is None:
            if alarm is not None:
                self._board.end(ALARMS_OFF, now, now)
            return None
        if alarm is None:
            if now < off_since + REMINDER_S:
                return off_since + REMINDER_S
            self._board.start(ALARMS_OFF, Priority.LOW, now, now)
            self._next = now + REMINDER_S
            return self._next
        if 0 < self._next <= now:
            self._board.repeat(ALARMS_OFF, now)
        # After a restart it is told again when it would have been.
        self._next = self._next or alarm.raised_at
        while self._next <= now:
            self._next += REMINDER_S
        return self._next
