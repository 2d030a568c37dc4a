"""AlarmAnalysisService: what alarms cost, and what other limits would have made of history.

An analysis reads much and computes long, and alarms must not wait for it. So it runs in a
process of its own, one at a time and with less right to the processor; what that process says
goes to the client as it is. It ends with the call, however that ends.
"""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from struct import Struct
from typing import Final

import grpc
from google.protobuf.message import Message

from rpm_service.adapters.grpc.refusals import Context, refuse
from rpm_service.application.acts import ActRefused
from rpm_service.application.identity import Identity
from rpm_service.v1 import alarm_analysis_pb2 as wire

WAITING_MAX: Final = 8
"""Analyses that may be asked for at once: one runs, the others wait."""
ANALYSIS_S_MAX: Final = 600.0
HEAD: Final = Struct("<cI")
"""Before each frame of the process: what it is, and how many bytes it has."""
RESPONSE: Final = b"F"
REFUSAL: Final = b"R"
"""A JSON object of `code`, `field` and `reason`."""

Take = Callable[[bytes], Awaitable[None]]


class TooManyWait(Exception):
    """An analysis would wait behind too many others."""


class AnalysisFailed(Exception):
    """The process of an analysis has ended with an error, which is in the server's log."""


class Analyst:
    """Runs analyses, each as `command` with the name of the method and the request on stdin."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._turn = asyncio.Lock()
        self._asked = 0

    async def analyse(self, method: str, request: bytes, take: Take) -> None:
        """Runs one and hands over each response.

        Raises TooManyWait, ActRefused, TimeoutError, AnalysisFailed.
        """
        if self._asked >= WAITING_MAX:
            raise TooManyWait(f"{self._asked} analyses wait already; ask again later")
        self._asked += 1
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
        finally:
            self._asked -= 1


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


class AlarmAnalysisService:
    """Serves whoever asks what alarms cost."""

    def __init__(self, command: Sequence[str]) -> None:
        self._analyst = Analyst(command)

    async def list_alarm_events(
        self, _identity: Identity, request: Message, context: Context
    ) -> None:
        """Gives alarm events from the journal."""
        await self._analysed("ListAlarmEvents", request, context, context.write)

    async def replay_alarm_limits(
        self, _identity: Identity, request: Message, context: Context
    ) -> None:
        """Replays history: progress, then the result."""
        await self._analysed("ReplayAlarmLimits", request, context, context.write)

    async def measure_alarm_burden(
        self, _identity: Identity, request: Message, context: Context
    ) -> Message:
        """Measures the alarm burden."""
        response = wire.MeasureAlarmBurdenResponse()

        async def take(frame: bytes) -> None:
            response.ParseFromString(frame)

        await self._analysed("MeasureAlarmBurden", request, context, take)
        return response

    async def _analysed(self, method: str, request: Message, context: Context, take: Take) -> None:
        try:
            await self._analyst.analyse(method, request.SerializeToString(), take)
        except ActRefused as refusal:
            await refuse(context, grpc.StatusCode[refusal.code], refusal.field, refusal.reason)
        except TooManyWait as refusal:
            await refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "", str(refusal))
        except TimeoutError:
            reason = f"it took longer than {ANALYSIS_S_MAX:g} s; choose less of history"
            await refuse(context, grpc.StatusCode.DEADLINE_EXCEEDED, "scope", reason)
