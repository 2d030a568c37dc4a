"""How fast a device may speak: ten times what it declares, and no faster than that for long.

A device that sends more is read slower, so that it waits and the others do not. Nothing of it is
refused or lost: what it cannot send it keeps, as while its link is down.
"""

from collections.abc import Iterable
from math import inf
from typing import Final

from rpm_service.application.effects import Description

TIMES: Final = 10.0
"""Of the declared rate."""
BURST_S: Final = 30.0
"""So long a device may have said nothing and say all of it at once."""
ENTRIES_PER_S_MIN: Final = 1.0
"""Every device sends something each second."""
REST_S_MAX: Final = 5.0
"""Of one rest: a stream that is read no more for longer would look as if it were silent."""
CHUNKS_PER_S: Final = 4.0
"""A monitor with waveforms declares so many chunks a second too, if they come by themselves."""


def declared(descriptions: Iterable[Description]) -> float:
    """How many entries a second the monitors of one stream have declared."""
    return sum(
        max(
            (1.0 / numeric.period_s for numeric in each.numerics),
            default=ENTRIES_PER_S_MIN,
        )
        + (CHUNKS_PER_S if each.sample_arrays else 0.0)
        for each in descriptions
    )


class Pace:
    """The allowance of one stream, in entries: spent with each frame, earned with time."""

    def __init__(self) -> None:
        self._rate = TIMES * ENTRIES_PER_S_MIN
        self._left = self._rate * BURST_S
        self._at = inf
        """Until when what time has earned is in `_left`."""

    def begin(self, now: float) -> None:
        """The session has been opened: from here on time earns."""
        self._at = now

    def declare(self, entries_per_s: float) -> None:
        """The stream has said what it measures, and how often; what is left counts likewise."""
        before, self._rate = self._rate, TIMES * max(entries_per_s, ENTRIES_PER_S_MIN)
        self._left *= self._rate / before

    def spend(self, entries: int, now: float) -> float:
        """Takes note of a frame; tells for how long nothing more is to be read."""
        self._left -= entries
        if self._left >= 0:
            # Time is looked at only once nothing is left.
            return 0.0
        earned = max(0.0, now - self._at) * self._rate
        self._left = min(self._left + earned, self._rate * BURST_S)
        if self._left >= 0:
            self._at = now
            return 0.0
        wait_s = min(-self._left / self._rate, REST_S_MAX)
        self._left = 0.0
        self._at = now + wait_s
        return wait_s
