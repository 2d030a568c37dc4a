r"""The device's side of the telemetry protocol, without I/O.

A Session outlives its connections. The shell tells it when a connection opens and ends, hands
it what the server says, and writes whatever `next_frame` returns; the time of every act is
passed in. Which of the server's frames may come when is the table RECEIPTS:

    OFFLINE --connected--> GREETING --Welcome--> STREAMING --Goodbye sent--> LEAVING
                               \_____________Drain_____________/--> DRAINING
    any     --disconnected--> OFFLINE

Numbers. The spool numbers frames from 1; on the wire a frame's sequence number is that plus the
spool's `base`. The first Welcome sets the base, so that a process without memory continues
where the server's record of the device ends; one with a spool on disk goes on with its own.
Welcome and Ack speak in sequence numbers; a device's program sees only its own numbers. In which order they go is decided
in rpm_service.sdk.sending.
"""

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from math import inf

from rpm_service.sdk import wire
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.errors import ProtocolViolated, Refused
from rpm_service.sdk.monitor import Monitor
from rpm_service.sdk.notices import Coverage, Refusal, Settings, settings_from
from rpm_service.sdk.ranges import Range, minus
from rpm_service.sdk.sending import Sending
from rpm_service.sdk.spool import Spool
from rpm_service.sdk.vocabulary import GoodbyeReason
from rpm_service.sdk.wire import Numbered
from rpm_service.v1 import telemetry_pb2

WELCOME_S_MAX = 10.0
"""A connection that is not welcomed within this time is given up."""
HELLO_S_MAX = 1.0
"""A Hello that is answered later may have been late: the device says its clock once more, before
anything that is placed by it."""
ENDING_S_MAX = 5.0
"""A server that does not end the stream within this time of Goodbye or Drain is left."""
HEARTBEAT_SHARE = 0.9
"""Of the interval the server asked for, so that the heartbeat is there in time."""
RETRY_AFTER_S = 1.0
"""Wait before a frame that was refused as retryable is sent again, and all after it."""
RETRIES_MAX = 5
"""After so many retryable refusals a frame is given up like any refused one."""
RECONNECT_AFTER_S_MAX = 60.0
"""Longest wait that a draining server may ask for."""
HEARTBEATS_MISSED = 10
"""A server that says nothing for so many of the intervals that it promised is lost."""

PART = "observations.entries"
"""A refusal of something in here leaves the rest of the frame to be acknowledged."""


class State(Enum):
    """Where the session stands."""

    OFFLINE = auto()
    GREETING = auto()
    STREAMING = auto()
    LEAVING = auto()
    DRAINING = auto()


_WHILE_STREAMING = frozenset({"ack", "refusal", "settings", "coverage", "heartbeat", "drain"})
RECEIPTS = {
    State.OFFLINE: frozenset[str](),
    State.GREETING: frozenset({"welcome", "refusal", "drain"}),
    State.STREAMING: _WHILE_STREAMING,
    State.LEAVING: _WHILE_STREAMING,
    State.DRAINING: _WHILE_STREAMING,
}
_ENDING_OR_BEGINNING = frozenset({State.GREETING, State.LEAVING, State.DRAINING})


