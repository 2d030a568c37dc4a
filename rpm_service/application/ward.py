"""The ward: every bedside, every session, and what is still to be written and shown.

All state that alarms depend on has this one owner. Acts and frames come in as calls, with the
time; what must be written gathers in `batch`, what viewers must see goes to `live`.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from rpm_service.application.bedside import SERVER, Bedside
from rpm_service.application.coverage import Coverage
from rpm_service.application.delivery import Deliveries
from rpm_service.application.early_warning import EarlyWarning
from rpm_service.application.effects import (
    UNITS_ACT,
    Act,
    Batch,
    Connection,
    Description,
    Restored,
)
from rpm_service.application.evidence import EvidenceDue
from rpm_service.application.limit_overrides import LimitOverrides
from rpm_service.application.live import Live
from rpm_service.application.numbering import Numbering
from rpm_service.application.registry import Registry
from rpm_service.application.retrospect import Retrospects
from rpm_service.application.rivals import Rivals
from rpm_service.application.spools import Spools
from rpm_service.application.stays import Stays
from rpm_service.application.units import Units
from rpm_service.domain.alarms import Alarm, Condition, Phase, Priority
from rpm_service.domain.bursts import can_wait
from rpm_service.domain.limits import AgeClass, AlarmSettings

if TYPE_CHECKING:
    from rpm_service.application.ingest import TelemetrySession

BACKFILL_FRAMES_PER_S: Final = 1000.0
"""All devices together may send so much backfill: about a third of what the server can take."""
BACKFILL_FRAMES_PER_S_EACH: Final = 200.0
"""One device never more: a day of one frame a second is then there within ten minutes."""

ASKED_AT_ONCE_MAX: Final = 10
"""So many devices connect again at once."""

_CALLS_ANEW: Final = (Phase.START, Phase.ESCALATE)


class Ward:
    """Owns the bedsides, the registry of who and what is where, and the sessions."""

    def __init__(
        self, live: Live, restored: Restored, now: float, units: Units | None = None
    ) -> None:
        self.live = live
        self.units = units or Units()
        self.batch = Batch()
        self.rows = 0
        """Rows in the batch: how much waits for the disk."""
        self.bedsides: dict[str, Bedside] = {}
        self.sessions: dict[str, TelemetrySession] = {}
        self.batch_number = 1
        self._progressed: list[Numbering] = []
        """Spools whose numbers go on in this batch."""
        self.spools = Spools(restored.progress)
        self.retrospects = Retrospects(self)
        self.alarm_events = 0
        self.on_alarm: Callable[[], None] = lambda: None
        """Called when alarm events are to be published at once."""
        self.on_move: Callable[[], object] = lambda: None
        """Called when somebody has come, gone or moved: viewers are told before they are told
        anything else."""
        self.coverage = Coverage(self.bedsides, self.units, now)
        self.deliveries = Deliveries(self.units, live.call_in)
        self._rivals = Rivals()
        self._asked_again: dict[str, TelemetrySession] = {}
        self._epochs: dict[str, int] = dict(restored.epochs)
        self._numbers = count(1)
        self.next_occurrence = count(restored.next_occurrence).__next__
        self._deadlines: list[tuple[float, int, Bedside]] = []
        self.registry = Registry(restored)
        self.stays = Stays(self)
        self.early_warning = EarlyWarning(self, restored.assessments, now)
        self._evidence = EvidenceDue(restored.evidence)
        self.limit_overrides = LimitOverrides(self, restored.overrides, now)
        self._restore(restored, now)
        if self.units.digest != restored.units:
            self.batch.acts.append(Act(now, SERVER, UNITS_ACT, "", self.units.digest))

    def _restore(self, restored: Restored, now: float) -> None:
        """Alarms, pauses and associations are as they were before anything new is heard."""
        alarms: dict[str, list[Alarm]] = {}
        for alarm in restored.alarms:
            alarms.setdefault(alarm.device_id, []).append(alarm)
        for stored in restored.devices:
            held = restored.inactivations.get(stored.device_id, ())
            if stored.connection is Connection.AWAY and stored.device_id not in alarms and not held:
                continue
            bedside = self.bedside(stored.device_id, now)
            bedside.board.restore(alarms.pop(stored.device_id, ()))
            self.deliveries.restore(bedside, now)
            bedside.describe(stored.description, now)
            bedside.resume(stored.connection, held)
            self._schedule(bedside, now)
            self.collect(bedside)
        for device_id, left in alarms.items():
            bedside = self.bedside(device_id, now)
            bedside.board.restore(left)
            self.deliveries.restore(bedside, now)
            self._schedule(bedside, now)

    # -- bedsides -----------------------------------------------------------------------

    def bedside(self, device_id: str, now: float) -> Bedside:
        """The bedside of a device; a new one where the device was never seen."""
        bedside = self.bedsides.get(device_id)
        if bedside is None:
            bedside = Bedside(next(self._numbers), device_id, self.next_occurrence, now)
            self.bedsides[device_id] = bedside
            bedside.begin(self.registry.here_since(device_id))
            self.stays.place(bedside, now)
            self.live.describe(bedside)
        return bedside

    def hidden_bedside(self, like: Bedside, now: float) -> Bedside:
        """A bedside of the same device that is not shown; its occurrences have own numbers."""
        bedside = Bedside(like.number, like.device_id, self.next_occurrence, now)
        bedside.board.move(like.bed, now)
        return bedside

    def at_bed(self, bed: str) -> Bedside | None:
        """The bedside that is shown under a bed's name."""
        places = (each for each in self.bedsides.values() if not each.is_server)
        return next((each for each in places if each.bed == bed), None)

    def describe(self, bedside: Bedside, description: Description, now: float) -> None:
        """A device says what it measures, and is there."""
        if description != bedside.description:
            self.batch.set_apart(bedside.device_id, bedside.description)
            self.batch.descriptions[bedside.device_id] = description
        bedside.describe(description, now)
        bedside.connect(now)
        self.settle(bedside, now)

    def settle(self, bedside: Bedside, now: float) -> None:
        """Something other than values changed: show it, keep it, and look again in time."""
        self.batch.connections[bedside.device_id] = bedside.connection
        self.coverage.bed_changed(bedside)
        self.live.describe(bedside)
        self.collect(bedside)
        self._schedule(bedside, now)

    def collect(self, bedside: Bedside) -> None:
        """Takes what happened to alarms, and what is held back of them, to disk and viewers."""
        events, inactivations = bedside.board.events, bedside.inactivations
        if events:
            bedside.conclude()
        urgent = False
        for event in bedside.bursts.marked(events):
            urgent = urgent or not can_wait(event)
            self.live.alarm(bedside, event)
            self.deliveries.take(bedside, event)
            if event.phase in _CALLS_ANEW:
                inactivations.break_through(event.alarm.condition, event.alarm.priority)
        if inactivations.changed:
            inactivations.changed = False
            self.batch.inactivations[bedside.device_id] = inactivations.held
            self.live.describe(bedside)
        if events:
            self._evidence.note(events)
            self.batch.events.extend(events)
            self.alarm_events += len(events)
            events.clear()
        if urgent:
            self.on_alarm()

    def take_batch(self) -> Batch:
        """Hands over what is to be written, and begins anew."""
        self._keep_deliveries()
        for numbering in self._progressed:
            if self.spools.knows(numbering):
                self.batch.progress[numbering.key] = numbering.evaluated
        self._progressed.clear()
        batch, self.batch, self.rows = self.batch, Batch(), 0
        self.batch_number += 1
        return batch

    def note_progress(self, numbering: Numbering) -> None:
        """The numbers of a spool go on in this batch: how far, is asked when it is handed over."""
        numbering.batch = self.batch_number
        self._progressed.append(numbering)
        self.batch.progress[numbering.key] = numbering.evaluated

    # -- sessions -----------------------------------------------------------------------

    def enter(self, session: "TelemetrySession", now: float) -> int:
        """A session begins; gives its epoch. An older one of the same stream is superseded."""
        older = self.sessions.get(session.stream_id)
        if older is not None:
            ids, heard = (older.spool_id, session.spool_id), older.was_heard(now)
            if self._rivals.took_over(session.stream_id, *ids, now, heard=heard):
                older.is_rivalled(now)
            older.supersede()
        epoch = self._epochs.get(session.stream_id, 0) + 1
        self._epochs[session.stream_id] = epoch
        self.batch.epochs[session.stream_id] = epoch
        self.sessions[session.stream_id] = session
        return epoch

    def exit(self, session: "TelemetrySession") -> bool:
        """A session ends; tells whether it was still the one that counts."""
        if self.sessions.get(session.stream_id) is not session:
            return False
        del self.sessions[session.stream_id]
        return True

    def backfill_frames_per_s(self) -> float:
        """How much backfill one device may send beside what is live: its share of them all."""
        share = BACKFILL_FRAMES_PER_S / max(1, len(self.sessions), len(self.bedsides))
        return min(max(share, 1.0), BACKFILL_FRAMES_PER_S_EACH)

    def let_go(self, writing: Batch) -> None:
        """Lets go of the samples that wait behind a batch: their devices keep them.

        What was decided of them stays. They are asked for again by `ask_again`.
        """
        batch = self.batch
        self.spools.forget(batch, writing)
        batch.numerics.clear()
        batch.waveforms.clear()
        batch.earlier.clear()
        self.rows = 0
        for key in batch.progress:
            if (session := self.sessions.get(key.stream_id)) is not None:
                self._asked_again[key.stream_id] = session

    def ask_again(self) -> None:
        """Asks some of the devices whose samples were let go of for them, if there are any."""
        for stream_id in list(self._asked_again)[:ASKED_AT_ONCE_MAX]:
            session = self._asked_again.pop(stream_id)
            if self.sessions.get(stream_id) is session:
                session.ask_again()

    def written(self, batch: Batch, now: float) -> None:
        """A batch is on disk: the devices whose frames it has are told."""
        self.spools.written(batch)
        for stream_id in dict.fromkeys(key.stream_id for key in batch.progress):
            session = self.sessions.get(stream_id)
            if session is not None:
                session.acknowledge(now)

    # -- time ---------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Judges every deadline that has come."""
        self.retrospects.tick(now)
        self._evidence.ask(self.batch.evidence, now, self.registry.here_since)
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now:
            due, _, bedside = heappop(deadlines)
            if due != bedside.due:
                continue
            connection, pending = bedside.connection, bedside.pending
            bedside.due = bedside.tick(now)
            heappush(deadlines, (bedside.due, bedside.number, bedside))
            if bedside.connection is not connection:
                self.batch.connections[bedside.device_id] = bedside.connection
                self.coverage.bed_changed(bedside)
                self.live.describe(bedside)
            elif bedside.pending != pending:
                self.live.measure(bedside)
            self.collect(bedside)
        self.early_warning.tick(now)
        self.limit_overrides.tick(now)
        if self.coverage.is_due(now):
            for bedside in self.coverage.judge(now):
                self.live.describe(bedside)
                self.collect(bedside)
            for session in self.sessions.values():
                session.tell_coverage()
        for bedside in self.deliveries.judge(now):
            self.collect(bedside)
        self._keep_deliveries()

    def judge_server(
        self, condition: Condition, priority: Priority, *, present: bool, now: float
    ) -> None:
        """Raises or ends an alarm of the server's own, that every viewer sees."""
        known = self.bedsides.get(SERVER)
        if present is (known is not None and known.board.holds(condition)):
            return
        bedside = self.bedside(SERVER, now)
        if present:
            bedside.board.start(condition, priority, now, now)
        else:
            bedside.board.end(condition, now, now)
        self.collect(bedside)

    def _keep_deliveries(self) -> None:
        deliveries = self.deliveries
        if deliveries.records:
            self.batch.deliveries.extend(deliveries.records)
            deliveries.records.clear()
        if deliveries.notices:
            self.batch.notices.extend(deliveries.notices)
            deliveries.notices.clear()

    def _schedule(self, bedside: Bedside, now: float) -> None:
        bedside.due = bedside.tick(now)
        heappush(self._deadlines, (bedside.due, bedside.number, bedside))
        self.collect(bedside)

    # -- limits -------------------------------------------------------------------------

    def preset(self, bed: str) -> AlarmSettings:
        """What a bed's unit has decided for patients of the age of the one who lies there."""
        stay = self.registry.stay(bed)
        presets = self.units.of(self.registry.unit_of(bed)).presets
        return presets[stay.age_class if stay else AgeClass.ADULT]

    def put_limits_in_force(self, bed: str, now: float) -> None:
        """The limits of the patient in a bed have changed."""
        bedside = self.at_bed(bed)
        if bedside is not None:
            self.stays.place(bedside, now)
            self.settle(bedside, now)
