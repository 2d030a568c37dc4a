"""Retention: how long samples are kept, and how the older ones go.

Blocks go whole and oldest first, by the time of receipt, a few in a transaction of its own
between two batches: so that a batch never waits long for it. How many are a few follows from
how long the last few took. What was kept as evidence of an alarm, the journal, the acts, scores
and deliveries stay for ever. The pages that become free are used again; the file does not grow.
"""

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, delete, select

from rpm_service.adapters.storage.blocks import times_received
from rpm_service.adapters.storage.tables import numerics, waveforms
from rpm_service.adapters.storage.tail import readable

STEP_S_MAX: Final = 0.05
"""What one step may hold the writer."""
EVERY_S: Final = 1.0
"""Steps are taken this often while there is anything to forget,"""
LOOK_S: Final = 60.0
"""and else this often."""
BLOCKS_MAX: Final = 256
"""In one step, however fast it goes."""


class Retention(NamedTuple):
    """How long samples are kept, in seconds from their receipt; `inf` is for ever."""

    waveforms_s: float = 72 * 3600.0
    numerics_s: float = 365 * 86_400.0


FOR_EVER: Final = Retention(inf, inf)
USUAL: Final = Retention()


class Forgetting:
    """Forgets what is older than the retention, step by step; times are the server's."""

    def __init__(self, retention: Retention) -> None:
        self.blocks = 1
        """So many go in the next step."""
        self.forgotten = 0
        self._kept_s: list[tuple[Table, float]] = [
            (waveforms, retention.waveforms_s),
            (numerics, retention.numerics_s),
        ]
        self._due = inf if retention == FOR_EVER else -inf

    def is_due(self, now: float) -> bool:
        """Whether to take a step; whoever asks takes it."""
        if now < self._due:
            return False
        self._due = now + EVERY_S
        return True

    def step(self, connection: Connection, now: float, timer: Callable[[], float]) -> None:
        """Forgets the oldest few blocks of what is too old; the caller commits.

        `timer` is any monotone clock in seconds. Raises DatabaseDamaged.
        """
        begun = timer()
        more = False
        for table, kept_s in self._kept_s:
            oldest = select(table.c.block_id, table.c.data).order_by(table.c.block_id)
            old = []
            for block_id, data in connection.execute(oldest.limit(self.blocks)):
                with readable(f"{table.name} {block_id}"):
                    if max(times_received(data)) >= now - kept_s:
                        break
                old.append(block_id)
            if old:
                connection.execute(delete(table).where(table.c.block_id.in_(old)))
                self.forgotten += len(old)
            more = more or len(old) == self.blocks
        self._due = now + (EVERY_S if more else LOOK_S)
        took = timer() - begun
        if took > STEP_S_MAX / 2:
            self.blocks = max(1, self.blocks // 2)
        elif more and took < STEP_S_MAX / 8:
            self.blocks = min(BLOCKS_MAX, self.blocks * 2)
