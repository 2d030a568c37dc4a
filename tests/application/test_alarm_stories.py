"""Alarms as they are lived at the bedside, from the first value to the last act."""

from dataclasses import replace

import pytest

from rpm_service.application.early_warning import Seen
from rpm_service.application.effects import Connection, Restored, StoredDevice
from rpm_service.application.units import Unit, Units
from rpm_service.domain.alarms import Phase, Priority
from rpm_service.domain.early_warning import Consciousness
from rpm_service.domain.inactivation import InactivationState
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.ownership import Ownership
from rpm_service.domain.presets import PRESETS
from rpm_service.domain.signals import Presence
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description

AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF = InactivationState
BED = "oximeter-1"


@pytest.fixture
def device(scene: Scene) -> Device:
    return scene.device().begins("HR", "SpO2").streams(1, 72, 97)


def acknowledge(scene: Scene, code: str, key: str = "key") -> None:
    alarm = scene.alarms()[code]
    scene.operators.acknowledge(alarm.occurrence_id, alarm.priority, "nurse", key)


def hold_back(
    scene: Scene,
    state: InactivationState,
    metric: str = "",
    condition: str = "",
    duration_s: float = 0,
) -> None:
    key = f"{state}{metric}{condition}{scene.now}"
    scene.operators.inactivate(
        scene.bedside().bed, metric, condition, state, duration_s, "suction", "nurse", key
    )


def held(scene: Scene, device_id: str = BED) -> list[InactivationState]:
    return [each.state for each in scene.bedside(device_id).inactivations.held]


# -- acknowledgement and responsibility -----------------------------------------------------


