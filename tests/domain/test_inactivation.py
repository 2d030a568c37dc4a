"""What is held back at one bedside, and the reminder of what is off."""

from itertools import count

import pytest

from rpm_service.application.coverage import BED_NOT_COVERED
from rpm_service.application.delivery import NOT_DELIVERED
from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Phase, Priority
from rpm_service.domain.inactivation import (
    ALARMS_OFF,
    PAUSES,
    REMINDER_S,
    Inactivation,
    Inactivations,
    InactivationState,
    Reminder,
)
from rpm_service.domain.signals import Presence

AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF = InactivationState
LOW_SPO2 = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
HIGH_SPO2 = Condition("SPO2_HIGH", Kind.PHYSIOLOGICAL, "SpO2")
LOW_HR = Condition("HR_LOW", Kind.PHYSIOLOGICAL, "HR")
LEAD_OFF = Condition("DEVICE_LEAD_OFF", Kind.TECHNICAL)
EVERYTHING = (LOW_SPO2, HIGH_SPO2, LOW_HR, LEAD_OFF)


def held(
    state: InactivationState, metric: str = "", condition: str = "", since: float = 0
) -> Inactivation:
    pause = PAUSES.get(state)
    until = None if pause is None else since + pause.standard
    return Inactivation(state, metric, condition, "nurse", since, until)


@pytest.mark.spec("ALARM-36")
@pytest.mark.parametrize(
    ("metric", "condition", "covered"),
    [
        ("", "", EVERYTHING),
        ("SpO2", "", (LOW_SPO2, HIGH_SPO2)),
        ("SpO2", "SPO2_LOW", (LOW_SPO2,)),
        ("", "DEVICE_LEAD_OFF", (LEAD_OFF,)),
        ("HR", "SPO2_LOW", ()),
    ],
)
def test_a_bed_a_metric_or_one_alarm_is_held_back(
    metric: str, condition: str, covered: tuple[Condition, ...]
) -> None:
    one = held(ALARM_OFF, metric, condition)
    assert tuple(each for each in EVERYTHING if one.covers(each)) == covered


@pytest.mark.spec("ALARM-42")
@pytest.mark.parametrize("condition", [ALARMS_OFF, BED_NOT_COVERED, NOT_DELIVERED])
@pytest.mark.parametrize("state", InactivationState)
def test_what_tells_that_alarms_may_reach_nobody_is_never_held_back(
    state: InactivationState, condition: Condition
) -> None:
    here = Inactivations((held(state),))
    assert not here.held[0].covers(condition)
    here.break_through(condition, Priority.HIGH)
    assert here.held, "and it ends no pause"


@pytest.mark.spec("ALARM-33")
def test_a_pause_ends_by_itself_and_what_is_off_does_not() -> None:
    here = Inactivations()
    assert [(state, *bounds) for state, bounds in PAUSES.items()] == [
        (AUDIO_PAUSED, 1, 120, 120),
        (ALARM_PAUSED, 1, 7200, 600),
    ]
    for state in InactivationState:
        here.begin(held(state))
    assert here.expire(119.9) == 120
    assert here.expire(120) == 600
    assert here.expire(600) is None
    assert [each.state for each in here.held] == [AUDIO_OFF, ALARM_OFF]


@pytest.mark.spec("ALARM-34")
@pytest.mark.parametrize(
    ("state", "by_medium", "by_high"),
    [
        (AUDIO_PAUSED, True, True),
        (ALARM_PAUSED, False, True),
        (AUDIO_OFF, False, False),
        (ALARM_OFF, False, False),
    ],
)
def test_what_is_new_ends_a_pause(state: InactivationState, by_medium: bool, by_high: bool) -> None:
    for priority, ends in ((Priority.MEDIUM, by_medium), (Priority.HIGH, by_high)):
        here = Inactivations((held(state, "SpO2"),))
        here.break_through(LOW_HR, Priority.HIGH)
        assert here.held, "another metric is not within its scope"
        here.break_through(LOW_SPO2, priority)
        assert bool(here.held) != ends
        assert here.changed == ends


@pytest.mark.spec("ALARM-36")
def test_the_same_again_begins_anew_and_another_state_or_scope_stands_beside() -> None:
    here = Inactivations()
    for each in (
        held(AUDIO_PAUSED),
        held(AUDIO_PAUSED, "SpO2"),
        held(ALARM_PAUSED),
        held(AUDIO_PAUSED, since=50),
    ):
        here.begin(each)
    assert [(each.state, each.metric, each.since) for each in here.held] == [
        (AUDIO_PAUSED, "SpO2", 0),
        (ALARM_PAUSED, "", 0),
        (AUDIO_PAUSED, "", 50),
    ]
    assert here.end("", "", AUDIO_PAUSED)
    assert not here.end("", "", AUDIO_PAUSED)
    assert here.end("", "")
    assert [each.metric for each in here.held] == ["SpO2"]


@pytest.mark.spec("ALARM-35")
def test_what_is_off_is_told_of_after_ten_minutes_and_again_each_ten() -> None:
    board = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
    reminder = Reminder(board)
    assert REMINDER_S == 600
    assert reminder.judge(1000, 1000) == 1600
    assert reminder.judge(1000, 1599) == 1600
    assert not board.events
    assert reminder.judge(1000, 1600) == 2200
    assert reminder.judge(1000, 2199) == 2200
    assert reminder.judge(1000, 2200) == 2800
    assert reminder.judge(1500, 2300) == 2800, "another one is off still"
    assert reminder.judge(1500, 5000) == 5200
    assert reminder.judge(None, 5100) is None
    assert [(event.phase, event.observed_at) for event in board.events] == [
        (Phase.START, 1600),
        (Phase.UPDATE, 2200),
        (Phase.UPDATE, 5000),
        (Phase.END, 5100),
    ]
    first = board.events[0].alarm
    assert (first.condition, first.priority, first.presence) == (
        ALARMS_OFF,
        Priority.LOW,
        Presence.ON,
    )


@pytest.mark.spec("ALARM-35")
def test_after_a_restart_it_is_told_again_when_it_would_have_been() -> None:
    board = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
    Reminder(board).judge(1000, 1600)
    reminder = Reminder(board)
    board.events.clear()
    assert reminder.judge(1000, 2900) == 3400
    assert not board.events
    assert reminder.judge(1000, 3400) == 4000
    assert [event.phase for event in board.events] == [Phase.UPDATE]
