"""The client without an event loop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

from rpm_service.sdk import (
    AlarmPriority,
    BlockingTelemetryClient,
    Credentials,
    DiskSpool,
    GoodbyeReason,
    Monitor,
    Observation,
    SpoolUnusable,
    State,
)
from tests.support.fake_telemetry import FakeTelemetry

PATIENCE_S = 30.0
T = TypeVar("T")


async def elsewhere(act: Callable[[], T]) -> T:
    """As a program that has no event loop would: from a thread of its own."""
    return await asyncio.to_thread(act)


@asynccontextmanager
async def entered(client: BlockingTelemetryClient) -> AsyncIterator[BlockingTelemetryClient]:
    await elsewhere(client.__enter__)
    yield client
    await elsewhere(lambda: client.__exit__(None, None, None))


@pytest.mark.spec("SDK-23")
async def test_a_program_without_an_event_loop_streams(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with entered(
        BlockingTelemetryClient(server.target, credentials, [monitor], software="t")
    ) as client:
        assert await elsewhere(lambda: client.observe([98.0, 72.0], observed_at=5.0)) == 1
        assert await elsewhere(lambda: client.observe_many([Observation(6.0, [97.0, 71.0])])) == 2
        assert await elsewhere(lambda: client.raise_alarm("BATTERY", AlarmPriority.LOW)) == 3
        assert await elsewhere(lambda: client.end_alarm("BATTERY")) == 4
        with pytest.raises(ValueError, match="3 values for 2 numerics"):
            await elsewhere(lambda: client.observe([1.0, 2.0, 3.0]))
        session = await server.session()
        assert (await session.open()).software == "t"
        frames = await session.observations_of(1, 2)
        assert [list(frame.entries[0].values) for frame in frames] == [[98.0, 72.0], [97.0, 71.0]]
        await elsewhere(lambda: client.connected(PATIENCE_S))
        assert client.state is State.STREAMING
        with pytest.raises(TimeoutError):
            await elsewhere(lambda: client.drained(0.01))
        for _ in range(2):
            await session.frame("device_alarm")
        await session.ack(4)
        await elsewhere(lambda: client.drained(PATIENCE_S))
        assert (client.counters.frames_acked, await elsewhere(lambda: client.pending)) == (4, 0)
        leaving = asyncio.create_task(elsewhere(lambda: client.goodbye(GoodbyeReason.SHUTDOWN)))
        await session.frame("goodbye")
        session.end()
        assert await leaving


@pytest.mark.spec("SDK-23")
async def test_threads_observe_at_once_and_each_frame_has_its_number(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor
) -> None:
    async with entered(BlockingTelemetryClient(server.target, credentials, [monitor])) as client:
        numbers: list[int] = []
        threads = [
            Thread(target=lambda: numbers.extend(client.observe([1.0, 2.0]) for _ in range(50)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert sorted(numbers) == list(range(1, 201))


@pytest.mark.spec("SDK-23")
async def test_what_cannot_begin_leaves_no_thread(
    server: FakeTelemetry, credentials: Credentials, monitor: Monitor, tmp_path: Path
) -> None:
    spool = DiskSpool(tmp_path / "spool")
    with pytest.raises(SpoolUnusable):
        BlockingTelemetryClient(
            server.target, credentials, [monitor], spool=DiskSpool(tmp_path / "spool")
        )
    spool.close()
    client = BlockingTelemetryClient(server.target, credentials, [monitor], nonsense=True)
    with pytest.raises(TypeError, match="nonsense"):
        await elsewhere(client.__enter__)
    assert not client._thread.is_alive()
