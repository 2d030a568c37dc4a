"""Where each device measured, and whose alarm settings held there, at any time in the past."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from rpm_service.application.effects import Association, Bed, Stay
from rpm_service.domain.limits import AgeClass


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `since` to before `until` a device was at one bed, with one patient or none.

    `unit` is the bed's as it is now; `age_class` that of the patient, adult where there was none.
    """

    since: float
    until: float
    bed: str
    unit: str
    age_class: AgeClass


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of history. Empty sets leave nothing out."""

    since: float = -inf
    until: float = inf
    beds: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()

    def covers(self, bed: str, unit: str) -> bool:
        """Whether a bed is meant."""
        return (not self.beds or bed in self.beds) and (not self.units or unit in self.units)


class Places:
    """Who and what was where."""

    def __init__(
        self, beds: Iterable[Bed], stays: Iterable[Stay], associations: Iterable[Association]
    ) -> None:
        self._units = {bed.name: bed.unit for bed in beds}
        self._stays: dict[str, list[Stay]] = defaultdict(list)
        self._associations: dict[str, list[Association]] = defaultdict(list)
        for stay in sorted(stays, key=lambda each: each.since):
            self._stays[stay.bed].append(stay)
        for association in sorted(associations, key=lambda each: each.since):
            self._associations[association.device_id].append(association)

    def unit_of(self, bed: str) -> str:
        """The unit of a bed; empty where it has none."""
        return self._units.get(bed, "")

    def stretches(self, device_id: str, scope: Scope) -> list[Stretch]:
        """Where a device was in that part of history, in order of time.

        While nobody has said where it is, it is a bed of its own name.
        """
        found = []
        for begun, ended, bed in self._beds_of(device_id):
            if not scope.covers(bed, self.unit_of(bed)):
                continue
            since, until = max(begun, scope.since), min(ended, scope.until)
            for begin, end, age_class in self._ages_in(bed, since, until):
                if begin < end:
                    found.append(Stretch(begin, end, bed, self.unit_of(bed), age_class))
        return found

    def _beds_of(self, device_id: str) -> list[tuple[float, float, str]]:
        found, reached = [], -inf
        for each in self._associations[device_id]:
            found.append((reached, each.since, device_id))
            reached = inf if each.until is None else each.until
            found.append((each.since, reached, each.bed))
        found.append((reached, inf, device_id))
        return found

    def _ages_in(self, bed: str, since: float, until: float) -> list[tuple[float, float, AgeClass]]:
        found, reached = [], since
        for stay in self._stays[bed]:
            begin = max(stay.since, since)
            end = until if stay.until is None else min(stay.until, until)
            if begin < end:
                found.append((reached, begin, AgeClass.ADULT))
                found.append((begin, end, stay.age_class))
                reached = end
        found.append((reached, until, AgeClass.ADULT))
        return found
