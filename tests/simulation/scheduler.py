"""Time and order of a simulated world: one heap of what is to happen, and nothing happens beside it.

It stands in for asyncio's event loop, so that the server's own corridor (`Monitoring`) and its
handlers run on it as they are: it knows no sockets, no threads and no real time. What happens at
one instant happens in the order in which it was asked for.

Everything belongs to a process. One that is killed does nothing more, in the middle of whatever
it was about.
"""

import asyncio
from asyncio import events
from collections.abc import Callable, Coroutine
from heapq import heappop, heappush
from itertools import count
from typing import Any


class Process:
    """Whose doing something is; killed, it never does anything again."""

    def __init__(self, name: str, *, alive: bool = True) -> None:
        self.name = name
        self.alive = alive
        self.tasks: list[asyncio.Task[Any]] = []


class Handle:
    """One thing that is to happen, unless it is cancelled."""

    __slots__ = ("_at", "args", "callback", "process")

    def __init__(
        self, at: float, process: Process, callback: Callable[..., object] | None, args: Any
    ) -> None:
        self._at = at
        self.process = process
        self.callback = callback
        self.args = args

    def cancel(self) -> None:
        self.callback, self.args = None, ()

    def cancelled(self) -> bool:
        return self.callback is None

    def when(self) -> float:
        return self._at


class Scheduler(asyncio.AbstractEventLoop):
    """Runs the world; `time` is in seconds from its beginning."""

    def __init__(self) -> None:
        self.world = Process("world")
        self.steps = 0
        self._process = self.world
        self._now = 0.0
        self._heap: list[tuple[float, int, Handle]] = []
        self._order = count()

    # -- what asyncio asks of a loop ------------------------------------------------------

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> Any:
        handle = Handle(when, self._process, callback, args)
        heappush(self._heap, (max(when, self._now), next(self._order), handle))
        return handle

    def call_later(self, delay: float, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self._now + delay, callback, *args)

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_at(self._now, callback, *args)

    def create_future(self) -> "asyncio.Future[Any]":
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Any = None) -> Any:
        task = asyncio.Task(coro, loop=self, name=name)
        # A task of a process that is killed stays pending for ever.
        task._log_destroy_pending = False
        self._process.tasks.append(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise context.get("exception") or RuntimeError(context["message"])

    # -- processes ------------------------------------------------------------------------

    def within(self, process: Process, callback: Callable[..., object], *args: Any) -> None:
        """Does something now as a process's doing, unless that is dead."""
        if not process.alive:
            return
        before, self._process = self._process, process
        try:
            callback(*args)
        finally:
            self._process = before

    def at(self, process: Process, when: float, callback: Callable[..., object], *args: Any) -> Any:
        """Asks for something that another process does."""
        before, self._process = self._process, process
        try:
            return self.call_at(when, callback, *args)
        finally:
            self._process = before

    def spawn(self, process: Process, coro: Coroutine[Any, Any, object]) -> "asyncio.Task[Any]":
        """Begins a task of a process; an error in it is an error of the world."""
        before, self._process = self._process, process
        try:
            task: asyncio.Task[Any] = self.create_task(coro)
        finally:
            self._process = before
        task.add_done_callback(_raise)
        return task

    def kill(self, process: Process) -> None:
        """Ends a process as kill -9 does: what it was waiting for never comes."""
        process.alive = False
        before, self._process = self._process, process
        try:
            for task in process.tasks:
                if not task.done():
                    task.get_coro().close()
        finally:
            self._process = before
        process.tasks.clear()

    # -- running --------------------------------------------------------------------------

    def run(self, until: float) -> None:
        """Lets everything happen up to a time."""
        heap, world = self._heap, self._process
        events._set_running_loop(self)
        try:
            while heap and heap[0][0] <= until:
                self._now, _, handle = heappop(heap)
                callback, process = handle.callback, handle.process
                if callback is None or not process.alive:
                    continue
                self.steps += 1
                self._process = process
                callback(*handle.args)
            self._now = until
        finally:
            self._process = world
            events._set_running_loop(None)

    def running(self, callback: Callable[..., object], *args: Any) -> None:
        """Does something before anything runs, or after."""
        events._set_running_loop(self)
        try:
            callback(*args)
        finally:
            events._set_running_loop(None)


def _raise(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.result()
