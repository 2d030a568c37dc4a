"""Stored numerics as columns, for the analysis of long times: many rows a second, no row objects.

It loads numpy, which a server that starts must not pay for: import it where it is needed.
Times are those of receipt, on the server's clock, in whose order blocks were written.
"""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, Final

import numpy as np
from sqlalchemy import Engine, Select, func, select

from rpm_service.adapters.storage import archive, tables
from rpm_service.adapters.storage.blocks import FULL, HEAD, times_received, unsealed
from rpm_service.adapters.storage.errors import damaged
from rpm_service.adapters.storage.registry import (
    all_associations,
    all_stays,
    description_of,
    known_beds,
)
from rpm_service.adapters.storage.tail import NUMERICS, entries, readable
from rpm_service.application.effects import Association, Bed, Description, NumericRow, Stay
from rpm_service.application.history import NumericColumns

PAGE: Final = 1_000
"""Blocks read at a time: a day of a device that sends once a second has 2,700."""

_blocks: Final = tables.numerics


class StoredHistory:
    """What a server has kept, read from its database, also beside it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def devices(self) -> Sequence[str]:
        """Every device that was ever heard of."""
        return archive.devices(self._engine)

    def beds(self) -> Sequence[Bed]:
        """Every bed, with its unit as it is now."""
        with self._engine.begin() as connection:
            return known_beds(connection)

    def stays(self) -> Sequence[Stay]:
        """Every stay, also those that are over."""
        with self._engine.begin() as connection:
            return all_stays(connection)

    def associations(self) -> Sequence[Association]:
        """Every association, also those that are over."""
        with self._engine.begin() as connection:
            return all_associations(connection)

    def numerics(
        self, device_id: str, since: float = -inf, until: float = inf
    ) -> Iterator[NumericColumns]:
        """Rows that were received from a device from `since` to before `until`, as they came.

        Raises DatabaseDamaged.
        """
        for columns in self._stored(device_id, since, until):
            inside = (columns.received_at >= since) & (columns.received_at < until)
            if inside.all():
                yield columns
            elif inside.any():
                yield columns.chosen(inside)

    def _stored(self, device_id: str, since: float, until: float) -> Iterator[NumericColumns]:
        """What may be of that time: blocks, then the tail; one state of the database.

        Blocks never change, so they are read a page at a time (see archive.py).
        """
        with self._engine.begin() as connection:
            number = connection.execute(
                select(tables.devices.c.number).where(tables.devices.c.device_id == device_id)
            ).scalar()
            newest = connection.execute(select(func.max(_blocks.c.block_id))).scalar() or 0
            waiting: dict[int, list[NumericRow]] = {}
            for place, rows in entries(NUMERICS, connection):
                if place.device_number == number:
                    waiting.setdefault(place.description_id, []).extend(rows)
            left = [
                _from_rows(description_of(connection, description_id), rows)
                for description_id, rows in waiting.items()
            ]
        query = (
            select(_blocks.c.block_id, _blocks.c.description_id, _blocks.c.data)
            .where(_blocks.c.device_number == number, _blocks.c.block_id <= newest)
            .order_by(_blocks.c.block_id)
        )
        reached = self._first(query, newest, since)
        while True:
            with self._engine.begin() as connection:
                found = connection.execute(
                    query.where(_blocks.c.block_id >= reached).limit(PAGE)
                ).all()
                known = {
                    each: description_of(connection, each)
                    for each in {block.description_id for block in found}
                }
            yield from _joined(_columns(known[block.description_id], block) for block in found)
            if len(found) < PAGE or _received(found[-1])[0] >= until:
                break
            reached = found[-1].block_id + 1
        yield from left

    def _first(self, query: Select[Any], newest: int, since: float) -> int:
        """The number from which on blocks reach into the time after `since`, by bisection."""
        low, high = 0, newest + 1
        while since > -inf and low < high:
            middle = (low + high) // 2
            with self._engine.begin() as connection:
                block = connection.execute(
                    query.where(_blocks.c.block_id >= middle).limit(1)
                ).one_or_none()
            if block is None or _received(block)[-1] >= since:
                high = middle
            else:
                low = block.block_id + 1
        return low


def _where(block: Any) -> str:
    return f"{_blocks.name} {block.block_id}"


def _received(block: Any) -> tuple[float, ...]:
    with readable(_where(block)):
        return times_received(block.data)


def _columns(description: Description, block: Any) -> NumericColumns:
    """The columns of one block: taken as they are where it is FULL (see blocks.py)."""
    with readable(_where(block)):
        data = unsealed(block.data)
    if data[:1] != bytes([FULL]):
        return _from_rows(description, NUMERICS.rows(block.data, _where(block)))
    _, _, width, count = HEAD.unpack_from(data)
    if width != len(description.numerics) or len(data) != HEAD.size + 8 * count * (3 + width):
        raise damaged(f"{_where(block)}: {count} rows of {width} values in {len(data)} bytes")
    numbers = np.frombuffer(data, "<f8", offset=HEAD.size)
    return NumericColumns(
        description,
        numbers[count : 2 * count],
        numbers[2 * count : 3 * count],
        numbers[3 * count :].reshape(count, width),
    )


def _from_rows(description: Description, rows: list[NumericRow]) -> NumericColumns:
    count, width = len(rows), len(description.numerics)
    values = np.full((count, width), np.nan)
    reported = np.zeros((count, width), dtype=bool)
    validity = np.zeros((count, width), dtype=np.uint8)
    for place, row in enumerate(rows):
        indices = list(row.indices or range(width))
        values[place, indices] = row.values
        reported[place, indices] = True
        if row.validity:
            validity[place, indices] = row.validity
    return NumericColumns(
        description,
        np.array([row.observed_at for row in rows], dtype=float),
        np.array([row.received_at for row in rows], dtype=float),
        values,
        None if reported.all() else reported,
        validity if validity.any() else None,
    )


def _joined(parts: Iterator[NumericColumns]) -> Iterator[NumericColumns]:
    """The same rows in as few pieces as there are descriptions one after the other."""
    alike: list[NumericColumns] = []
    for part in parts:
        if alike and alike[0].description is not part.description:
            yield _concatenated(alike)
            alike = []
        alike.append(part)
    if alike:
        yield _concatenated(alike)


def _concatenated(parts: list[NumericColumns]) -> NumericColumns:
    reported = validity = None
    if any(part.reported is not None for part in parts):
        reported = np.concatenate(
            [
                np.ones(part.values.shape, dtype=bool) if part.reported is None else part.reported
                for part in parts
            ]
        )
    if any(part.validity is not None for part in parts):
        validity = np.concatenate(
            [
                np.zeros(part.values.shape, dtype=np.uint8)
                if part.validity is None
                else part.validity
                for part in parts
            ]
        )
    return NumericColumns(
        parts[0].description,
        np.concatenate([part.observed_at for part in parts]),
        np.concatenate([part.received_at for part in parts]),
        np.concatenate([part.values for part in parts]),
        reported,
        validity,
    )
