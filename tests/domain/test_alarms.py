"""The board of one bedside: what happens to occurrences, told as events."""

from itertools import count

import pytest

from rpm_service.domain.alarms import (
    ACKNOWLEDGEMENT_S_MAX,
    UPDATE_S_MIN,
    Alarm,
    AlarmBoard,
    AlarmNotFound,
    Answer,
    Condition,
    Kind,
    Phase,
    Priority,
    PriorityChanged,
)
from rpm_service.domain.ownership import CannotAnswer, Ownership
from rpm_service.domain.signals import IllegalTransition, Presence

LOW_SPO2 = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
LEAD_OFF = Condition("DEVICE_LEAD_OFF", Kind.TECHNICAL)


@pytest.fixture
def board() -> AlarmBoard:
    return AlarmBoard("oximeter-1", "bed 3", count(1).__next__)


def alarm_on(board: AlarmBoard, condition: Condition = LOW_SPO2) -> Alarm:
    alarm = board.get(condition)
    assert alarm is not None
    return alarm


def phases(board: AlarmBoard) -> list[Phase]:
    return [event.phase for event in board.events]


@pytest.mark.spec("ALARM-16")
def test_an_event_tells_the_whole_alarm(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100.0, 100.2, value=88, limit=90)
    event = board.events[0]
    assert event.phase is Phase.START
    assert (event.observed_at, event.received_at) == (100.0, 100.2)
    assert event.alarm == Alarm(
        occurrence_id=1,
        event_seq=1,
        condition=LOW_SPO2,
        device_id="oximeter-1",
        bed="bed 3",
        priority=Priority.MEDIUM,
        presence=Presence.ON,
        latching=False,
        raised_at=100.0,
        value=88,
        extreme=88,
        limit=90,
    )
    assert alarm_on(board) == event.alarm


@pytest.mark.spec("ALARM-16")
def test_each_interval_of_presence_is_a_new_occurrence(board: AlarmBoard) -> None:
    for at in (100, 200):
        board.start(LOW_SPO2, Priority.MEDIUM, at, at)
        board.end(LOW_SPO2, at + 10, at + 10)
    told = [(event.alarm.occurrence_id, event.alarm.event_seq) for event in board.events]
    assert told == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert not list(board)


@pytest.mark.spec("ALARM-9")
@pytest.mark.promise("G11")
def test_an_acknowledgement_runs_out_after_two_minutes(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    given = board.acknowledge(1, Priority.MEDIUM, "nurse", 110).alarm
    assert given.presence is Presence.ACKNOWLEDGED
    assert given.acknowledgement is not None
    assert (given.acknowledgement.by, given.acknowledgement.at) == ("nurse", 110)
    assert ACKNOWLEDGEMENT_S_MAX == 120
    assert board.expire(110 + 119.9) == 230
    assert alarm_on(board).presence is Presence.ACKNOWLEDGED
    assert board.expire(230) is None
    assert alarm_on(board).presence is Presence.ON
    assert alarm_on(board).acknowledgement is None
    assert phases(board)[-1] is Phase.ACKNOWLEDGEMENT_EXPIRE


@pytest.mark.spec("ALARM-9")
def test_an_acknowledgement_may_be_given_for_less(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 110, 30)
    assert board.expire(139.9) == 140
    board.expire(140)
    assert alarm_on(board).presence is Presence.ON
    with pytest.raises(AssertionError):
        board.acknowledge(1, Priority.MEDIUM, "nurse", 150, 120.1)


@pytest.mark.spec("ALARM-8")
def test_an_acknowledgement_does_not_outlive_its_occurrence(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 101)
    board.end(LOW_SPO2, 102, 102)
    assert board.events[-1].alarm.acknowledgement is None
    board.start(LOW_SPO2, Priority.MEDIUM, 103, 103)
    assert alarm_on(board).presence is Presence.ON
    assert alarm_on(board).acknowledgement is None
    with pytest.raises(AlarmNotFound):
        board.acknowledge(1, Priority.MEDIUM, "nurse", 104)


@pytest.mark.spec("ALARM-7")
def test_a_rise_in_priority_ends_an_acknowledgement(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=88, limit=90)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 101)
    board.change_priority(LOW_SPO2, Priority.HIGH, 102, 102, value=79, limit=80)
    alarm = alarm_on(board)
    assert (alarm.occurrence_id, alarm.priority, alarm.limit) == (1, Priority.HIGH, 80)
    assert alarm.presence is Presence.ON
    assert alarm.acknowledgement is None


