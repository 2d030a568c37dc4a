from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.adapters.storage.blocks import (
    FULL,
    SPARSE,
    BlockUnreadable,
    pack_numerics,
    pack_waveforms,
    sealed,
    times_received,
    unpack_numerics,
    unpack_waveforms,
    unsealed,
)
from rpm_service.application.effects import NumericRow
from tests.support.batches import T0, any_rows, full_rows, numeric_row, waveform_rows


@pytest.mark.spec("STORE-5")
@given(st.lists(any_rows, min_size=1, max_size=8) | st.lists(full_rows, min_size=1, max_size=8))
def test_numerics_come_back_bit_for_bit(rows):
    assert list(map(repr, unpack_numerics(pack_numerics(rows).data))) == list(map(repr, rows))


@pytest.mark.spec("STORE-5")
@given(st.lists(waveform_rows, min_size=1, max_size=8))
def test_samples_come_back_bit_for_bit(rows):
    assert unpack_waveforms(pack_waveforms(rows).data) == rows


@pytest.mark.spec("STORE-5")
def test_asystole_is_stored_as_0_and_a_missing_value_as_missing():
    (row,) = unpack_numerics(pack_numerics([numeric_row(1, 0.0, float("nan"))]).data)
    assert row.values[0] == 0
    assert isnan(row.values[1])


def test_rows_that_say_everything_take_the_compact_format():
    assert pack_numerics([numeric_row(1, 80, 97), numeric_row(2, 81, 97)]).data[0] == FULL
    some = NumericRow(3, T0, T0, (97.0,), (1,), ())
    assert pack_numerics([numeric_row(1, 80, 97), some]).data[0] == SPARSE


def test_an_index_learns_the_span_of_a_block():
    block = pack_numerics([numeric_row(7, 80, at=T0 + 9), numeric_row(8, 81, at=T0 + 2)])
    assert block[:5] == (7, 8, T0 + 2, T0 + 9, 2)


@pytest.mark.spec("STORE-6")
@given(st.lists(any_rows | full_rows, min_size=1, max_size=4), st.data())
def test_a_block_that_was_cut_or_lengthened_is_not_read(rows, data):
    whole = pack_numerics(rows).data
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for damaged in (cut, whole + b"\0"):
        with pytest.raises(BlockUnreadable):
            unpack_numerics(damaged)


@pytest.mark.spec("STORE-6")
@pytest.mark.promise("G19")
@given(st.lists(any_rows | full_rows, min_size=1, max_size=4), st.data())
def test_a_block_of_which_a_bit_has_changed_is_not_read(rows, data):
    whole = pack_numerics(rows).data
    place = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BlockUnreadable):
        unpack_numerics(bytes(changed))
    if place != 1:
        with pytest.raises(BlockUnreadable):
            times_received(bytes(changed))


@pytest.mark.spec("STORE-6")
@given(st.lists(any_rows, min_size=1, max_size=4))
def test_a_block_from_before_there_were_seals_is_read(rows):
    sealed_one = pack_numerics(rows).data
    before = sealed_one[:1] + b"\0" + unsealed(sealed_one)[2:]
    assert list(map(repr, unpack_numerics(before))) == list(map(repr, rows))


@pytest.mark.spec("STORE-6")
def test_a_block_of_an_unknown_format_is_not_read():
    data = pack_numerics([numeric_row(1, 80)]).data
    with pytest.raises(BlockUnreadable, match="begin with 09"):
        unpack_numerics(sealed(b"\x09" + unsealed(data)[1:]))
    with pytest.raises(BlockUnreadable):
        unpack_waveforms(data)
