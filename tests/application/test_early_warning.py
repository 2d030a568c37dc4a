"""Early-warning scores at the bedside: who has one, when it is told, and when it calls."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from rpm_service.application.acts import ActRefused
from rpm_service.application.early_warning import Seen
from rpm_service.application.effects import Batch, Connection, Restored, StoredDevice
from rpm_service.domain.alarms import Phase, Priority
from rpm_service.domain.early_warning import (
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Score,
)
from rpm_service.domain.limits import AgeClass
from tests.support.scene import Device, Scene

BED = "monitor-1"
VITALS = ("RR", "SpO2", "NIBPs", "HR", "Temp")
WELL = (16.0, 97.0, 120.0, 70.0, 37.0)
ON_AIR = Seen(InspiredGas.AIR, Consciousness.ALERT)
COPD = Seen(oxygen_scale=OxygenScale.TWO, reason="COPD with a target of 88 to 92")
HOUR = 3600.0


@pytest.fixture
def monitor(scene: Scene) -> Device:
    """A monitor at an adult's bed, who has been looked at, and is well."""
    monitor = scene.device(BED).begins(*VITALS)
    admit(scene)
    monitor.sends(*WELL)
    assess(scene, ON_AIR)
    return monitor


def admit(scene: Scene, age_class: AgeClass = AgeClass.ADULT, bed: str = BED) -> None:
    scene.operators.admit(bed, "ward-3", f"patient of {bed}", age_class, "nurse-1")


def assess(scene: Scene, seen: Seen, by: str = "nurse-1", bed: str = BED) -> Score:
    return scene.operators.assess(bed, seen, by, f"key at {scene.now}")


def batches(scene: Scene) -> Iterator[Batch]:
    yield from (*scene.written, scene.ward.batch)


def scores(scene: Scene) -> list[Score]:
    """The trend as it is stored."""
    return [row.score for batch in batches(scene) for row in batch.scores]


def shown(scene: Scene, device_id: str = BED) -> Score | None:
    return scene.bedside(device_id).early_warning


def newest(scene: Scene) -> Score:
    result = shown(scene)
    assert result is not None
    return result


def vitals(**changed: float) -> list[float]:
    return [changed.get(name, well) for name, well in zip(VITALS, WELL, strict=True)]


def news2(scene: Scene) -> tuple[Priority, float | None, float | None] | None:
    """Priority, value and limit of the score's alarm."""
    alarm = scene.alarms(BED).get("NEWS2_HIGH")
    return None if alarm is None else (alarm.priority, alarm.value, alarm.limit)


def phases(scene: Scene) -> list[Phase]:
    return [each.phase for each in scene.events if each.alarm.condition.code == "NEWS2_HIGH"]


# -- when ---------------------------------------------------------------------------------


@pytest.mark.spec("NEWS-8")
def test_a_score_is_there_with_the_assessment_and_then_every_10_s(
    scene: Scene, monitor: Device
) -> None:
    assert newest(scene).total == 0
    monitor.streams(3, *vitals(RR=22.0))
    assert newest(scene).total == 0
    monitor.streams(8, *vitals(RR=22.0))
    assert newest(scene).total == 2


@pytest.mark.spec("NEWS-8")
def test_the_trend_has_a_score_whenever_it_says_something_else(
    scene: Scene, monitor: Device
) -> None:
    monitor.streams(30, *WELL)
    monitor.streams(30, *vitals(RR=17.0, HR=75.0))
    assert [each.total for each in scores(scene)] == [0]
    monitor.streams(30, *vitals(RR=22.0))
    # As many points, and another reason for them.
    monitor.streams(30, *vitals(HR=115.0))
    assert [each.total for each in scores(scene)] == [0, 2, 2]
    rows = [row for batch in batches(scene) for row in batch.scores]
    assert {(row.bed, row.patient_id) for row in rows} == {(BED, f"patient of {BED}")}


@pytest.mark.spec("NEWS-8")
def test_a_change_is_shown_and_no_change_costs_no_frame(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *WELL)
    scene.live.publish()
    described = scene.live.described_at
    monitor.streams(20, *vitals(HR=75.0))
    scene.live.publish()
    assert scene.live.described_at == described
    monitor.streams(11, *vitals(HR=95.0))
    scene.live.publish()
    assert scene.live.described_at == scene.live.revision


@pytest.mark.spec("NEWS-9")
def test_a_bed_without_a_patient_has_no_score(scene: Scene) -> None:
    scene.device(BED).begins(*VITALS).streams(30, *vitals(RR=30.0, HR=140.0))
    assert shown(scene) is None
    assert scores(scene) == []
    assert news2(scene) is None