@pytest.mark.spec("ALARM-7")
def test_a_fall_in_priority_keeps_an_acknowledgement(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.HIGH, 100, 100)
    board.acknowledge(1, Priority.HIGH, "nurse", 101)
    board.change_priority(LOW_SPO2, Priority.MEDIUM, 102, 102)
    assert alarm_on(board).presence is Presence.ACKNOWLEDGED
    assert phases(board)[-1] is Phase.DEESCALATE


@pytest.mark.spec("ALARM-7")
def test_an_acknowledgement_for_another_priority_is_refused(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.change_priority(LOW_SPO2, Priority.HIGH, 101, 101)
    with pytest.raises(PriorityChanged, match="HIGH now, not MEDIUM"):
        board.acknowledge(1, Priority.MEDIUM, "nurse", 102)
    assert alarm_on(board).presence is Presence.ON


@pytest.mark.spec("ALARM-1")
def test_an_alarm_is_acknowledged_once(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 101)
    with pytest.raises(IllegalTransition):
        board.acknowledge(1, Priority.MEDIUM, "nurse", 150)


@pytest.mark.spec("ALARM-10")
def test_a_latching_alarm_stays_until_it_is_reset(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, latching=True)
    board.end(LOW_SPO2, 110, 110)
    assert alarm_on(board).presence is Presence.LATCHED
    assert alarm_on(board).ended_at == 110
    assert not board.holds(LOW_SPO2)
    board.reset(1, 120)
    assert board.get(LOW_SPO2) is None
    assert board.events[-1].alarm.presence is Presence.OFF


@pytest.mark.spec("ALARM-10")
def test_a_latching_alarm_that_was_acknowledged_ends_with_its_condition(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, latching=True)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 101)
    board.end(LOW_SPO2, 110, 110)
    assert not list(board)


@pytest.mark.spec("ALARM-10")
def test_a_condition_that_returns_while_latched_goes_on_as_the_same_occurrence(
    board: AlarmBoard,
) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=80, latching=True)
    board.end(LOW_SPO2, 110, 110)
    board.start(LOW_SPO2, Priority.MEDIUM, 120, 120, value=88, latching=True)
    alarm = alarm_on(board)
    assert (alarm.occurrence_id, alarm.event_seq) == (1, 3)
    assert (alarm.raised_at, alarm.ended_at, alarm.extreme) == (120, None, 88)
    assert alarm.presence is Presence.ON


@pytest.mark.spec("ALARM-1")
def test_what_is_on_cannot_be_reset(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, latching=True)
    with pytest.raises(IllegalTransition):
        board.reset(1, 101)
    assert alarm_on(board).presence is Presence.ON


@pytest.mark.spec("ALARM-17")
def test_a_slow_fall_is_told_now_and_then_and_never_lost(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=89)
    for second in range(1, 13):
        board.note_extreme(LOW_SPO2, 89 - second)
        board.update(LOW_SPO2, 89 - second, 100 + second, 100 + second)
    updates = [event for event in board.events if event.phase is Phase.UPDATE]
    assert [event.observed_at for event in updates] == [105, 110]
    assert UPDATE_S_MIN == 5
    assert [event.alarm.extreme for event in updates] == [84, 79]
    board.end(LOW_SPO2, 113, 113, value=95)
    assert board.events[-1].alarm.extreme == 77
    assert board.events[-1].alarm.value == 95


@pytest.mark.spec("ALARM-17")
def test_an_extreme_is_told_when_its_time_has_come_though_the_value_is_back(
    board: AlarmBoard,
) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=89)
    board.note_extreme(LOW_SPO2, 81)
    board.update(LOW_SPO2, 81, 101, 101)
    assert alarm_on(board).extreme == 89, "not told yet, so not so yet"
    board.update(LOW_SPO2, 86, 105, 105)
    assert (alarm_on(board).value, alarm_on(board).extreme) == (86, 81)


@pytest.mark.spec("ALARM-17")
def test_an_acknowledgement_tells_the_extreme_so_far(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=89)
    board.note_extreme(LOW_SPO2, 81)
    assert board.acknowledge(1, Priority.MEDIUM, "nurse", 101).alarm.extreme == 81


