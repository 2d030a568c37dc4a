"""The https port: uvicorn inside our own event loop, with our socket, our TLS and our signals."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from cryptography import x509
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rpm_service.adapters.web.listening import SEND_BYTES_MAX
from rpm_service.adapters.web.live_socket import FRAME_BYTES_MAX

CONNECTIONS_MAX: Final = 1024
"""Open connections, beyond which new ones are dropped: the devices' port needs its share."""
HANDSHAKE_S_MAX: Final = 5.0
REQUEST_S_MAX: Final = 10.0
"""A connection that does not bring a whole request in this time is dropped."""
TLS_GOODBYE_S_MAX: Final = 1.0
"""A peer that does not take what is left, or does not answer the end of TLS, is dropped."""
REQUEST_BYTES_MAX: Final = 32 * 1024
"""Head and body of one request."""
TAKE_S_MAX: Final = 10.0
"""A peer that takes nothing of an answer for so long is dropped."""
STOP_S_MAX: Final = 3.0


def names_in(certificate_pem: bytes) -> list[str]:
    """The host names and addresses that a server's certificate is for."""
    parsed = x509.load_pem_x509_certificate(certificate_pem)
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return [*names.get_values_for_type(x509.DNSName), *map(str, addresses)]


class WebServer:
    """Serves an application over https, and nothing over http."""

    def __init__(self, app: ASGIApp, sock: socket.socket, *, certificate: Path, key: Path) -> None:
        """Takes a socket from `listen`."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.set_alpn_protocols(["http/1.1"])
        tls.load_cert_chain(certificate, key)
        self._uvicorn = _Uvicorn(app, sock, tls)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> asyncio.Task[None]:
        """Begins to serve; the task ends with `stop`, or with the error that ended serving."""
        self._serving = asyncio.create_task(self._uvicorn.serve())
        listening = asyncio.create_task(self._uvicorn.listening.wait())
        await asyncio.wait({self._serving, listening}, return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        return self._serving

    async def stop(self) -> None:
        """Takes no more connections, and lets answers and goodbyes under way out for STOP_S_MAX.

        What is still open then is closed: live sockets with 1012.
        """
        assert self._serving is not None, "start first"
        for server in self._uvicorn.servers:
            server.close()
        if under_way := self._uvicorn.server_state.tasks:
            await asyncio.wait(set(under_way), timeout=STOP_S_MAX)
        self._uvicorn.should_exit = True
        # What went wrong with serving, if anything, is for whoever holds its task.
        await asyncio.wait({self._serving})
        for connection in list(self._uvicorn.server_state.connections):
            connection.transport.abort()


class _Uvicorn(uvicorn.Server):
    def __init__(self, app: ASGIApp, sock: socket.socket, tls: ssl.SSLContext) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="websockets-sansio",
                ws_max_size=FRAME_BYTES_MAX,
                # Viewers prove that they live by their own heartbeats.
                ws_ping_interval=None,
                # Frames are small and numeric; deflating each costs more than it saves.
                ws_per_message_deflate=False,
                lifespan="off",
                # A log of requests would hold the tokens of sign-in links.
                access_log=False,
                log_config=None,
                log_level=logging.WARNING,
                # Nobody stands before us whose word on where a request comes from counts.
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self.listening = asyncio.Event()
        self._sock = sock
        self._tls = tls

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process: uvicorn would end it before the ward is drained."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens with the bounds that uvicorn has no setting for."""
        assert sockets is None
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self.config, self.server_state, self.lifespan.state),
            sock=self._sock,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE_S_MAX,
            ssl_shutdown_timeout=TLS_GOODBYE_S_MAX,
        )
        self.servers = [server]
        self.started = True
        self.listening.set()


class _Connection(HttpToolsProtocol):
    """A connection that must bring its requests whole, in time and in bounds."""

    _deadline: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        transport.set_write_buffer_limits(SEND_BYTES_MAX)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
        self._expect_request()

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._deadline is not None and self._received > REQUEST_BYTES_MAX:
            self.transport.abort()
            return
        super().data_received(data)

    def pause_writing(self) -> None:
        self._untaken = self.loop.call_later(TAKE_S_MAX, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        self._is_taken()
        super().resume_writing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._expect_request()

    def on_message_complete(self) -> None:
        self._request_is_here()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_is_here()
        self._is_taken()
        super().connection_lost(exc)

    def _expect_request(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_S_MAX, self.transport.abort)

    def _is_taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _request_is_here(self) -> None:
        self._received = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
