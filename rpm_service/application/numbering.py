"""What the server has of a device's sequence numbers: all up to the newest, but for holes.

Frames that come in order make no hole. A device that comes back after a while sends what is
new first and the older frames beside it, so that for a time there is a hole, which the older
frames fill from its beginning; or the device says that it no longer has them, and the hole is
a gap. Evaluated is what was taken and judged; durable is what of that is on disk.
"""

from typing import Final

from rpm_service.application.effects import Progress, SpoolKey

HOLES_MAX: Final = 32
"""A device that skips more without filling any is told to send the older frames first."""

Range = tuple[int, int]
"""Sequence numbers without a hole, both ends included."""


class Numbering:
    """The numbers of one spool."""

    __slots__ = ("batch", "durable", "epoch", "holes", "key", "let_go", "newest", "told")

    def __init__(self, key: SpoolKey, progress: Progress) -> None:
        self.key = key
        self.newest = progress.newest
        self.holes = progress.holes
        """In order, and none beyond the newest number."""
        self.epoch = progress.epoch
        """Of the session that used the spool last."""
        self.durable = progress
        self.batch = 0
        """The number of the newest batch that has its progress."""
        self.let_go: tuple[Range, ...] = ()
        """Numbers that were judged, and are asked for again because the disk did not take them."""
        self.told: tuple[Range, ...] = ()
        """Holes that people were told of as gaps."""

    @property
    def evaluated(self) -> Progress:
        """What was taken, as a batch has it."""
        return Progress(self.newest, self.holes, self.epoch)

    @property
    def evaluated_through(self) -> int:
        """Everything up to this number was taken."""
        return through(self.newest, self.holes)

    @property
    def durable_through(self) -> int:
        """Everything up to this number is on disk."""
        return through(self.durable.newest, self.durable.holes)

    def is_missing(self, seq: int) -> bool:
        """Whether a number up to the newest is in a hole."""
        return any(begin <= seq <= end for begin, end in self.holes)

    def was_judged(self, seq: int) -> bool:
        """Whether a number that is missing was here before."""
        return any(begin <= seq <= end for begin, end in self.let_go)

    @property
    def awaits_unseen(self) -> bool:
        """Whether a number is missing that was never here."""
        return any(
            not any(first <= begin and end <= last for first, last in self.let_go)
            for begin, end in self.holes
        )

    def forget_since(self, before: Progress) -> None:
        """What was taken since is not on its way to the disk any more: it is missing again."""
        self.holes = before.holes
        if self.newest > before.newest:
            again = (before.newest + 1, self.newest)
            self.holes = (*self.holes, again)
            earlier = (each for each in self.let_go if each[1] <= before.newest)
            self.let_go = (*earlier, again)[-HOLES_MAX:]

    def skip_to(self, seq: int) -> None:
        """A number beyond the newest was taken: those between are a hole."""
        self.holes = (*self.holes, (self.newest + 1, seq - 1))
        self.newest = seq

    def fill(self, begin: int, end: int) -> list[Range]:
        """These numbers are dealt with; gives those of them that were missing.

        Beyond the newest number they are taken as they come.
        """
        found: list[Range] = []
        left: list[Range] = []
        for first, last in self.holes:
            if last < begin or first > end:
                left.append((first, last))
                continue
            found.append((max(first, begin), min(last, end)))
            if first < begin:
                left.append((first, begin - 1))
            if last > end:
                left.append((end + 1, last))
        if end > self.newest:
            if begin > self.newest + 1:
                left.append((self.newest + 1, begin - 1))
            found.append((max(begin, self.newest + 1), end))
            self.newest = end
        self.holes = tuple(left)
        return found


def through(newest: int, holes: tuple[Range, ...]) -> int:
    """The number before the first hole."""
    return holes[0][0] - 1 if holes else newest


def beyond(progress: Progress) -> list[Range]:
    """What is there beyond the first hole, in ranges."""
    ends = [begin - 1 for begin, _ in progress.holes[1:]] + [progress.newest]
    found = zip((end + 1 for _, end in progress.holes), ends, strict=False)
    return [(begin, end) for begin, end in found if begin <= end]


def count(progress: Progress) -> int:
    """How many numbers are dealt with."""
    return progress.newest - sum(end - begin + 1 for begin, end in progress.holes)