@pytest.mark.spec("NEWS-9")
@pytest.mark.parametrize("age_class", [AgeClass.PAEDIATRIC, AgeClass.NEONATAL])
def test_a_child_has_no_score(scene: Scene, age_class: AgeClass) -> None:
    monitor = scene.device(BED).begins(*VITALS)
    admit(scene, age_class)
    monitor.streams(30, *vitals(RR=50.0, HR=140.0))
    assert shown(scene) is None
    assert scores(scene) == []
    with pytest.raises(ActRefused) as refused:
        assess(scene, ON_AIR)
    assert (refused.value.code, refused.value.field) == ("FAILED_PRECONDITION", "bed")


@pytest.mark.spec("NEWS-9")
@pytest.mark.parametrize(("state", "missing"), [(2, ()), (3, ("SpO2",)), (4, ("SpO2",))])
def test_an_invalid_value_is_missing_and_a_questionable_one_counts(
    scene: Scene, monitor: Device, state: int, missing: tuple[str, ...]
) -> None:
    scene.passes(9)
    monitor.sends(*WELL, validity=[0, state, 0, 0, 0])
    scene.passes(1)
    assert newest(scene).missing == missing


@pytest.mark.spec("NEWS-5")
def test_a_monitor_that_falls_silent_takes_its_vitals_out_of_the_score(
    scene: Scene, monitor: Device
) -> None:
    monitor.breaks()
    scene.passes(290)
    assert newest(scene).total == 0
    scene.passes(20)
    assert newest(scene).missing == ("RR", "SpO2", "pulse")


# -- what is entered ----------------------------------------------------------------------


@pytest.mark.spec("NEWS-10")
@pytest.mark.usefixtures("monitor")
def test_what_is_not_said_stays_as_it_was(scene: Scene) -> None:
    then = scene.now
    scene.passes(HOUR)
    assess(scene, COPD, by="dr-2")
    assert scene.ward.batch.assessments[BED] == Assessment(
        InspiredGas.AIR, then, Consciousness.ALERT, then,
        OxygenScale.TWO, "dr-2", "COPD with a target of 88 to 92",
    )  # fmt: skip
    assess(scene, Seen(oxygen_scale=OxygenScale.ONE), by="dr-3")
    entered = scene.ward.batch.assessments[BED]
    assert entered is not None
    assert (entered.oxygen_scale, entered.oxygen_scale_by) == (OxygenScale.ONE, "dr-3")
    assert entered.oxygen_scale_reason == ""


@pytest.mark.spec("NEWS-10")
@pytest.mark.usefixtures("monitor")
def test_what_is_entered_is_journalled_once(scene: Scene) -> None:
    scene.commit()
    seen = replace(COPD, inspired_gas=InspiredGas.OXYGEN)
    first = scene.operators.assess(BED, seen, "dr-2", "the key")
    assert scene.operators.assess(BED, seen, "dr-2", "the key") == first
    (act,) = scene.ward.batch.acts
    assert (act.by, act.act, act.bed) == ("dr-2", "assess", BED)
    assert act.detail == "oxygen, SpO2 scale 2: COPD with a target of 88 to 92"


@pytest.mark.spec("NEWS-10")
@pytest.mark.parametrize(
    ("bed", "seen", "code", "field"),
    [
        (BED, Seen(), "INVALID_ARGUMENT", "inspired_gas"),
        (BED, Seen(oxygen_scale=OxygenScale.TWO), "INVALID_ARGUMENT", "reason"),
        (BED, replace(COPD, reason="x" * 129), "INVALID_ARGUMENT", "reason"),
        (BED, replace(ON_AIR, reason="because"), "INVALID_ARGUMENT", "reason"),
        ("bed-7", ON_AIR, "NOT_FOUND", "bed"),
        ("monitor-2", ON_AIR, "FAILED_PRECONDITION", "bed"),
    ],
)
@pytest.mark.usefixtures("monitor")
def test_a_refusal_names_what_is_wrong_and_changes_nothing(
    scene: Scene, bed: str, seen: Seen, code: str, field: str
) -> None:
    scene.device("monitor-2").begins(*VITALS)
    scene.commit()
    with pytest.raises(ActRefused) as refused:
        assess(scene, seen, bed=bed)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not scene.ward.batch.acts
    assert not scene.ward.batch.assessments


@pytest.mark.spec("NEWS-10")
def test_a_patient_is_assessed_before_any_device_is_there(scene: Scene) -> None:
    admit(scene, bed="bed-9")
    result = assess(scene, replace(ON_AIR, consciousness=Consciousness.VOICE), bed="bed-9")
    assert result.missing == ("RR", "SpO2", "systolic", "pulse", "temperature")
    assert result.band is Band.LOW_MEDIUM
    scene.passes(12 * HOUR + 20)
    assert scores(scene)[-1].sub_scores == ()


