"""Evidence is asked for once for each occurrence, when all that belongs to it has come."""

from math import inf

import pytest

from rpm_service.application.effects import Batch, EvidenceWanted, Restored
from rpm_service.application.evidence import AFTER_S, BEFORE_S, DEVICES_MAX, LATE_S, EvidenceDue
from rpm_service.domain.alarms import Phase
from rpm_service.domain.limits import AgeClass
from tests.support.batches import T0, alarm_event
from tests.support.scene import Scene

BED = "bed 3"
OVER_S = AFTER_S + LATE_S
"""From the beginning of an occurrence until its time is over."""


def nobody_came(device_id: str) -> float:
    return -inf


def began(occurrence_id: int, device_id: str = "m1", at: float = T0):
    return alarm_event(occurrence_id, device_id=device_id, raised_at=at)


@pytest.mark.spec("STORE-28")
def test_a_desaturation_is_asked_for_once_its_time_is_over():
    scene = Scene()
    device = scene.device().begins("HR", "SpO2")
    device.sends(80, 97)
    scene.passes(1)
    for _ in range(12):
        device.sends(80, 79)
        scene.passes(1)
    alarm = scene.alarms()["SPO2_LOW"]
    asked: list[EvidenceWanted] = []
    while scene.now < alarm.raised_at + 2 * OVER_S:
        device.sends(80, 79)
        scene.passes(0.5)
        asked += scene.commit().evidence
        if scene.now < alarm.raised_at + OVER_S:
            assert asked == []
    assert asked == [
        EvidenceWanted(
            alarm.occurrence_id, "oximeter-1", alarm.raised_at - BEFORE_S, alarm.raised_at + AFTER_S
        )
    ]


@pytest.mark.spec("STORE-28")
def test_only_the_beginning_of_an_occurrence_asks():
    due = EvidenceDue(())
    due.note([began(1), alarm_event(1, 2, Phase.UPDATE), alarm_event(1, 3, Phase.END)])
    # A latched one that holds again goes on as the same occurrence.
    due.note([alarm_event(1, 4, Phase.START)])
    asked: list[EvidenceWanted] = []
    due.ask(asked, T0 + 1_000, nobody_came)
    due.ask(asked, T0 + 2_000, nobody_came)
    assert [each.occurrence_id for each in asked] == [1]


@pytest.mark.spec("STORE-28")
def test_a_batch_asks_for_few_devices_and_the_next_for_the_rest():
    due = EvidenceDue(())
    due.note([began(each, f"m{each}") for each in range(1, DEVICES_MAX + 5)])
    first: list[EvidenceWanted] = []
    due.ask(first, T0 + OVER_S, nobody_came)
    due.ask(first, T0 + OVER_S, nobody_came)
    assert len(first) == DEVICES_MAX
    rest: list[EvidenceWanted] = []
    due.ask(rest, T0 + OVER_S, nobody_came)
    assert [each.occurrence_id for each in first + rest] == [*range(1, DEVICES_MAX + 5)]


@pytest.mark.spec("STORE-28")
def test_a_flood_at_one_bed_is_asked_for_together():
    """Fifty toggles a second for half a minute: its rows are looked for once a second."""
    due = EvidenceDue(())
    due.note([began(each, at=T0 + each / 50) for each in range(1, 1_500)])
    batches: list[list[EvidenceWanted]] = []
    for tick in range(2_000):
        asked: list[EvidenceWanted] = []
        due.ask(asked, T0 + tick * 0.05, nobody_came)
        if asked:
            batches.append(asked)
    assert sum(map(len, batches)) == 1_499
    assert len(batches) == 30
    assert max(map(len, batches)) == 50


@pytest.mark.spec("STORE-28")
def test_what_was_left_at_a_restart_is_asked_for():
    left = EvidenceWanted(7, "m1", T0 - 100, T0 - 80)
    soon = EvidenceWanted(8, "m1", T0 - 15, T0 + 5)
    scene = Scene(Restored(evidence=[soon, left]))
    scene.ward.tick(T0)
    assert scene.commit().evidence == [left]
    scene.ward.tick(T0 + 5 + LATE_S)
    assert scene.commit() == Batch(evidence=[soon])


@pytest.mark.spec("STORE-42")
def test_evidence_begins_with_the_admission_and_ends_with_the_discharge():
    scene = Scene()
    device = scene.device().begins("HR", "SpO2")
    scene.operators.associate("oximeter-1", BED, "nurse")
    device.sends(80, 97)
    scene.operators.admit(BED, "ICU", "patient 1", AgeClass.ADULT, "nurse")
    admitted_at = scene.now
    scene.passes(3)
    device.sends(0, 97)
    raised_at = scene.alarms()["ASYSTOLE"].raised_at
    scene.passes(OVER_S + 2)
    (first,) = scene.commit().evidence
    assert (first.since, first.until) == (admitted_at, raised_at + AFTER_S)
    device.sends(80, 97)
    scene.passes(20)
    device.sends(0, 97)
    again = scene.alarms()["ASYSTOLE"]
    scene.passes(4)
    scene.operators.discharge(BED, "nurse")
    parted_at = scene.now
    scene.passes(OVER_S)
    (second,) = [
        each for each in scene.commit().evidence if each.occurrence_id == again.occurrence_id
    ]
    assert (second.since, second.until) == (again.raised_at - BEFORE_S, parted_at)
