"""The alarm core on recordings, on virtual time: its figures on BIDMC, and its rules."""

import time
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from rpm_service.application.evaluation import Occurrence, Track, evaluate
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass, AlarmSettings, MetricLimits
from rpm_service.domain.presets import PRESETS
from rpm_service.gateways.recordings import read_recording
from tests.support.vital_signs import numeric

QUIET = (2, 3, 6, 9, 10, 11, 16, 18, 20, 23, 26, 28, 29, 34, 36, 38, 43, 46)
WIDE = {
    "HR": MetricLimits(low=50, high=120),
    "SpO2": MetricLimits(low=90),
    "RR": MetricLimits(low=8, high=30),
}


def bidmc(recordings: Path, number: int) -> list[Track]:
    recording = read_recording([recordings / "bidmc" / f"bidmc_{number:02}_Numerics.csv"])
    return [
        Track(numeric(each.metric), each.times.tolist(), each.values.tolist())
        for each in recording.numerics
    ]


def of_kind(occurrences: list[Occurrence], kind: str) -> list[Occurrence]:
    return [each for each in occurrences if each.kind == kind]


@pytest.mark.spec("ALARM-2")
@pytest.mark.spec("ALARM-3")
@pytest.mark.parametrize(
    ("number", "metric", "limits", "expected"),
    [
        (32, "SpO2", MetricLimits(low=90), 1),
        (32, "SpO2", MetricLimits(low=85), 17),
        (48, "HR", MetricLimits(high=120, delay_s=10), 0),
        (48, "HR", MetricLimits(high=120), 1),
        (45, "HR", MetricLimits(low=50, delay_s=5), 0),
    ],
)
def test_recordings_of_patients_give_the_alarms_that_were_counted_by_hand(
    recordings: Path, number: int, metric: str, limits: MetricLimits, expected: int
) -> None:
    found = evaluate(bidmc(recordings, number), AlarmSettings({metric: limits}))
    assert len(of_kind(found, "physiological")) == expected


@pytest.mark.spec("ALARM-2")
@pytest.mark.parametrize("number", QUIET)
def test_quiet_recordings_are_quiet(recordings: Path, number: int) -> None:
    found = evaluate(bidmc(recordings, number), AlarmSettings(WIDE))
    assert of_kind(found, "physiological") == []


@pytest.mark.spec("ALARM-13")
@pytest.mark.parametrize("settings", [AlarmSettings(WIDE), PRESETS[AgeClass.ADULT]])
def test_a_lost_sensor_is_a_technical_alarm_and_no_physiological_one(
    recordings: Path, settings: AlarmSettings
) -> None:
    found = evaluate(bidmc(recordings, 1), settings)
    assert of_kind(found, "physiological") == []
    lost = {(each.condition, each.metric) for each in of_kind(found, "technical")}
    assert lost == {("METRIC_MISSING", "SpO2"), ("METRIC_MISSING", "PR")}
    assert all(each.ended_at_s is not None for each in found)


@pytest.mark.spec("ALARM-25")
def test_eight_minutes_of_numerics_evaluate_in_half_a_second(recordings: Path) -> None:
    tracks = bidmc(recordings, 32)
    began = time.process_time()
    evaluate(tracks, PRESETS[AgeClass.ADULT])
    assert time.process_time() - began < 0.5


def spo2(*values: float, period_s: float = 1.0) -> list[Track]:
    times = [place * period_s for place in range(len(values))]
    return [Track(numeric("SpO2"), times, values)]


@pytest.mark.spec("ALARM-25")
def test_an_occurrence_says_when_how_far_and_beyond_what() -> None:
    found = evaluate(spo2(95, 88, 84, 86, 95), AlarmSettings({"SpO2": MetricLimits(low=90)}))
    assert found == [
        Occurrence("SPO2_LOW", "physiological", Priority.MEDIUM, "SpO2", 1.0, 4.0, 84, 90)
    ]


