"""Whatever devices, viewers and clinicians do: no call is lost on its way to a person."""

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rpm_service.application.acts import ActRefused
from rpm_service.application.delivery import NOT_DELIVERED, calls_somebody
from rpm_service.application.effects import Restored, StoredDevice
from rpm_service.application.units import Unit, Units, Webhook
from rpm_service.domain.alarms import AlarmEvent, Kind, Phase, Priority
from rpm_service.domain.signals import Presence
from tests.support.scene import TICK_S, Scene
from tests.support.watching import Station

UNITS = Units(other=Unit(webhook=Webhook("https://pager.example/", b"key"), covers=False))
LEVEL_1_S = 10.0
DEVICES = ("d1", "d2")
VIEWS = (frozenset[str](), frozenset({"d1"}))

devices = st.sampled_from(DEVICES)
conditions = st.sampled_from(("A", "B"))
priorities = st.sampled_from(list(Priority))
stations = st.integers(0, 1)


@dataclass
class Call:
    """What the model knows of a call: when, and whether a person has got it."""

    event: AlarmEvent
    at: float
    reached: bool = False
    rejected: bool = False
    rejected_at: float = float("-inf")
    """Whoever answers NOT_DELIVERED in the same instant has not read of it there."""
    named: bool = False
    """Whether a NOT_DELIVERED from before a restart names it."""


