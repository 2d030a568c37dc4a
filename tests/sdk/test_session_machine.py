"""A device and a server that lose each other at any moment, and lose no frame between them."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rpm_service.sdk import Monitor, Numeric, Observation, Samples, wire
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.disk_spool import DiskSpool
from rpm_service.sdk.session import RETRY_AFTER_S, Session, State
from rpm_service.sdk.spool import FRAME_OVERHEAD_BYTES, MemorySpool, Spool
from rpm_service.sdk.wire import FRAME_BYTES_MAX, Numbered
from rpm_service.v1 import telemetry_pb2

Request = telemetry_pb2.StreamTelemetryRequest
Response = telemetry_pb2.StreamTelemetryResponse


class ModelServer:
    """What the contract says a server does, with a disk that commits when it likes.

    With `frames_per_s` it takes backfill, and holds a number that was skipped to be on its way
    until it comes or is declared as a gap; without, it takes frames in order alone.
    """

    def __init__(self, frames_per_s: float) -> None:
        self.frames_per_s = frames_per_s
        self.dealt: set[int] = set()
        self.durable: set[int] = set()
        self.disk: list[int] = []
        self.waiting: list[int] = []
        self.refused: set[int] = set()
        self.for_now: set[int] = set()
        """Numbers that were refused as retryable: they come again, out of their order."""
        self.lost: set[int] = set()
        """Numbers that the device has declared."""
        self.backfilled: set[int] = set()
        self.live: list[int] = []
        """Sequence numbers of this stream that came live."""
        self.awaits: str = "hello"
        self.refuse_next: bool | None = None
        self.refuse_a_part_of_next = False

    @property
    def newest(self) -> int:
        return max(self.dealt, default=0)

    def take(self, data: bytes) -> dict[str, Any] | None:
        frame = Request.FromString(data)
        kind = frame.WhichOneof("frame")
        if kind == "heartbeat" and self.awaits == "observations":
            return None
        if kind == "gap" and self.awaits == "observations":
            assert self.frames_per_s
            declared = set(range(frame.gap.from_seq, frame.gap.to_seq + 1))
            assert declared
            self.lost |= declared - self.dealt
            self.dealt |= declared
            return None
        assert kind == self.awaits, f"{kind} where {self.awaits} was to come"
        if kind == "hello":
            assert frame.hello.backfills
            assert frame.hello.spool_id
            self.dealt = set(self.durable)
            self.live = []
            self.awaits = "describe"
            through, beyond = self.report()
            welcome = telemetry_pb2.Welcome(
                resume_from_seq=through + 1,
                heartbeat_interval_s=5.0,
                max_frame_bytes=FRAME_BYTES_MAX,
                backfill_frames_per_s=self.frames_per_s,
                durable_beyond=beyond if self.frames_per_s else [],
            )
            return {"welcome": welcome}
        if kind == "describe":
            self.awaits = "observations"
            return None
        return self._observations(frame.observations)

    def _observations(self, frame: telemetry_pb2.Observations) -> dict[str, Any] | None:
        seq, identity = frame.seq, int(frame.entries[0].values[0])
        if not frame.backfill:
            self.live.append(seq)
        if seq in self.dealt:
            return None
        is_new = seq > self.newest or seq in self.for_now
        assert frame.backfill or is_new, "older frames are marked"
        if self.refuse_next is not None:
            retryable, self.refuse_next = self.refuse_next, None
            if retryable:
                self.for_now.add(seq)
            else:
                self._deal(seq)
                self.refused.add(identity)
            return {"refusal": telemetry_pb2.Refusal(seq=seq, field="values", retryable=retryable)}
        self._deal(seq)
        self.waiting.append(identity)
        if frame.backfill:
            self.backfilled.add(identity)
        if self.refuse_a_part_of_next:
            self.refuse_a_part_of_next = False
            field = "observations.entries[0].values[0]"
            return {"refusal": telemetry_pb2.Refusal(seq=seq, field=field)}
        return None

    def _deal(self, seq: int) -> None:
        if not self.frames_per_s:
            self.dealt |= set(range(self.newest + 1, seq))
        self.dealt.add(seq)

    def report(self) -> tuple[int, list[telemetry_pb2.SeqRange]]:
        """What is on disk: through a number, and ranges beyond it."""
        through = 0
        while through + 1 in self.durable:
            through += 1
        ranges: list[telemetry_pb2.SeqRange] = []
        for seq in sorted(each for each in self.durable if each > through):
            if ranges and ranges[-1].to_seq == seq - 1:
                ranges[-1].to_seq = seq
            else:
                ranges.append(telemetry_pb2.SeqRange(from_seq=seq, to_seq=seq))
        return through, ranges

    def ack(self) -> telemetry_pb2.Ack:
        through, beyond = self.report()
        return telemetry_pb2.Ack(durable_through_seq=through, durable_beyond=beyond)

    def commit(self) -> None:
        self.disk += self.waiting
        self.waiting.clear()
        self.durable = set(self.dealt)

    def forget_what_is_not_on_disk(self) -> None:
        self.waiting.clear()
        self.dealt = set(self.durable)

    def lose_stream(self) -> None:
        self.awaits, self.refuse_next = "hello", None


SPOOL_BYTES = FRAME_BYTES_MAX + FRAME_OVERHEAD_BYTES
MONITOR = Monitor("d", numerics=(Numeric(150456, 262688),))


class DeviceAndServer(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.observed = 0
        self.spool = self.opened()
        self.session = Session([MONITOR], self.spool)
        self.server = ModelServer(0.0)
        self.died = Counters()
        """What had become of frames in processes that are no more."""

    @initialize(frames_per_s=st.sampled_from([0.0, 50.0]))
    def meets_a_server(self, frames_per_s: float) -> None:
        self.server = ModelServer(frames_per_s)

    def opened(self) -> Spool:
        return MemorySpool(SPOOL_BYTES)

    @property
    def online(self) -> bool:
        return self.session.state is not State.OFFLINE

    def hears(self, **frame: Any) -> None:
        self.session.receive(Response(**frame), self.now)

    @rule(count=st.integers(1, 4) | st.just(40), waveform_bytes=st.sampled_from([0, 0, 0, 40_000]))
    def observe(self, count: int, waveform_bytes: int) -> None:
        for _ in range(count):
            self.observed += 1
            chunks = [Samples(0, 0.0, bytes(waveform_bytes))] if waveform_bytes else []
            entry = Observation(self.now, [float(self.observed)], sample_arrays=chunks)
            payload = wire.observations([entry])
            number = self.session.observe(
                Numbered.OBSERVATIONS, payload, has_waveforms=bool(chunks)
            )
            assert number == self.observed

    @rule(size=st.integers(50_000, 200_000))
    def observe_something_big(self, size: int) -> None:
        self.observed += 1
        entry = Observation(self.now, [float(self.observed)] * (size // 8))
        self.session.observe(Numbered.OBSERVATIONS, wire.observations([entry]))

    @precondition(lambda self: not self.online)
    @rule()
    def connect(self) -> None:
        self.session.connected(self.now)

    @precondition(lambda self: self.online)
    @rule(frames=st.integers(1, 6), elapsed_s=st.sampled_from([0.0, RETRY_AFTER_S, 10.0]))
    def talk(self, frames: int, elapsed_s: float) -> None:
        self.now += elapsed_s
        for _ in range(frames):
            frame = self.session.next_frame(self.now, self.now)
            if frame is None:
                return
            answer = self.server.take(frame)
            if answer is not None:
                self.hears(**answer)

    @rule()
    def commit(self) -> None:
        self.server.commit()

    @precondition(lambda self: self.session.state is State.STREAMING)
    @rule()
    def acknowledge(self) -> None:
        self.hears(ack=self.server.ack())

    @precondition(lambda self: self.session.state is State.STREAMING)
    @rule(retryable=st.booleans())
    def refuse_the_next(self, retryable: bool) -> None:
        self.server.refuse_next = retryable

    @precondition(lambda self: self.session.state is State.STREAMING)
    @rule()
    def refuse_a_part_of_the_next(self) -> None:
        self.server.refuse_a_part_of_next = True

    @precondition(lambda self: self.online)
    @rule(server_dies=st.booleans())
    def lose_connection(self, server_dies: bool) -> None:
        if server_dies:
            self.server.forget_what_is_not_on_disk()
        else:
            self.server.commit()
        self.server.lose_stream()
        self.session.disconnected()

    @invariant()
    def every_frame_is_accounted_for(self) -> None:
        counters = self.session.counters
        gone = sum(
            each.frames_acked + each.frames_refused + each.frames_dropped
            for each in (self.died, counters)
        )
        assert self.observed == gone + len(self.spool)
        assert counters.frames == (
            counters.frames_acked
            + counters.frames_refused
            + counters.frames_dropped
            + len(self.spool)
        )

    @invariant()
    def nothing_is_stored_twice(self) -> None:
        assert len(set(self.server.disk)) == len(self.server.disk)

    @invariant()
    def whatever_left_the_spool_is_on_disk_or_refused_or_counted(self) -> None:
        gone = {n for n in range(1, self.observed + 1) if self.spool.get(n) is None}
        unexplained = gone - set(self.server.disk) - self.server.refused
        dropped = self.died.frames_dropped + self.session.counters.frames_dropped
        refused = self.died.frames_refused + self.session.counters.frames_refused
        # A frame may be given up after too many refusals, or when the spool is full.
        given_up = refused - len(self.server.refused - self._held())
        assert len(unexplained) <= dropped + max(0, given_up)

    @invariant()
    def live_frames_come_in_order(self) -> None:
        """But for what was refused for now: it, and what came after it, comes again."""
        live = list(dict.fromkeys(self.server.live))
        assert live == sorted(live)

    def _held(self) -> set[int]:
        return {n for n in range(1, self.observed + 1) if self.spool.get(n) is not None}

    def teardown(self) -> None:
        """In the end they find each other, and everything arrives."""
        if self.online:
            self.server.forget_what_is_not_on_disk()
            self.server.lose_stream()
            self.session.disconnected()
        self.connect()
        for _ in range(self.observed + 10):
            self.talk(self.observed + 10, 10.0)
            self.server.commit()
            self.acknowledge()
        assert self.session.drained
        self.every_frame_is_accounted_for()
        self.nothing_is_stored_twice()
        self.whatever_left_the_spool_is_on_disk_or_refused_or_counted()
        assert self.server.report() == (self.server.newest, []), "no hole is left open"


class DeviceThatDies(DeviceAndServer):
    """Its process may be killed at any moment; its spool is on disk."""

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        super().__init__()

    def opened(self) -> Spool:
        return DiskSpool(Path(self.folder.name) / "spool", SPOOL_BYTES)

    @rule(server_dies=st.booleans())
    def is_killed(self, server_dies: bool) -> None:
        if self.online:
            self.lose_connection(server_dies)
        counters, died = self.session.counters, self.died
        self.died = Counters(
            frames_acked=died.frames_acked + counters.frames_acked,
            frames_refused=died.frames_refused + counters.frames_refused,
            frames_dropped=died.frames_dropped + counters.frames_dropped,
        )
        self.spool.close()
        self.spool = self.opened()
        self.session = Session([MONITOR], self.spool)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.spool.close()
            self.folder.cleanup()


TestDeviceThatDies = DeviceThatDies.TestCase
TestDeviceThatDies.settings = settings(max_examples=60, stateful_step_count=40)
TestDeviceAndServer = DeviceAndServer.TestCase
TestDeviceAndServer.settings = settings(max_examples=150, stateful_step_count=40)
