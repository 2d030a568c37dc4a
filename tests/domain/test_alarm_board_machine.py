"""Whatever happens in whatever order, the invariants of the signal table hold."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rpm_service.domain.alarms import (
    Alarm,
    AlarmBoard,
    Condition,
    Kind,
    Phase,
    Priority,
    PriorityChanged,
)
from rpm_service.domain.ownership import CannotAnswer
from rpm_service.domain.signals import IllegalTransition, Presence

CONDITIONS = (
    Condition("HR_LOW", Kind.PHYSIOLOGICAL, "HR"),
    Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2"),
    Condition("METRIC_MISSING", Kind.TECHNICAL, "SpO2"),
)
conditions = st.sampled_from(CONDITIONS)
priorities = st.sampled_from(Priority)
SHOWN = (Presence.ON, Presence.ACKNOWLEDGED)


class Board(RuleBasedStateMachine):
    """Keeps beside the board what an onlooker knows who only reads the events."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.numbers = count(1)
        self.board = AlarmBoard("device", "bed", self.numbers.__next__)
        self.holding: dict[Condition, Priority] = {}
        self.latching: set[Condition] = set()
        self.acknowledged: dict[int, tuple[Priority, float]] = {}
        self.answered: dict[Condition, bool] = {}
        self.seen: dict[int, Alarm] = {}
        self.newest_occurrence = 0

    @initialize(latching=st.sets(conditions))
    def begin(self, latching: set[Condition]) -> None:
        self.latching = latching

    def look(self) -> None:
        """Reads the events as a viewer would."""
        for event in self.board.events:
            alarm = event.alarm
            before = self.seen.get(alarm.occurrence_id)
            if before is None:
                assert event.phase is Phase.START
                assert alarm.occurrence_id > self.newest_occurrence
                assert alarm.event_seq == 1
                self.newest_occurrence = alarm.occurrence_id
            else:
                assert alarm.event_seq == before.event_seq + 1
                assert before.presence is not Presence.OFF, "an occurrence that was over"
            acknowledged = alarm.presence is Presence.ACKNOWLEDGED
            assert (alarm.acknowledgement is not None) == acknowledged
            self.seen[alarm.occurrence_id] = alarm
        self.board.events.clear()

    @rule(seconds=st.sampled_from((0.5, 5.0, 60.0, 120.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = self.board.expire(self.now)
        assert due is None or due > self.now

    @rule(condition=conditions, priority=priorities)
    def condition_starts(self, condition: Condition, priority: Priority) -> None:
        if condition in self.holding:
            with pytest.raises(IllegalTransition):
                self.board.start(condition, priority, self.now, self.now)
            return
        latching = condition in self.latching
        self.board.start(condition, priority, self.now, self.now, value=1, latching=latching)
        self.holding[condition] = priority
        self.answered.pop(condition, None)

    @rule(condition=conditions)
    def condition_ends(self, condition: Condition) -> None:
        if self.holding.pop(condition, None) is not None:
            self.board.end(condition, self.now, self.now)

    @rule(condition=conditions, priority=priorities)
    def priority_changes(self, condition: Condition, priority: Priority) -> None:
        if self.holding.get(condition, priority) != priority:
            self.board.change_priority(condition, priority, self.now, self.now, value=2)
            if priority > self.holding[condition]:
                self.answered.pop(condition, None)
            self.holding[condition] = priority

    @rule(condition=conditions, extreme=st.integers(1, 9))
    def value_moves(self, condition: Condition, extreme: int) -> None:
        if condition in self.holding:
            self.board.note_extreme(condition, extreme)
            self.board.update(condition, extreme, self.now, self.now)

    @precondition(lambda self: list(self.board))
    @rule(data=st.data(), priority=priorities)
    def operator_acknowledges(self, data: st.DataObject, priority: Priority) -> None:
        alarm = data.draw(st.sampled_from(list(self.board)))
        if alarm.presence is Presence.ON and alarm.priority is priority:
            self.board.acknowledge(alarm.occurrence_id, priority, "nurse", self.now)
            self.acknowledged[alarm.occurrence_id] = (priority, self.now)
            return
        with pytest.raises((IllegalTransition, PriorityChanged)):
            self.board.acknowledge(alarm.occurrence_id, priority, "nurse", self.now)

    @precondition(lambda self: list(self.board))
    @rule(data=st.data(), accepted=st.booleans())
    def operator_answers(self, data: st.DataObject, accepted: bool) -> None:
        alarm = data.draw(st.sampled_from(list(self.board)))
        if alarm.condition not in self.holding:
            with pytest.raises(CannotAnswer):
                self.board.answer(alarm.occurrence_id, "nurse", self.now, accepted=accepted)
            return
        self.board.answer(alarm.occurrence_id, "nurse", self.now, accepted=accepted)
        self.answered[alarm.condition] = accepted

    @precondition(lambda self: list(self.board))
    @rule(data=st.data())
    def operator_resets(self, data: st.DataObject) -> None:
        alarm = data.draw(st.sampled_from(list(self.board)))
        if alarm.presence is Presence.LATCHED:
            self.board.reset(alarm.occurrence_id, self.now)
            return
        with pytest.raises(IllegalTransition):
            self.board.reset(alarm.occurrence_id, self.now)

    @rule()
    def patient_is_discharged(self) -> None:
        self.board.discharge(self.now)
        for condition in list(self.holding):
            if condition.kind is Kind.PHYSIOLOGICAL:
                del self.holding[condition]
        assert not [each for each in self.board if each.condition.kind is Kind.PHYSIOLOGICAL]

    @rule(bed=st.sampled_from(("bed", "other")))
    def device_moves(self, bed: str) -> None:
        self.board.move(bed, self.now)

    @rule()
    def server_restarts(self) -> None:
        self.look()
        standing = list(self.board)
        bed = self.board.bed
        self.board = AlarmBoard("device", bed, self.numbers.__next__)
        self.board.restore(standing)

    @invariant()
    def no_alarm_is_dropped(self) -> None:
        shown = {alarm.condition: alarm for alarm in self.board if alarm.presence in SHOWN}
        assert {each: alarm.priority for each, alarm in shown.items()} == self.holding

    @invariant()
    def what_is_latched_is_latching_and_has_ended(self) -> None:
        for alarm in self.board:
            assert alarm.presence is not Presence.OFF
            assert (alarm.ended_at is None) == (alarm.presence in SHOWN)
            if alarm.presence is Presence.LATCHED:
                assert alarm.condition in self.latching

    @invariant()
    def an_acknowledgement_covers_what_was_seen_for_two_minutes(self) -> None:
        for alarm in self.board:
            assert (alarm.acknowledgement is not None) == (alarm.presence is Presence.ACKNOWLEDGED)
            if alarm.acknowledgement is not None:
                priority, at = self.acknowledged[alarm.occurrence_id]
                assert alarm.priority <= priority
                assert self.now < at + 120

    @invariant()
    def an_answer_stands_until_what_was_seen_is_no_more(self) -> None:
        for alarm in self.board:
            if alarm.condition in self.holding:
                given = None if alarm.answer is None else alarm.answer.accepted
                assert given == self.answered.get(alarm.condition)

    @invariant()
    def the_events_tell_everything(self) -> None:
        self.look()
        standing = [each for each in self.seen.values() if each.presence is not Presence.OFF]
        assert sorted(standing, key=lambda each: each.occurrence_id) == sorted(
            self.board, key=lambda each: each.occurrence_id
        )
        assert all(alarm.bed == self.board.bed for alarm in self.board)


Board.TestCase.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.spec("ALARM-7")
@pytest.mark.spec("ALARM-16")
@pytest.mark.spec("ALARM-31")
class TestBoard(Board.TestCase):
    pass
