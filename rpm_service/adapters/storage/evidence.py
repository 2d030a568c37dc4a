"""What devices sent around the beginning of an occurrence, kept beyond all retention.

Rows are chosen by when they were received, which is the server's time, and later ones by a
margin (LATE_S), since what was observed in time may come late. A device's clock is its own.
Occurrences of one device that come close together share their rows: none is kept twice.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.journal import event_of
from rpm_service.adapters.storage.registry import Devices, description_of
from rpm_service.adapters.storage.tail import NUMERICS, WAVEFORMS, Kind, Row, Tail
from rpm_service.application.effects import (
    Description,
    EvidenceWanted,
    NumericRow,
    WaveformRow,
)
from rpm_service.application.evidence import LATE_S, begins, wanted

UNKEPT_S: Final = 120.0
"""After a restart the evidence of occurrences is asked for that began so long before its end."""

_INSERT: Final = str(insert(tables.evidence).compile(dialect=sqlite.dialect()))

Span = tuple[float, float]
"""From the first time to before the second."""


class Evidence(NamedTuple):
    """What was kept of one occurrence, each row with what its positions refer to."""

    what: EvidenceWanted
    numerics: list[tuple[Description, NumericRow]]
    waveforms: list[tuple[Description, WaveformRow]]


def keep(
    connection: Connection,
    asked: Iterable[EvidenceWanted],
    devices: Devices,
    numerics: Tail[NumericRow],
    waveforms: Tail[WaveformRow],
) -> None:
    """Keeps what belongs to occurrences, of rows that are all on disk or in a tail by now."""
    by_device: dict[int, list[EvidenceWanted]] = {}
    for each in asked:
        number = devices.place(connection, each.device_id).device_number
        if not _is_kept(connection, each.occurrence_id):
            by_device.setdefault(number, []).append(each)
    for number, mine in by_device.items():
        for span in _missing(connection, number, mine):
            _copy(connection, number, numerics, span)
            _copy(connection, number, waveforms, span)
        rows = [(each.occurrence_id, number, each.since, each.until) for each in mine]
        connection.exec_driver_sql(_INSERT, rows)


def _is_kept(connection: Connection, occurrence_id: int) -> bool:
    kept = tables.evidence.c.occurrence_id
    return connection.execute(select(kept).where(kept == occurrence_id)).first() is not None


def _copy(connection: Connection, device_number: int, tail: Tail[Row], span: Span) -> None:
    for description_id, rows in tail.received(connection, device_number, *span):
        received = [row.received_at for row in rows]
        new = {
            "kind": tail.kind.blocks.name,
            "device_number": device_number,
            "description_id": description_id,
            "first_received_at": min(received),
            "last_received_at": max(received),
            "data": tail.kind.pack(rows).data,
        }
        connection.execute(insert(tables.evidence_rows), new)


def _missing(connection: Connection, device_number: int, asked: list[EvidenceWanted]) -> list[Span]:
    """The spans of what is asked for that are not kept for an earlier occurrence."""
    table = tables.evidence
    spans = _joined((each.since, each.until + LATE_S) for each in asked)
    found = connection.execute(
        select(table.c.since, table.c.until).where(
            table.c.device_number == device_number,
            table.c.until > spans[0][0] - LATE_S,
            table.c.since < spans[-1][1],
        )
    )
    kept = _joined((since, until + LATE_S) for since, until in found)
    missing = []
    for begin, end in spans:
        reached = begin
        for since, until in kept:
            if reached < since < end:
                missing.append((reached, since))
            if since < end:
                reached = max(reached, until)
        if reached < end:
            missing.append((reached, end))
    return missing


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same times, in order, as spans that do not touch."""
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def unkept(connection: Connection) -> list[EvidenceWanted]:
    """What the occurrences of the last minutes before a restart still want kept."""
    journal, kept = tables.journal, tables.evidence
    newest = select(func.max(journal.c.received_at)).scalar_subquery()
    rows = connection.execute(
        select(journal)
        .where(
            journal.c.received_at >= newest - UNKEPT_S,
            journal.c.occurrence_id.not_in(select(kept.c.occurrence_id)),
        )
        .order_by(journal.c.number)
    )
    return [wanted(event) for event in map(event_of, rows) if begins(event)]


def evidence(engine: Engine, occurrence_id: int) -> Evidence | None:
    """What was kept of an occurrence; None where nothing was (yet). Raises DatabaseDamaged."""
    kept, devices = tables.evidence, tables.devices
    query = select(kept, devices.c.device_id).join(devices)
    with engine.begin() as connection:
        row = connection.execute(query.where(kept.c.occurrence_id == occurrence_id)).one_or_none()
        if row is None:
            return None
        what = EvidenceWanted(occurrence_id, row.device_id, row.since, row.until)
        numerics = _read(connection, NUMERICS, row.device_number, what)
        waveforms = _read(connection, WAVEFORMS, row.device_number, what)
    return Evidence(what, numerics, waveforms)


def _read(
    connection: Connection, kind: Kind[Row], device_number: int, what: EvidenceWanted
) -> list[tuple[Description, Row]]:
    table = tables.evidence_rows
    found = connection.execute(
        select(table.c.block_id, table.c.description_id, table.c.data)
        .where(
            table.c.device_number == device_number,
            table.c.kind == kind.blocks.name,
            table.c.last_received_at >= what.since,
            table.c.first_received_at < what.until + LATE_S,
        )
        .order_by(table.c.first_received_at, table.c.block_id)
    ).all()
    known = {
        each: description_of(connection, each) for each in {row.description_id for row in found}
    }
    return [
        (known[block.description_id], row)
        for block in found
        for row in kind.rows(block.data, f"{table.name} {block.block_id}")
        if what.since <= row.received_at < what.until + LATE_S
    ]
