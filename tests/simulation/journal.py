"""What is said of alarms: bounds that end, and a journal that is whole.

I7: an acknowledgement or a pause never outlives its bound, across restarts.
I8: events of an occurrence are numbered without a hole, everything has who and when, and the
number of an occurrence that anybody was shown never means another one.
"""

from collections import defaultdict
from typing import Final

from rpm_service.application.effects import Batch
from rpm_service.domain.alarms import Alarm, AlarmEvent, Phase
from rpm_service.domain.signals import Presence
from tests.simulation.broken import Broken
from tests.simulation.page import Page

AFTER_S: Final = 1.5
"""What is over is shown so no longer."""


class Journal:
    """Reads what is written, and what is shown."""

    def __init__(self) -> None:
        self.events = 0
        self.acts = 0
        self._seqs: dict[int, int] = defaultdict(int)
        self._received_at = float("-inf")
        self._meaning: dict[int, tuple[str, str, str]] = {}
        self._acknowledged: dict[int, float] = defaultdict(float)
        """Until when an occurrence may be shown as acknowledged, by what people said."""
        self._held: dict[tuple[str, float], float] = {}
        """Until when something may be held back, by who did it and when."""

    # -- what people did ----------------------------------------------------------------------

    def acknowledged(self, seen: Alarm, now: float, lasts_s: float) -> None:
        until = now + min(lasts_s, 120.0)
        known = self._acknowledged[seen.occurrence_id]
        # Asked for twice, it lasts as long as once.
        self._acknowledged[seen.occurrence_id] = max(known, until)

    def held_back(self, by: str, now: float, lasts_s: float) -> None:
        self._held[by, now] = max(self._held.get((by, now), 0.0), now + lasts_s)

    def answered(self, seen: Alarm, answered: Alarm) -> None:
        """Somebody answered what they saw, and the server took it for this."""
        if _meaning(seen) != _meaning(answered):
            raise Broken("I8", f"answered {seen}, which was taken for {answered}")

    # -- what is shown ------------------------------------------------------------------------

    def shown(self, alarm: Alarm) -> None:
        """Somebody was told of an occurrence."""
        meaning = self._meaning.setdefault(alarm.occurrence_id, _meaning(alarm))
        if meaning != _meaning(alarm):
            raise Broken("I8", f"{alarm.occurrence_id} was {meaning} and is {_meaning(alarm)}")

    def check_bounds(self, page: Page, now: float) -> None:
        """Looks at all that is published."""
        for alarm in page.alarms.values():
            if alarm.presence is not Presence.ACKNOWLEDGED:
                continue
            if now > self._acknowledged[alarm.occurrence_id] + AFTER_S:
                raise Broken("I7", f"still acknowledged: {alarm}")
        for bed in page.beds.values():
            for held in bed.held:
                if now > self._held.get((held.by, held.since), 0.0) + AFTER_S:
                    raise Broken("I7", f"still held back at {bed.bed}: {held}")

    # -- what is written ----------------------------------------------------------------------

    def committed(self, batch: Batch) -> None:
        for event in batch.events:
            self._event(event)
        for act in batch.acts:
            self.acts += 1
            if not act.by or not act.at or not act.act:
                raise Broken("I8", f"{act} lacks who, when or what")

    def _event(self, event: AlarmEvent) -> None:
        self.events += 1
        alarm = event.alarm
        self._seqs[alarm.occurrence_id] += 1
        if alarm.event_seq != self._seqs[alarm.occurrence_id]:
            raise Broken("I8", f"event {self._seqs[alarm.occurrence_id]} of it is missing: {event}")
        if event.received_at < self._received_at:
            raise Broken("I8", f"written out of order: {event}")
        self._received_at = event.received_at
        given, answer = alarm.acknowledgement, alarm.answer
        if event.phase is Phase.ACKNOWLEDGE and not (given and given.by and given.at):
            raise Broken("I8", f"nobody did this: {event}")
        if event.phase is Phase.RESPONSIBILITY and not (answer and answer.by and answer.at):
            raise Broken("I8", f"nobody did this: {event}")


def _meaning(alarm: Alarm) -> tuple[str, str, str]:
    return alarm.device_id, alarm.condition.code, alarm.condition.metric
