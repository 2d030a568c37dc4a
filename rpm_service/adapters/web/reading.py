"""Long reads and their turns: few at once, off the event loop, so that alarms never wait for one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from rpm_service.adapters.web.gate import refusal

RUNNING_MAX: Final = 2
"""Reads under way at once: each is a thread that shares the interpreter with the alarms."""
WAITING_MAX: Final = 32
"""Reads that wait for their turn."""
WAIT_S_MAX: Final = 5.0
EXPORTS_MAX: Final = 2
"""Exports under way at once, each to a client that may read slowly."""
EXPORT_S_MAX: Final = 300.0
BUSY: Final = "too much is being read at the moment; ask again in a few seconds"

_log = logging.getLogger(__name__)
T = TypeVar("T")


class TooBusy(Exception):
    """A read would have to wait too long for its turn."""


class ReadingRoom:
    """Gives reads their turns."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RUNNING_MAX, "reading")
        self._turns = asyncio.Semaphore(RUNNING_MAX)
        self._exporters = ThreadPoolExecutor(EXPORTS_MAX, "exporting")
        self._exports = asyncio.Semaphore(EXPORTS_MAX)
        self._waiting = 0

    async def read(self, work: Callable[[], T]) -> T:
        """Carries out work in a thread of its own, when its turn has come. Raises TooBusy."""
        async with self._turn(self._turns):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def read_on(self, work: Callable[[], T]) -> T:
        """Carries out a part of an export whose turn it is already (see `exporting`)."""
        return await asyncio.get_running_loop().run_in_executor(self._exporters, work)

    @asynccontextmanager
    async def exporting(self) -> AsyncIterator[None]:
        """Holds one of the turns of exports. Raises TooBusy."""
        async with self._turn(self._exports):
            yield

    @asynccontextmanager
    async def _turn(self, turns: asyncio.Semaphore) -> AsyncIterator[None]:
        if self._waiting >= WAITING_MAX:
            raise TooBusy
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_S_MAX):
                await turns.acquire()
        except TimeoutError:
            raise TooBusy from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            turns.release()


class Exported(StreamingResponse):
    """A file that is made while it is sent, chunk by chunk; `may_go_on` is asked before each.

    What cannot be sent whole is cut off, so that no client takes a part for all of it.
    """

    def __init__(
        self,
        room: ReadingRoom,
        begin: Callable[[], Iterator[bytes]],
        may_go_on: Callable[[], bool],
        name: str,
    ) -> None:
        """`begin` is called in a thread; what it refuses is answered as by any route."""
        super().__init__(
            self._chunks(),
            media_type="text/csv",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
        self._room = room
        self._begin = begin
        self._may_go_on = may_go_on
        self._chunks_left: Iterator[bytes] = iter(())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        async with self._room.exporting():
            self._chunks_left = await self._room.read_on(self._begin)
            try:
                async with asyncio.timeout(EXPORT_S_MAX):
                    await super().__call__(scope, receive, send)
            except TimeoutError:
                _log.warning("export: cut off, not taken within %g s", EXPORT_S_MAX)
            except _CutOff:
                _log.warning("export: cut off, who asked for it may not see it any more")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            chunk = await self._room.read_on(lambda: next(self._chunks_left, None))
            if chunk is None:
                return
            if not self._may_go_on():
                raise _CutOff
            yield chunk


class _CutOff(Exception):
    """An export ends before its end: who asked for it may not see it any more."""


async def too_busy(_request: Request, _error: Exception) -> Response:
    """Answers for a read that got no turn."""
    return refusal(503, BUSY)
