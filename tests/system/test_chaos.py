"""The proofs of `make chaos` in short: each way to die once, few devices, no bounds in seconds."""

from pathlib import Path

import pytest

from tests.chaos.restarts import DEATHS, WHILE_THEY_COME_BACK, killed
from tests.chaos.ward import Ward

STREAMS = 8


@pytest.mark.system
@pytest.mark.promise("G1")
@pytest.mark.timeout(120)
async def test_a_server_that_dies_anywhere_loses_nothing(certs: Path, tmp_path: Path) -> None:
    deaths = [death for death in DEATHS if death != WHILE_THEY_COME_BACK]
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        figures = await killed(ward, deaths, STREAMS)
    counted = [figure for figure in figures if not figure.unit]
    assert len(counted) == 3
    assert [figure for figure in counted if not figure.held] == []
