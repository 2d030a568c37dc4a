"""A device's clock, and how far the server's is ahead of it.

A device says what its clock shows when it writes a frame. The frame may be late and never early,
so what is measured is the offset and how late the frame was: of several the smallest is right,
and a larger one may be no more than a link that held frames back. A larger one is believed where
the clock itself went back, which no link does to it, or where it stays.
"""

from math import inf
from typing import Final

CLOCK_OFF_S: Final = 5.0
"""A device clock further off than this is a technical alarm."""
CLOCK_STEP_S: Final = 1.0
"""A measured offset is taken anew only when it moved this far: durations stay exact."""
LATE_S_MAX: Final = 10.0
"""A connection that holds frames back for longer is cut (keepalive, 5 s and 3 s)."""
LARGER_S: Final = 30.0
"""A larger offset is believed when every measure for so long gives one."""


class DeviceClock:
    """What is known of the clock at the other end of one session; times in Unix seconds.

    `offset` is what the server's clock is ahead; 0 for a device without a clock.
    """

    __slots__ = ("_larger_since", "_shown", "_smallest", "offset")

    def __init__(self) -> None:
        self.offset = 0.0
        self._shown: float | None = None
        self._larger_since: float | None = None
        self._smallest = inf
        """The smallest of the larger offsets since then."""

    @property
    def is_off(self) -> bool:
        """Whether the clock is so far off that somebody should set it."""
        return abs(self.offset) > CLOCK_OFF_S

    def measure(self, shows: float, now: float) -> None:
        """Takes what the device said its clock shows; 0 where it has none."""
        measured = now - shows if shows else 0.0
        before, self._shown = self._shown, shows
        if before is None:
            self._take(measured)
        elif abs(measured - self.offset) <= CLOCK_STEP_S:
            self._larger_since = None
        elif measured < self.offset or shows < before:
            self._take(measured)
        elif self._larger_since is None:
            self._larger_since, self._smallest = now, measured
        else:
            self._smallest = min(self._smallest, measured)
            if now - self._larger_since >= LARGER_S:
                self._take(self._smallest)

    def _take(self, offset: float) -> None:
        self.offset, self._larger_since = offset, None
