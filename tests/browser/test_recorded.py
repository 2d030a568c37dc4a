"""Recordings of real patients that `rpm-service replay` plays, as the page shows them."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from playwright.async_api import Locator, expect

from tests.browser.page import number, page_of, tile
from tests.support.process import rpm_service

pytestmark = [pytest.mark.browser, pytest.mark.system]

NUMERICS = {"HR": 1, "PR": 2, "RR": 3, "SpO₂": 4}
"""Columns of `bidmc_01_Numerics.csv`; a row a second."""
LANES = {"Resp": 1, "Pleth": 2, "V": 3, "aVR": 4, "II": 5}
"""Columns of `bidmc_01_Signals.csv`, as the lanes of a picture from its top."""
RATE_HZ = 125
PLAYED_S = 60
"""The test is over before."""
PIXELS_PER_S = 25 * 96 / 25.4
"""At 25 mm/s, where a picture has room for SWEEP_S_MIN."""
SWEEP_S_MIN = 3

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

TRACES = """
(canvas, lanes) => {
  const {width, height} = canvas;
  const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
  const lane = height / lanes;
  const centre = (x, top) => {
    let ink = 0;
    let moment = 0;
    for (let y = Math.ceil(top); y < top + lane; y++) {
      const alpha = data[4 * (y * width + x) + 3];
      ink += alpha;
      moment += alpha * y;
    }
    return ink > 0 ? moment / ink : NaN;
  };
  return Array.from({length: lanes}, (_, place) =>
    Array.from({length: width}, (_, x) => centre(x, place * lane)));
}
"""
"""How far from the top the ink of each lane stands in each column of a picture; NaN: no ink."""


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


def newest_last(lanes: np.ndarray) -> np.ndarray:
    """A picture is a ring: turns it so that the eraser, its widest empty part, comes last."""
    empty = np.isnan(lanes).all(axis=0)
    turned = -int(np.flatnonzero(~empty)[0])
    runs = [(key, len(list(run))) for key, run in groupby(np.roll(empty, turned))]
    ends = np.cumsum([length for _, length in runs])
    widest = max((length, end) for (key, length), end in zip(runs, ends, strict=True) if key)
    return np.roll(lanes, turned - widest[1], axis=1)[:, : -widest[0]]


async def drawn(waveforms: Locator, lanes: int, seconds: float) -> tuple[np.ndarray, float]:
    """The newest seconds of each lane, upwards, and how many columns of them a second has."""
    canvas = waveforms.locator("canvas")
    async with asyncio.timeout(20):
        while True:
            traces = np.array(await canvas.evaluate(TRACES, lanes), dtype=float)
            width = traces.shape[1]
            per_second = width / max(SWEEP_S_MIN, width / PIXELS_PER_S)
            newest = newest_last(traces)[:, -round(seconds * per_second) :]
            if newest.shape[1] >= seconds * per_second - 1 and not np.isnan(newest).any():
                return -newest, per_second
            await asyncio.sleep(0.2)


def found(trace: np.ndarray, per_second: float, recorded: np.ndarray) -> tuple[float, float]:
    """Where in a recording something that was drawn is, in seconds, and how well it fits there."""
    begins = np.arange(0, PLAYED_S, 1 / RATE_HZ)
    at = begins[:, None] + np.arange(len(trace)) / per_second
    there = np.interp(at, np.arange(len(recorded)) / RATE_HZ, recorded)
    there -= there.mean(axis=1, keepdims=True)
    here = trace - trace.mean()
    fit = there @ here / (np.linalg.norm(there, axis=1) * np.linalg.norm(here))
    best = int(np.nanargmax(fit))
    return float(begins[best]), float(fit[best])


async def assert_recorded(waveforms: Locator, lanes: int, seconds: float, signals: np.ndarray):
    """What is drawn are the waveforms of the recording, all from one place of it."""
    traces, per_second = await drawn(waveforms, lanes, seconds)
    columns = list(LANES.values())[:lanes]
    places = [
        found(trace, per_second, signals[:, column])
        for trace, column in zip(traces, columns, strict=True)
    ]
    print([f"{fit:.4f} at {begin_s:.3f} s" for begin_s, fit in places])
    assert all(fit > 0.9 for _, fit in places)
    begins = [begin_s for begin_s, _ in places]
    assert max(begins) - min(begins) <= 2 / RATE_HZ


@pytest.mark.spec("STATION-95")
async def test_a_recording_is_on_the_page_as_it_was_recorded(ward, recordings, played, browser):
    numerics = rows(recordings / "bidmc/bidmc_01_Numerics.csv")[:PLAYED_S]
    signals = rows(recordings / "bidmc/bidmc_01_Signals.csv")
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
        await expect(bed.locator("header")).to_contain_text("!! SpO₂ 8", timeout=30_000)
        await expect(bed).to_contain_class("medium")
        await expect(number(bed, "SpO₂").locator(".value")).to_have_text(re.compile("8[45]"))
