"""A patient and a device part, and the server dies: nothing of that patient reaches the next one.

What the device had measured before, and had on its way then, it sends after the restart, at once
and unmarked: it is no more than a few seconds old.
"""

from collections.abc import Callable
from math import isnan

import pytest

from rpm_service.application.effects import Connection, Description, SampleArray
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope as View
from rpm_service.domain.limits import AgeClass
from tests.support.batches import Remembered
from tests.support.manual_clock import ManualClock
from tests.support.plain_encoder import read
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description

BED, NEXT = "bed 3", "bed 4"
BEFORE = (0.0, 70.0)
"""What of the patient before is on its way: asystole, and a saturation far too low."""


def admit(scene: Scene, bed: str, patient_id: str) -> None:
    scene.operators.admit(bed, "ICU", patient_id, AgeClass.ADULT, "nurse")


def discharged(scene: Scene) -> None:
    scene.operators.discharge(BED, "nurse")


def discharged_and_somebody_admitted(scene: Scene) -> None:
    scene.operators.discharge(BED, "nurse")
    scene.passes(0.5)
    admit(scene, BED, "patient 2")


def moved_to_another_patient(scene: Scene) -> None:
    admit(scene, NEXT, "patient 2")
    scene.operators.associate("oximeter-1", NEXT, "nurse")


def taken_from_the_bed(scene: Scene) -> None:
    scene.operators.associate("oximeter-1", "", "nurse")


def replaced_by_another(scene: Scene) -> None:
    scene.operators.associate("oximeter-2", BED, "nurse")


ACTS = [
    discharged,
    discharged_and_somebody_admitted,
    moved_to_another_patient,
    taken_from_the_bed,
    replaced_by_another,
]
Act = Callable[[Scene], None]


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.operators.associate("oximeter-1", BED, "nurse")
    admit(scene, BED, "patient 1")
    return scene


def killed(scene: Scene, back_s: float = 0.0) -> Scene:
    """The server dies with all that it knows on disk, and another one starts."""
    scene.commit()
    disk = Remembered()
    for batch in scene.written:
        disk.take(batch)
    scene.passes(1)
    return Scene(disk.restored(100_001), clock=ManualClock(scene.now - back_s))


def comes_back(scene: Scene, before: Device) -> Device:
    device = scene.device()
    device.hello(given_out=before.seq, spool_id=1, backfills=True)
    return device.describes("HR", "SpO2")


@pytest.mark.spec("LIVE-32")
@pytest.mark.parametrize("act", ACTS)
def test_values_from_before_are_for_the_record_alone(scene: Scene, act: Act) -> None:
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.commit()
    on_its_way = [scene.now + place / 10 for place in range(1, 6)]
    scene.passes(1)
    act(scene)
    scene = killed(scene)
    again = comes_back(scene, device)
    for at in on_its_way:
        assert again.sends(*BEFORE, at=at)
    bedside = scene.bedside()
    assert all(isnan(value) for value in bedside.values)
    assert not any(bedside.observed_at)
    assert not bedside.pending
    assert not scene.alarms()
    assert not scene.events
    assert len(scene.rows()) == len(on_its_way), "they are stored"
    again.sends(80, 96)
    assert list(bedside.values) == [80, 96]


@pytest.mark.spec("LIVE-32")
@pytest.mark.parametrize("act", ACTS)
def test_a_delay_that_ran_before_does_not_go_on(scene: Scene, act: Act) -> None:
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.commit()
    on_its_way = [scene.now + place for place in range(1, 5)]
    scene.passes(5)
    act(scene)
    scene = killed(scene)
    again = comes_back(scene, device)
    for at in on_its_way:
        again.sends(72, 88, at=at)
    again.streams(9, 72, 88)
    assert not scene.alarms()
    again.streams(2, 72, 88)
    assert set(scene.alarms()) == {"SPO2_LOW"}


@pytest.mark.spec("LIVE-32")
def test_a_device_that_lost_its_name_to_another_leaves_what_was_under_it() -> None:
    scene = Scene()
    admit(scene, "oximeter-1", "patient 1")
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.commit()
    measured_at = scene.now + 1
    scene.passes(2)
    scene.operators.associate("oximeter-2", "oximeter-1", "nurse")
    scene = killed(scene)
    comes_back(scene, device).sends(*BEFORE, at=measured_at)
    assert scene.bedside().bed == "device oximeter-1"
    assert all(isnan(value) for value in scene.bedside().values)
    assert not scene.alarms()


