"""What other limits would have made of a night, and what they would have missed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from math import nan

import numpy as np
import pytest

from rpm_service.application.effects import Association, Bed, Description, Stay
from rpm_service.application.history import NumericColumns
from rpm_service.application.places import Scope
from rpm_service.application.units import Unit, Units
from rpm_service.application.what_if import WhatIf, what_if
from rpm_service.domain.alarms import (
    AlarmBoard,
    AlarmEvent,
    Condition,
    Kind,
    Priority,
)
from rpm_service.domain.limits import AgeClass, AlarmSettings, LimitsRefused, MetricLimits
from rpm_service.domain.presets import PRESETS
from tests.support.columns import T0, columns
from tests.support.vital_signs import numeric

SPO2_LOW = Condition("SPO2_LOW", Kind.PHYSIOLOGICAL, "SpO2")
ALL = Scope()
SPO2_AND_HR = Description((numeric("SpO2"), numeric("HR")))


class Kept:
    """A history in memory, and the journal beside it."""

    def __init__(self) -> None:
        self._rows: dict[str, list[NumericColumns]] = {}
        self._beds: list[Bed] = []
        self._stays: list[Stay] = []
        self._associations: list[Association] = []
        self.asked: list[tuple[str, float, float]] = []
        self.events: list[AlarmEvent] = []
        self._numbers = iter(range(1, 100))

    def devices(self) -> Sequence[str]:
        return sorted(self._rows)

    def beds(self) -> Sequence[Bed]:
        return self._beds

    def stays(self) -> Sequence[Stay]:
        return self._stays

    def associations(self) -> Sequence[Association]:
        return self._associations

    def numerics(self, device_id: str, since: float, until: float) -> Iterator[NumericColumns]:
        self.asked.append((device_id, since, until))
        for each in self._rows[device_id]:
            inside = (each.received_at >= since) & (each.received_at < until)
            yield each.chosen(inside)

    # -- telling a story ----------------------------------------------------------------

    def measured(
        self, device_id: str, values: Iterable[float], *, hr: float = 72, began: float = T0
    ) -> "Kept":
        rows = [(began + place, [value, hr], None, None) for place, value in enumerate(values)]
        self._rows.setdefault(device_id, []).append(columns(SPO2_AND_HR, rows))
        return self

    def measured_late(
        self, device_id: str, values: Sequence[float], *, began: float, came: float
    ) -> "Kept":
        """What the device had kept comes beside what is live: five seconds of it each second."""
        rows = [(began + place, [value, 72], None, None) for place, value in enumerate(values)]
        late = columns(SPO2_AND_HR, rows)
        (live,) = self._rows[device_id]
        received = came + np.arange(len(values)) // 5
        at, places = live.observed_at, np.searchsorted(live.received_at, received, side="right")
        self._rows[device_id] = [
            replace(
                live,
                observed_at=np.insert(at, places, late.observed_at),
                received_at=np.insert(live.received_at, places, received),
                values=np.insert(live.values, places, late.values, axis=0),
            )
        ]
        return self

    def lay(self, bed: str, unit: str, device_id: str, age_class: AgeClass, since: float) -> None:
        self._beds.append(Bed(bed, unit))
        self._stays.append(Stay(bed, "p", age_class, since))
        self._associations.append(Association(device_id, bed, since))

    def recorded(
        self, device_id: str, at: float, lasts: float | None, *, acknowledged: bool = True,
        accepted: bool = False, condition: Condition = SPO2_LOW,
    ) -> None:  # fmt: skip
        board = AlarmBoard(device_id, device_id, self._numbers.__next__)
        board.events = self.events
        board.start(condition, Priority.MEDIUM, T0 + at, T0 + at, value=88.0)
        alarm = board.get(condition)
        assert alarm is not None
        if acknowledged:
            board.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", T0 + at + 2)
        if accepted:
            board.answer(alarm.occurrence_id, "nurse", T0 + at + 3, accepted=True)
        if lasts is not None:
            board.end(condition, T0 + at + lasts, T0 + at + lasts)

    def what_if(self, scope: Scope = ALL, units: Units | None = None, **spo2: float) -> WhatIf:
        trial = partial(changed, spo2=spo2)
        return what_if(self, self.events, units or Units(), scope, trial)


def changed(preset: AlarmSettings, spo2: dict[str, float]) -> AlarmSettings:
    limits = {**preset.limits, "SpO2": replace(preset.limits["SpO2"], **spo2)}
    settings = replace(preset, limits=limits)
    settings.check()
    return settings


def compared(found: WhatIf) -> dict[str, tuple[int, int, int]]:
    return {
        each.condition: (each.recorded, each.baseline, each.tried) for each in found.comparisons
    }


def dips(*depths: float, lasts: int = 30) -> list[float]:
    """A dip every two minutes."""
    values: list[float] = []
    for depth in depths:
        values += [97.0] * 60 + [depth] * lasts + [97.0] * 60
    return values


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.mark.spec("ANALYSIS-3")
def test_the_journal_the_replay_and_the_trial_stand_side_by_side(kept: Kept) -> None:
    kept.measured("m1", dips(89, 87, 85))
    kept.recorded("m1", 70, 23)
    kept.recorded("m1", 220, 23)
    found = kept.what_if(low=88)
    assert compared(found) == {"SPO2_LOW": (2, 3, 2)}
    assert (found.beds, found.values) == (1, 2 * 450)


@pytest.mark.spec("ANALYSIS-3")
def test_a_longer_delay_lets_short_dips_pass(kept: Kept) -> None:
    kept.measured("m1", dips(85, 85, lasts=12) + dips(85, lasts=40))
    assert compared(kept.what_if(delay_s=15)) == {"SPO2_LOW": (0, 3, 1)}


@pytest.mark.spec("ANALYSIS-3")
def test_technical_alarms_are_compared_too_and_told_last(kept: Kept) -> None:
    kept.measured("m1", [97] * 60 + [nan] * 20 + [97] * 20 + dips(85))
    found = kept.what_if(low=80.5)
    assert [(each.condition, each.kind, each.tried) for each in found.comparisons] == [
        ("SPO2_LOW", Kind.PHYSIOLOGICAL, 0),
        ("METRIC_MISSING", Kind.TECHNICAL, 1),
    ]


@pytest.mark.spec("ANALYSIS-5")
def test_an_alarm_taken_for_real_that_would_not_have_been_raised_is_missed(kept: Kept) -> None:
    kept.measured("m1", dips(89, 87, 85))
    kept.recorded("m1", 70, 23)
    kept.recorded("m1", 220, 23, acknowledged=False, accepted=True)
    kept.recorded("m1", 370, 23, acknowledged=False)
    found = kept.what_if(low=86)
    assert (found.real, found.unknown) == (2, 0)
    assert [event.alarm.raised_at - T0 for event in found.missed] == [70, 220]
    assert [event.alarm.ended_at for event in found.missed] == [T0 + 93, T0 + 243]


@pytest.mark.spec("ANALYSIS-5")
def test_one_that_would_have_come_later_while_it_held_is_not_missed(kept: Kept) -> None:
    kept.measured("m1", dips(87))
    kept.recorded("m1", 70, 23)
    assert kept.what_if(delay_s=20).missed == []


@pytest.mark.spec("ANALYSIS-5")
def test_one_that_was_over_before_does_not_stand_for_it(kept: Kept) -> None:
    kept.measured("m1", dips(85, 89))
    kept.recorded("m1", 220, 23)
    assert len(kept.what_if(low=86).missed) == 1


@pytest.mark.spec("ANALYSIS-5")
def test_the_other_side_of_a_metric_and_another_metric_do_not_stand_for_it(kept: Kept) -> None:
    kept.measured("m1", dips(89), hr=130)
    kept.recorded("m1", 70, 23)
    found = kept.what_if(low=85, high=88.5)
    assert compared(found)["SPO2_HIGH"][2] > 0
    assert len(found.missed) == 1


@pytest.mark.spec("ANALYSIS-5")
def test_what_nobody_measured_can_not_be_called_missed(kept: Kept) -> None:
    kept.measured("m1", dips(87))
    kept.recorded("m1", 10_000, 20)
    found = kept.what_if(low=88)
    assert (found.real, found.unknown, found.missed) == (1, 1, [])


@pytest.mark.spec("ANALYSIS-5")
def test_only_alarms_of_a_measured_value_are_taken_for_real(kept: Kept) -> None:
    kept.measured("m1", dips(87))
    kept.recorded("m1", 70, 20, condition=Condition("METRIC_MISSING", Kind.TECHNICAL, "SpO2"))
    kept.recorded("m1", 70, 20, condition=Condition("DEVICE_VTACH", Kind.PHYSIOLOGICAL))
    kept.recorded("m1", 70, 20, condition=Condition("NEWS2_HIGH", Kind.PHYSIOLOGICAL, "NEWS2"))
    assert kept.what_if(low=80.5).real == 0


# -- what came late -------------------------------------------------------------------------


@pytest.mark.spec("ANALYSIS-8")
@pytest.mark.parametrize("came", [15.0, 600.0])
def test_what_came_late_is_an_alarm_in_no_column_and_told(kept: Kept, came: float) -> None:
    kept.measured("m1", [97.0] * 60 + dips(85) + [97.0] * 600, began=T0 + 400)
    kept.measured_late("m1", dips(70, 70), began=T0, came=T0 + 400 + came)
    kept.recorded("m1", 70, 20)
    kept.events[:] = [replace(event, late_detected=True) for event in kept.events]
    kept.recorded("m1", 600, 20)
    found = kept.what_if(low=88)
    assert compared(found) == {"SPO2_LOW": (1, 1, 1)}
    assert (found.values, found.late_values) == (2 * 810, 2 * 300)
    assert found.real == 1


@pytest.mark.spec("ANALYSIS-8")
def test_a_device_that_sent_nothing_in_time_is_no_bed_that_was_replayed(kept: Kept) -> None:
    kept.measured("m1", dips(85))
    (rows,) = kept._rows["m1"]
    kept._rows["m1"] = [replace(rows, received_at=rows.received_at + 20)]
    kept.measured("m2", [97.0] * 10)
    found = kept.what_if(low=88)
    assert compared(found)["SPO2_LOW"] == (0, 1, 1), "its clock is off by twenty seconds"
    kept._rows["m1"] = [replace(rows, received_at=np.full(len(rows), T0 + 600))]
    found = kept.what_if(low=88)
    assert compared(found) == {}
    assert (found.beds, found.values, found.late_values) == (1, 20, 300)


@pytest.mark.spec("ANALYSIS-6")
def test_each_bed_is_replayed_under_the_preset_that_held_there(kept: Kept) -> None:
    for device_id in ("m1", "m2", "m3"):
        kept.measured(device_id, dips(87), hr=130)
    kept.lay("B1", "NICU", "m1", AgeClass.NEONATAL, T0 - 1)
    kept.lay("B2", "ICU", "m2", AgeClass.ADULT, T0 - 1)
    own = AlarmSettings({"SpO2": MetricLimits(low=80)})
    units = Units({"ICU": Unit("ICU", presets={**PRESETS, AgeClass.ADULT: own})})
    found = kept.what_if(units=units, low=84)
    assert compared(found)["SPO2_LOW"] == (0, 1, 0), "of m3 alone"
    assert compared(found)["HR_HIGH"] == (0, 1, 1), "a neonate's heart may be so fast"


@pytest.mark.spec("ANALYSIS-6")
def test_a_new_patient_is_judged_afresh(kept: Kept) -> None:
    kept.measured("m1", [87.0] * 120)
    kept.lay("B1", "", "m1", AgeClass.ADULT, T0 + 60)
    assert compared(kept.what_if(low=88))["SPO2_LOW"] == (0, 2, 2)


@pytest.mark.spec("ANALYSIS-1")
def test_what_the_patient_before_left_on_its_way_is_not_judged_for_the_next(kept: Kept) -> None:
    kept.measured("m1", [97.0] * 60 + [70.0] * 3 + [97.0] * 60)
    (rows,) = kept._rows["m1"]
    held_up = (rows.observed_at >= T0 + 60) & (rows.observed_at < T0 + 63)
    received = np.where(held_up, T0 + 63.5, rows.received_at)
    kept._rows["m1"] = [replace(rows, received_at=received)]
    kept.lay("B1", "", "m1", AgeClass.ADULT, T0 + 63)
    found = kept.what_if(low=88)
    assert compared(found) == {}
    assert (found.values, found.late_values) == (2 * 120, 2 * 3)


def test_where_the_history_asked_for_begins_nothing_is_late(kept: Kept) -> None:
    kept.measured("m1", [97.0] * 60)
    (rows,) = kept._rows["m1"]
    kept._rows["m1"] = [replace(rows, received_at=rows.received_at + np.arange(60) % 2 * 0.5)]
    found = kept.what_if(Scope(T0 + 29.2, T0 + 50), low=88)
    assert (found.values, found.late_values) == (2 * 21, 0)


def test_only_the_beds_and_the_time_that_are_meant_are_read(kept: Kept) -> None:
    kept.measured("m1", dips(87)).measured("m2", dips(87))
    kept.recorded("m2", 70, 20)
    scope = Scope(T0, T0 + 60, beds=frozenset({"m1"}))
    found = kept.what_if(scope, low=88)
    assert kept.asked == [("m1", T0, T0 + 60)]
    assert (compared(found), found.real, found.values) == ({}, 0, 120)


def test_limits_that_cross_are_refused_before_anything_is_read(kept: Kept) -> None:
    kept.measured("m1", dips(87))
    with pytest.raises(LimitsRefused, match=r"SpO2\.extreme_low"):
        kept.what_if(low=70)
    assert kept.asked == []


def test_how_far_it_has_come_is_told(kept: Kept) -> None:
    kept.measured("m1", [97]).measured("m2", [97])
    told: list[tuple[int, int]] = []
    what_if(
        kept, (), Units(), Scope(), lambda preset: preset, lambda done, of: told.append((done, of))
    )
    assert told == [(0, 2), (1, 2), (2, 2)]
