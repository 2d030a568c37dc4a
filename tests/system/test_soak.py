"""A soak in short: who comes and goes leaves no task, no peer and no descriptor behind."""

from pathlib import Path

import pytest

from tests.chaos.soak import figures, soak
from tests.chaos.ward import Ward

SECONDS = 20.0


@pytest.mark.system
@pytest.mark.promise("A4")
@pytest.mark.spec("ABUSE-11")
async def test_comings_and_goings_leave_nothing_behind(certs: Path, tmp_path: Path) -> None:
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        looks = await soak(ward, SECONDS)
    assert len(looks) >= 4
    found = figures(looks, SECONDS)
    assert [each.held for each in found] == [None, True, True, True], found
