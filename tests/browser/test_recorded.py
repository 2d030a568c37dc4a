"""Recordings of real patients that `rpm-service replay` plays, as the page shows them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Locator, expect

from tests.browser.page import number, page_of, tile
from tests.browser.picture import drawn, fit, places
from tests.support.process import rpm_service

pytestmark = [pytest.mark.browser, pytest.mark.system]

NUMERICS = {"HR": 1, "PR": 2, "RR": 3, "SpO₂": 4}
"""Columns of `bidmc_01_Numerics.csv`; a row a second."""
LANES = {"Resp": 1, "Pleth": 2, "V": 3, "aVR": 4, "II": 5}
"""Columns of `bidmc_01_Signals.csv`, as the lanes of a picture from its top."""
RATE_HZ = 125
PLAYED_S = 60
"""The test is over before."""

NEXT_VALUES = """
(place, wanted) => new Promise((done) => {
  const values = [];
  const look = () => {
    const value = place.innerText;
    if (/^\\d+$/.test(value) && value !== values.at(-1)) values.push(value);
    if (values.length === wanted) done(values);
  };
  new MutationObserver(look).observe(place, {subtree: true, childList: true, characterData: true});
  look();
})
"""
"""The next values that a place shows, one after the other."""


@pytest.fixture(scope="module")
def played(ward, recordings: Path) -> Iterator[tuple[str, str]]:
    """The beds of two recordings: one with waveforms, one whose SpO2 is low all the time."""
    parts = ("01_Numerics", "01_Signals", "32_Numerics")
    files = [recordings / "bidmc" / f"bidmc_{part}.csv" for part in parts]
    where = ("--server", ward.target, "--certs", ward.certs, "--json")
    with rpm_service("replay", *files, *where, "--device", "played"):
        yield "played-bidmc_01", "played-bidmc_32"


def rows(path: Path) -> np.ndarray:
    return np.genfromtxt(path, delimiter=",", skip_header=1)


def changes(values: Iterable[float]) -> list[str]:
    """Values one after the other, as they are shown."""
    return [f"{value:.0f}" for value, _ in groupby(values)]


def is_within(some: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether some values are those of the whole in their order, but for values left out."""
    left = iter(whole)
    return all(each in left for each in some)


async def assert_recorded(waveforms: Locator, lanes: int, seconds: float, signals: np.ndarray):
    """What is drawn are the waveforms of the recording, all from one place of it."""
    traces, per_second = await drawn(waveforms, lanes, seconds)
    columns = list(LANES.values())[:lanes]
    fits = [
        fit(trace, per_second, signals[:, column], RATE_HZ)
        for trace, column in zip(traces, columns, strict=True)
    ]
    together_s, found = places(fits, RATE_HZ)
    print(
        f"together at {together_s:.3f} s", [f"{each:.4f} at {at_s:.3f} s" for at_s, each in found]
    )
    assert all(each > 0.9 for _, each in found)
    begins = [at_s for at_s, _ in found]
    assert max(begins) - min(begins) <= 2 / RATE_HZ


@pytest.mark.spec("STATION-95")
async def test_a_recording_is_on_the_page_as_it_was_recorded(ward, recordings, played, browser):
    numerics = rows(recordings / "bidmc/bidmc_01_Numerics.csv")[:PLAYED_S]
    signals = rows(recordings / "bidmc/bidmc_01_Signals.csv")[: PLAYED_S * RATE_HZ]
    with_waveforms, _ = played
    async with page_of(ward, browser) as page:
        await page.get_by_label("Find a bed").fill(with_waveforms)
        bed = tile(page, with_waveforms)
        shown = await number(bed, "HR").locator(".value").evaluate(NEXT_VALUES, 3)
        assert is_within(shown, changes(numerics[:, NUMERICS["HR"]]))
        await assert_recorded(bed, lanes=3, seconds=2, signals=signals)
        await bed.get_by_role("button", name=with_waveforms, exact=True).click()
        whole = page.get_by_role("region", name=f"Bed {with_waveforms}")
        for name, column in NUMERICS.items():
            await expect(number(whole, name).locator(".age")).to_have_text("now")
            value = await number(whole, name).locator(".value").inner_text()
            assert value in changes(numerics[:, column])
        await assert_recorded(whole, lanes=5, seconds=5, signals=signals)


@pytest.mark.spec("STATION-5")
async def test_a_low_saturation_that_was_recorded_alarms_on_the_page(ward, played, browser):
    _, low = played
    async with page_of(ward, browser) as page:
        bed = tile(page, low)
        await expect(bed.locator("header")).to_contain_text("!! SpO₂ 8")
        await expect(bed).to_contain_class("medium")
        await expect(number(bed, "SpO₂").locator(".value")).to_have_text(re.compile("8[45]"))
