"""What viewers get: a snapshot, then what changed, bounded however slow they are."""

from math import isnan

import pytest

from rpm_service.application.effects import Description, SampleArray
from rpm_service.application.live import ALARM_EVENTS_MAX, WAVEFORM_CHUNKS_MAX, FellBehind
from rpm_service.application.mailbox import PROGRESS_S, Mailbox
from rpm_service.application.scope import Scope
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from tests.support.plain_encoder import PlainEncoder, PlainViewer, read
from tests.support.scene import Device, Scene
from tests.support.vital_signs import numeric

WARD = Scope()
ECG = SampleArray("ECG", 131330, 266418, 250, 0.001, 0)
EVERYTHING = Description((numeric("HR"), numeric("SpO2")), (ECG,))


@pytest.fixture
def device(scene: Scene) -> Device:
    device = scene.device()
    device.hello()
    device.session.describe([("oximeter-1", EVERYTHING)], scene.now)
    device.sends(72, 97)
    return device


def mailbox(scene: Scene, scope: Scope = WARD) -> Mailbox:
    box = Mailbox(scene.live)
    box.subscribe(scope)
    return box


def taken(scene: Scene, box: Mailbox) -> tuple[str, list[tuple[object, ...]]]:
    scene.live.publish()
    kind, _, parts = read(box.take(scene.now))
    return kind, parts


def names(parts: list[tuple[object, ...]]) -> list[object]:
    return [part[0] for part in parts]


def sends_samples(scene: Scene, device: Device, samples: bytes) -> None:
    device.session.take_samples(device.seq, 0, 0, scene.now, samples, scene.now)


@pytest.mark.spec("LIVE-1")
def test_a_viewer_gets_a_snapshot_and_then_what_changed(scene: Scene, device: Device) -> None:
    box = mailbox(scene)
    kind, parts = taken(scene, box)
    assert (kind, names(parts)) == ("snapshot", ["bed", "numerics"])
    assert box.take(scene.now) == b"", "nothing new"
    device.sends(0, 97)
    kind, parts = taken(scene, box)
    assert (kind, names(parts)) == ("delta", ["numerics", "alarm"])


@pytest.mark.spec("LIVE-1")
def test_a_snapshot_has_every_alarm_that_has_a_signal(scene: Scene, device: Device) -> None:
    device.sends(0, 97)
    device.streams(12, 0, 88)
    alarm = scene.alarms()["ASYSTOLE"]
    scene.operators.acknowledge(alarm.occurrence_id, Priority.HIGH, "nurse", "key")
    viewer = PlainViewer()
    scene.live.publish()
    viewer.take(mailbox(scene).take(scene.now))
    assert {each.condition.code: each for each in viewer.alarms.values()} == scene.alarms()


@pytest.mark.spec("ALARM-69")
def test_a_snapshot_has_the_most_urgent_alarms_first_and_then_the_oldest(
    scene: Scene, device: Device
) -> None:
    other = scene.device("oximeter-2").begins("HR", "SpO2")
    device.streams(12, 72, 88)
    other.sends(72, 70)
    scene.passes(1)
    device.sends(0, 88)
    viewer = PlainViewer()
    scene.live.publish()
    viewer.take(mailbox(scene).take(scene.now))
    told = [viewer.alarms[occurrence].condition.code for occurrence, _ in viewer.told]
    assert told[:2] == ["SPO2_LOW", "ASYSTOLE"], "HIGH, by time raised"
    priorities = [viewer.alarms[occurrence].priority for occurrence, _ in viewer.told]
    assert priorities == sorted(priorities, reverse=True)
    assert Priority.MEDIUM in priorities


@pytest.mark.spec("LIVE-1")
def test_revisions_grow_with_what_is_published_only(scene: Scene, device: Device) -> None:
    assert scene.live.publish()
    revision = scene.live.revision
    assert not scene.live.publish()
    assert scene.live.revision == revision
    device.sends(72, 96)
    assert scene.live.publish()
    assert scene.live.revision == revision + 1


@pytest.mark.spec("LIVE-2")
def test_numerics_conflate_to_the_newest(scene: Scene, device: Device) -> None:
    box = mailbox(scene)
    taken(scene, box)
    for heart_rate in range(60, 100):
        device.sends(heart_rate, 97)
        scene.live.publish()
    kind, parts = taken(scene, box)
    assert kind == "delta"
    assert [part[2] for part in parts] == [("99", "97")]


@pytest.mark.spec("LIVE-3")
@pytest.mark.promise("G16")
def test_a_slow_viewer_misses_no_alarm_event(scene: Scene, device: Device) -> None:
    box = mailbox(scene)
    viewer = PlainViewer()
    viewer.take(taken_frame(scene, box))
    for _ in range(5):
        for _ in range(10):
            device.sends(0, 97)
            scene.live.publish()
            device.streams(4, 72, 97)
            scene.live.publish()
        viewer.take(taken_frame(scene, box))
    told = [(each.alarm.occurrence_id, each.alarm.event_seq) for each in scene.events]
    assert len(told) == 100
    assert viewer.told == told, "each once, in order"


