"""Who is let in, over real loopback mutual TLS."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import error_details_pb2, status_pb2
from grpc.experimental import session_cache
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rpm_service.adapters.grpc.admission import ALLOWED, DEVICES, USERS
from rpm_service.application.identity import Role
from rpm_service.v1 import (
    alarm_analysis_pb2,
    alarm_limits_pb2,
    early_warning_pb2,
    monitoring_pb2,
    patient_pb2,
    telemetry_pb2,
)
from tests.adapters.pki.forgery import BED_1, HOUR_S, Forged, forge, signer
from tests.support.loopback import (
    PATIENCE_S,
    STREAM_TELEMETRY,
    WATCH,
    Device,
    LoopbackServer,
    Stream,
    Viewer,
)

NURSE = "spiffe://rpm.local/t/default/user/nurse-7"
SERVICES: Iterable[ServiceDescriptor] = [
    file.DESCRIPTOR.services_by_name[name]
    for file, name in [
        (telemetry_pb2, "TelemetryService"),
        (monitoring_pb2, "MonitoringService"),
        (patient_pb2, "PatientService"),
        (early_warning_pb2, "EarlyWarningService"),
        (alarm_limits_pb2, "AlarmLimitsService"),
        (alarm_analysis_pb2, "AlarmAnalysisService"),
    ]
]
METHODS = {
    f"/{service.full_name}/{method.name}": method.client_streaming
    for service in SERVICES
    for method in service.methods
}
UNARY = [method for method, streams in METHODS.items() if not streams]


def forged_channel(server: LoopbackServer, forged: Forged, *chain: Forged) -> grpc.aio.Channel:
    trust = (server.certs / "server-trust.crt").read_bytes()
    pem = b"".join(one.pem for one in (forged, *chain))
    return server.channel(forged.key_pem, pem, trust)


async def ending(channel: grpc.aio.Channel, method: str) -> tuple[grpc.StatusCode, str, bytes]:
    """Calls any method with an empty frame; gives status, its text and its details."""
    if METHODS.get(method):
        call = channel.stream_stream(method)()
        waiting = call.read()
    else:
        call = channel.unary_unary(method)(b"")
        waiting = call
    async with asyncio.timeout(PATIENCE_S):
        try:
            answer = await waiting
        except grpc.aio.AioRpcError:
            answer = grpc.aio.EOF
        assert answer is grpc.aio.EOF, answer
        trailing = dict(await call.trailing_metadata() or ())
        return await call.code(), await call.details(), trailing.get("grpc-status-details-bin", b"")


def field_of(details: bytes) -> dict[str, Any]:
    """The ErrorInfo among a status's details."""
    info = error_details_pb2.ErrorInfo()
    status_pb2.Status.FromString(details).details[0].Unpack(info)
    return {"reason": info.reason, "domain": info.domain, **info.metadata}


# -- the handshake ------------------------------------------------------------------------


@pytest.mark.spec("WIRE-1")
@pytest.mark.parametrize("method", [STREAM_TELEMETRY, WATCH, "/grpc.health.v1.Health/Check"])
async def test_a_plain_text_client_gets_nothing(
    server: LoopbackServer, neighbour: Device, method: str
) -> None:
    async with grpc.aio.insecure_channel(server.target) as channel:
        code, _, details = await ending(channel, method)
    assert (code, details) == (grpc.StatusCode.UNAVAILABLE, b"")


@pytest.mark.spec("WIRE-1")
async def test_bytes_that_are_no_tls_are_answered_with_no_http(
    server: LoopbackServer, neighbour: Device
) -> None:
    host, _, port = server.target.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    # At most a TLS alert.
    assert len(answer) <= 7
    assert answer[:1] in {b"", b"\x15"}


def stranger(certs: Path, now: float, who: str) -> tuple[Forged, ...]:
    device_ca = signer(certs, "device-ca")
    other_ca = forge(None, now, uris=(), ca=True)
    return {
        "of another authority": (forge(other_ca, now), other_ca),
        "of an authority of the right name": (
            forge(other_ca, now, issuer_name=device_ca.certificate.subject),
        ),
        "signed by itself": (forge(None, now),),
        "expired": (forge(device_ca, now, age_s=2 * HOUR_S),),
        "not yet valid": (forge(device_ca, now, age_s=-HOUR_S),),
    }[who]


