"""What a person at the page may see and do: by role, and by unit.

`Rights` go with whoever is signed in. The live feed is limited by them (`scope.Scope.within`);
whoever answers about a bed, a unit or an alarm by name asks `Access`. What may not be seen is
answered like what is not there.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rpm_service.application.acts import ActRefused
from rpm_service.application.bedside import SERVER
from rpm_service.domain.alarms import AlarmNotFound

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward

SHIFT_S: Final = 12 * 3600.0
"""Nobody but a wall display stays signed in for longer than a shift."""


class Part(StrEnum):
    """The role of whoever is signed in."""

    CLINICIAN = "clinician"
    WALL = "wall"
    """A display on a wall: it looks, and never acts."""


@dataclass(frozen=True, slots=True)
class Rights:
    """A role, and the units that may be seen; empty: every bed, of a unit or of none."""

    role: Part = Part.CLINICIAN
    units: frozenset[str] = frozenset()

    @property
    def may_act(self) -> bool:
        """Whether acts are taken at all."""
        return self.role is Part.CLINICIAN

    def reach(self, unit: str) -> bool:
        """Whether beds of a unit may be seen."""
        return not self.units or unit in self.units


EVERYTHING: Final = Rights()
"""A clinician of all units."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may sign in. `lasts_s`: how long they stay signed in; None: without end."""

    user: str
    rights: Rights = EVERYTHING
    lasts_s: float | None = SHIFT_S
    mark: str = field(default="", repr=False)
    """Tells what they have proved from what they would have to prove now."""


class Access:
    """Tells of beds, units and alarms by name whether somebody may see them."""

    def __init__(self, ward: "Ward") -> None:
        self._ward = ward

    def may_see(self, rights: Rights, bed: str) -> bool:
        """Whether a bed is within somebody's rights, as its unit is now.

        Whoever may see all units may name any bed; others only beds that are known to be of
        theirs. What is at no bed but the server's own is for everybody.
        """
        return bed == SERVER or rights.reach(self._ward.registry.unit_of(bed))

    def check_bed(self, rights: Rights, bed: str) -> None:
        """Raises ActRefused for a bed that may not be seen, as for one that is not there."""
        if not self.may_see(rights, bed):
            raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")

    def check_unit(self, rights: Rights, unit: str) -> None:
        """Raises ActRefused for a unit that may not be seen."""
        if not rights.reach(unit):
            raise ActRefused("NOT_FOUND", "unit", f"there is no unit {unit!r}")

    def check_alarm(self, rights: Rights, occurrence_id: int) -> None:
        """Raises ActRefused for an alarm with a signal at a bed that may not be seen.

        An alarm that has no signal any more is at no bed here: whoever answers about it from
        history checks the bed that history names.
        """
        for bedside in self._ward.bedsides.values():
            try:
                bedside.board.find(occurrence_id)
            except AlarmNotFound:
                continue
            if not bedside.is_server and not rights.reach(bedside.unit):
                raise no_alarm(occurrence_id)


def no_alarm(occurrence_id: int) -> ActRefused:
    """The refusal of an act on an alarm that is not there."""
    reason = f"no alarm {occurrence_id} has a signal any more"
    return ActRefused("NOT_FOUND", "occurrence_id", reason)