class Delivering(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.key = 0
        self.calls: list[Call] = []
        self.earlier: list[AlarmEvent] = []
        self.begin(Scene(units=UNITS))

    def begin(self, scene: Scene) -> None:
        self.scene = scene
        self.seen = 0
        self.streams = {device: scene.device(device).begins("HR") for device in DEVICES}
        self.stations = [Station(scene, f"nurse-{n}", beds=VIEWS[n]) for n in range(2)]
        self.note()

    def note(self) -> None:
        """Takes what has happened since the last look into the model."""
        events = self.scene.events
        for event in events[self.seen :]:
            of_this = [
                c for c in self.calls if c.event.alarm.occurrence_id == event.alarm.occurrence_id
            ]
            if calls_somebody(event):
                self.calls.append(Call(event, event.received_at))
            answer = event.alarm.answer
            of_delivery = event.alarm.condition == NOT_DELIVERED
            if event.phase is Phase.RESPONSIBILITY and answer is not None and not answer.accepted:
                if all(call.reached for call in of_this) and not of_delivery:
                    at = event.received_at
                    self.calls.append(Call(event, at, rejected=True, rejected_at=at))
                for call in of_this:
                    if not call.reached and not call.rejected:
                        call.rejected, call.rejected_at = True, event.received_at
            elif event.phase in (Phase.ACKNOWLEDGE, Phase.RESET, Phase.RESPONSIBILITY):
                for call in self.undelivered(event) if of_delivery else of_this:
                    call.reached = True
            if event.alarm.presence is Presence.OFF:
                for call in of_this:
                    call.reached |= call.rejected
        self.seen = len(events)

    # -- devices --------------------------------------------------------------------------

    @rule(device=devices, condition=conditions, priority=priorities, present=st.booleans())
    def device_alarms(self, device: str, condition: str, priority: Priority, present: bool) -> None:
        now = self.scene.now
        self.streams[device].session.take_device_alarm(
            0, condition, Kind.TECHNICAL, priority, now, now, present=present, text=""
        )
        self.note()

    @rule(seconds=st.sampled_from((0.5, 3.0, 9.0, 31.0)))
    def time_passes(self, seconds: float) -> None:
        for _ in range(int(seconds / TICK_S)):
            self.scene.passes(TICK_S)
            for stream in self.streams.values():
                stream.session.heartbeat(self.scene.now, self.scene.now)
                stream.session.hear(0, self.scene.now)
            self.note()

    @rule()
    def server_restarts(self) -> None:
        old = self.scene
        standing = [alarm for bedside in old.ward.bedsides.values() for alarm in bedside.board]
        self.earlier += old.events
        occurrences = [event.alarm.occurrence_id for event in self.earlier]
        restored = Restored(
            next_occurrence=max(occurrences, default=0) + 1,
            alarms=standing,
            devices=[
                StoredDevice(each.device_id, each.description, each.connection)
                for each in old.ward.bedsides.values()
            ],
        )
        old.clock.advance(1)
        scene = Scene(restored, UNITS, old.clock)
        told = {
            alarm.device_id: alarm.text
            for alarm in standing
            if alarm.condition == NOT_DELIVERED and alarm.presence is Presence.ON
        }
        self.calls = [
            Call(
                AlarmEvent(Phase.START, alarm, scene.now, scene.now),
                scene.now,
                rejected=alarm.answer is not None,
                named=alarm.condition.code in told.get(alarm.device_id, ""),
            )
            for alarm in standing
            if alarm.presence is Presence.ON
            and alarm.condition != NOT_DELIVERED
            and not (alarm.answer and alarm.answer.accepted)
        ]
        self.begin(scene)

    # -- people ---------------------------------------------------------------------------

    @rule(which=stations)
    def viewer_looks(self, which: int) -> None:
        self.stations[which].looks()

    @rule(which=stations)
    def viewer_confirms(self, which: int) -> None:
        station = self.stations[which]
        station.looks()
        scene = self.scene
        station.viewer.confirm(station.shown.told, scene.now)
        newest: dict[int, int] = {}
        for occurrence_id, event_seq in station.shown.told:
            newest[occurrence_id] = max(newest.get(occurrence_id, 0), event_seq)
        for call in self.calls:
            alarm = call.event.alarm
            if not call.rejected and alarm.event_seq <= newest.get(alarm.occurrence_id, 0):
                call.reached = True

    @rule(which=stations)
    def viewer_connects_again(self, which: int) -> None:
        self.stations[which].leaves()
        self.stations[which] = Station(self.scene, f"nurse-{which}", beds=VIEWS[which])

    @rule(data=st.data(), how=st.sampled_from(("acknowledge", "reset", "accept", "reject")))
    def person_acts(self, data: st.DataObject, how: str) -> None:
        standing = [each for bed in self.scene.ward.bedsides.values() for each in bed.board]
        if not standing:
            return
        alarm = data.draw(st.sampled_from(standing))
        operators = self.scene.operators
        self.key += 1
        try:
            if how == "acknowledge":
                operators.acknowledge(alarm.occurrence_id, alarm.priority, "nurse", str(self.key))
            elif how == "reset":
                operators.reset(alarm.occurrence_id, "nurse", str(self.key))
            else:
                operators.answer(
                    alarm.occurrence_id, "nurse", str(self.key), accepted=how == "accept"
                )
        except ActRefused:
            return
        self.note()

    # -- what holds -----------------------------------------------------------------------

    def of(self, device: str) -> list[Call]:
        return [call for call in self.calls if call.event.alarm.device_id == device]

    def undelivered(self, event: AlarmEvent) -> list[Call]:
        """What stood behind NOT_DELIVERED at one of its events."""
        return [
            call
            for call in self.of(event.alarm.device_id)
            if call.named
            or event.received_at - call.at >= LEVEL_1_S
            or (call.rejected and event.received_at > call.rejected_at)
        ]

    @invariant()
    def every_call_has_reached_somebody_or_is_told_to_be_undelivered(self) -> None:
        for device in DEVICES:
            board = self.scene.bedside(device).board
            told_at = max(
                (
                    event.received_at
                    for event in self.scene.events
                    if event.alarm.condition == NOT_DELIVERED and event.alarm.device_id == device
                ),
                default=0.0,
            )
            for call in self.of(device):
                overdue = self.scene.now - call.at >= LEVEL_1_S + TICK_S
                if overdue and not call.reached:
                    assert board.holds(NOT_DELIVERED) or told_at >= call.at + LEVEL_1_S, call

    @invariant()
    def nothing_is_told_to_be_undelivered_that_reached_somebody(self) -> None:
        for event in self.scene.events:
            if event.alarm.condition == NOT_DELIVERED and event.phase is Phase.START:
                assert any(
                    call.rejected or event.received_at - call.at >= LEVEL_1_S
                    for call in self.of(event.alarm.device_id)
                )

    @invariant()
    def no_notice_is_given_twice(self) -> None:
        batches = (*self.scene.written, self.scene.ward.batch)
        numbers = [each.notice_id for batch in batches for each in batch.notices]
        assert len(set(numbers)) == len(numbers)

    @rule()
    def everybody_looks_and_answers(self) -> None:
        """What has reached somebody leaves nothing behind but what waits for a reset."""
        self.viewer_confirms(0)
        for bedside in self.scene.ward.bedsides.values():
            for alarm in list(bedside.board):
                if alarm.presence is Presence.ON:
                    self.key += 1
                    self.scene.operators.acknowledge(
                        alarm.occurrence_id, alarm.priority, "nurse", str(self.key)
                    )
        self.note()
        self.time_passes(1.0)
        pending = [call for call in self.calls if not call.reached]
        for bedside in self.scene.ward.bedsides.values():
            if not any(call.event.alarm.device_id == bedside.device_id for call in pending):
                assert not bedside.board.holds(NOT_DELIVERED)


Delivering.TestCase.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.spec("DELIVERY-1")
@pytest.mark.spec("DELIVERY-6")
class TestDelivering(Delivering.TestCase):
    pass
