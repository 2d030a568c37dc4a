"""Ends a process whose event loop does not turn any more, so that it can be started again.

A server that is blocked decides no alarm and tells nobody so. Viewers see by themselves that they
hear nothing; what is left to be done is to end it in words, for its supervisor.
"""

import asyncio
import faulthandler
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

BLOCKED_S_MAX: Final = 5.0
"""A turn of the event loop that takes longer ends the process."""
LOOKS: Final = 10
"""How often that time is looked at. A process that was frozen as a whole, its watchdog with it, is
not ended when it goes on: time alone has passed there, and it has missed one look."""


@contextmanager
def watched(end: Callable[[str], None]) -> Iterator[None]:
    """Watches the running event loop for as long as the block lasts.

    `end` is called on another thread, once, and ends the process. Where every thread stands has
    been written to standard error before.
    """
    loop = asyncio.get_running_loop()
    every_s = BLOCKED_S_MAX / LOOKS
    turned, over = threading.Event(), threading.Event()

    def turn() -> None:
        turned.set()
        if not over.is_set():
            loop.call_later(every_s / 2, turn)

    def look() -> None:
        missed = 0
        while not over.wait(every_s):
            missed = 0 if turned.is_set() else missed + 1
            turned.clear()
            if missed > LOOKS:
                faulthandler.dump_traceback(sys.stderr)
                end(
                    f"the event loop has been blocked for {BLOCKED_S_MAX:g} s, see above where; "
                    "start again: nothing that was acknowledged is lost"
                )
                return

    turn()
    watcher = threading.Thread(target=look, name="watchdog", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
