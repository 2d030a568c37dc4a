import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from rpm_service.adapters.web import server as bounds
from rpm_service.adapters.web.address import base_url, origins, parse_address
from rpm_service.adapters.web.listening import listen
from rpm_service.application.refusals import CannotStart, PortTaken
from tests.adapters.web.station import PATIENCE_S, SUBSCRIBE, Station, frame, station

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def said(port: int, tls: ssl.SSLContext | None, data: bytes) -> bytes:
    """All that the server answers to some bytes until it hangs up."""
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name)
    writer.write(data)
    answer = b""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE_S):
            while data := await reader.read(65_536):
                answer += data
    writer.transport.abort()
    return answer


@pytest.mark.spec("WEB-5")
async def test_plain_http_gets_nothing(ward: Station) -> None:
    answer = await said(ward.port, None, GET)
    assert b"HTTP" not in answer
    # At most what TLS itself has to say: an alert record.
    assert answer == b"" or answer[0] == 21


@pytest.mark.spec("WEB-7")
async def test_a_connection_that_begins_no_tls_is_dropped(
    certs: Path, static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "HANDSHAKE_S_MAX", 0.1)
    async with station(certs, tmp_path, static) as ward:
        assert await said(ward.port, None, b"") == b""


@pytest.mark.spec("WEB-7")
async def test_a_connection_that_brings_no_whole_request_in_time_is_dropped(
    certs: Path, static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "REQUEST_S_MAX", 0.1)
    async with station(certs, tmp_path, static) as ward:
        for data in (b"", GET[:20], GET[:-2]):
            assert await said(ward.port, ward.trust, data) == b""
        # The second request of a connection has no more time than the first.
        answer = await said(ward.port, ward.trust, GET + GET[:20])
        assert answer.count(b"200 OK") == 1


@pytest.mark.spec("WEB-7")
async def test_a_live_socket_outlives_the_time_of_a_request(
    certs: Path, static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "REQUEST_S_MAX", 0.3)
    async with (
        station(certs, tmp_path, static) as ward,
        ward.watch(await ward.signed_in()) as live,
    ):
        await live.send(SUBSCRIBE)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 0.6:
            ward.clock.advance(1.0)
            await frame(live)


@pytest.mark.spec("WEB-7")
async def test_a_request_that_is_too_long_is_dropped_before_it_ends(ward: Station) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    field = b"X: " + b"x" * 1000 + b"\r\n"
    assert await said(ward.port, ward.trust, head + field * 40) == b""
    answer = await said(ward.port, ward.trust, head + field * 20 + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.spec("WEB-18")
def test_a_port_that_is_taken_is_named() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} is taken"):
            listen("127.0.0.1", port)


@pytest.mark.spec("WEB-18")
def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(CannotStart, match=r"192\.0\.2\.1"):
        listen("192.0.2.1", 0)


def test_addresses_are_written_as_browsers_name_them() -> None:
    assert parse_address("[::1]:8443") == ("::1", 8443)
    assert base_url("::1", 8443) == "https://[::1]:8443"
    assert base_url("0.0.0.0", 8443) == "https://localhost:8443"
    assert base_url("Station-1", 443) == "https://station-1"
    assert origins(["localhost", "127.0.0.1"], 443) == {"https://localhost", "https://127.0.0.1"}
