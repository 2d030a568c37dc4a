import pytest

from rpm_service.adapters.storage import archive, tail
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.errors import DatabaseDamaged
from rpm_service.adapters.storage.tables import numerics, numerics_tail
from rpm_service.application.effects import Batch, WaveformRow
from tests.support.batches import HR_AND_SPO2, T0, numeric_row, observed, write
from tests.support.numbers import through


@pytest.fixture
def reading(recorder, tmp_path):
    engine = open_reading(tmp_path)
    yield engine
    engine.dispose()


def count(engine, table) -> int:
    with engine.begin() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM {table.name}").scalar()


def seqs(engine, *when) -> list[int]:
    return [row.seq for _, row in archive.numerics(engine, "m1", *when)]


@pytest.mark.spec("STORE-3")
async def test_rows_move_into_few_blocks_and_are_read_once_wherever_they_are(
    recorder, reading, monkeypatch
):
    monkeypatch.setattr(archive, "PAGE", 2)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, 6 * tail.BLOCK_ROWS + 6):
        await write(recorder, observed("m1", numeric_row(seq, 80.0, 97.0)))
        assert count(reading, numerics) == seq // tail.BLOCK_ROWS
        assert count(reading, numerics_tail) == seq % tail.BLOCK_ROWS
    assert seqs(reading) == list(range(1, 6 * tail.BLOCK_ROWS + 6))


@pytest.mark.spec("STORE-3")
async def test_a_tail_has_no_more_rows_than_memory_may_hold(recorder, reading, monkeypatch):
    monkeypatch.setattr(tail, "ROWS_MAX", 4)
    for seq in range(1, 4):
        await write(recorder, observed("m1", numeric_row(seq, 80.0)))
    assert count(reading, numerics) == 0
    await write(recorder, observed("m1", numeric_row(4, 80.0)))
    assert (count(reading, numerics), count(reading, numerics_tail)) == (1, 0)


@pytest.mark.spec("STORE-3")
async def test_a_reader_half_way_sees_no_row_twice_when_the_tail_moves(
    recorder, reading, monkeypatch
):
    monkeypatch.setattr(archive, "PAGE", 1)
    monkeypatch.setattr(tail, "BLOCK_ROWS", 2)
    for seq in range(1, 6):
        await write(recorder, observed("m1", numeric_row(seq, 80.0)))
    rows = archive.numerics(reading, "m1")
    seen = [next(rows)[1].seq]
    # 5 was in the tail; it moves into a block that sorts before the ones not yet read.
    await write(recorder, observed("m1", numeric_row(6, 80.0, at=T0 + 2.5)))
    assert count(reading, numerics_tail) == 0
    seen += [row.seq for _, row in rows]
    assert seen == [1, 2, 3, 4, 5]


async def test_a_span_of_time_begins_with_since_and_ends_before_until(
    recorder, reading, monkeypatch
):
    monkeypatch.setattr(tail, "BLOCK_ROWS", 3)
    for seq in range(1, 9):
        await write(recorder, observed("m1", numeric_row(seq, 80.0)))
    assert seqs(reading, T0 + 3) == [3, 4, 5, 6, 7, 8]
    assert seqs(reading, T0 + 2, T0 + 5) == [2, 3, 4]
    assert seqs(reading, T0 + 8, T0 + 9) == [8]


async def test_samples_are_read_by_the_time_they_begin(recorder, reading):
    rows = [WaveformRow(seq, 0, T0 + seq, T0 + seq, b"\1\0") for seq in range(3)]
    await write(recorder, Batch(waveforms={"m1": rows}, progress=through("device/m1", 3)))
    assert [row for _, row in archive.waveforms(reading, "m1", T0 + 1)] == rows[1:]


async def test_devices_are_told_by_name(recorder, reading):
    await write(recorder, observed("m2", numeric_row(1, 80.0)))
    await write(recorder, observed("m1", numeric_row(1, 80.0)))
    assert archive.devices(reading) == ["m1", "m2"]
    assert seqs(reading) == [1]
    assert list(archive.numerics(reading, "m3")) == []


@pytest.mark.spec("STORE-6")
@pytest.mark.parametrize(("block_rows", "table"), [(1, numerics), (9, numerics_tail)])
async def test_a_damaged_block_is_an_error_that_says_where(
    recorder, reading, monkeypatch, block_rows, table
):
    monkeypatch.setattr(tail, "BLOCK_ROWS", block_rows)
    await write(recorder, observed("m1", numeric_row(1, 80.0)))
    with recorder._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {table.name} SET data = substr(data, 1, 20)")
    with pytest.raises(DatabaseDamaged, match=f"{table.name} 1: .*restore it from a copy"):
        seqs(reading)
