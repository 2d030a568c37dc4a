"""A wall clock that is set while patients are watched: nothing that counts time notices."""

import asyncio
import time
from pathlib import Path
from typing import Final

from tests.chaos.proofs import LIBFAKETIME, Figure, proof
from tests.chaos.silence import VIEWERS, freeze, pairs, slowest, starts, thaw, went_stale
from tests.chaos.ward import Ward

HOUR_S: Final = 3600
STEPS: Final = {
    "an hour ahead": lambda _: HOUR_S,
    "an hour behind": lambda _: -HOUR_S,
    "right": lambda _: 0,
    "of 1970": lambda now: 86_400 - now,
    "of 2038, beyond 31 bits": lambda now: 2**31 + 60 - now,
}
"""How far the server's wall clock is off then, in seconds."""
STEP_S: Final = 3.0
ALARM_S_MAX, LOST_S, LOST_S_MAX = 1.0, 5.0, 12.0
OF_TIME: Final = ("CONNECTION_LOST", "METRIC_STALE", "DEVICE_CLOCK_OFF")
"""Alarms that a clock could raise falsely."""


@proof("G6", needs=("libfaketime",), waits=True)
async def clock_steps(ward: Ward) -> list[Figure]:
    """The server's wall clock jumps by an hour and by decades: no alarm is late, none is false."""
    clock = ward.directory / "clock"
    _set(clock, 0)
    ward.server.environment = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
    }
    await ward.server.start()
    await ward.viewers(count=VIEWERS, looks=True)
    falters = await ward.devices(name="falters", count=5, fps=4.0, falters=True, beats_s=(1.0, 3.0))
    frozen = await ward.devices(name="frozen", count=5, fps=4.0)
    await asyncio.sleep(STEP_S)
    begun = time.time()
    for what, off_s in STEPS.items():
        ward.say(f"the wall clock is {what}")
        _set(clock, off_s(time.time()))
        await asyncio.sleep(STEP_S)
    false = [each for condition in OF_TIME for each in starts(ward, condition)]
    stale = [each for each in went_stale(ward, ["HR"]) if each["t"] >= begun]
    ward.say("devices freeze, and the clock goes back")
    at = freeze(frozen.pid)
    await asyncio.sleep(STEP_S)
    _set(clock, -HOUR_S)
    await asyncio.sleep(LOST_S_MAX - STEP_S)
    thaw(frozen.pid)
    _set(clock, 0)
    await frozen.wait_for("back")
    await ward.finish(falters, frozen)
    verdict = ward.check()
    lost = slowest(starts(ward, "CONNECTION_LOST"), at, pairs("frozen"))
    return [
        Figure("G6", f"{len(STEPS)} steps of the wall clock: false alarms", len(false), "", 0),
        Figure("G6", "values that were shown as old", len(stale), "", 0),
        Figure("G6", f"{verdict.alarms} alarms meanwhile: all within", max(verdict.latencies), "s", ALARM_S_MAX),
        Figure("G6", "a frozen device is CONNECTION_LOST all the same", lost, "s", LOST_S_MAX, LOST_S),
        Figure("G6", "lost, duplicated or missed", len(list(verdict.lines())), "", 0),
    ]  # fmt: skip


def _set(clock: Path, off_s: float) -> None:
    """In one step: half a time is none."""
    written = clock.with_suffix(".new")
    written.write_text(f"{off_s:+.0f}\n")
    written.replace(clock)
