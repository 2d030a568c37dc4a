"""Viewers that read nothing, or too slowly: who notices, and who does not."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
import grpc.aio

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.sdk.channel import OPTIONS
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import monitoring_pb2_grpc
from tests.chaos.history import Record
from tests.chaos.measures import latencies, percentile, rss_mib
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward

DEVICES, FPS, VIEWERS, STUCK = 60, 2.0, 3, 20
QUIET_S, STUCK_S = 12.0, 42.0
SUBSCRIPTIONS: Final = 50
"""Each asks for another snapshot: what is on its way fills every window at once."""
CUT_S: Final = 30.0
NOTHING_S: Final = 0.010
"""A difference of p99 that says more of the machine than of viewers."""


class SlowViewer:
    """A viewer that reads when it is told."""

    def __init__(self, ward: Ward, name: str) -> None:
        own = pki.ensure_client(ward.certs, Role.USER, name)
        credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
        self.name = name
        self.told: list[tuple[int, int]] = []
        self.pause_s = 1.0
        self._channel = grpc.aio.secure_channel(ward.server.target, credentials, OPTIONS)
        self._call: Any = None

    async def watch(self, *, armed: bool = False, subscriptions: int = 1) -> None:
        self._call = monitoring_pb2_grpc.MonitoringServiceStub(self._channel).Watch()
        for _ in range(subscriptions):
            await self._call.write(m.WatchRequest(subscribe=m.Subscribe(waveforms=True)))
        presence = m.ViewerPresence(audio_armed=armed, visible=True)
        await self._call.write(m.WatchRequest(presence=presence))

    async def read(self) -> bool:
        """Reads one frame; tells whether there was one."""
        frame = await self._call.read()
        if frame is grpc.aio.EOF:
            return False
        self.told += [(each.occurrence_id, each.event_seq) for each in frame.delta.alarms]
        return True

    async def ending(self) -> tuple[grpc.StatusCode, str]:
        """Reads on; gives how the stream ended."""
        with suppress(grpc.aio.AioRpcError):
            while await self.read():
                pass
        return await self._call.code(), await self._call.details()

    async def close(self) -> None:
        if self._call is not None:
            self._call.cancel()
        await self._channel.close()


@proof("G16")
async def slow_viewers(ward: Ward) -> list[Figure]:
    """20 viewers that read nothing, and one that reads a frame a second, among three good ones."""
    await ward.server.start()
    pid = ward.server.pid
    devices = await ward.devices(count=DEVICES, fps=FPS, falters=True)
    await ward.viewers(count=VIEWERS, armed=False)
    armed = SlowViewer(ward, "armed")
    slow = SlowViewer(ward, "slow")
    stuck = [SlowViewer(ward, f"stuck-{number}") for number in range(STUCK)]
    try:
        await asyncio.sleep(2)
        began = time.time()
        await asyncio.sleep(QUIET_S)
        alone = latencies(ward.records(), began, time.time() - 1)
        before, begun = rss_mib(pid), time.time()
        await slow.watch()
        reading = asyncio.create_task(_read_slowly(slow))
        for each in (armed, *stuck):
            await each.watch(armed=each is armed, subscriptions=SUBSCRIPTIONS)
        most = before
        for _ in range(int(STUCK_S)):
            await asyncio.sleep(1)
            most = max(most, rss_mib(pid))
        beside = latencies(ward.records(), begun, time.time() - 1)
        cut = _cut(ward.server.data.parent / "server.log")
        codes = [await each.ending() for each in stuck]
        until = time.time() - 1
        # What it has not read yet is on its way to it, and it catches up.
        slow.pause_s = 0.0
        await asyncio.sleep(3)
        reading.cancel()
        missed = _missed(ward.records("event"), slow.told, begun + 2, until)
    finally:
        for each in (armed, slow, *stuck):
            await each.close()
    uncovered = [each["t"] - begun for each in ward.records("coverage")
                 if each["t"] > begun + 2 and not each["covered"]]  # fmt: skip
    await ward.finish(devices)
    told = sum(code is grpc.StatusCode.RESOURCE_EXHAUSTED and "taken" in why for code, why in codes)
    p99 = [percentile(each, 0.99) for each in (alone, beside)]
    ward.say(f"p99 {p99[0] * 1000:.1f} ms alone, {p99[1] * 1000:.1f} ms beside, {len(cut)} cut")
    share = max(0.0, p99[1] - p99[0] - NOTHING_S) / p99[0]
    return [
        Figure("G16", "p99 of good viewers beside stuck ones, above that alone", share * 100, "%", 20),
        Figure("G16", f"memory of each of {STUCK} stuck viewers", (most - before) / STUCK, "MiB", 1),
        Figure("G16", "a stuck viewer that was armed covers nothing any more", min(uncovered, default=1e3), "s", 13),
        Figure("G16", "stuck viewers that were told why they were cut", told, "", STUCK, least=STUCK),
        Figure("G16", "stuck viewers that were cut", len(cut), "", STUCK + 1, least=STUCK + 1),
        Figure("G16", "alarm events that a viewer of one frame a second missed", missed, "", 0),
    ]  # fmt: skip


async def _read_slowly(viewer: SlowViewer) -> None:
    while await viewer.read():
        await asyncio.sleep(viewer.pause_s)


def _cut(log: Path) -> set[str]:
    """Viewers of which the server says that it has cut them."""
    lines = log.read_text().splitlines()
    return {line.partition("viewer ")[2].partition(":")[0] for line in lines if "was taken" in line}


def _missed(
    events: Sequence[Record], told: Sequence[tuple[int, int]], since: float, until: float
) -> int:
    """Events of a time that good viewers had got, and the slow one has not."""
    due = {
        (each["alarm"]["occurrence_id"], each["alarm"]["event_seq"])
        for each in events
        if since <= each["t"] <= until
    }
    return len(due - set(told))
