"""Two servers that give one frame after the other to every viewer, as fast as they take them.

A round is one frame to each viewer, and the next one begins when all have been written, so
that neither server can save work by giving a viewer two frames in one.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from rpm_service.adapters.analyst.process import AnalystProcess
from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.grpc.server import GrpcServer
from rpm_service.adapters.pki.credentials import load_checker, load_server
from rpm_service.application.effects import Description, Numeric
from rpm_service.application.monitoring import Feed, Monitoring
from rpm_service.application.scope import Scope
from rpm_service.clock import MonotoneClock
from tests.benchmarks.bare import bare_server
from tests.support.memory_recorder import MemoryRecorder

BEDS = 40
CALM = (72.0, 72.0, 97.0, 16.0, 118.0, 74.0, 89.0, 36.8)
NAMES = ("HR", "PR", "SpO2", "RR", "NIBPs", "NIBPd", "NIBPm", "Temp")


class Watched(Monitoring):
    """Remembers who watches."""

    def __init__(self, clock: MonotoneClock) -> None:
        super().__init__(clock, MemoryRecorder(), ProtobufEncoder())
        self.feeds: list[Feed] = []

    def watch(self, *wanted) -> Feed:
        self.feeds.append(super().watch(*wanted))
        return self.feeds[-1]


class Ours:
    """The ward with forty beds, of which four have new values in each round."""

    def __init__(self, certs: Path, listen: str) -> None:
        clock = MonotoneClock()
        self._clock = clock
        self.monitoring = Watched(clock)
        credentials, checker = load_server(certs), load_checker(certs)
        self._server = GrpcServer(
            self.monitoring,
            lambda certificate: checker.check(certificate, clock.now()),
            key=credentials.key_pem,
            chain=credentials.chain_pem,
            client_trust=credentials.client_trust_pem,
            analyst=AnalystProcess(()),
        )
        self._listen = listen
        numerics = tuple(Numeric(name, 0, 0, "1", 1.0, 0, (-1e9, 1e9)) for name in NAMES)
        now = clock.now()
        self._bedsides = [self.monitoring.ward.bedside(f"bed-{n:02}", now) for n in range(BEDS)]
        for bedside in self._bedsides:
            self.monitoring.ward.describe(bedside, Description(numerics), now)
            # The first values are judged in full; what is measured is what comes after.
            bedside.observe(now, now, CALM)
        self._round = 0

    async def start(self) -> None:
        await self._server.start(self._listen)

    async def stop(self) -> None:
        await self._server.stop()

    def viewers(self) -> int:
        return self.monitoring.viewers

    async def round(self) -> None:
        self._round += 1
        now = self._clock.now()
        for place in range(4):
            bedside = self._bedsides[(4 * self._round + place) % BEDS]
            assert bedside.observe_quiet(now, now, CALM)
            self.monitoring.live.measure(bedside)
        # As when somebody has moved: all that changed is published at once.
        self.monitoring.ward.on_move()
        revision = self.monitoring.live.revision
        while any(feed.lacks(revision) for feed in self.monitoring.feeds):
            await asyncio.sleep(0.002)

    @property
    def frame_bytes(self) -> int:
        """Of the newest delta."""
        live = self.monitoring.live
        return len(live.delta(live.revision - 1, Scope(), self._clock.now()).frame)


class Bare:
    """Puts the same bytes into every viewer's queue."""

    def __init__(self, certs: Path, listen: str, frame_bytes: int) -> None:
        self.frame_bytes = frame_bytes
        self._queues: set[asyncio.Queue] = set()
        self._server = bare_server(certs, listen, self._queues)
        # A field that the contract does not know: viewers parse it and pass it over.
        self._frame = b"\xfa\x7f" + _varint(frame_bytes) + bytes(frame_bytes)

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(1)

    def viewers(self) -> int:
        return len(self._queues)

    async def round(self) -> None:
        for queue in self._queues:
            queue.put_nowait(self._frame)
        while any(queue.qsize() for queue in self._queues):
            await asyncio.sleep(0.002)


def _varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80, number >> 7]) if number > 0x7F else bytes([number])


async def main() -> None:
    kind, certs, listen, want = sys.argv[1], Path(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4])
    server = Ours(certs, listen) if kind == "ours" else Bare(certs, listen, want["frame_bytes"])
    await server.start()
    print("serving", flush=True)
    while server.viewers() < want["viewers"]:
        await asyncio.sleep(0.01)
    for _ in range(20):
        await server.round()
    cpu, wall = _cpu_s(), time.monotonic()
    for _ in range(want["rounds"]):
        await server.round()
    spent = {"cpu_s": _cpu_s() - cpu, "wall_s": time.monotonic() - wall}
    spent["frame_bytes"] = server.frame_bytes
    print(json.dumps(spent), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    await server.stop()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    asyncio.run(main())
