"""Viewers that are slow, stuck, or show nothing: what gives way, who is cut, who never notices."""

import pytest

from rpm_service.application import live
from rpm_service.application.coverage import GRACE_S, HIDDEN_S
from rpm_service.application.effects import Description, SampleArray
from rpm_service.application.live import FRAMES_MAX, LeftOff
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope
from rpm_service.application.units import Unit, Units
from rpm_service.application.viewers import CUT_S, UNHEARD_S
from tests.support.plain_encoder import PlainViewer, read
from tests.support.scene import Device, Scene
from tests.support.vital_signs import numeric
from tests.support.watching import Station

ECG = SampleArray("ECG", 131330, 266418, 250, 0.001, 0)
FLOOD = 40
CALLS_NOBODY = Units(other=Unit(escalation=()))


@pytest.fixture
def scene() -> Scene:
    return Scene(units=CALLS_NOBODY)


@pytest.fixture
def device(scene: Scene) -> Device:
    device = scene.device()
    device.hello()
    device.session.describe(
        [("oximeter-1", Description((numeric("HR"), numeric("SpO2")), (ECG,)))], scene.now
    )
    device.sends(72, 97)
    return device


def mailbox(scene: Scene, scope: Scope) -> Mailbox:
    box = Mailbox(scene.live)
    box.subscribe(scope)
    scene.live.publish()
    box.take(scene.now)
    return box


def samples(scene: Scene, device: Device, size: int) -> None:
    device.session.take_samples(device.seq, 0, 0, scene.now, bytes(size), scene.now)


def frames(scene: Scene, box: Mailbox) -> list[tuple[str, int, list[tuple[object, ...]]]]:
    """Everything that waits for a viewer now."""
    found = []
    while frame := box.take(scene.now):
        found.append(read(frame))
    return found


@pytest.mark.spec("LIVE-15")
@pytest.mark.promise("G16")
def test_waveforms_give_way_first(
    scene: Scene, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "DELTA_BYTES_MAX", 4096)
    box = mailbox(scene, Scope(waveforms=True))
    for size in (1000, 5000):
        samples(scene, device, size)
        device.sends(0, 97)
        scene.live.publish()
        ((_, _, parts),) = frames(scene, box)
        kinds = {part[0] for part in parts}
        assert "numerics" in kinds
        assert ("waveform" in kinds) is (size == 1000)


