"""How long samples are kept, and how the older ones go."""

from collections.abc import Iterator
from math import inf
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine

from rpm_service.adapters.storage import archive, tail
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.evidence import evidence
from rpm_service.adapters.storage.journal import events
from rpm_service.adapters.storage.retention import (
    EVERY_S,
    LOOK_S,
    STEP_S_MAX,
    USUAL,
    Forgetting,
    Retention,
)
from rpm_service.adapters.storage.tables import METADATA, numerics
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import (
    Batch,
    Description,
    EvidenceWanted,
    NumericRow,
    WaveformRow,
)
from rpm_service.application.places import Scope
from tests.support.batches import HR_AND_SPO2, T0, alarm_event, observed, write
from tests.support.manual_clock import ManualClock

HOUR_S = 3600.0
KEPT = Retention(waveforms_s=2 * HOUR_S, numerics_s=4 * HOUR_S)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(T0)


@pytest.fixture
def recorder(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch):
    # Each commit's rows are blocks of their own.
    monkeypatch.setattr(tail, "BLOCK_ROWS", 1)
    recorder = SqliteRecorder(tmp_path, KEPT, clock.now)
    yield recorder
    recorder.close()


@pytest.fixture
def reading(recorder: SqliteRecorder, tmp_path: Path) -> Iterator[Engine]:
    engine = open_reading(tmp_path)
    yield engine
    engine.dispose()


def at_hour(hour: int, clock: ManualClock) -> Batch:
    """What a device sends whose own clock is wrong by a year."""
    seq, now = hour + 1, clock.now()
    batch = observed("m1", NumericRow(seq, now - 365 * 86_400, now, (80.0, 97.0), (), ()))
    batch.waveforms["m1"] = [WaveformRow(seq, 0, now - 365 * 86_400, now, bytes(9))]
    return batch


def kept(engine: Engine) -> tuple[list[int], list[int]]:
    return (
        [row.seq for _, row in archive.numerics(engine, "m1")],
        [row.seq for _, row in archive.waveforms(engine, "m1")],
    )


@pytest.mark.spec("STORE-37")
async def test_samples_go_when_they_are_too_old_and_what_is_for_ever_stays(
    recorder: SqliteRecorder, clock: ManualClock, reading: Engine
) -> None:
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}, events=[alarm_event(1)]))
    for hour in range(10):
        batch = at_hour(hour, clock)
        if hour == 0:
            batch.evidence = [EvidenceWanted(1, "m1", T0 - 10, T0 + 10)]
        await write(recorder, batch)
        clock.advance(HOUR_S)
    # One more look, once what is too old is more than one step takes.
    for _ in range(20):
        await write(recorder, Batch())
        clock.advance(LOOK_S / 10)
    await write(recorder, Batch())
    assert kept(reading) == ([8, 9, 10], [10])
    assert [event.alarm.occurrence_id for event in events(reading, Scope())] == [1]
    found = evidence(reading, 1)
    assert found is not None
    assert [row.seq for _, row in found.numerics] == [1]
    assert [row.seq for _, row in found.waveforms] == [1]


@pytest.mark.spec("STORE-37")
def test_waveforms_are_kept_for_three_days_and_numerics_for_a_year_unless_told() -> None:
    assert Retention(72 * HOUR_S, 365 * 86_400.0) == USUAL


@pytest.mark.spec("STORE-37")
async def test_what_is_kept_for_ever_is_never_looked_at(tmp_path: Path) -> None:
    recorder = SqliteRecorder(tmp_path, clock=lambda: inf)
    await write(recorder, observed("m1", NumericRow(1, 0.0, 0.0, (1.0,), (), ())))
    await write(recorder, Batch())
    engine = open_reading(tmp_path)
    assert [row.seq for _, row in archive.numerics(engine, "m1")] == [1]
    engine.dispose()
    recorder.close()


@pytest.fixture
def blocks() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    block = tail.NUMERICS.pack([NumericRow(1, T0, T0, (1.0,), (), ())])._asdict()
    row = {"device_number": 1, "description_id": 1, **block}
    with engine.begin() as connection:
        connection.execute(numerics.insert(), [row] * BLOCKS)
        yield connection
    engine.dispose()


BLOCKS = 300


@pytest.mark.spec("STORE-38")
@pytest.mark.promise("G22")
@pytest.mark.parametrize("block_s", [0.0001, 0.001, 0.009, 0.03, 1.0])
def test_a_step_ends_in_time_on_a_disk_of_any_speed(blocks: Connection, block_s: float) -> None:
    forgetting, now = Forgetting(KEPT), T0 + 5 * HOUR_S
    while forgetting.forgotten < BLOCKS:
        assert forgetting.is_due(now)
        before = forgetting.forgotten
        forgetting.step(blocks, now, lambda: forgetting.forgotten * block_s)
        went = forgetting.forgotten - before
        assert went >= 1, "there is an end to it on the slowest disk"
        assert went == 1 or went * block_s <= STEP_S_MAX
        assert went == BLOCKS - before or not forgetting.is_due(now), "batches come first"
        now += EVERY_S
    forgetting.step(blocks, now, lambda: 0.0)
    assert not forgetting.is_due(now + EVERY_S)
    assert forgetting.is_due(now + LOOK_S)


@pytest.mark.spec("STORE-38")
def test_a_disk_that_gets_slow_in_the_midst_of_a_step_does_not_prolong_it(
    blocks: Connection,
) -> None:
    forgetting, quick, slow_s = Forgetting(KEPT), 50, 0.03
    forgetting.step(blocks, T0 + 5 * HOUR_S, lambda: max(0, forgetting.forgotten - quick) * slow_s)
    assert forgetting.forgotten == quick + 1


@pytest.mark.spec("STORE-38")
async def test_a_batch_is_written_before_anything_is_forgotten(
    recorder: SqliteRecorder,
    clock: ManualClock,
    reading: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await write(recorder, Batch(descriptions={"m1": Description()}))
    await write(recorder, at_hour(0, clock))
    clock.advance(9 * HOUR_S)
    seen: list[tuple[list[int], list[int]]] = []
    step = Forgetting.step

    def looked(self, *arguments) -> None:
        seen.append(kept(reading))
        step(self, *arguments)

    monkeypatch.setattr(Forgetting, "step", looked)
    await write(recorder, at_hour(1, clock))
    await write(recorder, Batch())
    assert seen == [([1, 2], [1, 2])]
    assert kept(reading) == ([2], [2])
