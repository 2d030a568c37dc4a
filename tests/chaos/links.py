"""Peers that fall silent in every way that a network has: noticed in time, on both sides."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from tests.chaos.history import Record
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward, after
from tests.support.faulty_link import FaultyLink

DEVICES, VIEWERS = 4, 2
SETTLE_S: Final = 3.0
STALE_S_MAX, NOTICED_S_MAX, NOT_MONITORING_S_MAX = 6.0, 12.0, 5.0
NEVER_S: Final = 1000.0
HOW: Final = ("frozen", "hole", "deaf", "half-open")
"""A process that is stopped; a link that swallows everything; one that swallows what the server
says; connections that are broken for the device alone."""


@asynccontextmanager
async def linked(ward: Ward) -> AsyncIterator[FaultyLink]:
    """A link to the ward's server that fails on demand."""
    host, _, port = ward.server.target.rpartition(":")
    async with FaultyLink(host, int(port)) as link:
        yield link


def left(records: Sequence[Record], began: float, what: str, who: str, names: set[str]) -> float:
    """How long until the last of these peers had noticed."""
    noticed = after([each for each in records if each["what"] == what], began, who)
    return max(noticed.get(name, NEVER_S) for name in names)


def stale(records: Sequence[Record], began: float, devices: set[str]) -> float:
    """How long any viewer went on to show a value of these devices as current."""
    current: dict[tuple[str, str, str], bool] = {}
    last = began
    for each in records:
        if each["what"] == "shown" and each["device"] in devices:
            current[each["viewer"], each["device"], each["metric"]] = each["current"]
            if each["t"] >= began and not each["current"]:
                last = each["t"]
    return NEVER_S if any(current.values()) else last - began


def lost(records: Sequence[Record], began: float, devices: set[str]) -> float:
    """How long until every viewer that watches had heard that all their connections are lost."""
    slowest = 0.0
    for viewer in named("viewer", VIEWERS, 1):
        told = [
            {"t": each["t"], "device": each["alarm"]["device_id"]}
            for each in records
            if each["what"] == "event"
            and each["viewer"] == viewer
            and each["alarm"]["condition"] == "CONNECTION_LOST"
        ]
        heard = after(told, began, "device")
        slowest = max(slowest, *(heard.get(device, NEVER_S) for device in devices))
    return slowest


def named(name: str, count: int, digits: int) -> set[str]:
    return {f"{name}-{number:0{digits}}" for number in range(count)}


@proof("G2", "G7", waits=True)
async def silent_peers(ward: Ward) -> list[Figure]:
    """Devices and viewers that are frozen, black-holed, deaf or half-open, all at once for 13 s."""
    await ward.server.start()
    await ward.viewers(count=VIEWERS, looks=True)
    async with AsyncExitStack() as stack:
        links = {how: await stack.enter_async_context(linked(ward)) for how in HOW}
        devices = {how: await ward.devices(name=how, count=DEVICES, fps=2, target=link.target)
                   for how, link in links.items()}  # fmt: skip
        watchers = {how: await ward.viewers(name=f"watcher-{how}", target=links[how].target)
                    for how in ("hole", "deaf")}  # fmt: skip
        await asyncio.sleep(SETTLE_S)
        began = time.time()
        devices["frozen"].send(signal.SIGSTOP)
        links["hole"].swallow()
        links["deaf"].down.swallow()
        # Whoever connects again gets nowhere either.
        links["half-open"].swallow()
        links["half-open"].forget()
        await asyncio.sleep(NOTICED_S_MAX + 1)
        records, healed = ward.records(), time.time()
        devices["frozen"].send(signal.SIGCONT)
        for link in links.values():
            link.heal()
        for child in (*devices.values(), *watchers.values()):
            await child.wait_for("back")
        await ward.finish(*devices.values())
    verdict, since = ward.check(), ward.records("connected")
    figures: list[Figure] = []
    for how in HOW:
        who = named(how, DEVICES, 3)
        if how != "deaf":
            stale_s = stale(records, began, who)
            figures.append(Figure("G2", f"{how}: stale at every viewer", stale_s, "s", STALE_S_MAX))
        lost_s = lost(records, began, who)
        what = f"{how}: CONNECTION_LOST at every viewer"
        figures.append(Figure("G2", what, lost_s, "s", NOTICED_S_MAX))
        if how != "frozen":
            device_s = left(records, began, "disconnected", "device", who)
            figures.append(
                Figure("G2", f"{how}: the devices notice too", device_s, "s", NOTICED_S_MAX)
            )
    everybody = {name for how in HOW for name in named(how, DEVICES, 3)}
    for how in watchers:
        viewer_s = left(records, began, "lost", "viewer", {f"watcher-{how}-0"})
        what = f"{how}: its viewer says NOT MONITORING"
        figures.append(Figure("G7", what, viewer_s, "s", NOT_MONITORING_S_MAX))
    back_s = left(since, healed, "connected", "device", everybody)
    return [
        *figures,
        Figure("G2", "all is well again: every device is back", back_s, "s", NOTICED_S_MAX),
        Figure("G2", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
    ]


@proof("G7", "G2", waits=True)
async def frozen_server(ward: Ward) -> list[Figure]:
    """A server whose process is frozen, with every connection open, for 13 s."""
    await ward.server.start()
    devices = await ward.devices(count=DEVICES, fps=2)
    viewers = await ward.viewers(count=VIEWERS)
    await asyncio.sleep(SETTLE_S)
    began = time.time()
    ward.server.send(signal.SIGSTOP)
    await asyncio.sleep(NOTICED_S_MAX + 1)
    ward.server.send(signal.SIGCONT)
    records = ward.records()
    await devices.wait_for("back")
    await viewers.wait_for("back")
    lives = len(ward.server.runs)
    await ward.finish(devices)
    verdict = ward.check()
    viewer_s = left(records, began, "lost", "viewer", named("viewer", VIEWERS, 1))
    device_s = left(records, began, "disconnected", "device", named("device", DEVICES, 3))
    return [
        Figure("G7", "frozen server: every viewer says NOT MONITORING", viewer_s, "s", NOT_MONITORING_S_MAX),
        Figure("G2", "frozen server: every device notices", device_s, "s", NOTICED_S_MAX),
        Figure("G7", "frozen server: it goes on, and is not started anew", lives, "lives", 1),
        Figure("G2", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
    ]  # fmt: skip
