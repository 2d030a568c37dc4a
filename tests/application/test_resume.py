"""A viewer that was away and says where it left off gets what it missed, or all of it anew."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.application.live import ALARM_EVENTS_MAX, LeftOff, Live
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope
from rpm_service.application.units import EscalationLevel, Unit, Units
from rpm_service.application.viewers import Viewer
from rpm_service.domain.limits import AgeClass
from tests.support.plain_encoder import PlainEncoder, PlainViewer, read
from tests.support.scene import Device, Scene
from tests.support.watching import Station

WARD = Scope()


FOLLOWED = Units(other=Unit(escalation=(EscalationLevel(10.0),), covers=False))


@pytest.fixture
def scene() -> Scene:
    return Scene(units=FOLLOWED)


@pytest.fixture
def device(scene: Scene) -> Device:
    device = scene.device().begins("HR", "SpO2")
    device.sends(72, 97)
    scene.live.publish()
    return device


def watches(scene: Scene, viewer: PlainViewer, scope: Scope = WARD) -> list[str]:
    """Connects from where a viewer left off, reads, and drops; gives the kinds of its frames."""
    box = Mailbox(scene.live)
    box.subscribe(scope, viewer.left_off)
    before = len(viewer.kinds)
    while frame := box.take(scene.now):
        viewer.take(frame)
    return viewer.kinds[before:]


@pytest.mark.spec("LISTEN-1")
def test_who_connects_again_gets_what_changed_since(scene: Scene, device: Device) -> None:
    viewer = PlainViewer()
    assert watches(scene, viewer) == ["snapshot"]
    device.sends(0, 97)
    scene.live.publish()
    assert watches(scene, viewer) == ["delta"]
    assert set(viewer.alarms) == {each.occurrence_id for each in scene.alarms().values()} != set()


@pytest.mark.spec("LISTEN-1")
def test_who_has_missed_nothing_hears_at_once_that_it_is_so(scene: Scene, device: Device) -> None:
    viewer = PlainViewer()
    watches(scene, viewer)
    assert watches(scene, viewer) == ["progress"]


@pytest.mark.spec("LISTEN-1")
@given(cuts=st.sets(st.integers(0, 39)))
@settings(max_examples=50)
def test_wherever_a_connection_drops_each_alarm_event_comes_once_and_in_order(
    cuts: Iterable[int],
) -> None:
    scene = Scene()
    device = scene.device().begins("HR", "SpO2")
    viewer = PlainViewer()
    assert watches(scene, viewer) == ["snapshot"]
    box = Mailbox(scene.live)
    box.subscribe(WARD, viewer.left_off)
    for step in range(40):
        device.streams(4, 0 if step % 2 else 72, 97)
        scene.live.publish()
        if step in cuts:
            box = Mailbox(scene.live)
            box.subscribe(WARD, viewer.left_off)
        elif frame := box.take(scene.now):
            viewer.take(frame)
    watches(scene, viewer)
    assert viewer.kinds.count("snapshot") == 1
    assert viewer.told == [
        (each.alarm.occurrence_id, each.alarm.event_seq) for each in scene.events
    ]
    assert len(viewer.told) > 20


@pytest.mark.spec("LISTEN-2")
def test_alarm_events_that_are_kept_no_more_bring_a_snapshot(scene: Scene, device: Device) -> None:
    viewer = PlainViewer()
    watches(scene, viewer)
    device.sends(0, 97)
    event = scene.events[0]
    for _ in range(ALARM_EVENTS_MAX):
        scene.live.alarm(scene.bedside(), event)
    scene.live.publish()
    scene.live.alarm(scene.bedside(), event)
    scene.live.publish()
    assert watches(scene, viewer) == ["snapshot"]


@pytest.mark.spec("LISTEN-2")
def test_another_start_brings_a_snapshot(scene: Scene, device: Device) -> None:
    viewer = PlainViewer()
    watches(scene, viewer)
    again = Scene()
    again.live._run = "run 2"
    again.device().begins("HR").sends(72)
    again.live.publish()
    assert watches(again, viewer) == ["snapshot"]


@pytest.mark.spec("LISTEN-2")
def test_where_starts_have_no_name_nobody_resumes(scene: Scene, device: Device) -> None:
    live = Live(PlainEncoder())
    box = Mailbox(live)
    box.subscribe(WARD)
    frame = box.take(scene.now)
    viewer = PlainViewer()
    viewer.take(frame)
    assert viewer.run == ""
    box.subscribe(WARD, viewer.left_off)
    assert read(box.take(scene.now))[0] == "snapshot"


@pytest.mark.spec("LISTEN-2")
@pytest.mark.parametrize(
    "other",
    [
        Scope(waveforms=True),
        Scope(beds=frozenset({"oximeter-1"})),
        Scope(units=frozenset({""})),
        Scope(within=frozenset({"ICU"})),
        Scope(called="nurse-7"),
    ],
)
def test_another_view_or_other_rights_bring_a_snapshot(
    scene: Scene, device: Device, other: Scope
) -> None:
    viewer = PlainViewer()
    watches(scene, viewer)
    device.sends(72, 96)
    scene.live.publish()
    assert watches(scene, viewer, other) == ["snapshot"]


@pytest.mark.spec("LISTEN-2")
def test_a_revision_that_was_never_brings_a_snapshot(scene: Scene, device: Device) -> None:
    viewer = PlainViewer()
    watches(scene, viewer)
    box = Mailbox(scene.live)
    for revision in (viewer.revision + 1, 2**64 - 1):
        box.subscribe(WARD, LeftOff(viewer.run, revision))
        assert read(box.take(scene.now))[0] == "snapshot"


@pytest.mark.spec("LISTEN-2")
def test_a_bed_that_came_into_view_meanwhile_is_seen_whole(scene: Scene, device: Device) -> None:
    icu = Scope(units=frozenset({"ICU"}))
    viewer = PlainViewer()
    watches(scene, viewer, icu)
    assert not viewer.beds
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "nurse")
    scene.live.publish()
    assert watches(scene, viewer, icu) == ["snapshot"]
    assert len(viewer.beds) == len(viewer.numerics) == 1


@pytest.mark.spec("LISTEN-3")
def test_an_alarm_that_came_meanwhile_is_delivered_by_resuming(
    scene: Scene, device: Device
) -> None:
    here = Station(scene)
    here.looks()
    here.leaves()
    device.sends(0, 97)
    scene.live.publish()
    viewer = Viewer(scene.ward, "nurse-7")
    left_off = here.shown.left_off
    viewer.subscribe(frozenset(), frozenset(), waveforms=False, left_off=left_off)
    frame = viewer.take(scene.now)
    kind, _, parts = read(frame)
    assert kind == "delta"
    (alarm,) = [part[1] for part in parts if part[0] == "alarm"]
    viewer.confirm([(alarm.occurrence_id, alarm.event_seq)], scene.now)
    scene.passes(11)
    assert "NOT_DELIVERED" not in scene.alarms()


@pytest.mark.spec("LISTEN-3")
def test_an_alarm_that_was_sent_before_the_drop_is_confirmed_after_it(
    scene: Scene, device: Device
) -> None:
    here = Station(scene)
    device.sends(0, 97)
    here.looks()
    told = here.shown.told
    here.leaves()
    viewer = Viewer(scene.ward, "nurse-7")
    left_off = here.shown.left_off
    viewer.subscribe(frozenset(), frozenset(), waveforms=False, left_off=left_off)
    viewer.take(scene.now)
    viewer.confirm(told, scene.now)
    scene.passes(11)
    assert "NOT_DELIVERED" not in scene.alarms()


def test_without_a_confirmation_the_same_alarm_is_not_delivered(
    scene: Scene, device: Device
) -> None:
    device.sends(0, 97)
    scene.passes(11)
    assert "NOT_DELIVERED" in scene.alarms()
