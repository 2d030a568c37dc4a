"""A ward in a seed: devices, people and a server, and everything that may befall them.

The same seed and size give the same world, step by step. Nothing here knows real time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from rpm_service.application.units import EscalationLevel, Unit, Units
from rpm_service.sdk.spool import SPOOL_BYTES_MAX
from tests.simulation.checker import Checker
from tests.simulation.device import Device, Habits
from tests.simulation.disk import Disk
from tests.simulation.link import Link, Weather
from tests.simulation.people import People
from tests.simulation.scheduler import Scheduler
from tests.simulation.server import BEGAN, Server
from tests.simulation.viewer import View, Viewer

LOOK_S: Final = 0.5
"""What is shown is looked at so often."""
UNITS: Final = Units(
    {"A": Unit("A", escalation=(EscalationLevel(10, frozenset({"viewer-0"})), EscalationLevel(30)))}
)


@dataclass(frozen=True)
class Size:
    """How much world there is."""

    devices: int
    viewers: int
    seconds: float


class World:
    """Everything that a seed gives."""

    def __init__(self, seed: int, size: Size) -> None:
        self.rng = Random(seed)
        self.size = size
        self.scheduler = Scheduler()
        self.checker = Checker(self.scheduler, BEGAN)
        self.disk = Disk(self.scheduler, self.rng)
        self.disk.on_commit = self.checker.committed
        self.server = Server(self.scheduler, self.disk, UNITS, self.checker)
        self.devices = [self._device(number) for number in range(size.devices)]
        self.viewers = [self._viewer(number) for number in range(size.viewers)]
        self.people = People(self.rng, self.checker, self.viewers, size.devices)

    def _device(self, number: int) -> Device:
        rng = self.rng
        off_s = rng.choice((0.0, 0.3, -0.8, rng.uniform(-4, 4), rng.uniform(-7200, 7200)))
        spool_bytes = rng.choice((SPOOL_BYTES_MAX, SPOOL_BYTES_MAX, 6_000))
        habits = Habits(off_s, rng.random() < 0.7, spool_bytes)
        weather = Weather(rng.uniform(0.001, 0.05), rng.choice((0.005, 0.02, 0.2)))
        name = f"device-{number}"
        return Device(self.scheduler, rng, self.server, self.checker, name, habits, weather)

    def _viewer(self, number: int) -> Viewer:
        rng = self.rng
        few = frozenset(f"bed-{rng.randrange(self.size.devices)}" for _ in range(3))
        view = View(
            f"viewer-{number}",
            within=rng.choice((frozenset(), frozenset({"A"}), frozenset({"B"}))),
            beds=rng.choice((frozenset(), frozenset(), few)),
            units=rng.choice((frozenset(), frozenset(), frozenset({"A"}))),
        )
        weather = Weather(rng.uniform(0.001, 0.05), rng.choice((0.005, 0.02)))
        viewer = Viewer(self.scheduler, rng, self.server, view, weather)
        self.checker.add(viewer)
        return viewer

    def run(self) -> None:
        """Lets the world's time pass. Raises Broken where a promise does not hold."""
        scheduler, rng = self.scheduler, self.rng
        scheduler.call_at(0.0, self.server.start)
        for device in self.devices:
            scheduler.call_at(rng.uniform(0.0, 3.0), device.start)
        for viewer in self.viewers:
            scheduler.call_at(rng.uniform(0.0, 3.0), viewer.start)
        scheduler.call_at(0.5, self._settle_in)
        scheduler.call_at(1.0, self._look)
        self._befall(5.0, self._people_act)
        self._befall(20.0, self._viewer_is_disturbed)
        self._befall(60.0, self._server_crashes)
        self._befall(25.0, self._device_crashes)
        self._befall(8.0, self._link_stalls)
        self._befall(12.0, self._link_breaks)
        self._befall(30.0, self._disk_ails)
        try:
            scheduler.run(self.size.seconds)
        finally:
            scheduler.running(scheduler.kill, self.server.process)

    def _befall(self, every_s: float, what: Callable[[], None]) -> None:
        """Something happens now and then."""

        def happen() -> None:
            what()
            self._befall(every_s, what)

        self.scheduler.call_later(self.rng.expovariate(1.0) * every_s, happen)

    # -- what befalls ---------------------------------------------------------------------

    def _server_crashes(self) -> None:
        if self.server.monitoring is not None:
            self.server.crash()
            self.scheduler.call_later(self.rng.uniform(0.2, 5.0), self.server.start)

    def _device_crashes(self) -> None:
        device = self.rng.choice(self.devices)
        if device.is_on:
            device.crash()
            self.scheduler.call_later(self.rng.choice((0.5, 3.0, 20.0)), device.start)

    def _link_stalls(self) -> None:
        device = self.rng.choice(self.devices)
        if device.link is not None:
            device.link.stall(self.rng.choice((0.5, 3.0, 7.0, 15.0)))

    def _link_breaks(self) -> None:
        rng = self.rng
        device = rng.choice(self.devices)
        if device.link is not None:
            notice_s = (0.0, rng.uniform(0.0, 8.0))
            device.link.snap(*rng.choice((notice_s, notice_s[::-1])))

    def _disk_ails(self) -> None:
        now, ailment, rng = self.scheduler.time(), self.disk.ailment, self.rng
        ailment.lies = rng.choice((0.0, 0.0, 0.2))
        for_s = rng.choice((0.5, 2.0, 6.0, 15.0))
        if rng.random() < 0.5:
            ailment.stalls_until = now + for_s
        else:
            ailment.refuses_until = now + for_s

    def _viewer_is_disturbed(self) -> None:
        """A viewer stalls, loses its link, reads nothing for a while, or nobody is there."""
        rng, viewer = self.rng, self.rng.choice(self.viewers)
        link, how = viewer.link, self.rng.randrange(4)
        viewer.disturbed()
        if how == 0:
            viewer.confirms = not viewer.confirms
        elif link is None:
            return
        elif how == 1:
            link.stall(rng.choice((0.5, 3.0, 7.0, 15.0)))
        elif how == 2:
            link.snap(rng.uniform(0.0, 2.0), rng.uniform(0.0, 8.0))
        else:
            link.down.reads = False
            self.scheduler.call_later(rng.uniform(1.0, 40.0), self._reads_again, link)

    def _reads_again(self, link: Link) -> None:
        link.down.reads = True

    # -- what people do -------------------------------------------------------------------

    def _settle_in(self) -> None:
        if self.server.monitoring is not None:
            process = self.server.process
            self.scheduler.within(process, self.people.settle_in, self.server.monitoring)

    def _people_act(self) -> None:
        if self.server.monitoring is not None:
            process = self.server.process
            self.scheduler.within(process, self.people.act, self.server.monitoring)

    # -- what is checked ------------------------------------------------------------------

    def _look(self) -> None:
        self.checker.look()
        self.scheduler.call_later(LOOK_S, self._look)
