"""What is drawn of waveforms, read back from a picture's pixels and found again in a recording."""

import asyncio
from collections.abc import Sequence
from itertools import groupby

import numpy as np
from playwright.async_api import Locator

PIXELS_PER_S = 25 * 96 / 25.4
"""At 25 mm/s, where a picture has room for SWEEP_S_MIN."""
SWEEP_S_MIN = 3
DRAWN_S_MAX = 20
"""Until then what is looked for must have been drawn."""

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


def newest_last(lanes: np.ndarray) -> np.ndarray:
    """A picture is a ring: turns it so that the eraser, its widest empty part, comes last."""
    empty = np.isnan(lanes).all(axis=0)
    if empty.all():
        return lanes[:, :0]
    turned = -int(np.flatnonzero(~empty)[0])
    runs = [(key, len(list(run))) for key, run in groupby(np.roll(empty, turned))]
    ends = np.cumsum([length for _, length in runs])
    widest = max((length, end) for (key, length), end in zip(runs, ends, strict=True) if key)
    return np.roll(lanes, turned - widest[1], axis=1)[:, : -widest[0]]


async def drawn(waveforms: Locator, lanes: int, seconds: float) -> tuple[np.ndarray, float]:
    """The newest seconds of each lane, upwards, and how many columns of them a second has."""
    canvas = waveforms.locator("canvas")
    async with asyncio.timeout(DRAWN_S_MAX):
        while True:
            traces = np.array(await canvas.evaluate(TRACES, lanes), dtype=float)
            width = traces.shape[1]
            per_second = width / max(SWEEP_S_MIN, width / PIXELS_PER_S)
            newest = newest_last(traces)[:, -round(seconds * per_second) :]
            if newest.shape[1] >= seconds * per_second - 1 and not np.isnan(newest).any():
                return -newest, per_second
            await asyncio.sleep(0.2)


NEAR_S = 0.5
"""A wave that is much like the one before is looked for where the others are."""


def places(fits: Sequence[np.ndarray], rate_hz: float) -> tuple[float, list[tuple[float, float]]]:
    """Where in a recording all traces together fit best; and each, near there, and how well."""
    best = int(np.nanargmax(sum(fits)))
    near = max(0, best - round(NEAR_S * rate_hz))
    each = []
    for fit in fits:
        own = near + int(np.nanargmax(fit[near : best + round(NEAR_S * rate_hz) + 1]))
        each.append((own / rate_hz, float(fit[own])))
    return best / rate_hz, each


def fit(trace: np.ndarray, per_second: float, recorded: np.ndarray, rate_hz: float) -> np.ndarray:
    """How well something that was drawn fits a recording from each of its samples on, up to 1."""
    last_s = len(recorded) / rate_hz - len(trace) / per_second
    begins = np.arange(0, last_s, 1 / rate_hz)
    at = begins[:, None] + np.arange(len(trace)) / per_second
    there = np.interp(at, np.arange(len(recorded)) / rate_hz, recorded)
    there -= there.mean(axis=1, keepdims=True)
    here = trace - trace.mean()
    return there @ here / (np.linalg.norm(there, axis=1) * np.linalg.norm(here))
