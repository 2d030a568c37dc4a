"""What somebody with limited rights gets of the ward."""

import pytest

from rpm_service.application.access import EVERYTHING, Access, Part, Rights
from rpm_service.application.acts import ActRefused
from rpm_service.application.bedside import SERVER
from rpm_service.application.monitoring import STORAGE_DEGRADED
from rpm_service.application.units import EscalationLevel, Unit, Units
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from tests.support.elsewhere import ELSEWHERE
from tests.support.scene import Device, Scene
from tests.support.watching import Station

CALLING = Units(
    {
        name: Unit(name, escalation=(EscalationLevel(5.0, frozenset({"charge-nurse"})),))
        for name in ("ICU", "ward")
    },
    Unit(covers=False),
)
ICU = Rights(units=frozenset({"ICU"}))


def device(scene: Scene, name: str, unit: str) -> Device:
    new = scene.device(name).begins("HR", "SpO2")
    if unit:
        scene.operators.admit(name, unit, f"patient of {name}", AgeClass.ADULT, "clerk")
    return new.streams(2, 72, 97)


@pytest.fixture
def scene() -> Scene:
    """Two units with a bed each, and a bed of no unit."""
    scene = Scene(units=ELSEWHERE)
    for name, unit in (("bed-1", "ICU"), ("bed-2", "ward"), ("bed-3", "")):
        device(scene, name, unit)
    return scene


def beds(station: Station) -> set[str]:
    station.looks()
    return {bed[0] for bed in station.shown.beds.values()}


@pytest.mark.spec("SIGNIN-1")
@pytest.mark.parametrize(
    ("wanted", "within", "seen"),
    [
        ({}, set(), {"bed-1", "bed-2", "bed-3"}),
        ({}, {"ICU"}, {"bed-1"}),
        ({}, {"ICU", "ward"}, {"bed-1", "bed-2"}),
        ({"beds": {"bed-2"}}, {"ICU"}, set()),
        ({"units": {"ward"}}, {"ICU"}, set()),
        ({"units": {"ward", "ICU"}}, {"ICU"}, {"bed-1"}),
        ({}, {"no such unit"}, set()),
    ],
)
def test_what_is_asked_for_is_seen_within_rights(
    scene: Scene, wanted: dict[str, set[str]], within: set[str], seen: set[str]
) -> None:
    nurse = Station(scene, within=within, **wanted)
    assert beds(nurse) == seen
    for name in ("bed-1", "bed-2", "bed-3"):
        bedside = scene.bedside(name)
        bedside.board.start(STORAGE_DEGRADED, Priority.HIGH, scene.now, scene.now)
        scene.ward.settle(bedside, scene.now)
    nurse.looks()
    assert {alarm.bed for alarm in nurse.shown.alarms.values()} == seen
    assert beds(nurse) == seen
    # As a snapshot, and as what came after one.
    again = Station(scene, within=within, **wanted)
    again.looks()
    assert {alarm.bed for alarm in again.shown.alarms.values()} == seen


@pytest.mark.spec("SIGNIN-1")
def test_a_bed_that_moves_to_another_unit_leaves_whoever_may_not_see_that(scene: Scene) -> None:
    nurse = Station(scene, within={"ICU"})
    assert beds(nurse) == {"bed-1"}
    scene.operators.discharge("bed-1", "clerk")
    scene.operators.admit("bed-1", "ward", "somebody", AgeClass.ADULT, "clerk")
    assert beds(nurse) == set()


@pytest.mark.spec("SIGNIN-1")
def test_the_servers_own_alarms_are_for_everybody(scene: Scene) -> None:
    nurse = Station(scene, within={"ICU"})
    nurse.looks()
    scene.ward.judge_server(STORAGE_DEGRADED, Priority.MEDIUM, present=True, now=scene.now)
    assert "STORAGE_DEGRADED" in nurse.looks()
    assert "STORAGE_DEGRADED" in Station(scene, within={"ICU"}).looks()
    assert Access(scene.ward).may_see(ICU, SERVER)


