"""The session of one device or gateway stream, without its transport.

The order of frames, duplicates and gaps, the device's clock, and which bedside a value
belongs to are decided here. The transport hands over what it read and the time, and sends
what the session tells it to.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from math import isfinite
from typing import Final

from rpm_service.application.bedside import SERVER, Bedside
from rpm_service.application.device_clock import LATE_S_MAX, DeviceClock
from rpm_service.application.effects import (
    Connection,
    Description,
    Gap,
    NumericRow,
    WaveformRow,
)
from rpm_service.application.pace import Pace, declared
from rpm_service.application.ports import DevicePeer
from rpm_service.application.sifting import Refused
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import Kind, Priority

HEARTBEAT_S: Final = 1.0
"""A device sends something at least this often."""
LIVE_S: Final = 10.0
"""A value observed longer ago is stored and not judged: it can no longer help in time."""
SPOOL_S_MAX: Final = 7 * 86_400.0
"""No device keeps values longer; older ones carry a wrong time."""
ACK_FRAMES: Final = 64
"""An ack is due when so many frames are newly on disk,"""
ACK_S: Final = 1.0
"""or when this time has passed."""
DUPLICATE_S: Final = 2.0
"""A session that was heard so short a time ago is not one whose connection broke."""
SEQ_MAX: Final = 2**63 - 1
JUMP_MAX: Final = 1_000_000
"""A number so far beyond what was taken or announced is a device's error: taken, it would make
duplicates of all that follow once the device counts right again."""


class Step(Enum):
    """How far a session has come."""

    OPENING = auto()
    """Waits for Hello."""
    WELCOMED = auto()
    """Waits for Describe."""
    STREAMING = auto()
    ENDED = auto()


class TelemetrySession:
    """One stream's session; `stream_id` is the identity that its certificate gives it."""

    def __init__(
        self,
        ward: Ward,
        stream_id: str,
        may_speak_for: Callable[[str], bool],
        peer: DevicePeer,
    ) -> None:
        self.stream_id = stream_id
        self.step = Step.OPENING
        self.epoch = 0
        self.bedsides: list[Bedside] = []
        self.acked = 0
        self.frames = 0
        self.refused = 0
        self.duplicates = 0
        self._ward = ward
        self._may_speak_for = may_speak_for
        self._peer = peer
        self._newest = 0
        self._announced = 0
        self._clock = DeviceClock()
        self._clock_off = False
        self._acked_at = float("-inf")
        self._said_goodbye = False
        self._draining = False
        self._ack_again = False
        self._pace = Pace()
        self._covered: list[bool | None] = []
        """What the device was told of each monitor's coverage."""

    # -- opening and ending -------------------------------------------------------------

    def open(self, device_clock: float, spool_last_seq: int, now: float) -> int:
        """Takes Hello; gives the sequence number to resume from.

        A device that has given out numbers resumes after what is on disk, and what is on its
        way there is then a duplicate. One that has given out none (0) begins after both.
        """
        if self.step is not Step.OPENING:
            raise Refused("hello", "the session is open already")
        _check_clock("hello.device_clock", device_clock)
        self.epoch = self._ward.enter(self, now)
        self.acked = self._ward.durable.get(self.stream_id, 0)
        self._newest = max(self.acked, self._ward.taken.get(self.stream_id, 0))
        self._announced = spool_last_seq
        self.step = Step.WELCOMED
        self._pace.begin(now)
        self._measure_clock(device_clock, now)
        return (self.acked if spool_last_seq else self._newest) + 1

    def describe(self, parts: Sequence[tuple[str, Description]], now: float) -> None:
        """Takes Describe: the monitors behind this stream, by their position."""
        if self.step not in (Step.WELCOMED, Step.STREAMING):
            raise Refused("describe", "send hello first")
        if not parts:
            raise Refused("describe.mds", "describe at least one monitor")
        for place, (mds_id, _) in enumerate(parts):
            if not self._may_speak_for(mds_id):
                raise Refused(
                    f"describe.mds[{place}].id",
                    f"{mds_id!r} is not {self.stream_id}'s to speak for",
                )
            if mds_id == SERVER:
                raise Refused(f"describe.mds[{place}].id", f"{mds_id!r} is the server's own name")
            if mds_id in (earlier for earlier, _ in parts[:place]):
                raise Refused(f"describe.mds[{place}].id", f"{mds_id!r} is described twice")
        kept = {mds_id for mds_id, _ in parts}
        for bedside in self.bedsides:
            if bedside.device_id not in kept:
                bedside.lose(now)
                self._ward.settle(bedside, now)
        self.bedsides = []
        for mds_id, description in parts:
            bedside = self._ward.bedside(mds_id, now)
            self._ward.describe(bedside, description, now)
            self.bedsides.append(bedside)
        self._pace.declare(declared(description for _, description in parts))
        self._covered = [None] * len(parts)
        self.step = Step.STREAMING
        self._tell_clock(now)

    def goodbye(self) -> None:
        """The device leaves on purpose. Raises Refused."""
        if self.step is Step.OPENING:
            raise Refused("goodbye", "send hello first")
        self._said_goodbye = True

    def supersede(self, now: float) -> None:
        """A newer session of the same stream has begun: this one no longer counts.

        A device that was heard just now has not come back: there are two of its identity.
        """
        self.step = Step.ENDED
        for bedside in self.bedsides:
            if bedside.was_heard_within(DUPLICATE_S, now):
                bedside.recent.duplicate_device.happened(now)
                self._ward.collect(bedside)
        self._ward.taken[self.stream_id] = self._newest
        self._peer.supersede()

    def drain(self) -> None:
        """The server stops: tells the device what is on disk, and to come back."""
        self._draining = True
        durable = self._ward.durable.get(self.stream_id, 0)
        if durable > self.acked:
            self._peer.acknowledge(durable)
        self._peer.drain()

    def end(self, now: float) -> None:
        """The stream is over, however that came about."""
        self.step = Step.ENDED
        if not self._ward.exit(self) or self._draining:
            # A server that stops says nothing about its devices.
            return
        self._ward.taken[self.stream_id] = self._newest
        for bedside in self.bedsides:
            if self._said_goodbye:
                bedside.leave(now)
            else:
                bedside.lose(now)
            self._ward.settle(bedside, now)

    # -- coverage -----------------------------------------------------------------------

    def tell_coverage(self) -> None:
        """Tells the device of each monitor whether it is covered, where it does not know."""
        for mds, bedside in enumerate(self.bedsides):
            covered = bedside.covered
            if covered is not None and covered is not self._covered[mds]:
                self._covered[mds] = covered
                self._peer.cover(mds, covered=covered)

    # -- limits -------------------------------------------------------------------------

    def tell_limits(self, bedside: Bedside) -> None:
        """The alarm limits of a bedside have changed: its device shows them too."""
        for mds, each in enumerate(self.bedsides):
            if each is bedside:
                self._peer.show_limits(mds, bedside)

    # -- time ---------------------------------------------------------------------------

    def heartbeat(self, device_clock: float, now: float) -> None:
        """Takes Heartbeat. Raises Refused."""
        if self.step not in (Step.WELCOMED, Step.STREAMING):
            raise Refused("heartbeat", "send hello first")
        _check_clock("heartbeat.device_clock", device_clock)
        if device_clock:
            self._measure_clock(device_clock, now)
        for bedside in self.bedsides:
            bedside.heartbeat(now)

    def _measure_clock(self, device_clock: float, now: float) -> None:
        self._clock.measure(device_clock, now)
        if self._clock.is_off != self._clock_off:
            self._clock_off = self._clock.is_off
            self._tell_clock(now)

    def _tell_clock(self, now: float) -> None:
        for bedside in self.bedsides:
            bedside.judge_clock(off=self._clock_off, now=now)
            self._ward.collect(bedside)

    def _on_server_clock(self, field: str, at: float, now: float) -> float:
        """A device's time on the server's clock, never later than now."""
        estimate = at + self._clock.offset
        if now - SPOOL_S_MAX <= estimate <= now:
            return estimate
        if now < estimate <= now + LATE_S_MAX:
            # The clock was measured by a frame that was late.
            return now
        if not isfinite(at):
            raise Refused(field, "not a time")
        if estimate > now:
            raise Refused(field, f"{estimate - now:.0f} s in the future by the device's own clock")
        raise Refused(field, f"{(now - estimate) / 86_400:.0f} days ago by the device's own clock")

    # -- frames -------------------------------------------------------------------------

    def spend(self, entries: int, now: float) -> float:
        """Takes note of how much a frame brought; tells for how long nothing more is to be read."""
        wait_s = self._pace.spend(entries, now)
        if wait_s:
            for bedside in self.bedsides:
                bedside.recent.too_many_frames.happened(now)
                self._ward.collect(bedside)
        return wait_s

    def take_seq(self, seq: int, now: float) -> bool:
        """Decides on a frame's number; tells whether the frame is new."""
        if self.step is not Step.STREAMING:
            first = "hello" if self.step is Step.OPENING else "describe"
            raise Refused("", f"send {first} first")
        expected = self._newest + 1
        if 0 < seq < expected:
            self.duplicates += 1
            self._ack_again = True
            return False
        furthest = min(max(self._newest, self._announced) + JUMP_MAX, SEQ_MAX)
        if not expected <= seq <= furthest:
            raise Refused("seq", f"{seq} is not within {expected} to {furthest}")
        if seq > expected:
            self._ward.batch.gaps.append(Gap(self.stream_id, expected, seq - 1, now))
            for bedside in self.bedsides:
                bedside.recent.sequence_gap.happened(now)
                self._ward.collect(bedside)
        self._newest = seq
        self.frames += 1
        self._ward.batch.progress[self.stream_id] = seq
        return True

    def observe_quiet(
        self, seq: int, mds: int, observed_at: float, values: Sequence[float], now: float
    ) -> bool:
        """Takes the common case: everything that one monitor measures, in time, and quiet.

        Tells whether it was that; otherwise nothing has changed, and `observe` takes it.
        """
        if mds >= len(self.bedsides):
            return False
        bedside = self.bedsides[mds]
        at = observed_at + self._clock.offset
        if now < at <= now + LATE_S_MAX:
            at = now
        if (
            bedside.connection is not Connection.CONNECTED
            or not now - LIVE_S <= at <= now
            or not bedside.observe_quiet(at, now, values)
        ):
            return False
        self._keep(bedside, NumericRow(seq, observed_at, now, values, (), ()))
        self._ward.live.measure(bedside)
        return True

    def _keep(self, bedside: Bedside, row: NumericRow) -> None:
        rows = self._ward.batch.numerics
        if bedside.device_id in rows:
            rows[bedside.device_id].append(row)
        else:
            rows[bedside.device_id] = [row]
        self._ward.rows += 1

    def observe(
        self,
        seq: int,
        mds: int,
        observed_at: float,
        values: Sequence[float],
        indices: Sequence[int],
        validity: Sequence[int],
        now: float,
    ) -> Sequence[Refused]:
        """Takes what one monitor observed at one instant; gives the values that cannot be.

        Raises Refused where nothing of it counts. The monitor was heard even so, unless it
        never had a value: with nothing to go stale, only a lost connection tells of it.
        """
        bedside = self._bedside(mds)
        try:
            at = self._on_server_clock("observed_at", observed_at, now)
            values, validity, refusals = bedside.sift(values, indices, validity)
        except Refused:
            if bedside.is_monitored:
                self._hear(bedside, now)
            raise
        self._keep(bedside, NumericRow(seq, observed_at, now, values, indices, validity))
        if now - at > LIVE_S:
            self._hear(bedside, now)
            return refusals
        self._notice(bedside, now)
        if bedside.observe(at, now, values, indices, validity):
            self._ward.live.measure(bedside)
            if bedside.board.events:
                self._ward.collect(bedside)
        return refusals

    def refuse(self, now: float, mds: int | None = None) -> None:
        """Takes note of a part that was refused: of one monitor, or of nobody knows which."""
        self.refused += 1
        whose = self.bedsides if mds is None else self.bedsides[mds : mds + 1] or self.bedsides
        for bedside in whose:
            bedside.recent.invalid_data.happened(now)
            self._ward.collect(bedside)

    def hear(self, mds: int, now: float) -> None:
        """Takes note that a monitor is there: it sent waveforms alone. Raises Refused."""
        self._hear(self._bedside(mds), now)

    def take_samples(
        self, seq: int, mds: int, channel: int, start_at: float, samples: bytes, now: float
    ) -> None:
        """Takes consecutive samples of one waveform: little-endian int16. Raises Refused."""
        ward = self._ward
        bedside = self._bedside(mds)
        arrays = bedside.description.sample_arrays
        if not 0 <= channel < len(arrays):
            raise Refused("index", f"{channel} is not one of the {len(arrays)} sample arrays")
        if not samples or len(samples) % 2:
            raise Refused("samples", f"{len(samples)} bytes are not whole int16 samples")
        at = self._on_server_clock("start_at", start_at, now)
        row = WaveformRow(seq, channel, start_at, now, samples)
        ward.batch.waveforms.setdefault(bedside.device_id, []).append(row)
        ward.rows += 1
        if now - at <= LIVE_S:
            ward.live.waveform(bedside, channel, at, samples)

    def take_device_alarm(
        self,
        mds: int,
        code: str,
        kind: Kind,
        priority: Priority,
        observed_at: float,
        now: float,
        *,
        present: bool,
        text: str,
    ) -> None:
        """Takes a condition that the device itself raised or ended. Raises Refused."""
        bedside = self._bedside(mds)
        at = self._on_server_clock("observed_at", observed_at, now)
        bedside.take_device_alarm(code, kind, priority, at, now, present=present, text=text)
        self._ward.collect(bedside)

    def _hear(self, bedside: Bedside, now: float) -> None:
        """A monitor is there, though nothing current came of it."""
        self._notice(bedside, now)
        bedside.hear(now)

    def _notice(self, bedside: Bedside, now: float) -> None:
        """A monitor that fell silent on a stream that lives is back."""
        if bedside.connection is not Connection.CONNECTED:
            bedside.connect(now)
            self._ward.settle(bedside, now)

    def _bedside(self, mds: int) -> Bedside:
        if mds < len(self.bedsides):
            return self.bedsides[mds]
        raise Refused("mds", f"{mds} is not one of the {len(self.bedsides)} described monitors")

    # -- acks ---------------------------------------------------------------------------

    def acknowledge(self, now: float) -> None:
        """Sends a cumulative ack where one is due."""
        durable = self._ward.durable.get(self.stream_id, 0)
        fresh = durable - self.acked
        if self._ack_again or fresh >= ACK_FRAMES or (fresh and now - self._acked_at >= ACK_S):
            self._ack_again = False
            self.acked = durable
            self._acked_at = now
            self._peer.acknowledge(durable)


def _check_clock(field: str, device_clock: float) -> None:
    if not isfinite(device_clock):
        raise Refused(field, "not a time")
