"""The live socket: one viewer's binary protobuf frames over one WebSocket.

Three things go on at once. A reader hears what the viewer wants and that it lives, a writer
sends what the feed has, and the socket's own task looks twice a second whether the session
still holds and whether the viewer keeps up. Whichever ends first says goodbye.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from google.protobuf.message import DecodeError
from starlette.websockets import WebSocket, WebSocketDisconnect

from rpm_service.adapters.web.sessions import Session, Sessions
from rpm_service.application.access import Rights
from rpm_service.application.delivery import CONFIRM_MAX
from rpm_service.application.live import LeftOff
from rpm_service.application.monitoring import FeedClosed
from rpm_service.v1 import monitoring_pb2

FRAME_BYTES_MAX: Final = 64 * 1024
"""The longest WatchRequest; the WebSocket layer closes with 1009 beyond it."""
CLOSE_S_MAX: Final = 1.0
"""A goodbye that cannot be sent in this time is not sent."""
REASON_BYTES_MAX: Final = 123
"""RFC 6455, section 5.5: what a close frame has room for."""

# RFC 6455, section 7.4.1, and its registry.
UNSUPPORTED_DATA: Final = 1003
INVALID_DATA: Final = 1007
POLICY_VIOLATION: Final = 1008
SERVICE_RESTART: Final = 1012
NO_SESSION: Final = 4401
"""Our own: sign in again. After every other code a viewer connects again."""

SESSION_ENDED: Final = "the session has ended: sign in again"

_parse = monitoring_pb2.WatchRequest.FromString


class Feed(Protocol):
    """One viewer's way into the live ward."""

    def subscribe(
        self,
        beds: frozenset[str],
        units: frozenset[str],
        *,
        waveforms: bool,
        left_off: LeftOff | None = None,
    ) -> None:
        """Chooses what to see (empty: everything), from where it left off or whole."""
        ...

    def limit(self, rights: Rights) -> None:
        """The viewer may see something else from now on; a whole snapshot of it comes next."""
        ...

    def present(self, *, armed: bool, visible: bool) -> None:
        """Says whether the viewer can be heard and seen."""
        ...

    def confirm(self, events: Iterable[tuple[int, int]]) -> None:
        """Says which alarm events, by occurrence and event, have been presented."""
        ...

    async def next_frame(self) -> bytes:
        """Waits for the next whole WatchResponse. Raises FeedClosed after the last."""
        ...

    def close(self) -> None:
        """Forgets the viewer."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a live socket waits for its viewer, in seconds."""

    check_s: float = 0.5
    """A session that has ended, and a viewer that is late, are noticed in this time."""
    heard_s_max: float = 15.0
    """Viewers send a heartbeat at least every 5 s."""
    send_s_max: float = 10.0
    """A viewer that takes nothing for so long shows nothing either."""


@dataclass(frozen=True, slots=True)
class Goodbye:
    """How a live socket ends: a close code and why."""

    code: int
    reason: str


async def watch(
    websocket: WebSocket,
    session: Session,
    sessions: Sessions,
    open_feed: Callable[[str, Rights], Feed],
    patience: Patience,
) -> None:
    """Serves one viewer whose session the gate has found, until either side ends it."""
    feed = open_feed(session.user, session.rights)
    try:
        with sessions.watching(session, feed):
            await websocket.accept()
            viewer = _Viewer(websocket, feed, patience)
            goodbye = await viewer.watch(lambda: sessions.is_live(session))
    finally:
        feed.close()
    if goodbye is not None:
        await close(websocket, goodbye)


