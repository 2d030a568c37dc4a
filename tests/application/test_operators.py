"""What clinicians may do, and what is refused."""

import pytest

from rpm_service.application.acts import KEYS_MAX, ActRefused
from rpm_service.application.effects import Association, Bed, Stay
from rpm_service.domain.alarms import Phase, Priority
from rpm_service.domain.inactivation import InactivationState
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.signals import Presence
from tests.support.scene import Device, Scene


@pytest.fixture
def device(scene: Scene) -> Device:
    device = scene.device().begins("HR", "SpO2")
    device.sends(0, 97)
    return device


def occurrence(scene: Scene) -> int:
    return scene.alarms()["ASYSTOLE"].occurrence_id


def acknowledge(scene: Scene, key: str = "key", by: str = "nurse") -> int:
    event = scene.operators.acknowledge(occurrence(scene), Priority.HIGH, by, key)
    return event.alarm.event_seq


@pytest.mark.spec("LIVE-9")
@pytest.mark.usefixtures("device")
@pytest.mark.promise("G11")
def test_an_act_repeated_with_the_same_key_is_done_once(scene: Scene) -> None:
    first = acknowledge(scene)
    told = len(scene.events)
    assert acknowledge(scene) == first
    assert len(scene.events) == told
    assert len(scene.ward.batch.acts) == 1
    with pytest.raises(ActRefused):
        acknowledge(scene, key="another key")


@pytest.mark.spec("LIVE-9")
def test_the_same_key_never_answers_for_another_act(scene: Scene, device: Device) -> None:
    acknowledge(scene)
    device.streams(12, 0, 88)
    low = scene.alarms()["SPO2_LOW"].occurrence_id
    event = scene.operators.acknowledge(low, Priority.MEDIUM, "nurse", "key")
    assert event.alarm.occurrence_id == low
    with pytest.raises(ActRefused):
        acknowledge(scene, by="doctor")


@pytest.mark.spec("LIVE-9")
@pytest.mark.usefixtures("device")
def test_an_act_that_was_refused_may_be_tried_again_with_its_key(scene: Scene) -> None:
    with pytest.raises(ActRefused):
        scene.operators.acknowledge(occurrence(scene), Priority.MEDIUM, "nurse", "key")
    assert acknowledge(scene)


@pytest.mark.spec("LIVE-9")
@pytest.mark.usefixtures("device")
def test_only_so_many_keys_are_remembered(scene: Scene) -> None:
    for number in range(KEYS_MAX + 10):
        scene.operators.pause_audio("oximeter-1", 0, "nurse", f"key {number}")
    assert len(scene.operators._once._done) == KEYS_MAX


@pytest.mark.spec("LIVE-9")
@pytest.mark.parametrize("key", ["", "k" * 65, "a\nb"])
@pytest.mark.usefixtures("device")
def test_an_act_without_a_proper_key_is_refused(scene: Scene, key: str) -> None:
    with pytest.raises(ActRefused) as refused:
        acknowledge(scene, key=key)
    assert (refused.value.code, refused.value.field) == ("INVALID_ARGUMENT", "idempotency_key")


@pytest.mark.spec("LIVE-10")
@pytest.mark.usefixtures("device")
@pytest.mark.promise("G11")
def test_what_is_acknowledged_must_be_on_at_the_priority_that_was_seen(scene: Scene) -> None:
    number = occurrence(scene)
    for args, code in (
        ((number + 1, Priority.HIGH), "NOT_FOUND"),
        ((number, Priority.MEDIUM), "FAILED_PRECONDITION"),
    ):
        with pytest.raises(ActRefused) as refused:
            scene.operators.acknowledge(*args, "nurse", "key")
        assert (refused.value.code, refused.value.field) == (code, "occurrence_id")
    acknowledge(scene)
    with pytest.raises(ActRefused, match="ACKNOWLEDGED"):
        acknowledge(scene, key="again")


@pytest.mark.spec("LIVE-10")
def test_only_a_latched_alarm_is_reset(scene: Scene, device: Device) -> None:
    bedside = scene.bedside()
    bedside.put_in_force(bedside.settings.with_latching(latching=True), scene.now)
    device.streams(5, 72, 97)
    device.streams(6, 200, 97)
    number = scene.alarms()["HR_HIGH"].occurrence_id
    with pytest.raises(ActRefused) as refused:
        scene.operators.reset(number, "nurse", "key")
    assert refused.value.code == "FAILED_PRECONDITION"
    device.streams(6, 72, 97)
    assert scene.alarms()["HR_HIGH"].presence is Presence.LATCHED
    event = scene.operators.reset(number, "nurse", "key")
    assert (event.phase, event.alarm.presence) == (Phase.RESET, Presence.OFF)
    assert "HR_HIGH" not in scene.alarms()
    assert scene.operators.reset(number, "nurse", "key") == event, "the same act"
    with pytest.raises(ActRefused) as refused:
        scene.operators.reset(number, "nurse", "another key")
    assert refused.value.code == "NOT_FOUND"


