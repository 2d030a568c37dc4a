"""Whether an alarm has reached a person, and what happens where it has not."""

import pytest

from rpm_service.application.delivery import CALLS_MAX, KEPT_S
from rpm_service.application.effects import Delivery, Notice, Restored
from rpm_service.application.units import EscalationLevel, Unit, Units, Webhook
from rpm_service.domain.alarms import Alarm, Kind, Phase, Priority
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.signals import Presence
from tests.support.scene import Device, Scene
from tests.support.watching import Station

HOOK = Webhook("https://pager.example/ward", b"secret")
WARD = Units(
    {
        "ICU": Unit(
            "ICU",
            escalation=(
                EscalationLevel(5.0, frozenset({"charge-nurse"}), webhook=False),
                EscalationLevel(20.0, frozenset({"doctor"})),
            ),
            webhook=HOOK,
            covers=False,
        )
    },
    Unit(webhook=HOOK, covers=False),
)

FEWER = Units(
    {"ICU": WARD.of("ICU"), "night": Unit("night", escalation=(EscalationLevel(5.0),))},
    Unit(covers=False),
)
"""One unit has fewer levels than the other."""


@pytest.fixture
def scene() -> Scene:
    return Scene(units=WARD)


@pytest.fixture
def device(scene: Scene) -> Device:
    return scene.device().begins("HR", "SpO2").streams(2, 72, 97)


def undelivered(scene: Scene) -> Alarm | None:
    return scene.alarms().get("NOT_DELIVERED")


def text(scene: Scene) -> str:
    alarm = undelivered(scene)
    assert alarm is not None
    return alarm.text


def notices(scene: Scene) -> list[Notice]:
    return [each for batch in (*scene.written, scene.ward.batch) for each in batch.notices]


def deliveries(scene: Scene) -> list[Delivery]:
    return [each for batch in (*scene.written, scene.ward.batch) for each in batch.deliveries]


def told(scene: Scene) -> list[tuple[Phase, str]]:
    return [
        (event.phase, event.alarm.text)
        for event in scene.events
        if event.alarm.condition.code == "NOT_DELIVERED"
    ]


# -- confirmed, or not ------------------------------------------------------------------


