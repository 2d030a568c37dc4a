"""The live feed over Socket.IO, for programs that have such a client: namespace `/monitoring`.

Each connection gets a Socket.IO server of its own from the library: nothing that one leaves
behind reaches another, and all of it goes with the connection. What the library reads and sends
passes through here: frames are bounded, packets that it would keep are refused, and what waits
for a program that takes nothing is cut off, which the library alone would wait for forever.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final

import socketio
from engineio.packet import CLOSE, MESSAGE, PONG
from engineio.packet import Packet as Envelope
from fastapi import FastAPI, WebSocket
from google.protobuf.json_format import ParseDict, ParseError
from socketio.packet import CONNECT, DISCONNECT, EVENT, Packet
from starlette.responses import Response
from starlette.types import Message

from rpm_service.adapters.web.as_json import as_json, closing
from rpm_service.adapters.web.gate import refusal, session_of
from rpm_service.adapters.web.live_socket import (
    CLOSE_S_MAX,
    FRAME_BYTES_MAX,
    INVALID_DATA,
    NO_SESSION,
    POLICY_VIOLATION,
    SERVICE_RESTART,
    SESSION_ENDED,
    UNSUPPORTED_DATA,
    Feed,
    Goodbye,
    Patience,
    Said,
    Signs,
    close,
)
from rpm_service.adapters.web.sessions import SOCKETS_MAX, Sessions
from rpm_service.application.access import Rights
from rpm_service.application.monitoring import FeedClosed
from rpm_service.v1 import monitoring_pb2

PATH: Final = "/socket.io/"
"""Where every Socket.IO client looks."""
NAMESPACE: Final = "/monitoring"
HEARD: Final = ("subscribe", "presence", "confirm_delivery")
"""Events that a program sends, each with the message of that name in WatchRequest, as JSON."""
PACKETS_MAX: Final = 2
"""Packets that wait in the library: what is queued is old when it is read."""
PING_S: Final = 5
"""The library's heartbeat, which clients answer by themselves: in time for Patience."""
PONG_S_MAX: Final = 10
REASON_CHARS_MAX: Final = 200
HOW: Final = 'Socket.IO comes by WebSocket alone: transports=["websocket"], EIO=4'

_library_log = logging.getLogger(f"{__name__}.library")
# It logs every packet, with what is in it, at the levels below.
_library_log.setLevel(logging.ERROR)
_GONE: Final[Message] = {"type": "websocket.disconnect", "code": 1005}


def add_socket_io(
    app: FastAPI, sessions: Sessions, open_feed: Callable[[str, Rights], Feed], patience: Patience
) -> None:
    """Adds the route."""

    @app.get(PATH, include_in_schema=False)
    async def polled() -> Response:
        return refusal(400, HOW)

    @app.websocket(PATH)
    async def socket_io(websocket: WebSocket) -> None:
        query, session = websocket.query_params, session_of(websocket)
        if (query.get("EIO"), query.get("transport"), "sid" in query) != ("4", "websocket", False):
            await websocket.send_denial_response(refusal(400, HOW))
            return
        if len(session.feeds) >= SOCKETS_MAX:
            reason = f"{SOCKETS_MAX} pages or programs of this session listen already"
            await websocket.send_denial_response(refusal(429, reason))
            return
        feed = open_feed(session.user, session.rights)
        try:
            with sessions.watching(session, feed):
                program = _Program(websocket, feed, patience)
                goodbye = await program.serve(lambda: sessions.is_live(session))
        finally:
            feed.close()
        if goodbye is not None:
            await _say(websocket, goodbye)


async def _say(websocket: WebSocket, goodbye: Goodbye) -> None:
    """Says why, and then ends; a client that is told to leave does not come back by itself."""
    texts = [_event("closing", closing(goodbye.reason).data)]
    if goodbye.code != SERVICE_RESTART:
        texts.append(f"{DISCONNECT}{NAMESPACE},")
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            for text in texts:
                await websocket.send_text(f"{MESSAGE}{text}")
    except (TimeoutError, RuntimeError):
        # RuntimeError, and WebSocketDisconnect which is one to nobody, as in `live_socket`.
        return
    await close(websocket, goodbye)


def _event(name: str, data: str) -> str:
    """An event whose data is JSON already: nothing is encoded once more for each listener."""
    return f'{EVENT}{NAMESPACE},["{name}",{data}]'


class _Packets(asyncio.Queue[Envelope | None]):
    """What waits to be sent. Its end (None) always finds room, and nothing comes after it."""

    def __init__(self) -> None:
        super().__init__(PACKETS_MAX)
        self._has_ended = False

    def full(self) -> bool:
        return super().full() and not self._has_ended

    async def put(self, item: Envelope | None) -> None:
        if not self._has_ended:
            self._has_ended = item is None
            await super().put(item)


