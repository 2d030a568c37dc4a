"""Append-only tables whose rows hang together by hashes.

The hash of a row is SHA-256 over the hash of the row before (32 zero bytes before the first)
and the row itself: its columns without the hash and without nulls at the end, as a JSON list
without spaces, in ASCII. A row that was changed, taken out or put in shows; rows cut off at the
end show against a head that was kept elsewhere.

Nulls at the end are left out so that a table may get new columns after its others: rows from
before verify as they were written. How many were left out follows from the table, so no two
rows look the same.
"""

import json
from hashlib import sha256
from math import isnan
from typing import Final, NamedTuple

from sqlalchemy import Connection, Table, UniqueConstraint, func, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage.errors import StorageError

Content = tuple[str | int | float | bool | None, ...]
BEGINNING: Final = bytes(32)
PAGE: Final = 1_000


class LedgerBroken(StorageError):
    """A row is not the one that was written."""


class Head(NamedTuple):
    """The newest row of a ledger: its number, counted from 1, and its hash."""

    number: int
    hash: bytes


class Ledger:
    """Appends to one such table; the only one who does."""

    def __init__(self, table: Table, connection: Connection) -> None:
        self.head = head(connection, table)
        (identity,) = (
            each.columns for each in table.constraints if isinstance(each, UniqueConstraint)
        )
        insert = sqlite.insert(table).on_conflict_do_nothing(index_elements=list(identity))
        self._insert = str(insert.compile(dialect=sqlite.dialect()))

    def append(self, connection: Connection, content: Content) -> int | None:
        """Appends a row and gives its number; None where the same is there already."""
        number = self.head.number + 1
        digest = _digest(self.head.hash, (number, *content))
        result = connection.exec_driver_sql(self._insert, (number, *content, digest))
        if result.rowcount == 0:
            return None
        self.head = Head(number, digest)
        return number


def head(connection: Connection, table: Table) -> Head:
    """The newest row of a ledger."""
    newest = select(func.max(table.c.number)).scalar_subquery()
    row = connection.execute(
        select(table.c.number, table.c.hash).where(table.c.number == newest)
    ).one_or_none()
    return Head(0, BEGINNING) if row is None else Head(*row)


def verify(connection: Connection, table: Table) -> Head:
    """Recomputes every hash; gives the head, to be compared with one kept elsewhere.

    Raises LedgerBroken with the first row that is not as it was written.
    """
    reached = Head(0, BEGINNING)
    while True:
        page = select(table).where(table.c.number > reached.number)
        rows = connection.execute(page.order_by(table.c.number).limit(PAGE)).all()
        for *row, digest in rows:
            if row[0] != reached.number + 1 or digest != _digest(reached.hash, tuple(row)):
                raise LedgerBroken(f"{table.name} {reached.number + 1} is not as it was written")
            reached = Head(row[0], digest)
        if len(rows) < PAGE:
            return reached


def number(value: float | None) -> float | None:
    """A float as the database gives it back: it keeps neither NaN nor the sign of 0."""
    return None if value is None or isnan(value) else float(value) + 0.0


def _digest(before: bytes, row: Content) -> bytes:
    while row[-1] is None:
        row = row[:-1]
    return sha256(before + json.dumps(row, separators=(",", ":")).encode("ascii")).digest()