@pytest.mark.spec("DELIVERY-1")
def test_an_alarm_that_a_viewer_has_shown_is_delivered(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    nurse.looks()
    device.sends(0, 97)
    device.streams(9, 0, 97)
    nurse.confirms()
    device.streams(60, 0, 97)
    assert set(scene.alarms()) == {"ASYSTOLE"}
    assert not notices(scene)


@pytest.mark.spec("DELIVERY-3")
def test_an_alarm_that_nobody_confirms_is_a_technical_alarm_at_each_level(
    scene: Scene, device: Device
) -> None:
    Station(scene).looks()
    device.sends(0, 97)
    device.streams(9, 0, 97)
    assert undelivered(scene) is None
    device.streams(1, 0, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert (alarm.priority, alarm.presence, alarm.latching, alarm.condition.kind) == (
        Priority.HIGH, Presence.ON, True, Kind.TECHNICAL,
    )  # fmt: skip
    device.streams(19, 0, 97)
    assert told(scene) == [(Phase.START, "ASYSTOLE of HR: level 1")]
    device.streams(60, 0, 97)
    assert told(scene)[1:] == [(Phase.UPDATE, "ASYSTOLE of HR: level 2")]


@pytest.mark.spec("DELIVERY-3")
def test_it_has_the_priority_of_what_was_not_delivered_and_at_least_medium(
    scene: Scene, device: Device
) -> None:
    raises(scene, device, "BATTERY", Priority.LOW)
    device.streams(10, 72, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.priority is Priority.MEDIUM
    device.streams(12, 0, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.priority is Priority.HIGH


@pytest.mark.spec("DELIVERY-1")
@pytest.mark.parametrize("how", ["acknowledges", "accepts"])
def test_a_person_who_answers_has_got_it_whether_their_viewer_confirmed_or_not(
    scene: Scene, device: Device, how: str
) -> None:
    device.sends(0, 97)
    device.streams(5, 0, 97)
    answers(scene, how)
    device.streams(60, 0, 97)
    assert undelivered(scene) is None


def answers(scene: Scene, how: str, condition: str = "ASYSTOLE") -> None:
    alarm, operators = scene.alarms()[condition], scene.operators
    key = f"{how} {scene.now}"
    if how == "acknowledges":
        operators.acknowledge(alarm.occurrence_id, alarm.priority, "nurse-7", key)
    else:
        operators.answer(alarm.occurrence_id, "nurse-7", key, accepted=how == "accepts")


@pytest.mark.spec("DELIVERY-1")
def test_what_calls_again_must_be_confirmed_again(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    device.sends(72, 88)
    device.streams(16, 72, 88)
    nurse.confirms()
    alarm = scene.alarms()["SPO2_LOW"]
    assert alarm.priority is Priority.MEDIUM
    device.streams(20, 72, 70)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.HIGH
    assert text(scene) == "SPO2_LOW of SpO2: level 1"


@pytest.mark.spec("DELIVERY-1")
def test_an_acknowledgement_that_has_run_out_calls_again(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    answers(scene, "acknowledges")
    device.streams(125, 0, 97)
    assert scene.alarms()["ASYSTOLE"].presence is Presence.ON
    assert undelivered(scene) is None
    device.streams(10, 0, 97)
    assert undelivered(scene) is not None


@pytest.mark.spec("DELIVERY-2")
def test_a_confirmation_counts_for_all_before_it_and_may_be_repeated(
    scene: Scene, device: Device
) -> None:
    late = Station(scene)
    device.sends(72, 88)
    device.streams(11, 72, 88)
    device.streams(8, 72, 70)
    alarm = scene.alarms()["SPO2_LOW"]
    assert alarm.event_seq == 2
    late.looks()
    newest = (alarm.occurrence_id, alarm.event_seq)
    late.viewer.confirm([newest, newest], scene.now)
    late.viewer.confirm([newest], scene.now)
    device.streams(60, 72, 70)
    assert undelivered(scene) is None
    confirmed = [each for each in deliveries(scene) if each.confirmed_at is not None]
    assert len(confirmed) == 2, "each call once"


@pytest.mark.spec("DELIVERY-2")
def test_a_confirmation_counts_for_nothing_after_it(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    device.sends(72, 88)
    device.streams(11, 72, 88)
    device.streams(8, 72, 70)
    nurse.looks()
    alarm = scene.alarms()["SPO2_LOW"]
    assert (alarm.event_seq, alarm.priority) == (2, Priority.HIGH)
    nurse.viewer.confirm([(alarm.occurrence_id, 1)], scene.now)
    device.streams(12, 72, 70)
    assert undelivered(scene) is not None


@pytest.mark.spec("DELIVERY-2")
def test_what_is_unknown_unsent_or_out_of_view_confirms_nothing(
    scene: Scene, device: Device
) -> None:
    device.sends(0, 97)
    alarm = scene.alarms()["ASYSTOLE"]
    event = (alarm.occurrence_id, alarm.event_seq)
    blind = Station(scene)
    blind.viewer.confirm([event, (10_000, 1)], scene.now)
    elsewhere = Station(scene, beds={"bed 9"})
    elsewhere.looks()
    elsewhere.viewer.confirm([event], scene.now)
    moved = Station(scene)
    moved.looks()
    moved.viewer.subscribe(frozenset({"bed 9"}), frozenset(), waveforms=False)
    moved.viewer.confirm([event], scene.now)
    scene.passes(10)
    assert undelivered(scene) is not None


# -- what NOT_DELIVERED is ----------------------------------------------------------------


@pytest.mark.spec("DELIVERY-4")
def test_many_alarms_at_one_bed_make_one_which_names_the_most_urgent_first(
    scene: Scene, device: Device
) -> None:
    for code in ("A", "B", "C"):
        raises(scene, device, code, Priority.MEDIUM)
        scene.passes(1)
    raises(scene, device, "ASYSTOLE", Priority.HIGH)
    scene.passes(12)
    alarms = [alarm for alarm in scene.bedside().board if alarm.condition.code == "NOT_DELIVERED"]
    assert [alarm.text for alarm in alarms] == [
        "DEVICE_ASYSTOLE, DEVICE_A, DEVICE_B and 1 more: level 1"
    ]
    assert alarms[0].priority is Priority.HIGH


def raises(
    scene: Scene, device: Device, code: str, priority: Priority, *, present: bool = True
) -> None:
    device.session.take_device_alarm(
        0, code, Kind.TECHNICAL, priority, scene.now, scene.now, present=present, text=""
    )


@pytest.mark.spec("DELIVERY-5")
def test_it_ends_when_all_has_been_confirmed_and_stays_until_reset(
    scene: Scene, device: Device
) -> None:
    raises(scene, device, "A", Priority.MEDIUM)
    raises(scene, device, "B", Priority.MEDIUM)
    scene.passes(11)
    answers(scene, "acknowledges", "DEVICE_A")
    scene.passes(1)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.ON
    Station(scene).confirms()
    scene.passes(1)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED
    scene.operators.reset(alarm.occurrence_id, "nurse-7", "key")
    scene.passes(60)
    assert undelivered(scene) is None


@pytest.mark.spec("DELIVERY-5")
def test_whoever_acknowledges_it_has_answered_what_it_stands_for(
    scene: Scene, device: Device
) -> None:
    device.streams(12, 0, 97)
    answers(scene, "acknowledges", "NOT_DELIVERED")
    device.streams(60, 0, 97)
    assert undelivered(scene) is None
    assert [each.level for each in notices(scene)] == [1]


@pytest.mark.spec("DELIVERY-6")
def test_a_short_alarm_that_nobody_saw_is_not_lost(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    device.streams(9, 72, 97)
    assert not scene.alarms()
    device.streams(2, 72, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.ON
    device.streams(20, 72, 97)
    assert [each.level for each in notices(scene)] == [1, 2]
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED
    device.streams(300, 72, 97)
    assert undelivered(scene) is not None, "until somebody resets it"


@pytest.mark.spec("DELIVERY-6")
def test_a_short_alarm_that_somebody_saw_leaves_nothing(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    nurse.looks()
    device.sends(0, 97)
    device.streams(2, 72, 97)
    nurse.confirms()
    device.streams(60, 72, 97)
    assert not scene.alarms()


@pytest.mark.spec("DELIVERY-7")
def test_each_level_calls_its_viewers_whatever_they_watch(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2")
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "clerk")
    device.streams(2, 72, 97)
    charge = Station(scene, "charge-nurse", beds={"bed 9"})
    doctor = Station(scene, "doctor", beds={"bed 9"})
    other = Station(scene, "nurse-7", beds={"bed 9"})
    device.sends(0, 97)
    scene.passes(5)
    assert charge.looks()["NOT_DELIVERED"].bed == "oximeter-1"
    assert not doctor.looks()
    device.streams(15, 0, 97)
    assert doctor.looks()["NOT_DELIVERED"].text == "ASYSTOLE of HR: level 2"
    assert charge.looks()["NOT_DELIVERED"].text == "ASYSTOLE of HR: level 2"
    assert list(Station(scene, "doctor", beds={"bed 9"}).looks()) == ["NOT_DELIVERED"]
    assert not other.looks()
    assert not doctor.shown.beds
    Station(scene).confirms()
    scene.passes(1)
    assert doctor.looks()["NOT_DELIVERED"].presence is Presence.LATCHED
    scene.operators.reset(doctor.looks()["NOT_DELIVERED"].occurrence_id, "doctor", "key")
    assert not doctor.looks()
    assert not charge.looks()


@pytest.mark.spec("DELIVERY-7")
@pytest.mark.spec("LIVE-6")
def test_viewers_that_no_level_calls_share_their_frames(scene: Scene, device: Device) -> None:
    some = [Station(scene, f"nurse-{number}", beds={"oximeter-1"}) for number in range(3)]
    scene.live.publish()
    frames = [station.viewer.take(scene.now) for station in some]
    assert len(set(map(id, frames))) == 1


@pytest.mark.spec("DELIVERY-8")
def test_a_notice_goes_out_once_for_a_condition_and_level(scene: Scene, device: Device) -> None:
    for _ in range(3):
        device.sends(0, 97)
        device.streams(6, 72, 97)
    raises(scene, device, "B", Priority.MEDIUM)
    device.streams(10, 72, 97)
    found = notices(scene)
    assert [(each.condition, each.level) for each in found] == [
        ("ASYSTOLE of HR", 1), ("DEVICE_B", 1),
    ]  # fmt: skip
    first = found[0]
    assert (first.bed, first.unit, first.priority) == ("oximeter-1", "", "HIGH")
    assert len({each.notice_id for each in found}) == 2


@pytest.mark.spec("DELIVERY-8")
def test_a_level_without_webhook_sends_none_and_neither_does_a_unit_without(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2")
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "clerk")
    device.sends(0, 97)
    device.streams(30, 0, 97)
    assert [each.level for each in notices(scene)] == [2]
    without = Scene(units=Units())
    without.device().begins("HR", "SpO2").sends(0, 97)
    without.passes(40)
    assert undelivered(without) is not None
    assert not notices(without)


@pytest.mark.spec("DELIVERY-9")
def test_who_cannot_answer_passes_it_on_at_once(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    nurse.looks()
    device.sends(0, 97)
    nurse.confirms()
    device.streams(3, 0, 97)
    answers(scene, "rejects")
    scene.passes(0.5)
    assert text(scene) == "ASYSTOLE of HR: level 1"
    Station(scene).confirms()
    scene.passes(1)
    assert text(scene) == "ASYSTOLE of HR: level 1", "to be seen again is not enough"
    answers(scene, "rejects")
    scene.passes(0.5)
    assert text(scene) == "ASYSTOLE of HR: level 2"
    answers(scene, "accepts")
    scene.passes(0.5)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED


@pytest.mark.spec("DELIVERY-9")
def test_what_is_rejected_after_the_last_level_had_been_answered_is_undelivered_again(
    scene: Scene, device: Device
) -> None:
    raises(scene, device, "A", Priority.MEDIUM)
    device.streams(31, 72, 97)
    assert text(scene) == "DEVICE_A: level 2"
    answers(scene, "acknowledges", "DEVICE_A")
    answers(scene, "acknowledges", "NOT_DELIVERED")
    scene.passes(1)
    assert undelivered(scene) is None
    answers(scene, "rejects", "DEVICE_A")
    scene.passes(0.5)
    assert text(scene) == "DEVICE_A: level 2"


@pytest.mark.spec("DELIVERY-9")
def test_what_was_rejected_and_is_over_calls_nobody_any_more(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    answers(scene, "rejects")
    scene.passes(0.5)
    device.streams(9, 72, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED
    assert [each.level for each in notices(scene)] == [1]


@pytest.mark.spec("DELIVERY-10")
def test_after_a_restart_what_is_on_is_followed_anew(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    Station(scene).confirms()
    scene.passes(5)
    restarted = Scene(Restored(next_occurrence=9, alarms=list(scene.bedside().board)), WARD)
    restarted.passes(9)
    assert undelivered(restarted) is None
    restarted.passes(1)
    assert text(restarted) == "ASYSTOLE of HR: level 1"
    again = Scene(Restored(next_occurrence=9, alarms=list(restarted.bedside().board)), WARD)
    again.passes(5)
    alarm = undelivered(again)
    assert alarm is not None
    assert alarm.presence is Presence.ON, "it goes on"
    Station(again).confirms()
    again.passes(1)
    alarm = undelivered(again)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED


@pytest.mark.spec("DELIVERY-10")
def test_what_was_rejected_is_not_forgotten_over_a_restart(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    answers(scene, "rejects")
    scene.passes(0.5)
    restarted = Scene(Restored(next_occurrence=9, alarms=list(scene.bedside().board)), WARD)
    Station(restarted).confirms()
    restarted.passes(5)
    alarm = undelivered(restarted)
    assert alarm is not None
    assert alarm.presence is Presence.ON, "to be seen again is not enough"
    restarted.passes(30)
    assert text(restarted) == "ASYSTOLE of HR: level 2"
    answers(restarted, "accepts")
    restarted.passes(0.5)
    alarm = undelivered(restarted)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED


@pytest.mark.spec("DELIVERY-10")
def test_who_answers_after_a_restart_has_answered_what_is_named_and_nothing_else(
    scene: Scene, device: Device
) -> None:
    raises(scene, device, "A", Priority.MEDIUM)
    scene.passes(10)
    raises(scene, device, "B", Priority.MEDIUM)
    scene.passes(3)
    restarted = Scene(Restored(next_occurrence=9, alarms=list(scene.bedside().board)), WARD)
    assert text(restarted) == "DEVICE_A: level 1"
    answers(restarted, "acknowledges", "NOT_DELIVERED")
    restarted.passes(9.5)
    assert undelivered(restarted) is None
    restarted.passes(0.5)
    assert text(restarted) == "CONNECTION_LOST, DEVICE_B: level 1"


@pytest.mark.spec("DELIVERY-10")
def test_after_a_restart_nothing_stands_for_what_is_over(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    device.streams(12, 72, 97)
    restarted = Scene(Restored(next_occurrence=9, alarms=list(scene.bedside().board)), WARD)
    restarted.passes(1)
    alarm = undelivered(restarted)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED


@pytest.mark.spec("DELIVERY-11")
def test_sent_and_confirmed_are_journalled_for_each_viewer(scene: Scene, device: Device) -> None:
    first, second, blind = (Station(scene, name) for name in ("nurse-7", "nurse-8", "hall"))
    for each in (first, second, blind):
        each.looks()
    device.sends(0, 97)
    begun = scene.now
    for each in (first, second, blind):
        each.looks()
    event = [(scene.alarms()["ASYSTOLE"].occurrence_id, 1)]
    scene.passes(1)
    first.viewer.confirm(event, scene.now)
    scene.passes(KEPT_S - 1)
    second.viewer.confirm(event, scene.now)
    scene.commit()
    found: dict[str, list[tuple[float, float | None]]] = {}
    for each in deliveries(scene):
        since = None if each.confirmed_at is None else each.confirmed_at - begun
        found.setdefault(each.viewer, []).append((each.sent_at - begun, since))
    assert found == {
        "nurse-7": [(0, None), (0, 1)],
        "nurse-8": [(0, None), (0, KEPT_S)],
        "hall": [(0, None)],
    }


def transferred(scene: Scene, device: Device, unit: str, to: str, heart_rate: float) -> None:
    """An asystole that nobody has seen after 11 s, of a patient who goes to another unit then."""
    scene.operators.admit("bed 1", unit, "p", AgeClass.ADULT, "clerk")
    scene.operators.associate("oximeter-1", "bed 1", "clerk")
    scene.operators.admit("bed 2", to, "q", AgeClass.ADULT, "clerk")
    scene.operators.discharge("bed 2", "clerk")
    device.sends(0, 97)
    device.streams(11, heart_rate, 97)
    assert text(scene) == "ASYSTOLE of HR: level 1"
    scene.operators.transfer("bed 1", "bed 2", "clerk")


@pytest.mark.spec("DELIVERY-22")
def test_a_unit_with_more_levels_calls_at_all_of_them() -> None:
    scene = Scene(units=FEWER)
    device = scene.device().begins("HR", "SpO2").streams(2, 72, 97)
    transferred(scene, device, "night", "ICU", 0)
    device.streams(8, 0, 97)
    assert text(scene) == "ASYSTOLE of HR: level 1"
    device.streams(2, 0, 97)
    assert text(scene) == "ASYSTOLE of HR: level 2"


@pytest.mark.spec("DELIVERY-22")
def test_in_a_unit_with_fewer_levels_what_is_over_ends_with_the_last_of_them() -> None:
    scene = Scene(units=FEWER)
    device = scene.device().begins("HR", "SpO2").streams(2, 72, 97)
    transferred(scene, device, "ICU", "night", 72)
    device.streams(1, 72, 97)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED


@pytest.mark.spec("DELIVERY-12")
def test_a_discharge_leaves_nothing_for_the_next_patient(scene: Scene, device: Device) -> None:
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    device.sends(0, 97)
    device.streams(12, 0, 97)
    assert undelivered(scene) is not None
    scene.operators.discharge("oximeter-1", "clerk")
    scene.passes(1)
    assert not scene.alarms()
    device.sends(0, 97)
    device.streams(9, 72, 97)
    scene.operators.admit("oximeter-1", "", "q", AgeClass.ADULT, "clerk")
    scene.operators.discharge("oximeter-1", "clerk")
    device.streams(60, 72, 97)
    assert undelivered(scene) is None


@pytest.mark.spec("DELIVERY-12")
def test_a_discharge_leaves_what_is_wrong_with_the_equipment(scene: Scene, device: Device) -> None:
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    raises(scene, device, "BATTERY", Priority.LOW)
    scene.passes(11)
    scene.operators.discharge("oximeter-1", "clerk")
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.ON


@pytest.mark.spec("DELIVERY-12")
def test_what_stays_undelivered_after_a_discharge_names_no_condition_of_who_left(
    scene: Scene, device: Device
) -> None:
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    raises(scene, device, "BATTERY", Priority.LOW)
    device.sends(0, 97)
    device.streams(12, 0, 97)
    assert text(scene) == "ASYSTOLE of HR, DEVICE_BATTERY: level 1"
    scene.operators.discharge("oximeter-1", "clerk")
    assert text(scene) == "DEVICE_BATTERY: level 1"


@pytest.mark.spec("DELIVERY-13")
def test_a_flood_that_nobody_confirms_waits_for_no_level(scene: Scene, device: Device) -> None:
    for _ in range(CALLS_MAX + 50):
        raises(scene, device, "A", Priority.MEDIUM)
        raises(scene, device, "A", Priority.MEDIUM, present=False)
    scene.passes(0.5)
    assert text(scene) == "DEVICE_A: level 1"
    scene.passes(60)
    alarm = undelivered(scene)
    assert alarm is not None
    assert alarm.presence is Presence.LATCHED
    assert [each.level for each in notices(scene)] == [1, 2]


def test_nothing_is_kept_of_what_is_long_over(scene: Scene, device: Device) -> None:
    nurse = Station(scene)
    for _ in range(20):
        device.sends(0, 97)
        device.streams(6, 72, 97)
        nurse.confirms()
    device.streams(int(KEPT_S) + 40, 72, 97)
    kept = scene.ward.deliveries
    assert not kept._calls
    assert not kept._pending
    assert not kept._undelivered
    assert not kept._deadlines


@pytest.mark.spec("DELIVERY-1")
def test_the_alarms_of_delivery_itself_call_nobody() -> None:
    scene = Scene(units=Units())
    device = scene.device().begins("HR", "SpO2").streams(60, 72, 97)
    assert set(scene.alarms()) == {"BED_NOT_COVERED"}
    device.streams(60, 0, 97)
    assert text(scene) == "ASYSTOLE of HR: level 2"
