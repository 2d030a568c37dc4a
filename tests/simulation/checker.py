"""The checker: it hears what devices sent and were told, what the disk holds, what viewers got and
what people did, and says when a promise is broken. It asks the server nothing.

I5: no viewer ever gets a bed or a patient outside its scope, nor values of one patient as those
of another.
I6: no value is shown as live that is older than 5 s.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from rpm_service.application.effects import Batch
from rpm_service.domain.alarms import Alarm, AlarmEvent
from tests.simulation.broken import Broken
from tests.simulation.calls import SHOWN_S, UNDELIVERED_S, Call, Calls, sees
from tests.simulation.encoder import AlarmPart, BedPart, Frame, NumericsPart
from tests.simulation.journal import Journal
from tests.simulation.oracle import Oracle
from tests.simulation.page import Page
from tests.simulation.places import Places, Said, Sayings
from tests.simulation.samples import STAMP, Samples
from tests.simulation.scheduler import Scheduler
from tests.simulation.viewer import Viewer

LIVE_S: Final = 5.0
KNOWN_S: Final = 1.5
"""The age of a value is known no better: a step of a device's clock, and delays."""


class Checker:
    """All invariants of one world."""

    def __init__(self, scheduler: Scheduler, began: float) -> None:
        self.samples = Samples()
        self.sayings = Sayings()
        self.journal = Journal()
        self.oracle = Oracle(self.sayings)
        self.published = Page()
        """What everybody could know: a page that is in no place and sees everything at once."""
        self.viewers: dict[str, Viewer] = {}
        self.frames = 0
        self.looked_at = 0
        self._scheduler = scheduler
        self._began = began
        self._life = 0
        self._life_since = inf
        self.calls = Calls([], self.sayings, began)

    @property
    def _now(self) -> float:
        return self._began + self._scheduler.time()

    def add(self, viewer: Viewer) -> None:
        self.viewers[viewer.view.name] = viewer
        self.calls = Calls(list(self.viewers.values()), self.sayings, self._began)

    # -- the server's lives ---------------------------------------------------------------------

    def server_began(self, life: int) -> None:
        self._life, self._life_since = life, self._scheduler.time()
        self.published = Page()
        self.oracle.forget()
        self.calls.server_began()

    def server_died(self) -> None:
        self._life_since = inf
        self.sayings.forget(self._now)

    # -- devices and disk -----------------------------------------------------------------------

    def reconnected(self, device_id: str) -> None:
        """A device has said Hello."""
        self.oracle.reconnected(device_id)

    def reached(self, device_id: str, stamp: int, *, backfill: bool) -> None:
        """A sample is with the server."""
        sample = self.samples.of[device_id][stamp]
        if sample.life == self._life:
            return
        sample.life = self._life
        sample.patient = self.sayings.places.patient_of(device_id)
        if not backfill:
            self.oracle.reached(sample, self._now, list(self.published.alarms.values()))

    def committed(self, batch: Batch) -> None:
        self.samples.committed(batch)
        self.sayings.committed(batch)
        self.journal.committed(batch)
        for event in batch.events:
            self._follow(event)

    def _follow(self, event: AlarmEvent) -> None:
        call = self.calls.journalled(event, self._life)
        if call is not None:
            world, scheduler = self._scheduler.world, self._scheduler
            scheduler.at(world, call.at + SHOWN_S, self._check, call, self.calls.check_shown)
            due = call.at + UNDELIVERED_S
            scheduler.at(world, due, self._check, call, self.calls.check_undelivered)

    def _check(self, call: Call, check: Callable[[Call], None]) -> None:
        if call.life == self._life and self._life_since <= call.at:
            check(call)

    # -- viewers --------------------------------------------------------------------------------

    def publishes(self, frame: Frame) -> None:
        """The server published something."""
        self.published.take(frame, self._now)
        self.published.to_confirm.clear()
        for part in frame.parts:
            if isinstance(part, AlarmPart):
                self.journal.shown(part.alarm)
                self.calls.published(part.alarm, self._scheduler.time())

    def given(self, name: str, frame: Frame) -> None:
        """The server put a frame on its way to a viewer."""
        self.frames += 1
        viewer, places = self.viewers[name], self.sayings.places
        for part in frame.parts:
            match part:
                case BedPart():
                    self._check_scope(viewer, part.bed, part)
                    self._check_scope(viewer, places.bed_of(part.device_id), part)
                    self._check_patient(part)
                case NumericsPart():
                    self._check_scope(viewer, places.bed_of(part.device_id), part)
                    self._check_patient(part)
                    self._check_values(viewer, part)
                case AlarmPart(alarm):
                    self.journal.shown(alarm)
                    if alarm.condition.code != "NOT_DELIVERED":
                        self._check_scope(viewer, alarm.bed, part)

    def _check_scope(self, viewer: Viewer, bed: str, part: object) -> None:
        if not sees(viewer, bed, self.sayings):
            raise Broken("I5", f"{viewer.view} gets {part}, which is at {bed}")

    def _check_patient(self, part: BedPart | NumericsPart) -> None:
        patient = self.sayings.places.patient_of(part.device_id)
        if part.patient != patient:
            raise Broken("I5", f"{part} is told where {patient or 'nobody'} lies")

    def _check_values(self, viewer: Viewer, part: NumericsPart) -> None:
        if len(part.values) <= STAMP or part.values[STAMP] != part.values[STAMP]:
            return
        sample = self.samples.of[part.device_id][int(part.values[STAMP])]
        if sample.patient and sample.patient != part.patient:
            raise Broken("I5", f"{viewer.view} gets values of {sample.patient}: {part}")
        if sample.at + KNOWN_S < self.sayings.parted_at.get(part.device_id, -inf):
            raise Broken("I5", f"{viewer.view} gets values of who has gone: {part}")

    def confirmed(self, events: list[tuple[int, int]]) -> None:
        for occurrence_id, _ in events:
            self.calls.touched(occurrence_id, self._scheduler.time())

    def look(self) -> None:
        """Looks at what is shown, everywhere."""
        now = self._now
        if self._life_since < inf:
            self.journal.check_bounds(self.published, now)
        for viewer in self.viewers.values():
            for shown in viewer.page.live_values(self._scheduler.time()):
                if shown.place != STAMP:
                    continue
                self.looked_at += 1
                sample = self.samples.of[shown.device_id][int(shown.value)]
                if now - sample.at > LIVE_S + KNOWN_S:
                    late_s = now - sample.at
                    raise Broken("I6", f"{viewer.view} shows {sample} as live, {late_s:.1f} s old")

    # -- people ---------------------------------------------------------------------------------

    def said(self, by: str, act: str, apply: Callable[[Places], object]) -> None:
        self.sayings.say(Said(self._now, by, act, apply))

    def acknowledged(self, seen: Alarm, lasts_s: float) -> None:
        self.journal.acknowledged(seen, self._now, lasts_s)

    def held_back(self, by: str, lasts_s: float) -> None:
        self.journal.held_back(by, self._now, lasts_s)

    def answered(self, seen: Alarm, answered: Alarm) -> None:
        self.calls.touched(seen.occurrence_id, self._scheduler.time())
        self.journal.answered(seen, answered)
