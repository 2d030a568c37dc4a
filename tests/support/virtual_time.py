"""Runs asyncio code on virtual time: when nothing is ready, the clock jumps to what is due."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")
HOUR_S = 3600.0


class _JumpingSelector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "nothing will ever happen"
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


class LoopClock:
    """The server's clock on the running loop's time."""

    rate = 1.0

    def now(self) -> float:
        return 1_800_000_000.0 + asyncio.get_running_loop().time()


def run(story: Coroutine[object, object, T]) -> T:
    """Runs a story to its end, or for an hour of its own time."""

    async def bounded() -> T:
        return await asyncio.wait_for(story, HOUR_S)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(bounded())
