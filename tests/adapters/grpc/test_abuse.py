"""Peers that do harm on the wire: cut, or in vain; the bed beside them notices nothing."""

import asyncio
import ssl
from pathlib import Path

import grpc
import grpc.aio
import pytest

from rpm_service.application.identity import Role
from rpm_service.v1 import telemetry_pb2 as t
from tests.support.http2_attacker import Attacker, Outcome, connected
from tests.support.loopback import STREAM_TELEMETRY, Device, LoopbackServer

HANDSHAKE_S = 5.0
ATTACK_S = 0.5
MIB = 2**20


def port_of(server: LoopbackServer) -> int:
    return int(server.target.rpartition(":")[2])


@pytest.mark.spec("ABUSE-3")
@pytest.mark.promise("A1")
async def test_who_does_not_get_through_the_handshake_is_closed_after_five_seconds(
    server: LoopbackServer, certs: Path, neighbour: Device
) -> None:
    async def silent() -> float:
        return await closed_after(*await asyncio.open_connection("localhost", port_of(server)))

    async def slow() -> float:
        """Half of a ClientHello, and no more."""
        reader, writer = await asyncio.open_connection("localhost", port_of(server))
        tls = ssl.MemoryBIO()
        hello = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), tls)
        with pytest.raises(ssl.SSLWantReadError):
            hello.do_handshake()
        writer.write(tls.read()[:100])
        return await closed_after(reader, writer)

    now = asyncio.get_running_loop().time

    async def without_http2() -> float:
        """All of TLS, and then no HTTP/2, which ends the handshake."""

        def wait() -> None:
            with connected("localhost", port_of(server), certs, "bad-1") as tls:
                tls.settimeout(4 * HANDSHAKE_S)
                while tls.recv(1024):
                    pass

        began = now()
        await asyncio.to_thread(wait)
        return now() - began

    for seconds in await asyncio.gather(silent(), silent(), slow(), slow(), without_http2()):
        assert HANDSHAKE_S - 0.5 <= seconds <= HANDSHAKE_S + 2


async def closed_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    now = asyncio.get_running_loop().time
    began = now()
    try:
        async with asyncio.timeout(4 * HANDSHAKE_S):
            while await reader.read(1024):
                pass
    except ConnectionResetError:
        pass
    finally:
        writer.transport.abort()
    return now() - began


@pytest.mark.spec("ABUSE-4")
@pytest.mark.promise("A2")
@pytest.mark.parametrize(
    ("attack", "is_cut"),
    [
        ("rapid_reset", False),
        ("settings_flood", False),
        ("ping_flood", True),
        ("continuation_flood", True),
    ],
)
async def test_a_flood_of_frames_is_cut_or_in_vain(
    server: LoopbackServer, certs: Path, neighbour: Device, attack: str, is_cut: bool
) -> None:
    def flood() -> Outcome:
        with connected("localhost", port_of(server), certs, "bad-1") as tls:
            found = getattr(Attacker(tls), attack)(ATTACK_S)
            assert isinstance(found, Outcome)
            return found

    outcome = await asyncio.to_thread(flood)
    if is_cut:
        assert outcome.cut_after_s is not None
    assert outcome.sent >= 100
    assert server.monitoring.ward.sessions.keys() == {"device/bed-2"}


@pytest.mark.spec("ABUSE-5")
@pytest.mark.promise("A2")
@pytest.mark.parametrize("what", ["oversize", "bomb", "metadata"])
async def test_what_is_too_large_is_refused_and_only_its_call_ends(
    server: LoopbackServer, neighbour: Device, what: str
) -> None:
    async with server.channel_of(Role.DEVICE, "bad-1") as channel:
        start = channel.stream_stream(STREAM_TELEMETRY, None, t.StreamTelemetryResponse.FromString)
        if what == "metadata":
            call = start(metadata=(("x-large", 64 * 1024 * "x"),))
        elif what == "bomb":
            call = start(compression=grpc.Compression.Gzip)
        else:
            call = start()
        if what != "metadata":
            await call.write(bytes(2 * MIB if what == "oversize" else 100 * MIB))
        assert await call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        # The connection lives.
        health = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await health(b"") == b"\x08\x01"
