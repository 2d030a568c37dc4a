"""A receiver of notices, over real https, that does as it is told."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.process import free_port

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


@dataclass(slots=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def notice(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Receiver:
    """`answer` is what each call gets; None is silence until the caller goes away."""

    port: int
    answer: bytes | None = OK
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    at_once: int = 0
    most_at_once: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/calls?token=hush"

    @property
    def ids(self) -> list[str]:
        return [call.notice["notice_id"] for call in self.calls]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while (call := await self._read(reader)) is not None:
                self.calls.append(call)
                self.arrived.set()
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    if self.answer is None:
                        await reader.read()
                        return
                    writer.write(self.answer)
                    await writer.drain()
                finally:
                    self.at_once -= 1
        except (ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Call | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        request, *lines = head.strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers["Content-Length"]))
        return Call(request.split()[1], headers, body)


@asynccontextmanager
async def receiving(
    certs: Path, answer: bytes | None = OK, *, host: str = "127.0.0.1", port: int | None = None
) -> AsyncIterator[Receiver]:
    """Runs a receiver with the server certificate of a directory."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certs / "server.crt", certs / "server.key")
    receiver = Receiver(port or free_port(), answer)
    server = await asyncio.start_server(
        receiver.serve, "127.0.0.1" if host == "localhost" else host, receiver.port, ssl=context
    )
    async with server:
        yield receiver
