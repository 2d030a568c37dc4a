"""What devices have sent, read back from where it is kept."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, func, select, tuple_

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.registry import description_of
from rpm_service.adapters.storage.tail import NUMERICS, WAVEFORMS, Kind, Row, entries
from rpm_service.application.effects import Description, NumericRow, WaveformRow

PAGE: Final = 200
"""Blocks read at a time."""


def devices(engine: Engine) -> list[str]:
    """Every device that was ever heard of."""
    query = select(tables.devices.c.device_id).order_by(tables.devices.c.device_id)
    with engine.begin() as connection:
        return list(connection.execute(query).scalars())


def numerics(
    engine: Engine, device_id: str, since: float = float("-inf"), until: float = float("inf")
) -> Iterator[tuple[Description, NumericRow]]:
    """Values that a device observed from `since` to before `until`, by its own clock.

    Each comes with the description that its positions refer to. Raises DatabaseDamaged.
    """
    for description, rows in _rows(engine, NUMERICS, device_id, since, until):
        for row in rows:
            if since <= row.observed_at < until:
                yield description, row


def waveforms(
    engine: Engine, device_id: str, since: float = float("-inf"), until: float = float("inf")
) -> Iterator[tuple[Description, WaveformRow]]:
    """Samples of all of a device's channels that begin from `since` to before `until`.

    Times are by the device's own clock. Raises DatabaseDamaged.
    """
    for description, rows in _rows(engine, WAVEFORMS, device_id, since, until):
        for row in rows:
            if since <= row.start_at < until:
                yield description, row


def _rows(
    engine: Engine, kind: Kind[Row], device_id: str, since: float, until: float
) -> Iterator[tuple[Description, list[Row]]]:
    """What was there at first and may be of that time: blocks by their last time, then the tail.

    Blocks never change, so this is one state of the database although it is read a page at a
    time: a reader that dawdles must not keep the log from being cut back.
    """
    blocks = kind.blocks
    query = (
        select(blocks.c.block_id, blocks.c.last_at, blocks.c.description_id, blocks.c.data)
        .where(blocks.c.last_at >= since, blocks.c.first_at < until)
        .order_by(blocks.c.last_at, blocks.c.block_id)
        .limit(PAGE)
    )
    with engine.begin() as connection:
        number = connection.execute(
            select(tables.devices.c.number).where(tables.devices.c.device_id == device_id)
        ).scalar()
        newest = connection.execute(select(func.max(blocks.c.block_id))).scalar() or 0
        waiting = [
            (description_of(connection, place.description_id), rows)
            for place, rows in entries(kind, connection)
            if place.device_number == number
        ]
    query = query.where(blocks.c.device_number == number, blocks.c.block_id <= newest)
    page = query
    while True:
        with engine.begin() as connection:
            found = connection.execute(page).all()
            known = {
                each: description_of(connection, each)
                for each in {block.description_id for block in found}
            }
        for block in found:
            rows = kind.rows(block.data, f"{blocks.name} {block.block_id}")
            yield known[block.description_id], rows
        if len(found) < PAGE:
            break
        reached = (found[-1].last_at, found[-1].block_id)
        page = query.where(tuple_(blocks.c.last_at, blocks.c.block_id) > reached)
    yield from waiting
