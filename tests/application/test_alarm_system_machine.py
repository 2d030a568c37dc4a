"""The alarm system whole: values, silence, restarts, and whatever operators do, in any order.

Two wards live through the same: in one of them operators also hold signals back. An onlooker
reads their journals and knows besides what was measured and done, and from that alone what
must be so.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Act, Connection
from rpm_service.application.operators import Operators
from rpm_service.application.units import Unit, Units
from rpm_service.domain.alarms import Alarm, AlarmEvent, Condition, Phase, Priority
from rpm_service.domain.inactivation import ALARMS_OFF, Inactivation, InactivationState
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.presets import PRESETS
from rpm_service.domain.signals import Presence
from tests.support.batches import Remembered
from tests.support.scene import Device, Scene

DEVICES = ("m1", "m2")
BEDS = ("bed 1", "bed 2", "bed 3")
AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF = InactivationState
PAUSE_S_MAX = {AUDIO_PAUSED: 120.0, ALARM_PAUSED: 7200.0}
ACKNOWLEDGED_S_MAX = 120.0
REMINDER_S = 600.0
SHOWN = (Presence.ON, Presence.ACKNOWLEDGED)
LEGAL: Final = {
    # What an onlooker may see become of a signal, and by what.
    (None, Presence.ON): {Phase.START},
    (Presence.ON, Presence.ON): {
        Phase.UPDATE, Phase.ESCALATE, Phase.DEESCALATE, Phase.RESPONSIBILITY,
    },
    (Presence.ON, Presence.ACKNOWLEDGED): {Phase.ACKNOWLEDGE},
    (Presence.ON, Presence.LATCHED): {Phase.END},
    (Presence.ON, Presence.OFF): {Phase.END},
    (Presence.ACKNOWLEDGED, Presence.ACKNOWLEDGED): {
        Phase.UPDATE, Phase.DEESCALATE, Phase.RESPONSIBILITY,
    },
    (Presence.ACKNOWLEDGED, Presence.ON): {Phase.ACKNOWLEDGEMENT_EXPIRE, Phase.ESCALATE},
    (Presence.ACKNOWLEDGED, Presence.OFF): {Phase.END},
    (Presence.LATCHED, Presence.LATCHED): {Phase.UPDATE},
    (Presence.LATCHED, Presence.ON): {Phase.START},
    (Presence.LATCHED, Presence.OFF): {Phase.RESET},
}  # fmt: skip


class Due(NamedTuple):
    """What must be an alarm once it has been measured for so long."""

    condition: str
    priority: Priority
    delay_s: float
    violates: Callable[[float, float], bool]


DUE: Final = (
    Due("SPO2_LOW", Priority.MEDIUM, 10, lambda _hr, spo2: spo2 < 90),
    Due("SPO2_LOW", Priority.HIGH, 0, lambda _hr, spo2: spo2 < 80),
    Due("HR_HIGH", Priority.MEDIUM, 5, lambda hr, _spo2: hr > 120),
    Due("HR_HIGH", Priority.HIGH, 0, lambda hr, _spo2: hr > 160),
    Due("ASYSTOLE", Priority.HIGH, 0, lambda hr, _spo2: hr == 0),
)


class World:
    """A ward and its disk, over restarts."""

    def __init__(self, units: Units) -> None:
        self.units = units
        self.scene = Scene(units=units)
        self.disk = Remembered()
        self.acts: list[Act] = []
        self.streams: dict[str, Device] = {}

    def write(self) -> list[AlarmEvent]:
        """Everything goes to disk; gives the alarm events among it."""
        batch = self.scene.commit()
        self.disk.take(batch)
        self.acts += batch.acts
        return batch.events

    def restart(self) -> None:
        self.streams.clear()
        self.scene = Scene(self.disk.restored(), self.units, self.scene.clock)

    @property
    def alarms(self) -> Iterator[Alarm]:
        for bedside in self.scene.ward.bedsides.values():
            yield from bedside.board

    def find(self, device: str, condition: Condition) -> int:
        alarm = self.scene.bedside(device).board.get(condition)
        assert alarm is not None
        return alarm.occurrence_id

    def told(self) -> dict[tuple[str, Condition], Alarm]:
        """What is known of alarms, but for their numbers and the reminder's."""
        return {
            (alarm.device_id, alarm.condition): replace(alarm, occurrence_id=0)
            for alarm in self.alarms
            if alarm.condition != ALARMS_OFF
        }


