"""A disk that holds what is durable, and may refuse, stall, or be cut off in the middle.

It keeps the contract of `Recorder` and nothing else. A batch is on it from one instant on; the
server that handed it over learns so later, if it lives. What was not on it at a crash is gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from rpm_service.application.effects import Batch, Restored
from rpm_service.domain.early_warning import Score
from tests.simulation.scheduler import Scheduler
from tests.support.batches import Remembered

NUMBERS = 100_000
"""Occurrence numbers of one start."""
FAST_S = (0.001, 0.02)
"""How long a disk takes that is well."""


class DiskRefused(Exception):
    """The disk did not take a batch."""


@dataclass
class Ailment:
    """How a disk is. Seconds, and shares of all batches."""

    stalls_until: float = 0.0
    refuses_until: float = 0.0
    lies: float = 0.0
    """A batch that was written may come back as an error all the same."""


class Disk:
    """What outlives the server. `on_commit` is told of each batch as it becomes durable."""

    def __init__(self, scheduler: Scheduler, rng: Random) -> None:
        self.ailment = Ailment()
        self.on_commit: Callable[[Batch], None] = lambda batch: None
        self.commits = 0
        self._starts = 0
        self._scheduler = scheduler
        self._rng = rng
        self._kept = Remembered()
        self._newest: Batch | None = None

    def load(self) -> Restored:
        self._starts += 1
        return self._kept.restored(self._starts * NUMBERS + 1)

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        """Begins a transaction, as the doing of the server that asks for it."""
        now = self._scheduler.time()
        takes_s = self._rng.uniform(*FAST_S)
        at = max(now, self.ailment.stalls_until) + takes_s
        self._scheduler.call_at(at, self._transact, batch, done)

    def _transact(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        now, ailment = self._scheduler.time(), self.ailment
        if now < ailment.stalls_until:
            self._scheduler.call_at(ailment.stalls_until, self._transact, batch, done)
            return
        if now < ailment.refuses_until:
            self._answer(done, DiskRefused("disk full"))
            return
        if batch is not self._newest:
            # The same batch again after an error that was a lie is on disk already.
            self._commit(batch)
        lies = self._rng.random() < ailment.lies
        self._answer(done, DiskRefused("the answer was lost") if lies else None)

    def _commit(self, batch: Batch) -> None:
        self._newest = batch
        self.commits += 1
        # Samples are the checker's to remember: a restart asks for none of them.
        self._kept.take(replace(batch, numerics={}, waveforms={}, earlier=[], evidence=[]))
        for wanted in batch.evidence:
            self._kept.evidence.setdefault(wanted.occurrence_id, (wanted, [], []))
        self.on_commit(batch)

    def _answer(self, done: Callable[[Exception | None], None], error: Exception | None) -> None:
        self._scheduler.call_later(self._rng.uniform(*FAST_S), done, error)

    def scores(self, patient_id: str, since: float, before: float) -> Sequence[Score]:
        return ()

    def close(self) -> None:
        pass
