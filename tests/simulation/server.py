"""The server's process, over all its lives: the code under test, and the doors to it.

Everything of the server that is not gRPC, TLS or SQLite runs here as it is: the corridor, the
ward, the handler of device streams, feeds and acts.
"""

from collections import deque
from contextlib import suppress
from typing import Any, Final, NoReturn

import grpc

from rpm_service.adapters.grpc.telemetry import TelemetryService
from rpm_service.application.access import Rights
from rpm_service.application.identity import Identity, Role
from rpm_service.application.live import LeftOff
from rpm_service.application.monitoring import FeedClosed, Monitoring
from rpm_service.application.units import Units
from tests.simulation.disk import Disk
from tests.simulation.encoder import ValueEncoder
from tests.simulation.link import Link
from tests.simulation.scheduler import Process, Scheduler

BEGAN: Final = 1_800_000_000.0
"""Unix seconds of the world's beginning."""


class ServerClock:
    """True time: the server's clock is the measure of all others."""

    rate = 1.0

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> float:
        return BEGAN + self._scheduler.time()


class Call:
    """What gRPC gives a handler of one stream."""

    def __init__(self, link: Link, scheduler: Scheduler) -> None:
        self._link = link
        self._scheduler = scheduler
        self._arrived: deque[bytes] = deque()
        self._waits: Any = None
        self._blocked: Any = None
        link.up.on_frame = self._take
        link.down.on_room = self._go_on

    async def read(self) -> Any:
        while not self._arrived:
            self._waits = self._scheduler.create_future()
            await self._waits
        return self._arrived.popleft()

    async def write(self, frame: Any) -> None:
        while not self._link.down.has_room:
            self._blocked = self._scheduler.create_future()
            await self._blocked
        self._link.down.send(frame)

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        self._link.end("server")
        raise grpc.aio.AbortError(f"{code.name}: {details}")

    def _take(self, frame: bytes) -> None:
        self._arrived.append(frame)
        _wake(self._waits)

    def _go_on(self) -> None:
        _wake(self._blocked)


def _wake(waiting: Any) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


class Server:
    """One server after the other, on one disk."""

    def __init__(
        self, scheduler: Scheduler, disk: Disk, encoder: ValueEncoder, units: Units
    ) -> None:
        self.clock = ServerClock(scheduler)
        self.lives = 0
        self.monitoring: Monitoring | None = None
        """None while no server runs."""
        self.links: dict[Link, None] = {}
        self._scheduler = scheduler
        self._disk = disk
        self._encoder = encoder
        self._units = units
        self._process = Process("no server", alive=False)

    @property
    def process(self) -> Process:
        return self._process

    def start(self) -> None:
        """A server begins with what is on the disk."""
        self.lives += 1
        self._process = Process(f"server {self.lives}")
        self._scheduler.within(self._process, self._begin)

    def _begin(self) -> None:
        self.monitoring = Monitoring(
            self.clock, self._disk, self._encoder, self._units, f"run {self.lives}"
        )
        self._scheduler.spawn(self._process, self.monitoring.run())

    def crash(self) -> None:
        """The server is killed; what it had sent may arrive still."""
        self.monitoring = None
        self._scheduler.kill(self._process)
        for link in list(self.links):
            link.snap(link.rng.uniform(0.0, 4.0), 0.0)
        self.links.clear()

    # -- doors ----------------------------------------------------------------------------

    def serve_device(self, link: Link, device_id: str) -> None:
        """Serves a device's stream over a link, as the gRPC server does."""
        assert self.monitoring is not None
        identity = Identity(Role.DEVICE, device_id, "", "", 0.0)
        call: Any = Call(link, self._scheduler)
        service = TelemetryService(self.monitoring)

        async def serve() -> None:
            with suppress(grpc.aio.AbortError):
                await service.stream_telemetry(identity, call)

        self._serve(link, serve())

    def serve_viewer(
        self,
        link: Link,
        name: str,
        rights: Rights,
        beds: frozenset[str],
        units: frozenset[str],
        left_off: LeftOff | None,
    ) -> None:
        """Serves a viewer's feed over a link, as the page's handler does."""
        monitoring = self.monitoring
        assert monitoring is not None
        feed = monitoring.watch(name, rights)
        feed.subscribe(beds, units, waveforms=False, left_off=left_off)

        async def write() -> None:
            call = Call(link, self._scheduler)
            link.up.on_frame = _said(feed)
            try:
                while True:
                    await call.write(await feed.next_frame())
            except FeedClosed:
                link.end("server")
            finally:
                feed.close()

        self._serve(link, write())

    def _serve(self, link: Link, handler: Any) -> None:
        link.up.receiver = link.down.sender = self._process
        self.links[link] = None
        task = self._scheduler.spawn(self._process, handler)

        def lost() -> None:
            self.links.pop(link, None)
            task.cancel()

        link.on_lost["server"] = (self._process, lost)


def _said(feed: Any) -> Any:
    """What a viewer says: whether it can be heard and seen, or what it has shown."""

    def take(frame: tuple[str, Any]) -> None:
        what, said = frame
        if what == "presence":
            feed.present(armed=said[0], visible=said[1])
        else:
            feed.confirm(said)

    return take
