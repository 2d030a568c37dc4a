"""Which beginnings of alarms are to be heard.

A condition that comes and goes many times a second is as many occurrences, each of them told
and stored. Its sound is one: a burst for each beginning would be noise that says nothing, and
drown what others have to say.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from rpm_service.domain.alarms import AlarmEvent, Condition, Phase, Priority

BURST_EVERY_S: Final = 5.0
"""A condition begins to sound at most this often, unless its priority is higher than then."""
CONDITIONS_MAX: Final = 256
"""Conditions remembered at one bedside. One that is forgotten sounds once more than it must."""

_BEGINS: Final = (Phase.START, Phase.ESCALATE)
_EASES: Final = (Phase.END, Phase.DEESCALATE)


def can_wait(event: AlarmEvent) -> bool:
    """Whether an event may come with the next publication, a fifth of a second later at most.

    What begins to sound is published at once, and so is what a person did. Were every end and
    every return, too, a bed that floods would make the others wait.
    """
    return event.no_new_burst or event.phase in _EASES


class Bursts:
    """Remembers when each condition of a bedside last began to sound."""

    def __init__(self) -> None:
        self._last: dict[Condition, tuple[float, Priority]] = {}

    def marked(self, events: Iterable[AlarmEvent]) -> Iterator[AlarmEvent]:
        """The events, those that begin no burst of sound marked so."""
        for event in events:
            yield event if self._sounds(event) else replace(event, no_new_burst=True)

    def _sounds(self, event: AlarmEvent) -> bool:
        if event.phase not in _BEGINS:
            return True
        condition, priority, now = event.alarm.condition, event.alarm.priority, event.received_at
        last = self._last.get(condition)
        if last is not None and 0 <= now - last[0] < BURST_EVERY_S and priority <= last[1]:
            return False
        # The order of the dictionary is that of time: the first is the longest ago.
        self._last.pop(condition, None)
        self._last[condition] = (now, priority)
        if len(self._last) > CONDITIONS_MAX:
            del self._last[next(iter(self._last))]
        return True
