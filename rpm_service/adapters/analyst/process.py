"""The process of an analysis, as the server sees it.

An analysis reads much and computes long, and alarms must not wait for it. So it runs in a
process of its own, one at a time and with less right to the processor; what that process says
goes to whoever asked as it is. It ends with the call, however that ends.
"""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from struct import Struct
from typing import Final

from rpm_service.application.acts import ActRefused
from rpm_service.application.analyses import AnalysisFailed, Take, TookTooLong, TooManyWait

WAITING_MAX: Final = 8
"""Analyses that may be asked for at once: one runs, the others wait."""
ANALYSIS_S_MAX: Final = 600.0
HEAD: Final = Struct("<cI")
"""Before each frame of the process: what it is, and how many bytes it has."""
RESPONSE: Final = b"F"
REFUSAL: Final = b"R"
"""A JSON object of `code`, `field` and `reason`."""


class AnalystProcess:
    """Runs analyses, each as `command` with the name of the method and the request on stdin."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._asked: set[asyncio.Task[None]] = set()

    async def analyse(self, method: str, request: bytes, take: Take) -> None:
        """Runs one and hands over each frame.

        Raises TooManyWait, ActRefused, TookTooLong, AnalysisFailed.
        """
        if len(self._asked) >= WAITING_MAX:
            raise TooManyWait(f"{len(self._asked)} analyses wait already; ask again later")
        # A task of its own: it is cancelled once, however often the call that asked is, and so
        # always gets to wait for the end of its process.
        asked = asyncio.create_task(self._run(method, request, take))
        self._asked.add(asked)
        asked.add_done_callback(self._asked.discard)
        try:
            await asyncio.shield(asked)
        except asyncio.CancelledError:
            asked.cancel()
            raise

    async def close(self) -> None:
        """Waits until no process is left of calls that were cancelled."""
        if self._asked:
            await asyncio.wait(self._asked)

    async def _run(self, method: str, request: bytes, take: Take) -> None:
        try:
            async with self._turn, asyncio.timeout(ANALYSIS_S_MAX):
                process = await asyncio.create_subprocess_exec(
                    *self._command, method, stdin=PIPE, stdout=PIPE
                )
                try:
                    await _talk(process, request, take)
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
        except TimeoutError as error:
            reason = f"it took longer than {ANALYSIS_S_MAX:g} s; choose less of history"
            raise TookTooLong(reason) from error


async def _talk(process: Process, request: bytes, take: Take) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(request)
    process.stdin.write_eof()
    while True:
        head = await process.stdout.read(HEAD.size)
        if not head:
            break
        head += await process.stdout.readexactly(HEAD.size - len(head))
        what, size = HEAD.unpack(head)
        frame = await process.stdout.readexactly(size)
        if what == REFUSAL:
            raise ActRefused(**json.loads(frame))
        await take(frame)
    code = await process.wait()
    if code:
        raise AnalysisFailed(f"the process of an analysis ended with {code}")