def taken_frame(scene: Scene, box: Mailbox) -> bytes:
    scene.live.publish()
    return box.take(scene.now)


@pytest.mark.spec("LIVE-3")
def test_a_viewer_that_has_missed_alarm_events_is_told_so(scene: Scene, device: Device) -> None:
    slow, quick = mailbox(scene), mailbox(scene)
    taken(scene, slow)
    device.sends(0, 97)
    event = scene.events[0]
    taken(scene, quick)
    for _ in range(ALARM_EVENTS_MAX + 1):
        scene.live.alarm(scene.bedside(), event)
    scene.live.publish()
    with pytest.raises(FellBehind):
        slow.take(scene.now)
    slow.subscribe(WARD)
    assert read(slow.take(scene.now))[0] == "snapshot", "and may begin anew"


@pytest.mark.spec("LIVE-4")
def test_a_slow_viewer_gets_the_newest_waveforms_only(scene: Scene, device: Device) -> None:
    slow, quick = (mailbox(scene, Scope(waveforms=True)) for _ in range(2))
    taken(scene, slow)
    taken(scene, quick)
    seen = PlainViewer()
    for number in range(20):
        sends_samples(scene, device, bytes([number, 0]))
        scene.live.publish()
        seen.take(quick.take(scene.now))
    assert seen.waveforms == [bytes([number, 0]) for number in range(20)]
    late = PlainViewer()
    late.take(slow.take(scene.now))
    assert WAVEFORM_CHUNKS_MAX == 8
    assert late.waveforms == [bytes([number, 0]) for number in range(12, 20)]


@pytest.mark.spec("LIVE-4")
def test_waveforms_go_only_to_whom_they_were_promised(scene: Scene, device: Device) -> None:
    box = mailbox(scene)
    taken(scene, box)
    sends_samples(scene, device, b"\1\0")
    scene.live.publish()
    assert box.take(scene.now) == b""


@pytest.mark.spec("LIVE-4")
def test_samples_from_before_a_new_description_are_forgotten(scene: Scene, device: Device) -> None:
    box = mailbox(scene, Scope(waveforms=True))
    taken(scene, box)
    sends_samples(scene, device, b"\1\0")
    scene.live.publish()
    device.session.describe([("oximeter-1", Description((), (ECG, ECG)))], scene.now)
    assert names(taken(scene, box)[1]) == ["bed", "numerics"]


@pytest.mark.spec("LIVE-5")
def test_a_viewer_hears_something_each_second(scene: Scene, device: Device) -> None:
    box = mailbox(scene)
    taken(scene, box)
    scene.clock.advance(PROGRESS_S / 2)
    assert box.take(scene.now) == b""
    scene.clock.advance(PROGRESS_S / 2)
    assert box.is_idle_since(scene.now)
    assert read(box.take(scene.now))[0] == "progress"
    assert box.take(scene.now) == b""


@pytest.mark.spec("LIVE-5")
def test_a_viewer_of_other_beds_hears_progress_too(scene: Scene, device: Device) -> None:
    box = mailbox(scene, Scope(beds=frozenset({"bed 9"})))
    assert taken(scene, box)[0] == "snapshot"
    scene.clock.advance(PROGRESS_S)
    device.sends(72, 96)
    assert taken(scene, box) == ("progress", [])


def test_who_has_not_said_what_to_see_gets_nothing(scene: Scene, device: Device) -> None:
    scene.live.publish()
    assert Mailbox(scene.live).take(scene.now) == b""


@pytest.mark.spec("LIVE-6")
def test_what_changes_is_encoded_once_for_all_viewers(scene: Scene, device: Device) -> None:
    boxes = [mailbox(scene) for _ in range(20)]
    scene.live.publish()
    first = [box.take(scene.now) for box in boxes]
    assert len(set(map(id, first))) == 1
    encoder = scene.live._encoder
    assert isinstance(encoder, PlainEncoder)
    encoder.encoded.clear()
    device.sends(0, 97)
    scene.live.publish()
    frames = [box.take(scene.now) for box in boxes]
    assert len(set(map(id, frames))) == 1, "the very same bytes"
    assert sorted(encoder.encoded) == ["alarm", "numerics"]


