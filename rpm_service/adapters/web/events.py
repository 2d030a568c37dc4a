"""The live feed as server-sent events, for those who have an SSE client or curl.

One event for each frame of the feed, named for its kind, with the message as JSON and an id that
says where a listener is: a client that connects again sends the last one by itself and goes on
from there. A listener cannot act, confirm or cover: whoever calls people has a live socket.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from rpm_service.adapters.web.as_json import JsonFrame, as_json, closing
from rpm_service.adapters.web.gate import refusal, session_of
from rpm_service.adapters.web.live_socket import SESSION_ENDED, Feed, Patience
from rpm_service.adapters.web.sessions import SOCKETS_MAX, Session, Sessions
from rpm_service.application.access import Rights
from rpm_service.application.live import LeftOff
from rpm_service.application.monitoring import FeedClosed

RETRY_MS: Final = 1000
"""After so long a client whose connection has dropped connects again."""
ID_MAX: Final = 64
"""Characters of an id; a longer one is none of ours."""


def add_events(
    app: FastAPI, sessions: Sessions, open_feed: Callable[[str, Rights], Feed], patience: Patience
) -> None:
    """Adds the route."""

    @app.get("/v1/events", response_class=Response)
    async def events(
        request: Request, beds: str = "", units: str = "", waveforms: bool = False
    ) -> Response:
        """Streams the ward as server-sent events, until either side ends it.

        `beds` and `units` are lists with commas; empty: all. Each event is named for its kind
        (snapshot, delta, progress, closing); `progress` comes at least every second.
        """
        session = session_of(request)
        if len(session.feeds) >= SOCKETS_MAX:
            return refusal(429, f"{SOCKETS_MAX} pages or programs of this session listen already")
        feed = open_feed(session.user, session.rights)
        left_off = parse_id(request.headers.get("last-event-id", ""))
        feed.subscribe(_names(beds), _names(units), waveforms=waveforms, left_off=left_off)
        return Events(feed, session, sessions, patience, "" if left_off is None else left_off.run)


def parse_id(text: str) -> LeftOff | None:
    """Reads `<run>-<revision>`; what is none of ours brings a snapshot."""
    run, _, digits = text.rpartition("-")
    if not run or len(text) > ID_MAX or not (digits.isascii() and digits.isdecimal()):
        return None
    return LeftOff(run, int(digits))


def event(frame: JsonFrame, run: str) -> bytes:
    """One event. JSON in one line has no line ends, which would end a data line."""
    # A goodbye is nowhere to go on from: the id before it stands.
    where = f"id: {run}-{frame.revision}\n" if run and frame.kind != "closing" else ""
    return f"event: {frame.kind}\n{where}data: {frame.data}\n\n".encode()


def _names(text: str) -> frozenset[str]:
    return frozenset(filter(None, text.split(",")))


class Events(Response):
    """A response that goes on for as long as both sides want it."""

    def __init__(
        self, feed: Feed, session: Session, sessions: Sessions, patience: Patience, run: str
    ) -> None:
        super().__init__(media_type="text/event-stream")
        del self.headers["content-length"]
        self._feed = feed
        self._session = session
        self._sessions = sessions
        self._patience = patience
        self._run = run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the events. One that takes nothing is dropped by its connection (`server`)."""
        assert scope["type"] == "http"
        try:
            with self._sessions.watching(self._session, self._feed):
                await self._stream(receive, send)
        finally:
            self._feed.close()

    async def _stream(self, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await self._say(send, f"retry: {RETRY_MS}\n\n".encode())
        goodbye = await self._until_either((self._write(send), _gone(receive)))
        if goodbye is not None:
            await self._say(send, event(goodbye, ""))
            await send({"type": "http.response.body", "body": b""})

    async def _until_either(
        self, sides: Iterable[Coroutine[Any, Any, JsonFrame | None]]
    ) -> JsonFrame | None:
        """Waits for the end: what is still to be said, or None to one that is gone."""
        tasks = [asyncio.create_task(side) for side in sides]
        try:
            while self._sessions.is_live(self._session):
                done, _ = await asyncio.wait(
                    tasks, timeout=self._patience.check_s, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    return task.result()
            return closing(SESSION_ENDED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _write(self, send: Send) -> JsonFrame | None:
        last: JsonFrame | None = None
        while True:
            try:
                frame = await as_json(await self._feed.next_frame())
            except FeedClosed:
                # Its last frame has said why; it is still held back here.
                return last
            if frame.kind == "closing":
                last = frame
                continue
            self._run = frame.run or self._run
            await self._say(send, event(frame, self._run))

    async def _say(self, send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
