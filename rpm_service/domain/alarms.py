"""Alarms: the occurrences of alarm conditions at one bedside, and what happens to them.

An occurrence is one interval of presence of one condition; a condition that returns while its
signal is latched goes on as the same one. The board of a bedside holds the occurrences whose
signal is not OFF, each exactly as its newest event told it, applies the signal table to them,
and says what happened as AlarmEvents. It knows nothing of values and limits (see conditions), nor of clocks: `at`
is the observation time of what is reported, `now` the time the service learnt of it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from typing import Final

from rpm_service.domain.ownership import Ownership, OwnershipEvent, owner_after
from rpm_service.domain.signals import Presence, SignalEvent, after

ACKNOWLEDGEMENT_S_MIN: Final = 10.0
ACKNOWLEDGEMENT_S_MAX: Final = 120.0
"""An acknowledgement silences no longer than this while the condition holds."""
UPDATE_S_MIN: Final = 5.0
"""A moving extreme is told at most this often, so that a slow fall is not a flood."""


class Kind(StrEnum):
    """What a condition is about."""

    PHYSIOLOGICAL = "physiological"
    TECHNICAL = "technical"


class Priority(IntEnum):
    """How soon somebody must act (IEC 60601-1-8)."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Phase(StrEnum):
    """What happened to an occurrence."""

    START = "start"
    CONTINUE = "continue"
    UPDATE = "update"
    ESCALATE = "escalate"
    DEESCALATE = "deescalate"
    ACKNOWLEDGE = "acknowledge"
    ACKNOWLEDGEMENT_EXPIRE = "acknowledgement_expire"
    END = "end"
    RESET = "reset"
    RESPONSIBILITY = "responsibility"


@dataclass(frozen=True, slots=True)
class Condition:
    """An alarm condition of one bedside: what it is called and which metric it concerns.

    `metric` is the metric's name at that bed, or empty where it concerns none: SPO2_LOW of SpO2
    and SPO2_LOW of SpO2 2 are two conditions.
    """

    code: str
    kind: Kind
    metric: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who acknowledged an occurrence, when, and when that runs out."""

    by: str
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Who took an occurrence upon themselves (accepted), or said that they cannot, and when."""

    accepted: bool
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Alarm:
    """One occurrence as it stands after its newest event.

    `value`, `extreme` and `limit` are in the metric's unit, None where the condition has none.
    Times are Unix seconds on the server's clock; `ended_at` is None while the condition holds.
    """

    occurrence_id: int
    event_seq: int
    condition: Condition
    device_id: str
    bed: str
    priority: Priority
    presence: Presence
    latching: bool
    raised_at: float
    value: float | None = None
    extreme: float | None = None
    limit: float | None = None
    ended_at: float | None = None
    acknowledgement: Acknowledgement | None = None
    text: str = ""
    answer: Answer | None = None
    """Responsibility; None while it is undefined. What has ended keeps who answered for it."""

    @property
    def ownership(self) -> Ownership:
        """Who answers for it."""
        if self.ended_at is not None:
            return Ownership.OVER
        if self.answer is None:
            return Ownership.UNDEFINED
        return Ownership.ACCEPTED if self.answer.accepted else Ownership.REJECTED


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """One event in the life of an occurrence; (occurrence_id, event_seq) is unique for ever."""

    phase: Phase
    alarm: Alarm
    observed_at: float
    received_at: float
    no_new_burst: bool = False
    """Whether it begins no burst of sound: for viewers as it happens, and not stored."""
    late_detected: bool = False
    """Whether it was found in what came too late to alarm: it is for the record alone."""


class AlarmNotFound(Exception):
    """No occurrence of that number has a signal."""


class PriorityChanged(Exception):
    """An acknowledgement was given for another priority than the occurrence has now."""


