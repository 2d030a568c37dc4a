"""Stretches of one length that a time is cut into, so that what happened can be counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

HOUR_S: Final = 3_600.0
DAY_S: Final = 86_400.0
HOURS: Final = 24
STEPS_S: Final = (300.0, 900.0, HOUR_S, 6 * HOUR_S, DAY_S, 7 * DAY_S)
BUCKETS_MAX: Final = 84
"""As many stretches as a person can tell apart in one picture."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """From `since` to before `until` in stretches of `step_s`; the last may be shorter."""

    since: float
    until: float
    step_s: float

    @classmethod
    def of(cls, since: float, until: float) -> "Buckets":
        """The shortest stretches that are not too many."""
        for step_s in STEPS_S:
            if ceil((until - since) / step_s) <= BUCKETS_MAX:
                return cls(since, until, step_s)
        weeks = ceil((until - since) / BUCKETS_MAX / STEPS_S[-1])
        return cls(since, until, weeks * STEPS_S[-1])

    def __len__(self) -> int:
        return ceil((self.until - self.since) / self.step_s)

    def place(self, at: float) -> int:
        """Which stretch a time within is in."""
        return min(int((at - self.since) // self.step_s), len(self) - 1)

    def ends(self) -> Sequence[tuple[float, float]]:
        """Where each stretch begins and ends."""
        begins = [self.since + place * self.step_s for place in range(len(self))]
        return list(zip(begins, [*begins[1:], self.until], strict=True))


def utc_hour(at: float) -> int:
    """The hour of the day, 0 to 23, in UTC."""
    return int(at // HOUR_S) % HOURS
