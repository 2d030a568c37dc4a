"""Retention: how long samples are kept, and how the older ones go.

Blocks go whole and oldest first, by the time of receipt, one after the other for as long as a
step may last, in a transaction of its own between two batches: so that a batch never waits long
for it, however slow the disk and however much there is. What was kept as evidence of an alarm, the journal, the acts, scores
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
LOOKING_S_MAX: Final = 0.01
"""After so much of it no further block goes: the rest is for the last one and the commit."""
EVERY_S: Final = 1.0
"""Steps are taken this often while there is anything to forget,"""
LOOK_S: Final = 60.0
"""and else this often."""


class Retention(NamedTuple):
    """How long samples are kept, in seconds from their receipt; `inf` is for ever."""

    waveforms_s: float = 72 * 3600.0
    numerics_s: float = 365 * 86_400.0


FOR_EVER: Final = Retention(inf, inf)
USUAL: Final = Retention()


class Forgetting:
    """Forgets what is older than the retention, step by step; times are the server's."""

    def __init__(self, retention: Retention) -> None:
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
        """Forgets the oldest blocks of what is too old; the caller commits.

        `timer` is any monotone clock in seconds. Raises DatabaseDamaged.
        """
        ends_at = timer() + LOOKING_S_MAX
        self._due = now + EVERY_S
        for table, kept_s in self._kept_s:
            while _forget_oldest(connection, table, now - kept_s):
                self.forgotten += 1
                if timer() >= ends_at:
                    return
        self._due = now + LOOK_S


def _forget_oldest(connection: Connection, table: Table, before: float) -> bool:
    """Forgets the oldest block where all of it was received before that time; tells whether."""
    query = select(table.c.block_id, table.c.data).order_by(table.c.block_id).limit(1)
    oldest = connection.execute(query).one_or_none()
    if oldest is None:
        return False
    with readable(f"{table.name} {oldest.block_id}"):
        if max(times_received(oldest.data)) >= before:
            return False
    connection.execute(delete(table).where(table.c.block_id == oldest.block_id))
    return True
