"""PatientService: who lies where, and which device measures there."""

import grpc

from rpm_service.adapters.grpc.convert import AGE_CLASS_OF
from rpm_service.adapters.grpc.monitoring import acted
from rpm_service.adapters.grpc.refusals import Context, refuse
from rpm_service.application.identity import Identity
from rpm_service.application.operators import Operators
from rpm_service.v1 import patient_pb2


class PatientService:
    """Serves the registry of beds, patients and devices."""

    def __init__(self, operators: Operators) -> None:
        self._operators = operators

    async def admit_patient(
        self, identity: Identity, request: patient_pb2.AdmitPatientRequest, context: Context
    ) -> patient_pb2.AdmitPatientResponse:
        """Puts a patient into a bed."""
        age_class = AGE_CLASS_OF.get(request.age_class)
        if age_class is None:
            reason = "adult, paediatric or neonatal: it chooses the alarm limits"
            await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "age_class", reason)
        at = await acted(
            context,
            lambda: self._operators.admit(
                request.bed,
                request.unit,
                request.patient_id,
                age_class,
                identity.id,
                request.idempotency_key,
            ),
        )
        return patient_pb2.AdmitPatientResponse(admitted_at=at)

    async def associate_device(
        self, identity: Identity, request: patient_pb2.AssociateDeviceRequest, context: Context
    ) -> patient_pb2.AssociateDeviceResponse:
        """Says at which bed a device measures."""
        at = await acted(
            context,
            lambda: self._operators.associate(
                request.device_id, request.bed, identity.id, request.idempotency_key
            ),
        )
        return patient_pb2.AssociateDeviceResponse(associated_at=at)

    async def transfer_patient(
        self, identity: Identity, request: patient_pb2.TransferPatientRequest, context: Context
    ) -> patient_pb2.TransferPatientResponse:
        """Moves a patient to a free bed."""
        at = await acted(
            context,
            lambda: self._operators.transfer(
                request.from_bed, request.to_bed, identity.id, request.idempotency_key
            ),
        )
        return patient_pb2.TransferPatientResponse(transferred_at=at)

    async def discharge_patient(
        self, identity: Identity, request: patient_pb2.DischargePatientRequest, context: Context
    ) -> patient_pb2.DischargePatientResponse:
        """Ends a patient's stay."""
        at = await acted(
            context,
            lambda: self._operators.discharge(request.bed, identity.id, request.idempotency_key),
        )
        return patient_pb2.DischargePatientResponse(discharged_at=at)