@pytest.mark.spec("ALARM-8")
def test_fires_acknowledged_drops_returns_sounds_again(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    first = scene.alarms()["SPO2_LOW"]
    assert first.presence is Presence.ON
    acknowledge(scene, "SPO2_LOW")
    device.streams(20, 72, 88)
    assert scene.alarms()["SPO2_LOW"].presence is Presence.ACKNOWLEDGED
    device.streams(5, 72, 95)
    assert not scene.alarms()
    device.streams(11, 72, 88)
    again = scene.alarms()["SPO2_LOW"]
    assert again.presence is Presence.ON
    assert again.occurrence_id != first.occurrence_id


@pytest.mark.spec("ALARM-7")
@pytest.mark.spec("ALARM-31")
def test_acknowledged_medium_turns_high(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    number = scene.alarms()["SPO2_LOW"].occurrence_id
    acknowledge(scene, "SPO2_LOW")
    scene.operators.answer(number, "nurse", "key", accepted=True)
    device.streams(1, 72, 78)
    worse = scene.alarms()["SPO2_LOW"]
    assert (worse.occurrence_id, worse.priority) == (number, Priority.HIGH)
    assert worse.presence is Presence.ON
    assert worse.ownership is Ownership.UNDEFINED, "nobody has said that they go for this"
    acknowledge(scene, "SPO2_LOW", "another key")
    device.streams(4, 72, 85)
    better = scene.alarms()["SPO2_LOW"]
    assert (better.priority, better.presence) == (Priority.MEDIUM, Presence.ACKNOWLEDGED)


@pytest.mark.spec("ALARM-9")
def test_an_acknowledgement_of_ten_seconds_is_over_after_ten(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    number = scene.alarms()["SPO2_LOW"].occurrence_id
    scene.operators.acknowledge(number, Priority.MEDIUM, "nurse", "key", 10)
    device.streams(9, 72, 88)
    assert scene.alarms()["SPO2_LOW"].presence is Presence.ACKNOWLEDGED
    device.streams(1, 72, 88)
    assert scene.alarms()["SPO2_LOW"].presence is Presence.ON
    assert scene.events[-1].phase is Phase.ACKNOWLEDGEMENT_EXPIRE


# -- what is held back ----------------------------------------------------------------------


@pytest.mark.spec("ALARM-32")
@pytest.mark.parametrize("state", InactivationState)
def test_what_is_held_back_is_raised_and_ended_as_ever(
    scene: Scene, device: Device, state: InactivationState
) -> None:
    hold_back(scene, state)
    device.streams(11, 72, 88)
    assert scene.alarms()["SPO2_LOW"].presence is Presence.ON
    device.streams(1, 72, 78)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.HIGH
    device.streams(5, 72, 97)
    assert [event.phase for event in scene.events] == [Phase.START, Phase.ESCALATE, Phase.END]


@pytest.mark.spec("ALARM-34")
def test_a_new_condition_breaks_through_a_pause_of_the_sound(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    hold_back(scene, AUDIO_PAUSED)
    device.streams(10, 72, 88)
    assert held(scene) == [AUDIO_PAUSED], "what was there already does not"
    device.streams(6, 130, 88)
    assert scene.alarms()["HR_HIGH"].presence is Presence.ON
    assert held(scene) == []


@pytest.mark.spec("ALARM-34")
def test_a_procedure_is_not_disturbed_by_every_artefact_but_by_what_is_of_high_priority(
    scene: Scene, device: Device
) -> None:
    hold_back(scene, ALARM_PAUSED)
    device.streams(11, 72, 88)
    device.streams(6, 130, 97)
    assert held(scene) == [ALARM_PAUSED]
    device.streams(1, 165, 97)
    assert scene.alarms()["HR_HIGH"].priority is Priority.HIGH
    assert held(scene) == []


@pytest.mark.spec("ALARM-34")
def test_another_metric_does_not_end_a_pause_that_is_not_its_own(
    scene: Scene, device: Device
) -> None:
    hold_back(scene, ALARM_PAUSED, "SpO2")
    device.streams(6, 200, 97)
    assert scene.alarms()["HR_HIGH"].priority is Priority.HIGH
    assert held(scene) == [ALARM_PAUSED]


@pytest.mark.spec("ALARM-33")
def test_a_pause_of_alarms_is_over_after_ten_minutes(scene: Scene, device: Device) -> None:
    hold_back(scene, ALARM_PAUSED)
    device.streams(599, 72, 97)
    assert held(scene) == [ALARM_PAUSED]
    scene.commit()
    device.streams(1, 72, 97)
    assert held(scene) == []
    assert scene.commit().inactivations == {BED: ()}


@pytest.mark.spec("ALARM-35")
def test_off_is_not_forgotten(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    hold_back(scene, ALARM_OFF, "SpO2", "SPO2_LOW")
    device.streams(599, 72, 78)
    assert set(scene.alarms()) == {"SPO2_LOW"}
    assert held(scene) == [ALARM_OFF], "nothing breaks through what is off"
    device.streams(1, 72, 78)
    reminder = scene.alarms()["ALARMS_OFF"]
    assert (reminder.priority, reminder.presence) == (Priority.LOW, Presence.ON)
    device.streams(600, 72, 78)
    assert scene.alarms()["ALARMS_OFF"].event_seq == reminder.event_seq + 1
    scene.operators.reactivate(BED, "SpO2", "SPO2_LOW", "nurse", "key")
    assert set(scene.alarms()) == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-35")
def test_a_reminder_ends_no_pause_and_is_held_back_by_nothing(scene: Scene, device: Device) -> None:
    hold_back(scene, AUDIO_OFF)
    device.streams(590, 72, 97)
    hold_back(scene, AUDIO_PAUSED)
    device.streams(20, 72, 97)
    assert "ALARMS_OFF" in scene.alarms()
    assert held(scene) == [AUDIO_OFF, AUDIO_PAUSED]


@pytest.mark.spec("ALARM-35")
def test_a_device_that_has_left_is_reminded_of_once_it_is_back(
    scene: Scene, device: Device
) -> None:
    hold_back(scene, AUDIO_OFF)
    device.session.goodbye()
    device.breaks()
    scene.passes(700)
    assert not scene.alarms()
    scene.device().begins("HR", "SpO2").sends(72, 97)
    assert held(scene) == [AUDIO_OFF]
    assert set(scene.alarms()) == {"ALARMS_OFF"}


@pytest.mark.spec("ALARM-37")
@pytest.mark.parametrize("connection", Connection)
def test_a_restart_in_the_middle_of_a_pause(connection: Connection) -> None:
    before = Scene()
    before.device().begins("HR", "SpO2")
    hold_back(before, ALARM_PAUSED, duration_s=120)
    hold_back(before, AUDIO_OFF, "HR")
    before.passes(50)
    stored = StoredDevice(BED, description("HR", "SpO2"), connection)
    paused = before.commit().inactivations[BED]
    after = Scene(Restored(devices=(stored,), inactivations={BED: paused}))
    after.clock.advance(before.now - after.now)
    assert after.bedside().inactivations.held == paused
    assert not after.ward.batch, "nothing has happened"
    after.passes(69)
    assert held(after) == [ALARM_PAUSED, AUDIO_OFF]
    after.passes(1)
    assert held(after) == [AUDIO_OFF]


# -- who lies where -------------------------------------------------------------------------


def admitted(scene: Scene, bed: str = "bed 3", device_id: str = BED) -> None:
    scene.operators.associate(device_id, bed, "clerk")
    scene.operators.admit(bed, "ICU", f"patient of {bed}", AgeClass.ADULT, "clerk")


@pytest.mark.spec("ALARM-38")
@pytest.mark.promise("G10")
def test_a_transfer_takes_everything_along(scene: Scene, device: Device) -> None:
    admitted(scene)
    bedside = scene.bedside()
    scene.operators.assess("bed 3", Seen(consciousness=Consciousness.ALERT), "nurse", "key")
    bedside.put_in_force(bedside.settings.with_latching(latching=True), scene.now)
    device.streams(11, 130, 88)
    device.streams(5, 72, 88)
    acknowledge(scene, "SPO2_LOW")
    hold_back(scene, ALARM_PAUSED)
    hold_back(scene, AUDIO_OFF, "HR")
    own = replace(PRESETS[AgeClass.ADULT].limits["SpO2"], low=92)
    scene.operators.set_limits("bed 3", "SpO2", own, "COPD", 0, "nurse", "key")
    before, paused = scene.alarms(), bedside.inactivations.held
    assert {code: alarm.presence for code, alarm in before.items()} == {
        "HR_HIGH": Presence.LATCHED,
        "SPO2_LOW": Presence.ACKNOWLEDGED,
        "NEWS2_HIGH": Presence.ON,
    }
    scene.commit()

    scene.operators.transfer("bed 3", "bed 7", "nurse")
    assert (bedside.bed, bedside.patient_id) == ("bed 7", "patient of bed 3")
    assert bedside.inactivations.held == paused
    for code, alarm in scene.alarms().items():
        assert (alarm.bed, alarm.occurrence_id) == ("bed 7", before[code].occurrence_id)
        assert alarm.presence is before[code].presence
        assert alarm.acknowledgement == before[code].acknowledgement
    assert scene.ward.registry.stay("bed 3") is None
    assert bedside.early_warning is not None
    assert bedside.limits_of(bedside.description.numerics[1]) == own
    batch = scene.commit()
    assert [(each.bed, each.until) for each in batch.stays] == [
        ("bed 3", scene.now),
        ("bed 7", None),
    ]
    assert batch.assessments["bed 3"] is None
    assert batch.assessments["bed 7"] is not None
    assert [(each.device_id, each.bed) for each in batch.associations if each.until is None] == [
        (BED, "bed 7")
    ]
    (act,) = batch.acts
    assert (act.by, act.act, act.bed, act.detail) == ("nurse", "transfer", "bed 3", "bed 7")


@pytest.mark.spec("ALARM-38")
def test_a_transfer_sends_the_other_beds_device_away_with_nothing_held_back(
    scene: Scene, device: Device
) -> None:
    admitted(scene)
    scene.device("wall").begins("HR")
    scene.operators.associate("wall", "bed 7", "clerk")
    scene.operators.inactivate("bed 7", "", "", ALARM_OFF, 0, "empty", "nurse", "key")
    scene.operators.transfer("bed 3", "bed 7", "nurse")
    assert scene.bedside().bed == "bed 7"
    assert (scene.bedside("wall").bed, held(scene, "wall")) == ("wall", [])


@pytest.mark.spec("ALARM-38")
def test_a_patient_without_a_device_comes_to_that_of_the_other_bed(scene: Scene) -> None:
    scene.operators.admit("bed 3", "ICU", "patient", AgeClass.NEONATAL, "clerk")
    scene.device("wall").begins("HR")
    scene.operators.associate("wall", "bed 7", "clerk")
    scene.operators.inactivate("bed 7", "", "", ALARM_OFF, 0, "empty", "nurse", "key")
    scene.operators.transfer("bed 3", "bed 7", "nurse")
    assert (scene.bedside("wall").patient_id, held(scene, "wall")) == ("patient", [])
    assert scene.bedside("wall").age_class is AgeClass.NEONATAL


@pytest.mark.spec("ALARM-38")
def test_a_patient_in_a_bed_named_after_their_device_is_transferred_too(
    scene: Scene, device: Device
) -> None:
    scene.operators.admit(BED, "", "patient", AgeClass.ADULT, "clerk")
    device.streams(11, 72, 88)
    scene.operators.transfer(BED, "bed 7", "nurse")
    assert scene.alarms()["SPO2_LOW"].bed == "bed 7"


@pytest.mark.spec("ALARM-39")
def test_nothing_of_one_patient_reaches_the_next_with_the_device(
    scene: Scene, device: Device
) -> None:
    admitted(scene)
    scene.operators.admit("bed 7", "ICU", "another", AgeClass.ADULT, "clerk")
    device.streams(11, 72, 88)
    hold_back(scene, ALARM_OFF)
    scene.operators.associate(BED, "bed 7", "nurse")
    assert scene.bedside().patient_id == "another"
    assert not scene.alarms()
    assert held(scene) == []
    device.streams(10, 72, 88)
    assert not scene.alarms(), "and is judged afresh"
    device.streams(1, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-39")
def test_whom_an_alarm_of_one_patient_did_not_reach_is_not_called_to_the_next() -> None:
    scene = Scene(units=Units(other=Unit(covers=False)))
    device = scene.device().begins("HR", "SpO2").streams(1, 72, 97)
    admitted(scene)
    scene.operators.admit("bed 7", "ICU", "another", AgeClass.ADULT, "clerk")
    device.streams(11, 0, 97)
    assert set(scene.alarms()) == {"ASYSTOLE", "NOT_DELIVERED"}
    scene.operators.associate(BED, "bed 7", "nurse")
    device.streams(60, 72, 97)
    assert not scene.alarms()


@pytest.mark.spec("ALARM-39")
def test_the_score_of_one_patient_is_not_shown_at_the_bed_of_the_next(
    scene: Scene, device: Device
) -> None:
    admitted(scene)
    scene.operators.admit("bed 7", "ICU", "a child", AgeClass.PAEDIATRIC, "clerk")
    device.streams(11, 72, 97)
    assert scene.bedside().early_warning is not None
    scene.operators.associate(BED, "bed 7", "nurse")
    assert scene.bedside().early_warning is None


def test_the_score_is_shown_with_the_device_that_has_come_to_its_patient(
    scene: Scene, device: Device
) -> None:
    admitted(scene)
    device.streams(11, 72, 97)
    other = scene.device("other").begins("HR", "SpO2")
    other.sends(72, 97)
    scene.operators.associate("other", "bed 3", "nurse")
    other.streams(1, 72, 97)
    scene.live.publish()
    encoded = scene.live._encoder.encoded
    encoded.clear()
    other.streams(8, 72, 97)
    scene.live.publish()
    assert scene.bedside("other").early_warning is not None
    assert "bed" in encoded


@pytest.mark.spec("ALARM-39")
def test_a_device_that_gives_way_to_another_takes_nothing_of_the_patient_along(
    scene: Scene, device: Device
) -> None:
    admitted(scene)
    device.streams(11, 72, 88)
    hold_back(scene, AUDIO_OFF)
    scene.device("other").begins("HR")
    scene.operators.associate("other", "bed 3", "nurse")
    assert scene.bedside().bed == BED
    assert not scene.alarms()
    assert held(scene) == held(scene, "other") == []


@pytest.mark.spec("ALARM-39")
def test_an_association_that_says_nothing_new_changes_nothing(scene: Scene, device: Device) -> None:
    admitted(scene)
    device.streams(11, 72, 88)
    hold_back(scene, AUDIO_OFF)
    before = scene.alarms()
    scene.operators.associate(BED, "bed 3", "nurse")
    assert scene.alarms() == before
    assert held(scene) == [AUDIO_OFF]


@pytest.mark.spec("ALARM-23")
@pytest.mark.promise("G10")
def test_a_device_that_comes_to_its_patient_brings_its_alarms(scene: Scene, device: Device) -> None:
    device.streams(11, 72, 88)
    scene.operators.admit("bed 3", "ICU", "patient", AgeClass.ADULT, "clerk")
    scene.operators.associate(BED, "bed 3", "nurse")
    assert scene.alarms()["SPO2_LOW"].bed == "bed 3"


@pytest.mark.spec("ALARM-40")
@pytest.mark.promise("G10")
def test_a_stay_begins_with_nothing_held_back(scene: Scene, device: Device) -> None:
    hold_back(scene, ALARM_OFF)
    device.streams(11, 72, 88)
    scene.operators.admit(BED, "", "patient", AgeClass.ADULT, "clerk")
    assert held(scene) == []
    assert set(scene.alarms()) == {"SPO2_LOW"}


@pytest.mark.spec("ALARM-40")
def test_a_discharge_ends_everything_of_the_patient_at_once(scene: Scene, device: Device) -> None:
    admitted(scene)
    device.streams(11, 130, 88)
    acknowledge(scene, "SPO2_LOW")
    hold_back(scene, ALARM_PAUSED)
    hold_back(scene, AUDIO_OFF)
    device.streams(600, 130, 88)
    own = replace(PRESETS[AgeClass.ADULT].limits["SpO2"], low=92)
    scene.operators.set_limits("bed 3", "SpO2", own, "COPD", 0, "nurse", "key")
    held_before = set(scene.alarms())
    assert held_before == {"SPO2_LOW", "HR_HIGH", "NEWS2_HIGH", "ALARMS_OFF"}
    scene.commit()
    scene.operators.discharge("bed 3", "clerk")
    batch = scene.commit()
    assert [each.until for each in batch.stays] == [scene.now]
    assert {event.alarm.condition.code for event in batch.events} == held_before
    assert all(event.alarm.presence is Presence.OFF for event in batch.events)
    assert batch.inactivations == {BED: ()}
    assert batch.overrides == {"bed 3": ()}
    assert not scene.alarms()
    assert held(scene) == []
