"""A soak: devices and viewers come and go, and memory, tasks, peers and descriptors stay flat (A4).

    python -m tests.chaos.soak [--seconds SECONDS] [--seed SEED]

Ten devices and two viewers are there all the time; each second another device comes, measures
and goes, with Goodbye or without, and so does a viewer.
Writes build/soak.json. Memory is judged from the slope of the second half, of five minutes or
more: below that its noise is larger than the bound.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from rpm_service.adapters.pki.credentials import ensure_server
from tests.benchmarks.load import VITALS, Device
from tests.chaos import ending
from tests.chaos.__main__ import BUILD, KEPT, table
from tests.chaos.measures import descriptors, rss_mib
from tests.chaos.proofs import Figure
from tests.chaos.slow import SlowViewer
from tests.chaos.ward import Ward

STAYING, COMING = 10, 12
LOOK_S: Final = 2.0
WARM: Final = 4000
"""Connections until grpc and the allocator have settled: bare grpc grows by 0.5 KiB each until
then, and no more after (measured with grpcio 1.85.1). At one a second that is the first hour."""
SLOPE_S_MIN: Final = 300.0
MIB_PER_H_MAX: Final = 1.0
WANDER_MAX: Final = 6
"""How many tasks, peers or descriptors the median of the last quarter may be above that of the
second: who comes and goes is counted or not."""
VALUES: Final = [value for _, _, value in VITALS]


@dataclass(frozen=True, slots=True)
class Look:
    """How much a server held at one time."""

    at: float
    rss_mib: float
    descriptors: int
    tasks: int
    peers: int
    objects: int


async def stay(ward: Ward, number: int) -> None:
    """A device that measures all the time."""
    device = Device(ward.server.target, ward.certs, f"stays-{number}")
    try:
        await device.open()
        while True:
            await device.send(VALUES)
            await asyncio.sleep(1)
    finally:
        await drop(device)


async def drop(device: Device) -> None:
    """The device is gone, whatever it was about."""
    device.call.cancel()
    await device.channel.close()
    await asyncio.gather(device.reader, return_exceptions=True)


async def come_and_go(ward: Ward) -> None:
    """Once a second a device comes, and the one before it goes."""
    goes_well = cycle((True, False))
    for number in cycle(range(COMING)):
        device = Device(ward.server.target, ward.certs, f"comes-{number}")
        begun = time.monotonic()
        await device.open()
        for _ in range(3):
            await device.send(VALUES)
        if next(goes_well):
            await device.close()
        await drop(device)
        await asyncio.sleep(max(0.0, begun + 1 - time.monotonic()))


async def look_in(ward: Ward) -> None:
    """Once a second a viewer comes, reads a frame, and goes."""
    while True:
        viewer = SlowViewer(ward, "looks-in")
        await viewer.watch()
        await viewer.read()
        await asyncio.sleep(1)
        await viewer.close()


async def warm_up(ward: Ward, connections: int) -> None:
    """Lets so many devices come and go at first, as in the first hour: then memory has settled."""

    async def come(name: str) -> None:
        device = Device(ward.server.target, ward.certs, name)
        await device.open()
        await drop(device)

    for _ in range(connections // COMING):
        await asyncio.gather(*(come(f"comes-{number}") for number in range(COMING)))


async def soak(ward: Ward, seconds: float, warm: int = 0) -> list[Look]:
    """Runs all of it, and looks at the server meanwhile."""
    counts = ward.directory / "counts.json"
    ward.server.module = "tests.chaos.counting_server"
    ward.server.environment = {"RPM_COUNTS": str(counts), "MALLOC_ARENA_MAX": "2"}
    await ward.server.start()
    await ward.viewers(count=2)
    begun = time.monotonic()
    await warm_up(ward, warm)
    ward.say(f"{warm} connections in {time.monotonic() - begun:.0f} s")
    works = [stay(ward, number) for number in range(STAYING)] + [come_and_go(ward), look_in(ward)]
    tasks = [asyncio.create_task(each) for each in works]
    looks: list[Look] = []
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        await asyncio.sleep(LOOK_S)
        for task in tasks:
            if task.done():
                task.result()
        ward.server.send(signal.SIGUSR1)
        await asyncio.sleep(0.2)
        if counts.exists():
            pid, told = ward.server.pid, json.loads(counts.read_text())
            at = time.monotonic() - began
            looks.append(Look(at, rss_mib(pid), descriptors(pid), **told))
        if len(looks) % 30 == 1:
            ward.say(str(looks[-1]))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return looks


def slope_per_h(looks: Sequence[Look]) -> float:
    """The least squares of memory over time."""
    mean_at = sum(each.at for each in looks) / len(looks)
    mean = sum(each.rss_mib for each in looks) / len(looks)
    above = sum((each.at - mean_at) * (each.rss_mib - mean) for each in looks)
    return 3600 * above / sum((each.at - mean_at) ** 2 for each in looks)


def grown(counts: Sequence[int]) -> int:
    """How far the last quarter is above the second, in the middle of each."""
    quarter = len(counts) // 4
    before, after = counts[quarter : 2 * quarter], counts[-quarter:]
    return max(0, sorted(after)[len(after) // 2] - sorted(before)[len(before) // 2])


def figures(looks: Sequence[Look], seconds: float) -> list[Figure]:
    """What a soak has shown."""
    second_half = [each for each in looks if each.at >= seconds / 2]
    slope: float | None = slope_per_h(second_half)
    note = f"from {second_half[0].rss_mib:.1f} to {second_half[-1].rss_mib:.1f} MiB"
    if seconds < 2 * SLOPE_S_MIN:
        slope, note = None, f"not run: {seconds:g} s say nothing of memory"
    return [
        Figure("A4", f"memory over {seconds / 2:g} s, an hour", slope, "MiB", MIB_PER_H_MAX, least=-1e9, note=note),
        Figure("A4", "tasks, more in the end than at first", grown([x.tasks for x in looks]), "", WANDER_MAX),
        Figure("A4", "peers that are known, likewise", grown([x.peers for x in looks]), "", WANDER_MAX),
        Figure("A4", "descriptors, more in the end than at first", grown([x.descriptors for x in looks]), "", WANDER_MAX),
    ]  # fmt: skip


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = KEPT / "soak"
    shutil.rmtree(directory, ignore_errors=True)
    ensure_server(KEPT / "certs")
    async with Ward(directory, KEPT / "certs", options.seed) as ward:
        looks = await soak(ward, options.seconds, WARM)
    found = figures(looks, options.seconds)
    (BUILD / "soak.json").write_text(json.dumps([each.row() for each in found], indent=1) + "\n")
    print(table(found))
    return 1 if any(each.held is False for each in found) else 0


if __name__ == "__main__":
    sys.exit(ending.run(main()))