@pytest.mark.spec("SIGNIN-2")
def test_nobody_is_called_to_a_bed_outside_of_their_rights() -> None:
    scene = Scene(units=CALLING)
    inside, outside = device(scene, "bed-1", "ICU"), device(scene, "bed-2", "ward")
    limited = Station(scene, "charge-nurse", beds={"nowhere"}, within={"ICU"})
    whole = Station(scene, "charge-nurse", beds={"nowhere"})
    limited.looks()
    inside.sends(0, 97)
    outside.sends(0, 97)
    scene.passes(6)
    scene.live.publish()
    for station in (limited, Station(scene, "charge-nurse", beds={"x"}, within={"ICU"})):
        station.looks()
        called_to = {alarm.bed for alarm in station.shown.alarms.values()}
        assert called_to == {"bed-1"}
    whole.looks()
    assert {alarm.bed for alarm in whole.shown.alarms.values()} == {"bed-1", "bed-2"}


@pytest.mark.spec("SIGNIN-2")
def test_a_page_covers_no_bed_outside_of_its_rights() -> None:
    scene = Scene(units=CALLING)
    for name, unit in (("bed-1", "ICU"), ("bed-2", "ward")):
        device(scene, name, unit)
    nurse = Station(scene, within={"ICU"}).is_here()
    scene.passes(1)
    assert (scene.bedside("bed-1").covered, scene.bedside("bed-2").covered) == (True, False)
    nurse.viewer.limit(Rights(units=frozenset({"ward"})))
    scene.passes(1)
    assert (scene.bedside("bed-1").covered, scene.bedside("bed-2").covered) == (False, True)


@pytest.mark.spec("SIGNIN-4")
def test_rights_that_are_taken_away_are_gone_by_a_whole_snapshot(scene: Scene) -> None:
    nurse = Station(scene)
    assert beds(nurse) == {"bed-1", "bed-2", "bed-3"}
    nurse.viewer.limit(ICU)
    assert beds(nurse) == {"bed-1"}
    assert set(nurse.shown.numerics) == set(nurse.shown.beds)
    nurse.viewer.limit(EVERYTHING)
    assert beds(nurse) == {"bed-1", "bed-2", "bed-3"}


@pytest.mark.spec("SIGNIN-4")
def test_rights_change_nothing_for_a_viewer_that_has_not_subscribed(scene: Scene) -> None:
    nurse = Station(scene)
    nurse.viewer.mailbox.scope = None
    nurse.viewer.limit(ICU)
    assert nurse.viewer.take(scene.now) == b""
    nurse.viewer.subscribe(frozenset(), frozenset(), waveforms=False)
    assert beds(nurse) == {"bed-1"}


@pytest.mark.spec("SIGNIN-3")
def test_what_may_not_be_seen_is_refused_like_what_is_not_there(scene: Scene) -> None:
    access, everyone = Access(scene.ward), scene.operators
    access.check_bed(ICU, "bed-1")
    access.check_unit(ICU, "ICU")
    access.check_bed(EVERYTHING, "no such bed")
    for bed in ("bed-2", "bed-3", "no such bed"):
        with pytest.raises(ActRefused, match=f"there is no bed '{bed}'") as refused:
            access.check_bed(ICU, bed)
        assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "bed")
    with pytest.raises(ActRefused, match="there is no unit 'ward'"):
        access.check_unit(ICU, "ward")
    bedside = scene.bedside("bed-2")
    bedside.board.start(STORAGE_DEGRADED, Priority.HIGH, scene.now, scene.now)
    alarm = bedside.board.get(STORAGE_DEGRADED)
    assert alarm is not None
    access.check_alarm(EVERYTHING, alarm.occurrence_id)
    with pytest.raises(ActRefused) as outside:
        access.check_alarm(ICU, alarm.occurrence_id)
    with pytest.raises(ActRefused) as nowhere:
        everyone.reset(99, "nurse", "key")
    assert outside.value.reason.replace(str(alarm.occurrence_id), "99") == nowhere.value.reason


def test_only_a_clinician_acts() -> None:
    assert {part: Rights(part).may_act for part in Part} == {
        Part.CLINICIAN: True,
        Part.WALL: False,
    }
