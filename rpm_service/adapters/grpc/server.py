"""The gRPC server: mutual TLS only, one table of who may call what, bounded in every way."""

from collections import defaultdict
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2

from rpm_service.adapters.grpc.admission import (
    AnswersAct,
    CheckCertificate,
    Door,
    StreamAct,
    UnaryAct,
)
from rpm_service.adapters.grpc.alarm_limits import AlarmLimitsService
from rpm_service.adapters.grpc.analysis import AlarmAnalysisService
from rpm_service.adapters.grpc.early_warning import EarlyWarningService
from rpm_service.adapters.grpc.monitoring import MonitoringService
from rpm_service.adapters.grpc.patient import PatientService
from rpm_service.adapters.grpc.telemetry import FRAME_BYTES_MAX, TelemetryService
from rpm_service.application.analyses import Analyst
from rpm_service.application.identity import Identity
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.refusals import PortTaken
from rpm_service.v1 import alarm_analysis_pb2 as an
from rpm_service.v1 import alarm_limits_pb2 as li
from rpm_service.v1 import early_warning_pb2 as w
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import patient_pb2 as p

STOP_GRACE_S: Final = 5.0
CONNECTIONS_MAX: Final = 5_000

# Several options do not do what their names say; each of these was measured.
OPTIONS: Final = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 8),
    ("grpc.max_receive_message_length", 4 * FRAME_BYTES_MAX),
    ("grpc.max_send_message_length", 64 * FRAME_BYTES_MAX),
    ("grpc.max_metadata_size", 4096),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.max_allowed_incoming_connections", CONNECTIONS_MAX),
    ("grpc.keepalive_time_ms", 5000),
    ("grpc.keepalive_timeout_ms", 3000),
    # Without it a frozen peer is noticed after a minute: keepalive_timeout is not armed.
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 2000),
    ("grpc.http2.max_pings_without_data", 0),
    # Together they keep megabytes of stale frames from queueing for a slow reader.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65_536),
)


