"""What is kept of an occurrence: all of it, as it was, once, whatever happens to the server."""

import pytest

from rpm_service.adapters.storage import archive, tail
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.errors import DatabaseDamaged
from rpm_service.adapters.storage.evidence import evidence
from rpm_service.adapters.storage.tables import evidence_rows
from rpm_service.adapters.storage.tail import NUMERICS
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import (
    Batch,
    Description,
    EvidenceWanted,
    NumericRow,
    WaveformRow,
)
from rpm_service.application.evidence import LATE_S, EvidenceDue
from tests.support.batches import HR_AND_SPO2, SPO2, T0, observed, write
from tests.support.numbers import newest
from tests.support.process import process

KILLS = 3
DONE_BEFORE_A_KILL = 60


@pytest.fixture
def reading(recorder, tmp_path):
    engine = open_reading(tmp_path)
    yield engine
    engine.dispose()


def second(device_id: str, seq: int, *values: float) -> Batch:
    """What a device sends in a second whose clock is a year behind."""
    at = T0 + seq
    batch = observed(device_id, NumericRow(seq, at - 365 * 86_400, at, values, (), ()))
    batch.waveforms[device_id] = [WaveformRow(seq, 0, at - 365 * 86_400, at, bytes([seq, 0] * 9))]
    return batch


def wanted(occurrence_id: int, raised: float, device_id: str = "m1") -> EvidenceWanted:
    return EvidenceWanted(occurrence_id, device_id, T0 + raised - 10, T0 + raised + 10)


def seqs(engine, occurrence_id: int) -> list[int]:
    found = evidence(engine, occurrence_id)
    assert [row.seq for _, row in found.waveforms] == [row.seq for _, row in found.numerics]
    return [row.seq for _, row in found.numerics]


def kept_seqs(engine) -> list[int]:
    """Every row of numerics that is kept, however often it is kept."""
    with engine.begin() as connection:
        found = connection.exec_driver_sql(
            f"SELECT data FROM {evidence_rows.name} WHERE kind = 'numerics'"
        ).scalars()
        return sorted(row.seq for data in found for row in NUMERICS.unpack(data))


@pytest.mark.spec("STORE-26")
@pytest.mark.parametrize("block_rows", [1, 7, 16, 1_000], ids=lambda each: f"blocks of {each}")
async def test_all_rows_of_the_time_are_kept_wherever_they_are(
    recorder, reading, monkeypatch, block_rows
):
    monkeypatch.setattr(tail, "BLOCK_ROWS", block_rows)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2, "m2": HR_AND_SPO2}))
    for seq in range(1, 101):
        await write(recorder, second("m2", seq, 1.0, 1.0))
        await write(recorder, second("m1", seq, 0.0, float("nan")))
    await write(recorder, Batch(evidence=[wanted(7, raised=40)]))
    assert seqs(reading, 7) == [*range(30, 60)], "from 10 s before to before 20 s after"
    kept = evidence(reading, 7)
    assert kept.what == wanted(7, raised=40)
    expected = [each for each in archive.numerics(reading, "m1") if 30 <= each[1].seq < 60]
    assert repr(kept.numerics) == repr(expected)
    assert kept.waveforms == [
        each for each in archive.waveforms(reading, "m1") if 30 <= each[1].seq < 60
    ]
    assert evidence(reading, 8) is None


@pytest.mark.spec("STORE-42")
@pytest.mark.parametrize(("since", "until", "first", "last"), [(36, 50, 36, 49), (30, 44, 30, 43)])
async def test_of_a_time_that_another_patient_shared_nothing_of_theirs_is_read(
    recorder, reading, since, until, first, last
):
    """Also where an occurrence beside it has kept what was received then."""
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, 101):
        await write(recorder, second("m1", seq, 80.0, 97.0))
    mine = EvidenceWanted(7, "m1", T0 + since, T0 + until)
    await write(recorder, Batch(evidence=[mine, wanted(8, raised=40)]))
    assert seqs(reading, 7) == [*range(first, last + 1)]
    assert seqs(reading, 8) == [*range(30, 60)]


@pytest.mark.spec("STORE-26")
async def test_rows_keep_the_description_they_came_under(recorder, reading):
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    await write(recorder, second("m1", 1, 80.0, 97.0))
    await write(recorder, Batch(descriptions={"m1": Description((SPO2,))}))
    # What is asked for may come in the same batch as the last rows of its time.
    batch = second("m1", 2, 97.0)
    batch.evidence.append(wanted(7, raised=3))
    await write(recorder, batch)
    assert [(each.numerics, row.values) for each, row in evidence(reading, 7).numerics] == [
        (HR_AND_SPO2.numerics, (80.0, 97.0)),
        ((SPO2,), (97.0,)),
    ]


