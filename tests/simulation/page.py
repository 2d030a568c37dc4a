"""What a page makes of frames: it shows what it was told, for as long as that may be shown."""

from collections.abc import Iterator
from math import isnan
from typing import Final, NamedTuple

from rpm_service.application.live import LeftOff
from rpm_service.domain.alarms import Alarm
from rpm_service.domain.signals import Presence
from tests.simulation.encoder import AlarmPart, BedPart, Frame, NumericsPart

QUIET_S: Final = 5.0
"""A page that has heard nothing for so long shows nothing."""


class LiveValue(NamedTuple):
    """One value that a page shows as that of now."""

    device_id: str
    place: int
    value: float


class Page:
    """Beds, values and alarms as one viewer knows them. `now` is the viewer's own time."""

    def __init__(self) -> None:
        self.beds: dict[int, BedPart] = {}
        self.numerics: dict[int, NumericsPart] = {}
        self.alarms: dict[int, Alarm] = {}
        self.got: dict[int, int] = {}
        """The newest event of each occurrence that ever came."""
        self.to_confirm: list[tuple[int, int]] = []
        self.left_off: LeftOff | None = None
        self._ahead: float | None = None
        """What the server's clock is ahead; frames are late and never early."""
        self._heard_at = float("-inf")

    def take(self, frame: Frame, now: float) -> None:
        """Takes one frame."""
        ahead = frame.now - now
        self._ahead = ahead if self._ahead is None else max(self._ahead, ahead)
        self._heard_at = max(self._heard_at, frame.now - self._ahead)
        if frame.kind == "snapshot":
            self.left_off = LeftOff(frame.text, frame.revision)
            self.beds, self.numerics, self.alarms = {}, {}, {}
        elif self.left_off is not None:
            self.left_off = self.left_off._replace(revision=frame.revision)
        for part in frame.parts:
            match part:
                case BedPart():
                    self.beds[part.number] = part
                case NumericsPart():
                    self.numerics[part.number] = part
                case AlarmPart():
                    self._alarm(part.alarm)

    def _alarm(self, alarm: Alarm) -> None:
        number = alarm.occurrence_id
        self.to_confirm.append((number, alarm.event_seq))
        self.got[number] = max(self.got.get(number, 0), alarm.event_seq)
        known = self.alarms.get(number)
        if known is not None and known.event_seq >= alarm.event_seq:
            return
        if alarm.presence is Presence.OFF:
            self.alarms.pop(number, None)
        else:
            self.alarms[number] = alarm

    def live_values(self, now: float) -> Iterator[LiveValue]:
        """What is shown as current: nothing of a page that hears nothing, nothing too old."""
        if self._ahead is None or now - self._heard_at >= QUIET_S:
            return
        server_now = now + self._ahead
        for number, numerics in self.numerics.items():
            bed = self.beds.get(number)
            if bed is None or not bed.connected:
                continue
            for place, stale_after_s in enumerate(bed.stale_after_s):
                if place >= len(numerics.values):
                    continue
                value = numerics.values[place]
                if not isnan(value) and server_now - numerics.observed_at[place] <= stale_after_s:
                    yield LiveValue(numerics.device_id, place, value)
