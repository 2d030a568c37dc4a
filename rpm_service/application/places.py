"""Where each device measured, and whose alarm settings held there, at any time in the past."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, nextafter
from typing import TypeAlias

from rpm_service.application.effects import Association, Bed, Stay
from rpm_service.application.registry import ELSEWHERE
from rpm_service.domain.limits import AgeClass

Span: TypeAlias = tuple[float, float]
"""From the first time to before the second."""


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
class Part:
    """From `since` to before `until` a patient lay in a bed, or nobody did."""

    bed: str
    since: float
    until: float


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

    def knows(self, bed: str) -> bool:
        """Whether anything was ever at a bed of that name; a device alone is not told here."""
        return (
            bed in self._units
            or bed in self._stays
            or any(each.bed == bed for those in self._associations.values() for each in those)
        )

    def course(self, bed: str) -> list[Part]:
        """Whose history a bed shows, in order: the patient's who lies there, through all beds.

        Where nobody lies, what was measured there since the last patient left, and no sooner.
        """
        stay = self._stays[bed][-1] if bed in self._stays else None
        if stay is None:
            return [Part(bed, -inf, inf)]
        if stay.until is not None:
            return [Part(bed, nextafter(stay.until, inf), inf)]
        parts = [Part(bed, stay.since, inf)]
        patients = [each for those in self._stays.values() for each in those]
        # A transfer ends one stay and begins the next in the same moment.
        while before := next(
            (
                each
                for each in patients
                if each.patient_id == stay.patient_id
                and each.until == parts[0].since
                and each.since < parts[0].since
            ),
            None,
        ):
            parts.insert(0, Part(before.bed, before.since, parts[0].since))
        return parts

    def sources(self, device_id: str, course: Iterable[Part]) -> list[Span]:
        """When a device measured for a course."""
        return [
            (max(begun, part.since), min(ended, part.until))
            for part in course
            for begun, ended, bed in self._shown(device_id)
            if bed == part.bed and max(begun, part.since) < min(ended, part.until)
        ]

    def _shown(self, device_id: str) -> Iterator[tuple[float, float, str]]:
        """Under which name a device was shown, and when (see Registry.bed_of)."""
        taken = [
            (each.since, inf if each.until is None else each.until)
            for those in self._associations.values()
            for each in those
            if each.bed == device_id and each.device_id != device_id
        ]
        for begun, ended, bed in self._beds_of(device_id):
            if bed != device_id:
                yield begun, ended, bed
                continue
            reached = begun
            for since, until in sorted(taken):
                first, last = max(since, reached), min(until, ended)
                if first < last:
                    yield reached, first, bed
                    yield first, last, f"{ELSEWHERE}{device_id}"
                    reached = last
            yield reached, ended, bed

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
