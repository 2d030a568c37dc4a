"""Assessments and scores over real loopback mutual TLS."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch, ScoreRow
from rpm_service.domain.early_warning import OxygenScale, Score
from rpm_service.v1 import early_warning_pb2 as w
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p
from tests.support.loopback import (
    Clinician,
    Device,
    LoopbackServer,
    StillClock,
    hasten,
    monitor,
    numeric,
)
from tests.support.refusals import refused

NURSE = "nurse-7"
METRICS = ("RR", "SpO2", "NIBPs", "HR", "Temp")


@pytest.fixture
async def nurse(server: LoopbackServer) -> AsyncIterator[Clinician]:
    """A nurse of a ward in which an adult lies in bed-1."""
    async with server.clinician(NURSE) as nurse:
        await nurse.patients.AdmitPatient(
            p.AdmitPatientRequest(bed="bed-1", patient_id="4711", age_class=m.AGE_CLASS_ADULT)
        )
        yield nurse


@pytest.fixture
async def bedside_monitor(server: LoopbackServer) -> AsyncIterator[Device]:
    async with server.device("bed-1") as device:
        await device.begin(monitor("bed-1", numerics=[numeric(name) for name in METRICS]))
        await device.observe(device.entry(22.0, 93.4, 120.0, 70.0, 37.0))
        await device.acked(device.seq)
        yield device


def assessment(**fields: Any) -> w.RecordAssessmentRequest:
    standard = {
        "bed": "bed-1",
        "inspired_gas": w.INSPIRED_GAS_OXYGEN,
        "consciousness": w.CONSCIOUSNESS_ALERT,
        "idempotency_key": "k",
    }
    return w.RecordAssessmentRequest(**(standard | fields))


@pytest.mark.spec("NEWS-16")
async def test_an_assessment_is_answered_with_the_score_and_shown_to_viewers(
    server: LoopbackServer, nurse: Clinician, bedside_monitor: Device
) -> None:
    async with server.viewer("doctor-1", m.Subscribe()) as viewer:
        (bed,) = (await viewer.take("snapshot")).beds
        assert not bed.HasField("early_warning")
        answer = await nurse.early_warning.RecordAssessment(assessment())
        bed = await viewer.bed(lambda bed: bed.HasField("early_warning"))
    now = server.clock.now()
    score = answer.score
    assert bed.early_warning == score
    assert (score.total, score.band, score.at) == (6, w.EARLY_WARNING_BAND_MEDIUM, now)
    assert [(each.input, each.score) for each in score.sub_scores] == [
        ("RR", 2), ("SpO2", 2), ("oxygen", 2), ("systolic", 0), ("pulse", 0),
        ("consciousness", 0), ("temperature", 0),
    ]  # fmt: skip
    saturation, oxygen = score.sub_scores[1:3]
    assert (saturation.value, saturation.observed_at) == (93, now)
    assert (oxygen.HasField("value"), oxygen.observed_at) == (False, now)
    assert score.oxygen_scale == w.OXYGEN_SCALE_ONE
    await server.until(lambda: any(act.act == "assess" for act in server.acts))
    act = server.acts[-1]
    assert (act.by, act.bed, act.detail) == (NURSE, "bed-1", "oxygen, alert")


@pytest.mark.spec("NEWS-16")
async def test_an_incomplete_score_has_no_total_on_the_wire(nurse: Clinician) -> None:
    answer = await nurse.early_warning.RecordAssessment(
        assessment(inspired_gas=0, consciousness=w.CONSCIOUSNESS_UNRESPONSIVE)
    )
    score = answer.score
    assert not score.HasField("total")
    assert score.band == w.EARLY_WARNING_BAND_LOW_MEDIUM
    assert list(score.missing) == ["RR", "SpO2", "oxygen", "systolic", "pulse", "temperature"]


@pytest.mark.spec("NEWS-16")
async def test_every_word_of_the_contract_is_understood(
    nurse: Clinician, bedside_monitor: Device
) -> None:
    fields = w.RecordAssessmentRequest.DESCRIPTOR.fields_by_name
    for name in ("inspired_gas", "consciousness", "oxygen_scale"):
        for value in fields[name].enum_type.values[1:]:
            key = f"{name} {value.number}"
            changed: dict[str, Any] = {name: value.number, "idempotency_key": key}
            if value.number == w.OXYGEN_SCALE_TWO and name == "oxygen_scale":
                changed["reason"] = "COPD"
            answer = await nurse.early_warning.RecordAssessment(assessment(**changed))
            assert answer.score.HasField("total")
    assert answer.score.oxygen_scale == w.OXYGEN_SCALE_TWO


@pytest.mark.spec("NEWS-16")
@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"inspired_gas": 0, "consciousness": 0}, "INVALID_ARGUMENT", "inspired_gas"),
        ({"inspired_gas": 9}, "INVALID_ARGUMENT", "inspired_gas"),
        ({"consciousness": 9}, "INVALID_ARGUMENT", "consciousness"),
        ({"oxygen_scale": 9}, "INVALID_ARGUMENT", "oxygen_scale"),
        ({"oxygen_scale": w.OXYGEN_SCALE_TWO}, "INVALID_ARGUMENT", "reason"),
        ({"idempotency_key": ""}, "INVALID_ARGUMENT", "idempotency_key"),
        ({"bed": "bed-77"}, "NOT_FOUND", "bed"),
    ],
)
async def test_what_cannot_be_recorded_is_told_by_field(
    nurse: Clinician, fields: Any, code: str, field: str
) -> None:
    answer = await refused(nurse.early_warning.RecordAssessment(assessment(**fields)))
    assert answer[:2] == (grpc.StatusCode[code], field)


@pytest.mark.spec("NEWS-19")
async def test_the_trend_is_read_back_from_what_is_on_disk(
    server: LoopbackServer, nurse: Clinician, bedside_monitor: Device
) -> None:
    first = (await nurse.early_warning.RecordAssessment(assessment())).score
    server.clock.advance(30)
    on_air = assessment(inspired_gas=w.INSPIRED_GAS_AIR, idempotency_key="2")
    second = (await nurse.early_warning.RecordAssessment(on_air)).score
    await server.until(lambda: sum(len(batch.scores) for batch in server.recorder.batches) >= 2)

    async def trend(**fields: Any) -> list[w.EarlyWarningScore]:
        request = w.ListEarlyWarningScoresRequest(bed="bed-1", **fields)
        return list((await nurse.early_warning.ListEarlyWarningScores(request)).scores)

    assert (await trend())[-2:] == [first, second]
    assert await trend(since=second.at) == [second]
    assert (await trend(before=second.at))[-1] == first
    await nurse.patients.DischargePatient(p.DischargePatientRequest(bed="bed-1"))
    assert await trend() == []


@pytest.mark.spec("RECORDS-8")
async def test_a_trend_is_bounded_and_goes_on_to_older_scores(
    server: LoopbackServer, nurse: Clinician, bedside_monitor: Device
) -> None:
    scores = [Score(at, at, None, (), (), OxygenScale.ONE) for at in range(1005)]
    rows = [ScoreRow("bed-1", "4711", score) for score in scores]
    server.recorder.batches[:0] = [Batch(scores=rows)]

    async def trend(before: float) -> list[float]:
        request = w.ListEarlyWarningScoresRequest(bed="bed-1", before=before)
        return [
            each.at for each in (await nurse.early_warning.ListEarlyWarningScores(request)).scores
        ]

    assert await trend(2000) == [score.at for score in scores[5:]]
    assert await trend(5) == [0, 1, 2, 3, 4]


@pytest.mark.spec("NEWS-19")
async def test_there_is_no_trend_of_a_bed_that_is_not_there(nurse: Clinician) -> None:
    request = w.ListEarlyWarningScoresRequest(bed="bed-77")
    code, field, _ = await refused(nurse.early_warning.ListEarlyWarningScores(request))
    assert (code, field) == (grpc.StatusCode.NOT_FOUND, "bed")


@pytest.mark.spec("NEWS-11")
@pytest.mark.spec("NEWS-19")
async def test_a_restart_and_a_transfer_take_nothing_from_a_patient(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    clock, recorder = StillClock(), SqliteRecorder(tmp_path)
    admission = p.AdmitPatientRequest(bed="bed-1", patient_id="47", age_class=m.AGE_CLASS_ADULT)
    decided = assessment(oxygen_scale=w.OXYGEN_SCALE_TWO, reason="COPD")
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.clinician(NURSE) as nurse,
    ):
        await nurse.patients.AdmitPatient(admission)
        first = (await nurse.early_warning.RecordAssessment(decided)).score
    recorder.close()

    recorder = SqliteRecorder(tmp_path)
    voice = assessment(bed="bed-2", inspired_gas=0, consciousness=w.CONSCIOUSNESS_VOICE)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.clinician(NURSE) as nurse,
    ):
        transfer = p.TransferPatientRequest(from_bed="bed-1", to_bed="bed-2")
        await nurse.patients.TransferPatient(transfer)
        clock.advance(5)
        second = (await nurse.early_warning.RecordAssessment(voice)).score
    assert [(each.input, each.score) for each in second.sub_scores] == [
        ("oxygen", 2), ("consciousness", 3),
    ]  # fmt: skip
    assert second.oxygen_scale == w.OXYGEN_SCALE_TWO
    recorder.close()

    recorder = SqliteRecorder(tmp_path)
    async with (
        LoopbackServer(certs, recorder=recorder, clock=clock) as server,
        server.clinician(NURSE) as nurse,
    ):
        asked = w.ListEarlyWarningScoresRequest(bed="bed-2")
        answer = await nurse.early_warning.ListEarlyWarningScores(asked)
    assert list(answer.scores) == [first, second]
    recorder.close()
