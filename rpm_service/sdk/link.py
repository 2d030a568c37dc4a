"""Carries a session over the network: connects, writes, reads, and connects again.

One task writes and, per connection, one reads; no more than one of each ever touches a call.
Whatever may take long has its deadline in the session, and a missed deadline cancels the call.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import grpc
import grpc.aio

from rpm_service.sdk.backoff import backoff_s
from rpm_service.sdk.channel import open_channel, open_stream
from rpm_service.sdk.credentials import Credentials
from rpm_service.sdk.errors import ProtocolViolated, Refused
from rpm_service.sdk.notices import Coverage, Refusal, Settings
from rpm_service.sdk.session import Session
from rpm_service.v1.telemetry_pb2 import StreamTelemetryResponse

if TYPE_CHECKING:
    from rpm_service.sdk.channel import Call

STEADY_S = 5.0
"""A connection that lasted this long starts the back-off anew."""
CHECK_S_MIN = 0.05
"""Shortest time between two looks at a deadline that has passed."""

_PERMANENT = frozenset(
    {
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_PERMANENT_BEFORE_WELCOME = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION}
)


@dataclass(frozen=True, slots=True)
class Callbacks:
    """What a device's program wants to be told; called in the event loop."""

    refusal: Callable[[Refusal], None] | None = None
    settings: Callable[[Settings], None] | None = None
    coverage: Callable[[Coverage], None] | None = None
    connected: Callable[[], None] | None = None
    disconnected: Callable[[str], None] | None = None


class Link:
    """Connects one session to one server for as long as `run` runs."""

    def __init__(
        self,
        target: str,
        credentials: Credentials,
        session: Session,
        *,
        clock: Callable[[], float],
        callbacks: Callbacks,
        rng: Random,
    ) -> None:
        self.connected = asyncio.Event()
        """Set by the first Welcome."""
        self.drained = asyncio.Event()
        """Set while nothing waits for an acknowledgement."""
        self.drained.set()
        self._target = target
        self._credentials = credentials
        self._session = session
        self._clock = clock
        self._callbacks = callbacks
        self._rng = rng
        self._now = asyncio.get_running_loop().time
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._given_up = False
        """Whether the server was silent for too long on the connection there is."""

    def wake(self) -> None:
        """Makes the writer look at the session again, which has something new to say."""
        if not self._session.drained:
            self.drained.clear()
        self._wake.set()

    async def run(self) -> None:
        """Serves the session until it has said goodbye.

        Raises Refused where the server will never take this device, and whatever a
        callback raises.
        """
        attempt = 0
        while True:
            began = self._now()
            code, details = await self._connection()
            if self._session.said_goodbye and code is grpc.StatusCode.OK:
                return
            if self._callbacks.disconnected is not None:
                self._callbacks.disconnected(f"{code.name}: {details}")
            if self._now() - began >= STEADY_S:
                attempt = 0
            wait_s = backoff_s(attempt, self._rng) + (self._session.reconnect_after_s or 0.0)
            attempt += 1
            await asyncio.sleep(wait_s)

    async def _connection(self) -> tuple[grpc.StatusCode, str]:
        """Holds one connection from beginning to end; returns how it ended."""
        welcomes = self._session.counters.connects
        async with open_channel(self._target, self._credentials) as channel:
            call = open_stream(channel)
            self._session.connected(self._now())
            reader = asyncio.create_task(self._read(call), name="telemetry reader")
            reader.add_done_callback(lambda _: self._wake.set())
            self._given_up = False
            self._watch_deadline(call)
            try:
                await self._write(call, reader)
                await asyncio.wait({reader})
            finally:
                # A call that is left alone is never collected. A cancelled one ends its
                # reader, which must not itself be cancelled in the middle of a read.
                if self._timer is not None:
                    self._timer.cancel()
                    self._timer = None
                call.cancel()
                await asyncio.wait({reader})
                self._session.disconnected()
            failure = None if reader.cancelled() else reader.exception()
            if isinstance(failure, ProtocolViolated):
                return grpc.StatusCode.INTERNAL, f"the server broke the contract: {failure}"
            if failure is not None:
                raise failure
            if self._given_up:
                return grpc.StatusCode.DEADLINE_EXCEEDED, "the server said nothing for too long"
            code, details = await call.code(), await call.details()
        welcomed = self._session.counters.connects > welcomes
        if code in _PERMANENT or (not welcomed and code in _PERMANENT_BEFORE_WELCOME):
            raise Refused(code.name, details or "no reason given")
        return code, details or ""

    async def _write(self, call: "Call", reader: asyncio.Task[None]) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            # Hello states the device's clock, so it is made when it can leave.
            await call.wait_for_connection()
            while not reader.done():
                self._wake.clear()
                frame = self._session.next_frame(self._now(), self._clock())
                if frame is not None:
                    await call.write(frame)
                elif self._session.over:
                    await call.done_writing()
                    return
                else:
                    await self._wake.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # A write fails once the call has ended; why it has, the call itself knows.
            return
        except asyncio.CancelledError:
            # Raised here too when a missed deadline has cancelled the call alone.
            if task.cancelling():
                raise

    async def _read(self, call: "Call") -> None:
        with suppress(grpc.aio.AioRpcError):
            while isinstance(response := await call.read(), StreamTelemetryResponse):
                self._received(response)
                self._watch_deadline(call)

    def _received(self, response: StreamTelemetryResponse) -> None:
        notice = self._session.receive(response, self._now())
        if self._session.drained:
            self.drained.set()
        if response.HasField("welcome"):
            self.connected.set()
            if self._callbacks.connected is not None:
                self._callbacks.connected()
        match notice:
            case Refusal() if self._callbacks.refusal is not None:
                self._callbacks.refusal(notice)
            case Settings() if self._callbacks.settings is not None:
                self._callbacks.settings(notice)
            case Coverage() if self._callbacks.coverage is not None:
                self._callbacks.coverage(notice)
            case _:
                pass
        self._wake.set()

    def _watch_deadline(self, call: "Call", not_before: float = 0.0) -> None:
        """Looks at the session again when its deadline comes.

        One timer serves a connection: a deadline that moved away is noticed when the timer
        fires, so that a frame costs none.
        """
        at = max(self._session.deadline(), not_before)
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(at, self._deadline, call)

    def _deadline(self, call: "Call") -> None:
        self._timer = None
        now = self._now()
        if self._session.overdue(now):
            self._given_up = True
            call.cancel()
            return
        self._wake.set()
        self._watch_deadline(call, now + CHECK_S_MIN)
