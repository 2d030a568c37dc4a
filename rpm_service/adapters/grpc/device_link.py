"""What one device is told: acknowledgements, limits, and why its stream ends."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import grpc

from rpm_service.adapters.grpc.convert import settings_of
from rpm_service.adapters.grpc.refusals import Context, cut
from rpm_service.application.bedside import Bedside
from rpm_service.application.numbering import Range
from rpm_service.v1 import telemetry_pb2

RECONNECT_AFTER_S: Final = 1.0
"""When a device should come back to a server that stops: it is most likely started again."""
COME_BACK_AFTER_S: Final = 0.1
WRITE_S_MAX: Final = 1.0
"""Once a stream is cut, what is being written to it need not be read any more."""
OUTBOX_MAX: Final = 1024
"""Answers that may wait for a device that does not read; then the stream is cut."""

_Response = telemetry_pb2.StreamTelemetryResponse


class DeviceLink:
    """What is to be sent to one device: written by one task, in order."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._outbox: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._cut: tuple[grpc.StatusCode, str] | None = None
        self._last: tuple[grpc.StatusCode, str] | None = None
        """How to end once everything has been sent."""
        self._limit: asyncio.Timeout | None = None
        """Of what is being written."""

    def send(self, response: telemetry_pb2.StreamTelemetryResponse) -> None:
        """Puts an answer into the outbox."""
        if len(self._outbox) >= OUTBOX_MAX:
            self.cut(grpc.StatusCode.RESOURCE_EXHAUSTED, "answers are not being read")
            return
        self._outbox.append(response.SerializeToString())
        self._news.set()

    def acknowledge(self, durable_through: int, beyond: Sequence[Range]) -> None:
        """Says what is on disk."""
        ack = telemetry_pb2.Ack(durable_through_seq=durable_through)
        ack.durable_beyond.extend(ranges_to_wire(beyond))
        self.send(_Response(ack=ack))

    def heartbeat(self, now: float) -> None:
        """Says that the server lives."""
        self.send(_Response(heartbeat=telemetry_pb2.ServerHeartbeat(server_clock=now)))

    def cover(self, mds: int, *, covered: bool) -> None:
        """Tells whether somebody can be called to a monitor."""
        self.send(_Response(coverage=telemetry_pb2.Coverage(mds=mds, covered=covered)))

    def show_limits(self, mds: int, bedside: Bedside) -> None:
        """Sends the alarm limits in force for a monitor."""
        self.send(_Response(settings=settings_of(mds, bedside)))

    def supersede(self) -> None:
        """Cuts the stream: a newer one has taken over."""
        self.cut(grpc.StatusCode.ABORTED, "superseded by a newer session of the same identity")

    def drain(self) -> None:
        """Says when to connect again, then ends the stream."""
        self.send(_Response(drain=telemetry_pb2.Drain(reconnect_after_s=RECONNECT_AFTER_S)))
        self._last = (grpc.StatusCode.UNAVAILABLE, "the server is stopping")

    def come_back(self) -> None:
        """Ends the stream; the next Welcome says what is missing."""
        self.send(_Response(drain=telemetry_pb2.Drain(reconnect_after_s=COME_BACK_AFTER_S)))
        self._last = (grpc.StatusCode.UNAVAILABLE, "send again what the disk did not take")

    def cut(self, code: grpc.StatusCode, reason: str) -> None:
        """Ends the stream with a status."""
        if self._cut is None:
            self._cut = (code, reason)
            self._news.set()
            if self._limit is not None:
                self._limit.reschedule(asyncio.get_running_loop().time() + WRITE_S_MAX)

    @property
    def is_cut(self) -> bool:
        """Whether the stream is to end with a status; nothing more is taken from it."""
        return self._cut is not None

    async def write(self) -> None:
        """Sends what is in the outbox until the stream is cut, then says why."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as self._limit:
                await self._send()
        self._limit = None
        assert self._cut is not None
        await cut(self._context, *self._cut)

    async def _send(self) -> None:
        while self._cut is None:
            if self._outbox:
                await self._context.write(self._outbox.popleft())
            elif self._last is not None:
                self._cut = self._last
            else:
                self._news.clear()
                await self._news.wait()


def ranges_to_wire(ranges: Sequence[Range]) -> list[telemetry_pb2.SeqRange]:
    """Ranges of sequence numbers."""
    return [telemetry_pb2.SeqRange(from_seq=begin, to_seq=end) for begin, end in ranges]
