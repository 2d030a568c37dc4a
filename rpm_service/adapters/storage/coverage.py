"""When devices were monitored: the times that their stored values cover.

It is read from the index of blocks, by the last time in each, without the values themselves.
Only where two of those are far apart is the later block looked at.
"""

from collections.abc import Iterator
from math import inf
from typing import Final

from sqlalchemy import Engine, func, select

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.registry import description_of
from rpm_service.adapters.storage.tail import NUMERICS, entries
from rpm_service.application.bedside import silence_after_s

HOLE_S: Final = 60.0
"""Blocks whose last times are no further apart have no hole worth the reading between them."""
PAGE: Final = 10_000

_blocks: Final = tables.numerics


def monitored(
    engine: Engine, device_id: str, since: float = -inf, until: float = inf
) -> Iterator[tuple[float, float]]:
    """Intervals that a device was monitored in, by its own clock, in order and apart.

    One goes on from value to value for as long as the bedside would not have called the
    connection lost.
    """
    reached: tuple[float, float] | None = None
    for begin, end, bridge_s in _pieces(engine, device_id, since):
        if reached is not None and begin - reached[1] <= bridge_s:
            reached = reached[0], max(reached[1], end)
            continue
        if reached is not None and reached[1] > since:
            yield max(reached[0], since), min(reached[1], until)
        if begin >= until:
            return
        reached = begin, end
    if reached is not None and reached[1] > since:
        yield max(reached[0], since), min(reached[1], until)


def _pieces(engine: Engine, device_id: str, since: float) -> Iterator[tuple[float, float, float]]:
    """Begin and end of what was stored together, and what hole before it counts as none."""
    with engine.begin() as connection:
        number = connection.execute(
            select(tables.devices.c.number).where(tables.devices.c.device_id == device_id)
        ).scalar()
        newest = connection.execute(select(func.max(_blocks.c.block_id))).scalar() or 0
        waiting = [
            (min(times), max(times), silence_after_s(description_of(connection, description_id)))
            for (device_number, description_id), rows in entries(NUMERICS, connection)
            if device_number == number and (times := [row.observed_at for row in rows])
        ]
    last_at = -inf
    for block_id, end in _ends(engine, number, newest, since):
        if end - last_at <= HOLE_S:
            yield last_at, end, HOLE_S
        else:
            yield _piece(engine, block_id)
        last_at = end
    yield from sorted(waiting)


def _ends(
    engine: Engine, number: int | None, newest: int, since: float
) -> Iterator[tuple[int, float]]:
    """Blocks and their last times; the index alone has both."""
    ends = select(_blocks.c.block_id, _blocks.c.last_at).where(
        _blocks.c.device_number == number, _blocks.c.last_at >= since
    )
    query = ends.order_by(_blocks.c.last_at, _blocks.c.block_id).limit(PAGE)
    skip = 0
    while True:
        with engine.begin() as connection:
            found = connection.execute(query.offset(skip)).all()
        yield from ((block_id, end) for block_id, end in found if block_id <= newest)
        if len(found) < PAGE:
            return
        skip += PAGE


def _piece(engine: Engine, block_id: int) -> tuple[float, float, float]:
    """What one block covers: no more than its rows can, whatever lies between its ends."""
    query = select(
        _blocks.c.first_at, _blocks.c.last_at, _blocks.c.row_count, _blocks.c.description_id
    ).where(_blocks.c.block_id == block_id)
    with engine.begin() as connection:
        first_at, last_at, rows, description_id = connection.execute(query).one()
        bridge_s = silence_after_s(description_of(connection, description_id))
    return max(first_at, last_at - (rows - 1) * bridge_s), last_at, bridge_s
