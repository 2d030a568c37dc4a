"""Streams what devices have to say, each thing when it is due, until all of it is safe."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Final

from rpm_service.sdk import (
    Credentials,
    GoodbyeReason,
    Monitor,
    Observation,
    Refusal,
    TelemetryClient,
)

BEHIND_S: Final = 0.25
"""How long ago the first observation was when it is sent.

The server measures a device's clock when the device connects, to the precision of one way over
the network, and moves what then seems to come from the future. This much is never that.
"""
DRAIN_S: Final = 30.0
"""How long the server may take to have everything on disk."""


class Unreachable(Exception):
    """No device has reached the server; the message says why, in one line."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"{server} cannot be reached: {reason}")
        self.server = server
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Device:
    """A device or gateway to be played.

    `frames` gives what it says from `begin` (Unix seconds) on: frames of observations, each due
    when the first of them was observed. In the stretch `silence` (from, until; seconds after
    the beginning) it sends nothing at all, and what it then has to say comes after.
    """

    credentials: Credentials
    monitors: Sequence[Monitor]
    frames: Callable[[float], Iterable[Sequence[Observation]]]
    silence: tuple[float, float] | None = None


class Streams:
    """Devices that stream to one server side by side.

    `clock_rate` other than 1 is for tests: that many seconds pass in one, on a clock that is
    set by the server's. `on_notice` is told in one line what a person should know: the server
    is gone, is back, refuses a value.
    """

    def __init__(
        self,
        server: str,
        devices: Sequence[Device],
        *,
        software: str,
        clock_rate: float = 1.0,
        on_notice: Callable[[str], None],
    ) -> None:
        self.position_s = 0.0
        """How far the first of them has come."""
        self._server = server
        self._devices = devices
        self._software = software
        self._rate = clock_rate
        self._tell = on_notice
        self._clients: list[TelemetryClient] = []
        self._away: dict[int, str] = {}
        self._refusal_told = False

    @property
    def frames(self) -> int:
        """Frames that the devices had to say."""
        return sum(client.counters.frames for client in self._clients)

    @property
    def acked(self) -> int:
        """Frames that the server has on disk."""
        return sum(client.counters.frames_acked for client in self._clients)

    @property
    def refused(self) -> int:
        """Frames that the server did not take, or not the whole of."""
        counters = [client.counters for client in self._clients]
        return sum(each.frames_refused + each.frames_partly_refused for each in counters)

    async def run(self, seconds: float | None = None, stop: asyncio.Event | None = None) -> None:
        """Plays every device from when it is connected, then waits until all is acknowledged.

        Ends when all has been said, `seconds` after the beginning, or at `stop`, each device
        with Goodbye. A server that is lost on the way is waited for; at the end, for DRAIN_S.
        Raises Unreachable where it was not there within `seconds`, and sdk.Refused.
        """
        stop = stop or asyncio.Event()
        tasks = [asyncio.create_task(self._stream(each, seconds, stop)) for each in self._devices]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if seconds is not None and not any(client.counters.connects for client in self._clients):
            reason = next(iter(self._away.values()), "no answer")
            raise Unreachable(self._server, reason)

    async def _stream(self, device: Device, seconds: float | None, stop: asyncio.Event) -> None:
        clock = _TestClock(self._rate) if self._rate != 1.0 else time.time
        number = len(self._clients)
        client = TelemetryClient(
            self._server,
            device.credentials,
            device.monitors,
            software=self._software,
            clock=clock,
            clock_rate=self._rate,
            on_refusal=self._on_refusal,
            on_connected=partial(self._on_connected, number),
            on_disconnected=partial(self._on_disconnected, number),
        )
        self._clients.append(client)
        async with client:
            playing = asyncio.create_task(self._play(client, clock, device, seconds))
            stopping = asyncio.create_task(stop.wait())
            try:
                await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                playing.cancel()
            await asyncio.wait((playing,))
            with suppress(asyncio.CancelledError, TimeoutError):
                playing.result()
            if client.counters.connects:
                await _leave(client)

    async def _play(
        self,
        client: TelemetryClient,
        clock: Callable[[], float],
        device: Device,
        seconds: float | None,
    ) -> None:
        """Says everything in its time. Raises TimeoutError where the server is not there."""
        await client.connected(None if seconds is None else seconds / self._rate)
        if isinstance(clock, _TestClock):
            clock.set(client.server_clock)
        begin = clock() - BEHIND_S
        frames: Iterator[Sequence[Observation]] = iter(device.frames(begin))
        if seconds is not None:
            end = begin + seconds
            frames = takewhile(lambda frame: frame[0].observed_at < end, frames)
        silent_from, silent_until = device.silence or (0.0, 0.0)
        for frame in frames:
            due = frame[0].observed_at
            await asyncio.sleep(max(0.0, (due - clock()) / self._rate))
            since_s = due - begin
            if silent_from <= since_s < silent_until:
                client.hush((silent_until - since_s) / self._rate)
            client.observe_many(frame)
            self.position_s = max(self.position_s, since_s)

    def _on_refusal(self, refusal: Refusal) -> None:
        if not self._refusal_told:
            self._refusal_told = True
            self._tell(f"the server refused {refusal.field}: {refusal.reason}")

    def _on_disconnected(self, number: int, details: str) -> None:
        # What grpc says before these words holds for every failure.
        reason = details.rpartition("last error: ")[2]
        if not self._away:
            self._tell(f"{self._server}: {reason}; trying again")
        self._away[number] = reason

    def _on_connected(self, number: int) -> None:
        if self._away.pop(number, None) is not None and not self._away:
            self._tell(f"{self._server}: connected")


async def _leave(client: TelemetryClient) -> None:
    client.hush(0.0)
    with suppress(TimeoutError):
        await client.drained(DRAIN_S)
        await client.goodbye(GoodbyeReason.SHUTDOWN)


class _TestClock:
    """A clock that runs faster, from a time that the server says; until then 0, not stated."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._set_to = 0.0
        self._set_at = 0.0

    def set(self, now: float) -> None:
        self._set_to, self._set_at = now, time.monotonic()

    def __call__(self) -> float:
        if not self._set_to:
            return 0.0
        return self._set_to + (time.monotonic() - self._set_at) * self._rate
