"""Brings a database to the tables of this version: makes them, or migrates earlier ones."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect

from rpm_service.adapters.storage.errors import (
    DatabaseOfAnotherVersion,
    DataDirectoryUnusable,
    in_one_line,
    read_back,
)
from rpm_service.adapters.storage.tables import METADATA

HEAD: Final = "0004"
"""The newest migration. Kept here so that a start that migrates nothing loads no Alembic."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSION: Final = """\
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)"""
"""The table in which Alembic notes the newest migration."""


def upgrade(engine: Engine) -> None:
    """Brings the database to this version in one transaction, from none or an earlier one.

    Raises DatabaseOfAnotherVersion where it is a later one.
    """
    with in_one_line(DataDirectoryUnusable), read_back(), engine.begin() as connection:
        found = revision(connection)
        if found is None:
            _make(connection)
        elif found != HEAD:
            _migrate(connection, found)


def require_current(engine: Engine) -> None:
    """Raises DatabaseOfAnotherVersion where the database is not of this version."""
    with in_one_line(DataDirectoryUnusable), read_back(), engine.begin() as connection:
        found = revision(connection)
    if found != HEAD:
        raise DatabaseOfAnotherVersion(
            f"the database has version {found}, this program reads version {HEAD}: "
            "use the program of the server that writes it"
        )


def revision(connection: Connection) -> str | None:
    """The newest migration that a database has been through; None where it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql(
        "SELECT version_num FROM alembic_version"
    ).scalar()
    return found


def is_known(found: str) -> bool:
    """Whether a version is one that this program can bring up to date, or its own."""
    return found == HEAD or any(MIGRATIONS.glob(f"versions/v{found}_*.py"))


def _make(connection: Connection) -> None:
    """All tables, as the migrations would leave them."""
    METADATA.create_all(connection, checkfirst=False)
    connection.exec_driver_sql(_VERSION)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (HEAD,))


def _migrate(connection: Connection, found: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found not in known:
        raise DatabaseOfAnotherVersion(
            f"the database has version {found}, and this server knows none later than {HEAD}: "
            "start the newer server, or restore a copy from before it"
        )
    command.upgrade(config, "head")
