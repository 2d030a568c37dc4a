"""What a data directory holds, read with sqlite3 and nothing of the program that wrote it.

The layout of a block is written down in rpm_service/adapters/storage/blocks.py; it is decoded
here a second time, from that description, so that an error in one is seen by the other.
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

DATABASE: Final = "rpm.sqlite3"
FULL, SPARSE = 1, 2
HEAD: Final = struct.Struct("<BxHI")


class Sample(NamedTuple):
    """One frame of one device. `values` are those of its numerics in order, where all are there."""

    device: str
    seq: int
    observed_at: float
    received_at: float
    values: tuple[float, ...]


class Event(NamedTuple):
    """One row of the journal."""

    number: int
    occurrence_id: int
    event_seq: int
    phase: str
    condition: str
    device_id: str
    priority: int
    presence: str
    raised_at: float
    ended_at: float | None
    received_at: float


class Gap(NamedTuple):
    """Numbers of a stream that never came, both included."""

    stream: str
    first: int
    last: int


@dataclass(slots=True)
class Stored:
    """Everything of a data directory that a history is compared with."""

    samples: list[Sample] = field(default_factory=list)
    journal: list[Event] = field(default_factory=list)
    standing: dict[int, int] = field(default_factory=dict)
    """The newest event of each occurrence that has a signal."""
    gaps: list[Gap] = field(default_factory=list)


def stored_in(data: Path) -> Stored:
    """Reads a data directory that no server holds."""
    # A WAL that a killed server left is read too, and for that the file must be writable.
    with closing(sqlite3.connect(data / DATABASE)) as connection:
        fields = ", ".join(Event._fields)
        journal = connection.execute(f"SELECT {fields} FROM journal ORDER BY number")
        standing = connection.execute(
            "SELECT s.occurrence_id, j.event_seq"
            " FROM standing s JOIN journal j ON j.number = s.number"
        )
        gaps = connection.execute("SELECT stream_id, from_seq, to_seq FROM gaps")
        return Stored(
            list(_samples(connection)),
            [Event(*row) for row in journal],
            dict(standing.fetchall()),
            [Gap(*row) for row in gaps],
        )


def _samples(connection: sqlite3.Connection) -> Iterator[Sample]:
    names = dict(connection.execute("SELECT number, device_id FROM devices"))
    for number, data in connection.execute("SELECT device_number, data FROM numerics"):
        for row in unpacked(data):
            yield Sample(names[number], *row)
    for places, data in connection.execute("SELECT places, data FROM numerics_tail"):
        rows = unpacked(data)
        for number, _, count in struct.iter_unpack("<3Q", places):
            for row in islice(rows, count):
                yield Sample(names[number], *row)
        assert next(rows, None) is None, "a tail with rows of nobody"


def unpacked(data: bytes) -> Iterator[tuple[Any, ...]]:
    """The rows of a block: seq, observed_at, received_at, values."""
    layout, width, count = HEAD.unpack_from(data)
    at = HEAD.size

    def take(code: str, many: int) -> tuple[Any, ...]:
        nonlocal at
        taken = struct.unpack_from(f"<{many}{code}", data, at)
        at += struct.calcsize(f"<{many}{code}")
        return taken

    stamps = (take("Q", count), take("d", count), take("d", count))
    if layout == FULL:
        widths: tuple[int, ...] = (width,) * count
    elif layout == SPARSE:
        widths = take("H", count)
        take("H", 2 * count)
    else:
        raise ValueError(f"a block of format {layout}, which is not known here")
    values = iter(take("d", sum(widths)))
    for stamp, own in zip(zip(*stamps, strict=True), widths, strict=True):
        yield (*stamp, tuple(islice(values, own)))
