"""Who lies where, which device measures there, and which limits hold: what people have said.

What was said to a server that died before it was on the disk was never said.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rpm_service.application.effects import Batch
from rpm_service.domain.limits import MetricLimits

ELSEWHERE: Final = "device "


@dataclass
class Said:
    """One act: what it did to places, and how it stands in the journal."""

    at: float
    by: str
    act: str
    apply: Callable[["Places"], object]
    durable: bool = False


class Places:
    """Beds, patients and devices; `moved_at` tells when anything about a device last changed."""

    def __init__(self) -> None:
        self.units: dict[str, str] = {}
        self.patients: dict[str, str] = {}
        self.devices: dict[str, str] = {}
        self.limits: dict[tuple[str, str], tuple[MetricLimits, float]] = {}
        """Of a bed and a metric: limits of the patient's own, and until when."""

    def bed_of(self, device_id: str) -> str:
        bed = self.devices.get(device_id)
        if bed is not None:
            return bed
        return f"{ELSEWHERE}{device_id}" if device_id in self.devices.values() else device_id

    def device_at(self, bed: str) -> str | None:
        found = next((each for each, there in self.devices.items() if there == bed), None)
        return found or (bed if bed.startswith("device-") else None)

    def patient_of(self, device_id: str) -> str:
        return self.patients.get(self.bed_of(device_id), "")

    def by_device(self) -> dict[str, str]:
        """Whom each device that is somewhere measures."""
        return {each: self.patient_of(each) for each in self.devices}

    def admit(self, bed: str, unit: str, patient: str) -> None:
        self.units[bed] = unit or self.units.get(bed, "")
        self.patients[bed] = patient

    def discharge(self, bed: str) -> None:
        self.patients.pop(bed, None)
        self._without_limits(bed)

    def associate(self, device_id: str, bed: str) -> None:
        other = next((each for each, there in self.devices.items() if there == bed), None)
        for each in (device_id, other):
            self.devices.pop(each or "", None)
        if bed:
            self.units.setdefault(bed, "")
            self.devices[device_id] = bed

    def transfer(self, from_bed: str, to_bed: str) -> None:
        device_id = self.device_at(from_bed)
        self.units.setdefault(to_bed, "")
        self.patients[to_bed] = self.patients.pop(from_bed)
        own = {metric: each for (bed, metric), each in self.limits.items() if bed == from_bed}
        self._without_limits(from_bed)
        self.limits |= {(to_bed, metric): each for metric, each in own.items()}
        if device_id is not None:
            self.associate(device_id, to_bed)

    def _without_limits(self, bed: str) -> None:
        self.limits = {key: each for key, each in self.limits.items() if key[0] != bed}


class Sayings:
    """All that was said, and what is so because of it."""

    def __init__(self) -> None:
        self.places = Places()
        self.changed_at = float("-inf")
        self.parted_at: dict[str, float] = {}
        """When each device and a patient last parted."""
        self._said: list[Said] = []

    def say(self, said: Said) -> None:
        self._said.append(said)
        self._apply(said)
        self.changed_at = said.at

    def _apply(self, said: Said) -> None:
        before = self.places.by_device()
        said.apply(self.places)
        for device_id, patient in before.items():
            if patient and self.places.patient_of(device_id) != patient:
                self.parted_at[device_id] = said.at

    def committed(self, batch: Batch) -> None:
        journalled = {(act.at, act.by, act.act) for act in batch.acts}
        for said in self._said:
            if (said.at, said.by, said.act) in journalled:
                said.durable = True

    def forget(self, now: float) -> None:
        """The server died: what is not on the disk was never said."""
        self._said = [said for said in self._said if said.durable]
        self.places, self.changed_at = Places(), now
        self.parted_at.clear()
        for said in self._said:
            self._apply(said)
