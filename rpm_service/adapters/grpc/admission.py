"""Who is let in: every method of every service, by role, checked on every call.

TLS alone accepts certificates that say nothing about who holds them, and resumes sessions of
expired ones; so the certificate is judged here again. A method that is not in the table is
not served.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError, Message

from rpm_service.adapters.grpc.refusals import Context, carried_out, refuse
from rpm_service.application.identity import CertificateRefused, Identity, Role

CheckCertificate = Callable[[bytes], Identity]
"""Judges a PEM certificate now. Raises CertificateRefused."""
UnaryAct = Callable[[Identity, Any, Context], Awaitable[Any]]
AnswersAct = Callable[[Identity, Any, Context], Awaitable[None]]
StreamAct = Callable[[Identity, Context], Awaitable[None]]

DEVICES: Final = frozenset({Role.DEVICE, Role.GATEWAY})
USERS: Final = frozenset({Role.USER})
ANYBODY: Final = DEVICES | USERS

ALLOWED: Final = {
    "/rpm_service.v1.TelemetryService/StreamTelemetry": DEVICES,
    "/rpm_service.v1.MonitoringService/Watch": USERS,
    "/rpm_service.v1.MonitoringService/AcknowledgeAlarm": USERS,
    "/rpm_service.v1.MonitoringService/ResetAlarm": USERS,
    "/rpm_service.v1.MonitoringService/PauseAudio": USERS,
    "/rpm_service.v1.MonitoringService/SetResponsibility": USERS,
    "/rpm_service.v1.MonitoringService/InactivateAlarms": USERS,
    "/rpm_service.v1.MonitoringService/ReactivateAlarms": USERS,
    "/rpm_service.v1.MonitoringService/ListAlarms": USERS,
    "/rpm_service.v1.EarlyWarningService/RecordAssessment": USERS,
    "/rpm_service.v1.EarlyWarningService/ListEarlyWarningScores": USERS,
    "/rpm_service.v1.AlarmLimitsService/SetAlarmLimits": USERS,
    "/rpm_service.v1.AlarmLimitsService/ClearAlarmLimits": USERS,
    "/rpm_service.v1.AlarmLimitsService/ProposeAlarmLimits": USERS,
    "/rpm_service.v1.PatientService/AdmitPatient": USERS,
    "/rpm_service.v1.PatientService/AssociateDevice": USERS,
    "/rpm_service.v1.PatientService/TransferPatient": USERS,
    "/rpm_service.v1.PatientService/DischargePatient": USERS,
    "/rpm_service.v1.AlarmAnalysisService/ListAlarmEvents": USERS,
    "/rpm_service.v1.AlarmAnalysisService/MeasureAlarmBurden": USERS,
    "/rpm_service.v1.AlarmAnalysisService/ReplayAlarmLimits": USERS,
    "/grpc.health.v1.Health/Check": ANYBODY,
}


class Door:
    """Lets calls in whose certificate is good and whose role may make them."""

    def __init__(self, check: CheckCertificate) -> None:
        self._check = check

    async def admit(self, method: str, context: Context) -> Identity:
        """Tells who calls, or ends the call."""
        certificate = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
        try:
            if certificate is None:
                raise CertificateRefused("no certificate; connect with mutual TLS")
            identity = self._check(certificate)
        except CertificateRefused as refusal:
            await refuse(context, grpc.StatusCode.UNAUTHENTICATED, "certificate", refusal.reason)
        if identity.role not in ALLOWED.get(method, frozenset()):
            reason = f"a {identity.role} may not call {method}"
            await refuse(context, grpc.StatusCode.PERMISSION_DENIED, "certificate", reason)
        return identity

    def unary(
        self, method: str, act: UnaryAct, request_type: type[Message]
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """Guards a method with one request and one response.

        The request is parsed here, behind the door: grpcio would do so before it, and send the
        parser's words to whoever called.
        """

        async def guarded(data: bytes, context: Context) -> Any:
            async def call() -> Any:
                identity = await self.admit(method, context)
                request = await _parsed(data, request_type, context)
                response: Message = await act(identity, request, context)
                return response.SerializeToString()

            return await carried_out(context, call)

        return grpc.unary_unary_rpc_method_handler(guarded, None, None)

    def answers(
        self, method: str, act: AnswersAct, request_type: type[Message]
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """Guards a method with one request and many responses, which the act writes as bytes."""

        async def guarded(data: bytes, context: Context) -> None:
            async def call() -> None:
                identity = await self.admit(method, context)
                await act(identity, await _parsed(data, request_type, context), context)

            await carried_out(context, call)

        return grpc.unary_stream_rpc_method_handler(guarded, None, None)

    def stream(self, method: str, act: StreamAct) -> "grpc.RpcMethodHandler[Any, Any]":
        """Guards a bidirectional method that reads and writes whole frames as bytes.

        A frame that is not protobuf must not end the stream, so it is parsed by the act.
        """

        async def guarded(_requests: Any, context: Context) -> None:
            async def call() -> None:
                await act(await self.admit(method, context), context)

            await carried_out(context, call)

        return grpc.stream_stream_rpc_method_handler(guarded, None, None)


async def _parsed(data: bytes, request_type: type[Message], context: Context) -> Message:
    try:
        return request_type.FromString(data)
    except DecodeError:
        reason = f"not a {request_type.DESCRIPTOR.name}"
        await refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "request", reason)
