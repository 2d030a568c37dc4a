"""Where rows wait on disk until there are enough for blocks of their own.

A commit costs what pages it touches, and a history costs what blocks it is read from. So a
commit appends the rows of all devices as one entry of a tail; and now and then, within a
commit too, the tail moves into blocks, one for each device. Rows are in one of the two.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from struct import iter_unpack, pack
from typing import Final, Generic, TypeVar

from sqlalchemy import Connection, Table, bindparam, delete, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.blocks import (
    Block,
    BlockUnreadable,
    pack_numerics,
    pack_waveforms,
    times_received,
    unpack_numerics,
    unpack_waveforms,
)
from rpm_service.adapters.storage.errors import damaged
from rpm_service.adapters.storage.registry import Place
from rpm_service.application.effects import NumericRow, WaveformRow

BLOCK_ROWS: Final = 32
"""Rows for each block, on the average, before a tail is moved."""
ROWS_MAX: Final = 32_000
"""Rows in a tail, however many devices they are from: they are in memory too."""
BLOCK_ROWS_MAX: Final = 4096
"""Rows of one block. Packing one holds the interpreter, and what waited for a disk is much."""
LOOKED_AT_MAX: Final = 256
"""Newest blocks of one device that are looked at to find what it sent a short time ago."""
FOUND_MAX: Final = 10_000
"""Rows of one device that are found so, the earliest."""

Row = TypeVar("Row", bound=NumericRow | WaveformRow)


@dataclass(frozen=True, slots=True)
class Kind(Generic[Row]):
    """What rows are of one kind, and where they are kept."""

    blocks: Table
    tail: Table
    pack: Callable[[Sequence[Row]], Block]
    unpack: Callable[[bytes], list[Row]]

    def rows(self, data: bytes, where: str) -> list[Row]:
        """Unpacks what is kept in a place of that name. Raises DatabaseDamaged."""
        with readable(where):
            return self.unpack(data)


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Says of a block that cannot be read where it is: DatabaseDamaged."""
    try:
        yield
    except BlockUnreadable as error:
        raise damaged(f"{where}: {error}") from error


NUMERICS: Final = Kind(tables.numerics, tables.numerics_tail, pack_numerics, unpack_numerics)
WAVEFORMS: Final = Kind(tables.waveforms, tables.waveforms_tail, pack_waveforms, unpack_waveforms)


class Tail(Generic[Row]):
    """Appends to the tail of one kind of rows; the only one who does."""

    def __init__(self, kind: Kind[Row], connection: Connection) -> None:
        self.kind = kind
        self._waiting: dict[Place, list[Row]] = {}
        self._count = 0
        self._insert_entry = _insert(kind.tail, ("places", "data"))
        self._insert_block = _insert(kind.blocks, (*Place._fields, *Block._fields))
        self._select_newest = _select_newest(kind.blocks)
        for place, rows in entries(kind, connection):
            self._wait(place, rows)

    def append(self, connection: Connection, new: Sequence[tuple[Place, Sequence[Row]]]) -> None:
        """Puts the rows of a commit on disk, whatever devices they are from."""
        places = [(*place, len(rows)) for place, rows in new if rows]
        if not places:
            return
        for place, rows in new:
            self._wait(place, rows)
        if self._count >= min(ROWS_MAX, BLOCK_ROWS * len(self._waiting)):
            self._move(connection)
            return
        head = pack(f"<{3 * len(places)}Q", *chain.from_iterable(places))
        block = self.kind.pack([*chain.from_iterable(rows for _, rows in new)])
        connection.exec_driver_sql(self._insert_entry, (head, block.data))

    def received(
        self, connection: Connection, device_number: int, since: float, until: float
    ) -> list[tuple[int, list[Row]]]:
        """What a device sent from `since` to before `until`, by the time of receipt.

        By description, each in order. It is meant for a short time ago: only the newest blocks
        are looked at. Raises DatabaseDamaged.
        """
        found: dict[int, list[Row]] = {}
        for description_id, rows in reversed(self._newest(connection, device_number, since, until)):
            found.setdefault(description_id, []).extend(rows)
        for place, waiting in self._waiting.items():
            if place.device_number == device_number:
                found.setdefault(place.description_id, []).extend(waiting)
        inside = (
            (description_id, [row for row in rows if since <= row.received_at < until])
            for description_id, rows in found.items()
        )
        return [(description_id, rows[:FOUND_MAX]) for description_id, rows in inside if rows]

    def _newest(
        self, connection: Connection, device_number: int, since: float, until: float
    ) -> list[tuple[int, list[Row]]]:
        """The blocks of a device that reach into a span of time, newest first."""
        found = []
        with connection.exec_driver_sql(self._select_newest, (device_number,)) as blocks:
            for block_id, description_id, data in islice(blocks, LOOKED_AT_MAX):
                where = f"{self.kind.blocks.name} {block_id}"
                with readable(where):
                    times = times_received(data)
                if max(times) < since:
                    break
                if min(times) < until:
                    found.append((description_id, self.kind.rows(data, where)))
        return found

    def _wait(self, place: Place, rows: Sequence[Row]) -> None:
        if rows:
            self._waiting.setdefault(place, []).extend(rows)
            self._count += len(rows)

    def _move(self, connection: Connection) -> None:
        blocks = [
            place + self.kind.pack(rows[begin : begin + BLOCK_ROWS_MAX])
            for place, rows in self._waiting.items()
            for begin in range(0, len(rows), BLOCK_ROWS_MAX)
        ]
        connection.exec_driver_sql(self._insert_block, blocks)
        connection.execute(delete(self.kind.tail))
        self._waiting = {}
        self._count = 0


def entries(kind: Kind[Row], connection: Connection) -> Iterator[tuple[Place, list[Row]]]:
    """The rows in a tail, as they were appended. Raises DatabaseDamaged."""
    tail = kind.tail
    for entry in connection.execute(select(tail).order_by(tail.c.entry_id)).all():
        rows = iter(kind.rows(entry.data, f"{tail.name} {entry.entry_id}"))
        for *place, count in iter_unpack("<3Q", entry.places):
            yield Place(*place), list(islice(rows, count))


def _select_newest(blocks: Table) -> str:
    statement = (
        select(blocks.c.block_id, blocks.c.description_id, blocks.c.data)
        .where(blocks.c.device_number == bindparam("device_number"))
        .order_by(blocks.c.block_id.desc())
    )
    return str(statement.compile(dialect=sqlite.dialect()))


def _insert(table: Table, columns: Sequence[str]) -> str:
    statement = sqlite.insert(table).values(dict.fromkeys(columns))
    return str(statement.compile(dialect=sqlite.dialect()))