@pytest.mark.spec("STORE-27")
async def test_occurrences_that_come_close_share_their_rows(recorder, reading, monkeypatch):
    monkeypatch.setattr(tail, "BLOCK_ROWS", 4)
    for seq in range(1, 101):
        await write(recorder, second("m1", seq, 80.0))
    # One after the other, two at once, one between two that are kept, and one far off.
    for asked in ([20], [21], [26, 27], [70], [45], [45.5]):
        await write(
            recorder, Batch(evidence=[wanted(int(2 * each), raised=each) for each in asked])
        )
    for each in (20, 21, 26, 27, 70, 45, 45.5):
        expected = [seq for seq in range(1, 101) if each - 10 <= seq < each + 20]
        assert sorted(seqs(reading, int(2 * each))) == expected
    assert kept_seqs(reading) == [*range(10, 90)]


@pytest.mark.spec("STORE-27")
async def test_nothing_is_kept_that_belongs_to_no_occurrence(recorder, reading):
    for seq in range(1, 101):
        await write(recorder, second("m1", seq, 80.0))
    await write(recorder, Batch(evidence=[wanted(1, raised=45)]))
    await write(recorder, Batch(evidence=[wanted(2, raised=10), wanted(3, raised=80)]))
    assert kept_seqs(reading) == [*range(1, 30), *range(35, 65), *range(70, 100)]


@pytest.mark.spec("STORE-27")
async def test_asking_again_changes_nothing(recorder, reading):
    for seq in range(1, 41):
        await write(recorder, second("m1", seq, 80.0))
    await write(recorder, Batch(evidence=[wanted(7, raised=20)]))
    await write(recorder, Batch(evidence=[wanted(7, raised=20)]))
    assert kept_seqs(reading) == [*range(10, 40)]
    await write(recorder, Batch(evidence=[wanted(8, raised=20, device_id="m9")]))
    assert seqs(reading, 8) == [], "of a device that sent nothing there is nothing"


@pytest.mark.spec("STORE-26")
async def test_a_device_that_sends_without_end_is_kept_to_a_bound(recorder, reading, monkeypatch):
    monkeypatch.setattr(tail, "FOUND_MAX", 5)
    for seq in range(1, 31):
        await write(recorder, second("m1", seq, 80.0))
    await write(recorder, Batch(evidence=[wanted(7, raised=20)]))
    assert seqs(reading, 7) == [*range(10, 15)]


async def test_evidence_that_cannot_be_read_says_where(recorder, reading):
    await write(recorder, second("m1", 1, 80.0))
    await write(recorder, Batch(evidence=[wanted(7, raised=1)]))
    with recorder._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE evidence_rows SET data = substr(data, 1, 20)")
    with pytest.raises(DatabaseDamaged, match=r"evidence_rows 1: .*restore it from a copy"):
        evidence(reading, 7)


WRITER = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from rpm_service.adapters.storage import tail
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.evidence import EvidenceDue
from tests.adapters.storage.test_evidence import second
from tests.support.batches import T0, alarm_event, write
from tests.support.numbers import newest

tail.BLOCK_ROWS = 5

async def main():
    recorder = SqliteRecorder(Path(sys.argv[1]))
    restored = recorder.load()
    seq = newest(restored.progress)
    due = EvidenceDue(restored.evidence)
    while True:
        seq += 1
        batch = second("m1", seq, float(seq))
        if seq % 3 == 0:
            event = alarm_event(seq // 3, raised_at=T0 + seq)
            batch.events.append(replace(event, received_at=T0 + seq))
        due.ask(batch.evidence, T0 + seq, lambda _: 0.0)
        await write(recorder, batch)
        due.note(batch.events)
        print(seq, flush=True)

asyncio.run(main())
"""


@pytest.mark.system
@pytest.mark.spec("STORE-27")
async def test_a_server_killed_at_any_moment_keeps_the_evidence_of_what_had_begun(tmp_path):
    for _ in range(KILLS):
        with process("-c", WRITER, str(tmp_path)) as server:
            for _ in zip(range(DONE_BEFORE_A_KILL), server.lines(), strict=False):
                pass
            server.kill()
    recorder = SqliteRecorder(tmp_path)
    restored = recorder.load()
    last = newest(restored.progress)
    assert last >= KILLS * DONE_BEFORE_A_KILL
    left = EvidenceDue(restored.evidence)
    batch = Batch()
    left.ask(batch.evidence, T0 + last + 1_000, lambda _: 0.0)
    await write(recorder, batch)
    assert recorder.load().evidence == []
    for occurrence_id in range(1, last // 3 + 1):
        raised = 3 * occurrence_id
        expected = [*range(max(1, raised - 10), min(last, raised + 10 + int(LATE_S) - 1) + 1)]
        assert seqs(recorder._engine, occurrence_id) == expected
    assert kept_seqs(recorder._engine) == [*range(1, last + 1)]
    recorder.close()
