"""Delivery: whether an alarm has reached a person, and what happens where it has not.

Every alarm event that calls somebody is followed from the moment it is decided until a viewer
confirms that it has presented it, or a person answers it. Where nobody does, the levels of the
unit come into force one after the other: each is a technical alarm, NOT_DELIVERED, at the bed,
which the level's viewers see whatever beds they watch, and a notice for the unit's webhook.
However many alarms a bed has that nobody confirmed, it has one NOT_DELIVERED.

A call whose alarm is over is followed too: it ends with the last level, and leaves
NOT_DELIVERED latched until somebody resets it. What was on its way before a restart is
followed anew from the restart. Nothing here happens for a sample.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Final

from rpm_service.application.bedside import Bedside
from rpm_service.application.coverage import BED_NOT_COVERED
from rpm_service.application.effects import Delivery, Notice
from rpm_service.application.units import EscalationLevel, Units
from rpm_service.domain.alarms import Alarm, AlarmEvent, Condition, Kind, Phase, Priority
from rpm_service.domain.signals import Presence

NOT_DELIVERED: Final = Condition("NOT_DELIVERED", Kind.TECHNICAL)

KEPT_S: Final = 60.0
"""A call that was confirmed is remembered so long, for the confirmations of other viewers."""
CALLS_MAX: Final = 256
"""Unconfirmed calls at one bed. With more, the first level comes into force at once."""
CONFIRM_MAX: Final = 256
"""Events that a viewer may confirm in one frame."""
NAMED_MAX: Final = 3
"""Conditions that the text of NOT_DELIVERED names; of the rest, how many there are."""

_CALLS: Final = (Phase.START, Phase.ESCALATE, Phase.ACKNOWLEDGEMENT_EXPIRE)


def calls_somebody(event: AlarmEvent) -> bool:
    """Whether somebody must hear of an event. The alarms of delivery itself are not followed."""
    return (
        event.phase in _CALLS
        and event.alarm.presence is Presence.ON
        and event.alarm.condition not in (NOT_DELIVERED, BED_NOT_COVERED)
    )


@dataclass(slots=True, eq=False)
class _Call:
    """One event that calls somebody, and the occurrence as it stood then."""

    bedside: Bedside
    alarm: Alarm
    at: float
    due: float = inf
    level: int = 0
    """Levels that have come into force."""
    pending: bool = True
    undelivered: bool = False
    """Whether it stands behind NOT_DELIVERED."""
    over: bool = False
    """Whether the signal of the occurrence is OFF by now."""
    rejected: bool = False
    """Whether somebody has seen it and cannot answer for it: to be seen is not enough then."""
    sent: dict[str, float] = field(default_factory=dict)
    """When it went to which viewer."""


@dataclass(slots=True)
class _Undelivered:
    """What NOT_DELIVERED of one bed stands for, from its beginning to its end."""

    level: int = 0
    text: str = ""
    noticed: set[tuple[Condition, int]] = field(default_factory=set)


class Deliveries:
    """Follows calls. What is to be written gathers in `records` and `notices`.

    `call_in(bedside, viewers)` is told who must see NOT_DELIVERED of a bed from now on.
    """

    def __init__(self, units: Units, call_in: Callable[[Bedside, frozenset[str]], None]) -> None:
        self.records: list[Delivery] = []
        self.notices: list[Notice] = []
        self._units = units
        self._call_in = call_in
        self._calls: dict[int, list[_Call]] = {}
        """By occurrence, oldest first."""
        self._pending: dict[Bedside, dict[_Call, None]] = {}
        self._undelivered: dict[Bedside, _Undelivered] = {}
        self._settled: dict[Bedside, None] = {}
        """Beds where NOT_DELIVERED may have come to its end."""
        self._deadlines: list[tuple[float, int, _Call]] = []
        self._order = count()

    # -- what happens to alarms ---------------------------------------------------------

    def restore(self, bedside: Bedside, now: float) -> None:
        """Follows anew what calls at a bed after a restart: it may have reached nobody.

        What NOT_DELIVERED names stands behind it still. What it does not name is told again
        when its time has come: whoever answers NOT_DELIVERED may not have read of it.
        """
        standing = bedside.board.get(NOT_DELIVERED)
        told = standing.text if standing and standing.presence is Presence.ON else ""
        if bedside.board.holds(NOT_DELIVERED):
            self._undelivered[bedside] = _Undelivered()
            self._settled[bedside] = None
        for alarm in bedside.board:
            event = AlarmEvent(Phase.START, alarm, now, now)
            if calls_somebody(event) and not (alarm.answer and alarm.answer.accepted):
                self._begin(bedside, event)
        for call in self._pending.get(bedside, ()):
            call.undelivered = _name(call.alarm.condition) in told
            call.rejected = call.alarm.answer is not None

    def move(self, bedside: Bedside, now: float) -> None:
        """A bed is of another unit now: from here on its levels are those of that unit."""
        for call in list(self._pending.get(bedside, ())):
            if call.over and call.level >= len(self._levels(bedside)):
                self._settle(call, now)
            elif call.due > now:
                self._schedule_next(call)

    def take(self, bedside: Bedside, event: AlarmEvent) -> None:
        """Something happened to an alarm: it calls, somebody has answered it, or it is over."""
        alarm, now = event.alarm, event.received_at
        answer = alarm.answer if event.phase is Phase.RESPONSIBILITY else None
        if calls_somebody(event):
            self._begin(bedside, event)
        elif event.phase in (Phase.ACKNOWLEDGE, Phase.RESET) or (answer and answer.accepted):
            for call in self._behind(bedside, alarm):
                self._settle(call, now)
        elif answer is not None:
            if alarm.condition != NOT_DELIVERED:
                self._reject(bedside, event)
            for call in self._behind(bedside, alarm):
                self._schedule(call, now)
        if alarm.presence is Presence.OFF:
            for call in list(self._calls.get(alarm.occurrence_id, ())):
                call.over = True
                if call.rejected or call.level >= len(self._levels(bedside)):
                    self._settle(call, now)

    def discharge(self, bedside: Bedside, now: float) -> None:
        """The patient has left: what was on its way about the patient calls nobody any more."""
        for call in list(self._pending.get(bedside, ())):
            if call.alarm.condition.kind is Kind.PHYSIOLOGICAL:
                self._settle(call, now)
        if not self._end_where_delivered(bedside, now) and bedside in self._undelivered:
            # What is left is told without the conditions of who has left.
            self._tell(bedside, self._undelivered[bedside], now, again=False)
        left = bedside.board.get(NOT_DELIVERED)
        if left is not None and left.presence is Presence.LATCHED:
            bedside.board.reset(left.occurrence_id, now)

    # -- what viewers say ---------------------------------------------------------------

    def sent(self, viewer: str, occurrence_id: int, event_seq: int, now: float) -> None:
        """An occurrence went to a viewer as an event left it, and with it all its earlier calls."""
        for call in self._calls.get(occurrence_id, ()):
            if call.alarm.event_seq <= event_seq and viewer not in call.sent:
                call.sent[viewer] = now
                self.records.append(
                    Delivery(occurrence_id, call.alarm.event_seq, viewer, sent_at=now)
                )

    def confirm(
        self,
        viewer: str,
        occurrence_id: int,
        event_seq: int,
        shows: Callable[[Bedside], bool],
        now: float,
    ) -> None:
        """A viewer has presented an event: its calls up to there have reached somebody.

        What is not known, was not sent to that viewer, or lies outside its view is ignored.
        """
        for call in list(self._calls.get(occurrence_id, ())):
            sent_at = call.sent.get(viewer, inf)
            if call.alarm.event_seq <= event_seq and sent_at < inf and shows(call.bedside):
                # Not sent any more: a repeated confirmation changes nothing.
                call.sent[viewer] = inf
                self.records.append(
                    Delivery(occurrence_id, call.alarm.event_seq, viewer, sent_at, now)
                )
                if not call.rejected:
                    self._settle(call, now)

    def unconfirmed_since(self, viewer: str, shows: Callable[[Bedside], bool]) -> float:
        """Since when a viewer owes the confirmation of a call that is not over; inf: of none."""
        return min(
            (
                sent_at
                for calls in self._calls.values()
                for call in calls
                if not call.over
                and (sent_at := call.sent.get(viewer, inf)) < inf
                and shows(call.bedside)
            ),
            default=inf,
        )

    # -- time ---------------------------------------------------------------------------

    def judge(self, now: float) -> Iterable[Bedside]:
        """Brings due levels into force; tells the beds whose NOT_DELIVERED changed."""
        if not self._settled and (not self._deadlines or self._deadlines[0][0] > now):
            return ()
        changed: dict[Bedside, None] = {}
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= now:
            due, _, call = heappop(deadlines)
            if due != call.due:
                continue
            if not call.pending:
                self._forget(call)
            elif self._come_into_force(call, now):
                changed[call.bedside] = None
        for bedside in self._settled:
            if self._end_where_delivered(bedside, now):
                changed[bedside] = None
        self._settled.clear()
        return changed

    # -- inside -------------------------------------------------------------------------

    def _levels(self, bedside: Bedside) -> tuple[EscalationLevel, ...]:
        return self._units.of(bedside.unit).escalation

    def _begin(self, bedside: Bedside, event: AlarmEvent) -> None:
        pending = self._pending.setdefault(bedside, {})
        if len(pending) >= CALLS_MAX:
            oldest = next(iter(pending))
            if not oldest.undelivered:
                self._schedule(oldest, event.received_at)
            return
        call = _Call(bedside, event.alarm, event.received_at)
        pending[call] = None
        self._calls.setdefault(event.alarm.occurrence_id, []).append(call)
        self._schedule_next(call)

    def _behind(self, bedside: Bedside, alarm: Alarm) -> list[_Call]:
        """The calls that whoever has read an alarm has read: its own, or what it stands for."""
        if alarm.condition == NOT_DELIVERED:
            return [call for call in self._pending.get(bedside, ()) if call.undelivered]
        return [call for call in self._calls.get(alarm.occurrence_id, ()) if call.pending]

    def _reject(self, bedside: Bedside, event: AlarmEvent) -> None:
        """Somebody has seen an occurrence and cannot answer for it, whoever confirms it."""
        calls = self._calls.get(event.alarm.occurrence_id, ())
        level = max((call.level for call in calls), default=0)
        if not any(call.pending for call in calls):
            self._begin(bedside, event)
            # Whoever the last level called may have left it to the one who now cannot answer.
            level = min(level, max(len(self._levels(bedside)) - 1, 0))
        for call in self._behind(bedside, event.alarm):
            call.rejected, call.level = True, level

    def _schedule(self, call: _Call, due: float) -> None:
        call.due = due
        if due < inf:
            heappush(self._deadlines, (due, next(self._order), call))

    def _schedule_next(self, call: _Call) -> None:
        levels = self._levels(call.bedside)
        self._schedule(
            call, call.at + levels[call.level].after_s if call.level < len(levels) else inf
        )

    def _settle(self, call: _Call, now: float) -> None:
        """A call has reached somebody, or is over with every level."""
        if call.pending:
            call.pending = False
            del self._pending[call.bedside][call]
            self._settled[call.bedside] = None
            self._schedule(call, now + KEPT_S)

    def _forget(self, call: _Call) -> None:
        calls = self._calls.get(call.alarm.occurrence_id, [])
        if call in calls:
            calls.remove(call)
        if not calls:
            self._calls.pop(call.alarm.occurrence_id, None)
        if not self._pending.get(call.bedside, True):
            del self._pending[call.bedside]

    # -- NOT_DELIVERED ------------------------------------------------------------------

    def _come_into_force(self, call: _Call, now: float) -> bool:
        """Brings the next level of a call into force; tells whether NOT_DELIVERED changed."""
        bedside, board = call.bedside, call.bedside.board
        unit = self._units.of(bedside.unit)
        if call.level >= len(unit.escalation):
            # Somebody has rejected it at the last one.
            call.due = inf
            return False
        level = unit.escalation[call.level]
        call.level += 1
        call.undelivered = True
        state = self._undelivered.setdefault(bedside, _Undelivered())
        self._call_in(bedside, level.viewers)
        is_new_level = call.level > state.level
        state.level = max(state.level, call.level)
        if level.webhook and unit.webhook is not None:
            self._notice(call, state, now)
        changed = self._tell(bedside, state, now, again=is_new_level)
        assert board.holds(NOT_DELIVERED)
        if call.over and call.level >= len(unit.escalation):
            self._settle(call, now)
        else:
            self._schedule_next(call)
        return changed

    def _tell(self, bedside: Bedside, state: _Undelivered, now: float, *, again: bool) -> bool:
        board = bedside.board
        alarms = [call.alarm for call in self._pending[bedside] if call.undelivered]
        alarms.sort(key=lambda alarm: (-alarm.priority, alarm.raised_at))
        priority = max(alarms[0].priority, Priority.MEDIUM)
        names = list(dict.fromkeys(_name(alarm.condition) for alarm in alarms))
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        text = f"{', '.join(names[:NAMED_MAX])}{more}: level {state.level}"
        before, state.text = state.text, text
        if not board.holds(NOT_DELIVERED):
            board.start(NOT_DELIVERED, priority, now, now, latching=True, text=text)
            return True
        standing = board.get(NOT_DELIVERED)
        assert standing is not None
        rises = priority > standing.priority
        if rises:
            board.change_priority(NOT_DELIVERED, priority, now, now)
        if again or text != before:
            board.retell(NOT_DELIVERED, text, now)
        return rises or again or text != before

    def _notice(self, call: _Call, state: _Undelivered, now: float) -> None:
        """Calls once for a condition and a level, however often the condition comes back."""
        alarm = call.alarm
        if (alarm.condition, call.level) in state.noticed:
            return
        state.noticed.add((alarm.condition, call.level))
        self.notices.append(
            Notice(
                # After a restart the same level may come into force again: another notice.
                notice_id=f"{alarm.occurrence_id}-{alarm.event_seq}-{call.level}-{now:.3f}",
                created_at=now,
                unit=call.bedside.unit,
                bed=call.bedside.bed,
                level=call.level,
                occurrence_id=alarm.occurrence_id,
                event_seq=alarm.event_seq,
                condition=_name(alarm.condition),
                priority=alarm.priority.name,
                raised_at=alarm.raised_at,
            )
        )

    def _end_where_delivered(self, bedside: Bedside, now: float) -> bool:
        """Ends NOT_DELIVERED of a bed where nothing stands behind it; tells whether it did."""
        if bedside not in self._undelivered:
            return False
        if any(call.undelivered for call in self._pending.get(bedside, ())):
            return False
        del self._undelivered[bedside]
        if not bedside.board.holds(NOT_DELIVERED):
            return False
        bedside.board.end(NOT_DELIVERED, now, now)
        return True


def _name(condition: Condition) -> str:
    return f"{condition.code} of {condition.metric}" if condition.metric else condition.code
