"""The server's one clock."""

import time
from typing import Final

TEST_MODE: Final = "RPM_TEST_MODE"
"""Environment variable without which nothing runs on a test clock."""
SLEW: Final = 0.001
"""At most this share of elapsed time is corrected towards the wall clock."""


class MonotoneClock:
    """Unix seconds that never go back, whatever the wall clock does.

    Anchored to the wall clock at the start and slewed slowly towards it, so that a step of the
    wall clock (a wrong year, an hour of daylight saving) moves no deadline and no age.

    `rate` above 1 makes a test clock: that many seconds pass in one.
    """

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate
        self._read = time.monotonic()
        self._now = time.time()

    def now(self) -> float:
        """Unix seconds."""
        read = time.monotonic()
        elapsed = (read - self._read) * self.rate
        self._read = read
        if self.rate == 1.0:
            error = time.time() - (self._now + elapsed)
            most = SLEW * elapsed
            elapsed += min(max(error, -most), most)
        self._now += elapsed
        return self._now