STRANGERS = [
    "of another authority",
    "of an authority of the right name",
    "signed by itself",
    "expired",
    "not yet valid",
]


@pytest.mark.spec("WIRE-2")
@pytest.mark.parametrize("who", STRANGERS)
async def test_a_stranger_does_not_get_through_the_handshake(
    server: LoopbackServer, neighbour: Device, who: str
) -> None:
    async with forged_channel(server, *stranger(server.certs, time.time(), who)) as channel:
        code, _, details = await ending(channel, STREAM_TELEMETRY)
    assert (code, details) == (grpc.StatusCode.UNAVAILABLE, b"")
    assert "bed-1" not in server.monitoring.ward.bedsides


@pytest.mark.spec("WIRE-2")
async def test_a_peer_without_a_certificate_does_not_get_through_the_handshake(
    server: LoopbackServer, neighbour: Device
) -> None:
    trust = (server.certs / "server-trust.crt").read_bytes()
    credentials = grpc.ssl_channel_credentials(trust)
    async with grpc.aio.secure_channel(server.target, credentials) as channel:
        code, _, details = await ending(channel, STREAM_TELEMETRY)
    assert (code, details) == (grpc.StatusCode.UNAVAILABLE, b"")


# -- the certificate ----------------------------------------------------------------------


@pytest.mark.spec("WIRE-3")
@pytest.mark.parametrize("method", METHODS)
async def test_what_tls_lets_through_and_the_profile_does_not_is_refused_on_every_method(
    server: LoopbackServer, neighbour: Device, method: str
) -> None:
    authority = signer(server.certs, "device-ca")
    two_names = forge(authority, time.time(), uris=(BED_1, NURSE))
    async with forged_channel(server, two_names) as channel:
        code, reason, details = await ending(channel, method)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason == "names 2 URIs, not exactly one"
    assert field_of(details) == {
        "reason": "UNAUTHENTICATED",
        "domain": "rpm-service",
        "field": "certificate",
    }


@pytest.mark.spec("WIRE-3")
async def test_a_user_name_that_the_device_authority_signed_opens_no_door(
    server: LoopbackServer, neighbour: Device
) -> None:
    forged = forge(signer(server.certs, "device-ca"), time.time(), uris=(NURSE,))
    async with forged_channel(server, forged) as channel:
        code, reason, _ = await ending(channel, WATCH)
    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "not signed by the user-ca")


@pytest.mark.spec("WIRE-4")
async def test_a_resumed_tls_session_is_refused_after_the_end_of_its_certificate(
    server: LoopbackServer,
) -> None:
    options = (("grpc.ssl_session_cache", session_cache.ssl_session_cache_lru(4)),)
    async with (
        server.channel_of(Role.DEVICE, "bed-1", *options) as channel,
        Device(server, channel, "bed-1") as device,
    ):
        await device.begin()
        await device.lives()
    server.certificates_age_s = 400 * 24 * HOUR_S
    async with server.channel_of(Role.DEVICE, "bed-1", *options) as channel:
        code, reason, _ = await ending(channel, STREAM_TELEMETRY)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason.startswith("expired at ")


@pytest.mark.spec("WIRE-4")
async def test_a_certificate_that_ends_while_connected_ends_the_next_call(
    server: LoopbackServer,
) -> None:
    async with server.clinician() as clinician:
        await clinician.monitoring.ListAlarms(monitoring_pb2.ListAlarmsRequest())
        server.certificates_age_s = 9 * HOUR_S
        code, reason, _ = await ending(clinician.channel, UNARY[0])
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason.startswith("expired at ")


# -- the role -----------------------------------------------------------------------------


@pytest.mark.spec("WIRE-5")
@pytest.mark.parametrize("role", [Role.DEVICE, Role.GATEWAY])
@pytest.mark.parametrize("method", [method for method in METHODS if ALLOWED[method] == USERS])
async def test_a_device_or_gateway_may_do_nothing_that_users_do(
    server: LoopbackServer, neighbour: Device, role: Role, method: str
) -> None:
    async with server.channel_of(role, "bed-1") as channel:
        code, reason, details = await ending(channel, method)
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert reason == f"a {role} may not call {method}"
    assert field_of(details)["field"] == "certificate"


