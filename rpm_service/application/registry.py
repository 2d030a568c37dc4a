"""The registry: which beds there are, who lies where, and which device measures where.

A bed holds one patient and one device. What changes is handed to the batch as rows; what
follows from it at the bedsides is the ward's matter.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import Final

from rpm_service.application.effects import Association, Batch, Bed, Restored, Stay
from rpm_service.domain.limits import AgeClass

ELSEWHERE: Final = "device "
"""Before the name of a device that has no bed, where a bed of that name has another device."""


class Registry:
    """Beds, stays and associations that last."""

    def __init__(self, restored: Restored) -> None:
        self._beds = {bed.name: bed for bed in restored.beds}
        self._stays = {stay.bed: stay for stay in restored.stays}
        self._associations = {each.device_id: each for each in restored.associations}
        self._vacated = dict(restored.vacated)
        self._removed = dict(restored.removed)

    # -- what is known ------------------------------------------------------------------

    def has_bed(self, name: str) -> bool:
        """Whether there is a bed of that name."""
        return name in self._beds

    def unit_of(self, bed: str) -> str:
        """The unit of a bed; empty where it has none."""
        known = self._beds.get(bed)
        return known.unit if known else ""

    def stay(self, bed: str) -> Stay | None:
        """Who lies in a bed."""
        return self._stays.get(bed)

    def stay_of(self, patient_id: str) -> Stay | None:
        """Where a patient lies."""
        return next((stay for stay in self._stays.values() if stay.patient_id == patient_id), None)

    def bed_of(self, device_id: str) -> str:
        """Under which name a device is shown: that of its bed, or its own."""
        association = self._associations.get(device_id)
        if association is not None:
            return association.bed
        return device_id if self.device_of(device_id) is None else f"{ELSEWHERE}{device_id}"

    def device_of(self, bed: str) -> str | None:
        """The device that is associated with a bed."""
        association = self.association_at(bed)
        return association.device_id if association else None

    def association_at(self, bed: str) -> Association | None:
        """Which device is associated with a bed, and since when."""
        return next((each for each in self._associations.values() if each.bed == bed), None)

    def bed_with(self, device_id: str) -> str:
        """The bed that a device is associated with; empty where it is with none."""
        association = self._associations.get(device_id)
        return association.bed if association else ""

    def here_since(self, device_id: str) -> float:
        """Since when a device measures where it does, for whoever lies there or for nobody.

        What it measured before may be of somebody else, who has gone.
        """
        bed = self.bed_of(device_id)
        # Where it is at no bed, one that is at the bed of its name has taken that name from it.
        association = self._associations.get(device_id) or self.association_at(device_id)
        stay = self.stay(bed)
        return max(
            association.since if association else -inf,
            self._removed.get(device_id, -inf),
            stay.since if stay else -inf,
            self._vacated.get(bed, -inf),
        )

    # -- what changes -------------------------------------------------------------------

    def enter_bed(self, name: str, batch: Batch, unit: str = "") -> None:
        """There is a bed of that name; without a unit it stays in the one that it has."""
        known = self._beds.get(name)
        if known is None or (unit and unit != known.unit):
            self._beds[name] = Bed(name, unit)
            batch.beds.append(self._beds[name])

    def admit(
        self, bed: str, patient_id: str, age_class: AgeClass, now: float, batch: Batch
    ) -> None:
        """Begins a stay in a free bed."""
        assert bed not in self._stays
        stay = self._stays[bed] = Stay(bed, patient_id, age_class, now)
        batch.stays.append(stay)

    def transfer(self, from_bed: str, to_bed: str, now: float, batch: Batch) -> None:
        """Moves a patient to a free bed."""
        assert to_bed not in self._stays
        stay = self._stays.pop(from_bed)
        self._vacated[from_bed] = now
        begun = self._stays[to_bed] = replace(stay, bed=to_bed, since=now)
        batch.stays += (replace(stay, until=now), begun)

    def discharge(self, bed: str, now: float, batch: Batch) -> None:
        """Ends a stay."""
        batch.stays.append(replace(self._stays.pop(bed), until=now))
        self._vacated[bed] = now

    def associate(self, device_id: str, bed: str, now: float, batch: Batch) -> Iterable[str]:
        """Says at which bed a device measures; no bed ends the association.

        Gives the devices whose bed may be another now, that device first.
        """
        moved = [device_id]
        other = self.device_of(bed)
        if other is not None:
            moved.append(other)
        for each in tuple(moved):
            earlier = self._associations.pop(each, None)
            if earlier is not None:
                batch.associations.append(replace(earlier, until=now))
                self._removed[each] = now
                # A device of the bed's own name is shown under it again.
                moved.append(earlier.bed)
        if bed:
            self.enter_bed(bed, batch)
            begun = self._associations[device_id] = Association(device_id, bed, now)
            batch.associations.append(begun)
            # A device of the bed's own name is not mistaken for the one that measures there.
            moved.append(bed)
        return dict.fromkeys(moved)