@pytest.mark.spec("LIVE-11")
@pytest.mark.usefixtures("device")
def test_sound_is_paused_for_two_minutes_at_most(scene: Scene) -> None:
    until = scene.operators.pause_audio("oximeter-1", 120, "nurse", "1")
    assert until == scene.now + 120
    assert scene.alarms()["ASYSTOLE"].presence is Presence.ON, "a pause is no acknowledgement"
    for wrong in (0.5, -1, 120.5, float("nan"), float("inf")):
        with pytest.raises(ActRefused) as refused:
            scene.operators.pause_audio("oximeter-1", wrong, "nurse", "2")
        assert (refused.value.code, refused.value.field) == ("INVALID_ARGUMENT", "duration_s")
    with pytest.raises(ActRefused) as refused:
        scene.operators.pause_audio("bed 9", 60, "nurse", "3")
    assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "bed")
    assert scene.bedside().audio_paused_until == until


@pytest.mark.spec("LIVE-11")
def test_a_pause_runs_out_by_itself_and_is_journalled(scene: Scene, device: Device) -> None:
    scene.operators.pause_audio("oximeter-1", 20, "nurse", "1")
    (held,) = scene.commit().inactivations["oximeter-1"]
    assert (held.by, held.until) == ("nurse", scene.now + 20)
    device.streams(19, 0, 97)
    assert scene.bedside().audio_paused_until is not None
    device.streams(1, 0, 97)
    assert scene.bedside().audio_paused_until is None
    assert scene.commit().inactivations == {"oximeter-1": ()}


@pytest.mark.spec("LIVE-11")
def test_a_pause_of_0_seconds_ends_it(scene: Scene, device: Device) -> None:
    scene.operators.pause_audio("oximeter-1", 60, "nurse", "1")
    assert scene.operators.pause_audio("oximeter-1", 0, "nurse", "2") is None
    assert scene.bedside().audio_paused_until is None


@pytest.mark.spec("LIVE-11")
def test_a_new_alarm_and_a_rise_in_priority_break_a_pause(scene: Scene, device: Device) -> None:
    scene.operators.pause_audio("oximeter-1", 120, "nurse", "1")
    device.streams(3, 0, 97)
    assert scene.bedside().audio_paused_until is not None
    device.streams(11, 0, 88)
    assert "SPO2_LOW" in scene.alarms()
    assert scene.bedside().audio_paused_until is None
    scene.operators.pause_audio("oximeter-1", 120, "nurse", "2")
    device.streams(1, 0, 79)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.HIGH
    assert scene.bedside().audio_paused_until is None


@pytest.mark.spec("LIVE-11")
@pytest.mark.usefixtures("device")
def test_a_pause_is_not_left_to_the_next_patient(scene: Scene) -> None:
    scene.operators.admit("oximeter-1", "", "p1", AgeClass.ADULT, "clerk")
    scene.operators.pause_audio("oximeter-1", 120, "nurse", "1")
    scene.operators.discharge("oximeter-1", "clerk")
    assert scene.bedside().audio_paused_until is None


@pytest.mark.spec("LIVE-12")
@pytest.mark.usefixtures("device")
@pytest.mark.promise("G11")
def test_every_act_is_journalled_with_who_did_it_and_names_no_patient(scene: Scene) -> None:
    scene.operators.admit("bed 3", "ICU", "Jane Doe 1970", AgeClass.ADULT, "clerk")
    scene.operators.associate("oximeter-1", "bed 3", "nurse")
    scene.operators.pause_audio("bed 3", 60, "nurse", "1")
    scene.operators.acknowledge(occurrence(scene), Priority.HIGH, "doctor", "2")
    scene.operators.discharge("bed 3", "clerk")
    acts = scene.ward.batch.acts
    assert [(act.by, act.act, act.bed) for act in acts] == [
        ("clerk", "admit", "bed 3"),
        ("nurse", "associate", "bed 3"),
        ("nurse", "pause_audio", "bed 3"),
        ("doctor", "acknowledge", "bed 3"),
        ("clerk", "discharge", "bed 3"),
    ]
    assert not any("Jane" in act.detail for act in acts)
    assert all(act.at == scene.now for act in acts)


