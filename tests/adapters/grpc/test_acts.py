"""What clinicians do, over real loopback mutual TLS: who did it, once, and clear refusals."""

from typing import Any

import grpc
import pytest

from rpm_service.domain.alarms import Presence, Priority
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p
from tests.support.loopback import Device, LoopbackServer
from tests.support.refusals import refused

NURSE = "nurse-7"


async def in_asystole(server: LoopbackServer, device: Device) -> int:
    """The occurrence of an alarm of HIGH priority at the device's bed."""
    await device.observe(device.entry(0.0, 97.0))
    await device.acked(device.seq)
    (alarm,) = server.alarms(device.id)
    return alarm.occurrence_id


def acknowledgement(occurrence_id: int, **fields: Any) -> m.AcknowledgeAlarmRequest:
    standard = {"priority": a.ALARM_PRIORITY_HIGH, "idempotency_key": "k"}
    return m.AcknowledgeAlarmRequest(occurrence_id=occurrence_id, **(standard | fields))


# -- alarms -------------------------------------------------------------------------------


@pytest.mark.spec("WIRE-50")
async def test_an_acknowledgement_says_who_gave_it_as_their_certificate_has_it(
    server: LoopbackServer, device: Device
) -> None:
    occurrence = await in_asystole(server, device)
    async with (
        server.clinician(NURSE) as clinician,
        server.viewer("doctor-1", m.Subscribe()) as viewer,
    ):
        await viewer.take("snapshot")
        answer = await clinician.monitoring.AcknowledgeAlarm(acknowledgement(occurrence))
        now = server.clock.now()
        assert answer.alarm.presence == a.ALARM_PRESENCE_ACKNOWLEDGED
        assert answer.alarm.phase == a.ALARM_PHASE_ACKNOWLEDGE
        assert (answer.alarm.acknowledged_by, answer.alarm.acknowledged_at) == (NURSE, now)
        assert answer.alarm.acknowledged_until == now + 120
        (event,) = (await viewer.take("delta")).alarms
        assert event == answer.alarm
    await server.until(lambda: server.acts != [])
    (act,) = server.acts
    assert (act.by, act.act, act.bed, act.detail) == (NURSE, "acknowledge", "bed-1", "ASYSTOLE")


@pytest.mark.spec("WIRE-51")
async def test_a_call_repeated_with_the_same_key_is_done_once(
    server: LoopbackServer, device: Device
) -> None:
    occurrence = await in_asystole(server, device)
    async with server.clinician() as clinician, server.clinician("doctor-1") as other:
        first = await clinician.monitoring.AcknowledgeAlarm(acknowledgement(occurrence))
        again = await clinician.monitoring.AcknowledgeAlarm(acknowledgement(occurrence))
        assert again == first
        code, field, reason = await refused(
            other.monitoring.AcknowledgeAlarm(acknowledgement(occurrence))
        )
        assert (code, field) == (grpc.StatusCode.FAILED_PRECONDITION, "occurrence_id")
        assert reason == "ACKNOWLEDGED is not possible while the signal is ACKNOWLEDGED"


@pytest.mark.spec("WIRE-52")
@pytest.mark.parametrize(
    ("fields", "code", "field", "reason"),
    [
        (
            {"priority": a.ALARM_PRIORITY_MEDIUM},
            "FAILED_PRECONDITION",
            "occurrence_id",
            "the alarm is HIGH now, not MEDIUM",
        ),
        ({"priority": 0}, "INVALID_ARGUMENT", "priority", "say the priority that was seen"),
        ({"priority": 9}, "INVALID_ARGUMENT", "priority", "say the priority that was seen"),
        (
            {"idempotency_key": ""},
            "INVALID_ARGUMENT",
            "idempotency_key",
            "must be 1 to 64 printable characters",
        ),
        ({"idempotency_key": 65 * "k"}, "INVALID_ARGUMENT", "idempotency_key", "must be 1 to 64"),
        ({"idempotency_key": "a\nb"}, "INVALID_ARGUMENT", "idempotency_key", "must be 1 to 64"),
    ],
)
async def test_an_acknowledgement_that_cannot_be_is_refused_and_the_alarm_stays_on(
    server: LoopbackServer, device: Device, fields: Any, code: str, field: str, reason: str
) -> None:
    occurrence = await in_asystole(server, device)
    async with server.clinician() as clinician:
        found = await refused(
            clinician.monitoring.AcknowledgeAlarm(acknowledgement(occurrence, **fields))
        )
    assert found[:2] == (grpc.StatusCode[code], field)
    assert reason in found[2]
    (alarm,) = server.alarms("bed-1")
    assert (alarm.presence, alarm.priority) == (Presence.ON, Priority.HIGH)


