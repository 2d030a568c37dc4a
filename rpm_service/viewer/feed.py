"""A viewer's stream over gRPC that comes back by itself, and says when it is gone."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
from random import Random
from typing import Final

import grpc

from rpm_service.sdk.backoff import backoff_s
from rpm_service.sdk.channel import open_channel
from rpm_service.sdk.credentials import Credentials
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import monitoring_pb2_grpc

QUIET_S: Final = 4.5
"""A feed that has said nothing for so long is not monitoring: that is said within 5 s."""
CONFIRM_MAX: Final = 256
"""Alarm events that one frame may confirm."""
_FINAL: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class FeedRefused(Exception):
    """The server will not let this viewer in; trying again would not help."""


class Lost(Exception):
    """The feed has ended or fallen quiet; one line says why."""


class Replies:
    """What a viewer says back on its stream: whether it can call somebody, and what it has shown.

    What was said on a stream that is lost is not said again: the next begins with a Snapshot.
    """

    def __init__(self, *, armed: bool = False) -> None:
        self._presence = m.WatchRequest(presence=m.ViewerPresence(audio_armed=armed, visible=True))
        self._waiting: deque[m.WatchRequest] = deque()
        self._news = asyncio.Event()

    def confirm(self, events: Iterable[a.AlarmEvent]) -> None:
        """These have been presented."""
        ids = [
            m.AlarmEventId(occurrence_id=each.occurrence_id, event_seq=each.event_seq)
            for each in events
        ]
        for begin in range(0, len(ids), CONFIRM_MAX):
            some = m.ConfirmDelivery(events=ids[begin : begin + CONFIRM_MAX])
            self._waiting.append(m.WatchRequest(confirm_delivery=some))
        self._news.set()

    def begin(self) -> None:
        """A stream begins."""
        self._waiting.clear()
        self._waiting.append(self._presence)

    async def next(self) -> m.WatchRequest:
        """Waits for the next frame to be said."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()


async def frames(
    target: str,
    credentials: Credentials,
    subscribe: m.Subscribe,
    rng: Random,
    replies: Replies | None = None,
) -> AsyncGenerator[m.WatchResponse | Lost, None]:
    """Gives frames for ever; where the feed is lost, a Lost, and then goes on trying.

    Every return begins with a Snapshot. A viewer without `replies` is a program that calls
    nobody: it confirms nothing and covers no bed. Raises FeedRefused.
    """
    attempt = 0
    while True:
        try:
            async for frame in _once(target, credentials, subscribe, replies):
                attempt = 0
                yield frame
        except Lost as lost:
            yield lost
        await asyncio.sleep(backoff_s(attempt, rng))
        attempt += 1


async def _once(
    target: str, credentials: Credentials, subscribe: m.Subscribe, replies: Replies | None
) -> AsyncGenerator[m.WatchResponse, None]:
    channel = open_channel(target, credentials)
    call = monitoring_pb2_grpc.MonitoringServiceStub(channel).Watch()
    arrived: asyncio.Queue[m.WatchResponse | Lost | FeedRefused] = asyncio.Queue()
    tasks = [asyncio.create_task(_read(call, arrived))]
    try:
        await call.write(m.WatchRequest(subscribe=subscribe))
        if replies is not None:
            replies.begin()
            tasks.append(asyncio.create_task(_write(call, replies)))
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
        for task in tasks:
            task.cancel()
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


async def _write(
    call: "grpc.aio.StreamStreamCall[m.WatchRequest, m.WatchResponse]", replies: Replies
) -> None:
    # Once the call has ended a write fails; why it has, the reader is told.
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        while True:
            await call.write(await replies.next())


def _reason(error: grpc.aio.AioRpcError) -> Lost | FeedRefused:
    # What stands before these words holds for every failure.
    details = (error.details() or "").rpartition("last error: ")[2].removeprefix("UNKNOWN: ")
    text = f"{error.code().name}: {details}"
    return FeedRefused(text) if error.code() in _FINAL else Lost(text)
