"""Who lies where and which device measures there, from the page."""

from typing import Literal, Protocol

from fastapi import FastAPI, Request

from rpm_service.adapters.web.body import Body
from rpm_service.adapters.web.gate import session_of
from rpm_service.adapters.web.rights import check_bed, check_unit, may_see
from rpm_service.application.acts import ActRefused
from rpm_service.application.registered import Registered
from rpm_service.domain.limits import AgeClass


class PlaceActs(Protocol):
    """Carries out acts about beds, patients and devices. Raises ActRefused."""

    def admit(
        self, bed: str, unit: str, patient_id: str, age_class: AgeClass, by: str, key: str
    ) -> object:
        """Puts a patient into a bed."""
        ...

    def transfer(self, from_bed: str, to_bed: str, by: str, key: str) -> object:
        """Moves a patient to a free bed."""
        ...

    def discharge(self, bed: str, by: str, key: str) -> object:
        """Ends a stay."""
        ...

    def associate(self, device_id: str, bed: str, by: str, key: str) -> object:
        """Says at which bed a device measures."""
        ...

    def dissociate(self, device_id: str, bed: str, by: str, key: str) -> object:
        """Says that a device measures at a bed no more."""
        ...

    def where_is(self, device_id: str) -> str:
        """The bed that a device was associated with; empty where it was with none."""
        ...

    def registered(self, bed: str) -> Registered:
        """Tells who and what is at a bed, and since when."""
        ...


class Admit(Body):
    """Who comes: an identifier that is not a name, and the age that chooses the preset.

    A unit that is left out stays as it was.
    """

    patient_id: str
    age_class: Literal["adult", "paediatric", "neonatal"]
    unit: str = ""


class Transfer(Body):
    """The free bed."""

    to_bed: str


class Discharge(Body):
    """Nothing more to say."""


class Associate(Body):
    """The device that measures at the bed from now on, or no more."""

    device_id: str


def add_place_acts(app: FastAPI, acts: PlaceActs) -> None:
    """Adds the routes of acts about places, and of what is known of a bed."""

    @app.post("/v1/beds/{bed:path}/admit", status_code=204)
    async def admit(bed: str, body: Admit, request: Request) -> None:
        """Admits a patient to a bed."""
        if body.unit:
            check_unit(request, body.unit)
        user, key = session_of(request).user, body.idempotency_key
        acts.admit(bed, body.unit, body.patient_id, AgeClass(body.age_class), user, key)

    @app.post("/v1/beds/{bed:path}/transfer", status_code=204)
    async def transfer(bed: str, body: Transfer, request: Request) -> None:
        """Moves the patient of a bed, with device, alarms and limits, to a free bed."""
        check_bed(request, body.to_bed)
        acts.transfer(bed, body.to_bed, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/discharge", status_code=204)
    async def discharge(bed: str, body: Discharge, request: Request) -> None:
        """Discharges the patient of a bed; the alarms of the stay end."""
        acts.discharge(bed, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/associate", status_code=204)
    async def associate(bed: str, body: Associate, request: Request) -> None:
        """Says that a device measures at this bed."""
        where = acts.where_is(body.device_id)
        if where and not may_see(request, where):
            # It measures for somebody whom this person may not see.
            reason = f"there is no device {body.device_id!r}"
            raise ActRefused("NOT_FOUND", "device_id", reason)
        acts.associate(body.device_id, bed, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/dissociate", status_code=204)
    async def dissociate(bed: str, body: Associate, request: Request) -> None:
        """Says that a device measures at this bed no more."""
        acts.dissociate(body.device_id, bed, session_of(request).user, body.idempotency_key)

    @app.get("/v1/beds/{bed:path}/registered")
    async def registered(bed: str) -> dict[str, object]:
        """Who lies at a bed since when, which device measures there, and which SpO2 scale counts."""
        known = acts.registered(bed)
        decided = known.assessment
        return {
            "bed": known.bed,
            "unit": known.unit,
            "admitted_at": known.admitted_at,
            "age_class": known.age_class,
            "device_id": known.device_id,
            "associated_at": known.associated_at,
            "oxygen_scale": decided and decided.oxygen_scale,
            "oxygen_scale_by": decided and decided.oxygen_scale_by,
            "oxygen_scale_reason": decided and decided.oxygen_scale_reason,
        }
