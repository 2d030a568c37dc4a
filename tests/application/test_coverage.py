"""Whether somebody can be called to a bed, and who is told where nobody can."""

import pytest

from rpm_service.application.coverage import GRACE_S, HIDDEN_S, UNCOVERED_S
from rpm_service.application.effects import Restored
from rpm_service.application.units import Unit, Units
from rpm_service.domain.alarms import Phase, Priority
from rpm_service.domain.limits import AgeClass
from tests.support.scene import Device, Scene
from tests.support.watching import Station

CALLS_NOBODY = Units(other=Unit(escalation=()))
"""Not about delivery."""


@pytest.fixture
def scene() -> Scene:
    return Scene(units=CALLS_NOBODY)


@pytest.fixture
def device(scene: Scene) -> Device:
    """An oximeter that has measured for as long as the grace after a start lasts."""
    return scene.device().begins("HR", "SpO2").streams(int(GRACE_S) - 1, 72, 97)


def covered(scene: Scene) -> bool | None:
    return scene.bedside().covered


@pytest.mark.spec("DELIVERY-14")
def test_a_bed_is_covered_by_a_viewer_that_is_heard_and_seen(scene: Scene, device: Device) -> None:
    station = Station(scene)
    device.streams(1, 72, 97)
    assert covered(scene) is False, "it shows the bed, and that is not enough"
    for armed, visible in ((True, False), (False, True), (True, True)):
        station.is_here(armed=armed, visible=visible)
        device.streams(1, 72, 97)
        assert covered(scene) is (armed and visible)


@pytest.mark.spec("DELIVERY-14")
def test_a_viewer_covers_the_beds_that_it_shows(scene: Scene, device: Device) -> None:
    Station(scene, beds={"bed 9"}).is_here()
    of_the_unit = Station(scene, units={"ICU"}).is_here()
    device.streams(2, 72, 97)
    assert covered(scene) is False
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "clerk")
    device.streams(1, 72, 97)
    assert covered(scene) is True
    of_the_unit.viewer.subscribe(frozenset(), frozenset({"MICU"}), waveforms=False)
    device.streams(1, 72, 97)
    assert covered(scene) is False


@pytest.mark.spec("DELIVERY-14")
@pytest.mark.promise("G13")
def test_out_of_view_counts_for_ten_seconds_more_and_no_sound_for_nothing(
    scene: Scene, device: Device
) -> None:
    station = Station(scene).is_here()
    device.streams(1, 72, 97)
    station.is_here(visible=False)
    device.streams(int(HIDDEN_S) - 1, 72, 97)
    assert covered(scene) is True
    device.streams(1, 72, 97)
    assert covered(scene) is False
    station.is_here()
    device.streams(1, 72, 97)
    assert covered(scene) is True, "it is back"
    station.is_here(armed=False)
    device.streams(1, 72, 97)
    assert covered(scene) is False


@pytest.mark.spec("DELIVERY-14")
def test_saying_again_that_one_is_hidden_prolongs_nothing(scene: Scene, device: Device) -> None:
    station = Station(scene).is_here()
    for _ in range(int(HIDDEN_S) + 1):
        station.is_here(visible=False)
        device.streams(1, 72, 97)
    assert covered(scene) is False


@pytest.mark.spec("DELIVERY-15")
def test_a_bed_that_nobody_covers_is_an_alarm_until_somebody_does(
    scene: Scene, device: Device
) -> None:
    station = Station(scene).is_here()
    device.streams(5, 72, 97)
    assert not scene.alarms()
    station.leaves()
    scene.passes(UNCOVERED_S / 2)
    assert not scene.alarms()
    scene.passes(1.5 * UNCOVERED_S)
    alarm = scene.alarms()["BED_NOT_COVERED"]
    assert (alarm.priority, alarm.latching) == (Priority.MEDIUM, False)
    Station(scene).is_here()
    scene.passes(0.5)
    assert not scene.alarms()
    assert [event.phase for event in scene.events] == [Phase.START, Phase.END]


