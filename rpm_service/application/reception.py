"""One session's frames by their numbers: which are new, which were here, which never come.

A number that is taken once is never taken again, whatever session brings it. What is missing
is waited for where the device sends it beside what is live, and is a gap otherwise.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rpm_service.application.effects import Gap
from rpm_service.application.numbering import HOLES_MAX, Numbering, Range, beyond, count
from rpm_service.application.sifting import Refused
from rpm_service.application.ward import Ward

ACK_FRAMES: Final = 64
"""An ack is due when so many frames are newly on disk,"""
ACK_S: Final = 1.0
"""or when this time has passed."""
HOLE_S_MAX: Final = 60.0
"""A device that fills nothing of what it skipped for so long has a gap."""
SEQ_MAX: Final = 2**63 - 1
JUMP_MAX: Final = 1_000_000
"""A number so far beyond what was taken or announced is a device's error: taken, it would make
duplicates of all that follow once the device counts right again."""


class Reception:
    """The numbers of one session; `tell_gap` is called with the time whenever some never come."""

    def __init__(self, ward: Ward, numbering: Numbering, tell_gap: Callable[[float], None]) -> None:
        self.numbering = numbering
        self.acked = count(numbering.durable)
        """How many numbers the device knows to be on disk."""
        self.duplicates = 0
        self.judged = False
        """Whether the frame under way was here before, so that only its rows are new."""
        self._ward = ward
        self._tell_gap = tell_gap
        self._announced = 0
        self._backfills = False
        self._filled_at = 0.0
        self._acked_at = float("-inf")
        self._ack_again = False

    def open(self, last_seq: int, first_seq: int, now: float, *, backfills: bool) -> int:
        """Takes what the device says of its spool; gives the number to resume from.

        One that has given out numbers resumes after what is on disk, and what is on its way
        there is then a duplicate. One that has given out none (0) begins after both. What one
        that backfills does not hold any more, and was not taken, is a gap.
        """
        numbering, is_new = self.numbering, last_seq == 0
        self._announced = last_seq
        self._backfills = backfills
        self._filled_at = now
        resume = (numbering.newest if is_new else numbering.durable_through) + 1
        if backfills:
            last = numbering.newest if is_new else min(last_seq, SEQ_MAX)
            if first_seq:
                last = min(last, first_seq - 1)
            self._lose(1, last, now)
        self._give_up_others(now)
        return resume

    # -- frames -------------------------------------------------------------------------

    def take(self, seq: int, now: float) -> bool:
        """Decides on a frame's number; tells whether the frame is new. Raises Refused."""
        numbering, ward = self.numbering, self._ward
        self.judged = False
        if numbering.newest + 1 == seq <= SEQ_MAX:
            numbering.newest = seq
        elif not self._take_out_of_order(seq, now):
            return False
        if numbering.batch != ward.batch_number:
            ward.note_progress(numbering)
        return True

    def _take_out_of_order(self, seq: int, now: float) -> bool:
        numbering = self.numbering
        if 0 < seq <= numbering.newest:
            if numbering.is_missing(seq):
                numbering.fill(seq, seq)
                self._filled_at = now
                self.judged = numbering.was_judged(seq)
                return True
            self.duplicates += 1
            self._ack_again = True
            return False
        expected = numbering.newest + 1
        self._check_far("seq", seq, expected)
        if not self._backfills:
            self._lose(expected, seq - 1, now)
            numbering.newest = seq
        elif len(numbering.holes) < HOLES_MAX:
            if not numbering.holes:
                self._filled_at = now
            numbering.skip_to(seq)
        else:
            reason = f"{HOLES_MAX} holes are open: send the older frames first"
            raise Refused("seq", reason, retryable=True)
        return True

    def _check_far(self, field: str, seq: int, least: int) -> None:
        furthest = min(max(self.numbering.newest, self._announced) + JUMP_MAX, SEQ_MAX)
        if not least <= seq <= furthest:
            raise Refused(field, f"{seq} is not within {least} to {furthest}")

    def declare_gap(self, from_seq: int, to_seq: int, now: float) -> None:
        """Takes Gap: numbers that the device no longer has. Raises Refused."""
        self._check_far("gap.from_seq", from_seq, 1)
        self._check_far("gap.to_seq", to_seq, from_seq)
        self._filled_at = now
        if not self._lose(from_seq, to_seq, now):
            self._ack_again = True

    def note_dropped_waveforms(self, seq: int, now: float) -> None:
        """A frame came without the waveforms that belonged to it: the device gave them up."""
        key, gaps = self.numbering.key, self._ward.batch.gaps
        begin = seq
        if gaps:
            last = gaps[-1]
            if last.waveforms and (last.stream_id, last.spool_id, last.to_seq) == (*key, seq - 1):
                begin = gaps.pop().from_seq
        gaps.append(Gap(key.stream_id, begin, seq, now, key.spool_id, waveforms=True))
        self._tell_gap(now)

    def _lose(self, from_seq: int, to_seq: int, now: float) -> bool:
        """These numbers never come; tells whether the server lacks any of them."""
        numbering = self.numbering
        lost = numbering.fill(from_seq, to_seq)
        key = numbering.key
        for begin, end in lost:
            self._ward.batch.gaps.append(Gap(key.stream_id, begin, end, now, key.spool_id))
        if lost:
            self._ward.note_progress(numbering)
            self._tell_gap(now)
        return bool(lost)

    def _give_up_others(self, now: float) -> None:
        """Another spool of this stream may never be heard of again: its holes are told."""
        for other in self._ward.spools.others(self.numbering):
            if other.holes != other.told:
                other.told = other.holes
                key = other.key
                self._ward.batch.gaps += (
                    Gap(key.stream_id, begin, end, now, key.spool_id) for begin, end in other.holes
                )
                self._tell_gap(now)

    # -- acks ---------------------------------------------------------------------------

    @property
    def is_owed(self) -> bool:
        """Whether something is on disk of which the device does not know."""
        return count(self.numbering.durable) > self.acked

    def take_ack(self, now: float, *, at_once: bool = False) -> bool:
        """Whether an ack is due; the next one is a while later then."""
        fresh = count(self.numbering.durable) - self.acked
        if not (
            self._ack_again
            or fresh >= ACK_FRAMES
            or (fresh and (at_once or now - self._acked_at >= ACK_S))
        ):
            return False
        self._ack_again = False
        self._acked_at = now
        return True

    def acknowledge(self) -> tuple[int, Sequence[Range]]:
        """Gives what an ack says: everything up to a number is on disk, and what beyond it."""
        durable = self.numbering.durable
        self.acked = count(durable)
        return self.numbering.durable_through, beyond(durable)

    def judge_holes(self, now: float) -> None:
        """What the device skipped should be on its way: where nothing of it comes, it is a gap."""
        if self.numbering.awaits_unseen and now - self._filled_at >= HOLE_S_MAX:
            self._filled_at = now
            self._tell_gap(now)
