"""Alarm burden, told as nights on a ward."""

from dataclasses import replace

import pytest

from rpm_service.application.burden import AlarmBurden, measure
from rpm_service.application.places import Scope
from rpm_service.domain.alarms import (
    AlarmBoard,
    AlarmEvent,
    Condition,
    Kind,
    Priority,
)

SPO2_LOW = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
HR_HIGH = Condition("HR_HIGH", Kind.PHYSIOLOGICAL, "HR")
MISSING = Condition("METRIC_MISSING", Kind.TECHNICAL, "SpO2")
DAY_S = 86_400.0
UNITS = {"B1": "ICU", "B2": "ICU", "B3": "WARD"}


class Night:
    """Alarms at some beds, one after the other."""

    def __init__(self) -> None:
        self._numbers = iter(range(1, 10_000))
        self._boards: dict[str, AlarmBoard] = {}
        self.events: list[AlarmEvent] = []

    def board(self, bed: str) -> AlarmBoard:
        if bed not in self._boards:
            board = AlarmBoard(f"monitor {bed}", bed, self._numbers.__next__)
            # One journal of all.
            board.events = self.events
            self._boards[bed] = board
        return self._boards[bed]

    def alarm(
        self,
        bed: str,
        at: float,
        lasts: float | None,
        *,
        condition: Condition = SPO2_LOW,
        priority: Priority = Priority.MEDIUM,
        acknowledged: float | None = None,
        latching: bool = False,
    ) -> None:
        board = self.board(bed)
        board.start(condition, priority, at, at, latching=latching)
        if acknowledged is not None:
            alarm = board.get(condition)
            assert alarm is not None
            board.acknowledge(alarm.occurrence_id, alarm.priority, "nurse", at + acknowledged)
        if lasts is not None:
            board.end(condition, at + lasts, at + lasts)

    def burden(self, bed_days: dict[str, float] | None = None, **scope: object) -> AlarmBurden:
        days = bed_days or {"B1": 1.0, "B2": 1.0, "B3": 0.5}
        monitored = {bed: count * DAY_S for bed, count in days.items()}
        chosen = replace(Scope(0.0, DAY_S), **scope)
        return measure(self.events, monitored, lambda bed: UNITS.get(bed, ""), chosen)


def counted(burden: AlarmBurden) -> list[tuple[str, Priority, str, int]]:
    return [
        (each.condition, each.priority, each.unit, each.occurrences)
        for each in burden.physiological.conditions
    ]


@pytest.fixture
def night() -> Night:
    return Night()


@pytest.mark.spec("ANALYSIS-10")
def test_alarms_are_counted_by_condition_priority_and_unit(night: Night) -> None:
    night.alarm("B1", 100, 20)
    night.alarm("B2", 900, 10)
    night.alarm("B3", 200, 30)
    night.alarm("B3", 4_000, 30, condition=HR_HIGH, priority=Priority.HIGH)
    burden = night.burden()
    assert counted(burden) == [
        ("SPO2_LOW", Priority.MEDIUM, "ICU", 2),
        ("HR_HIGH", Priority.HIGH, "WARD", 1),
        ("SPO2_LOW", Priority.MEDIUM, "WARD", 1),
    ]
    icu, _, ward = burden.physiological.conditions
    assert (icu.per_bed_day, ward.per_bed_day) == (1.0, 2.0)
    assert (icu.duration_s, ward.duration_s) == (30, 30)
    assert burden.bed_days == 2.5
    assert burden.physiological.per_bed_day == 4 / 2.5


@pytest.mark.spec("ANALYSIS-10")
def test_an_alarm_counts_once_at_the_highest_priority_it_had(night: Night) -> None:
    board = night.board("B1")
    board.start(SPO2_LOW, Priority.MEDIUM, 100, 100)
    board.change_priority(SPO2_LOW, Priority.HIGH, 110, 110)
    board.change_priority(SPO2_LOW, Priority.MEDIUM, 120, 120)
    board.end(SPO2_LOW, 130, 130)
    assert counted(night.burden()) == [("SPO2_LOW", Priority.HIGH, "ICU", 1)]


@pytest.mark.spec("ANALYSIS-10")
def test_a_latched_alarm_that_comes_back_is_the_same(night: Night) -> None:
    night.alarm("B1", 100, 20, latching=True)
    night.alarm("B1", 150, 10, latching=True)
    found = night.burden().physiological
    assert (found.occurrences, found.duration_s, found.repeated_within_60_s) == (1, 30, 0)


@pytest.mark.spec("ANALYSIS-10")
def test_what_still_holds_lasts_until_the_end_of_the_time_looked_at(night: Night) -> None:
    night.alarm("B1", DAY_S - 50, None)
    night.alarm("B2", DAY_S - 30, 100)
    night.alarm("B3", DAY_S, 10)
    found = night.burden().physiological
    assert (found.occurrences, found.duration_s, found.never_acknowledged) == (2, 80, 1)


