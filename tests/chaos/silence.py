"""Whatever falls silent is told of: a device, or one of its metrics. Servers and links: links."""

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from tests.chaos.history import Record
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward

DEVICES, VIEWERS, FPS = 5, 3, 4.0
SETTLED_S: Final = 3.0
FROZEN_S: Final = 13.0
STALE_S, STALE_S_MAX, LOST_S_MAX = 4.5, 6.0, 12.0
AGAIN_S_MAX: Final = 2.0
METRIC_STALE_S_MAX: Final = 7.0
"""A metric is called stale once something else has come after its time: a second more."""


def freeze(*frozen: int) -> float:
    """SIGSTOP: the kernel still answers for the process, and nobody else does; gives when."""
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    return time.time()


def thaw(*frozen: int) -> float:
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    return time.time()


def slowest(records: Iterable[Record], at: float, pairs: set[tuple[str, str]]) -> float:
    """How long after `at` the last of these viewers was first told of the last of these devices.

    Infinite where one of them never was.
    """
    found = {}
    for viewer, device, t in _told(records):
        if t >= at:
            found.setdefault((viewer, device), t - at)
    return max(found.get(pair, float("inf")) for pair in pairs)


def _told(records: Iterable[Record]) -> Iterator[tuple[str, str, float]]:
    for record in records:
        device = record["alarm"]["device_id"] if "alarm" in record else record["device"]
        yield record["viewer"], device, record["t"]


def starts(ward: Ward, condition: str) -> list[Record]:
    """Every beginning of such an alarm that came to a viewer."""
    return [
        record
        for record in ward.records("event")
        if (record["alarm"]["condition"], record["alarm"]["phase"]) == (condition, "start")
    ]


def went_stale(ward: Ward, metrics: Sequence[str]) -> list[Record]:
    """Every time that a viewer no longer showed one of these metrics as current."""
    return [
        record
        for record in ward.records("shown")
        if not record["current"] and record["metric"] in metrics
    ]


def pairs(name: str) -> set[tuple[str, str]]:
    """Every viewer with every device of a process."""
    return {
        (f"viewer-{viewer}", f"{name}-{device:03}")
        for viewer in range(VIEWERS)
        for device in range(DEVICES)
    }


@proof("G2", "G3", waits=True)
async def silent_devices(ward: Ward) -> list[Figure]:
    """Frozen devices are stale and then lost at every viewer; what held before calls again."""
    await ward.server.start()
    await ward.viewers(count=VIEWERS, looks=True)
    frozen = await ward.devices(name="frozen", count=DEVICES, fps=FPS)
    flowing = await ward.devices(name="flowing", count=DEVICES, fps=FPS)
    frozen.say("still")
    await asyncio.sleep(SETTLED_S)
    ward.say("devices are frozen in the midst of an alarm")
    at = freeze(frozen.pid)
    await asyncio.sleep(FROZEN_S)
    again = thaw(frozen.pid)
    ward.say("and thawed")
    await frozen.wait_for("back")
    await asyncio.sleep(SETTLED_S)
    frozen.say("beat")
    await ward.finish(frozen, flowing)
    verdict = ward.check()
    stale, lost = went_stale(ward, ["HR"]), starts(ward, "CONNECTION_LOST")
    back = max(each["t"] for each in ward.records("connected"))
    called = slowest(starts(ward, "ASYSTOLE"), again, pairs("frozen")) - (back - again)
    others = [
        device
        for _, device, t in _told([*stale, *lost])
        if device.startswith("flowing") and at <= t < again
    ]
    return [
        Figure("G2", "a frozen device is stale at every viewer", slowest(stale, at, pairs("frozen")), "s", STALE_S_MAX, STALE_S),
        Figure("G2", "and CONNECTION_LOST", slowest(lost, at, pairs("frozen")), "s", LOST_S_MAX),
        Figure("G2", "others that are stale or lost", len(others), "", 0),
        Figure("G2", "lost, duplicated or missed", len(list(verdict.lines())), "", 0),
        Figure("G3", "what held before calls again after the device is back", called, "s", AGAIN_S_MAX),
    ]  # fmt: skip


@proof("G5", waits=True)
async def silent_metric(ward: Ward) -> list[Figure]:
    """A metric that stops while others go on is stale at every viewer, and an alarm."""
    await ward.server.start()
    await ward.viewers(count=VIEWERS, looks=True)
    devices = await ward.devices(count=DEVICES, fps=FPS)
    await asyncio.sleep(SETTLED_S)
    ward.say("the saturation is reported no more")
    at = time.time()
    devices.say("part")
    await asyncio.sleep(2 + STALE_S_MAX)
    devices.say("whole")
    await asyncio.sleep(SETTLED_S)
    await ward.finish(devices)
    shown = slowest(went_stale(ward, ["SpO2"]), at, pairs("device"))
    raised = slowest(starts(ward, "METRIC_STALE"), at, pairs("device"))
    others = [each for each in went_stale(ward, ["HR"]) if at <= each["t"] < at + STALE_S_MAX]
    ended = {
        record["alarm"]["device_id"]
        for record in ward.records("event")
        if (record["alarm"]["condition"], record["alarm"]["phase"]) == ("METRIC_STALE", "end")
    }
    return [
        Figure("G5", "a metric that stops is stale at every viewer", shown, "s", STALE_S_MAX, STALE_S),
        Figure("G5", "and METRIC_STALE", raised, "s", METRIC_STALE_S_MAX),
        Figure("G5", "other metrics that are stale", len(others), "", 0),
        Figure("G5", "alarms that end once it is reported again", len(ended), "", DEVICES, DEVICES),
    ]  # fmt: skip