@pytest.mark.spec("ALARM-30")
def test_who_goes_says_so_and_the_alarm_sounds_on(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    assert alarm_on(board).ownership is Ownership.UNDEFINED
    board.answer(1, "nurse", 105, accepted=True)
    assert phases(board)[-1] is Phase.RESPONSIBILITY
    assert alarm_on(board).answer == Answer(accepted=True, by="nurse", at=105)
    assert alarm_on(board).presence is Presence.ON, "an answer silences nothing"
    board.acknowledge(1, Priority.MEDIUM, "doctor", 110)
    board.expire(230)
    board.change_priority(LOW_SPO2, Priority.LOW, 231, 231)
    assert alarm_on(board).ownership is Ownership.ACCEPTED, "and outlives an acknowledgement"


@pytest.mark.spec("ALARM-31")
def test_the_newest_answer_counts(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.answer(1, "nurse", 105, accepted=True)
    board.answer(1, "nurse", 107, accepted=False)
    assert alarm_on(board).answer == Answer(accepted=False, by="nurse", at=107)
    board.answer(1, "doctor", 108, accepted=True)
    assert alarm_on(board).answer == Answer(accepted=True, by="doctor", at=108)


@pytest.mark.spec("ALARM-31")
def test_an_answer_does_not_cover_what_is_worse(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.answer(1, "nurse", 105, accepted=True)
    board.change_priority(LOW_SPO2, Priority.HIGH, 106, 106)
    assert alarm_on(board).ownership is Ownership.UNDEFINED
    assert alarm_on(board).answer is None


@pytest.mark.spec("ALARM-31")
def test_nobody_answers_for_what_has_ended_and_everybody_may_once_it_returns(
    board: AlarmBoard,
) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, latching=True)
    board.answer(1, "nurse", 105, accepted=True)
    board.end(LOW_SPO2, 110, 110)
    assert alarm_on(board).ownership is Ownership.OVER
    assert alarm_on(board).answer == Answer(accepted=True, by="nurse", at=105), "for the record"
    with pytest.raises(CannotAnswer):
        board.answer(1, "doctor", 115, accepted=True)
    board.start(LOW_SPO2, Priority.MEDIUM, 120, 120, latching=True)
    assert alarm_on(board).occurrence_id == 1
    assert alarm_on(board).ownership is Ownership.UNDEFINED
    with pytest.raises(AlarmNotFound):
        board.answer(2, "doctor", 121, accepted=True)


@pytest.mark.spec("ALARM-22")
def test_discharge_ends_what_is_about_the_patient_and_nothing_else(board: AlarmBoard) -> None:
    latched = Condition("HR_LOW", Kind.PHYSIOLOGICAL, "HR")
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, latching=True)
    board.start(latched, Priority.MEDIUM, 100, 100, latching=True)
    board.end(latched, 101, 101)
    board.start(LEAD_OFF, Priority.LOW, 100, 100)
    board.discharge(110)
    assert [alarm.condition for alarm in board] == [LEAD_OFF]
    off = [each.alarm.condition for each in board.events if each.alarm.presence is Presence.OFF]
    assert set(off) == {LOW_SPO2, latched}


@pytest.mark.spec("ALARM-23")
def test_alarms_follow_their_device_to_another_bed(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 101)
    board.move("bed 4", 110)
    assert board.events[-1].phase is Phase.UPDATE
    assert (alarm_on(board).bed, alarm_on(board).presence) == ("bed 4", Presence.ACKNOWLEDGED)
    told = len(board.events)
    board.move("bed 4", 111)
    assert len(board.events) == told


@pytest.mark.spec("ALARM-20")
def test_alarms_are_after_a_restart_as_they_were(board: AlarmBoard) -> None:
    board.start(LOW_SPO2, Priority.MEDIUM, 100, 100, value=88, limit=90, latching=True)
    board.start(LEAD_OFF, Priority.LOW, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 110)
    board.answer(1, "nurse", 110, accepted=True)
    before = list(board)
    again = AlarmBoard("oximeter-1", "bed 3", count(3).__next__)
    again.restore(before)
    assert list(again) == before
    assert again.events == []
    assert again.expire(229) == 230, "the acknowledgement has its remaining time"
    again.end(LEAD_OFF, 240, 240)
    assert again.events[-1].alarm.event_seq == 2, "numbers go on"