@pytest.mark.spec("LIVE-7")
def test_a_viewer_sees_the_beds_it_asked_for(scene: Scene, device: Device) -> None:
    other = scene.device("oximeter-2").begins("HR", "SpO2")
    scene.operators.admit("oximeter-2", "ICU", "p", AgeClass.ADULT, "nurse")
    by_name = PlainViewer()
    by_unit = PlainViewer()
    boxes = (
        (by_name, mailbox(scene, Scope(beds=frozenset({"oximeter-1"})))),
        (by_unit, mailbox(scene, Scope(units=frozenset({"ICU"})))),
    )
    for heart_rate in (72, 0):
        device.sends(heart_rate, 97)
        other.sends(heart_rate, 97)
        scene.live.publish()
        for viewer, box in boxes:
            viewer.take(box.take(scene.now))
    assert [bed[0] for bed in by_name.beds.values()] == ["oximeter-1"]
    assert {alarm.device_id for alarm in by_name.alarms.values()} == {"oximeter-1"}
    assert [bed[0] for bed in by_unit.beds.values()] == ["oximeter-2"]
    assert {alarm.device_id for alarm in by_unit.alarms.values()} == {"oximeter-2"}


@pytest.mark.spec("LIVE-7")
def test_a_bed_that_moves_into_view_is_seen_whole_and_out_of_view_no_more(
    scene: Scene, device: Device
) -> None:
    viewer = PlainViewer()
    box = mailbox(scene, Scope(beds=frozenset({"bed 3"})))
    device.sends(0, 97)
    viewer.take(taken_frame(scene, box))
    assert not viewer.beds
    scene.operators.associate("oximeter-1", "bed 3", "nurse")
    viewer.take(taken_frame(scene, box))
    assert len(viewer.beds) == len(viewer.numerics) == len(viewer.alarms) == 1
    scene.operators.associate("oximeter-1", "bed 4", "nurse")
    viewer.take(taken_frame(scene, box))
    assert not viewer.beds
    assert not viewer.numerics
    assert not viewer.alarms


@pytest.mark.spec("LIVE-30")
def test_an_alarm_that_is_over_is_told_though_beds_moved_meanwhile(scene: Scene) -> None:
    device = scene.device().begins("HR", "SpO2")
    viewer, box = PlainViewer(), mailbox(scene, Scope(beds=frozenset({"oximeter-1"})))
    viewer.take(taken_frame(scene, box))
    scene.device("oximeter-2").begins("HR")
    device.sends(0, 97)
    scene.live.publish()
    device.breaks()
    scene.device().begins("HR", "SpO2").sends(72, 97)
    scene.live.publish()
    told = {event.alarm.occurrence_id for event in scene.events}
    before = viewer.revision
    viewer.take(box.take(scene.now))
    assert (viewer.kinds[-1], viewer.revision) == ("delta", before)
    assert {number for number, _ in viewer.told} == told
    assert [seq for _, seq in box.calls] == [1, 1], "whoever shows it has presented it"
    viewer.take(box.take(scene.now))
    assert viewer.kinds[-1] == "snapshot"
    assert not viewer.alarms


@pytest.mark.spec("LIVE-31")
def test_samples_of_a_patient_who_has_gone_are_not_told(scene: Scene, device: Device) -> None:
    scene.operators.admit("oximeter-1", "ICU", "patient 1", AgeClass.ADULT, "nurse")
    box = mailbox(scene, Scope(waveforms=True))
    taken(scene, box)
    sends_samples(scene, device, b"\1\0")
    scene.operators.discharge("oximeter-1", "nurse")
    sends_samples(scene, device, b"\2\0")
    _, parts = taken(scene, box)
    assert [part[-1] for part in parts if part[0] == "waveform"] == [b"\2\0"]


@pytest.mark.spec("LIVE-31")
@pytest.mark.parametrize("values", [(72, 97), (0, 97)], ids=["quiet", "crossed"])
def test_values_from_before_a_discharge_that_come_later_are_nobodys(
    scene: Scene, device: Device, values: tuple[float, float]
) -> None:
    scene.operators.admit("oximeter-1", "ICU", "patient 1", AgeClass.ADULT, "nurse")
    device.sends(72, 97)
    measured_at = scene.now + 1
    scene.passes(2)
    scene.operators.discharge("oximeter-1", "nurse")
    scene.operators.admit("oximeter-1", "ICU", "patient 2", AgeClass.ADULT, "nurse")
    scene.passes(1)
    device.sends(*values, at=measured_at)
    assert not scene.alarms()
    assert all(map(isnan, scene.bedside().values))
    device.sends(80, 96)
    assert scene.bedside().values == [80, 96]


@pytest.mark.spec("LIVE-8")
@pytest.mark.promise("G16")
def test_what_is_kept_for_viewers_that_never_read_is_bounded(scene: Scene, device: Device) -> None:
    for _ in range(3):
        mailbox(scene, Scope(waveforms=True))
    device.sends(0, 97)
    event = scene.events[0]
    live = scene.live
    for _ in range(30):
        for _ in range(1000):
            live.alarm(scene.bedside(), event)
        for _ in range(50):
            sends_samples(scene, device, b"\1\0")
        live.publish()
    assert len(live._alarms) == ALARM_EVENTS_MAX
    assert {len(kept) for page in live._pages.values() for kept in page.waveforms.values()} == {8}
    assert not live._deltas, "frames are made when somebody takes them"
