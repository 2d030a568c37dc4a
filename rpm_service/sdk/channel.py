"""The connection to a server: mutual TLS, and nothing else.

There is no way here to connect without it, and none may be added: a device that falls back
to plain text after a failed handshake tells everybody on the way how the patient is.
"""

from typing import TYPE_CHECKING

import grpc
import grpc.aio

from rpm_service.sdk import wire
from rpm_service.sdk.credentials import Credentials
from rpm_service.v1 import telemetry_pb2

if TYPE_CHECKING:
    Method = grpc.aio.StreamStreamMultiCallable[bytes, telemetry_pb2.StreamTelemetryResponse]
    Call = grpc.aio.StreamStreamCall[bytes, telemetry_pb2.StreamTelemetryResponse]

OPTIONS = (
    # Liveness is the application's heartbeat; keepalive is the second line behind it.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # keepalive_timeout_ms is not armed in grpcio from 1.62 on; what fires is this one, which
    # is 60 s unless set, and undocumented.
    ("grpc.http2.ping_timeout_ms", 3_000),
    # Each attempt of the client has a channel of its own and its own back-off; the minimum is
    # also the time in which a connection must come about.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    # A stream must not be tried again behind our back: the session resumes by number.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    # Without these, megabytes of frames wait out of our sight when the server is slow.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 65_536),
    ("grpc.max_send_message_length", wire.FRAME_BYTES_MAX),
)


def open_channel(target: str, credentials: Credentials) -> grpc.aio.Channel:
    """Makes a channel that connects once a call is made on it."""
    return grpc.aio.secure_channel(
        target,
        grpc.ssl_channel_credentials(
            root_certificates=credentials.trust_pem,
            private_key=credentials.key_pem,
            certificate_chain=credentials.chain_pem,
        ),
        options=OPTIONS,
    )


def open_stream(channel: grpc.aio.Channel) -> "Call":
    """Begins a telemetry stream; frames are written as bytes that are encoded already."""
    method: Method = channel.stream_stream(
        wire.METHOD,
        request_serializer=None,
        response_deserializer=telemetry_pb2.StreamTelemetryResponse.FromString,
    )
    return method()
