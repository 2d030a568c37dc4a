"""A connection between two processes, with all that may become of one.

Frames of one connection come in order and whole, as over TCP: nothing in between is lost. They
may be late, be held back for as long as the link stalls, or never come because it breaks; and
each end learns of a break when it learns of it, or from silence. What was sent on a connection
that one end has given up may still arrive at the other, after the next one has begun.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.simulation.scheduler import Process, Scheduler

WINDOW = 64
"""So many frames are on their way in one direction before a writer must wait."""
LOOK_S = 0.2
"""Whoever reads nothing is asked again so often."""
KEEPALIVE_S = 8.0
"""Both ends give up a connection on which nothing has arrived for so long."""


@dataclass
class Weather:
    """How a network is: delays in seconds, both ways."""

    delay_s: float = 0.01
    jitter_s: float = 0.02


class Way:
    """One direction of a link."""

    def __init__(self, link: "Link") -> None:
        self.on_frame: Callable[[Any], object] = lambda frame: None
        self.on_room: Callable[[], object] = lambda: None
        self.receiver: Process = link.scheduler.world
        self.sender: Process = link.scheduler.world
        self.reads = True
        """Whether whoever receives takes what arrives."""
        self.last_at = 0.0
        """When the newest frame arrives."""
        self._link = link
        self._on_the_way: deque[Any] = deque()

    @property
    def has_room(self) -> bool:
        return len(self._on_the_way) < WINDOW

    def send(self, frame: Any) -> None:
        """Puts a frame on its way."""
        link, scheduler = self._link, self._link.scheduler
        if link.broken:
            return
        self._on_the_way.append(frame)
        self.last_at = max(scheduler.time() + link.delay(), link.stalls_until, self.last_at)
        scheduler.at(scheduler.world, self.last_at, self._arrive)

    def _arrive(self) -> None:
        """The frame that was sent first arrives, or none any more."""
        link, scheduler = self._link, self._link.scheduler
        if scheduler.time() < link.stalls_until:
            # The stall began when this was on its way already.
            self.last_at = max(self.last_at, link.stalls_until)
            scheduler.at(scheduler.world, link.stalls_until, self._arrive)
            return
        if not self.reads and not link.broken:
            scheduler.at(scheduler.world, scheduler.time() + LOOK_S, self._arrive)
            return
        frame = self._on_the_way.popleft()
        if link.broken and link.rng.random() >= link.survives:
            # After the first that is lost nothing arrives.
            link.survives = 0.0
            return
        scheduler.within(self.receiver, self.on_frame, frame)
        if not link.broken:
            scheduler.within(self.sender, self.on_room)


class Link:
    """A connection: `up` goes to the server, `down` comes from it."""

    def __init__(self, scheduler: Scheduler, rng: Random, weather: Weather) -> None:
        self.scheduler = scheduler
        self.rng = rng
        self.weather = weather
        self.stalls_until = self.stalled_at = 0.0
        self.broken = False
        self.survives = 1.0
        """How likely the next frame on its way arrives though the link is broken."""
        self.on_lost: dict[str, tuple[Process, Callable[[], object]]] = {}
        """What to tell either end, "client" and "server", when it learns of a break."""
        self.up = Way(self)
        self.down = Way(self)

    @property
    def is_stalled(self) -> bool:
        return self.scheduler.time() < self.stalls_until

    def delay(self) -> float:
        """How long the next frame takes."""
        return self.weather.delay_s + self.rng.expovariate(1.0) * self.weather.jitter_s

    def stall(self, seconds: float) -> None:
        """Nothing arrives for so long, in either direction; nobody is told but by keepalive."""
        now = self.scheduler.time()
        if now >= self.stalls_until:
            self.stalled_at = now
        self.stalls_until = max(self.stalls_until, now + seconds)
        if self.stalls_until - self.stalled_at > KEEPALIVE_S:
            left_s = self.stalled_at + KEEPALIVE_S - now
            self.snap(left_s, left_s, survives=0.0)

    def end(self, by: str, delay_s: float = 0.0) -> None:
        """One end closes the connection: the other learns of it once it has read what came."""
        if self.broken:
            return
        self.broken = True
        other = "client" if by == "server" else "server"
        way = self.down if by == "server" else self.up
        self._tell(other, max(self.scheduler.time() + self.delay() + delay_s, way.last_at))

    def snap(
        self, client_after_s: float, server_after_s: float, survives: float | None = None
    ) -> None:
        """The connection breaks; each end notices after its own time."""
        if self.broken:
            return
        self.broken = True
        self.survives = self.rng.choice((0.0, 0.5, 0.9)) if survives is None else survives
        now = self.scheduler.time()
        self._tell("client", now + client_after_s)
        self._tell("server", now + server_after_s)

    def _tell(self, end: str, at: float) -> None:
        if end in self.on_lost:
            process, lost = self.on_lost[end]
            self.scheduler.at(process, at, lost)