class AlarmBoard:
    """The occurrences at one bedside whose signal is not OFF.

    What happens is appended to `events`; the owner takes them from there. `next_occurrence`
    gives a number that was never used before.
    """

    def __init__(self, device_id: str, bed: str, next_occurrence: Callable[[], int]) -> None:
        self.device_id = device_id
        self.bed = bed
        self.events: list[AlarmEvent] = []
        self._next_occurrence = next_occurrence
        self._alarms: dict[Condition, Alarm] = {}
        self._told_at: dict[Condition, float] = {}
        self._untold: dict[Condition, float] = {}

    def __iter__(self) -> Iterator[Alarm]:
        return iter(self._alarms.values())

    def get(self, condition: Condition) -> Alarm | None:
        """The occurrence of a condition whose signal is not OFF."""
        return self._alarms.get(condition)

    def holds(self, condition: Condition) -> bool:
        """Whether a condition is present."""
        alarm = self._alarms.get(condition)
        return alarm is not None and alarm.ended_at is None

    def restore(self, alarms: Iterable[Alarm]) -> None:
        """Takes back occurrences from before a restart, exactly as they were."""
        for alarm in alarms:
            assert alarm.presence is not Presence.OFF
            self._alarms[alarm.condition] = alarm
            self._told_at[alarm.condition] = alarm.raised_at

    # -- conditions ---------------------------------------------------------------------

    def start(
        self,
        condition: Condition,
        priority: Priority,
        at: float,
        now: float,
        *,
        value: float | None = None,
        limit: float | None = None,
        latching: bool = False,
        text: str = "",
    ) -> None:
        """A condition became present. One that is latched goes on as the same occurrence."""
        earlier = self._alarms.get(condition)
        presence = earlier.presence if earlier else Presence.OFF
        following = after(presence, SignalEvent.CONDITION_STARTED, latching=latching)
        alarm = Alarm(
            occurrence_id=earlier.occurrence_id if earlier else self._next_occurrence(),
            event_seq=earlier.event_seq if earlier else 0,
            condition=condition,
            device_id=self.device_id,
            bed=self.bed,
            priority=priority,
            presence=following,
            latching=latching,
            raised_at=at,
            value=value,
            extreme=value,
            limit=limit,
            text=text,
        )
        self._tell(Phase.START, alarm, at, now)

    def change_priority(
        self,
        condition: Condition,
        priority: Priority,
        at: float,
        now: float,
        *,
        value: float | None = None,
        limit: float | None = None,
    ) -> None:
        """The priority of a present condition rose or fell.

        A rise ends an acknowledgement, and what was answered no longer counts.
        """
        alarm = self._present(condition)
        assert priority != alarm.priority
        changed = replace(alarm, priority=priority, value=value, limit=limit)
        if priority < alarm.priority:
            self._tell(Phase.DEESCALATE, changed, at, now)
            return
        presence = after(alarm.presence, SignalEvent.PRIORITY_RAISED, latching=alarm.latching)
        answer = _answer_after(alarm, OwnershipEvent.PRIORITY_RAISED)
        raised = replace(changed, presence=presence, acknowledgement=None, answer=answer)
        self._tell(Phase.ESCALATE, raised, at, now)

    def note_extreme(self, condition: Condition, extreme: float) -> None:
        """The value of a present condition moved further out; the next event tells it."""
        self._untold[condition] = extreme

    def update(self, condition: Condition, value: float, at: float, now: float) -> None:
        """A present condition goes on: tells its extreme where that moved some time ago."""
        if condition in self._untold and at - self._told_at[condition] >= UPDATE_S_MIN:
            self._tell(Phase.UPDATE, replace(self._present(condition), value=value), at, now)

    def repeat(self, condition: Condition, now: float) -> None:
        """A present condition is told again, as it stands."""
        self._tell(Phase.UPDATE, self._present(condition), now, now)

    def tell_extremes(self, at: float, now: float) -> None:
        """Tells every extreme that moved, now."""
        for condition in list(self._untold):
            self._tell(Phase.UPDATE, self._present(condition), at, now)

    def retell(self, condition: Condition, text: str, now: float) -> None:
        """A present condition is told again, in other words."""
        self._tell(Phase.UPDATE, replace(self._present(condition), text=text), now, now)

    def end(
        self, condition: Condition, at: float, now: float, *, value: float | None = None
    ) -> None:
        """A present condition has gone; its signal is OFF, or LATCHED if it is a latching one."""
        alarm = self._present(condition)
        presence = after(alarm.presence, SignalEvent.CONDITION_ENDED, latching=alarm.latching)
        answer = _answer_after(alarm, OwnershipEvent.CONDITION_ENDED)
        ended = replace(
            alarm, presence=presence, ended_at=at, value=value, acknowledgement=None, answer=answer
        )
        self._tell(Phase.END, ended, at, now)

    # -- operators ----------------------------------------------------------------------

    def acknowledge(
        self,
        occurrence_id: int,
        priority: Priority,
        by: str,
        now: float,
        duration_s: float = ACKNOWLEDGEMENT_S_MAX,
    ) -> AlarmEvent:
        """Acknowledges an occurrence at the priority the operator saw.

        Raises AlarmNotFound, PriorityChanged, or IllegalTransition where it is not ON.
        """
        assert ACKNOWLEDGEMENT_S_MIN <= duration_s <= ACKNOWLEDGEMENT_S_MAX
        alarm = self.find(occurrence_id)
        if alarm.priority != priority:
            raise PriorityChanged(f"the alarm is {alarm.priority.name} now, not {priority.name}")
        presence = after(alarm.presence, SignalEvent.ACKNOWLEDGED, latching=alarm.latching)
        given = Acknowledgement(by, now, now + duration_s)
        return self._tell(
            Phase.ACKNOWLEDGE, replace(alarm, presence=presence, acknowledgement=given), now, now
        )

    def answer(self, occurrence_id: int, by: str, now: float, *, accepted: bool) -> AlarmEvent:
        """A person takes responsibility for an occurrence, or says that they cannot.

        Raises AlarmNotFound, or CannotAnswer where the condition does not hold.
        """
        alarm = self.find(occurrence_id)
        event = OwnershipEvent.ACCEPT if accepted else OwnershipEvent.REJECT
        owner = owner_after(alarm.ownership, event)
        given = Answer(owner is Ownership.ACCEPTED, by, now)
        return self._tell(Phase.RESPONSIBILITY, replace(alarm, answer=given), now, now)

    def reset(self, occurrence_id: int, now: float) -> AlarmEvent:
        """Ends a latched signal.

        Raises AlarmNotFound, or IllegalTransition where it is not LATCHED.
        """
        alarm = self.find(occurrence_id)
        presence = after(alarm.presence, SignalEvent.RESET, latching=alarm.latching)
        return self._tell(Phase.RESET, replace(alarm, presence=presence), now, now)

    def expire(self, now: float) -> float | None:
        """Ends acknowledgements that have run out; tells when the next one does."""
        soonest: float | None = None
        for alarm in list(self._alarms.values()):
            if alarm.acknowledgement is None:
                continue
            until = alarm.acknowledgement.until
            if until <= now:
                event = SignalEvent.ACKNOWLEDGEMENT_EXPIRED
                presence = after(alarm.presence, event, latching=alarm.latching)
                lapsed = replace(alarm, presence=presence, acknowledgement=None)
                self._tell(Phase.ACKNOWLEDGEMENT_EXPIRE, lapsed, until, now)
            elif soonest is None or until < soonest:
                soonest = until
        return soonest

    def discharge(self, now: float) -> None:
        """The patient has left: every alarm about the patient ends, whatever its signal."""
        for alarm in list(self._alarms.values()):
            if alarm.condition.kind is not Kind.PHYSIOLOGICAL:
                continue
            if alarm.ended_at is None:
                self.end(alarm.condition, now, now)
            left = self._alarms.get(alarm.condition)
            if left is not None:
                self.reset(left.occurrence_id, now)

    def move(self, bed: str, now: float) -> None:
        """The device measures at another bed now: its alarms are told again, under that name."""
        if bed == self.bed:
            return
        self.bed = bed
        for alarm in list(self._alarms.values()):
            self._tell(Phase.UPDATE, replace(alarm, bed=bed), now, now)

    def find(self, occurrence_id: int) -> Alarm:
        """The occurrence of that number. Raises AlarmNotFound."""
        for alarm in self._alarms.values():
            if alarm.occurrence_id == occurrence_id:
                return alarm
        raise AlarmNotFound(f"no alarm {occurrence_id} has a signal")

    # -- inside -------------------------------------------------------------------------

    def _present(self, condition: Condition) -> Alarm:
        alarm = self._alarms[condition]
        assert alarm.ended_at is None, f"{condition} is not present"
        return alarm

    def _tell(self, phase: Phase, alarm: Alarm, at: float, now: float) -> AlarmEvent:
        extreme = self._untold.pop(alarm.condition, alarm.extreme)
        alarm = replace(alarm, event_seq=alarm.event_seq + 1, extreme=extreme)
        if alarm.presence is Presence.OFF:
            del self._alarms[alarm.condition], self._told_at[alarm.condition]
        else:
            self._alarms[alarm.condition] = alarm
            self._told_at[alarm.condition] = at
        event = AlarmEvent(phase, alarm, at, now)
        self.events.append(event)
        return event


def _answer_after(alarm: Alarm, event: OwnershipEvent) -> Answer | None:
    """What is left of the answer for an occurrence after an event that is no answer."""
    owner = owner_after(alarm.ownership, event)
    return None if owner is Ownership.UNDEFINED else alarm.answer