@pytest.mark.spec("DELIVERY-15")
def test_a_viewer_that_connects_again_within_a_second_is_no_alarm(
    scene: Scene, device: Device
) -> None:
    first = Station(scene).is_here()
    device.streams(5, 72, 97)
    first.leaves()
    scene.passes(0.5)
    Station(scene).is_here()
    device.streams(5, 72, 97)
    assert not scene.events


@pytest.mark.spec("DELIVERY-15")
def test_a_bed_where_nothing_was_ever_measured_needs_no_cover(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2")
    for _ in range(20):
        scene.passes(1)
        device.session.heartbeat(scene.now, scene.now)
        device.session.hear(0, scene.now)
    assert not scene.events
    device.streams(2, 72, 97)
    assert set(scene.alarms()) == {"BED_NOT_COVERED"}


@pytest.mark.spec("DELIVERY-15")
def test_a_bed_whose_device_is_gone_needs_no_cover(scene: Scene, device: Device) -> None:
    device.streams(3, 72, 97)
    assert "BED_NOT_COVERED" in scene.alarms()
    device.session.goodbye()
    device.breaks()
    scene.passes(1)
    assert not scene.alarms()
    assert covered(scene) is None


@pytest.mark.spec("DELIVERY-15")
def test_a_unit_may_leave_cover_to_others() -> None:
    scene = Scene(units=Units({"ICU": Unit("ICU", escalation=(), covers=False)}, Unit()))
    device = scene.device().begins("HR", "SpO2")
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "clerk")
    device.streams(20, 72, 97)
    assert not scene.events
    assert device.coverage == [(0, False)], "its device is told the truth even so"


@pytest.mark.spec("DELIVERY-15")
def test_after_a_start_viewers_have_ten_seconds_to_come_back(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2").streams(int(GRACE_S) - 1, 72, 97)
    assert not scene.events
    device.streams(2, 72, 97)
    alarms = list(scene.alarms().values())
    assert len(alarms) == 1
    restarted = Scene(Restored(alarms=alarms), CALLS_NOBODY)
    restarted.device().begins("HR", "SpO2").streams(2, 72, 97)
    assert set(restarted.alarms()) == {"BED_NOT_COVERED"}, "it goes on"
    Station(restarted).is_here()
    restarted.passes(0.5)
    assert not restarted.alarms(), "and ends at once"


@pytest.mark.spec("DELIVERY-16")
def test_a_device_is_told_once_and_whenever_it_changes(scene: Scene, device: Device) -> None:
    assert device.coverage == [(0, False)]
    station = Station(scene).is_here()
    device.streams(3, 72, 97)
    assert device.coverage == [(0, False), (0, True)]
    station.leaves()
    scene.passes(0.5)
    assert device.coverage == [(0, False), (0, True), (0, False)]
    again = scene.device().begins("HR", "SpO2")
    scene.passes(0.5)
    assert again.coverage == [(0, False)], "a new stream knows nothing yet"


@pytest.mark.spec("DELIVERY-16")
def test_a_gateway_is_told_of_each_of_its_monitors(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("bed-1", "bed-2")
    Station(scene, beds={"ward-3/bed-2"}).is_here()
    scene.passes(0.5)
    assert gateway.coverage == [(0, False), (1, True)]


@pytest.mark.spec("DELIVERY-17")
def test_viewers_see_whether_a_bed_is_covered(scene: Scene, device: Device) -> None:
    looking = Station(scene)

    def shown() -> object:
        looking.looks()
        (bed,) = looking.shown.beds.values()
        return bed[4]

    assert shown() is False
    looking.is_here()
    scene.passes(0.5)
    assert shown() is True


def test_where_nothing_has_changed_nothing_is_judged(scene: Scene, device: Device) -> None:
    Station(scene).is_here()
    device.streams(2, 72, 97)
    for _ in range(20):
        device.sends(72, 97)
        scene.clock.advance(0.05)
        assert not scene.ward.coverage.is_due(scene.now)
