"""Processes of a proof, for an event loop: what they say, how they end, and a supervised server."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.chaos.history import Notes
from tests.support.process import ROOT, free_port

PATIENCE_S: Final = 30.0
"""How long a proof waits for what must come."""
STOP_S: Final = 20.0
SERVING: Final = "devices and viewers"
"""What a server says once it serves."""
RUSH_MAX: Final = 5
"""A server that ends so often in a row before it has served is not started again."""


class Ended(Exception):
    """A process ended that was waited for."""


class Child:
    """One `python ARGUMENTS` at the project's root; what it has against it goes into `log`."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._said: asyncio.Queue[str | None] = asyncio.Queue()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, *arguments: str, log: Path, before: Sequence[str] = (), **environment: str
    ) -> Self:
        """Starts it; `before` is a program that runs it, with that one's own arguments."""
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *before, sys.executable, *arguments,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=errors,
                cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            )  # fmt: skip
        return cls(process, log)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self._said.put_nowait(line.decode().rstrip("\n"))
        self._said.put_nowait(None)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait_for(self, start: str, seconds: float = PATIENCE_S) -> str:
        """The next line that begins so. Raises Ended and TimeoutError."""
        async with asyncio.timeout(seconds):
            while (line := await self._said.get()) is not None:
                if line.startswith(start):
                    return line
        self._said.put_nowait(None)
        raise Ended(f"ended with {await self.wait()} before it said {start!r}; see {self._log}")

    def forget(self) -> None:
        """Whatever it has said so far is of no interest any more."""
        said = [self._said.get_nowait() for _ in range(self._said.qsize())]
        if None in said:
            self._said.put_nowait(None)

    def say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())

    def send(self, number: int) -> None:
        with suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def wait(self) -> int:
        """How it ended, once it has."""
        code = await self._process.wait()
        await self._reading
        return code

    async def stop(self, number: int = signal.SIGTERM, seconds: float = STOP_S) -> int:
        """Ends it, by force where it does not go, also where it is frozen; gives how it ended."""
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            async with asyncio.timeout(seconds):
                return await self.wait()
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self.wait()


@dataclass(slots=True)
class Run:
    """One life of a server. Times are Unix seconds; None: not yet."""

    begun_at: float
    serving_at: float | None = None
    ended_at: float | None = None
    code: int | None = None


class Server:
    """`rpm-service serve` on a port of its own, started again whenever it ends by itself.

    `arguments` and `environment` of the next start may be changed at any time. `failpoints`
    are given to the next starts one by one (see failing_server); "" is a start without one.
    """

    def __init__(self, directory: Path, certs: Path, note: Notes) -> None:
        self.target = f"127.0.0.1:{free_port()}"
        self.data = directory / "data"
        self.arguments = [
            "serve", "--data", str(self.data), "--certs", str(certs), "--listen", self.target,
        ]  # fmt: skip
        self.module = "tests.chaos.failing_server"
        self.before: Sequence[str] = ()
        self.environment: dict[str, str] = {}
        self.failpoints: list[str] = []
        self.runs: list[Run] = []
        self._log = directory / "server.log"
        self._note = note
        self._child: Child | None = None
        self._serving = asyncio.Event()
        self._supervising: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        assert self._child is not None
        return self._child.pid

    async def start(self) -> Self:
        """Starts it, and waits until it serves."""
        assert self._supervising is None
        self._supervising = asyncio.create_task(self._supervise())
        await self.serving()
        return self

    async def serving(self) -> Run:
        """Waits until it serves, where it does not."""
        assert self._supervising is not None
        waiting = asyncio.create_task(self._serving.wait())
        await asyncio.wait(
            {waiting, self._supervising},
            timeout=PATIENCE_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        waiting.cancel()
        if self._supervising.done():
            self._supervising.result()
        assert self._serving.is_set(), f"it does not serve; see {self._log}"
        return self.runs[-1]

    async def ended(self, run: Run) -> None:
        """Waits until one life has ended."""
        async with asyncio.timeout(PATIENCE_S):
            while run.ended_at is None:
                await asyncio.sleep(0.01)

    async def kill(self) -> Run:
        """kill -9, then waits for the next life to serve."""
        run = self.runs[-1]
        self.send(signal.SIGKILL)
        await self.ended(run)
        return await self.serving()

    def send(self, number: int) -> None:
        assert self._child is not None
        self._child.send(number)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """SIGTERM or another signal, and no new start; gives how it ended."""
        if self._supervising is None:
            return 0
        self._supervising.cancel()
        await asyncio.wait({self._supervising})
        self._supervising = None
        # It may have been told to end before it had begun.
        code = 0 if self._child is None else await self._child.stop(number)
        self._note("server ended", code=code)
        self._serving.clear()
        return code

    async def _supervise(self) -> None:
        rush = 0
        while rush < RUSH_MAX:
            rush += 1
            failpoint = self.failpoints.pop(0) if self.failpoints else ""
            run = Run(time.time())
            self.runs.append(run)
            self._note("server begun", failpoint=failpoint)
            self._child = await Child.start(
                "-m", self.module, *self.arguments,
                log=self._log, before=self.before, RPM_FAILPOINT=failpoint, **self.environment,
            )  # fmt: skip
            with suppress(Ended):
                await self._child.wait_for(SERVING)
                run.serving_at = time.time()
                rush = 0
                self._note("server serving")
                self._serving.set()
            run.code = await self._child.wait()
            self._serving.clear()
            run.ended_at = time.time()
            self._note("server ended", code=run.code)
        raise Ended(f"the server ended {RUSH_MAX} times before it served; see {self._log}")
