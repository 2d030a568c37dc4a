"""What is known of a bed beyond what its device measures: who lies there, and since when."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rpm_service.application.acts import ActRefused
from rpm_service.domain.early_warning import Assessment
from rpm_service.domain.limits import AgeClass

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward


@dataclass(frozen=True, slots=True)
class Registered:
    """A bed in the registry; times in Unix seconds, None where there is none.

    `device_id` is empty where no device was put there by an act: a device that nobody has placed
    is a bed of its own name.
    """

    bed: str
    unit: str
    admitted_at: float | None
    age_class: AgeClass | None
    device_id: str
    associated_at: float | None
    assessment: Assessment | None


def registered(ward: "Ward", bed: str) -> Registered:
    """Looks a bed up. Raises ActRefused."""
    stay, bedside = ward.registry.stay(bed), ward.at_bed(bed)
    if stay is None and bedside is None and not ward.registry.has_bed(bed):
        raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
    association = ward.registry.association_at(bed)
    return Registered(
        bed=bed,
        unit=ward.registry.unit_of(bed),
        admitted_at=stay.since if stay else None,
        age_class=stay.age_class if stay else None,
        device_id=association.device_id if association else "",
        associated_at=association.since if association else None,
        assessment=ward.early_warning.assessment(bed),
    )
