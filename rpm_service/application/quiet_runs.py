"""Plays stored columns through a bedside, and passes over instants that can change nothing.

Nearly every instant is quiet: each value lies where its metric's monitor would say "nothing
changes", and nothing has run out meanwhile. Of a run of such instants only the last report of
each numeric leaves a trace. So a run is found in the columns at once, those reports are handed
to the bedside, and every instant that is not of a run is played as an evaluation plays it. What
is quiet is asked of the bedside itself, before each run; whoever doubts calls it not quiet.
"""

from math import isnan
from typing import Final

import numpy as np

from rpm_service.application.bedside import SILENCE_S, Quiet
from rpm_service.application.effects import Connection
from rpm_service.application.evaluation import Evaluation
from rpm_service.application.history import Flags, NumericColumns
from rpm_service.application.sifting import INVALID, VALID

LOOK_AHEAD: Final = 64
"""Instants looked at first; each time that all are quiet, four times as many are."""


def play(columns: NumericColumns, evaluation: Evaluation) -> None:
    """Plays rows in order of time; the bedside ends as if it had seen every one of them."""
    place, times = 0, columns.observed_at.tolist()
    if not times:
        return
    if columns.description != evaluation.bedside.description:
        evaluation.describe(columns.description, times[0])
    run, part = _Run(columns, evaluation), _Part(columns, evaluation)
    while place < len(times):
        if part.play(place):
            place += 1
            continue
        beyond = run.end(place)
        if beyond > place:
            run.hand_over(place, beyond)
            place = beyond
        else:
            evaluation.instant(times[place], *columns.row(place))
            place += 1
    part.complete()


class _Part:
    """Plays of an instant only what is not quiet, and owes the bedside the rest.

    An alarm of one numeric may last for hours, while the others stay where they are. An instant
    that reports everything, and follows the last one before anything can be due, leaves of the
    quiet numerics no more than a run does: so they are handed over once, before anything else
    is played.
    """

    def __init__(self, columns: NumericColumns, evaluation: Evaluation) -> None:
        self._columns = columns
        self._evaluation = evaluation
        self._reports_all = columns.reported is None and columns.validity is None
        self._patience_s = evaluation.bedside.patience_s
        self._owed: tuple[int, list[int]] | None = None
        """The instant played last, and the numerics of it that were."""

    def play(self, place: int) -> bool:
        """Tells whether it was that; otherwise nothing is owed any more."""
        if self._reports_all and place > 0:
            before, at = self._columns.observed_at[place - 1 : place + 1].tolist()
            if at < before + self._patience_s:
                values = self._columns.values[place].tolist()
                bands = zip(values, *self._evaluation.bedside.bands, strict=True)
                loud = [
                    index
                    for index, (value, low, high) in enumerate(bands)
                    if not low <= value <= high
                ]
                # Where nothing but missing values is not quiet, that may be no news: see _Run.
                if len(loud) < len(values) and not all(isnan(values[index]) for index in loud):
                    self._evaluation.part(at, [values[index] for index in loud], loud)
                    self._owed = place, loud
                    return True
        self.complete()
        return False

    def complete(self) -> None:
        """Hands over what is owed."""
        if self._owed is None:
            return
        place, played = self._owed
        self._owed = None
        at, values = float(self._columns.observed_at[place]), self._columns.values[place].tolist()
        rest = [index for index in range(len(values)) if index not in played]
        self._evaluation.bedside.observe(at, at, [values[index] for index in rest], rest)
        self._evaluation.pass_to(at)


class _Run:
    """Finds runs of quiet instants in columns."""

    def __init__(self, columns: NumericColumns, evaluation: Evaluation) -> None:
        self._columns = columns
        self._evaluation = evaluation

    def end(self, begin: int) -> int:
        """The first place from `begin` on that is not quiet."""
        bedside, columns = self._evaluation.bedside, self._columns
        # What falls due by then is judged first: a quiet instant begins with nothing due.
        self._evaluation.reach(float(columns.observed_at[begin]))
        if bedside.connection is not Connection.CONNECTED or self._is_loud(begin):
            return begin
        quiet = bedside.quiet()
        if not self._is_quiet(begin, quiet):
            return begin
        place, size = begin, LOOK_AHEAD
        while place < len(columns):
            found = self._quiet_rows(slice(place, place + size), quiet)
            first = int(found.argmin())
            if not found[first]:
                return self._before_deadlines(begin, place + first, quiet)
            place += len(found)
            size *= 4
        return self._before_deadlines(begin, place, quiet)

    def hand_over(self, begin: int, end: int) -> None:
        """Gives the bedside the last report of each numeric in a run, and the last instant."""
        columns, evaluation = self._columns, self._evaluation
        last = {end - 1}
        if columns.reported is not None:
            reported = columns.reported[begin:end]
            from_the_end = reported[::-1].argmax(axis=0)
            last |= set((end - 1 - from_the_end[reported.any(axis=0)]).tolist())
        for place in sorted(last):
            at = float(columns.observed_at[place])
            evaluation.bedside.observe(at, at, *columns.row(place))
        evaluation.pass_to(float(columns.observed_at[end - 1]))

    def _is_loud(self, place: int) -> bool:
        """Whether an instant has a value outside its band: known without asking further."""
        lows, highs = self._evaluation.bedside.bands
        return any(
            not low <= value <= high and not isnan(value)
            for value, low, high in zip(
                self._columns.values[place].tolist(), lows, highs, strict=True
            )
        )

    def _is_quiet(self, place: int, quiet: list[Quiet]) -> bool:
        """One instant, without the cost of arrays: most that are not quiet follow each other."""
        values, indices, validity = self._columns.row(place)
        for number, value in enumerate(values):
            one = quiet[indices[number] if indices else number]
            state = validity[number] if validity else 0
            if isnan(value):
                if state == INVALID or not one.ignores_missing:
                    return False
            elif not one.low <= value <= one.high or state not in VALID:
                return False
        return True

    def _quiet_rows(self, rows: slice, quiet: list[Quiet]) -> Flags:
        """Which rows are quiet, if time has brought nothing meanwhile."""
        columns = self._columns
        values = columns.values[rows]
        found = (values >= [each.low for each in quiet]) & (values <= [each.high for each in quiet])
        if columns.validity is not None:
            found &= columns.validity[rows] <= max(VALID)
        if any(each.ignores_missing for each in quiet):
            missing = np.isnan(values)
            if columns.validity is not None:
                missing &= columns.validity[rows] != INVALID
            found |= missing & [each.ignores_missing for each in quiet]
        if columns.reported is not None:
            found |= ~columns.reported[rows]
        rows_found: Flags = np.logical_and.reduce(found, axis=1)
        return rows_found

    def _before_deadlines(self, begin: int, end: int, quiet: list[Quiet]) -> int:
        """The first place after `begin` that comes only when something has run out, or `end`."""
        columns = self._columns
        at = columns.observed_at[begin:end]
        due = at + SILENCE_S
        if columns.reported is not None:
            # Where every instant reports everything, nothing goes stale while others go on.
            before = np.array([each.reported_at for each in quiet])
            newest = np.where(columns.reported[begin:end], at[:, np.newaxis], before)
            stale_after_s = np.array([each.stale_after_s for each in quiet])
            stale_at = np.maximum.accumulate(newest) + stale_after_s
            due = np.minimum(due, stale_at.min(axis=1, initial=np.inf))
        late = at[1:] >= due[:-1]
        return begin + 1 + int(late.argmax()) if late.any() else end