@pytest.mark.spec("WIRE-50")
@pytest.mark.promise("G11")
async def test_an_acknowledgement_lasts_as_long_as_was_said(
    server: LoopbackServer, device: Device
) -> None:
    occurrence = await in_asystole(server, device)
    async with server.clinician() as clinician:
        for wrong in (9.9, 120.1, -1, float("nan")):
            found = await refused(
                clinician.monitoring.AcknowledgeAlarm(acknowledgement(occurrence, duration_s=wrong))
            )
            reason = f"{wrong:g} s is not within 10 to 120 s"
            assert found == (grpc.StatusCode.INVALID_ARGUMENT, "duration_s", reason)
        answer = await clinician.monitoring.AcknowledgeAlarm(
            acknowledgement(occurrence, duration_s=10)
        )
    assert answer.alarm.acknowledged_until == server.clock.now() + 10


@pytest.mark.spec("LIVE-20")
async def test_who_takes_responsibility_is_shown_to_everybody_and_the_alarm_sounds_on(
    server: LoopbackServer, device: Device
) -> None:
    occurrence = await in_asystole(server, device)
    async with (
        server.clinician(NURSE) as clinician,
        server.viewer("doctor-1", m.Subscribe()) as viewer,
    ):
        await viewer.take("snapshot")
        for number, answer in enumerate((a.RESPONSIBILITY_ACCEPTED, a.RESPONSIBILITY_REJECTED)):
            response = await clinician.monitoring.SetResponsibility(
                m.SetResponsibilityRequest(
                    occurrence_id=occurrence, responsibility=answer, idempotency_key=str(number)
                )
            )
            (event,) = (await viewer.take("delta")).alarms
            assert event == response.alarm
            assert event.phase == a.ALARM_PHASE_RESPONSIBILITY
            assert event.presence == a.ALARM_PRESENCE_ON
            assert (event.responsibility, event.responsible) == (answer, NURSE)
            assert event.answered_at == server.clock.now()
    await server.until(lambda: len(server.acts) == 2)
    assert [(act.by, act.act, act.detail) for act in server.acts] == [
        (NURSE, "accept", "ASYSTOLE"),
        (NURSE, "reject", "ASYSTOLE"),
    ]


@pytest.mark.spec("LIVE-20")
async def test_an_answer_that_cannot_be_is_refused(server: LoopbackServer, device: Device) -> None:
    bedside = server.bedside("bed-1")
    bedside.put_in_force(bedside.settings.with_latching(latching=True), server.clock.now())
    occurrence = await in_asystole(server, device)
    for _ in range(2):
        server.clock.advance(4.0)
        await device.lives()
    assert [alarm.presence for alarm in server.alarms("bed-1")] == [Presence.LATCHED]

    async def found(number: int, answer: int, key: str = "k") -> tuple[grpc.StatusCode, str, str]:
        request = m.SetResponsibilityRequest(
            occurrence_id=number, responsibility=answer, idempotency_key=key
        )
        return await refused(clinician.monitoring.SetResponsibility(request))

    accepted = a.RESPONSIBILITY_ACCEPTED
    async with server.clinician() as clinician:
        assert await found(occurrence, accepted) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "occurrence_id",
            "the condition has ended; there is nothing to answer for",
        )
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        assert (await found(77, accepted))[:2] == (grpc.StatusCode.NOT_FOUND, "occurrence_id")
        for unknown in (0, 9):
            assert (await found(occurrence, unknown))[:2] == (invalid, "responsibility")
        assert (await found(occurrence, accepted, ""))[:2] == (invalid, "idempotency_key")


