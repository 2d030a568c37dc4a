"""What devices sent around the beginning of an occurrence, kept beyond all retention.

Rows are chosen by when they were received, which is the server's time, and later ones by a
margin (LATE_S), since what was observed in time may come late. A device's clock is its own.
Occurrences of one device that come close together share their rows: none is kept twice.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select

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
from rpm_service.application.evidence import LATE_S, begins, is_whole, wanted

UNKEPT_S: Final = 120.0
"""After a restart the evidence of occurrences is asked for that began so long before its end."""

_KEPT_NEAR: Final = (
    "SELECT since, until FROM evidence WHERE device_number = ? AND until > ? AND since < ?"
)

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
    new = {each.occurrence_id: each for each in asked}
    table = tables.evidence
    kept = select(table.c.occurrence_id).where(table.c.occurrence_id.in_(new))
    for occurrence_id in connection.execute(kept).scalars().all():
        del new[occurrence_id]
    by_device: dict[int, list[EvidenceWanted]] = {}
    for each in new.values():
        number = devices.place(connection, each.device_id).device_number
        by_device.setdefault(number, []).append(each)
    rows: list[dict[str, Any]] = []
    for number, mine in by_device.items():
        for span in _missing(connection, number, mine):
            rows += _packed(connection, number, numerics, span)
            rows += _packed(connection, number, waveforms, span)
    if rows:
        connection.execute(insert(tables.evidence_rows), rows)
    if new:
        connection.execute(
            insert(table),
            [
                {
                    "occurrence_id": each.occurrence_id,
                    "device_number": number,
                    "since": each.since,
                    "until": each.until,
                }
                for number, mine in by_device.items()
                for each in mine
            ],
        )


def _packed(
    connection: Connection, device_number: int, tail: Tail[Row], span: Span
) -> Iterator[dict[str, Any]]:
    """Rows of a device that were received in a span of time, as rows of the table."""
    for description_id, rows in tail.received(connection, device_number, *span):
        received = [row.received_at for row in rows]
        yield {
            "kind": tail.kind.blocks.name,
            "device_number": device_number,
            "description_id": description_id,
            "first_received_at": min(received),
            "last_received_at": max(received),
            "data": tail.kind.pack(rows).data,
        }


def _missing(connection: Connection, device_number: int, asked: list[EvidenceWanted]) -> list[Span]:
    """The spans of what is asked for that are not kept for an earlier occurrence."""
    spans = _joined((each.since, each.until + LATE_S) for each in asked)
    found = connection.exec_driver_sql(
        _KEPT_NEAR, (device_number, spans[0][0] - LATE_S, spans[-1][1])
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
        # Where another patient was observed beside it, what came late may be theirs.
        span = (what.since, what.until + LATE_S if is_whole(what) else what.until)
        numerics = _read(connection, NUMERICS, row.device_number, span)
        waveforms = _read(connection, WAVEFORMS, row.device_number, span)
    return Evidence(what, numerics, waveforms)


def _read(
    connection: Connection, kind: Kind[Row], device_number: int, span: Span
) -> list[tuple[Description, Row]]:
    table, (since, until) = tables.evidence_rows, span
    found = connection.execute(
        select(table.c.block_id, table.c.description_id, table.c.data)
        .where(
            table.c.device_number == device_number,
            table.c.kind == kind.blocks.name,
            table.c.last_received_at >= since,
            table.c.first_received_at < until,
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
        if since <= row.received_at < until
    ]
