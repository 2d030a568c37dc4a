"""What is held back, and who moves where, over real loopback mutual TLS."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.domain.inactivation import HELD_MAX, Inactivation, InactivationState
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p
from tests.support.loopback import (
    Clinician,
    Device,
    LoopbackServer,
    StillClock,
    Viewer,
    hasten,
)
from tests.support.refusals import refused

NURSE = "nurse-7"
SEEN_S_MAX = 1.0
"""What anybody does is at every viewer within this time."""


def inactivation(**fields: Any) -> m.InactivateAlarmsRequest:
    standard = {
        "bed": "bed-1",
        "state": a.INACTIVATION_ALARM_PAUSED,
        "reason": "suction",
        "idempotency_key": "k",
    }
    return m.InactivateAlarmsRequest(**(standard | fields))


def reactivation(**fields: Any) -> m.ReactivateAlarmsRequest:
    return m.ReactivateAlarmsRequest(**({"bed": "bed-1", "idempotency_key": "r"} | fields))


# -- seen by everybody, at once -----------------------------------------------------------


@pytest.fixture
async def unhurried(certs: Path) -> AsyncIterator[LoopbackServer]:
    """A server that takes its usual time."""
    async with LoopbackServer(certs) as server:
        yield server


async def seen(viewer: Viewer, true: Callable[[m.BedDescription], bool]) -> m.BedDescription:
    """The next description of bed 1, or of the one it has become, of which something is true."""
    while True:
        frame = await viewer.frame()
        for bed in frame.delta.beds if frame.HasField("delta") else ():
            if bed.device_id == "bed-1" and true(bed):
                return bed


@pytest.mark.spec("LIVE-21")
async def test_whatever_anybody_does_is_at_every_viewer_within_a_second(
    unhurried: LoopbackServer,
) -> None:
    server = unhurried
    held = inactivation(state=a.INACTIVATION_AUDIO_OFF, metric="SpO2")

    def states(bed: m.BedDescription) -> list[int]:
        return [each.state for each in bed.inactivations]

    async def acts(clinician: Clinician) -> AsyncIterator[tuple[Awaitable[Any], Any]]:
        off, paused = a.INACTIVATION_AUDIO_OFF, a.INACTIVATION_ALARM_PAUSED
        monitoring, patients = clinician.monitoring, clinician.patients
        yield monitoring.InactivateAlarms(held), lambda bed: states(bed) == [off]
        yield (
            monitoring.InactivateAlarms(inactivation(duration_s=60)),
            lambda bed: states(bed) == [off, paused],
        )
        admission = p.AdmitPatientRequest(
            bed="bed-1", patient_id="4711", age_class=m.AGE_CLASS_NEONATAL
        )
        yield patients.AdmitPatient(admission), lambda bed: bed.patient_id and not states(bed)
        yield monitoring.InactivateAlarms(inactivation(idempotency_key="2")), states
        moved = p.TransferPatientRequest(from_bed="bed-1", to_bed="bed-7")
        yield (
            patients.TransferPatient(moved),
            lambda bed: bed.bed == "bed-7" and states(bed) == [paused],
        )
        yield (
            monitoring.ReactivateAlarms(reactivation(bed="bed-7")),
            lambda bed: not states(bed),
        )
        left = p.DischargePatientRequest(bed="bed-7")
        yield patients.DischargePatient(left), lambda bed: not bed.patient_id

    async with (
        server.streaming("bed-1") as device,
        server.clinician(NURSE) as clinician,
        server.viewer("doctor-1", m.Subscribe()) as one,
        server.viewer("doctor-2", m.Subscribe()) as other,
    ):
        await device.observe()
        for viewer in (one, other):
            await viewer.take("snapshot")
        async for act, true in acts(clinician):
            began = time.monotonic()
            await act
            for viewer in (one, other):
                await seen(viewer, true)
            assert time.monotonic() - began < SEEN_S_MAX


@pytest.mark.spec("LIVE-21")
@pytest.mark.promise("G10")
async def test_what_has_run_out_is_gone_at_every_viewer_within_a_second(
    unhurried: LoopbackServer,
) -> None:
    server = unhurried
    async with (
        server.streaming("bed-1"),
        server.clinician(NURSE) as clinician,
        server.viewer("doctor-1", m.Subscribe()) as viewer,
    ):
        await viewer.take("snapshot")
        answer = await clinician.monitoring.InactivateAlarms(inactivation(duration_s=1))
        bed = await seen(viewer, lambda bed: bool(bed.inactivations))
        assert list(bed.inactivations) == [answer.inactivation]
        server.clock.advance(1)
        began = time.monotonic()
        await seen(viewer, lambda bed: not bed.inactivations)
        assert time.monotonic() - began < SEEN_S_MAX


# -- what is held back --------------------------------------------------------------------


@pytest.mark.spec("LIVE-22")
async def test_what_is_held_back_says_who_since_when_until_when_and_why(
    server: LoopbackServer, device: Device
) -> None:
    now = server.clock.now()
    async with server.clinician(NURSE) as clinician:
        for state, asked_s, lasts_s in (
            (a.INACTIVATION_AUDIO_PAUSED, 0, 120),
            (a.INACTIVATION_ALARM_PAUSED, 0, 600),
            (a.INACTIVATION_ALARM_PAUSED, 7200, 7200),
            (a.INACTIVATION_AUDIO_OFF, 0, None),
            (a.INACTIVATION_ALARM_OFF, 0, None),
        ):
            request = inactivation(state=state, metric="SpO2", duration_s=asked_s)
            held = (await clinician.monitoring.InactivateAlarms(request)).inactivation
            assert (held.state, held.metric, held.condition) == (state, "SpO2", "")
            assert (held.by, held.since, held.reason) == (NURSE, now, "suction")
            until = held.until if held.HasField("until") else None
            assert until == (None if lasts_s is None else now + lasts_s)
        (off,) = [each for each in server.bedside("bed-1").inactivations.held if not each.until][1:]
        assert off.state is InactivationState.ALARM_OFF
        await clinician.monitoring.ReactivateAlarms(reactivation(metric="SpO2"))
        assert not server.bedside("bed-1").inactivations.held
    await server.until(lambda: len(server.acts) == 6)
    assert [(act.by, act.act, act.bed, act.detail) for act in server.acts[1:4:2]] == [
        (NURSE, "inactivate", "bed-1", "ALARM_PAUSED SpO2 for 600 s suction"),
        (NURSE, "inactivate", "bed-1", "AUDIO_OFF SpO2 suction"),
    ]
    last = server.acts[-1]
    assert (last.by, last.act, last.bed, last.detail) == (NURSE, "reactivate", "bed-1", "SpO2")


@pytest.mark.spec("LIVE-22")
async def test_a_pause_of_a_beds_sound_is_the_same_however_it_is_asked_for(
    server: LoopbackServer, device: Device
) -> None:
    request = inactivation(state=a.INACTIVATION_AUDIO_PAUSED, duration_s=60, reason="")
    async with server.clinician() as clinician:
        await clinician.monitoring.InactivateAlarms(request)
        assert server.bedside("bed-1").audio_paused_until == server.clock.now() + 60
        await clinician.monitoring.PauseAudio(
            m.PauseAudioRequest(bed="bed-1", duration_s=90, idempotency_key="1")
        )
        (held,) = server.bedside("bed-1").inactivations.held
        assert held.until == server.clock.now() + 90
        await clinician.monitoring.ReactivateAlarms(reactivation())
    assert server.bedside("bed-1").audio_paused_until is None


@pytest.mark.spec("LIVE-22")
async def test_one_alarm_is_held_back_by_its_condition(
    server: LoopbackServer, device: Device
) -> None:
    await device.observe(device.entry(0.0, 97.0))
    await device.acked(device.seq)
    (alarm,) = server.alarms("bed-1")
    named = {"metric": alarm.condition.metric, "condition": alarm.condition.code}
    async with server.clinician() as clinician:
        await clinician.monitoring.InactivateAlarms(inactivation(**named))
        (held,) = server.bedside("bed-1").inactivations.held
        assert held.covers(alarm.condition)
        for _ in range(2):
            server.clock.advance(4.0)
            await device.lives()
        assert server.alarms("bed-1") == []
        again = inactivation(**named, idempotency_key="again")
        await clinician.monitoring.InactivateAlarms(again)
        found = await refused(
            clinician.monitoring.InactivateAlarms(
                inactivation(metric="SpO2", condition=alarm.condition.code)
            )
        )
    assert found[:2] == (grpc.StatusCode.NOT_FOUND, "condition")


PAUSED, OFF = a.INACTIVATION_AUDIO_PAUSED, a.INACTIVATION_ALARM_OFF


@pytest.mark.spec("LIVE-22")
@pytest.mark.parametrize(
    ("fields", "code", "field", "reason"),
    [
        ({"state": 0}, "INVALID_ARGUMENT", "state", "say what is held back"),
        ({"state": 9}, "INVALID_ARGUMENT", "state", "say what is held back"),
        ({"bed": "bed-9"}, "NOT_FOUND", "bed", "there is no bed 'bed-9'"),
        ({"metric": "RR"}, "NOT_FOUND", "metric", "'RR' is not measured there"),
        ({"condition": "SPO2_LOW"}, "NOT_FOUND", "condition", "no alarm 'SPO2_LOW' has a signal"),
        ({"condition": "ALARMS_OFF"}, "INVALID_ARGUMENT", "condition", "is never held back"),
        ({"duration_s": 7201}, "INVALID_ARGUMENT", "duration_s", "not within 1 to 7200 s"),
        ({"duration_s": 0.5}, "INVALID_ARGUMENT", "duration_s", "not within 1 to 7200 s"),
        ({"duration_s": float("nan")}, "INVALID_ARGUMENT", "duration_s", "nan s is not within"),
        (
            {"state": PAUSED, "duration_s": 121},
            "INVALID_ARGUMENT",
            "duration_s",
            "121 s is not within 1 to 120 s",
        ),
        (
            {"state": OFF, "duration_s": 60},
            "INVALID_ARGUMENT",
            "duration_s",
            "ALARM_OFF lasts until somebody ends it; give no duration",
        ),
        ({"reason": ""}, "INVALID_ARGUMENT", "reason", "must be 1 to 128 printable characters"),
        ({"reason": 129 * "x"}, "INVALID_ARGUMENT", "reason", "must be 1 to 128"),
        ({"state": PAUSED, "reason": "a\nb"}, "INVALID_ARGUMENT", "reason", "must be 1 to 128"),
        ({"idempotency_key": ""}, "INVALID_ARGUMENT", "idempotency_key", "must be 1 to 64"),
    ],
)
async def test_what_cannot_be_held_back_is_refused_by_the_name_of_its_field(
    server: LoopbackServer, device: Device, fields: Any, code: str, field: str, reason: str
) -> None:
    async with server.clinician() as clinician:
        found = await refused(clinician.monitoring.InactivateAlarms(inactivation(**fields)))
    assert found[:2] == (grpc.StatusCode[code], field)
    assert reason in found[2]
    assert not server.bedside("bed-1").inactivations.held
    assert not server.acts


@pytest.mark.spec("LIVE-22")
async def test_no_more_is_held_back_at_one_bed_than_a_person_could_see(
    server: LoopbackServer, device: Device
) -> None:
    here = server.bedside("bed-1").inactivations
    for number in range(HELD_MAX):
        state = InactivationState.ALARM_OFF
        here.begin(Inactivation(state, f"metric {number}", "", "nurse", 1.0, None))
    async with server.clinician() as clinician:
        found = await refused(clinician.monitoring.InactivateAlarms(inactivation()))
    assert found[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "bed")


@pytest.mark.spec("LIVE-23")
@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"bed": "bed-9"}, "bed", "there is no bed 'bed-9'"),
        ({}, "bed", "nothing is held back of the whole bed at 'bed-1'"),
        ({"metric": "HR"}, "metric", "nothing is held back of HR at 'bed-1'"),
        (
            {"metric": "SpO2", "condition": "SPO2_LOW"},
            "condition",
            "nothing is held back of SpO2 SPO2_LOW at 'bed-1'",
        ),
    ],
)
async def test_only_what_is_held_back_of_exactly_that_scope_is_ended(
    server: LoopbackServer, device: Device, fields: Any, field: str, reason: str
) -> None:
    async with server.clinician() as clinician:
        await clinician.monitoring.InactivateAlarms(inactivation(metric="SpO2"))
        found = await refused(clinician.monitoring.ReactivateAlarms(reactivation(**fields)))
    assert found == (grpc.StatusCode.NOT_FOUND, field, reason)
    assert len(server.bedside("bed-1").inactivations.held) == 1


@pytest.mark.spec("LIVE-23")
async def test_an_end_that_is_sent_twice_is_one(server: LoopbackServer, device: Device) -> None:
    async with server.clinician() as clinician:
        await clinician.monitoring.InactivateAlarms(inactivation())
        for _ in range(2):
            await clinician.monitoring.ReactivateAlarms(reactivation())
        other = reactivation(idempotency_key="another")
        assert (await refused(clinician.monitoring.ReactivateAlarms(other)))[1] == "bed"


@pytest.mark.spec("ALARM-20")
@pytest.mark.spec("ALARM-37")
async def test_a_restart_in_the_middle_of_a_pause(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    clock, recorder = StillClock(), SqliteRecorder(tmp_path)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.streaming("bed-1") as device,
        server.clinician(NURSE) as clinician,
    ):
        await device.observe(device.entry(0.0, 97.0))
        await device.acked(device.seq)
        (alarm,) = server.alarms("bed-1")
        await clinician.monitoring.SetResponsibility(
            m.SetResponsibilityRequest(
                occurrence_id=alarm.occurrence_id,
                responsibility=a.RESPONSIBILITY_ACCEPTED,
                idempotency_key="k",
            )
        )
        paused = await clinician.monitoring.InactivateAlarms(inactivation(duration_s=60))
        clock.advance(25)
        (standing, *_) = server.alarms("bed-1")
    recorder.close()

    recorder = SqliteRecorder(tmp_path)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.viewer("doctor-1", m.Subscribe()) as viewer,
    ):
        snapshot = await viewer.take("snapshot")
        assert list(snapshot.beds[0].inactivations) == [paused.inactivation]
        assert standing in server.alarms("bed-1")
        assert snapshot.alarms[0].responsible == NURSE
        clock.advance(34)
        server.monitoring.ward.tick(clock.now())
        assert server.bedside("bed-1").inactivations.held
        clock.advance(1)
        await seen(viewer, lambda bed: not bed.inactivations)
    recorder.close()


# -- who moves where ----------------------------------------------------------------------


@pytest.mark.spec("LIVE-24")
@pytest.mark.parametrize(
    ("fields", "code", "field", "reason"),
    [
        ({"from_bed": "bed-9"}, "NOT_FOUND", "from_bed", "nobody lies in 'bed-9'"),
        ({"to_bed": "bed-2"}, "ALREADY_EXISTS", "to_bed", "somebody lies in 'bed-2'"),
        ({"to_bed": "bed-1"}, "ALREADY_EXISTS", "to_bed", "somebody lies in 'bed-1'"),
        ({"to_bed": ""}, "INVALID_ARGUMENT", "to_bed", "must be 1 to 32 printable characters"),
        ({"to_bed": 33 * "x"}, "INVALID_ARGUMENT", "to_bed", "must be 1 to 32 printable"),
    ],
)
async def test_a_transfer_that_cannot_be_is_refused(
    server: LoopbackServer, device: Device, fields: Any, code: str, field: str, reason: str
) -> None:
    async with server.clinician() as clinician:
        for bed in ("bed-1", "bed-2"):
            await clinician.patients.AdmitPatient(
                p.AdmitPatientRequest(bed=bed, patient_id=bed, age_class=m.AGE_CLASS_ADULT)
            )
        request = p.TransferPatientRequest(**({"from_bed": "bed-1", "to_bed": "bed-7"} | fields))
        found = await refused(clinician.patients.TransferPatient(request))
    assert found[:2] == (grpc.StatusCode[code], field)
    assert reason in found[2]
    assert server.bedside("bed-1").patient_id == "bed-1"


@pytest.mark.spec("LIVE-24")
async def test_a_transfer_is_journalled_without_the_patient(
    server: LoopbackServer, device: Device
) -> None:
    async with server.clinician(NURSE) as clinician:
        await clinician.patients.AdmitPatient(
            p.AdmitPatientRequest(bed="bed-1", patient_id="4711", age_class=m.AGE_CLASS_ADULT)
        )
        answer = await clinician.patients.TransferPatient(
            p.TransferPatientRequest(from_bed="bed-1", to_bed="bed-7")
        )
    assert answer.transferred_at == server.clock.now()
    await server.until(lambda: len(server.acts) == 2)
    act = server.acts[-1]
    assert (act.by, act.act, act.bed, act.detail) == (NURSE, "transfer", "bed-1", "bed-7")
    assert "4711" not in repr(act)
