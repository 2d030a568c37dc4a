"""What waits for blocks of its own, and how it comes there."""

import pytest

from rpm_service.adapters.storage import archive
from rpm_service.adapters.storage.tail import BLOCK_ROWS_MAX
from rpm_service.adapters.storage.writer import SqliteRecorder
from tests.support.batches import HR_AND_SPO2, numeric_row, observed, write

MANY = 2 * BLOCK_ROWS_MAX + 5


@pytest.mark.spec("STORE-41")
async def test_what_waited_for_a_disk_goes_into_blocks_at_once(recorder: SqliteRecorder) -> None:
    few = [numeric_row(seq, 80.0, 97.0) for seq in (1, 2)]
    many = [numeric_row(seq, 80.0, 97.0) for seq in range(3, MANY + 3)]
    batch = observed("m1", *few)
    batch.descriptions["m1"] = HR_AND_SPO2
    await write(recorder, batch)
    await write(recorder, observed("m1", *many))
    with recorder._engine.connect() as connection:
        entries = connection.exec_driver_sql("SELECT count(*) FROM numerics_tail").scalar()
        sizes = connection.exec_driver_sql("SELECT row_count FROM numerics").scalars().all()
    assert (entries, sizes) == (0, [BLOCK_ROWS_MAX, BLOCK_ROWS_MAX, 7])
    assert [row for _, row in archive.numerics(recorder._engine, "m1")] == few + many