@pytest.mark.spec("LIVE-15")
@pytest.mark.promise("G16")
@pytest.mark.spec("LIVE-3")
def test_alarms_go_before_values_in_as_many_deltas_as_they_need(
    scene: Scene, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, viewer = mailbox(scene, Scope(waveforms=True)), PlainViewer()
    monkeypatch.setattr(live, "DELTA_BYTES_MAX", 4096)
    for number in range(FLOOD):
        device.sends(0 if number % 2 == 0 else 72, 97)
        samples(scene, device, 100)
        scene.live.publish()
    first = box.take(scene.now)
    assert {part[0] for part in read(first)[2]} == {"alarm"}
    viewer.take(first)
    deltas = 1
    while frame := box.take(scene.now):
        viewer.take(frame)
        deltas += 1
    assert deltas > 2
    events = [(event.alarm.occurrence_id, event.alarm.event_seq) for event in scene.events]
    assert viewer.told == events, "every one, once and in order"
    assert viewer.numerics == {scene.bedside().number: ("72", "97")}
    assert viewer.revision == scene.live.revision


@pytest.mark.spec("LIVE-15")
@pytest.mark.promise("G16")
def test_who_resumes_between_two_such_deltas_misses_nothing(
    scene: Scene, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, viewer = Mailbox(scene.live), PlainViewer()
    box.subscribe(Scope())
    scene.live.publish()
    viewer.take(box.take(scene.now))
    monkeypatch.setattr(live, "DELTA_BYTES_MAX", 4096)
    for number in range(FLOOD):
        device.sends(0 if number % 2 == 0 else 72, 97)
        scene.live.publish()
    while box.lacks(scene.live.revision):
        viewer.take(box.take(scene.now))
        box = Mailbox(scene.live)
        box.subscribe(Scope(), viewer.left_off)
    events = [(event.alarm.occurrence_id, event.alarm.event_seq) for event in scene.events]
    assert viewer.told == events


@pytest.mark.spec("LIVE-16")
@pytest.mark.promise("G16")
def test_frames_kept_for_others_are_bounded(scene: Scene, device: Device) -> None:
    for number in range(3 * FRAMES_MAX):
        mailbox(scene, Scope(beds=frozenset({f"bed {number}"})))
    device.sends(0, 97)
    scene.live.publish()
    hasty = PlainViewer()
    box = mailbox(scene, Scope())
    box.subscribe(Scope())
    hasty.take(box.take(scene.now))
    for _ in range(3 * FRAMES_MAX):
        device.sends(72, 97)
        scene.live.publish()
    for revision in range(3 * FRAMES_MAX):
        box.subscribe(Scope(), LeftOff(hasty.run, hasty.revision + revision))
        box.take(scene.now)
    kept = (scene.live._snapshots, scene.live._deltas, scene.live._calls)
    assert max(map(len, kept)) == FRAMES_MAX


# -- viewers that show nothing ------------------------------------------------------------


@pytest.fixture
def covered(scene: Scene, device: Device) -> Station:
    """A bed with one viewer, that can be heard and seen."""
    scene.passes(GRACE_S)
    device.sends(72, 97)
    station = Station(scene).is_here()
    station.looks()
    assert "BED_NOT_COVERED" not in station.looks()
    return station


def goes_on(scene: Scene, device: Device, seconds: float) -> None:
    for _ in range(int(seconds)):
        device.sends(72, 97)
        scene.passes(1)


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
def test_a_viewer_that_takes_nothing_covers_nothing_and_is_cut(
    scene: Scene, device: Device, covered: Station
) -> None:
    viewer, other = covered.viewer, Station(scene, "nurse-8")
    device.sends(72, 98)
    scene.live.publish()
    assert viewer.take(scene.now), "one frame is on its way"
    goes_on(scene, device, UNHEARD_S - 1)
    assert viewer.judge(scene.now) is None
    assert "BED_NOT_COVERED" not in other.looks()
    goes_on(scene, device, 1)
    assert viewer.judge(scene.now) is None
    scene.passes(2)
    assert "BED_NOT_COVERED" in other.looks(), "the others see it"
    assert device.coverage[-1] == (0, False), "and so does the device"
    goes_on(scene, device, CUT_S - UNHEARD_S - 2)
    reason = viewer.judge(scene.now)
    assert reason == "no frame was taken for 30 s"
    assert viewer.is_stuck(scene.now)


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
def test_a_viewer_that_takes_again_covers_again(
    scene: Scene, device: Device, covered: Station
) -> None:
    device.sends(72, 98)
    scene.live.publish()
    covered.viewer.take(scene.now)
    goes_on(scene, device, UNHEARD_S + 2)
    covered.viewer.judge(scene.now)
    goes_on(scene, device, 2)
    assert not scene.bedside().covered
    assert "BED_NOT_COVERED" in covered.looks()
    assert covered.viewer.judge(scene.now) is None
    goes_on(scene, device, 2)
    assert "BED_NOT_COVERED" not in covered.looks()


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
def test_a_viewer_that_presents_no_call_covers_nothing_and_is_cut(
    scene: Scene, device: Device, covered: Station
) -> None:
    device.sends(0, 97)
    covered.looks()
    goes_on_looking(scene, device, covered, UNHEARD_S)
    assert covered.viewer.judge(scene.now) is None
    scene.passes(2)
    assert device.coverage[-1] == (0, False)
    goes_on_looking(scene, device, covered, CUT_S - UNHEARD_S)
    reason = covered.viewer.judge(scene.now)
    assert reason is not None
    assert "not confirmed" in reason
    assert not covered.viewer.is_stuck(scene.now)


def goes_on_looking(scene: Scene, device: Device, station: Station, seconds: float) -> None:
    for _ in range(int(seconds)):
        device.sends(0, 97)
        scene.passes(1)
        station.looks()


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
def test_who_connects_again_is_cut_no_sooner_than_anybody(
    scene: Scene, device: Device, covered: Station
) -> None:
    device.sends(0, 97)
    covered.looks()
    goes_on_looking(scene, device, covered, CUT_S)
    assert covered.viewer.judge(scene.now) is not None
    covered.leaves()
    again = Station(scene).is_here()
    again.looks()
    assert again.viewer.judge(scene.now) is None
    scene.passes(1)
    assert not scene.bedside().covered, "but it covers nothing until it confirms"
    again.looks()
    again.viewer.confirm(again.shown.told + [(each.occurrence_id, each.event_seq)
                         for each in again.shown.alarms.values()], scene.now)  # fmt: skip
    assert again.viewer.judge(scene.now) is None
    scene.passes(1)
    assert scene.bedside().covered


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
@pytest.mark.parametrize("case", ["a program", "hidden", "over", "confirmed", "another bed"])
def test_who_owes_nothing_is_never_cut(
    scene: Scene, device: Device, covered: Station, case: str
) -> None:
    if case == "a program":
        covered.is_here(armed=False)
    elif case == "hidden":
        covered.is_here(visible=False)
    device.sends(0, 97)
    covered.looks()
    if case == "over":
        goes_on(scene, device, HIDDEN_S)
    elif case == "confirmed":
        covered.viewer.confirm(covered.shown.told, scene.now)
    elif case == "another bed":
        covered.viewer.subscribe(frozenset({"bed 9"}), frozenset(), waveforms=False)
    for _ in range(2 * int(CUT_S)):
        device.sends(72 if case == "over" else 0, 97)
        scene.passes(1)
        covered.looks()
        assert covered.viewer.judge(scene.now) is None
    assert covered.viewer._presence.attends
