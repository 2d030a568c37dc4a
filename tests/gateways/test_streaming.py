"""Devices that are played, against a server that does what the test says, on a fast clock."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from math import inf
from pathlib import Path

import grpc
import pytest

from rpm_service.adapters.pki import Role, ensure_client
from rpm_service.gateways import streaming
from rpm_service.gateways.streaming import BEHIND_S, Device, Streams, Unreachable
from rpm_service.sdk import Credentials, Monitor, Numeric, Observation, Refused, session
from rpm_service.v1 import telemetry_pb2
from tests.support.fake_telemetry import FakeTelemetry

RATE = 50.0
SERVER_CLOCK = 1_700_000_000.0
"""What the server says in Welcome."""
PATIENCE_S = 30.0


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeTelemetry]:
    # How long a Hello took on its way says something of the machine and nothing of the player.
    monkeypatch.setattr(session, "HELLO_S_MAX", inf)
    async with FakeTelemetry(certs) as fake:
        yield fake


def device(
    certs: Path, seconds: int | None = None, silence: tuple[float, float] | None = None
) -> Device:
    """An oximeter that counts: one value a second."""
    own = ensure_client(certs, Role.DEVICE, "oximeter-1")
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)

    def frames(begin: float) -> Iterator[Sequence[Observation]]:
        for second in count() if seconds is None else range(seconds):
            yield (Observation(begin + second, [float(second)]),)

    monitor = Monitor("oximeter-1", numerics=(Numeric(150456, 262688),))
    return Device(credentials, [monitor], frames, silence)


class Playing:
    """Streams that run beside the test."""

    def __init__(self, target: str, *devices: Device, clock_rate: float = RATE) -> None:
        self.told: list[str] = []
        self.stop = asyncio.Event()
        self.streams = Streams(
            target, devices, software="t", clock_rate=clock_rate, on_notice=self.told.append
        )

    @asynccontextmanager
    async def running(self, seconds: float | None = None) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.streams.run(seconds, self.stop))
        async with asyncio.timeout(PATIENCE_S):
            try:
                yield task
            finally:
                task.cancel()


@pytest.mark.spec("PLAY-6")
async def test_a_device_plays_from_when_it_is_connected_and_leaves_when_all_is_safe(
    server: FakeTelemetry, certs: Path
) -> None:
    playing = Playing(server.target, device(certs, seconds=5))
    async with playing.running() as task:
        session = await server.session()
        hello = await session.open()
        assert (hello.clock_rate, hello.device_clock, hello.software) == (RATE, 0.0, "t")
        entries = [frame.entries[0] for frame in await session.observations_of(1, 2, 3, 4, 5)]
        assert [entry.values[0] for entry in entries] == [0.0, 1.0, 2.0, 3.0, 4.0]
        begin = entries[0].observed_at
        assert SERVER_CLOCK - BEHIND_S <= begin < SERVER_CLOCK
        assert [entry.observed_at - begin for entry in entries] == [0.0, 1.0, 2.0, 3.0, 4.0]
        await session.ack(4)
        assert not task.done()
        await session.ack(5)
        goodbye = await session.frame("goodbye")
        assert goodbye.reason == telemetry_pb2.GOODBYE_REASON_SHUTDOWN
        session.end()
        await task
    assert (playing.streams.frames, playing.streams.acked) == (5, 5)
    assert playing.streams.position_s == 4.0
    assert playing.told == []


@pytest.mark.spec("PLAY-6")
async def test_a_device_that_has_said_everything_lives_until_it_is_acknowledged(
    server: FakeTelemetry, certs: Path
) -> None:
    playing = Playing(server.target, device(certs, seconds=1))
    async with playing.running() as task:
        session = await server.session()
        await session.open(heartbeat_interval_s=0.2)
        await session.observations_of(1)
        await session.frame("heartbeat")
        await session.ack(1)
        await session.acknowledge_until_goodbye()
        await task


@pytest.mark.spec("PLAY-6")
async def test_nothing_is_sent_before_it_is_due(server: FakeTelemetry, certs: Path) -> None:
    playing = Playing(server.target, device(certs, seconds=8))
    loop = asyncio.get_running_loop()
    async with playing.running():
        session = await server.session()
        # It plays from when it is welcome.
        welcome_at = loop.time()
        await session.open()
        await session.observations_of(1, 2, 3, 4, 5, 6, 7, 8)
        assert loop.time() - welcome_at >= (7.0 - BEHIND_S) / RATE


@pytest.mark.spec("PLAY-7")
async def test_a_given_time_is_kept_to_the_frame(server: FakeTelemetry, certs: Path) -> None:
    playing = Playing(server.target, device(certs))
    # In this time it has to connect, too.
    async with playing.running(seconds=100.0) as task:
        session = await server.session()
        await session.open()
        await session.observations_of(*range(1, 101))
        await session.ack(100)
        await session.frame("goodbye")
        session.end()
        await task
    assert playing.streams.frames == 100


@pytest.mark.spec("PLAY-7")
async def test_a_device_that_is_stopped_waits_for_its_acks_and_says_goodbye(
    server: FakeTelemetry, certs: Path
) -> None:
    playing = Playing(server.target, device(certs))
    async with playing.running() as task:
        session = await server.session()
        await session.open()
        await session.observations_of(1)
        playing.stop.set()
        await session.ack(1)
        rest = await session.acknowledge_until_goodbye()
        await task
    assert playing.streams.acked == playing.streams.frames == 1 + len(rest)


@pytest.mark.spec("PLAY-8")
async def test_a_server_that_comes_back_gets_everything_and_a_person_is_told_once(
    server: FakeTelemetry, certs: Path
) -> None:
    playing = Playing(server.target, device(certs, seconds=6))
    async with playing.running() as task:
        session = await server.session()
        await session.open()
        await session.observations_of(1, 2)
        await session.ack(1)
        await server.stop()
        await server.start()
        session = await server.session()
        await session.open(resume_from_seq=2)
        frames = await session.observations_of(2, 3, 4, 5, 6)
        assert [frame.entries[0].values[0] for frame in frames] == [1.0, 2.0, 3.0, 4.0, 5.0]
        await session.ack(6)
        await session.frame("goodbye")
        session.end()
        await task
    assert playing.streams.acked == playing.streams.frames == 6
    lost, back = playing.told
    assert lost.endswith("trying again")
    assert back == f"{server.target}: connected"


@pytest.mark.spec("PLAY-8")
async def test_a_server_that_is_never_there_is_said_so_in_the_given_time(certs: Path) -> None:
    playing = Playing("localhost:1", device(certs))
    with pytest.raises(Unreachable, match=r"localhost:1 cannot be reached: .*refused"):
        await playing.streams.run(seconds=2.0 * RATE)
    assert len(playing.told) == 1
    assert playing.streams.frames == 0


@pytest.mark.spec("PLAY-8")
async def test_a_server_that_was_never_there_does_not_keep_a_stopped_device(certs: Path) -> None:
    playing = Playing("localhost:1", device(certs))
    playing.stop.set()
    await playing.streams.run(None, playing.stop)


@pytest.mark.spec("PLAY-8")
async def test_frames_that_are_never_acknowledged_are_not_waited_for_for_ever(
    server: FakeTelemetry, certs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "DRAIN_S", 0.1)
    playing = Playing(server.target, device(certs, seconds=2))
    async with playing.running() as task:
        session = await server.session()
        await session.open()
        await session.observations_of(1, 2)
        await session.ack(1)
        await task
    assert (playing.streams.frames, playing.streams.acked) == (2, 1)


@pytest.mark.spec("PLAY-9")
async def test_a_certificate_that_is_refused_ends_all(server: FakeTelemetry, certs: Path) -> None:
    playing = Playing(server.target, device(certs), device(certs))
    async with playing.running() as task:
        await (await server.session()).refuse(grpc.StatusCode.PERMISSION_DENIED, "not of this ward")
        with pytest.raises(Refused, match="not of this ward"):
            await task


@pytest.mark.spec("PLAY-9")
async def test_a_refused_value_is_counted_and_told_once(server: FakeTelemetry, certs: Path) -> None:
    playing = Playing(server.target, device(certs, seconds=3))
    async with playing.running() as task:
        session = await server.session()
        await session.open()
        for seq, field in ((1, "values[0]"), (2, "observations.entries[0].values[0]")):
            await session.observations_of(seq)
            refusal = telemetry_pb2.Refusal(seq=seq, field=field, reason="no SpO2")
            await session.say(refusal=refusal)
        await session.observations_of(3)
        await session.ack(3)
        await session.frame("goodbye")
        session.end()
        await task
    assert (playing.streams.refused, playing.streams.acked) == (2, 2), "of one, the rest is safe"
    assert playing.told == ["the server refused values[0]: no SpO2"]


@pytest.mark.spec("PLAY-10")
async def test_in_its_silence_a_device_does_not_even_say_that_it_lives(
    server: FakeTelemetry, certs: Path
) -> None:
    playing = Playing(server.target, device(certs, seconds=30, silence=(3.0, 23.0)))
    loop = asyncio.get_running_loop()
    async with playing.running():
        session = await server.session()
        welcome_at = loop.time()
        await session.open(heartbeat_interval_s=2.0 / RATE)
        await session.observations_of(1, 2, 3, 4)
        assert loop.time() - welcome_at >= (23.0 - BEHIND_S) / RATE
        await session.observations_of(*range(5, 31))


async def test_a_device_in_its_silence_can_be_stopped(server: FakeTelemetry, certs: Path) -> None:
    playing = Playing(server.target, device(certs, silence=(1.0, 1e6)))
    async with playing.running() as task:
        session = await server.session()
        await session.open()
        await session.observations_of(1)
        while playing.streams.frames < 3:
            await session.ack(1)
        playing.stop.set()
        rest = await session.acknowledge_until_goodbye()
        await task
    assert len(rest) >= 2