@pytest.mark.spec("WIRE-52")
async def test_an_occurrence_that_is_over_can_be_neither_acknowledged_nor_reset(
    server: LoopbackServer, device: Device
) -> None:
    async with server.clinician() as clinician:
        for call in (
            clinician.monitoring.AcknowledgeAlarm(acknowledgement(77)),
            clinician.monitoring.ResetAlarm(
                m.ResetAlarmRequest(occurrence_id=2**64 - 1, idempotency_key="k")
            ),
        ):
            code, field, reason = await refused(call)
            assert (code, field) == (grpc.StatusCode.NOT_FOUND, "occurrence_id")
            assert "has a signal any more" in reason


@pytest.mark.spec("WIRE-53")
async def test_reset_ends_a_latched_signal_and_no_other(
    server: LoopbackServer, device: Device
) -> None:
    bedside = server.bedside("bed-1")
    bedside.put_in_force(bedside.settings.with_latching(latching=True), server.clock.now())
    occurrence = await in_asystole(server, device)
    request = m.ResetAlarmRequest(occurrence_id=occurrence, idempotency_key="k")
    async with server.clinician() as clinician:
        code, field, reason = await refused(clinician.monitoring.ResetAlarm(request))
        assert (code, field) == (grpc.StatusCode.FAILED_PRECONDITION, "occurrence_id")
        assert reason == "RESET is not possible while the signal is ON"
        server.clock.advance(1.0)
        await device.lives()
        (alarm,) = server.alarms("bed-1")
        assert alarm.presence is Presence.LATCHED
        answer = await clinician.monitoring.ResetAlarm(request)
        assert answer.alarm.presence == a.ALARM_PRESENCE_OFF
        assert answer.alarm.phase == a.ALARM_PHASE_RESET
        assert answer.alarm.ended_at == alarm.ended_at == server.clock.now()
    assert server.alarms("bed-1") == []


@pytest.mark.spec("WIRE-54")
async def test_the_sound_of_a_bed_is_paused_for_two_minutes_at_most(
    server: LoopbackServer, device: Device
) -> None:
    async with server.clinician() as clinician, server.viewer(subscribe=m.Subscribe()) as viewer:
        await viewer.take("snapshot")
        request = m.PauseAudioRequest(bed="bed-1", duration_s=120, idempotency_key="1")
        answer = await clinician.monitoring.PauseAudio(request)
        assert answer.paused_until == server.clock.now() + 120
        bed = await viewer.bed(lambda bed: bed.HasField("audio_paused_until"))
        assert bed.audio_paused_until == answer.paused_until
        request = m.PauseAudioRequest(bed="bed-1", duration_s=0, idempotency_key="2")
        answer = await clinician.monitoring.PauseAudio(request)
        assert not answer.HasField("paused_until")
        await viewer.bed(lambda bed: not bed.HasField("audio_paused_until"))


@pytest.mark.spec("WIRE-54")
@pytest.mark.parametrize(
    ("bed", "duration_s", "code", "field", "reason"),
    [
        ("bed-9", 60, "NOT_FOUND", "bed", "there is no bed 'bed-9'"),
        ("bed-1", 121, "INVALID_ARGUMENT", "duration_s", "121 s is not within 1 to 120 s"),
        ("bed-1", 0.5, "INVALID_ARGUMENT", "duration_s", "0.5 s is not within 1 to 120 s"),
        ("bed-1", -1, "INVALID_ARGUMENT", "duration_s", "-1 s is not within 1 to 120 s"),
        ("bed-1", float("nan"), "INVALID_ARGUMENT", "duration_s", "nan s is not within"),
        ("bed-1", float("inf"), "INVALID_ARGUMENT", "duration_s", "inf s is not within"),
    ],
)
async def test_a_pause_that_cannot_be_is_refused(
    server: LoopbackServer,
    device: Device,
    bed: str,
    duration_s: float,
    code: str,
    field: str,
    reason: str,
) -> None:
    request = m.PauseAudioRequest(bed=bed, duration_s=duration_s, idempotency_key="k")
    async with server.clinician() as clinician:
        found = await refused(clinician.monitoring.PauseAudio(request))
    assert found[:2] == (grpc.StatusCode[code], field)
    assert reason in found[2]
    assert server.bedside("bed-1").audio_paused_until is None


