"""The proofs of `make chaos` in short: each way to die once, few devices, no bounds in seconds."""

import shutil
from pathlib import Path

import pytest

from tests.chaos import disks
from tests.chaos.restarts import DEATHS, WHILE_THEY_COME_BACK, killed
from tests.chaos.ward import Ward

STREAMS = 8


@pytest.mark.system
@pytest.mark.promise("G1")
async def test_a_server_that_dies_anywhere_loses_nothing(certs: Path, tmp_path: Path) -> None:
    deaths = [death for death in DEATHS if death != WHILE_THEY_COME_BACK]
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        figures = await killed(ward, deaths, STREAMS)
    counted = [figure for figure in figures if not figure.unit]
    assert len(counted) == 3
    assert [figure for figure in counted if not figure.held] == []


@pytest.mark.system
@pytest.mark.spec("FAULT-1")
@pytest.mark.promise("G18")
async def test_a_full_disk_is_caught_up_with_and_loses_nothing(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "WELL_S", 0.5)
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        figures = await disks.full(ward, 3.0, STREAMS, rows_max=100)
    if figures[0].held is None:
        pytest.skip(figures[0].note)
    within = [figure for figure in figures if not figure.unit or figure.bound >= 5]
    assert len(within) == 5
    assert [figure for figure in within if not figure.held] == []


@pytest.mark.system
@pytest.mark.spec("FAULT-2")
@pytest.mark.promise("G19")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
async def test_a_server_whose_fsync_failed_ends_and_says_so(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disks, "WELL_S", 0.5)
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        figures = await disks.broken(ward, "error=EIO:when=25", STREAMS)
    assert [figure for figure in figures if not figure.held] == []
