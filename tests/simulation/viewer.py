"""A viewer: a page behind a link, and the person in front of it, who may not be there."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from rpm_service.application.access import Rights
from rpm_service.sdk.backoff import backoff_s
from tests.simulation.encoder import Frame
from tests.simulation.link import Link, Weather
from tests.simulation.page import Page
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.server import Server


@dataclass(frozen=True)
class View:
    """Who it is, what may be seen, and what is looked at; empty: everything."""

    name: str
    within: frozenset[str] = frozenset()
    beds: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


class Viewer:
    """One viewer over all its connections."""

    def __init__(
        self, scheduler: Scheduler, rng: Random, server: Server, view: View, weather: Weather
    ) -> None:
        self.view = view
        self.page = Page()
        self.link: Link | None = None
        self.confirms = True
        """Whether there is a person who looks."""
        self.heard_since = float("inf")
        """Since when it has had whatever was published."""
        self._scheduler = scheduler
        self._rng = rng
        self._server = server
        self._weather = weather
        self._process = Process(view.name)
        self._attempt = 0

    def start(self) -> None:
        self._scheduler.within(self._process, self._connect)

    @property
    def is_steady(self) -> bool:
        """Whether nothing lies between it and the server now."""
        link = self.link
        return link is not None and not link.broken and link.down.reads and not link.is_stalled

    def _connect(self) -> None:
        scheduler = self._scheduler
        if self._server.monitoring is None:
            self._attempt += 1
            scheduler.call_later(backoff_s(self._attempt, self._rng), self._connect)
            return
        link = self.link = Link(scheduler, self._rng, self._weather)
        link.up.sender = link.down.receiver = self._process
        link.down.on_frame = self._reader(link)
        link.on_lost["client"] = (self._process, self._lost(link))
        view = self.view
        self._server.serve_viewer(
            link, view.name, Rights(units=view.within), view.beds, view.units, self.page.left_off
        )
        link.up.send(("presence", (self._rng.random() < 0.8, True)))

    def _reader(self, link: Link) -> Callable[[Frame], None]:
        def read(frame: Frame) -> None:
            if self.link is link:
                self._take(frame)

        return read

    def _lost(self, link: Link) -> Callable[[], None]:
        def lost() -> None:
            if self.link is link:
                self.link, self.heard_since = None, float("inf")
                self._attempt += 1
                self._scheduler.call_later(backoff_s(self._attempt, self._rng), self._connect)

        return lost

    def disturbed(self) -> None:
        """From now on it may not have what was published, until it has heard again."""
        self.heard_since = float("inf")

    def _take(self, frame: Frame) -> None:
        now = self._scheduler.time()
        if frame.kind == "closing":
            # The server ends the connection; there is a snapshot with the next.
            self.page.left_off = None
            return
        if self.heard_since == float("inf") and self.is_steady:
            self.heard_since, self._attempt = now, 0
        self.page.take(frame, now)
        if self.page.to_confirm and self.confirms:
            told, self.page.to_confirm = self.page.to_confirm[-200:], []
            self._scheduler.call_later(self._rng.uniform(0.1, 1.5), self._confirm, told)

    def _confirm(self, told: list[tuple[int, int]]) -> None:
        if self.link is not None and self.confirms:
            self.link.up.send(("confirm", told))
