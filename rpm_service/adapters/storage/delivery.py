"""Alarm events on their way to people: what viewers confirmed, and calls by webhook."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple
from typing import Final

from sqlalchemy import Connection, Engine, func, select, update
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage import tables
from rpm_service.application.effects import Delivery, Notice


def _upsert_delivery() -> str:
    # What was told once holds: it was sent when it was first sent, and so it was confirmed.
    new = sqlite.insert(tables.deliveries)
    confirmed_at = func.coalesce(tables.deliveries.c.confirmed_at, new.excluded.confirmed_at)
    statement = new.on_conflict_do_update(
        index_elements=list(tables.deliveries.primary_key), set_={"confirmed_at": confirmed_at}
    )
    return str(statement.compile(dialect=sqlite.dialect()))


_DELIVERY: Final = _upsert_delivery()


def keep_deliveries(connection: Connection, told: Iterable[Delivery]) -> None:
    """Notes what was sent to viewers and what they confirmed."""
    rows = [astuple(each) for each in told]
    if rows:
        connection.exec_driver_sql(_DELIVERY, rows)


def keep_notices(
    connection: Connection,
    new: Iterable[Notice],
    sent: Mapping[str, float],
    given_up: Mapping[str, float],
) -> None:
    """Notes calls that are to go out, and when they were taken at the other end or given up."""
    table = tables.notices
    rows = []
    for notice in new:
        content = asdict(notice)
        notice_id, created_at = content.pop("notice_id"), content.pop("created_at")
        packed = json.dumps(content, allow_nan=False, separators=(",", ":"))
        rows.append({"notice_id": notice_id, "created_at": created_at, "content": packed})
    if rows:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)
    for column, ended in ((table.c.sent_at, sent), (table.c.given_up_at, given_up)):
        for notice_id, at in ended.items():
            mine = update(table).where(table.c.notice_id == notice_id)
            connection.execute(mine.values({column: at}))


def waiting_notices(connection: Connection) -> list[Notice]:
    """Calls that were neither taken at the other end nor given up yet, oldest first."""
    table = tables.notices
    query = select(table.c.notice_id, table.c.created_at, table.c.content)
    query = query.where(table.c.sent_at.is_(None), table.c.given_up_at.is_(None))
    query = query.order_by(table.c.created_at, table.c.notice_id)
    return [
        Notice(notice_id=notice_id, created_at=created_at, **json.loads(content))
        for notice_id, created_at, content in connection.execute(query)
    ]


def deliveries(engine: Engine, occurrence_id: int, event_seq: int) -> list[Delivery]:
    """What became of one alarm event, by viewer."""
    table = tables.deliveries
    query = select(table).where(
        table.c.occurrence_id == occurrence_id, table.c.event_seq == event_seq
    )
    with engine.begin() as connection:
        return [Delivery(*row) for row in connection.execute(query.order_by(table.c.viewer))]
