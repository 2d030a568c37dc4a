"""What is heard of conditions that come and go."""

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Phase, Priority
from rpm_service.domain.bursts import BURST_EVERY_S, CONDITIONS_MAX, Bursts

LOW = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
HIGH = Condition("HR_HIGH", Kind.PHYSIOLOGICAL, "HR")


class Bed:
    def __init__(self) -> None:
        self.board = AlarmBoard("oximeter-1", "bed 3", count(1).__next__)
        self.bursts = Bursts()
        self.heard: list[tuple[Condition, Priority, float]] = []
        """What began to sound, and when."""

    def begins(
        self, condition: Condition, now: float, priority: Priority = Priority.MEDIUM
    ) -> None:
        self.board.start(condition, priority, now, now)
        self.listen()

    def rises(self, condition: Condition, now: float) -> None:
        self.board.change_priority(condition, Priority.HIGH, now, now)
        self.listen()

    def falls(self, condition: Condition, now: float) -> None:
        self.board.change_priority(condition, Priority.MEDIUM, now, now)
        self.listen()

    def ends(self, condition: Condition, now: float) -> None:
        self.board.end(condition, now, now)
        self.listen()

    def listen(self) -> None:
        for event in self.bursts.marked(self.board.events):
            if event.phase in (Phase.START, Phase.ESCALATE) and not event.no_new_burst:
                alarm = event.alarm
                self.heard.append((alarm.condition, alarm.priority, event.received_at))
        self.board.events.clear()


@pytest.mark.spec("ALARM-67")
def test_a_condition_that_comes_and_goes_fifty_times_a_second_is_heard_every_five() -> None:
    bed = Bed()
    for tick in range(50 * 12):
        (bed.begins if tick % 2 == 0 else bed.ends)(LOW, 1000 + tick / 50)
    assert [at for _, _, at in bed.heard] == [1000, 1005, 1010]


@pytest.mark.spec("ALARM-67")
def test_another_condition_is_heard_at_once() -> None:
    bed = Bed()
    bed.begins(LOW, 1000)
    bed.begins(HIGH, 1001)
    assert [condition for condition, _, _ in bed.heard] == [LOW, HIGH]


@pytest.mark.spec("ALARM-67")
def test_a_higher_priority_is_heard_at_once_and_only_once_in_five_seconds() -> None:
    bed = Bed()
    bed.begins(LOW, 1000)
    for second in (1001, 1002, 1003):
        bed.rises(LOW, second)
        bed.falls(LOW, second + 0.5)
    bed.ends(LOW, 1004)
    bed.begins(LOW, 1005.5)
    assert bed.heard == [(LOW, Priority.MEDIUM, 1000), (LOW, Priority.HIGH, 1001)]
    bed.rises(LOW, 1006)
    assert bed.heard[2:] == [(LOW, Priority.HIGH, 1006)]


@pytest.mark.spec("ALARM-67")
def test_a_clock_that_steps_back_silences_nothing() -> None:
    bed = Bed()
    bed.begins(LOW, 1000)
    bed.ends(LOW, 1000)
    bed.begins(LOW, 900)
    assert len(bed.heard) == 2


def test_what_is_remembered_is_bounded_and_what_is_forgotten_sounds() -> None:
    bed = Bed()
    for number in range(CONDITIONS_MAX + 1):
        bed.begins(Condition(f"DEVICE_{number}", Kind.TECHNICAL), 1000)
    assert len(bed.bursts._last) == CONDITIONS_MAX
    forgotten = Condition("DEVICE_0", Kind.TECHNICAL)
    bed.ends(forgotten, 1001)
    bed.begins(forgotten, 1001)
    assert [at for condition, _, at in bed.heard if condition == forgotten] == [1000, 1001]


@pytest.mark.spec("ALARM-67")
@settings(max_examples=200)
@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(Priority)), max_size=40))
def test_a_burst_begins_at_most_every_five_seconds_unless_it_is_more_urgent(
    begins: list[tuple[float, Priority]],
) -> None:
    bed, now = Bed(), 1000.0
    for after_s, priority in begins:
        now += after_s
        before = len(bed.heard)
        bed.begins(LOW, now, priority)
        bed.ends(LOW, now)
        recent = [heard for _, heard, at in bed.heard[:before] if now - at < BURST_EVERY_S]
        assert (len(bed.heard) > before) == (not recent or priority > recent[-1])
