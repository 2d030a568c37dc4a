"""Alarms reach somebody in time, and where they do not, that is told."""

import asyncio
from math import inf
from typing import Final

from tests.chaos.proofs import Figure, proof
from tests.chaos.silence import starts
from tests.chaos.ward import Ward

STREAMS, PROCESSES, VIEWERS, SECONDS = 125, 2, 10, 25.0
BEATS_S: Final = (5.0, 40.0)
P50_S_MAX, P99_S_MAX, ALL_S_MAX = 0.1, 0.5, 1.0
NOT_DELIVERED_S, NOT_DELIVERED_S_MAX, TOLD_S_MAX = 10.0, 12.0, 2.0


@proof("G4")
async def alarms_under_load(ward: Ward) -> list[Figure]:
    """Alarms of many devices are at every viewer in time."""
    await ward.server.start()
    await ward.viewers(count=VIEWERS)
    devices = [
        await ward.devices(
            name=f"device{number}", count=STREAMS, fps=1.0, falters=True, beats_s=BEATS_S
        )
        for number in range(PROCESSES)
    ]
    ward.say(f"{STREAMS * PROCESSES} devices, {VIEWERS} viewers, for {SECONDS:g} s")
    await asyncio.sleep(SECONDS)
    await ward.finish(*devices)
    verdict = ward.check()
    took = sorted(verdict.latencies)
    what = f"{verdict.alarms} alarms of {STREAMS * PROCESSES} devices to {VIEWERS} viewers"
    return [
        Figure("G4", f"{what}: half of them within", took[len(took) // 2], "s", P50_S_MAX),
        Figure("G4", "99 of 100 within", took[len(took) * 99 // 100], "s", P99_S_MAX),
        Figure("G4", "all within", took[-1], "s", ALL_S_MAX),
        Figure("G4", "missed, lost or duplicated", len(list(verdict.lines())), "", 0),
    ]


@proof("G9", waits=True)
async def nobody_confirms(ward: Ward) -> list[Figure]:
    """What nobody confirms is NOT_DELIVERED, and the device is told that nobody answers."""
    await ward.server.start()
    await ward.viewers(count=2, confirms=False)
    devices = await ward.devices(count=1, fps=2.0)
    await asyncio.sleep(1)
    ward.say("a heart stands still, and nobody confirms")
    devices.say("still")
    await asyncio.sleep(NOT_DELIVERED_S_MAX + TOLD_S_MAX)
    devices.say("beat")
    await ward.finish(devices)
    began = next(each["t"] for each in ward.records("began"))
    raised = max((each["t"] for each in starts(ward, "NOT_DELIVERED")), default=inf)
    told = next(
        (
            each["t"]
            for each in ward.records("coverage")
            if each["t"] >= began and not each["covered"]
        ),
        inf,
    )
    return [
        Figure("G9", "what nobody confirms is NOT_DELIVERED", raised - began, "s", NOT_DELIVERED_S_MAX, NOT_DELIVERED_S),
        Figure("G9", "and its device is told that nobody answers, after", max(0.0, told - raised), "s", TOLD_S_MAX),
    ]  # fmt: skip
