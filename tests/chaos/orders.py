"""How a process of a proof is told what to do, and tells how far it is: lines of text."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

Work = Coroutine[Any, Any, None]


async def with_orders(work: Work, beside: Sequence[Work], obey: Callable[[str], None]) -> None:
    """Carries out `work`, with others beside it, and hears orders meanwhile."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def hear() -> None:
        async for line in reader:
            obey(line.decode().strip())

    tasks = [asyncio.create_task(each) for each in (hear(), *beside)]
    try:
        await work
    finally:
        for task in tasks:
            task.cancel()
        transport.close()


async def tell_when(are_there: Callable[[], bool], news: asyncio.Event) -> None:
    """Says `ready` when all are there at first, and `back` each time after one was away."""
    were_there, word = False, "ready"
    while True:
        await news.wait()
        news.clear()
        if are_there() and not were_there:
            print(word, flush=True)
            word = "back"
        were_there = are_there()
