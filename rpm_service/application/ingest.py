"""The session of one device or gateway stream, without its transport.

The order of frames, duplicates and gaps, the device's clock, and which bedside a value
belongs to are decided here. The transport hands over what it read and the time, and sends
what the session tells it to.

What a device marks as backfill, and what comes later than LIVE_S, is late: it is stored, and
judged for the record alone (see retrospect). Of it no live alarm begins and no newer value is
replaced; and backfill does not say that a monitor is there.
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
    NumericRow,
    WaveformRow,
)
from rpm_service.application.numbering import Range, beyond
from rpm_service.application.pace import TIMES, Pace, declared
from rpm_service.application.ports import DevicePeer
from rpm_service.application.reception import SEQ_MAX, Reception
from rpm_service.application.rivals import HEARD_S
from rpm_service.application.sifting import Refused
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import Kind, Priority

HEARTBEAT_S: Final = 1.0
"""A device sends something at least this often, and so does the server."""
LIVE_S: Final = 10.0
"""A value observed longer ago is stored and not judged: it can no longer help in time."""
SPOOL_S_MAX: Final = 7 * 86_400.0
"""No device keeps values longer; older ones carry a wrong time."""
BACKFILL_COSTS: Final = int(TIMES) // 2
"""A device that sends twice as much backfill as it was allowed is read slower."""


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
        self.spool_id = 0
        self.bedsides: list[Bedside] = []
        self.frames = 0
        self.refused = 0
        self._ward = ward
        self._may_speak_for = may_speak_for
        self._peer = peer
        self.reception: Reception
        """Of its frames by their numbers; from Hello on."""
        self._clock = DeviceClock()
        self._gap_untold = False
        self._clock_off = False
        self._said_goodbye = False
        self._draining = False
        self._pace = Pace()
        self._backfill_pace = Pace()
        self.backfill_frames_per_s = 0.0
        """What the device was allowed, beside what is live."""
        self._told_at = 0.0
        """When the device heard of the server last."""
        self._covered: list[bool | None] = []
        """What the device was told of each monitor's coverage."""

    # -- opening and ending -------------------------------------------------------------

    def open(
        self,
        device_clock: float,
        spool_last_seq: int,
        now: float,
        *,
        spool_first_seq: int = 0,
        spool_id: int = 0,
        backfills: bool = False,
    ) -> int:
        """Takes Hello; gives the sequence number to resume from.

        See Reception.open. Raises Refused.
        """
        if self.step is not Step.OPENING:
            raise Refused("hello", "the session is open already")
        _check_clock("hello.device_clock", device_clock)
        if not 0 <= spool_id <= SEQ_MAX:
            raise Refused("hello.spool_id", f"{spool_id} is not within 0 to {SEQ_MAX}")
        ward = self._ward
        self.spool_id = spool_id
        self.epoch = ward.enter(self, now)
        numbering = ward.spools.open(
            self.stream_id, spool_id, self.epoch, ward.batch, is_new=spool_last_seq == 0
        )
        self.reception = Reception(ward, numbering, self._tell_gap)
        resume = self.reception.open(spool_last_seq, spool_first_seq, now, backfills=backfills)
        self.step = Step.WELCOMED
        self._told_at = now
        self._pace.begin(now)
        self.backfill_frames_per_s = ward.backfill_frames_per_s()
        self._backfill_pace.declare(self.backfill_frames_per_s)
        self._backfill_pace.begin(now)
        self._measure_clock(device_clock, now)
        return resume

    @property
    def durable_beyond(self) -> Sequence[Range]:
        """What is on disk beyond the first number that is missing."""
        return beyond(self.reception.numbering.durable)

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
        if self._gap_untold:
            self._tell_gap(now)

    def goodbye(self) -> None:
        """The device leaves on purpose. Raises Refused."""
        if self.step is Step.OPENING:
            raise Refused("goodbye", "send hello first")
        self._said_goodbye = True

    def supersede(self) -> None:
        """A newer session of the same stream has begun: this one no longer counts."""
        self.step = Step.ENDED
        self._peer.supersede()

    def is_rivalled(self, now: float) -> None:
        """There are two devices of this identity, and both are alive."""
        for bedside in self.bedsides:
            bedside.recent.duplicate_device.happened(now)
            self._ward.collect(bedside)

    def was_heard(self, now: float) -> bool:
        """Whether the device was there just now."""
        return any(bedside.was_heard_within(HEARD_S, now) for bedside in self.bedsides)

    def drain(self) -> None:
        """The server stops: tells the device what is on disk, and to come back."""
        self._draining = True
        if self.step is not Step.OPENING and self.reception.is_owed:
            self._peer.acknowledge(*self.reception.acknowledge())
        self._peer.drain()

    def ask_again(self) -> None:
        """The disk takes again what it did not: has the device come back and send it."""
        self._draining = True
        self._peer.come_back()

    def end(self, now: float) -> None:
        """The stream is over, however that came about."""
        self.step = Step.ENDED
        if not self._ward.exit(self) or self._draining:
            # A server that stops says nothing about its devices.
            return
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
        return self._rest(self._pace.spend(entries, now), now)

    def spend_backfill(self, now: float) -> float:
        """The same for a frame of backfill, which has an allowance of its own."""
        return self._rest(self._backfill_pace.spend(BACKFILL_COSTS, now), now)

    def _rest(self, wait_s: float, now: float) -> float:
        if wait_s:
            for bedside in self.bedsides:
                bedside.recent.too_many_frames.happened(now)
                self._ward.collect(bedside)
        return wait_s

    def take_seq(self, seq: int, now: float) -> bool:
        """Decides on a frame's number; tells whether the frame is new. Raises Refused."""
        if self.step is not Step.STREAMING:
            self._check_streaming()
        if not self.reception.take(seq, now):
            return False
        self.frames += 1
        return True

    def _check_streaming(self) -> None:
        if self.step is not Step.STREAMING:
            first = "hello" if self.step is Step.OPENING else "describe"
            raise Refused("", f"send {first} first", retryable=True)

    def declare_gap(self, from_seq: int, to_seq: int, now: float) -> None:
        """Takes Gap: numbers that the device no longer has. Raises Refused."""
        self._check_streaming()
        self.reception.declare_gap(from_seq, to_seq, now)

    def note_dropped_waveforms(self, seq: int, now: float) -> None:
        """A frame came without the waveforms that belonged to it: the device gave them up."""
        self.reception.note_dropped_waveforms(seq, now)

    def _tell_gap(self, now: float) -> None:
        self._gap_untold = not self.bedsides
        for bedside in self.bedsides:
            bedside.recent.sequence_gap.happened(now)
            self._ward.collect(bedside)

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
        *,
        backfill: bool = False,
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
            if bedside.is_monitored and not backfill:
                self._hear(bedside, now)
            raise
        self._keep(bedside, NumericRow(seq, observed_at, now, values, indices, validity))
        if backfill or now - at > LIVE_S:
            if not backfill:
                self._hear(bedside, now)
            if not self.reception.judged:
                self._ward.retrospects.take(bedside, at, values, indices, validity, now)
            return refusals
        self._notice(bedside, now)
        if bedside.observe(at, now, values, indices, validity):
            self._ward.live.measure(bedside)
            if bedside.board.events:
                self._ward.collect(bedside)
        return refusals

    def refuse(self, now: float, mds: int | None = None, *, backfill: bool = False) -> None:
        """Takes note of a part that was refused: of one monitor, or of nobody knows which."""
        self.refused += 1
        if backfill:
            return
        whose = self.bedsides if mds is None else self.bedsides[mds : mds + 1] or self.bedsides
        for bedside in whose:
            bedside.recent.invalid_data.happened(now)
            self._ward.collect(bedside)

    def hear(self, mds: int, now: float) -> None:
        """Takes note that a monitor is there: it sent waveforms alone. Raises Refused."""
        self._hear(self._bedside(mds), now)

    def take_samples(
        self,
        seq: int,
        mds: int,
        channel: int,
        start_at: float,
        samples: bytes,
        now: float,
        *,
        backfill: bool = False,
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
        is_live = now - at <= LIVE_S and at >= bedside.since
        if is_live and not (backfill or self.reception.judged):
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
        backfill: bool = False,
    ) -> None:
        """Takes a condition that the device itself raised or ended. Raises Refused."""
        bedside = self._bedside(mds)
        at = self._on_server_clock("observed_at", observed_at, now)
        if self.reception.judged:
            return
        if backfill:
            self._ward.retrospects.take_device_alarm(
                bedside, code, kind, priority, at, now, present=present, text=text
            )
            return
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

    def acknowledge(self, now: float, *, at_once: bool = False) -> None:
        """Tells the device what is on disk, where that is due, and else that the server lives."""
        if self.step is Step.OPENING:
            return
        if self.reception.take_ack(now, at_once=at_once):
            self._told_at = now
            self._peer.acknowledge(*self.reception.acknowledge())
        elif now - self._told_at >= HEARTBEAT_S:
            self._told_at = now
            self._peer.heartbeat(now)
        self.reception.judge_holes(now)


def _check_clock(field: str, device_clock: float) -> None:
    if not isfinite(device_clock):
        raise Refused(field, "not a time")
