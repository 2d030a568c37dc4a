"""Devices of a proof, in a process of their own: the SDK as a device maker uses it.

    python -m tests.chaos.devices '{"target": ..., "certs": ..., "history": ..., ...}'

Says `ready` once every device was welcomed, and `back` whenever all are again; a line on its
standard input tells it what to do next:

    still      every heart stands still, until
    beat
    part       the oxygen saturation is reported no more, all else is, until
    whole
    end        no more values; says `all drained` once all that was observed was acknowledged
               and every device has said goodbye, and ends
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Final

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.sdk import (
    Coverage,
    Credentials,
    DiskSpool,
    GoodbyeReason,
    MemorySpool,
    Monitor,
    Numeric,
    Refusal,
    TelemetryClient,
)
from rpm_service.sdk.spool import Spool
from tests.chaos.history import Notes
from tests.chaos.orders import tell_when, with_orders

# The last one is the frame's number: by it the checker knows each frame again.
NUMERICS: Final = (
    Numeric(147842, 264864),
    Numeric(150456, 262688),
    Numeric(9_000_001, 262656, label="number"),
)
WITHOUT_SATURATION: Final = (0, 2)
HEART_RATE, STILL = 72.0, 0.0
STILL_S: Final = (0.5, 3.0)
"""For how long a heart stands still that falters."""
DRAIN_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a process of devices is told on its command line.

    `fps` frames a second and device. `falters`: hearts beat for a time between `beats_s`, and
    then stand still for STILL_S, by `seed`.
    `spools`: a directory for spools on disk; None: in memory. `twin` lets several devices
    speak with the certificate of one; `saturation` then tells their samples apart. `skew_s`
    is how far the devices' clock is ahead.
    """

    target: str
    certs: str
    history: str
    name: str = "device"
    count: int = 1
    fps: float = 10.0
    seed: int = 0
    falters: bool = False
    beats_s: Sequence[float] = (1.0, 6.0)
    spools: str | None = None
    twin: str | None = None
    saturation: float = 97.0
    skew_s: float = 0.0


class Noted:
    """A spool that notes what was acknowledged: that is a promise of the server."""

    def __init__(self, spool: Spool, note: Callable[[int, int], None]) -> None:
        self._spool = spool
        self._note = note

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spool, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._spool, name, value)

    def __len__(self) -> int:
        return len(self._spool)

    def release(self, first: int, last: int) -> int:
        count = self._spool.release(first, last)
        if count:
            self._note(first, last)
        return count


class Device:
    """One device, from its first value to its goodbye."""

    def __init__(self, wanted: Wanted, number: int, note: Notes, news: asyncio.Event) -> None:
        self.name = f"{wanted.name}-{number:03}"
        self.connected = self.still = self.part = False
        self._note = note
        self._news = news
        self._fps = wanted.fps
        self._rng = Random(f"{wanted.seed} {self.name}")
        self._beats_s = wanted.beats_s if wanted.falters else (inf, inf)
        self._stands_still = False
        self._saturation = wanted.saturation
        self._ending = False
        identity = wanted.twin or self.name
        own = pki.ensure_client(Path(wanted.certs), Role.DEVICE, identity)
        self._spool = Noted(self._own_spool(wanted), self._acked)
        self._client = TelemetryClient(
            wanted.target,
            Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem),
            [Monitor(identity, NUMERICS)],
            software="chaos",
            spool=self._spool,  # type: ignore[arg-type]
            clock=lambda: time.time() + wanted.skew_s,
            on_connected=self._connected,
            on_disconnected=self._disconnected,
            on_coverage=self._coverage,
            on_refusal=self._refused,
            rng=self._rng,
        )

    def _own_spool(self, wanted: Wanted) -> Spool:
        if wanted.spools is None:
            return MemorySpool()
        return DiskSpool(Path(wanted.spools) / f"{self.name}.sqlite3")

    def end(self) -> None:
        self._ending = True

    async def run(self) -> None:
        async with self._client as client:
            await self._measure(client)
            await client.drained(DRAIN_S)
            await client.goodbye(GoodbyeReason.SHUTDOWN)

    async def _measure(self, client: TelemetryClient) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._rng.uniform(0, 1 / self._fps)
        turns_at = loop.time() + self._rng.uniform(*self._beats_s)
        faltering = False
        while not self._ending:
            if loop.time() >= turns_at:
                faltering = not faltering
                turns_at = loop.time() + self._rng.uniform(
                    *(STILL_S if faltering else self._beats_s)
                )
            self._observe(client, still=faltering or self.still)
            due = max(due + 1 / self._fps, loop.time())
            await asyncio.sleep(due - loop.time())
        self._observe(client, still=False)

    def _observe(self, client: TelemetryClient, *, still: bool) -> None:
        if still is not self._stands_still:
            self._stands_still = still
            self._note("began" if still else "over", device=self.name, condition="ASYSTOLE")
        number = self._spool.last + 1
        values = [STILL if still else HEART_RATE, self._saturation, float(number)]
        indices = WITHOUT_SATURATION if self.part else ()
        values = [values[index] for index in indices] or values
        self._note("observed", device=self.name, n=number, values=values)
        taken = client.observe(values, indices=indices)
        assert taken == number

    def _acked(self, first: int, last: int) -> None:
        self._note("acked", device=self.name, first=first, last=last)

    def _connected(self) -> None:
        self.connected = True
        self._note("connected", device=self.name)
        self._news.set()

    def _disconnected(self, why: str) -> None:
        self.connected = False
        self._note("disconnected", device=self.name, why=why)
        self._news.set()

    def _coverage(self, coverage: Coverage) -> None:
        self._note("coverage", device=self.name, covered=coverage.covered)

    def _refused(self, refusal: Refusal) -> None:
        self._note("refused", device=self.name, n=refusal.number, why=refusal.reason)


def obey(line: str, devices: list[Device]) -> None:
    """Does what a line of the standard input says."""
    for device in devices:
        match line.strip():
            case "still":
                device.still = True
            case "beat":
                device.still = False
            case "part" | "whole":
                device.part = line.strip() == "part"
            case "end":
                device.end()


async def main() -> None:
    wanted = Wanted(**json.loads(sys.argv[1]))
    note, news = Notes(Path(wanted.history)), asyncio.Event()
    devices = [Device(wanted, number, note, news) for number in range(wanted.count)]

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(device.run())
        print("all drained", flush=True)

    await with_orders(
        all_of_them(),
        [tell_when(lambda: all(device.connected for device in devices), news)],
        lambda line: obey(line, devices),
    )
    note.close()


if __name__ == "__main__":
    asyncio.run(main())
