"""A viewer's stream over gRPC that comes back by itself, and says when it is gone."""

import asyncio
from collections.abc import AsyncGenerator
from random import Random
from typing import Final

import grpc

from rpm_service.sdk.backoff import backoff_s
from rpm_service.sdk.channel import open_channel
from rpm_service.sdk.credentials import Credentials
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import monitoring_pb2_grpc

QUIET_S: Final = 5.0
"""A feed that has said nothing for so long is not monitoring."""
_FINAL: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class FeedRefused(Exception):
    """The server will not let this viewer in; trying again would not help."""


class Lost(Exception):
    """The feed has ended or fallen quiet; one line says why."""


async def frames(
    target: str, credentials: Credentials, subscribe: m.Subscribe, rng: Random
) -> AsyncGenerator[m.WatchResponse | Lost, None]:
    """Gives frames for ever; where the feed is lost, a Lost, and then goes on trying.

    Every return begins with a Snapshot. Raises FeedRefused.
    """
    attempt = 0
    while True:
        try:
            async for frame in _once(target, credentials, subscribe):
                attempt = 0
                yield frame
        except Lost as lost:
            yield lost
        await asyncio.sleep(backoff_s(attempt, rng))
        attempt += 1


async def _once(
    target: str, credentials: Credentials, subscribe: m.Subscribe
) -> AsyncGenerator[m.WatchResponse, None]:
    channel = open_channel(target, credentials)
    call = monitoring_pb2_grpc.MonitoringServiceStub(channel).Watch()
    arrived: asyncio.Queue[m.WatchResponse | Lost | FeedRefused] = asyncio.Queue()
    reader = asyncio.create_task(_read(call, arrived))
    try:
        await call.write(m.WatchRequest(subscribe=subscribe))
        while True:
            try:
                frame = await asyncio.wait_for(arrived.get(), QUIET_S)
            except TimeoutError:
                raise Lost(f"no frame for {QUIET_S:g} s") from None
            if isinstance(frame, Exception):
                raise frame
            yield frame
    except grpc.aio.AioRpcError as error:
        raise _reason(error) from None
    finally:
        # An abandoned call is never collected: the server would go on serving it.
        call.cancel()
        reader.cancel()
        await channel.close()


async def _read(
    call: "grpc.aio.StreamStreamCall[m.WatchRequest, m.WatchResponse]",
    arrived: "asyncio.Queue[m.WatchResponse | Lost | FeedRefused]",
) -> None:
    # A read under a time limit leaks in grpcio when it is cancelled; so one task reads on.
    try:
        async for frame in call:
            arrived.put_nowait(frame)
        arrived.put_nowait(Lost("the server ended the stream"))
    except grpc.aio.AioRpcError as error:
        arrived.put_nowait(_reason(error))


def _reason(error: grpc.aio.AioRpcError) -> Lost | FeedRefused:
    # What stands before these words holds for every failure.
    details = (error.details() or "").rpartition("last error: ")[2].removeprefix("UNKNOWN: ")
    text = f"{error.code().name}: {details}"
    return FeedRefused(text) if error.code() in _FINAL else Lost(text)