@pytest.mark.spec("LIVE-13")
def test_a_patient_lies_in_one_bed_and_a_bed_holds_one_patient(scene: Scene) -> None:
    scene.operators.admit("bed 3", "ICU", "p1", AgeClass.ADULT, "clerk")
    for bed, patient, field in (("bed 3", "p2", "bed"), ("bed 4", "p1", "patient_id")):
        with pytest.raises(ActRefused) as refused:
            scene.operators.admit(bed, "ICU", patient, AgeClass.ADULT, "clerk")
        assert (refused.value.code, refused.value.field) == ("ALREADY_EXISTS", field)
    scene.operators.discharge("bed 3", "clerk")
    with pytest.raises(ActRefused) as refused:
        scene.operators.discharge("bed 3", "clerk")
    assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "bed")
    began, ended = scene.ward.batch.stays
    assert began == Stay("bed 3", "p1", AgeClass.ADULT, scene.now)
    assert ended == Stay("bed 3", "p1", AgeClass.ADULT, scene.now, scene.now)
    assert scene.ward.batch.beds == [Bed("bed 3", "ICU")]


@pytest.mark.spec("LIVE-13")
@pytest.mark.parametrize(
    ("bed", "unit", "patient", "field"),
    [
        ("", "ICU", "p", "bed"),
        ("b" * 33, "ICU", "p", "bed"),
        ("bed\t3", "ICU", "p", "bed"),
        ("bed 3", "u" * 33, "p", "unit"),
        ("bed 3", "ICU", "", "patient_id"),
        ("bed 3", "ICU", "p" * 65, "patient_id"),
    ],
)
def test_names_are_short_and_printable(
    scene: Scene, bed: str, unit: str, patient: str, field: str
) -> None:
    with pytest.raises(ActRefused) as refused:
        scene.operators.admit(bed, unit, patient, AgeClass.ADULT, "clerk")
    assert (refused.value.code, refused.value.field) == ("INVALID_ARGUMENT", field)
    assert not scene.ward.batch


@pytest.mark.spec("LIVE-13")
def test_a_device_that_has_no_bed_is_not_mistaken_for_a_bed_of_its_name(scene: Scene) -> None:
    scene.device("7").begins("HR")
    scene.device("monitor").begins("HR")

    def shown() -> list[str]:
        return [scene.bedside(each).bed for each in ("7", "monitor")]

    scene.operators.admit("7", "ICU", "p1", AgeClass.ADULT, "clerk")
    scene.operators.inactivate(
        "7", "", "", InactivationState.ALARM_OFF, 0, "in theatre", "nurse", "k"
    )
    assert (shown(), scene.bedside("7").patient_id) == (["7", "monitor"], "p1")
    scene.operators.associate("monitor", "7", "nurse")
    assert shown() == ["device 7", "7"]
    assert [scene.bedside(each).patient_id for each in ("7", "monitor")] == ["", "p1"]
    assert not scene.bedside("7").inactivations.held
    scene.operators.pause_audio("7", 60, "nurse", "pause")
    assert [bool(scene.bedside(each).inactivations.held) for each in ("7", "monitor")] == [
        False,
        True,
    ]
    scene.operators.associate("monitor", "8", "nurse")
    assert shown() == ["7", "8"]
    assert scene.bedside("7").patient_id == "p1"


@pytest.mark.spec("LIVE-13")
def test_a_device_measures_at_one_bed_and_a_bed_has_one_device(scene: Scene) -> None:
    scene.device("a").begins("HR")
    scene.device("b").begins("HR")
    scene.operators.associate("a", "bed 3", "nurse")
    scene.operators.associate("b", "bed 3", "nurse")
    assert scene.bedside("a").bed == "a", "a device without a bed is named after itself"
    assert scene.bedside("b").bed == "bed 3"
    scene.operators.associate("b", "", "nurse")
    assert scene.bedside("b").bed == "b"
    assert scene.ward.batch.associations == [
        Association("a", "bed 3", scene.now),
        Association("a", "bed 3", scene.now, scene.now),
        Association("b", "bed 3", scene.now),
        Association("b", "bed 3", scene.now, scene.now),
    ]


@pytest.mark.spec("ALARM-23")
@pytest.mark.usefixtures("device")
def test_alarms_are_told_under_the_bed_that_the_device_is_moved_to(scene: Scene) -> None:
    scene.operators.associate("oximeter-1", "bed 3", "nurse")
    assert scene.alarms()["ASYSTOLE"].bed == "bed 3"
    assert scene.events[-1].alarm.bed == "bed 3"


@pytest.mark.spec("DELIVERY-20")
def test_no_bed_and_no_device_may_have_the_servers_name(scene: Scene) -> None:
    operators, adult = scene.operators, AgeClass.ADULT
    operators.admit("bed 1", "ICU", "p", adult, "clerk")
    for field, act in (
        ("bed", lambda: operators.admit("server", "ICU", "q", adult, "clerk")),
        ("to_bed", lambda: operators.transfer("bed 1", "server", "clerk")),
        ("bed", lambda: operators.associate("oximeter-1", "server", "clerk")),
        ("device_id", lambda: operators.associate("server", "bed 1", "clerk")),
    ):
        with pytest.raises(ActRefused, match="the server's own alarms") as refused:
            act()
        assert (refused.value.code, refused.value.field) == ("INVALID_ARGUMENT", field)
