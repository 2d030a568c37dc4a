"""Silence in every way that a network has, in short: one device of each, the bounds that count."""

from pathlib import Path

import pytest

from tests.chaos import links
from tests.chaos.ward import Ward


@pytest.mark.system
@pytest.mark.promise("G2")
@pytest.mark.promise("G7")
@pytest.mark.spec("LIVE-19")
async def test_silence_is_noticed_on_both_sides(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "DEVICES", 1)
    # What a busy machine adds to an age is not what is tested here.
    monkeypatch.setattr(links, "STALE_S_MAX", links.NOTICED_S_MAX)
    monkeypatch.setattr(links, "NOT_MONITORING_S_MAX", links.NOT_MONITORING_S_MAX + 1.5)
    async with Ward(tmp_path / "ward", certs, seed=1) as ward:
        figures = await links.silent_peers(ward)
    assert [figure for figure in figures if not figure.held] == []
