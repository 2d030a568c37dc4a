"""How a program that begins processes and mounts ends when it is told to: with all of them."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def run(main: Coroutine[Any, Any, int]) -> int:
    """Runs it and gives its exit code; SIGINT and SIGTERM cancel it, once, and are waited for.

    Whatever it holds open by `with` is closed then. Being told again hurries nothing: what would
    be left behind is worse than a few seconds.
    """
    return asyncio.run(_told(main))


async def _told(main: Coroutine[Any, Any, int]) -> int:
    loop, task = asyncio.get_running_loop(), asyncio.create_task(main)
    told: list[int] = []

    def tell(number: int) -> None:
        if not told:
            task.cancel()
        told.append(number)

    for number in SIGNALS:
        loop.add_signal_handler(number, tell, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not told:
            raise
        return 128 + told[0]