class Said:
    """What a viewer has said, carried to its feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._subscribed = False

    def take(self, request: monitoring_pb2.WatchRequest) -> Goodbye | None:
        """Does what one frame asks for; tells how to say goodbye to a viewer that may not."""
        frame = request.WhichOneof("frame")
        if frame is None:
            # A newer viewer says something that this server does not know yet.
            return None
        if frame == "subscribe":
            wanted = request.subscribe
            self._feed.subscribe(
                frozenset(wanted.beds),
                frozenset(wanted.units),
                waveforms=wanted.waveforms,
                left_off=LeftOff(wanted.run, wanted.revision),
            )
            self._subscribed = True
        elif not self._subscribed:
            return Goodbye(POLICY_VIOLATION, "subscribe first")
        elif frame == "presence":
            presence = request.presence
            self._feed.present(armed=presence.audio_armed, visible=presence.visible)
        elif frame == "confirm_delivery":
            events = request.confirm_delivery.events
            if len(events) > CONFIRM_MAX:
                return Goodbye(POLICY_VIOLATION, f"at most {CONFIRM_MAX} events confirmed at once")
            self._feed.confirm([(each.occurrence_id, each.event_seq) for each in events])
        return None


class Signs:
    """Signs of life of one viewer: when it was heard, and since when it takes nothing."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._now = asyncio.get_running_loop().time
        self._heard_at = self._now()
        self._sending_since: float | None = None

    def heard(self) -> None:
        """Something came from it."""
        self._heard_at = self._now()

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Holds for as long as one frame is being sent."""
        self._sending_since = self._now()
        try:
            yield
        finally:
            self._sending_since = None

    def lateness(self) -> Goodbye | None:
        """How to say goodbye to a viewer that shows nothing to anybody any more, if so."""
        now, patience = self._now(), self._patience
        if now - self._heard_at > patience.heard_s_max:
            return Goodbye(POLICY_VIOLATION, f"no heartbeat for {patience.heard_s_max:g} s")
        if self._sending_since is not None and now - self._sending_since > patience.send_s_max:
            return Goodbye(POLICY_VIOLATION, f"took no frame for {patience.send_s_max:g} s")
        return None


class _Viewer:
    def __init__(self, websocket: WebSocket, feed: Feed, patience: Patience) -> None:
        self._websocket = websocket
        self._feed = feed
        self._said = Said(feed)
        self._signs = Signs(patience)
        self._check_s = patience.check_s

    async def watch(self, is_signed_in: Callable[[], bool]) -> Goodbye | None:
        """Carries frames both ways; tells how to say goodbye, or None to a viewer that is gone."""
        reader = asyncio.create_task(self._read())
        writer = asyncio.create_task(self._write())
        both = {reader, writer}
        try:
            while True:
                await asyncio.wait(both, timeout=self._check_s, return_when=asyncio.FIRST_COMPLETED)
                for task in (reader, writer):
                    if task.done():
                        return task.result()
                if not is_signed_in():
                    return Goodbye(NO_SESSION, SESSION_ENDED)
                late = self._signs.lateness()
                if late is not None:
                    return late
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _read(self) -> Goodbye | None:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return None
            self._signs.heard()
            data = message.get("bytes")
            if data is None:
                return Goodbye(UNSUPPORTED_DATA, "text: frames are binary WatchRequests")
            wrong = self._hear(data)
            if wrong is not None:
                return wrong

    def _hear(self, data: bytes) -> Goodbye | None:
        try:
            request = _parse(data)
        except DecodeError:
            return Goodbye(INVALID_DATA, "not a WatchRequest")
        return self._said.take(request)

    async def _write(self) -> Goodbye | None:
        while True:
            try:
                frame = await self._feed.next_frame()
            except FeedClosed as closed:
                return Goodbye(SERVICE_RESTART, str(closed))
            with self._signs.taking():
                if not await _send(self._websocket, frame):
                    return None


async def _send(websocket: WebSocket, frame: bytes) -> bool:
    """Sends a frame; tells whether there was still somebody to send it to."""
    try:
        await websocket.send_bytes(frame)
    except (WebSocketDisconnect, RuntimeError):
        # RuntimeError is how uvicorn says that it has begun to close the connection itself, for
        # a frame that breaks the protocol; its disconnect message is on the way to the reader.
        return False
    return True


async def close(websocket: WebSocket, goodbye: Goodbye) -> None:
    """Says goodbye, to a viewer that may be gone already."""
    reason = goodbye.reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await websocket.close(goodbye.code, reason)
    except (TimeoutError, WebSocketDisconnect, RuntimeError):
        # It is gone, or takes nothing any more: the connection is dropped without a goodbye.
        return
