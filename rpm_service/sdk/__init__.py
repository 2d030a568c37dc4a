"""What a device maker imports: an asynchronous client for rpm-service, over mutual TLS only.

Needs grpcio, protobuf and cryptography. docs/device-guide.md begins with an example.
"""

from rpm_service.sdk.blocking import BlockingTelemetryClient
from rpm_service.sdk.client import TelemetryClient
from rpm_service.sdk.counters import Counters
from rpm_service.sdk.credentials import Credentials
from rpm_service.sdk.disk_spool import DiskSpool
from rpm_service.sdk.errors import CredentialsUnusable, ProtocolViolated, Refused, SpoolUnusable
from rpm_service.sdk.monitor import (
    NO_SAMPLE,
    Monitor,
    Numeric,
    Observation,
    SampleArray,
    Samples,
    int16_bytes,
)
from rpm_service.sdk.notices import Coverage, Limits, Refusal, Settings
from rpm_service.sdk.session import State
from rpm_service.sdk.spool import MemorySpool
from rpm_service.sdk.vocabulary import AlarmKind, AlarmPriority, GoodbyeReason, Validity
from rpm_service.sdk.wire import FRAME_BYTES_MAX

__all__ = [
    "FRAME_BYTES_MAX",
    "NO_SAMPLE",
    "AlarmKind",
    "AlarmPriority",
    "BlockingTelemetryClient",
    "Counters",
    "Coverage",
    "Credentials",
    "CredentialsUnusable",
    "DiskSpool",
    "GoodbyeReason",
    "Limits",
    "MemorySpool",
    "Monitor",
    "Numeric",
    "Observation",
    "ProtocolViolated",
    "Refusal",
    "Refused",
    "SampleArray",
    "Samples",
    "Settings",
    "SpoolUnusable",
    "State",
    "TelemetryClient",
    "Validity",
    "int16_bytes",
]
