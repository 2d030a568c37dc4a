"""Power is lost at every instant of a writer's life: what was called done is there, once."""

import shutil
from pathlib import Path

import pytest

from tests.support.power_cuts import every_cut

TRANSACTIONS = 8


@pytest.mark.system
@pytest.mark.spec("STORE-1")
@pytest.mark.promise("G21")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_power_may_be_lost_at_any_instant(tmp_path: Path) -> None:
    found = every_cut(tmp_path, TRANSACTIONS, "FULL", seed=1)
    assert found.cuts > 4 * TRANSACTIONS
    assert (found.lost, found.wrong) == ([], [])


@pytest.mark.system
@pytest.mark.promise("G21")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_writer_that_does_not_wait_for_the_medium_is_found_out(tmp_path: Path) -> None:
    found = every_cut(tmp_path, 3, "NORMAL", seed=1)
    assert found.lost
    assert not found.wrong, "what is there is whole even so"