class _Program:
    """One connection: the library between our feed and our WebSocket."""

    def __init__(self, websocket: WebSocket, feed: Feed, patience: Patience) -> None:
        self._websocket = websocket
        self._feed = feed
        self._said = Said(feed)
        self._signs = Signs(patience)
        self._check_s = patience.check_s
        self._packets = _Packets()
        self._in_background: set[asyncio.Task[None]] = set()
        self._sending: asyncio.Future[None] | None = None
        self._is_connected = False
        self._goodbye: Goodbye | None = None
        self._ending = asyncio.Event()
        self._is_over = False

    async def serve(self, is_signed_in: Callable[[], bool]) -> Goodbye | None:
        """Carries events both ways; tells how to say goodbye, or None to one that is gone."""
        scope = {**self._websocket.scope, "query_string": b"EIO=4&transport=websocket"}
        library = asyncio.create_task(
            self._library().handle_request(scope, self._receive, self._send)
        )
        writer = asyncio.create_task(self._write())
        ending = asyncio.create_task(self._ending.wait())
        waiting: set[asyncio.Task[Any]] = {library, writer, ending}
        try:
            while not library.done() and not ending.done():
                done, waiting = await asyncio.wait(
                    waiting, timeout=self._check_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    task.result()
                if not is_signed_in():
                    return Goodbye(NO_SESSION, SESSION_ENDED)
                late = self._signs.lateness()
                if late is not None:
                    return late
            return self._goodbye
        finally:
            await self._stop(library, writer, ending)

    async def _stop(self, *tasks: asyncio.Task[Any]) -> None:
        # The library swallows being cancelled: it also hears that nobody is there any more.
        self._is_over = True
        await self._packets.put(None)
        if self._sending is not None:
            self._sending.cancel()
        for task in (*tasks, *self._in_background):
            task.cancel()
        await asyncio.gather(*tasks, *self._in_background, return_exceptions=True)

    def _library(self) -> Any:
        server = socketio.AsyncServer(
            async_mode="asgi",
            namespaces=[NAMESPACE],
            transports=["websocket"],
            # The gate has looked at the origin.
            cors_allowed_origins=[],
            # What a program says is heard in order.
            async_handlers=False,
            monitor_clients=False,
            ping_interval=PING_S,
            ping_timeout=PONG_S_MAX,
            max_http_buffer_size=FRAME_BYTES_MAX,
            logger=_library_log,
            engineio_logger=_library_log,
        )
        server.eio.create_queue = lambda: self._packets
        server.eio.start_background_task = self._start
        for name in HEARD:
            server.on(name, partial(self._hear, name), NAMESPACE)
        return server

    def _start(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> Any:
        task = asyncio.create_task(work(*args))
        self._in_background.add(task)
        task.add_done_callback(self._in_background.discard)
        return task

    def _end(self, goodbye: Goodbye) -> None:
        self._goodbye = self._goodbye or goodbye
        self._ending.set()

    # -- from the program ---------------------------------------------------------------

    async def _receive(self) -> Message:
        if self._is_over:
            return _GONE
        message = await self._websocket.receive()
        if message["type"] != "websocket.receive":
            return message
        self._signs.heard()
        wrong = self._wrong(message.get("text"))
        if wrong is not None:
            self._end(wrong)
            return _GONE
        return _GONE if _is_farewell(message["text"]) else message

    def _wrong(self, text: str | None) -> Goodbye | None:
        """Refuses what the library would choke on, or keep without bound."""
        if text is None:
            return Goodbye(UNSUPPORTED_DATA, "bytes: events are JSON")
        if text[:1] in {str(CLOSE), str(PONG)}:
            return None
        try:
            packet = Packet(encoded_packet=text[1:])
        except (ValueError, RecursionError):
            return Goodbye(INVALID_DATA, "not a Socket.IO packet")
        is_spoken = packet.packet_type in {CONNECT, DISCONNECT, EVENT}
        if not (is_spoken and text[:1] == str(MESSAGE)):
            return Goodbye(UNSUPPORTED_DATA, "a packet of a kind that is not spoken here")
        if packet.packet_type == EVENT and not _is_event(packet.data):
            return Goodbye(INVALID_DATA, "an event is a list that begins with its name")
        return self._connect() if _is_connect(packet) else None

    def _connect(self) -> Goodbye | None:
        if self._is_connected:
            return Goodbye(POLICY_VIOLATION, "connected already")
        self._is_connected = True
        return None

    async def _hear(self, name: str, _sid: str, *args: Any) -> None:
        message = args[0] if args else {}
        try:
            if not isinstance(message, dict):
                raise ParseError("its data is one JSON object")
            request = ParseDict({name: message}, monitoring_pb2.WatchRequest())
        except ParseError as error:
            self._end(Goodbye(INVALID_DATA, f"{name}: {error}"[:REASON_CHARS_MAX]))
            return
        wrong = self._said.take(request)
        if wrong is not None:
            self._end(wrong)

    # -- to the program -----------------------------------------------------------------

    async def _write(self) -> None:
        while True:
            try:
                frame = await as_json(await self._feed.next_frame())
            except FeedClosed as closed:
                self._goodbye = Goodbye(SERVICE_RESTART, str(closed))
                # What waits is still sent; then the library closes.
                await self._packets.put(None)
                return
            if frame.kind != "closing":
                await self._packets.put(Envelope(MESSAGE, _event(frame.kind, frame.data)))

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.close":
            # The goodbye is ours to say.
            self._ending.set()
            return
        if self._is_over:
            raise ConnectionAbortedError
        with self._signs.taking():
            self._sending = asyncio.ensure_future(self._websocket.send(message))
            await self._sending


def _is_farewell(text: str) -> bool:
    return text.startswith((str(CLOSE), f"{MESSAGE}{DISCONNECT}{NAMESPACE}"))


def _is_connect(packet: Packet) -> bool:
    return (packet.packet_type, packet.namespace) == (CONNECT, NAMESPACE)


def _is_event(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], str)
