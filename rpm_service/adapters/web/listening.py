"""The sockets that a server listens on; no more is loaded than they need."""

import errno
import socket
from typing import Final

from rpm_service.application.refusals import CannotStart, PortTaken

BACKLOG: Final = 128
SEND_BYTES_MAX: Final = 128 * 1024
"""What waits for a slow reader, in the kernel and again in the process: what is queued here is
old when it is read, while the next frame of a feed is put together from what is newest."""


def listen(host: str, port: int) -> socket.socket:
    """Opens the socket to serve on; port 0 takes any. Raises PortTaken and CannotStart."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise CannotStart(f"{host} is no address of this machine: {error.strerror}") from error
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES_MAX)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"{host}:{port}") from error
        raise CannotStart(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    return sock
