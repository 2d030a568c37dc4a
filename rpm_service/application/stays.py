"""Who lies where: what goes along when a patient or a device comes, goes or moves, and what ends.

The registry keeps who and what is where; here it is put in force at the bedsides. What is about
a patient goes where the patient goes, and ends when they leave; a device brings nothing of the
patient before.
"""

from typing import TYPE_CHECKING

from rpm_service.application.bedside import Bedside
from rpm_service.domain.limits import AgeClass

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward


class Stays:
    """Lets patients and devices come, go and move."""

    def __init__(self, ward: "Ward") -> None:
        self._ward = ward

    def admit(self, bed: str, unit: str, patient_id: str, age_class: AgeClass, now: float) -> None:
        """Puts a patient into a free bed, where nothing is held back any more."""
        ward = self._ward
        ward.registry.enter_bed(bed, ward.batch, unit)
        ward.registry.admit(bed, patient_id, age_class, now, ward.batch)
        self._begin_stay(bed, now)
        ward.on_move()

    def transfer(self, from_bed: str, to_bed: str, now: float) -> None:
        """Moves a patient, and the device that measures there, to a free bed.

        What is about the patient goes along: alarms as they stand, what is held back, the score,
        and limits of the patient's own.
        """
        ward = self._ward
        ward.registry.enter_bed(to_bed, ward.batch)
        ward.registry.transfer(from_bed, to_bed, now, ward.batch)
        ward.limit_overrides.transfer(from_bed, to_bed, now)
        device_id = self._device_at(from_bed)
        if device_id is None:
            self._begin_stay(to_bed, now)
        else:
            for moved in ward.registry.associate(device_id, to_bed, now, ward.batch):
                self._move(moved, now, with_patient=moved == device_id)
        ward.early_warning.transfer(from_bed, to_bed)
        ward.on_move()

    def discharge(self, bed: str, now: float) -> None:
        """Ends a stay, and with it every alarm, all that was held back, and limits of their own."""
        ward = self._ward
        ward.limit_overrides.discharge(bed, now)
        ward.registry.discharge(bed, now, ward.batch)
        ward.early_warning.discharge(bed)
        bedside = ward.at_bed(bed)
        if bedside is not None:
            self._part(bedside, now)
            self.place(bedside, now)
            ward.settle(bedside, now)
        ward.on_move()

    def associate(self, device_id: str, bed: str, now: float) -> None:
        """Says at which bed a device measures; no bed ends the association."""
        ward = self._ward
        for moved in ward.registry.associate(device_id, bed, now, ward.batch):
            self._move(moved, now)
        ward.on_move()

    def place(self, bedside: Bedside, now: float) -> None:
        """Puts bed, unit, patient and preset of a bedside in force, from the registry."""
        ward = self._ward
        name = ward.registry.bed_of(bedside.device_id)
        stay = ward.registry.stay(name)
        bedside.board.move(name, now)
        unit = ward.registry.unit_of(name)
        if unit != bedside.unit:
            bedside.unit = unit
            ward.deliveries.move(bedside, now)
        bedside.care_groups = ward.units.of(unit).care_groups_of(name)
        bedside.patient_id = stay.patient_id if stay else ""
        bedside.age_class = stay.age_class if stay else None
        overrides = ward.limit_overrides
        settings = overrides.in_force(name, ward.preset(name))
        if bedside.put_in_force(settings, now, overrides.of(name)):
            for session in ward.sessions.values():
                session.tell_limits(bedside)

    def _move(self, device_id: str, now: float, *, with_patient: bool = False) -> None:
        """A device measures elsewhere now. Nothing of a patient who stays behind goes along."""
        ward = self._ward
        bedside = ward.bedsides.get(device_id)
        if bedside is None:
            return
        if ward.registry.bed_of(device_id) != bedside.bed and not with_patient:
            if bedside.patient_id:
                self._part(bedside, now)
            bedside.inactivations.end_all()
        self.place(bedside, now)
        ward.settle(bedside, now)

    def _part(self, bedside: Bedside, now: float) -> None:
        """A device and a patient part: nothing about that patient is known or called of there."""
        bedside.discharge(now)
        self._ward.live.forget_samples(bedside)
        self._ward.deliveries.discharge(bedside, now)

    def _begin_stay(self, bed: str, now: float) -> None:
        """A patient has come to a bed and the device that is there."""
        bedside = self._ward.at_bed(bed)
        if bedside is not None:
            bedside.inactivations.end_all()
            self.place(bedside, now)
            self._ward.settle(bedside, now)

    def _device_at(self, bed: str) -> str | None:
        """The device that measures at a bed, also where it was not heard since a restart."""
        device_id = self._ward.registry.device_of(bed)
        if device_id is not None:
            return device_id
        bedside = self._ward.at_bed(bed)
        return bedside.device_id if bedside else None
