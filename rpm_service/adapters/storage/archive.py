"""What devices have sent, read back from the blocks it is kept in."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Engine, Table, select, tuple_

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.blocks import BlockUnreadable, unpack_numerics, unpack_waveforms
from rpm_service.adapters.storage.errors import damaged
from rpm_service.adapters.storage.registry import description_of
from rpm_service.application.effects import Description, NumericRow, WaveformRow

PAGE = 200
"""Blocks read at a time."""
Row = TypeVar("Row", NumericRow, WaveformRow)


def devices(engine: Engine) -> list[str]:
    """Every device that was ever heard of."""
    query = select(tables.devices.c.device_id).order_by(tables.devices.c.device_id)
    with engine.begin() as connection:
        return list(connection.execute(query).scalars())


def numerics(
    engine: Engine, device_id: str, since: float = float("-inf"), until: float = float("inf")
) -> Iterator[tuple[Description, NumericRow]]:
    """Values that a device observed from `since` to before `until`, by its own clock.

    Each comes with the description that its positions refer to. Order: as recorded.
    """
    for description, rows in _blocks(
        engine, tables.numerics, unpack_numerics, device_id, since, until
    ):
        for row in rows:
            if since <= row.observed_at < until:
                yield description, row


def waveforms(
    engine: Engine, device_id: str, since: float = float("-inf"), until: float = float("inf")
) -> Iterator[tuple[Description, WaveformRow]]:
    """Samples of all of a device's channels that begin from `since` to before `until`.

    Times are by the device's own clock. Order: as recorded.
    """
    for description, rows in _blocks(
        engine, tables.waveforms, unpack_waveforms, device_id, since, until
    ):
        for row in rows:
            if since <= row.start_at < until:
                yield description, row


def _blocks(
    engine: Engine,
    table: Table,
    unpack: Callable[[bytes], Sequence[Row]],
    device_id: str,
    since: float,
    until: float,
) -> Iterator[tuple[Description, Sequence[Row]]]:
    known: dict[int, Description] = {}
    place = tuple_(table.c.last_at, table.c.block_id)
    query = (
        select(table.c.block_id, table.c.last_at, table.c.description_id, table.c.data)
        .join(tables.devices, tables.devices.c.number == table.c.device_number)
        .where(tables.devices.c.device_id == device_id)
        .where(table.c.last_at >= since, table.c.first_at < until)
        .order_by(*place)
        .limit(PAGE)
    )
    page = query
    while True:
        # A page at a time: a reader that dawdles must not keep the log from being cut back.
        with engine.begin() as connection:
            blocks = connection.execute(page).all()
            for block in blocks:
                if block.description_id not in known:
                    known[block.description_id] = description_of(connection, block.description_id)
        for block in blocks:
            try:
                yield known[block.description_id], unpack(block.data)
            except BlockUnreadable as error:
                raise damaged(f"{table.name} {block.block_id}: {error}") from error
        if len(blocks) < PAGE:
            return
        page = query.where(place > (blocks[-1].last_at, blocks[-1].block_id))
