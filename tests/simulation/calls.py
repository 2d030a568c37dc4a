"""I4: a raised alarm reaches every viewer in scope, or a technical alarm says that it did not.

What was raised is taken from the journal on disk, what a viewer got from its page, and what
somebody confirmed from what viewers sent.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

from rpm_service.domain.alarms import Alarm, AlarmEvent, Phase
from rpm_service.domain.signals import Presence
from tests.simulation.broken import Broken
from tests.simulation.places import Sayings
from tests.simulation.viewer import Viewer

SHOWN_S: Final = 2.5
"""By then it is at every viewer that hears."""
UNDELIVERED_S: Final = 11.0
"""By then NOT_DELIVERED stands where nobody has confirmed."""
OF_DELIVERY: Final = ("NOT_DELIVERED", "BED_NOT_COVERED")
CALLS: Final = (Phase.START, Phase.ESCALATE, Phase.ACKNOWLEDGEMENT_EXPIRE)


@dataclass
class Call:
    """One event that calls somebody. `at` is the world's time."""

    alarm: Alarm
    at: float
    life: int


class Calls:
    """Follows what was raised."""

    def __init__(self, viewers: list[Viewer], sayings: Sayings, began: float) -> None:
        self.followed = 0
        self._viewers = viewers
        self._sayings = sayings
        self._began = began
        self._touched: dict[int, float] = {}
        """When an occurrence was last answered or confirmed, by anybody."""
        self._undelivered: dict[str, float] = {}
        """When NOT_DELIVERED of a device was last told."""

    def journalled(self, event: AlarmEvent, life: int) -> Call | None:
        """An event is on the disk; gives a call that is to be followed."""
        alarm = event.alarm
        if event.phase in (Phase.ACKNOWLEDGE, Phase.RESET, Phase.RESPONSIBILITY):
            self.touched(alarm.occurrence_id, event.received_at - self._began)
        calls = event.phase in CALLS and alarm.presence is Presence.ON
        if not calls or alarm.condition.code in OF_DELIVERY:
            return None
        return Call(alarm, event.received_at - self._began, life)

    def published(self, alarm: Alarm, now: float) -> None:
        """Something was told of an alarm."""
        if alarm.condition.code == "NOT_DELIVERED":
            stands = alarm.ended_at is None
            self._undelivered[alarm.device_id] = inf if stands else now

    def server_began(self) -> None:
        """What stands is told anew."""
        self._undelivered.clear()

    def touched(self, occurrence_id: int, now: float) -> None:
        self._touched[occurrence_id] = now

    def check_shown(self, call: Call) -> None:
        """It must be at every viewer that heard all the time and may see the bed."""
        alarm = call.alarm
        if self._sayings.changed_at >= call.at - 1.0 + self._began:
            return
        self.followed += 1
        for viewer in self._viewers:
            if not viewer.heard_since <= call.at or not viewer.is_steady:
                continue
            if not sees(viewer, alarm.bed, self._sayings):
                continue
            if viewer.page.got.get(alarm.occurrence_id, 0) < alarm.event_seq:
                raise Broken("I4", f"{viewer.view} did not get {alarm}")

    def check_undelivered(self, call: Call) -> None:
        """Where nobody confirmed and nobody answered, that is told."""
        alarm = call.alarm
        if self._sayings.changed_at >= call.at - 1.0 + self._began:
            return
        if alarm.occurrence_id in self._touched:
            return
        if self._undelivered.get(alarm.device_id, -1.0) < call.at:
            raise Broken("I4", f"nobody has confirmed, and it is not NOT_DELIVERED: {alarm}")


def sees(viewer: Viewer, bed: str, sayings: Sayings) -> bool:
    """Whether a viewer shows a bed, by what people said and not by what the server thinks."""
    view, unit = viewer.view, sayings.places.units.get(bed, "")
    if bed == "server":
        return True
    return (
        (not view.within or unit in view.within)
        and (not view.beds or bed in view.beds)
        and (not view.units or unit in view.units)
    )
