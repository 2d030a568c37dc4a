"""A ward in a seed: devices, people and a server, and everything that may befall them.

The same seed and size give the same world, step by step. Nothing here knows real time.
"""

from dataclasses import dataclass
from random import Random

from rpm_service.application.effects import Batch
from rpm_service.application.units import Units
from rpm_service.sdk.spool import SPOOL_BYTES_MAX
from tests.simulation.device import Device, Habits
from tests.simulation.disk import Disk
from tests.simulation.encoder import ValueEncoder
from tests.simulation.link import Weather
from tests.simulation.samples import Samples
from tests.simulation.scheduler import Scheduler
from tests.simulation.server import Server


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
        self.samples = Samples()
        self.disk = Disk(self.scheduler, self.rng)
        self.disk.on_commit = self._committed
        self.server = Server(self.scheduler, self.disk, ValueEncoder(), Units())
        self.devices = [self._device(number) for number in range(size.devices)]

    def _device(self, number: int) -> Device:
        rng = self.rng
        off_s = rng.choice((0.0, 0.3, -0.8, rng.uniform(-4, 4), rng.uniform(-7200, 7200)))
        spool_bytes = rng.choice((SPOOL_BYTES_MAX, SPOOL_BYTES_MAX, 6_000))
        habits = Habits(off_s, rng.random() < 0.7, spool_bytes)
        weather = Weather(rng.uniform(0.001, 0.05), rng.choice((0.005, 0.02, 0.2)))
        name = f"device-{number}"
        return Device(self.scheduler, rng, self.server, self.samples, name, habits, weather)

    def run(self) -> None:
        """Lets the world's time pass. Raises Broken where a promise does not hold."""
        scheduler, rng = self.scheduler, self.rng
        scheduler.call_at(0.0, self.server.start)
        for device in self.devices:
            scheduler.call_at(rng.uniform(0.0, 3.0), device.start)
        self._befall(60.0, self._server_crashes)
        self._befall(25.0, self._device_crashes)
        self._befall(8.0, self._link_stalls)
        self._befall(12.0, self._link_breaks)
        self._befall(30.0, self._disk_ails)
        try:
            scheduler.run(self.size.seconds)
        finally:
            scheduler.running(scheduler.kill, self.server.process)

    def _befall(self, every_s: float, what: object) -> None:
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

    # -- what is checked ------------------------------------------------------------------

    def _committed(self, batch: Batch) -> None:
        self.samples.committed(batch)
