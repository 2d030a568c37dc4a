"""The database of a server, opened to be read, also beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from sqlalchemy import Engine

Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="The data directory of the server.")
]

UnitsFile = Annotated[
    Path | None,
    typer.Option(
        "--units", metavar="FILE", help="What units have decided; else units.toml in --data."
    ),
]


@contextmanager
def database(data: Path) -> "Iterator[Engine]":
    """Opens it. What is wrong with it ends the command in one line: CommandError."""
    from rpm_service.adapters.storage.engine import open_reading
    from rpm_service.adapters.storage.errors import (
        DataDirectoryUnusable,
        StorageError,
        in_one_line,
    )
    from rpm_service.adapters.storage.schema import require_current

    try:
        engine = open_reading(data)
        try:
            with in_one_line(DataDirectoryUnusable):
                require_current(engine)
                yield engine
        finally:
            engine.dispose()
    except StorageError as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