class AlarmSystem(RuleBasedStateMachine):
    @initialize(latching=st.booleans())
    def begin(self, latching: bool) -> None:
        presets = {each: own.with_latching(latching=latching) for each, own in PRESETS.items()}
        unit = Unit(presets=MappingProxyType(presets), escalation=(), covers=False)
        self.latching = latching
        self.world, self.plain = World(Units(other=unit)), World(Units(other=unit))
        self.worlds = (self.world, self.plain)
        self.keys = 0
        self.seqs: dict[str, int] = dict.fromkeys(DEVICES, 0)
        self.bed_of: dict[str, str] = {}
        self.patients: dict[str, str] = {}
        self.admitted = 0
        self.held: dict[str, list[Inactivation]] = {each: [] for each in DEVICES}
        self.violated: dict[str, dict[Due, float]] = {each: {} for each in DEVICES}
        self.acknowledged: dict[int, float] = {}
        self.done: list[tuple[str, str]] = []
        self.seen: dict[int, Alarm] = {}
        for device, bed in zip(DEVICES, BEDS, strict=False):
            self.device_is_moved(device, bed)
            self.device_connects(device)

    @property
    def now(self) -> float:
        return self.world.scene.now

    # -- what is measured -----------------------------------------------------------------

    @rule(device=st.sampled_from(DEVICES))
    def device_connects(self, device: str) -> None:
        for world in self.worlds:
            stream = world.scene.device(device)
            stream.hello(given_out=self.seqs[device])
            stream.describes("HR", "SpO2")
            stream.seq = max(stream.seq, self.seqs[device])
            world.streams[device] = stream
        self.violated[device].clear()
        self.look()

    @rule(
        device=st.sampled_from(DEVICES),
        seconds=st.sampled_from((1, 4, 12)),
        hr=st.sampled_from((75.0, 130.0, 170.0, 0.0)),
        spo2=st.sampled_from((97.0, 88.0, 75.0)),
    )
    def device_measures(self, device: str, seconds: int, hr: float, spo2: float) -> None:
        for _ in range(seconds):
            self.wait(1)
            if device not in self.world.streams:
                continue
            for world in self.worlds:
                world.streams[device].sends(hr, spo2)
            self.seqs[device] = self.world.streams[device].seq
            violated = self.violated[device]
            for due in DUE:
                if due.violates(hr, spo2):
                    violated.setdefault(due, self.now)
                else:
                    violated.pop(due, None)
            self.what_was_measured_for_its_delay_is_an_alarm(device)
        self.look()

    @rule(device=st.sampled_from(DEVICES), goodbye=st.booleans())
    def device_ends(self, device: str, goodbye: bool) -> None:
        if device in self.world.streams:
            for world in self.worlds:
                stream = world.streams.pop(device)
                if goodbye:
                    stream.session.goodbye()
                stream.breaks()
            self.violated[device].clear()
            self.look()

    @rule(seconds=st.sampled_from((0.5, 4.0, 11.0, 61.0, 121.0, 601.0)))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)
        self.look()

    def wait(self, seconds: float) -> None:
        for world in self.worlds:
            world.scene.passes(seconds)
        for device in DEVICES:
            if self.connection(device) is not Connection.CONNECTED:
                self.violated[device].clear()
            self.held[device] = [
                each for each in self.held[device] if each.until is None or self.now < each.until
            ]

    @rule()
    def server_restarts(self) -> None:
        for world in self.worlds:
            world.restart()
        for device in DEVICES:
            self.violated[device].clear()
        self.look()

    # -- what operators do ----------------------------------------------------------------

    def does(self, name: str, act: Callable[[Operators, str], object], *where: World) -> bool:
        """Carries out an act; tells whether it was possible, which must be so in each ward."""
        self.keys += 1
        possible = set()
        for world in where or self.worlds:
            try:
                act(world.scene.operators, f"{self.keys}")
                possible.add(True)
            except ActRefused:
                possible.add(False)
        (was_possible,) = possible
        if was_possible:
            self.done.append(("nurse", name))
        return was_possible

    def some_alarm(self, data: st.DataObject) -> tuple[Alarm, Callable[[Operators], int]]:
        standing = [each for each in self.world.alarms if each.condition != ALARMS_OFF]
        alarm = data.draw(st.sampled_from(standing))

        def number(operators: Operators) -> int:
            world = next(each for each in self.worlds if each.scene.operators is operators)
            return world.find(alarm.device_id, alarm.condition)

        return alarm, number

    @precondition(lambda self: self.world.told())
    @rule(
        data=st.data(),
        priority=st.sampled_from(Priority),
        lasts_s=st.sampled_from((0, 10, 60, 130)),
    )
    def alarm_is_acknowledged(self, data: st.DataObject, priority: Priority, lasts_s: int) -> None:
        alarm, number = self.some_alarm(data)
        legal = alarm.presence is Presence.ON and priority is alarm.priority and lasts_s <= 120
        assert legal == self.does(
            "acknowledge",
            lambda act, key: act.acknowledge(number(act), priority, "nurse", key, lasts_s),
        )
        if legal:
            self.acknowledged[alarm.occurrence_id] = self.now + (lasts_s or ACKNOWLEDGED_S_MAX)
        self.look()

    @precondition(lambda self: self.world.told())
    @rule(data=st.data(), accepted=st.booleans())
    def alarm_is_answered(self, data: st.DataObject, accepted: bool) -> None:
        alarm, number = self.some_alarm(data)
        name = "accept" if accepted else "reject"
        legal = alarm.presence in SHOWN
        assert legal == self.does(
            name, lambda act, key: act.answer(number(act), "nurse", key, accepted=accepted)
        )
        self.look()

    @precondition(lambda self: self.world.told())
    @rule(data=st.data())
    def alarm_is_reset(self, data: st.DataObject) -> None:
        alarm, number = self.some_alarm(data)
        legal = alarm.presence is Presence.LATCHED
        assert legal == self.does("reset", lambda act, key: act.reset(number(act), "nurse", key))
        self.look()

    @rule(
        device=st.sampled_from(DEVICES),
        state=st.sampled_from(InactivationState),
        metric=st.sampled_from(("", "SpO2")),
        long=st.booleans(),
    )
    def signals_are_held_back(
        self, device: str, state: InactivationState, metric: str, long: bool
    ) -> None:
        bed = self.bed_of.get(device) or device
        most = PAUSE_S_MAX.get(state)
        lasts_s = 0.0 if most is None else most if long else 30.0
        done = self.does(
            "inactivate",
            lambda act, key: act.inactivate(
                bed, metric, "", state, lasts_s, "suction", "nurse", key
            ),
            self.world,
        )
        if done:
            until = None if most is None else self.now + lasts_s
            new = Inactivation(state, metric, "", "nurse", self.now, until, "suction")
            kept = [x for x in self.held[device] if (x.state, x.metric) != (state, metric)]
            self.held[device] = [*kept, new]
        self.look()

    @rule(device=st.sampled_from(DEVICES), metric=st.sampled_from(("", "SpO2")))
    def signals_are_held_back_no_more(self, device: str, metric: str) -> None:
        bed = self.bed_of.get(device) or device
        legal = any(each.metric == metric for each in self.held[device])
        assert legal == self.does(
            "reactivate",
            lambda act, key: act.reactivate(bed, metric, "", "nurse", key),
            self.world,
        )
        self.held[device] = [each for each in self.held[device] if each.metric != metric]
        self.look()

    @rule(bed=st.sampled_from(BEDS))
    def patient_comes(self, bed: str) -> None:
        self.admitted += 1
        patient = f"patient {self.admitted}"
        legal = bed not in self.patients
        assert legal == self.does(
            "admit", lambda act, _: act.admit(bed, "ICU", patient, AgeClass.ADULT, "nurse")
        )
        if legal:
            self.patients[bed] = patient
            self.forget(bed, but_measured=True)
        self.look()

    @rule(bed=st.sampled_from(BEDS))
    def patient_goes(self, bed: str) -> None:
        legal = bed in self.patients
        assert legal == self.does("discharge", lambda act, _: act.discharge(bed, "nurse"))
        if legal:
            del self.patients[bed]
            self.forget(bed)
        self.look()

    @rule(bed=st.sampled_from(BEDS), to=st.sampled_from(BEDS))
    def patient_moves(self, bed: str, to: str) -> None:
        legal = bed in self.patients and to not in self.patients
        assert legal == self.does("transfer", lambda act, _: act.transfer(bed, to, "nurse"))
        if legal:
            self.patients[to] = self.patients.pop(bed)
            own = self.device_at(bed)
            displaced = self.device_at(to)
            if displaced is not None:
                self.held[displaced].clear()
            if own is not None:
                self.bed_of[own] = to
                if displaced is not None:
                    del self.bed_of[displaced]
        self.look()

    @rule(device=st.sampled_from(DEVICES), bed=st.sampled_from((*BEDS, "")))
    def device_is_moved(self, device: str, bed: str) -> None:
        assert self.does("associate", lambda act, _: act.associate(device, bed, "nurse"))
        moved = {device: bed}
        displaced = self.device_at(bed)
        if displaced not in (None, device):
            moved[displaced] = ""
        for each, to in moved.items():
            before = self.bed_of.pop(each, "")
            if to:
                self.bed_of[each] = to
            if before != to:
                self.held[each].clear()
                if before in self.patients:
                    self.violated[each].clear()
        self.look()

    def device_at(self, bed: str) -> str | None:
        return next((each for each, at in self.bed_of.items() if at == bed), None)

    def forget(self, bed: str, *, but_measured: bool = False) -> None:
        device = self.device_at(bed)
        if device is not None:
            self.held[device].clear()
            if not but_measured:
                self.violated[device].clear()

    def connection(self, device: str) -> Connection:
        bedside = self.world.scene.ward.bedsides.get(device)
        return Connection.AWAY if bedside is None else bedside.connection

    # -- what an onlooker sees ------------------------------------------------------------

    def look(self) -> None:
        """Reads what was journalled since the last look."""
        self.plain.write()
        for event in self.world.write():
            alarm = event.alarm
            before = self.seen.get(alarm.occurrence_id)
            was = None if before is None else before.presence
            assert event.phase in LEGAL[was, alarm.presence], (was, event)
            assert alarm.event_seq == (1 if before is None else before.event_seq + 1)
            if event.phase is Phase.ESCALATE:
                assert alarm.answer is None
            self.seen[alarm.occurrence_id] = alarm
            if event.phase in (Phase.START, Phase.ESCALATE) and alarm.condition != ALARMS_OFF:
                self.calls_anew(alarm)

    def calls_anew(self, alarm: Alarm) -> None:
        def goes_on(held: Inactivation) -> bool:
            if held.metric not in ("", alarm.condition.metric):
                return True
            is_high = alarm.priority is Priority.HIGH
            return held.until is None or (held.state is ALARM_PAUSED and not is_high)

        self.held[alarm.device_id] = list(filter(goes_on, self.held[alarm.device_id]))

    def what_was_measured_for_its_delay_is_an_alarm(self, device: str) -> None:
        # Not within 2 s, but at once: with the very sample that shows it.
        board = {each.condition.code: each for each in self.world.scene.bedside(device).board}
        for due, since in self.violated[device].items():
            if self.now - since >= due.delay_s:
                alarm = board[due.condition]
                assert alarm.presence in SHOWN
                assert alarm.priority >= due.priority

    @invariant()
    def what_is_present_signals_and_what_has_ended_does_not_unless_latched(self) -> None:
        for alarm in self.world.alarms:
            if alarm.ended_at is None:
                assert alarm.presence in SHOWN
            else:
                assert alarm.presence is Presence.LATCHED
                assert alarm.latching
                assert self.latching
            assert self.seen[alarm.occurrence_id] == alarm, "as its newest event told it"

    @invariant()
    def an_acknowledgement_never_outlives_its_bound(self) -> None:
        for alarm in self.world.alarms:
            given = alarm.acknowledgement
            assert (given is not None) == (alarm.presence is Presence.ACKNOWLEDGED)
            if given is not None:
                assert given.until == self.acknowledged[alarm.occurrence_id]
                assert self.now < given.until <= given.at + ACKNOWLEDGED_S_MAX

    @invariant()
    def a_pause_never_outlives_its_bound_and_nothing_else_is_held_back(self) -> None:
        for device in DEVICES:
            bedside = self.world.scene.ward.bedsides.get(device)
            held = () if bedside is None else bedside.inactivations.held
            assert list(held) == self.held[device]
            for each in held:
                if each.until is not None:
                    assert self.now < each.until <= each.since + PAUSE_S_MAX[each.state]

    @invariant()
    def what_is_off_is_not_forgotten(self) -> None:
        for bedside in self.world.scene.ward.bedsides.values():
            off = [each.since for each in bedside.inactivations.held if each.until is None]
            told = bedside.board.holds(ALARMS_OFF)
            if not off or bedside.connection is Connection.AWAY:
                assert not told
            elif self.now >= min(off) + REMINDER_S:
                assert told

    @invariant()
    def what_is_held_back_changes_no_alarm(self) -> None:
        mine, plain = self.world.told(), self.plain.told()
        assert mine.keys() == plain.keys()
        for what, alarm in mine.items():
            assert alarm == plain[what]

    @invariant()
    def every_act_is_journalled_with_who_did_it_and_names_no_patient(self) -> None:
        assert [(act.by, act.act) for act in self.world.acts] == self.done
        assert not any("patient" in repr(act) for act in self.world.acts)

    @invariant()
    def alarms_are_shown_under_the_bed_of_their_device(self) -> None:
        for alarm in self.world.alarms:
            assert alarm.bed == (self.bed_of.get(alarm.device_id) or alarm.device_id)


AlarmSystem.TestCase.settings = settings(max_examples=60, stateful_step_count=50)


@pytest.mark.spec("ALARM-1")
@pytest.mark.spec("ALARM-32")
@pytest.mark.spec("ALARM-37")
@pytest.mark.spec("ALARM-38")
@pytest.mark.spec("ALARM-41")
@pytest.mark.spec("LIVE-12")
class TestAlarmSystem(AlarmSystem.TestCase):
    pass
