"""The server's process, over all its lives: the code under test, and the doors to it.

Everything of the server that is not gRPC, TLS or SQLite runs here as it is: the corridor, the
ward, the handler of device streams, feeds and acts.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NoReturn, Protocol

import grpc

from rpm_service.adapters.grpc.telemetry import TelemetryService
from rpm_service.application.access import Rights
from rpm_service.application.identity import Identity, Role
from rpm_service.application.live import LeftOff
from rpm_service.application.monitoring import Feed, FeedClosed, Monitoring
from rpm_service.application.units import Units
from rpm_service.v1.telemetry_pb2 import StreamTelemetryRequest
from tests.simulation.disk import Disk
from tests.simulation.encoder import Frame, ValueEncoder
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


class Watching(Protocol):
    """Who looks on: the checker."""

    def server_began(self, life: int) -> None: ...
    def server_died(self) -> None: ...
    def reconnected(self, device_id: str) -> None: ...
    def reached(self, device_id: str, stamp: int, *, backfill: bool) -> None: ...
    def publishes(self, frame: Frame) -> None: ...
    def given(self, name: str, frame: Frame) -> None: ...
    def confirmed(self, events: list[tuple[int, int]]) -> None: ...


class Call:
    """What gRPC gives a handler of one stream."""

    def __init__(
        self, link: Link, scheduler: Scheduler, on_read: Callable[[bytes], None] = lambda _: None
    ) -> None:
        self._link = link
        self._on_read = on_read
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
        frame = self._arrived.popleft()
        self._on_read(frame)
        return frame

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
        self, scheduler: Scheduler, disk: Disk, units: Units, watched_by: Watching
    ) -> None:
        self.clock = ServerClock(scheduler)
        self.lives = 0
        self.monitoring: Monitoring | None = None
        """None while no server runs."""
        self.links: dict[Link, None] = {}
        self._scheduler = scheduler
        self._disk = disk
        self._units = units
        self._watched_by = watched_by
        self._current: dict[str, Link] = {}
        """The connection on which each device last said Hello."""
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
            self.clock, self._disk, ValueEncoder(), self._units, f"run {self.lives}"
        )
        self._watched_by.server_began(self.lives)
        self._scheduler.spawn(self._process, self.monitoring.run())
        self._scheduler.spawn(self._process, self._publish(self.monitoring))

    async def _publish(self, monitoring: Monitoring) -> None:
        """Whatever is published goes to the checker too, at once."""
        feed = monitoring.watch("the checker")
        feed.subscribe(frozenset(), frozenset(), waveforms=False)
        with suppress(FeedClosed):
            while True:
                self._watched_by.publishes(await feed.next_frame())

    def crash(self) -> None:
        """The server is killed; what it had sent may arrive still."""
        self.monitoring = None
        self._scheduler.kill(self._process)
        self._watched_by.server_died()
        for link in list(self.links):
            link.snap(link.rng.uniform(0.0, 4.0), 0.0)
        self.links.clear()

    # -- doors ----------------------------------------------------------------------------

    def serve_device(self, link: Link, device_id: str) -> None:
        """Serves a device's stream over a link, as the gRPC server does."""
        assert self.monitoring is not None
        identity = Identity(Role.DEVICE, device_id, "", "", 0.0)
        call: Any = Call(link, self._scheduler, lambda frame: self._read(link, device_id, frame))
        service = TelemetryService(self.monitoring)

        async def serve() -> None:
            with suppress(grpc.aio.AbortError):
                await service.stream_telemetry(identity, call)

        self._serve(link, serve())

    def _read(self, link: Link, device_id: str, data: bytes) -> None:
        """The checker hears of what counts: it came on the device's newest connection."""
        frame = StreamTelemetryRequest.FromString(data)
        kind = frame.WhichOneof("frame")
        if kind == "hello":
            self._current[device_id] = link
            self._watched_by.reconnected(device_id)
        elif kind == "observations" and self._current.get(device_id) is link:
            backfill = frame.observations.backfill
            for entry in frame.observations.entries:
                self._watched_by.reached(device_id, int(entry.values[-1]), backfill=backfill)

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
            link.up.on_frame = self._said(feed)
            try:
                while True:
                    frame: Any = await feed.next_frame()
                    self._watched_by.given(name, frame)
                    await call.write(frame)
            except FeedClosed:
                link.end("server")
            finally:
                feed.close()

        async def give_up() -> None:
            await feed.given_up.wait()
            link.end("server")

        self._serve(link, write(), give_up())

    def _said(self, feed: Feed) -> Callable[[tuple[str, Any]], None]:
        """What a viewer says: whether it can be heard and seen, or what it has shown."""

        def take(frame: tuple[str, Any]) -> None:
            what, said = frame
            if what == "presence":
                feed.present(armed=said[0], visible=said[1])
            else:
                self._watched_by.confirmed(said)
                feed.confirm(said)

        return take

    def _serve(self, link: Link, *handlers: Any) -> None:
        link.up.receiver = link.down.sender = self._process
        self.links[link] = None
        tasks = [self._scheduler.spawn(self._process, handler) for handler in handlers]

        def lost() -> None:
            self.links.pop(link, None)
            for task in tasks:
                task.cancel()

        link.on_lost["server"] = (self._process, lost)
