"""The link that fails on demand does what it is told, and nothing otherwise."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

import pytest

from tests.support.faulty_link import FaultyLink

pytestmark = pytest.mark.system
BLOCK = bytes(range(256)) * 1000


class Echo:
    """A server that sends back what it gets."""

    def __init__(self) -> None:
        self.broken: list[type[Exception]] = []
        self.ended = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except OSError as error:
            self.broken.append(type(error))
        finally:
            self.ended.set()
            writer.close()


@pytest.fixture
async def echo() -> Echo:
    return Echo()


@pytest.fixture
async def link(echo: Echo) -> AsyncIterator[FaultyLink]:
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with FaultyLink("127.0.0.1", server.sockets[0].getsockname()[1]) as link:
        yield link
    server.close()
    await server.wait_closed()


class Peer:
    def __init__(self, link: FaultyLink) -> None:
        self._link = link

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._link.port)
        assert await self.sends(b"hello") == b"hello"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def sends(self, data: bytes) -> bytes:
        self.writer.write(data)
        async with asyncio.timeout(5):
            return await self.reader.readexactly(len(data))

    async def hears_nothing(self, seconds: float = 0.2) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.reader.read(1)


async def test_what_nobody_disturbs_comes_through_whole(link: FaultyLink) -> None:
    async with Peer(link) as peer:
        writing = asyncio.create_task(peer.sends(BLOCK))
        assert await writing == BLOCK


async def test_latency_delays_and_a_rate_throttles(link: FaultyLink) -> None:
    now = asyncio.get_running_loop().time
    async with Peer(link) as peer:
        link.up.latency_s, link.up.jitter_s = 0.1, 0.05
        began = now()
        assert await peer.sends(b"late") == b"late"
        assert now() - began >= 0.1
        link.up.latency_s, link.up.jitter_s, link.down.bytes_per_s = 0.0, 0.0, 100_000
        began = now()
        assert await peer.sends(bytes(20_000)) == bytes(20_000)
        assert now() - began >= 0.19


@pytest.mark.parametrize("way", ["up", "down", "both"])
async def test_a_black_hole_holds_back_until_it_is_healed(link: FaultyLink, way: str) -> None:
    async with Peer(link) as peer:
        hole = link if way == "both" else getattr(link, way)
        hole.swallow()
        peer.writer.write(b"lost")
        await peer.hears_nothing()
        hole.heal()
        assert await peer.reader.readexactly(4) == b"lost"


async def test_a_reset_breaks_both_ends(link: FaultyLink, echo: Echo) -> None:
    async with Peer(link) as peer:
        link.reset()
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()
        await echo.ended.wait()
        assert echo.broken == [ConnectionResetError]


async def test_a_forgotten_connection_is_broken_for_the_peer_alone(
    link: FaultyLink, echo: Echo
) -> None:
    async with Peer(link) as peer:
        link.forget()
        with pytest.raises(ConnectionResetError):
            await peer.reader.read()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await echo.ended.wait()


async def test_a_half_close_ends_one_direction(link: FaultyLink, echo: Echo) -> None:
    async with Peer(link) as peer:
        link.half_close()
        await echo.ended.wait()
        assert echo.broken == []
        assert await peer.reader.read() == b""


async def test_a_flip_falsifies_one_bit(link: FaultyLink) -> None:
    async with Peer(link) as peer:
        link.up.flip = 1
        came = await peer.sends(b"\0" * 8)
        assert sum(byte.bit_count() for byte in came) == 1
        assert await peer.sends(b"\0" * 8) == b"\0" * 8


async def test_a_server_that_is_not_there_is_a_reset(echo: Echo) -> None:
    async with FaultyLink("127.0.0.1", 1) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.transport.abort()
