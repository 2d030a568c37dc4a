"""The alarm signal: what is presented for one alarm condition, and what may change it.

Condition and signal are two things. A condition is present or it is not; a signal tells
people about it, may be acknowledged while the condition holds, and may stay (LATCHED) when
the condition has gone. This table is the whole of it; a missing entry is an illegal
transition. Pausing or switching off sound filters what is heard and never changes presence.

    condition present  =>  ON or ACKNOWLEDGED
    condition absent   =>  OFF or LATCHED
    LATCHED            =>  the alarm is a latching one
    ON stops only by an operator's act or by the condition's end
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Presence(StrEnum):
    """The state of one alarm signal."""

    OFF = "OFF"
    ON = "ON"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    LATCHED = "LATCHED"


class SignalEvent(StrEnum):
    """What may happen to one alarm signal."""

    CONDITION_STARTED = "CONDITION_STARTED"
    CONDITION_ENDED = "CONDITION_ENDED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    ACKNOWLEDGEMENT_EXPIRED = "ACKNOWLEDGEMENT_EXPIRED"
    PRIORITY_RAISED = "PRIORITY_RAISED"
    RESET = "RESET"


class IllegalTransition(Exception):
    """A signal was asked to do what its state does not allow."""

    def __init__(self, presence: Presence, event: SignalEvent) -> None:
        super().__init__(f"{event} is not possible while the signal is {presence}")
        self.presence = presence
        self.event = event


# (not latching, latching)
TABLE: Final = MappingProxyType(
    {
        (Presence.OFF, SignalEvent.CONDITION_STARTED): (Presence.ON, Presence.ON),
        (Presence.ON, SignalEvent.CONDITION_ENDED): (Presence.OFF, Presence.LATCHED),
        (Presence.ON, SignalEvent.ACKNOWLEDGED): (Presence.ACKNOWLEDGED, Presence.ACKNOWLEDGED),
        (Presence.ON, SignalEvent.PRIORITY_RAISED): (Presence.ON, Presence.ON),
        (Presence.ACKNOWLEDGED, SignalEvent.CONDITION_ENDED): (Presence.OFF, Presence.OFF),
        (Presence.ACKNOWLEDGED, SignalEvent.ACKNOWLEDGEMENT_EXPIRED): (Presence.ON, Presence.ON),
        (Presence.ACKNOWLEDGED, SignalEvent.PRIORITY_RAISED): (Presence.ON, Presence.ON),
        (Presence.LATCHED, SignalEvent.CONDITION_STARTED): (Presence.ON, Presence.ON),
        (Presence.LATCHED, SignalEvent.RESET): (Presence.OFF, Presence.OFF),
    }
)


def after(presence: Presence, event: SignalEvent, *, latching: bool) -> Presence:
    """Tells the state of a signal after an event.

    Raises IllegalTransition where the table has no entry.
    """
    following = TABLE.get((presence, event))
    if following is None:
        raise IllegalTransition(presence, event)
    return following[latching]