@pytest.mark.spec("ANALYSIS-11")
def test_half_and_nine_of_ten_were_acknowledged_no_slower(night: Night) -> None:
    for number in range(1, 11):
        night.alarm("B1", 1_000.0 * number, 500, acknowledged=10.0 * number)
    night.alarm("B1", 50_000, 30)
    found = night.burden().physiological
    assert (found.acknowledged_after_s_p50, found.acknowledged_after_s_p90) == (50, 90)
    assert (found.acknowledged, found.never_acknowledged) == (10, 1)


@pytest.mark.spec("ANALYSIS-11")
def test_the_first_acknowledgement_of_an_alarm_counts(night: Night) -> None:
    board = night.board("B1")
    board.start(SPO2_LOW, Priority.MEDIUM, 100, 100)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 130)
    board.expire(250)
    board.acknowledge(1, Priority.MEDIUM, "nurse", 260)
    assert night.burden().physiological.acknowledged_after_s_p50 == 30


@pytest.mark.spec("ANALYSIS-11")
def test_without_an_acknowledgement_there_is_no_time(night: Night) -> None:
    night.alarm("B1", 100, 20)
    found = night.burden().physiological
    assert (found.acknowledged_after_s_p50, found.acknowledged_after_s_p90) == (None, None)


@pytest.mark.spec("ANALYSIS-12")
def test_an_alarm_again_within_a_minute_of_its_end_is_a_repetition(night: Night) -> None:
    night.alarm("B1", 100, 20)
    night.alarm("B1", 180, 20)  # 60 s after the end
    night.alarm("B1", 261, 20)  # 61 s after
    night.alarm("B2", 290, 20)  # another bed
    night.alarm("B1", 300, 20, condition=HR_HIGH)  # another condition
    assert night.burden().physiological.repeated_within_60_s == 1


@pytest.mark.spec("ANALYSIS-13")
def test_technical_alarms_are_kept_apart(night: Night) -> None:
    night.alarm("B1", 100, 20)
    night.alarm("B1", 200, 20, condition=MISSING, priority=Priority.LOW)
    burden = night.burden()
    assert (burden.physiological.occurrences, burden.technical.occurrences) == (1, 1)
    assert [each.condition for each in burden.technical.conditions] == ["METRIC_MISSING"]


@pytest.mark.spec("ANALYSIS-13")
def test_few_beds_make_most_of_the_alarms(night: Night) -> None:
    for number in range(6):
        night.alarm("B3", 1_000 + 300 * number, 10)
    for number in range(3):
        night.alarm("B1", 1_000 + 300 * number, 10)
    night.alarm("B2", 500, 10)
    assert [
        (each.bed, each.unit, each.occurrences, each.share, each.share_so_far)
        for each in night.burden().physiological.beds
    ] == [("B3", "WARD", 6, 0.6, 0.6), ("B1", "ICU", 3, 0.3, 0.9), ("B2", "ICU", 1, 0.1, 1.0)]


@pytest.mark.spec("ANALYSIS-10")
def test_a_part_of_the_house_is_measured_alone(night: Night) -> None:
    for bed in UNITS:
        night.alarm(bed, 100, 20)
    assert counted(night.burden(units=frozenset({"WARD"}))) == [
        ("SPO2_LOW", Priority.MEDIUM, "WARD", 1)
    ]
    assert night.burden(beds=frozenset({"B1", "B3"})).physiological.occurrences == 2
    assert night.burden(since=101.0).physiological.occurrences == 0


@pytest.mark.spec("ANALYSIS-8")
def test_what_was_detected_late_is_no_alarm_and_counted_apart(night: Night) -> None:
    night.alarm("B1", 100, 20)
    in_time = len(night.events)
    night.alarm("B1", 130, 20)
    night.alarm("B3", 200, None)
    night.alarm("B1", -100, 20)
    night.events[in_time:] = [
        replace(event, late_detected=True, received_at=event.received_at + 3_600)
        for event in night.events[in_time:]
    ]
    night.alarm("B1", 205, 20)
    burden = night.burden()
    assert (burden.physiological.occurrences, burden.late_detected) == (2, 2)
    assert burden.physiological.duration_s == 40
    assert burden.physiological.repeated_within_60_s == 0, "nobody heard the one in between"
    assert night.burden(units=frozenset({"ICU"})).late_detected == 1


def test_without_a_monitored_bed_there_is_no_rate(night: Night) -> None:
    night.alarm("B1", 100, 20)
    found = night.burden({"B1": 0.0}).physiological
    assert (found.per_bed_day, found.conditions[0].per_bed_day) == (None, None)


def test_events_of_what_began_before_are_left_out(night: Night) -> None:
    night.alarm("B1", -100, 200, acknowledged=150)
    assert night.burden().physiological.occurrences == 0


def test_a_quiet_night_is_no_alarms(night: Night) -> None:
    burden = night.burden()
    assert burden.physiological.occurrences == burden.technical.occurrences == 0
    assert burden.physiological.beds == []
