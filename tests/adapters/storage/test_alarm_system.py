"""What is decided about alarms, what was computed, and what went out, over a restart."""

from math import inf

import pytest

from rpm_service.adapters.storage import delivery
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import (
    Act,
    Batch,
    Delivery,
    LimitOverride,
    Notice,
    ScoreRow,
    Stay,
)
from rpm_service.application.units import BUILT_IN
from rpm_service.domain.early_warning import (
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Score,
    SubScore,
)
from rpm_service.domain.inactivation import Inactivation, InactivationState
from rpm_service.domain.limits import AgeClass, MetricLimits
from tests.support.batches import T0, write

PAUSED = Inactivation(InactivationState.AUDIO_PAUSED, "", "", "nurse", T0, T0 + 120)
OFF = Inactivation(InactivationState.ALARM_OFF, "SpO2", "SPO2_LOW", "nurse", T0, None, "theatre")
OWN = LimitOverride("SpO2", MetricLimits(low=86, delay_s=15), "nurse", T0, T0 + 3600, "COPD")
GIVEN = Assessment(InspiredGas.OXYGEN, T0, Consciousness.VOICE, T0, OxygenScale.TWO, "dr", "COPD")
SENT = Delivery(7, 1, "station-1", T0)


def notice(notice_id: str, at: float = T0) -> Notice:
    return Notice(notice_id, at, "ICU", "B12", 1, 7, 1, "SPO2_LOW", "MEDIUM", T0)


def score(at: float, total: int | None) -> Score:
    subs = (SubScore("RR", 0, 0.0, at), SubScore("consciousness", 3, None, at))
    missing = ("SpO2",) if total is None else ()
    return Score(at, total, Band.LOW if total else None, subs, missing, OxygenScale.ONE)


@pytest.mark.spec("STORE-23")
@pytest.mark.promise("G8")
async def test_what_people_decided_holds_over_a_restart_until_they_end_it(tmp_path):
    recorder = SqliteRecorder(tmp_path)
    await write(
        recorder,
        Batch(
            inactivations={"m1": [PAUSED, OFF], "m2": [OFF]},
            overrides={"B12": [OWN]},
            assessments={"B12": GIVEN},
        ),
    )
    await write(recorder, Batch(inactivations={"m1": [OFF], "m2": []}))
    recorder.close()
    recorder = SqliteRecorder(tmp_path)
    restored = recorder.load()
    assert restored.inactivations == {"m1": [OFF]}
    assert restored.overrides == {"B12": [OWN]}
    assert restored.assessments == {"B12": GIVEN}
    await write(recorder, Batch(overrides={"B12": []}, assessments={"B12": None}))
    assert (recorder.load().overrides, recorder.load().assessments) == ({}, {})
    recorder.close()


@pytest.mark.spec("STORE-23")
async def test_calls_wait_until_they_were_sent_or_given_up(recorder):
    await write(recorder, Batch(notices=[notice("b", T0 + 1), notice("a", T0 + 2)]))
    assert recorder.load().notices == [notice("b", T0 + 1), notice("a", T0 + 2)]
    await write(recorder, Batch(notices=[notice("c", T0 + 3)], notices_sent={"b": T0 + 3}))
    # As after an error that came back although the batch was on disk.
    await write(recorder, Batch(notices=[notice("b", T0 + 1)]))
    assert recorder.load().notices == [notice("a", T0 + 2), notice("c", T0 + 3)]
    await write(recorder, Batch(notices_given_up={"a": T0 + 9}))
    assert recorder.load().notices == [notice("c", T0 + 3)]


@pytest.mark.spec("STORE-23")
@pytest.mark.spec("NEWS-19")
async def test_the_trend_of_a_score_is_one_patients_from_admission_on_in_whatever_bed(recorder):
    trend = [score(T0, 3), score(T0 + 60, None), score(T0 + 120, 0)]
    rows = [
        ScoreRow(bed, "p1", each) for bed, each in zip(["B12", "B12", "B13"], trend, strict=True)
    ]
    rows += [ScoreRow("B12", "p0", score(T0, 9)), ScoreRow("B12", "p1", score(T0 - 900, 8))]
    stays = [
        Stay("B12", "p1", AgeClass.ADULT, T0 - 1000, T0 - 800),
        Stay("B12", "p1", AgeClass.ADULT, T0 - 10, T0 + 100),
        Stay("B13", "p1", AgeClass.ADULT, T0 + 100),
    ]
    await write(recorder, Batch(scores=rows, stays=stays))
    await write(recorder, Batch(scores=rows))
    assert recorder.scores("p1", 0, inf) == trend
    assert recorder.scores("p1", T0 + 60, inf) == trend[1:]
    assert recorder.scores("p2", 0, inf) == []


@pytest.mark.spec("STORE-24")
@pytest.mark.parametrize(
    ("told", "then_told", "kept"),
    [
        (SENT, Delivery(7, 1, "station-1", T0, T0 + 2), Delivery(7, 1, "station-1", T0, T0 + 2)),
        (Delivery(7, 1, "station-1", T0, T0 + 2), SENT, Delivery(7, 1, "station-1", T0, T0 + 2)),
        (
            Delivery(7, 1, "station-1", T0, T0 + 2),
            Delivery(7, 1, "station-1", T0 + 5, T0 + 6),
            Delivery(7, 1, "station-1", T0, T0 + 2),
        ),
    ],
    ids=["confirmed later", "told again late", "sent and confirmed twice"],
)
async def test_the_first_time_counts(recorder, told, then_told, kept):
    other = Delivery(7, 1, "station-2", T0)
    await write(recorder, Batch(deliveries=[told, other]))
    await write(recorder, Batch(deliveries=[then_told]))
    assert delivery.deliveries(recorder._engine, 7, 1) == [kept, other]


@pytest.mark.spec("LIMIT-20")
async def test_what_units_had_decided_at_the_last_start_is_known(recorder):
    assert recorder.load().units == BUILT_IN
    for at, digest in enumerate(("0123", "4567")):
        acts = [Act(T0 + at, "server", "units", "", digest), Act(T0 + at, "nurse", "admit", "b")]
        await write(recorder, Batch(acts=acts))
        assert recorder.load().units == digest
