"""Alarm limits of a patient's own, over real loopback mutual TLS."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from rpm_service.adapters.grpc.limits import limits_of, limits_to_wire
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.domain.limits import AgeClass, MetricLimits
from rpm_service.domain.presets import PRESETS
from rpm_service.v1 import alarm_limits_pb2 as li
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p
from rpm_service.v1 import telemetry_pb2 as t
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
PRESET = PRESETS[AgeClass.ADULT].limits
LOWER = replace(PRESET["SpO2"], low=85.0, delay_s=15.0)


def change(**fields: Any) -> li.SetAlarmLimitsRequest:
    standard = {
        "bed": "bed-1",
        "limits": limits_to_wire("SpO2", LOWER),
        "reason": "COPD",
        "idempotency_key": "k",
    }
    return li.SetAlarmLimitsRequest(**(standard | fields))


def wire(limits: MetricLimits = LOWER, **fields: Any) -> t.MetricLimits:
    given = limits_to_wire("SpO2", limits)
    given.MergeFrom(t.MetricLimits(**fields))
    return given


async def admitted(clinician: Clinician) -> None:
    await clinician.patients.AdmitPatient(
        p.AdmitPatientRequest(bed="bed-1", patient_id="4711", age_class=m.AGE_CLASS_ADULT)
    )


@pytest.fixture
async def nurse(server: LoopbackServer) -> AsyncIterator[Clinician]:
    """A nurse of a ward in which an adult lies in bed-1."""
    async with server.clinician(NURSE) as nurse:
        await admitted(nurse)
        yield nurse


def saturation(bed: m.BedDescription) -> m.MetricDescription:
    return next(each for each in bed.metrics if each.name == "SpO2")


async def shown(viewer: Viewer, low: float) -> m.MetricDescription:
    """SpO2 of bed 1, once its lower limit is shown as this."""
    while True:
        frame = await viewer.frame()
        for bed in frame.delta.beds:
            found = saturation(bed)
            if found.limits.low == low:
                return found


def test_limits_come_over_the_wire_as_they_are() -> None:
    for limits in (LOWER, MetricLimits(0, 0.5), MetricLimits(), replace(LOWER, latching=True)):
        assert limits_of(limits_to_wire("SpO2", limits)) == limits
    full = MetricLimits(1, 2, 3, 4, 5, 6, 7, 8, latching=True)
    assert limits_of(limits_to_wire("SpO2", full)) == full


@pytest.mark.spec("LIMIT-13")
@pytest.mark.spec("WIRE-21")
async def test_a_change_is_at_every_viewer_within_a_second_and_told_to_the_device(
    certs: Path,
) -> None:
    async with (
        LoopbackServer(certs) as server,
        server.streaming("bed-1") as device,
        server.clinician(NURSE) as nurse,
        server.viewer("doctor-1", m.Subscribe()) as one,
        server.viewer("doctor-2", m.Subscribe()) as other,
    ):
        await admitted(nurse)
        began = time.monotonic()
        answer = await nurse.limits.SetAlarmLimits(change())
        assert limits_of(answer.limits) == LOWER
        now = server.clock.now()
        assert answer.override == m.LimitOverride(
            by=NURSE, since=now, until=now + 43_200, reason="COPD"
        )
        for viewer in (one, other):
            found = await shown(viewer, 85)
            assert (found.limits, found.override) == (answer.limits, answer.override)
        told = await device.take("settings")
        assert [each for each in told.limits if each.metric == "SpO2"] == [answer.limits]
        assert time.monotonic() - began < SEEN_S_MAX

        server.clock.advance(43_200)
        began = time.monotonic()
        for viewer in (one, other):
            found = await shown(viewer, 90)
            assert not found.HasField("override")
        told = await device.take("settings")
        assert [limits_of(each) for each in told.limits if each.metric == "SpO2"] == [
            PRESET["SpO2"]
        ]
        assert time.monotonic() - began < SEEN_S_MAX


@pytest.mark.spec("LIMIT-14")
@pytest.mark.parametrize(
    ("fields", "code", "field", "reason"),
    [
        (
            {"limits": wire(extreme_low=85)},
            "INVALID_ARGUMENT",
            "limits.extreme_low",
            "SpO2 extreme_low: 85 is not below low 85",
        ),
        (
            {"limits": wire(low=99)},
            "INVALID_ARGUMENT",
            "limits.low",
            "SpO2 low: 99 is beyond what is allowed here, 80 to 98",
        ),
        (
            {"limits": t.MetricLimits(metric="SpO2", extreme_low=80)},
            "INVALID_ARGUMENT",
            "limits.low",
            "SpO2 low: the preset has a limit here: it may be moved, not taken away",
        ),
        (
            {"limits": wire(delay_s=30.5)},
            "INVALID_ARGUMENT",
            "limits.delay_s",
            "SpO2 delay_s: 30.5 s is not within 0 to 30 s",
        ),
        ({"limits": None}, "INVALID_ARGUMENT", "limits.metric", "'' is not measured"),
        (
            {"reason": ""},
            "INVALID_ARGUMENT",
            "reason",
            "reason must be 1 to 128 printable characters",
        ),
        (
            {"duration_s": 59},
            "INVALID_ARGUMENT",
            "duration_s",
            "59 s is not within 60 to 86400 s",
        ),
        (
            {"idempotency_key": ""},
            "INVALID_ARGUMENT",
            "idempotency_key",
            "idempotency_key must be 1 to 64",
        ),
        ({"bed": "bed-9"}, "NOT_FOUND", "bed", "there is no bed 'bed-9'"),
        ({"bed": "bed-2"}, "FAILED_PRECONDITION", "bed", "nobody lies in 'bed-2'"),
    ],
)
async def test_a_refusal_names_the_field(
    server: LoopbackServer,
    device: Device,
    nurse: Clinician,
    fields: Any,
    code: str,
    field: str,
    reason: str,
) -> None:
    async with server.streaming("bed-2"):
        found = await refused(nurse.limits.SetAlarmLimits(change(**fields)))
    assert found[:2] == (grpc.StatusCode[code], field)
    assert found[2].startswith(reason)
    assert server.bedside("bed-1").settings == PRESETS[AgeClass.ADULT]


@pytest.mark.spec("LIMIT-14")
async def test_limits_are_cleared_and_what_is_not_set_cannot_be(
    server: LoopbackServer, device: Device, nurse: Clinician
) -> None:
    await nurse.limits.SetAlarmLimits(change())
    clear = li.ClearAlarmLimitsRequest(bed="bed-1", metric="SpO2", idempotency_key="c")
    answer = await nurse.limits.ClearAlarmLimits(clear)
    assert limits_of(answer.limits) == PRESET["SpO2"]
    assert await nurse.limits.ClearAlarmLimits(clear) == answer, "the same act"
    clear.idempotency_key = "another"
    found = await refused(nurse.limits.ClearAlarmLimits(clear))
    assert found[:2] == (grpc.StatusCode.NOT_FOUND, "metric")
    await server.until(lambda: len(server.acts) == 3)
    details = [(act.by, act.act, act.detail.partition(";")[0]) for act in server.acts[1:]]
    assert details == [
        (NURSE, "set_limits", "SpO2 low 90 -> 85, delay_s 10 -> 15"),
        (NURSE, "clear_limits", "SpO2 low 85 -> 90, delay_s 15 -> 10"),
    ]


@pytest.mark.spec("LIMIT-14")
async def test_a_preset_without_limits_of_a_metric_is_none(
    server: LoopbackServer, device: Device, nurse: Clinician
) -> None:
    await nurse.limits.SetAlarmLimits(change(limits=t.MetricLimits(metric="CVP", high=15)))
    answer = await nurse.limits.ClearAlarmLimits(
        li.ClearAlarmLimitsRequest(bed="bed-1", metric="CVP", idempotency_key="c")
    )
    assert not answer.HasField("limits")


@pytest.mark.spec("LIMIT-15")
async def test_proposals_are_what_could_be_set(
    server: LoopbackServer, device: Device, nurse: Clinician
) -> None:
    await device.observe()
    await device.acked(device.seq)
    answer = await nurse.limits.ProposeAlarmLimits(li.ProposeAlarmLimitsRequest(bed="bed-1"))
    assert [(each.limits.metric, each.value) for each in answer.proposals] == [
        ("HR", 80),
        ("SpO2", 97),
    ]
    assert server.bedside("bed-1").settings == PRESETS[AgeClass.ADULT]
    for number, each in enumerate(answer.proposals):
        await nurse.limits.SetAlarmLimits(change(limits=each.limits, idempotency_key=str(number)))
    found = await refused(
        nurse.limits.ProposeAlarmLimits(li.ProposeAlarmLimitsRequest(bed="bed-9"))
    )
    assert found == (grpc.StatusCode.NOT_FOUND, "bed", "there is no bed 'bed-9'")


@pytest.mark.spec("LIMIT-10")
async def test_a_server_that_comes_back_has_them_in_force(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    clock, recorder = StillClock(), SqliteRecorder(tmp_path)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.streaming("bed-1") as device,
        server.clinician(NURSE) as nurse,
    ):
        await admitted(nurse)
        answer = await nurse.limits.SetAlarmLimits(change(duration_s=60))
        await device.observe()
        await device.acked(device.seq)
    recorder.close()
    clock.advance(30)
    recorder = SqliteRecorder(tmp_path)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.viewer("doctor-1", m.Subscribe()) as viewer,
    ):
        (bed,) = (await viewer.take("snapshot")).beds
        found = saturation(bed)
        assert (found.limits, found.override) == (answer.limits, answer.override)
        clock.advance(30)
        assert not (await shown(viewer, 90)).HasField("override")
    recorder.close()
