"""Whatever devices, clinicians and viewers do: what a viewer puts together is the ward."""

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Description, SampleArray
from rpm_service.application.live import WAVEFORM_CHUNKS_MAX
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope
from rpm_service.domain.limits import AgeClass
from tests.support.plain_encoder import PlainViewer, described, measured
from tests.support.scene import Device, Scene
from tests.support.vital_signs import numeric

DEVICES = ("d1", "d2")
BEDS = ("bed 1", "bed 2")
WHAT = (
    Description((numeric("HR"), numeric("SpO2")), (SampleArray("ECG", 131330, 266418, 250, 1, 0),)),
    Description((numeric("SpO2"),)),
)
SCOPES = (
    Scope(),
    Scope(waveforms=True),
    Scope(beds=frozenset({"bed 1"})),
    Scope(beds=frozenset({"d1", "bed 2"})),
    Scope(units=frozenset({"ICU"})),
)
devices = st.sampled_from(DEVICES)
beds = st.sampled_from(BEDS)


class Viewing:
    """One viewer: its mailbox, and what it has put together."""

    def __init__(self, scene: Scene, scope: Scope) -> None:
        self.scope = scope
        self.mailbox = Mailbox(scene.live)
        self.mailbox.subscribe(scope)
        self.viewer = PlainViewer()


class Viewers(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.streams: dict[str, Device] = {}
        self.seqs: dict[str, int] = {}
        self.viewings = [Viewing(self.scene, scope) for scope in SCOPES[:2]]
        self.key = 0

    # -- devices --------------------------------------------------------------------------

    @rule(device=devices, what=st.sampled_from(WHAT))
    def device_connects(self, device: str, what: Description) -> None:
        stream = self.scene.device(device)
        stream.hello(given_out=self.seqs.get(device, 0))
        stream.session.describe([(device, what)], self.scene.now)
        stream.seq = max(stream.seq, self.seqs.get(device, 0))
        self.streams[device] = stream

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), value=st.sampled_from((0.0, 50.0, 75.0, 97.0)))
    def device_measures(self, data: st.DataObject, value: float) -> None:
        stream = self._some_stream(data)
        count = len(stream.session.bedsides[0].description.numerics)
        stream.sends(*([value] * count))
        self.seqs[stream.identity.id] = stream.seq

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), samples=st.integers(1, 12))
    def device_sends_waveforms(self, data: st.DataObject, samples: int) -> None:
        stream = self._some_stream(data)
        if stream.session.bedsides[0].description.sample_arrays:
            for _ in range(samples):
                stream.session.take_samples(1, 0, 0, self.scene.now, b"\1\0", self.scene.now)

    @precondition(lambda self: self.streams)
    @rule(data=st.data(), goodbye=st.booleans())
    def device_ends(self, data: st.DataObject, goodbye: bool) -> None:
        stream = self._some_stream(data)
        if goodbye:
            stream.session.goodbye()
        stream.breaks()
        del self.streams[stream.identity.id]

    def _some_stream(self, data: st.DataObject) -> Device:
        return self.streams[data.draw(st.sampled_from(sorted(self.streams)))]

    # -- clinicians -----------------------------------------------------------------------

    @rule(device=devices, bed=st.sampled_from((*BEDS, "")))
    def device_is_moved(self, device: str, bed: str) -> None:
        self.scene.operators.associate(device, bed, "nurse")

    @rule(bed=beds, discharge=st.booleans())
    def patient_comes_or_goes(self, bed: str, discharge: bool) -> None:
        act: Any = self.scene.operators
        try:
            if discharge:
                act.discharge(bed, "clerk")
            else:
                act.admit(bed, "ICU", f"patient of {bed}", AgeClass.NEONATAL, "clerk")
        except ActRefused:
            return

    @rule(data=st.data())
    def alarm_is_acknowledged(self, data: st.DataObject) -> None:
        standing = [each for device in self.scene.ward.bedsides.values() for each in device.board]
        if not standing:
            return
        alarm = data.draw(st.sampled_from(standing))
        self.key += 1
        try:
            self.scene.operators.acknowledge(
                alarm.occurrence_id, alarm.priority, "nurse", str(self.key)
            )
        except ActRefused:
            return

    @rule(seconds=st.sampled_from((0.5, 4.0, 11.0, 121.0)))
    def time_passes(self, seconds: float) -> None:
        self.scene.passes(seconds)

    # -- viewers --------------------------------------------------------------------------

    @rule()
    def ward_publishes(self) -> None:
        self.scene.live.publish()

    @rule(which=st.integers(0, 1), scope=st.sampled_from(SCOPES))
    def viewer_subscribes(self, which: int, scope: Scope) -> None:
        self.viewings[which].mailbox.subscribe(scope)
        self.viewings[which].scope = scope

    @rule(which=st.integers(0, 1))
    def viewer_connects_again(self, which: int) -> None:
        viewing = self.viewings[which]
        viewing.mailbox = Mailbox(self.scene.live)
        viewing.mailbox.subscribe(viewing.scope, viewing.viewer.left_off)

    @rule(which=st.integers(0, 1))
    def viewer_reads(self, which: int) -> None:
        viewing = self.viewings[which]
        frame = viewing.mailbox.take(self.scene.now)
        if frame:
            before = len(viewing.viewer.waveforms)
            viewing.viewer.take(frame)
            most = WAVEFORM_CHUNKS_MAX * len(self.scene.ward.bedsides)
            assert len(viewing.viewer.waveforms) - before <= most

    @rule(which=st.integers(0, 1))
    def viewer_catches_up(self, which: int) -> None:
        scope = self.viewings[which].scope
        self.scene.live.publish()
        # Alarms that were over before beds moved come in a frame of their own.
        frames = 0
        while frames == 0 or self.viewings[which].mailbox.lacks(self.scene.live.revision):
            assert frames < 2, "it never catches up"
            self.viewer_reads(which)
            frames += 1
        viewer = self.viewings[which].viewer
        shown = [each for each in self.scene.ward.bedsides.values() if scope.shows(each)]
        assert viewer.beds == {each.number: described(each) for each in shown}
        assert viewer.numerics == {each.number: measured(each) for each in shown}
        assert viewer.alarms == {
            alarm.occurrence_id: alarm for each in shown for alarm in each.board
        }

    @invariant()
    def every_alarm_event_is_on_its_way_to_the_disk(self) -> None:
        numbers = [(each.alarm.occurrence_id, each.alarm.event_seq) for each in self.scene.events]
        assert len(set(numbers)) == len(numbers)
        assert not any(device.board.events for device in self.scene.ward.bedsides.values())


Viewers.TestCase.settings = settings(max_examples=60, stateful_step_count=50)


@pytest.mark.spec("LIVE-1")
@pytest.mark.spec("LIVE-3")
@pytest.mark.spec("LISTEN-1")
@pytest.mark.promise("G16")
class TestViewers(Viewers.TestCase):
    pass
