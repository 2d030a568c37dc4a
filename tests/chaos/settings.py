"""What people have decided holds over a restart."""

import asyncio
from contextlib import aclosing
from random import Random
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.sdk import Credentials
from rpm_service.sdk.channel import open_channel
from rpm_service.v1 import (
    alarm_limits_pb2 as li,
)
from rpm_service.v1 import (
    alarm_limits_pb2_grpc,
    monitoring_pb2_grpc,
    patient_pb2_grpc,
)
from rpm_service.v1 import (
    alarm_pb2 as a,
)
from rpm_service.v1 import (
    monitoring_pb2 as m,
)
from rpm_service.v1 import (
    patient_pb2 as p,
)
from rpm_service.v1 import (
    telemetry_pb2 as t,
)
from rpm_service.viewer.feed import frames
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward

KILLS: Final = 3
DEVICES: Final = 4
OF_A_RUN: Final = ("number", "connection", "covered")
"""What of a bed's description may be another after a restart."""
OF_AN_ALARM: Final = (
    "occurrenceId", "condition", "presence", "acknowledgedBy", "acknowledgedUntil",
    "responsibility", "responsible",
)  # fmt: skip
ATHLETE: Final = t.MetricLimits(
    metric="HR",
    low=45,
    high=110,
    extreme_low=35,
    extreme_high=160,
    delay_s=5,
    hysteresis=2,
    hold_s=3,
)
SETTLED_S: Final = 1.5


class Nurse:
    """Acts, and looks at the ward as it stands."""

    def __init__(self, ward: Ward) -> None:
        own = pki.ensure_client(ward.certs, Role.USER, "nurse-7")
        self._target = ward.server.target
        self._credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
        self._count = 0

    def key(self) -> str:
        self._count += 1
        return f"key {self._count}"

    async def look(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Each bed's description, and each alarm of a still heart, without what a run changes."""
        feed = frames(self._target, self._credentials, m.Subscribe(), Random(1))
        async with aclosing(feed):
            frame = await anext(feed)
        assert isinstance(frame, m.WatchResponse)
        beds = [MessageToDict(each) for each in frame.snapshot.beds]
        for bed in beds:
            for name in OF_A_RUN:
                bed.pop(name, None)
        alarms = [MessageToDict(each) for each in frame.snapshot.alarms]
        return {bed["bed"]: bed for bed in beds}, {
            alarm["bed"]: {name: alarm.get(name) for name in OF_AN_ALARM}
            for alarm in alarms
            if alarm["condition"] == "ASYSTOLE"
        }

    async def decide(self) -> None:
        """Admits, moves, sets limits, pauses, acknowledges: something of each kind."""
        async with open_channel(self._target, self._credentials) as channel:
            patients = patient_pb2_grpc.PatientServiceStub(channel)
            monitoring = monitoring_pb2_grpc.MonitoringServiceStub(channel)
            limits = alarm_limits_pb2_grpc.AlarmLimitsServiceStub(channel)
            for number in range(DEVICES):
                bed = f"bed {number}"
                device = f"device-{number:03}"
                await patients.AssociateDevice(p.AssociateDeviceRequest(device_id=device, bed=bed))
                await patients.AdmitPatient(
                    p.AdmitPatientRequest(
                        bed=bed,
                        unit="ICU",
                        patient_id=f"patient {number}",
                        age_class=m.AGE_CLASS_ADULT,
                    )
                )
            await limits.SetAlarmLimits(
                li.SetAlarmLimitsRequest(
                    bed="bed 0",
                    limits=ATHLETE,
                    duration_s=3600,
                    reason="athlete",
                    idempotency_key=self.key(),
                )
            )
            for bed, state, seconds in (
                ("bed 1", a.INACTIVATION_AUDIO_PAUSED, 120),
                ("bed 2", a.INACTIVATION_ALARM_PAUSED, 600),
                ("bed 3", a.INACTIVATION_AUDIO_OFF, 0),
            ):
                await monitoring.InactivateAlarms(
                    m.InactivateAlarmsRequest(
                        bed=bed,
                        state=state,
                        duration_s=seconds,
                        reason="washing",
                        idempotency_key=self.key(),
                    )
                )
            listed = await monitoring.ListAlarms(m.ListAlarmsRequest(beds=["bed 0"]))
            (still,) = [each for each in listed.alarms if each.condition == "ASYSTOLE"]
            await monitoring.AcknowledgeAlarm(
                m.AcknowledgeAlarmRequest(
                    occurrence_id=still.occurrence_id,
                    priority=still.priority,
                    idempotency_key=self.key(),
                )
            )


@proof("G8", waits=True)
async def decisions_hold(ward: Ward) -> list[Figure]:
    """Pauses, limits, acknowledgements and associations are after kill -9 what they were."""
    await ward.server.start()
    viewers = await ward.viewers(count=1)
    devices = await ward.devices(count=DEVICES, fps=4.0)
    nurse = Nurse(ward)
    devices.say("still")
    await asyncio.sleep(SETTLED_S)
    await nurse.decide()
    await asyncio.sleep(SETTLED_S)
    before = await nurse.look()
    differences = 0
    for kill in range(KILLS):
        ward.say(f"kill -9, {kill + 1} of {KILLS}")
        await ward.server.kill()
        for place, (was, now) in enumerate(zip(before, await nurse.look(), strict=True)):
            for bed in was.keys() | now.keys():
                if was.get(bed) != now.get(bed):
                    differences += 1
                    (ward.directory / f"difference-{kill}-{place}-{bed}").write_text(
                        f"{was.get(bed)}\n{now.get(bed)}\n"
                    )
        await viewers.wait_for("back")
        await devices.wait_for("back")
    devices.say("beat")
    await ward.finish(devices)
    what = f"{KILLS} times {DEVICES} beds and their alarms: what is not as it was"
    return [Figure("G8", what, differences, "", 0)]