# -- whose it is --------------------------------------------------------------------------


@pytest.mark.spec("NEWS-11")
def test_the_next_patient_begins_without_anything(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=30.0, HR=140.0))
    assert news2(scene) is not None
    scene.commit()
    scene.operators.discharge(BED, "nurse-1")
    assert (shown(scene), news2(scene)) == (None, None)
    assert scene.ward.batch.assessments == {BED: None}
    admit(scene)
    monitor.streams(11, *vitals(RR=16.0))
    assert newest(scene).missing == ("oxygen", "consciousness")


@pytest.mark.spec("NEWS-11")
def test_no_reading_of_the_patient_before_counts_for_the_next(
    scene: Scene, monitor: Device
) -> None:
    scene.passes(1)
    scene.operators.discharge(BED, "nurse-1")
    admit(scene)
    assert assess(scene, ON_AIR).missing == ("RR", "SpO2", "systolic", "pulse", "temperature")


@pytest.mark.spec("NEWS-11")
def test_what_was_entered_goes_along_to_another_bed(scene: Scene, monitor: Device) -> None:
    scene.device("monitor-2").begins(*VITALS)
    scene.ward.early_warning.transfer(BED, "monitor-2")
    assert shown(scene) is None
    assert shown(scene, "monitor-2") == scores(scene)[-1]
    entered = scene.ward.batch.assessments
    assert entered[BED] is None
    assert entered["monitor-2"] is not None
    assert entered["monitor-2"].consciousness is Consciousness.ALERT


@pytest.mark.spec("NEWS-11")
def test_a_device_takes_no_score_along(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=30.0, HR=140.0))
    scene.operators.associate(BED, "bed-empty", "nurse-1")
    scene.passes(10)
    assert (shown(scene), news2(scene)) == (None, None)


@pytest.mark.spec("NEWS-11")
def test_after_a_restart_what_was_entered_is_there(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=30.0, HR=140.0))
    before = news2(scene)
    after = restarted(scene)
    again = after.device(BED)
    again.hello()
    again.describes(*VITALS)
    assert news2(after) == before
    again.streams(15, *vitals(RR=30.0, HR=140.0))
    assert newest(after).total == 6
    assert phases(after) == [], "the same occurrence goes on"


def restarted(scene: Scene) -> Scene:
    bedside = scene.bedside(BED)
    entered = {
        bed: each
        for batch in batches(scene)
        for bed, each in batch.assessments.items()
        if each is not None
    }
    stay = scene.ward.registry.stay(BED)
    assert stay is not None
    restored = Restored(
        next_occurrence=100,
        alarms=list(bedside.board),
        devices=[StoredDevice(BED, bedside.description, Connection.CONNECTED)],
        stays=[stay],
        assessments=entered,
    )
    after = Scene(restored)
    after.clock.advance(scene.now - after.now)
    return after


# -- its alarm ----------------------------------------------------------------------------


@pytest.mark.spec("NEWS-12")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"RR": 22.0, "HR": 115.0}, None),
        ({"RR": 25.0}, (Priority.LOW, 3, None)),
        ({"RR": 25.0, "HR": 115.0}, (Priority.MEDIUM, 5, 5)),
        ({"RR": 25.0, "HR": 131.0}, (Priority.MEDIUM, 6, 5)),
        ({"RR": 25.0, "HR": 131.0, "Temp": 38.5}, (Priority.HIGH, 7, 7)),
    ],
)
def test_the_priority_comes_of_the_band(
    scene: Scene,
    monitor: Device,
    changed: dict[str, float],
    expected: tuple[Priority, float, float] | None,
) -> None:
    monitor.streams(11, *vitals(**changed))
    assert news2(scene) == expected


@pytest.mark.spec("NEWS-12")
@pytest.mark.usefixtures("monitor")
def test_an_assessment_calls_at_once(scene: Scene) -> None:
    assess(scene, Seen(InspiredGas.OXYGEN, Consciousness.VOICE))
    assert news2(scene) == (Priority.MEDIUM, 5, 5)


