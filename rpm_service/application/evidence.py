"""Evidence: what is kept of every occurrence, and when to ask for it.

What was received from 10 s before an occurrence began to 10 s after it is kept with it. It is
asked for once, when that time is over and late data are there too; all occurrences of one
device that are due are asked for together, since they share what is kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import heapify, heappop, heappush
from math import ceil
from typing import Final

from rpm_service.application.effects import EvidenceWanted
from rpm_service.domain.alarms import AlarmEvent, Phase

BEFORE_S: Final = 10.0
AFTER_S: Final = 10.0
LATE_S: Final = 10.0
"""What was observed in time may be received this much later; a value that is later still was
not judged either."""
ROUNDING_S: Final = 1e-3
"""Of times: what is shorter than whole by no more is whole."""
GRID_S: Final = 1.0
"""Deadlines are moved to whole multiples of this, so that a flood is asked for in few batches."""
DEVICES_MAX: Final = 8
"""Devices asked for in one batch: the rest waits for the next, so that no commit is slow."""


def begins(event: AlarmEvent) -> bool:
    """Whether an event is the first of its occurrence."""
    return event.phase is Phase.START and event.alarm.event_seq == 1


def wanted(event: AlarmEvent) -> EvidenceWanted:
    """What is to be kept of the occurrence that an event begins."""
    alarm = event.alarm
    since, until = alarm.raised_at - BEFORE_S, alarm.raised_at + AFTER_S
    return EvidenceWanted(alarm.occurrence_id, alarm.device_id, since, until)


def of_one_patient(what: EvidenceWanted, here_since: float) -> EvidenceWanted:
    """Leaves out what another patient may have been observed to: who left before, or came after.

    `here_since` is since when the device measures for whom it does now.
    """
    if here_since <= what.since + BEFORE_S:
        return replace(what, since=max(what.since, here_since))
    return replace(what, until=min(what.until, here_since))


def is_whole(what: EvidenceWanted) -> bool:
    """Whether one patient was there all the time."""
    return what.until - what.since > BEFORE_S + AFTER_S - ROUNDING_S


class EvidenceDue:
    """Occurrences whose evidence is not asked for yet."""

    def __init__(self, left: Iterable[EvidenceWanted]) -> None:
        """Takes over what was left from before a restart."""
        self._waiting = [(_due(each), each.occurrence_id, each) for each in left]
        heapify(self._waiting)

    def note(self, events: Iterable[AlarmEvent]) -> None:
        """Takes note of the occurrences that begin."""
        for event in events:
            if begins(event):
                what = wanted(event)
                heappush(self._waiting, (_due(what), what.occurrence_id, what))

    def ask(
        self, asked: list[EvidenceWanted], now: float, here_since: Callable[[str], float]
    ) -> None:
        """Adds what is due by now to what a batch asks for; `here_since` by device."""
        waiting = self._waiting
        if not waiting or waiting[0][0] > now:
            return
        devices = {each.device_id for each in asked}
        while waiting and waiting[0][0] <= now:
            devices.add(waiting[0][2].device_id)
            if len(devices) > DEVICES_MAX:
                return
            what = heappop(waiting)[2]
            asked.append(of_one_patient(what, here_since(what.device_id)))


def _due(what: EvidenceWanted) -> float:
    return ceil((what.until + LATE_S) / GRID_S) * GRID_S
