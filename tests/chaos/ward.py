"""What a proof is given: a server of its own under a supervisor, and devices and viewers for it."""

import asyncio
import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import inf
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from tests.chaos import devices, viewers
from tests.chaos.checker import Verdict, check
from tests.chaos.history import Notes, Record, read
from tests.chaos.processes import Child, Server
from tests.chaos.stored import stored_in

DRAIN_S: Final = 60.0


class Ward:
    """Real processes in a directory of their own, and the history that they write.

    `seed` decides everything that is left to chance. `say` tells whoever waits how far it is.
    """

    def __init__(
        self, directory: Path, certs: Path, seed: int, say: Callable[[str], None] = print
    ) -> None:
        self.directory = directory
        self.certs = certs
        self.seed = seed
        self.say = say
        self.rng = Random(seed)
        self.history = directory / "history"
        self.history.mkdir(parents=True)
        (directory / "seed").write_text(f"{seed}\n")
        self._note = Notes(self.history / "server.jsonl")
        self.server = Server(directory, certs, self._note)
        self._children: list[Child] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends every process; where the proof was cancelled, without asking it."""
        number = signal.SIGKILL if kind is asyncio.CancelledError else signal.SIGTERM
        for child in reversed(self._children):
            await child.stop(number)
        await self.server.stop(number)
        self._note.close()

    async def devices(self, **wanted: Any) -> Child:
        """Starts a process of devices, and waits until all are there; see devices.Wanted."""
        return await self._load("devices", asdict(devices.Wanted(**self._place("device", wanted))))

    async def viewers(self, **wanted: Any) -> Child:
        """Starts a process of viewers, and waits until all are there; see viewers.Wanted."""
        return await self._load("viewers", asdict(viewers.Wanted(**self._place("viewer", wanted))))

    def _place(self, usual: str, wanted: dict[str, Any]) -> dict[str, Any]:
        name = wanted.setdefault("name", usual)
        place = {"target": self.server.target, "certs": str(self.certs), "seed": self.seed}
        return {**place, "history": str(self.history / f"{name}.jsonl"), **wanted}

    async def _load(self, module: str, wanted: dict[str, Any]) -> Child:
        log = self.directory / f"{wanted['name']}.log"
        child = await Child.start("-m", f"tests.chaos.{module}", json.dumps(wanted), log=log)
        self._children.append(child)
        await child.wait_for("ready")
        return child

    async def leave(self, *measuring: Child) -> None:
        """Lets devices deliver all that they observed, and leave."""
        for each in measuring:
            each.say("end")
        for each in measuring:
            await each.wait_for("all drained", DRAIN_S)
            await each.wait()

    async def finish(self, *measuring: Child) -> None:
        """Lets the last devices leave, then stops the server."""
        await self.leave(*measuring)
        await self.server.stop()

    def records(self, *whats: str) -> list[Record]:
        """What the history says so far; of these kinds only, where any are named."""
        return [each for each in read(self.history) if not whats or each["what"] in whats]

    def check(self, late_s: float = inf, identity: str | None = None) -> Verdict:
        """Compares the history with what is stored, once the server has ended."""
        verdict = check(self.records(), stored_in(self.server.data), late_s, identity)
        (self.directory / "verdict.txt").write_text("".join(f"{x}\n" for x in verdict.lines()))
        return verdict


def after(records: Sequence[Record], at: float, who: str) -> dict[str, float]:
    """How long after `at` each of those named in `who` was first told of in records."""
    found: dict[str, float] = {}
    for record in records:
        if record["t"] >= at:
            found.setdefault(record[who], record["t"] - at)
    return found
