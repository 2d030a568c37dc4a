"""A TCP link that fails on demand: between a peer and a server, TLS passes through untouched.

A connection made to `target` goes on to the server. Each direction delays, throttles, holds back
or falsifies bytes as it is told, from the next byte on, for every connection. What a black hole
holds back is there still when it opens: to both ends it looks like a link whose packets are lost
and sent again, but that the kernel of neither notices, for this one acknowledges for it.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Self

CHUNK_BYTES = 16 * 1024
AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER of a socket that is closed with RST."""


@dataclass
class Direction:
    """What becomes of bytes on their way in one direction."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    """Of the latency, at most so much more; bytes stay in order."""
    bytes_per_s: float = 0.0
    """0: as fast as it goes."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, this direction is a black hole."""
    flip: int = 0
    """Bits to falsify, one in each chunk from here on."""

    def __post_init__(self) -> None:
        self.open.set()

    def swallow(self) -> None:
        """Begins to hold everything back."""
        self.open.clear()

    def heal(self) -> None:
        """Lets through what was held back, and what comes."""
        self.open.set()


@dataclass(eq=False)
class _Connection:
    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    forgotten: bool = False
    """Whether the server is to hear nothing of the peer's end."""

    def ends(self) -> Iterator[asyncio.StreamWriter]:
        yield self.near
        yield self.far


class FaultyLink:
    """Listens on a port of its own for as long as its block lasts, and carries to a server."""

    def __init__(self, host: str, port: int, *, seed: int = 1) -> None:
        self.up, self.down = Direction(), Direction()
        """Towards the server, and back."""
        self.port = 0
        self._server = (host, port)
        self._rng = Random(seed)
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def target(self) -> str:
        return f"localhost:{self.port}"

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    def swallow(self) -> None:
        """Becomes a black hole in both directions."""
        self.up.swallow()
        self.down.swallow()

    def heal(self) -> None:
        """Opens both directions again."""
        self.up.heal()
        self.down.heal()

    def reset(self) -> None:
        """Breaks every connection at both ends with RST."""
        for connection in self._connections:
            for end in connection.ends():
                _reset(end)

    def forget(self) -> None:
        """Breaks every connection at the peer's end alone: the server has half-open sockets."""
        for connection in self._connections:
            connection.forgotten = True
            _reset(connection.near)

    def half_close(self) -> None:
        """Tells the server that its peers will send nothing more."""
        for connection in self._connections:
            connection.far.write_eof()

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listening.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection(*self._server)
        except OSError:
            _reset(near)
            return
        connection = _Connection(near, far)
        self._connections.add(connection)
        try:
            await asyncio.gather(
                self._pump(reader, far, self.up, connection),
                self._pump(far_reader, near, self.down, connection),
            )
        finally:
            self._connections.discard(connection)
            for end in connection.ends():
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: Direction,
        connection: _Connection,
    ) -> None:
        """Carries one direction until its sender is done, or breaks."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def take() -> None:
            due = 0.0
            try:
                while data := await reader.read(CHUNK_BYTES):
                    late = way.latency_s + self._rng.uniform(0.0, way.jitter_s)
                    due = max(due, loop.time() + late)
                    await waiting.put((due, data))
                if not connection.forgotten:
                    await waiting.put((due, b""))
            except OSError:
                if not connection.forgotten:
                    _reset(writer)

        taking = asyncio.create_task(take())
        try:
            while True:
                due, data = await waiting.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                await way.open.wait()
                if way.bytes_per_s:
                    await asyncio.sleep(len(data) / way.bytes_per_s)
                if not data:
                    writer.write_eof()
                    return
                if way.flip:
                    way.flip -= 1
                    data = _falsified(data, self._rng)
                writer.write(data)
                await writer.drain()
        except OSError:
            return
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)


def _falsified(data: bytes, rng: Random) -> bytes:
    wrong = bytearray(data)
    wrong[rng.randrange(len(wrong))] ^= 1 << rng.randrange(8)
    return bytes(wrong)


def _reset(end: asyncio.StreamWriter) -> None:
    own = end.get_extra_info("socket")
    if own is not None:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    end.transport.abort()
