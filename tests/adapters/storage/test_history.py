"""Stored numerics as columns are what the plain reader of rows gives."""

import random
import subprocess
import sys
from math import inf, nan

import pytest

from rpm_service.adapters.storage import archive, history, tail
from rpm_service.adapters.storage.blocks import pack_numerics
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.errors import DatabaseDamaged
from rpm_service.adapters.storage.history import StoredHistory
from rpm_service.application.effects import Association, Batch, Bed, Description, NumericRow, Stay
from rpm_service.domain.limits import AgeClass
from tests.support.batches import HR, HR_AND_SPO2, SPO2, T0, VENDOR, numeric_row, observed, write

DESCRIPTIONS = [HR_AND_SPO2, Description((SPO2,)), Description((HR, SPO2, VENDOR)), Description()]


@pytest.fixture
def stored(recorder, tmp_path):
    engine = open_reading(tmp_path)
    yield StoredHistory(engine), engine
    engine.dispose()


def any_row(chance: random.Random, seq: int, width: int) -> NumericRow:
    """As a session keeps it: all numerics or some, all valid or not, also 0 and nothing."""
    indices = ()
    if chance.random() < 0.3 and width:
        indices = tuple(chance.sample(range(width), chance.randint(1, width)))
    count = len(indices) or width
    values = tuple(chance.choice([0.0, -0.0, nan, 36.6, chance.random()]) for _ in range(count))
    validity = tuple(chance.choices([0, 1, 3], k=count)) if chance.random() < 0.2 else ()
    # The device's clock wanders; the server's does not.
    return NumericRow(seq, T0 + chance.uniform(-9, 9), T0 + seq, values, indices, validity)


def plainly(description: Description, row: NumericRow) -> str:
    indices = row.indices or range(len(description.numerics))
    validity = row.validity or (0,) * len(row.values)
    told = sorted(zip(indices, row.values, validity, strict=True), key=lambda each: each[0])
    return repr((description, row.observed_at, row.received_at, told))


def rows_of(columns) -> list[str]:
    found = []
    for place in range(len(columns)):
        row = NumericRow(
            0,
            columns.observed_at[place].item(),
            columns.received_at[place].item(),
            *columns.row(place),
        )
        found.append(plainly(columns.description, row))
    return found


@pytest.mark.spec("STORE-25")
@pytest.mark.parametrize("seed", range(6))
async def test_columns_hold_what_the_rows_hold(recorder, stored, monkeypatch, seed):
    monkeypatch.setattr(tail, "BLOCK_ROWS", 4)
    monkeypatch.setattr(history, "PAGE", 2)
    chance = random.Random(seed)
    described = DESCRIPTIONS[0]
    await write(recorder, Batch(descriptions={"m1": described}))
    for seq in range(1, 80):
        if chance.random() < 0.1:
            described = chance.choice(DESCRIPTIONS)
            await write(recorder, Batch(descriptions={"m1": described}))
        await write(recorder, observed("m1", any_row(chance, seq, len(described.numerics))))
        if chance.random() < 0.3:
            await write(recorder, observed("m2", numeric_row(seq, 1.0)))
    reader, engine = stored
    plain = list(archive.numerics(engine, "m1"))
    for since, until in [(-inf, inf), (T0 + 20, T0 + 60.5), (T0 + 33, T0 + 34), (T0 + 79, inf),
                         (-inf, T0 + 2), (T0 + 999, inf), (-inf, T0)]:  # fmt: skip
        expected = [plainly(*each) for each in plain if since <= each[1].received_at < until]
        got = [row for columns in reader.numerics("m1", since, until) for row in rows_of(columns)]
        assert sorted(got) == sorted(expected)
        assert len(plain) == 79


@pytest.mark.spec("STORE-25")
async def test_columns_come_as_they_were_received_and_whole_ones_in_one_piece(
    recorder, stored, monkeypatch
):
    monkeypatch.setattr(tail, "BLOCK_ROWS", 4)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, 15):
        row = NumericRow(seq, T0 - seq, T0 + seq, (80.0 + seq, 97.0), (), ())
        await write(recorder, observed("m1", row))
    reader, _ = stored
    blocks, *left = reader.numerics("m1")
    assert blocks.received_at.tolist() == [T0 + seq for seq in range(1, 13)]
    assert blocks.values[:, 0].tolist() == [80.0 + seq for seq in range(1, 13)]
    assert (blocks.reported, blocks.validity) == (None, None)
    assert [columns.received_at.tolist() for columns in left] == [[T0 + 13, T0 + 14]]
    assert list(reader.numerics("m9")) == []


@pytest.mark.spec("STORE-25")
async def test_a_block_of_another_width_than_its_description_is_damage(
    recorder, stored, monkeypatch
):
    monkeypatch.setattr(tail, "BLOCK_ROWS", 1)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    await write(recorder, observed("m1", numeric_row(1, 80.0, 97.0)))
    with recorder._engine.begin() as connection:
        narrower = pack_numerics([numeric_row(1, 80.0)]).data
        connection.exec_driver_sql("UPDATE numerics SET data = ?", (narrower,))
    with pytest.raises(DatabaseDamaged, match="numerics 1: 1 rows of 1 values in 40 bytes"):
        list(stored[0].numerics("m1"))


async def test_who_and_what_was_where_is_told_also_when_it_is_over(recorder, stored):
    beds = [Bed("B1", "ICU"), Bed("B2")]
    stays = [
        Stay("B1", "p1", AgeClass.NEONATAL, T0, T0 + 9),
        Stay("B1", "p2", AgeClass.ADULT, T0 + 9),
    ]
    places = [Association("m1", "B1", T0, T0 + 5), Association("m1", "B2", T0 + 5)]
    await write(recorder, Batch(beds=beds, stays=stays, associations=places))
    reader, _ = stored
    assert (reader.beds(), reader.stays(), reader.associations()) == (beds, stays, places)
    assert reader.devices() == []


@pytest.mark.spec("STORE-25")
def test_a_server_does_not_pay_for_it():
    code = "import sys, rpm_service.app, rpm_service.commands.serve as s; print('numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
