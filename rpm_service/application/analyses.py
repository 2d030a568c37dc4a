"""What carries out an analysis of history beside the server, as adapters see it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

Take = Callable[[bytes], Awaitable[None]]


class TooManyWait(Exception):
    """An analysis would wait behind too many others; the message says so."""


class TookTooLong(Exception):
    """An analysis was ended; the message says what to do."""


class AnalysisFailed(Exception):
    """The process of an analysis has ended with an error, which is in the server's log."""


class Analyst(Protocol):
    """Carries out analyses, one at a time."""

    async def analyse(self, method: str, request: bytes, take: Take) -> None:
        """Carries out one and hands over each of its frames; ends with its caller.

        Raises TooManyWait, ActRefused, TookTooLong, AnalysisFailed.
        """
        ...
