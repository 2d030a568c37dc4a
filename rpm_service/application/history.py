"""Stored numerics as columns, and the times at which they count.

A row is stored with the device's own time and the time of receipt; what alarms were decided on
is the device's time on the server's clock, which is estimated here again as a session does it:
one offset holds until it proves wrong by a second, so that durations stay the device's own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rpm_service.application.device_clock import CLOCK_STEP_S, LATE_S_MAX
from rpm_service.application.effects import Association, Bed, Description, Stay
from rpm_service.application.ingest import LIVE_S

Numbers: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
States: TypeAlias = NDArray[np.uint8]

OFFSET_WINDOW_S: Final = 60.0
"""The least delayed row that came within this time shows the device's clock as it is."""


@dataclass(frozen=True, slots=True)
class NumericColumns:
    """Consecutive rows of one device under one description, n rows of m numerics.

    Times are n Unix seconds, by the device's clock and by the server's; `values` is n x m, NaN
    where there is none. `reported` says which numerics a row speaks of (None: of all), and
    `validity` has wire numbers (None: all valid).
    """

    description: Description
    observed_at: Numbers
    received_at: Numbers
    values: Numbers
    reported: Flags | None = None
    validity: States | None = None

    def __len__(self) -> int:
        return len(self.observed_at)

    def chosen(self, rows: Flags) -> "NumericColumns":
        """Only some of the rows."""
        return replace(
            self,
            observed_at=self.observed_at[rows],
            received_at=self.received_at[rows],
            values=self.values[rows],
            reported=None if self.reported is None else self.reported[rows],
            validity=None if self.validity is None else self.validity[rows],
        )

    def row(self, place: int) -> tuple[list[float], Sequence[int], Sequence[int]]:
        """Values, indices and validities of one row, as a session takes them."""
        values, states = self.values[place], self.validity
        if self.reported is None:
            return values.tolist(), (), () if states is None else states[place].tolist()
        indices = self.reported[place].nonzero()[0]
        validity = () if states is None else states[place][indices].tolist()
        return values[indices].tolist(), indices.tolist(), validity


class History(Protocol):
    """What a server has kept, to be read beside it."""

    def devices(self) -> Sequence[str]:
        """Every device that was ever heard of."""
        ...

    def beds(self) -> Sequence[Bed]:
        """Every bed, with its unit as it is now."""
        ...

    def stays(self) -> Sequence[Stay]:
        """Every stay, also those that are over."""
        ...

    def associations(self) -> Sequence[Association]:
        """Every association, also those that are over."""
        ...

    def numerics(self, device_id: str, since: float, until: float) -> Iterable[NumericColumns]:
        """Rows that a device observed from `since` to before `until`, as they came."""
        ...


def judged(stored: Iterable[NumericColumns], since: float = -np.inf) -> Iterator[NumericColumns]:
    """Leaves what was judged when it came, with `observed_at` on the server's clock.

    What came too late to help was only stored, and so was what came after something newer, or
    was observed before `since`, when who was measured came.
    """
    newest = since
    for columns in on_server_clock(stored):
        at = columns.observed_at
        in_time = columns.received_at - at <= LIVE_S
        reached = np.maximum.accumulate(np.where(in_time, at, -np.inf))
        current = in_time & (at >= np.maximum(reached, newest))
        if current.any():
            newest = max(newest, float(reached[-1]))
            yield columns.chosen(current)


def on_server_clock(stored: Iterable[NumericColumns]) -> Iterator[NumericColumns]:
    """Gives all of it, also what came late, with `observed_at` on the server's clock."""
    offset: float | None = None
    newest = -np.inf
    for columns in stored:
        if len(columns):
            observed_at = columns.observed_at
            reached = np.maximum.accumulate(np.concatenate(([newest], observed_at)))
            newest = float(reached[-1])
            older = observed_at < reached[:-1]
            at, offset = _on_server_clock(observed_at, columns.received_at, older, offset)
            yield replace(columns, observed_at=at)


def _on_server_clock(
    observed_at: Numbers, received_at: Numbers, older: Flags, offset: float | None
) -> tuple[Numbers, float | None]:
    """A device's times on the server's clock, and the offset that it had at last.

    While a device sends what it had kept, how late that comes says nothing of its clock: the
    offset is then that of before, or what it turns out to be; where that is not known, none. So
    it is of a few rows that are `older` than one before them, unless they go on for so long that
    it is the clock which went back.
    """
    ahead = received_at - observed_at
    windows = np.floor(received_at / OFFSET_WINDOW_S)
    begins = np.flatnonzero(np.diff(windows, prepend=-np.inf))
    lengths = np.diff(begins, append=len(ahead))
    measured = np.minimum.reduceat(ahead, begins)
    ends = begins + lengths - 1
    is_short = received_at[ends] - received_at[begins] < OFFSET_WINDOW_S / 2
    only_older = np.logical_and.reduceat(older, begins) & is_short
    catches_up = (ahead[begins] - ahead[ends] > CLOCK_STEP_S) | only_older
    settled = np.flatnonzero(~catches_up)
    if offset is None and len(settled):
        offset = float(measured[settled[0]])
    offsets = []
    for late, found in zip(catches_up.tolist(), measured.tolist(), strict=True):
        if not late and (offset is None or abs(found - offset) > CLOCK_STEP_S):
            offset = found
        offsets.append(offset or 0.0)
    at = observed_at + np.repeat(offsets, lengths)
    return np.where((received_at < at) & (at <= received_at + LATE_S_MAX), received_at, at), offset