@pytest.mark.spec("ALARM-28")
def test_two_numerics_of_a_kind_are_evaluated_alike() -> None:
    (track,) = spo2(95, 88, 84, 86, 95)
    second = replace(track, numeric=replace(track.numeric, name="SpO2 2"))
    low, low_2 = evaluate([track, second], AlarmSettings({"SpO2": MetricLimits(low=90)}))
    assert low_2 == replace(low, metric="SpO2 2")
    assert low.condition == "SPO2_LOW"


@pytest.mark.spec("ALARM-25")
def test_what_still_holds_at_the_end_has_no_end_and_its_whole_extreme() -> None:
    (found,) = evaluate(spo2(95, 88, 84), AlarmSettings({"SpO2": MetricLimits(low=90)}))
    assert (found.ended_at_s, found.extreme) == (None, 84)


@pytest.mark.spec("ALARM-25")
def test_a_change_of_priority_is_one_occurrence_at_its_highest() -> None:
    limits = MetricLimits(low=90, extreme_low=80)
    (found,) = evaluate(spo2(88, 79, 85, 95), AlarmSettings({"SpO2": limits}))
    assert (found.priority, found.limit, found.extreme) == (Priority.HIGH, 80, 79)


@pytest.mark.spec("ALARM-25")
def test_each_interval_of_a_latching_alarm_is_told() -> None:
    settings = AlarmSettings({"SpO2": MetricLimits(low=90)})
    values = (95, 88, 95, 87, 95)
    assert evaluate(spo2(*values), settings.with_latching(latching=True)) == evaluate(
        spo2(*values), settings
    )
    assert len(evaluate(spo2(*values), settings)) == 2


@pytest.mark.spec("ALARM-25")
def test_what_no_device_could_have_sent_is_no_value() -> None:
    found = evaluate(spo2(95, 127, 127, 95), AlarmSettings({"SpO2": MetricLimits(high=100)}))
    assert [(each.condition, each.raised_at_s) for each in found] == [("METRIC_MISSING", 1.0)]


@pytest.mark.spec("ALARM-12")
def test_a_recording_without_a_value_raises_nothing() -> None:
    assert evaluate(spo2(nan, nan, nan), PRESETS[AgeClass.ADULT]) == []
    assert evaluate([], PRESETS[AgeClass.ADULT]) == []


@pytest.mark.spec("ALARM-15")
def test_a_metric_that_stops_in_a_recording_is_stale() -> None:
    tracks = [
        Track(numeric("SpO2"), [0.0, 1.0], [97, 97]),
        Track(numeric("HR"), [float(second) for second in range(20)], [72] * 20),
    ]
    (found,) = evaluate(tracks, PRESETS[AgeClass.ADULT])
    assert (found.condition, found.metric, found.kind) == ("METRIC_STALE", "SpO2", "technical")
    assert 6 <= found.raised_at_s <= 7


@pytest.mark.spec("INGEST-14")
def test_a_hole_in_a_recording_is_a_lost_connection_that_ends() -> None:
    times = [0.0, 1.0, 2.0, 30.0, 31.0]
    tracks = [Track(numeric("SpO2"), times, [88] * 5)]
    found = evaluate(tracks, AlarmSettings({"SpO2": MetricLimits(low=90)}))
    assert [(each.condition, each.raised_at_s, each.ended_at_s) for each in found] == [
        ("SPO2_LOW", 0.0, 30.0),
        ("CONNECTION_LOST", 12.0, 30.0),
        ("SPO2_LOW", 30.0, None),
    ]


@pytest.mark.spec("ALARM-15")
def test_a_metric_is_stale_in_time_whenever_it_began() -> None:
    cuff = [float(second) for second in range(30)]
    tracks = [
        Track(numeric("NIBPs", 60.0), cuff, [120] * 30),
        Track(numeric("HR"), [6.0], [72]),
    ]
    (found,) = evaluate(tracks, PRESETS[AgeClass.ADULT])
    assert (found.metric, found.raised_at_s) == ("HR", 12.0)