@pytest.mark.spec("LIVE-32")
def test_a_device_that_was_away_brings_nothing_from_before_either(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.ward.settle(scene.bedside(), scene.now)
    scene.ward.batch.connections["oximeter-1"] = Connection.AWAY
    scene = killed(scene)
    assert "oximeter-1" not in scene.ward.bedsides
    measured_at = scene.now
    scene.passes(1)
    moved_to_another_patient(scene)
    scene.passes(1)
    again = comes_back(scene, device)
    again.sends(*BEFORE, at=measured_at)
    assert all(isnan(value) for value in scene.bedside().values)
    assert not scene.alarms()


@pytest.mark.spec("LIVE-32")
def test_who_stays_is_seen_at_once_with_what_was_on_its_way(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    scene.commit()
    measured_at = scene.now + 1
    scene.passes(2)
    scene = killed(scene)
    comes_back(scene, device).sends(*BEFORE, at=measured_at)
    assert list(scene.bedside().values) == [*BEFORE]
    assert "ASYSTOLE" in scene.alarms()


@pytest.mark.spec("LIVE-32")
def test_a_wall_clock_that_was_set_back_holds_nothing_up(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2").streams(3, 72, 97)
    discharged_and_somebody_admitted(scene)
    scene = killed(scene, back_s=3600)
    again = comes_back(scene, device)
    again.sends(*BEFORE)
    assert list(scene.bedside().values) == [*BEFORE]
    assert "ASYSTOLE" in scene.alarms()
    assert told(scene, shows_samples(again), (scene.now, b"\3\0")) == [b"\3\0"]


@pytest.mark.spec("INGEST-28")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("dies", [False, True])
def test_what_comes_late_from_before_is_not_judged(scene: Scene, act: Act, *, dies: bool) -> None:
    device = scene.device()
    device.hello(spool_id=1, backfills=True)
    device.describes("HR", "SpO2").streams(3, 72, 97)
    scene.commit()
    on_its_way = [scene.now + place for place in range(1, 20)]
    scene.passes(20)
    act(scene)
    scene.passes(15)
    if dies:
        scene = killed(scene)
        device = comes_back(scene, device)
    for at in on_its_way:
        device.sends(*BEFORE, at=at, backfill=True)
    scene.passes(60)
    assert not any(event.late_detected for event in scene.events)


# -- waveforms --------------------------------------------------------------------------------

PLETH = SampleArray("Pleth", 150452, 268192, 125.0, 1.0, 0.0)


def shows_samples(device: Device) -> Device:
    what = Description(description("SpO2").numerics, (PLETH,))
    device.session.describe([("oximeter-1", what)], device.scene.now)
    return device


def told(scene: Scene, device: Device, *chunks: tuple[float, bytes]) -> list[object]:
    """What a viewer gets of samples that come now, each with when it began."""
    box = Mailbox(scene.live)
    box.subscribe(View(waveforms=True))
    scene.live.publish()
    box.take(scene.now)
    for start_at, samples in chunks:
        device.session.take_samples(1, 0, 0, start_at, samples, scene.now)
    scene.live.publish()
    return [part[-1] for part in read(box.take(scene.now))[2] if part[0] == "waveform"]


@pytest.mark.spec("LIVE-31")
@pytest.mark.spec("LIVE-32")
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("dies", [False, True])
def test_samples_that_began_before_are_not_told(scene: Scene, act: Act, *, dies: bool) -> None:
    device = scene.device()
    device.hello(spool_id=1)
    shows_samples(device)
    scene.passes(5)
    before, across = scene.now - 1, scene.now - 0.1
    act(scene)
    scene.passes(1)
    if dies:
        scene = killed(scene)
        device = scene.device()
        device.hello(spool_id=1)
        shows_samples(device)
    chunks = [(before, b"\1\0"), (across, b"\2\0"), (scene.now, b"\3\0")]
    assert told(scene, device, *chunks) == [b"\3\0"]
    stored = [row.samples for row in scene.ward.batch.waveforms["oximeter-1"]]
    assert stored == [b"\1\0", b"\2\0", b"\3\0"]


@pytest.mark.spec("LIVE-31")
def test_samples_of_who_is_moved_with_the_device_go_on(scene: Scene) -> None:
    device = scene.device()
    device.hello(spool_id=1)
    shows_samples(device)
    scene.passes(5)
    before = scene.now - 1
    scene.operators.transfer(BED, NEXT, "nurse")
    assert told(scene, device, (before, b"\1\0")) == [b"\1\0"]