@pytest.mark.spec("NEWS-12")
def test_a_worse_score_is_the_same_alarm_and_the_highest_total_is_told(
    scene: Scene, monitor: Device
) -> None:
    monitor.streams(11, *vitals(RR=25.0, HR=115.0))
    scene.operators.acknowledge(
        scene.alarms(BED)["NEWS2_HIGH"].occurrence_id, Priority.MEDIUM, "nurse-1", "a"
    )
    monitor.streams(10, *vitals(RR=25.0, HR=131.0))
    assert scene.alarms(BED)["NEWS2_HIGH"].extreme == 6
    monitor.streams(10, *vitals(RR=25.0, HR=131.0, Temp=39.2))
    assert news2(scene) == (Priority.HIGH, 8, 7)
    assert scene.alarms(BED)["NEWS2_HIGH"].extreme == 8
    assert phases(scene) == [Phase.START, Phase.ACKNOWLEDGE, Phase.UPDATE, Phase.ESCALATE]


@pytest.mark.spec("NEWS-13")
def test_it_falls_and_ends_after_a_minute_of_less(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=25.0, HR=131.0, Temp=38.5))
    monitor.streams(60, *vitals(RR=25.0))
    assert news2(scene) == (Priority.HIGH, 7, 7)
    monitor.streams(10, *vitals(RR=25.0))
    assert news2(scene) == (Priority.LOW, 3, None)
    monitor.streams(71, *WELL)
    assert news2(scene) is None
    assert phases(scene) == [Phase.START, Phase.DEESCALATE, Phase.END]


@pytest.mark.spec("NEWS-13")
def test_vitals_that_move_to_and_fro_make_one_alarm(scene: Scene, monitor: Device) -> None:
    for _ in range(10):
        monitor.streams(20, *vitals(RR=25.0))
        monitor.streams(40, *vitals(RR=24.0))
    assert phases(scene) == [Phase.START]


@pytest.mark.spec("NEWS-14")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"RR": 25.0}, None),
        ({"RR": 25.0, "HR": 131.0}, (Priority.MEDIUM, None, 5)),
        ({"RR": 25.0, "HR": 131.0, "SpO2": 90.0}, (Priority.HIGH, None, 7)),
    ],
)
def test_an_incomplete_score_calls_where_it_has_decided_already(
    scene: Scene,
    changed: dict[str, float],
    expected: tuple[Priority, float | None, float] | None,
) -> None:
    monitor = scene.device(BED).begins(*VITALS)
    admit(scene)
    monitor.streams(11, *vitals(**changed))
    assert newest(scene).missing == ("oxygen", "consciousness")
    assert news2(scene) == expected


@pytest.mark.spec("NEWS-14")
def test_nothing_is_taken_back_for_a_reading_that_is_missing(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=25.0, HR=115.0))
    monitor.streams(300, *vitals(RR=float("nan"), HR=70.0))
    assert newest(scene).missing == ("RR",)
    assert news2(scene) == (Priority.MEDIUM, 5, 5)
    # Describing itself anew, the monitor knows nothing for a moment.
    monitor.describes(*VITALS, "PI")
    assert news2(scene) == (Priority.MEDIUM, 5, 5)


@pytest.mark.spec("NEWS-14")
def test_a_reading_that_comes_and_goes_lets_no_minute_of_less_come_about(
    scene: Scene, monitor: Device
) -> None:
    monitor.streams(11, *vitals(RR=25.0))
    for _ in range(5):
        monitor.streams(40, *WELL)
        monitor.streams(20, *vitals(RR=float("nan")))
    assert news2(scene) is not None


@pytest.mark.spec("NEWS-14")
def test_after_12_hours_that_nothing_has_confirmed_it_ends(scene: Scene, monitor: Device) -> None:
    monitor.streams(11, *vitals(RR=25.0))
    monitor.sends(*vitals(RR=float("nan")))
    for _ in range(12):
        assert news2(scene) == (Priority.LOW, 3, None)
        keep_connected(scene, monitor, HOUR)
    keep_connected(scene, monitor, 80)
    assert news2(scene) is None


def keep_connected(scene: Scene, monitor: Device, seconds: float) -> None:
    end = scene.now + seconds
    while scene.now < end:
        scene.passes(20)
        monitor.sends(*vitals(RR=float("nan")))


@pytest.mark.spec("NEWS-15")
def test_a_monitor_that_has_said_goodbye_calls_for_nobody(scene: Scene, monitor: Device) -> None:
    assess(scene, Seen(InspiredGas.OXYGEN, Consciousness.VOICE))
    monitor.session.goodbye()
    monitor.breaks()
    assert news2(scene) is None
    scene.passes(60)
    assert news2(scene) is None


@pytest.mark.spec("NEWS-11")
def test_what_was_entered_for_a_bed_that_is_empty_is_forgotten() -> None:
    scene = Scene(Restored(assessments={BED: Assessment(InspiredGas.OXYGEN, 1.0)}))
    scene.passes(20)
    assert scene.ward.batch.assessments == {BED: None}
