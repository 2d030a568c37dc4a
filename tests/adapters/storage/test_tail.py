"""What waits for blocks of its own: in how many entries a commit goes there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.adapters.storage.registry import Place
from rpm_service.adapters.storage.tail import ENTRY_ROWS_MAX, in_entries

M = ENTRY_ROWS_MAX


@pytest.mark.spec("STORE-41")
@given(st.lists(st.sampled_from([0, 1, 7, M // 2, M - 1, M, M + 1, 3 * M]), max_size=5))
def test_a_commit_of_many_rows_goes_in_parts_and_in_order(counts: list[int]) -> None:
    new = [(Place(number, 1), range(count)) for number, count in enumerate(counts)]
    entries = [*in_entries(new)]
    sizes = [sum(len(rows) for _, rows in entry) for entry in entries]
    assert all(size == M for size in sizes[:-1])
    assert not sizes or 0 < sizes[-1] <= M
    found = [(place, row) for entry in entries for place, rows in entry for row in rows]
    assert found == [(place, row) for place, rows in new for row in rows]
    assert all(rows for entry in entries for _, rows in entry)