@pytest.mark.spec("WIRE-55")
async def test_every_alarm_with_a_signal_is_listed_the_most_urgent_first(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    occurrence = await in_asystole(server, device)
    async with server.streaming("bed-3") as third:
        await third.lives()
    await server.until(lambda: server.alarms("bed-3") != [])
    async with server.clinician() as clinician:
        listed = (await clinician.monitoring.ListAlarms(m.ListAlarmsRequest())).alarms
        assert [(alarm.bed, alarm.condition) for alarm in listed] == [
            ("bed-1", "ASYSTOLE"),
            ("bed-3", "CONNECTION_LOST"),
        ]
        assert listed[0].occurrence_id == occurrence
        request = m.ListAlarmsRequest(beds=["bed-3", "bed-9"])
        listed = (await clinician.monitoring.ListAlarms(request)).alarms
        assert [alarm.bed for alarm in listed] == ["bed-3"]


# -- who lies where -----------------------------------------------------------------------


def admission(**fields: Any) -> p.AdmitPatientRequest:
    standard = {
        "bed": "bed-1",
        "unit": "NICU",
        "patient_id": "4711",
        "age_class": m.AGE_CLASS_NEONATAL,
    }
    return p.AdmitPatientRequest(**(standard | fields))


@pytest.mark.spec("WIRE-56")
async def test_a_patient_who_is_admitted_is_shown_with_the_limits_of_their_age(
    server: LoopbackServer, device: Device
) -> None:
    async with server.clinician() as clinician, server.viewer(subscribe=m.Subscribe()) as viewer:
        await viewer.take("snapshot")
        answer = await clinician.patients.AdmitPatient(admission())
        assert answer.admitted_at == server.clock.now()
        bed = await viewer.bed(lambda bed: bed.patient_id != "")
        assert (bed.bed, bed.unit, bed.patient_id) == ("bed-1", "NICU", "4711")
        assert bed.age_class == m.AGE_CLASS_NEONATAL
        assert bed.metrics[0].limits.low == 100
    await server.until(lambda: server.acts != [])
    (act,) = server.acts
    assert (act.by, act.act, act.bed) == (NURSE, "admit", "bed-1")
    assert "4711" not in repr(act)


@pytest.mark.spec("BED-2")
async def test_an_act_about_places_is_done_once_for_its_key(
    server: LoopbackServer, device: Device
) -> None:
    """Repeated later, when it would do something else or be refused, it is the same act."""
    async with server.clinician() as clinician:
        admit = admission(idempotency_key="1")
        transfer = p.TransferPatientRequest(from_bed="bed-1", to_bed="w", idempotency_key="1")
        associate = p.AssociateDeviceRequest(device_id="bed-1", bed="w", idempotency_key="1")
        discharge = p.DischargePatientRequest(bed="w", idempotency_key="1")
        for _ in range(2):
            await clinician.patients.AdmitPatient(admit)
            await clinician.patients.TransferPatient(transfer)
            await clinician.patients.AssociateDevice(associate)
            await clinician.patients.DischargePatient(discharge)
        code, _, _ = await refused(
            clinician.patients.DischargePatient(p.DischargePatientRequest(bed="w"))
        )
        assert code == grpc.StatusCode.NOT_FOUND
    await server.until(lambda: len(server.acts) == 4)
    assert [act.act for act in server.acts] == ["admit", "transfer", "associate", "discharge"]


@pytest.mark.spec("WIRE-56")
@pytest.mark.parametrize(
    ("fields", "code", "field", "reason"),
    [
        ({"patient_id": "4712"}, "ALREADY_EXISTS", "bed", "somebody lies in 'bed-1'"),
        ({"bed": "bed-2"}, "ALREADY_EXISTS", "patient_id", "the patient lies in 'bed-1'"),
        ({"bed": ""}, "INVALID_ARGUMENT", "bed", "must be 1 to 32 printable characters"),
        ({"bed": 33 * "x"}, "INVALID_ARGUMENT", "bed", "must be 1 to 32 printable characters"),
        ({"unit": 33 * "x"}, "INVALID_ARGUMENT", "unit", "must be 1 to 32 printable characters"),
        ({"patient_id": ""}, "INVALID_ARGUMENT", "patient_id", "must be 1 to 64 printable"),
        ({"patient_id": "a\tb"}, "INVALID_ARGUMENT", "patient_id", "must be 1 to 64 printable"),
        ({"age_class": 0}, "INVALID_ARGUMENT", "age_class", "adult, paediatric or neonatal"),
        ({"age_class": 9}, "INVALID_ARGUMENT", "age_class", "adult, paediatric or neonatal"),
    ],
)
async def test_an_admission_that_cannot_be_is_refused(
    server: LoopbackServer, device: Device, fields: Any, code: str, field: str, reason: str
) -> None:
    async with server.clinician() as clinician:
        await clinician.patients.AdmitPatient(admission())
        found = await refused(clinician.patients.AdmitPatient(admission(**fields)))
    assert found[:2] == (grpc.StatusCode[code], field)
    assert reason in found[2]
    assert server.bedside("bed-1").patient_id == "4711"


@pytest.mark.spec("WIRE-57")
async def test_a_device_measures_where_the_server_says_and_its_alarms_name_that_bed(
    server: LoopbackServer, device: Device, neighbour: Device
) -> None:
    async with server.clinician() as clinician:
        answer = await clinician.patients.AssociateDevice(
            p.AssociateDeviceRequest(device_id="bed-1", bed="window")
        )
        assert answer.associated_at == server.clock.now()
        await in_asystole(server, device)
        (alarm,) = (await clinician.monitoring.ListAlarms(m.ListAlarmsRequest())).alarms
        assert (alarm.bed, alarm.device_id) == ("window", "bed-1")
        await clinician.patients.AssociateDevice(p.AssociateDeviceRequest(device_id="bed-1"))
        assert server.bedside("bed-1").bed == "bed-1"


@pytest.mark.spec("WIRE-57")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"device_id": "", "bed": "window"}, "device_id"),
        ({"device_id": "\x00", "bed": "window"}, "device_id"),
        ({"device_id": "bed-1", "bed": 33 * "x"}, "bed"),
        ({"device_id": "bed-1", "bed": "\n"}, "bed"),
    ],
)
async def test_an_association_that_cannot_be_is_refused(
    server: LoopbackServer, device: Device, fields: Any, field: str
) -> None:
    async with server.clinician() as clinician:
        request = p.AssociateDeviceRequest(**fields)
        code, found, _ = await refused(clinician.patients.AssociateDevice(request))
    assert (code, found) == (grpc.StatusCode.INVALID_ARGUMENT, field)
    assert server.bedside("bed-1").bed == "bed-1"


@pytest.mark.spec("WIRE-58")
async def test_discharge_ends_the_stay_and_every_alarm_about_the_patient(
    server: LoopbackServer, device: Device
) -> None:
    async with server.clinician() as clinician:
        request = p.DischargePatientRequest(bed="bed-1")
        code, field, reason = await refused(clinician.patients.DischargePatient(request))
        assert (code, field) == (grpc.StatusCode.NOT_FOUND, "bed")
        assert reason == "nobody lies in 'bed-1'"
        await clinician.patients.AdmitPatient(admission())
        await in_asystole(server, device)
        answer = await clinician.patients.DischargePatient(request)
        assert answer.discharged_at == server.clock.now()
        assert server.alarms("bed-1") == []
        assert server.bedside("bed-1").patient_id == ""
