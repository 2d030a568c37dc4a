"""Which frame of the spool is sent next: what is live first, what is older beside it.

Live frames go at once, in the order of their numbers. Where too many wait, because the
connection was away or the link is slow, they are older than they help: the device goes on with
what it observes next, and sends what it passed over as backfill, oldest first, slowly enough
to be in nobody's way. Every number is either sent or, where the spool has given the frame up,
declared as a gap.

A device's own alarms are edges, and the newest one of each condition says what holds now. So
those among what was passed over are said again, live; the old ones follow for the record.

All numbers here are the spool's own.
"""

from collections.abc import Sequence
from math import inf

from rpm_service.sdk import wire
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.ranges import Range, holes
from rpm_service.sdk.spool import Frame, Spool

LIVE_BACKLOG_MAX = 16
"""So many waiting frames are sent in order: they take no time to speak of."""
LIVE_WAIT_S_MAX = 5.0
"""More of them are, too, unless something has been waiting for so long."""
BACKFILL_FRAMES_PER_S_MAX = 200.0
BACKFILL_BYTES_PER_S_MAX = 262_144
BURST_S = 0.1
"""So much of it may go at once, because timers are no finer."""
ANSWER_S_MAX = 3.0
"""While an answer is awaited for longer, there is one frame of backfill for each live one."""
PASSED_OVER_MAX = 16
"""With so many ranges to backfill nothing more is passed over; a server bears twice as many."""


class Sending:
    """The frames of one spool on their way over one connection after the other."""

    def __init__(self, spool: Spool, counters: Counters) -> None:
        self._spool = spool
        self._counters = counters
        self._cursor = 0
        self._live_from = 0
        """Beyond it frames were sent live on this connection."""
        self._older: list[Range] = []
        """What is to be sent as backfill, oldest first."""
        self._rate = 0.0
        self._due = 0.0
        self._caught_up_at = -inf
        self._awaits_since: float | None = None
        self._credit = False
        """Whether a live frame was sent since the last of backfill."""

    def begin(self, through: int, beyond: Sequence[Range], frames_per_s: float, now: float) -> None:
        """Begins a connection to a server that has these numbers, and takes so much backfill."""
        self._rate = min(frames_per_s, BACKFILL_FRAMES_PER_S_MAX) if frames_per_s > 0 else 0.0
        self._older = holes(through, beyond) if self._rate else []
        self._cursor = beyond[-1][1] if beyond and self._rate else through
        self._live_from = self._cursor
        self._due = now
        self._caught_up_at = -inf
        self._awaits_since = None
        # At once: what is observed from now on is live.
        self._pass_over(now)
        self._caught_up_at = now

    def answered(self) -> None:
        """The server has said what became of frames."""
        self._awaits_since = None

    def again(self, number: int, not_before: float) -> bool:
        """A frame is to be sent again; tells whether that is live, and so before all after it."""
        if number > self._live_from:
            self._cursor = min(self._cursor, number - 1)
            return True
        self._older.insert(0, (number, number))
        self._due = not_before
        return False

    @property
    def is_backfilling(self) -> bool:
        """Whether older frames are still to be sent."""
        return bool(self._older)

    def deadline(self) -> float:
        """When a frame of backfill may go, if nothing else happens."""
        return self._due if self._older else inf

    def next_frame(self, now: float, frame_bytes_max: int) -> bytes | None:
        """Returns the next frame as it is to be written, or None where there is none now."""
        if self._spool.last > self._cursor:
            self._pass_over(now)
        frame = self._next_live(frame_bytes_max)
        if frame is None:
            self._caught_up_at = now
            frame = self._next_older(now, frame_bytes_max)
        if frame is not None and self._awaits_since is None:
            self._awaits_since = now
        return frame

    def _pass_over(self, now: float) -> None:
        last = self._spool.last
        if (
            not self._rate
            or last - self._cursor <= LIVE_BACKLOG_MAX
            or now - self._caught_up_at <= LIVE_WAIT_S_MAX
            or len(self._older) >= PASSED_OVER_MAX
        ):
            return
        first, self._cursor = self._cursor + 1, last
        self._live_from = last
        self._older.append((first, last))
        newest = {wire.condition_of(each.payload): each for each in self._spool.alarms(first)}
        for alarm in sorted(newest.values(), key=lambda each: each.number):
            self._spool.append(alarm.kind, alarm.payload)
            self._counters.frames += 1

    def _next_live(self, frame_bytes_max: int) -> bytes | None:
        while (frame := self._spool.after(self._cursor)) is not None:
            if self._rate and frame.number > self._cursor + 1:
                first, self._cursor = self._cursor + 1, frame.number - 1
                return self._gap(first, self._cursor)
            self._cursor = frame.number
            encoded = self._encoded(frame, frame_bytes_max, backfill=False)
            if encoded is not None:
                self._credit = True
                return encoded
            self._cursor -= bool(self._rate)
        return None

    def _next_older(self, now: float, frame_bytes_max: int) -> bytes | None:
        while self._older and now >= self._due and (self._credit or not self._is_slow(now)):
            first, last = self._older[0]
            frame = self._spool.after(first - 1, last)
            beyond = last + 1 if frame is None else frame.number
            if beyond > first:
                self._set_older(beyond, last)
                return self._gap(first, beyond - 1)
            assert frame is not None
            encoded = self._encoded(frame, frame_bytes_max, backfill=True)
            if encoded is None:
                continue
            self._set_older(first + 1, last)
            self._credit = False
            cost_s = max(1 / self._rate, len(encoded) / BACKFILL_BYTES_PER_S_MAX)
            self._due = max(self._due, now - BURST_S) + cost_s
            self._counters.frames_backfilled += 1
            return encoded
        return None

    def _set_older(self, first: int, last: int) -> None:
        self._older[:1] = [(first, last)] if first <= last else []

    def _is_slow(self, now: float) -> bool:
        return self._awaits_since is not None and now - self._awaits_since > ANSWER_S_MAX

    def _gap(self, first: int, last: int) -> bytes:
        assert self._spool.base is not None
        return wire.gap(self._spool.base + first, self._spool.base + last)

    def _encoded(self, frame: Frame, frame_bytes_max: int, *, backfill: bool) -> bytes | None:
        assert self._spool.base is not None
        seq = self._spool.base + frame.number
        encoded = wire.numbered(frame.kind, seq, frame.payload, backfill=backfill)
        if len(encoded) <= frame_bytes_max:
            self._counters.frames_sent += 1
            return encoded
        # Sent, it would end the stream each time anew.
        self._spool.discard(frame.number)
        self._counters.frames_refused += 1
        return None