class Session:
    """One device's conversation with the server, over all its connections."""

    def __init__(
        self,
        monitors: Sequence[Monitor],
        spool: Spool,
        *,
        software: str = "",
        clock_rate: float = 1.0,
    ) -> None:
        self.state = State.OFFLINE
        self.counters = Counters(frames=len(spool))
        self.epoch = 0
        """Of the newest session that the server has opened; 0 where there was none."""
        self.server_clock = 0.0
        """The server's clock at the newest Welcome."""
        self.reconnect_after_s: float | None = None
        """How long a draining server asked to wait; None where it did not."""
        self.said_goodbye = False
        self._spool = spool
        self._software = software
        self._clock_rate = clock_rate
        self._describe = wire.describe(monitors)
        self._sending = Sending(spool, self.counters)
        self._on_disk: list[Range] = []
        """What the server said last to be on disk beyond the first number that is missing."""
        self._goodbye: GoodbyeReason | None = None
        self._greeted = False
        self._described = False
        self._hello_at = 0.0
        self._hello_was_late = False
        self._frame_bytes_max = wire.FRAME_BYTES_MAX
        self._heartbeat_s = 1.0
        self._deadline = 0.0
        """Of an answer in this state; infinite where the server promised none."""
        self._silence_s_max = inf
        self._sent_at = 0.0
        self._held_until: float | None = None
        self._silent_until = 0.0

    @property
    def drained(self) -> bool:
        """Whether nothing waits for an acknowledgement."""
        return len(self._spool) == 0

    @property
    def over(self) -> bool:
        """Whether nothing more will be said on this connection."""
        return self.state in {State.LEAVING, State.DRAINING}

    def observe(self, kind: Numbered, payload: bytes, *, has_waveforms: bool = False) -> int:
        """Keeps a frame to be sent, and returns its number."""
        assert self._goodbye is None
        number = self._spool.append(kind, payload, has_waveforms=has_waveforms)
        self.counters.frames += 1
        self.counters.frames_dropped = self._spool.frames_dropped
        self.counters.waveforms_dropped = self._spool.waveforms_dropped
        return number

    def leave(self, reason: GoodbyeReason) -> None:
        """Says goodbye once everything observed so far has been sent."""
        self._goodbye = reason

    def hush(self, until: float) -> None:
        """Says nothing while streaming before that time, not even that the device lives."""
        self._silent_until = until

    def connected(self, now: float) -> None:
        """Begins a connection."""
        assert self.state is State.OFFLINE
        self.state = State.GREETING
        self.reconnect_after_s = None
        self._greeted = self._described = False
        self._deadline = now + WELCOME_S_MAX
        self._held_until = None

    def disconnected(self) -> None:
        """Ends a connection, however it ended."""
        self.state = State.OFFLINE

    def deadline(self) -> float:
        """Returns when to call next_frame, or to ask overdue, even if nothing has happened."""
        if self.state in _ENDING_OR_BEGINNING:
            return self._deadline
        due = self._sent_at + self._heartbeat_s
        if self._held_until is not None:
            due = min(due, self._held_until)
        else:
            due = min(due, self._sending.deadline())
        return min(self._deadline, max(due, self._silent_until))

    def overdue(self, now: float) -> bool:
        """Says whether the server has failed to answer in time, so that the call must end."""
        return self.state is not State.OFFLINE and now >= self._deadline

    def next_frame(self, now: float, device_clock: float) -> bytes | None:
        """Returns the next frame to write, or None where there is none now."""
        match self.state:
            case State.GREETING if not self._greeted:
                self._greeted = True
                self._hello_at = now
                return self._hello(device_clock)
            case State.STREAMING:
                frame = self._streaming_frame(now, device_clock)
                if frame is not None:
                    self._sent_at = now
                return frame
            case _:
                return None

    def receive(
        self, response: telemetry_pb2.StreamTelemetryResponse, now: float
    ) -> Refusal | Settings | Coverage | None:
        """Takes one frame of the server; returns what the device's program may want to know.

        Raises ProtocolViolated where the contract does not allow the frame now, or the two
        ends count differently, and Refused where the server refuses what every frame rests on
        (Hello, Describe).
        """
        kind = response.WhichOneof("frame")
        if kind is None:
            # Something that a later version of the contract says.
            return None
        if kind not in RECEIPTS[self.state]:
            raise ProtocolViolated(f"{kind} while {self.state.name}")
        if self.state is State.STREAMING:
            self._deadline = now + self._silence_s_max
        match kind:
            case "welcome":
                self._welcomed(response.welcome, now)
            case "ack":
                self._sending.answered()
                ack = response.ack
                self._acknowledged(ack.durable_through_seq, _ranges(ack.durable_beyond))
            case "refusal":
                return self._refused(response.refusal, now)
            case "settings":
                return settings_from(response.settings)
            case "coverage":
                return Coverage(response.coverage.mds, response.coverage.covered)
            case "drain":
                self._draining(response.drain.reconnect_after_s, now)
        return None

    def _hello(self, device_clock: float) -> bytes:
        numbered = self._spool.base is not None
        base = self._spool.base or 0
        return wire.hello(
            software=self._software,
            device_clock=device_clock,
            clock_rate=self._clock_rate,
            spool_first_seq=base + self._spool.first if numbered and self._spool else 0,
            spool_last_seq=base + self._spool.last if numbered else 0,
            spool_id=self._spool.spool_id,
        )

    def _streaming_frame(self, now: float, device_clock: float) -> bytes | None:
        if now < self._silent_until:
            return None
        if not self._described or self._hello_was_late:
            return self._opening_frame(device_clock)
        if self._held_until is None or now >= self._held_until:
            self._held_until = None
            if (frame := self._sending.next_frame(now, self._frame_bytes_max)) is not None:
                return frame
            if self._goodbye is not None and self._has_sent_all:
                self.state = State.LEAVING
                self.said_goodbye = True
                self._deadline = now + ENDING_S_MAX
                return wire.goodbye(self._goodbye)
        if now >= self._sent_at + self._heartbeat_s:
            self.counters.heartbeats += 1
            return wire.heartbeat(device_clock)
        return None

    def _opening_frame(self, device_clock: float) -> bytes:
        """What comes before anything that was observed."""
        if self._described:
            self._hello_was_late = False
            self.counters.heartbeats += 1
            return wire.heartbeat(device_clock)
        if len(self._describe) > self._frame_bytes_max:
            raise Refused("describe", f"{len(self._describe)} bytes are too many")
        self._described = True
        return self._describe

    @property
    def _has_sent_all(self) -> bool:
        """Whether what is left to be sent is safe where it is."""
        return self._spool.outlives_its_process or not self._sending.is_backfilling

    def _welcomed(self, welcome: telemetry_pb2.Welcome, now: float) -> None:
        if not (welcome.heartbeat_interval_s > 0 and welcome.resume_from_seq > 0):
            raise ProtocolViolated("a Welcome without heartbeat_interval_s or resume_from_seq")
        self.state = State.STREAMING
        self._hello_was_late = now - self._hello_at > HELLO_S_MAX
        self.epoch = welcome.session_epoch
        self.server_clock = welcome.server_clock
        self.counters.connects += 1
        self._heartbeat_s = welcome.heartbeat_interval_s * HEARTBEAT_SHARE
        promised_s = welcome.server_heartbeat_interval_s
        self._silence_s_max = HEARTBEATS_MISSED * promised_s if promised_s > 0 else inf
        self._deadline = now + self._silence_s_max
        self._frame_bytes_max = min(welcome.max_frame_bytes, wire.FRAME_BYTES_MAX)
        self._sent_at = now
        known_through = welcome.resume_from_seq - 1
        beyond = _ranges(welcome.durable_beyond)
        newest = max([known_through, *(last for _, last in beyond)])
        if self._spool.base is None:
            self._spool.base = known_through
        elif newest > self._spool.base + self._spool.last:
            # The server has numbers from us that we never gave out: a second process speaks
            # in our name. What we hold is not what it has, so it goes under new numbers.
            self._spool.base = newest + 1 - (self._spool.first or self._spool.last + 1)
            self.counters.renumbered += 1
            known_through, beyond = newest, []
        self._on_disk = []
        self._acknowledged(known_through, beyond)
        base = self._spool.base
        self._sending.begin(
            known_through - base,
            [(first - base, last - base) for first, last in beyond],
            welcome.backfill_frames_per_s,
            now,
        )

    def _acknowledged(self, through_seq: int, beyond: list[Range]) -> None:
        base = self._spool.base
        assert base is not None
        newest = max([through_seq, *(last for _, last in beyond)])
        if newest - base > self._spool.last:
            raise ProtocolViolated(f"ack of {newest}, which was never sent")
        for first, last in minus([(base + 1, through_seq), *beyond], self._on_disk):
            self.counters.frames_acked += self._spool.release(first - base, last - base)
        self._on_disk = [(base + 1, through_seq), *beyond]

    def _refused(self, refusal: telemetry_pb2.Refusal, now: float) -> Refusal:
        about = refusal.field.partition(".")[0]
        if refusal.seq == 0 and not refusal.retryable and about in {"hello", "describe"}:
            raise Refused(refusal.field, refusal.reason)
        if refusal.field.endswith(".seq") and not refusal.retryable:
            # The spool gave up so much before the first Welcome that the server does not believe
            # the number. The next Hello announces it.
            raise ProtocolViolated(f"{refusal.field} refused: {refusal.reason}")
        self._sending.answered()
        number = max(0, refusal.seq - (self._spool.base or 0)) if refusal.seq else 0
        frame = self._spool.get(number)
        will_retry = frame is not None and refusal.retryable and frame.refusals < RETRIES_MAX
        if frame is not None and will_retry:
            frame.refusals += 1
            if self._sending.again(number, now + RETRY_AFTER_S):
                # Order matters more than speed: everything from this frame on goes again.
                self._held_until = now + RETRY_AFTER_S
        elif refusal.field.startswith(PART):
            if frame is not None and not frame.partly_refused:
                frame.partly_refused = True
                self.counters.frames_partly_refused += 1
        elif self._spool.discard(number):
            self.counters.frames_refused += 1
        return Refusal(number, refusal.field, refusal.reason, will_retry)

    def _draining(self, reconnect_after_s: float, now: float) -> None:
        self.reconnect_after_s = min(max(0.0, reconnect_after_s), RECONNECT_AFTER_S_MAX)
        self.state = State.DRAINING
        self._deadline = now + ENDING_S_MAX


def _ranges(wire_ranges: Iterable[telemetry_pb2.SeqRange]) -> list[Range]:
    return [(each.from_seq, each.to_seq) for each in wire_ranges]