@pytest.mark.spec("WIRE-5")
async def test_a_user_may_not_speak_as_a_device(server: LoopbackServer, neighbour: Device) -> None:
    async with server.channel_of(Role.USER, "bed-1") as channel:
        code, reason, details = await ending(channel, STREAM_TELEMETRY)
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert reason == f"a user may not call {STREAM_TELEMETRY}"
    assert field_of(details)["field"] == "certificate"
    assert "bed-1" not in server.monitoring.ward.bedsides


@pytest.mark.spec("WIRE-6")
async def test_every_method_of_the_contract_is_served_and_has_its_roles(
    server: LoopbackServer,
) -> None:
    assert {method for method in ALLOWED if "rpm_service" in method} == {*METHODS}
    assert {frozenset(roles) for roles in map(ALLOWED.get, METHODS) if roles} == {DEVICES, USERS}
    async with server.channel_of(Role.DEVICE, "bed-1") as channel:
        for method in METHODS:
            if method != STREAM_TELEMETRY:
                code, _, _ = await ending(channel, method)
                assert code is grpc.StatusCode.PERMISSION_DENIED, method


@pytest.mark.spec("WIRE-6")
@pytest.mark.parametrize(
    "method",
    [
        "/rpm_service.v1.TelemetryService/Forget",
        "/rpm_service.v2.TelemetryService/StreamTelemetry",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
async def test_a_method_without_roles_is_not_served(server: LoopbackServer, method: str) -> None:
    async with server.channel_of(Role.USER, "nurse-7") as channel:
        code, _, _ = await ending(channel, method)
    assert code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.spec("WIRE-7")
@pytest.mark.parametrize("role", list(Role))
async def test_anybody_with_a_certificate_may_ask_whether_the_server_serves(
    server: LoopbackServer, role: Role
) -> None:
    async with server.channel_of(role, "x") as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        await server.announce_stop()
        answer = await stub.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


# -- requests -----------------------------------------------------------------------------


@pytest.mark.spec("WIRE-8")
@pytest.mark.parametrize("method", UNARY)
async def test_a_request_of_garbage_is_refused_and_says_nothing_of_our_insides(
    server: LoopbackServer, neighbour: Device, method: str
) -> None:
    async with server.clinician() as clinician:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clinician.channel.unary_unary(method)(b"\xff\xff", timeout=PATIENCE_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    name = method.rpartition("/")[2]
    assert caught.value.details() == f"not a {name}Request"


@pytest.mark.spec("WIRE-9")
async def test_an_error_inside_reaches_the_peer_as_a_number_and_the_log_as_a_traceback(
    server: LoopbackServer, neighbour: Device, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> float:
        raise RuntimeError("Jane Doe has no bed")

    server.monitoring.operators.pause_audio = broken
    async with server.clinician() as clinician:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clinician.monitoring.PauseAudio(monitoring_pb2.PauseAudioRequest(bed="bed-2"))
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    words = caught.value.details() or ""
    assert words.startswith("internal error, incident ")
    assert "Jane" not in words
    number = words.removeprefix("internal error, incident ").split(";")[0]
    (record,) = [record for record in caplog.records if number in record.getMessage()]
    assert record.exc_info is not None


@pytest.mark.spec("WIRE-9")
async def test_an_error_inside_a_stream_ends_that_stream_with_a_number(
    server: LoopbackServer,
    neighbour: Device,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(_seq: int, _now: float) -> bool:
        raise KeyError("not a bedside")

    async with server.streaming("bed-1") as device:
        session = server.monitoring.ward.sessions["device/bed-1"]
        monkeypatch.setattr(session, "take_seq", fails)
        await device.observe()
        code, words = await device.status()
    assert code is grpc.StatusCode.INTERNAL
    assert words.startswith("internal error, incident ")
    assert "not a bedside" not in words


async def test_streams_of_the_wrong_role_close_at_once(server: LoopbackServer) -> None:
    async with (
        server.channel_of(Role.DEVICE, "bed-1") as channel,
        Viewer(channel) as viewer,
        server.channel_of(Role.USER, "nurse-7") as other,
        Stream(other, STREAM_TELEMETRY, telemetry_pb2.StreamTelemetryResponse) as stream,
    ):
        assert (await viewer.status())[0] is grpc.StatusCode.PERMISSION_DENIED
        assert (await stream.status())[0] is grpc.StatusCode.PERMISSION_DENIED
