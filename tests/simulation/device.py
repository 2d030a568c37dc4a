"""A device: a patient it measures, its own clock, and the session of the SDK with its spool."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import nan
from random import Random
from typing import Final

from rpm_service.sdk import Monitor, Numeric, Observation, wire
from rpm_service.sdk.backoff import backoff_s
from rpm_service.sdk.session import Session
from rpm_service.sdk.spool import SPOOL_BYTES_MAX, MemorySpool
from rpm_service.sdk.wire import Numbered
from rpm_service.v1.telemetry_pb2 import SeqRange, StreamTelemetryResponse
from tests.simulation.checker import Checker
from tests.simulation.link import Link, Weather
from tests.simulation.samples import Sample
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.server import BEGAN, Server

STEADY_S: Final = 5.0
"""A connection that lasted so long begins the back-off anew."""
CONNECT_S: Final = 1.0
"""A server that is not there is noticed after this time."""
STAMP: Final = 999_999
"""A metric that no limit knows: the number of the sample, so that it is known everywhere."""
NUMERICS: Final = (
    Numeric(147842, 264864),
    Numeric(150456, 262688),
    Numeric(STAMP, 262656, label="Stamp"),
)
PLACE: Final = {"HR": 0, "SpO2": 1, "Stamp": 2}

CALM: Final = (75.0, 97.0)
STATES: Final = (
    (CALM, 6),
    ((75.0, 86.0), 2),
    ((75.0, 76.0), 2),
    ((132.0, 97.0), 2),
    ((170.0, 93.0), 1),
    ((45.0, 97.0), 1),
    ((0.0, 97.0), 1),
    ((nan, 97.0), 1),
    ((75.0, nan), 1),
)
"""What a patient may be like for a while, HR and SpO2, and how often."""
LASTS_S: Final = (2.0, 60.0)


@dataclass
class Habits:
    """What is peculiar to one device: its clock, and whether its spool outlives it."""

    clock_off_s: float = 0.0
    keeps_spool: bool = True
    spool_bytes: int = SPOOL_BYTES_MAX


class Device:
    """One device over all the lives of its process."""

    def __init__(
        self,
        scheduler: Scheduler,
        rng: Random,
        server: Server,
        checker: Checker,
        name: str,
        habits: Habits,
        weather: Weather,
    ) -> None:
        self.name = name
        self.habits = habits
        self.link: Link | None = None
        self._scheduler = scheduler
        self._rng = rng
        self._server = server
        self._samples = checker.samples
        self._weather = weather
        self._process = Process(name, alive=False)
        self._spool = self._new_spool()
        self._numbers: dict[int, Sample] = {}
        """What each frame in the spool holds, by the spool's number."""
        self._acked = 0
        self._state = CALM
        self._state_until = 0.0
        self._timer: float = 0.0
        self._attempt = 0
        self._connected_at = 0.0

    def _new_spool(self) -> MemorySpool:
        spool = MemorySpool()
        # Smaller than a maker may have it, so that an outage of a minute is a long one.
        spool.bytes_max = self.habits.spool_bytes
        spool.spool_id = self._rng.getrandbits(62) + 1
        return spool

    @property
    def is_on(self) -> bool:
        return self._process.alive

    def clock(self) -> float:
        """What the device takes the time for."""
        return BEGAN + self._scheduler.time() + self.habits.clock_off_s

    # -- lives ----------------------------------------------------------------------------

    def start(self) -> None:
        """The device is turned on."""
        self._process = Process(self.name)
        if not self.habits.keeps_spool:
            self._spool, self._numbers, self._acked = self._new_spool(), {}, 0
        self._session = Session([Monitor(self.name, numerics=NUMERICS)], self._spool)
        self._attempt = 0
        self._scheduler.within(self._process, self._begin)

    def _begin(self) -> None:
        self._scheduler.call_later(self._rng.random(), self._observe)
        self._connect()

    def crash(self) -> None:
        """The device is killed. What is in its spool stays, if that is on disk."""
        self._scheduler.kill(self._process)
        if self.link is not None:
            self.link.snap(0.0, self._rng.uniform(0.0, 8.0))
            self.link = None

    # -- what it measures -----------------------------------------------------------------

    def _observe(self) -> None:
        now = self._scheduler.time()
        self._scheduler.call_later(1.0, self._observe)
        if now >= self._state_until:
            states, weights = zip(*STATES, strict=True)
            self._state = self._rng.choices(states, weights)[0]
            self._state_until = now + self._rng.uniform(*LASTS_S)
        heart_rate, saturation = self._state
        sample = self._samples.observed(self.name, BEGAN + now, heart_rate, saturation)
        entry = Observation(self.clock(), (heart_rate, saturation, float(sample.stamp)))
        number = self._session.observe(Numbered.OBSERVATIONS, wire.observations([entry]))
        self._numbers[number] = sample
        while self._spool.get(next(iter(self._numbers))) is None:
            # A full spool has given up its oldest: nobody promised anything about that one.
            del self._numbers[next(iter(self._numbers))]
        self._pump()

    # -- how it speaks --------------------------------------------------------------------

    def _connect(self) -> None:
        scheduler = self._scheduler
        if self._server.monitoring is None:
            scheduler.call_later(self._wait_s(), self._connect)
            return
        link = self.link = Link(scheduler, self._rng, self._weather)
        link.up.sender = link.down.receiver = self._process
        link.down.on_frame = self._reader(link)
        link.up.on_room = self._pump
        link.on_lost["client"] = (self._process, self._lost(link))
        self._server.serve_device(link, self.name)
        self._connected_at = scheduler.time()
        self._session.connected(scheduler.time())
        self._pump()

    def _wait_s(self) -> float:
        self._attempt += 1
        return backoff_s(self._attempt - 1, self._rng) + (self._session.reconnect_after_s or 0.0)

    def _reader(self, link: Link) -> Callable[[bytes], None]:
        def read(data: bytes) -> None:
            # What comes on a connection that was given up is read by nobody.
            if self.link is link:
                self._take(data)

        return read

    def _lost(self, link: Link) -> Callable[[], None]:
        def lost() -> None:
            if self.link is link:
                self._hang_up()

        return lost

    def _hang_up(self) -> None:
        assert self.link is not None
        self.link = None
        self._session.disconnected()
        if self._scheduler.time() - self._connected_at >= STEADY_S:
            self._attempt = 0
        self._scheduler.call_later(self._wait_s(), self._connect)

    def _pump(self) -> None:
        """Writes what there is to say, as the SDK's own link does."""
        link, session, now = self.link, self._session, self._scheduler.time()
        if link is None:
            return
        if session.overdue(now):
            link.snap(0.0, self._rng.uniform(0.0, 1.0))
            self._hang_up()
            return
        while link.up.has_room:
            frame = session.next_frame(now, self.clock())
            if frame is None:
                break
            link.up.send(frame)
        due = max(session.deadline(), now + 0.05)
        if not now < self._timer <= due:
            self._timer = due
            self._scheduler.call_at(due, self._wake, due)

    def _wake(self, due: float) -> None:
        if self._timer == due:
            self._timer = 0.0
            self._pump()

    def _take(self, data: bytes) -> None:
        response = StreamTelemetryResponse.FromString(data)
        self._session.receive(response, self._scheduler.time())
        match response.WhichOneof("frame"):
            case "ack":
                ack = response.ack
                self._note_ack(ack.durable_through_seq, ack.durable_beyond)
            case "welcome":
                welcome = response.welcome
                self._note_ack(welcome.resume_from_seq - 1, welcome.durable_beyond)
        self._pump()

    def _note_ack(self, through_seq: int, beyond: Iterable[SeqRange]) -> None:
        """What the server says is safe with it."""
        base = self._spool.base
        assert base is not None
        self._note_acked(self._acked + 1, through_seq - base)
        self._acked = max(self._acked, through_seq - base)
        for each in beyond:
            self._note_acked(each.from_seq - base, each.to_seq - base)

    def _note_acked(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            sample = self._numbers.pop(number, None)
            if sample is not None:
                self._samples.acked(sample)
