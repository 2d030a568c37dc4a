"""Ownership: whether a person has taken an occurrence upon themselves.

It is another thing than an acknowledgement, which is about the signal: who accepts says "I am
on my way", and the alarm sounds on; who rejects says "not I", so that somebody else is called.
An answer holds for what was seen: it is undefined again once the condition begins anew or its
priority rises. Nobody can answer for what does not hold. This table is the whole of it; a
missing entry is an illegal transition.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Ownership(StrEnum):
    """Who answers for one occurrence."""

    OVER = "OVER"
    """The condition does not hold: there is nothing to answer for."""
    UNDEFINED = "UNDEFINED"
    """It holds, and nobody has answered."""
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"


class OwnershipEvent(StrEnum):
    """What may happen to the ownership of one occurrence."""

    CONDITION_STARTED = "CONDITION_STARTED"
    CONDITION_ENDED = "CONDITION_ENDED"
    PRIORITY_RAISED = "PRIORITY_RAISED"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"


class CannotAnswer(Exception):
    """Ownership was asked to become what its state does not allow."""

    def __init__(self, ownership: Ownership, event: OwnershipEvent) -> None:
        super().__init__(f"{event} is not possible while ownership is {ownership}")
        self.ownership = ownership
        self.event = event


_HELD: Final = (Ownership.UNDEFINED, Ownership.ACCEPTED, Ownership.REJECTED)
TABLE: Final = MappingProxyType(
    {(Ownership.OVER, OwnershipEvent.CONDITION_STARTED): Ownership.UNDEFINED}
    | {(each, OwnershipEvent.CONDITION_ENDED): Ownership.OVER for each in _HELD}
    | {(each, OwnershipEvent.PRIORITY_RAISED): Ownership.UNDEFINED for each in _HELD}
    # Whoever answers last counts: another may take over, or give back what was accepted.
    | {(each, OwnershipEvent.ACCEPT): Ownership.ACCEPTED for each in _HELD}
    | {(each, OwnershipEvent.REJECT): Ownership.REJECTED for each in _HELD}
)


def owner_after(ownership: Ownership, event: OwnershipEvent) -> Ownership:
    """Tells the ownership of an occurrence after an event.

    Raises CannotAnswer where the table has no entry.
    """
    following = TABLE.get((ownership, event))
    if following is None:
        raise CannotAnswer(ownership, event)
    return following
