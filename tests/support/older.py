"""A database as an earlier version would have left it, made of one of this version."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from rpm_service.adapters.storage import schema
from rpm_service.adapters.storage.engine import DATABASE, DirectoryLock, open_writing

_STREAMS = """
INSERT INTO main.streams SELECT stream_id, epoch, coalesce(
    (SELECT max(newest) FROM newer.spools AS spools WHERE spools.stream_id = streams.stream_id), 0)
FROM newer.streams AS streams
"""
"""Before version 0004 a stream had one numbering, without holes."""


def make_older(data: Path, revision: str) -> None:
    """Puts what a data directory holds into the tables of an earlier version, in place.

    The tables are made by the migrations up to that version. What it had no room for is left
    out, and so is every trace of the migrations after it.
    """
    newer = data.with_name(f"{data.name}.newer")
    data.rename(newer)
    lock = DirectoryLock(data)
    engine = open_writing(data)
    migrate(engine, revision)
    engine.dispose()
    with closing(sqlite3.connect(data / DATABASE)) as older, older:
        older.execute("PRAGMA foreign_keys = OFF")
        older.execute("ATTACH ? AS newer", (str(newer / DATABASE),))
        for (table,) in older.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'"):
            if table == "streams" and '"durable_seq"' in _columns(older, "main", table):
                older.execute(_STREAMS)
            elif table != "alembic_version":
                names = ", ".join(_columns(older, "main", table) & _columns(older, "newer", table))
                older.execute(
                    f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newer.{table}"
                )
    lock.release()


def migrate(engine: Engine, revision: str) -> None:
    """Brings a database, or an empty one, to a version by the migrations."""
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        command.upgrade(config, revision)


def _columns(database: sqlite3.Connection, schema_name: str, table: str) -> set[str]:
    found = database.execute(f"PRAGMA {schema_name}.table_info({table})")
    return {f'"{name}"' for _, name, *_ in found}
