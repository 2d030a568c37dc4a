"""A crowd of devices, each with a connection of its own, in a process of their own; no SDK.

    python -m tests.chaos.crowd '{"target": ..., "certs": ..., "history": ..., ...}'

Says `certified` once every device has its certificate, and begins at a line on its standard
input. Says `ready SECONDS` once every device was welcomed, and ends at the line `end`.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from rpm_service.v1 import telemetry_pb2 as t
from tests.benchmarks.load import VITALS, Device
from tests.chaos.history import Notes

AT_ONCE: Final = 64
"""So many connect at the same time, for this process must shake hands too."""
VALUES: Final = [value for _, _, value in VITALS]
STILL: Final = [0.0, *VALUES[1:]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a crowd is told on its command line.

    Each device sends `fps` frames a second, and its heart stands still for one frame about
    every `still_s` seconds (0: never). `floods`: as many a second as it can, up to `fps`, though
    it has declared one.
    """

    target: str
    certs: str
    history: str
    name: str = "crowd"
    count: int = 100
    fps: float = 1.0
    seed: int = 0
    still_s: float = 0.0
    floods: bool = False


class Member:
    def __init__(self, wanted: Wanted, number: int, note: Notes) -> None:
        self.name = f"{wanted.name}-{number:04}"
        self._wanted = wanted
        self._note = note
        self._rng = Random(f"{wanted.seed} {self.name}")
        fps = 1.0 if wanted.floods else wanted.fps
        self.device = Device(wanted.target, Path(wanted.certs), self.name, fps=fps)

    async def connect(self, turns: asyncio.Semaphore) -> None:
        async with turns:
            # Hello states the device's clock: it is made when it can leave.
            await self.device.channel.channel_ready()
            await self.device.open()
        self._note("connected", device=self.name)

    async def measure(self) -> None:
        wanted, period = self._wanted, 1 / self._wanted.fps
        due = time.monotonic() + self._rng.uniform(0, period)
        still_at = time.monotonic() + self._rng.uniform(0, wanted.still_s)
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + period, time.monotonic() - 1.0)
            stands_still = bool(wanted.still_s) and time.monotonic() >= still_at
            if stands_still:
                still_at += wanted.still_s
                self._note("began", device=self.name, condition="ASYSTOLE")
            await self.device.send(STILL if stands_still else VALUES)

    async def tell_acked(self) -> None:
        """Notes once a second how much was taken of it."""
        while True:
            self._note("acked", device=self.name, first=1, last=self.device.acked)
            await asyncio.sleep(1)

    async def leave(self) -> None:
        goodbye = t.Goodbye(reason=t.GOODBYE_REASON_SHUTDOWN)
        await self.device.call.write(t.StreamTelemetryRequest(goodbye=goodbye))
        await self.device.call.done_writing()
        await self.device.reader
        await self.device.channel.close()


async def main() -> None:
    wanted = Wanted(**json.loads(sys.argv[1]))
    note = Notes(Path(wanted.history))
    members = [Member(wanted, number, note) for number in range(wanted.count)]
    listening = asyncio.get_running_loop()
    print("certified", flush=True)
    await listening.run_in_executor(None, sys.stdin.readline)
    began, turns = time.monotonic(), asyncio.Semaphore(AT_ONCE)
    measuring: list[asyncio.Task[None]] = []

    async def live(member: Member) -> None:
        await member.connect(turns)
        measuring.append(asyncio.create_task(member.measure()))
        if wanted.floods:
            measuring.append(asyncio.create_task(member.tell_acked()))

    await asyncio.gather(*map(live, members))
    print(f"ready {time.monotonic() - began:.2f}", flush=True)
    await listening.run_in_executor(None, sys.stdin.readline)
    for task in measuring:
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*measuring, return_exceptions=True)
    if not wanted.floods:
        await asyncio.gather(*(member.leave() for member in members))
    note.close()


if __name__ == "__main__":
    asyncio.run(main())