class GrpcServer:
    """Serves devices and viewers on one port."""

    def __init__(
        self,
        monitoring: Monitoring,
        check: CheckCertificate,
        *,
        key: bytes,
        chain: bytes,
        client_trust: bytes,
        analyst: Analyst,
    ) -> None:
        """`analyst` carries out analyses."""
        self.port = 0
        self._credentials = grpc.ssl_server_credentials(
            [(key, chain)], root_certificates=client_trust, require_client_auth=True
        )
        self._server = grpc.aio.server(options=OPTIONS)
        self._health = health.aio.HealthServicer()
        self._server.add_generic_rpc_handlers(
            _handlers(monitoring, Door(check), self._health, analyst)
        )

    async def start(self, listen: str) -> None:
        """Binds HOST:PORT and serves; `port` is the real one. Raises PortTaken."""
        try:
            self.port = self._server.add_secure_port(listen, self._credentials)
        except RuntimeError as error:
            raise PortTaken(listen) from error
        await self._server.start()

    async def announce_stop(self) -> None:
        """Tells whoever checks that this server takes no more work."""
        await self._health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Ends every stream and lets go of the port."""
        await self._server.stop(STOP_GRACE_S)


def _handlers(
    monitoring: Monitoring, door: Door, healths: Any, analyst: Analyst
) -> tuple[grpc.GenericRpcHandler, ...]:
    devices, viewers = TelemetryService(monitoring), MonitoringService(monitoring)
    patients = PatientService(monitoring.operators)
    early_warning = EarlyWarningService(monitoring)
    limits = AlarmLimitsService(monitoring.operators)
    analysis = AlarmAnalysisService(analyst)

    async def check(_identity: Identity, request: Any, context: Any) -> Any:
        return await healths.Check(request, context)

    streams: dict[str, StreamAct] = {
        "rpm_service.v1.TelemetryService/StreamTelemetry": devices.stream_telemetry,
        "rpm_service.v1.MonitoringService/Watch": viewers.watch,
    }
    answers: dict[str, tuple[AnswersAct, type[Message]]] = {
        "rpm_service.v1.AlarmAnalysisService/ListAlarmEvents": (
            analysis.list_alarm_events, an.ListAlarmEventsRequest,
        ),
        "rpm_service.v1.AlarmAnalysisService/ReplayAlarmLimits": (
            analysis.replay_alarm_limits, an.ReplayAlarmLimitsRequest,
        ),
    }  # fmt: skip
    acts: dict[str, tuple[UnaryAct, type[Message]]] = {
        "rpm_service.v1.MonitoringService/AcknowledgeAlarm": (
            viewers.acknowledge_alarm, m.AcknowledgeAlarmRequest,
        ),
        "rpm_service.v1.MonitoringService/ResetAlarm": (viewers.reset_alarm, m.ResetAlarmRequest),
        "rpm_service.v1.MonitoringService/PauseAudio": (viewers.pause_audio, m.PauseAudioRequest),
        "rpm_service.v1.MonitoringService/SetResponsibility": (
            viewers.set_responsibility, m.SetResponsibilityRequest,
        ),
        "rpm_service.v1.MonitoringService/InactivateAlarms": (
            viewers.inactivate_alarms, m.InactivateAlarmsRequest,
        ),
        "rpm_service.v1.MonitoringService/ReactivateAlarms": (
            viewers.reactivate_alarms, m.ReactivateAlarmsRequest,
        ),
        "rpm_service.v1.MonitoringService/ListAlarms": (viewers.list_alarms, m.ListAlarmsRequest),
        "rpm_service.v1.EarlyWarningService/RecordAssessment": (
            early_warning.record_assessment, w.RecordAssessmentRequest,
        ),
        "rpm_service.v1.EarlyWarningService/ListEarlyWarningScores": (
            early_warning.list_scores, w.ListEarlyWarningScoresRequest,
        ),
        "rpm_service.v1.AlarmLimitsService/SetAlarmLimits": (
            limits.set_alarm_limits, li.SetAlarmLimitsRequest,
        ),
        "rpm_service.v1.AlarmLimitsService/ClearAlarmLimits": (
            limits.clear_alarm_limits, li.ClearAlarmLimitsRequest,
        ),
        "rpm_service.v1.AlarmLimitsService/ProposeAlarmLimits": (
            limits.propose_alarm_limits, li.ProposeAlarmLimitsRequest,
        ),
        "rpm_service.v1.PatientService/AdmitPatient": (
            patients.admit_patient, p.AdmitPatientRequest,
        ),
        "rpm_service.v1.PatientService/AssociateDevice": (
            patients.associate_device, p.AssociateDeviceRequest,
        ),
        "rpm_service.v1.PatientService/TransferPatient": (
            patients.transfer_patient, p.TransferPatientRequest,
        ),
        "rpm_service.v1.PatientService/DischargePatient": (
            patients.discharge_patient, p.DischargePatientRequest,
        ),
        "rpm_service.v1.AlarmAnalysisService/MeasureAlarmBurden": (
            analysis.measure_alarm_burden, an.MeasureAlarmBurdenRequest,
        ),
        "grpc.health.v1.Health/Check": (check, health_pb2.HealthCheckRequest),
    }  # fmt: skip
    services: dict[str, dict[str, Any]] = defaultdict(dict)
    for path, stream in streams.items():
        service, _, method = path.partition("/")
        services[service][method] = door.stream(f"/{path}", stream)
    for path, (answer, request_type) in answers.items():
        service, _, method = path.partition("/")
        services[service][method] = door.answers(f"/{path}", answer, request_type)
    for path, (act, request_type) in acts.items():
        service, _, method = path.partition("/")
        services[service][method] = door.unary(f"/{path}", act, request_type)
    return tuple(
        grpc.method_handlers_generic_handler(service, methods)
        for service, methods in services.items()
    )
