"""What may go wrong with what is on disk, each said in one line that a person can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from rpm_service.application.refusals import CannotStart

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class StorageError(CannotStart):
    """The data directory, or the database in it, cannot be used."""


class NoData(StorageError):
    """There is no database in the directory."""


class DataDirectoryBusy(StorageError):
    """Another process holds the directory."""


class DataDirectoryUnusable(StorageError):
    """The directory cannot be made, or written in."""


class DatabaseOfAnotherVersion(StorageError):
    """The database was written by another version of this service."""


class DatabaseDamaged(StorageError):
    """What is read back is not what was written."""


class CopyUnusable(StorageError):
    """A copy cannot be made, or is none."""


class NotRecorded(StorageError):
    """The database did not take a batch; nothing of it is on disk."""


class NotRead(StorageError):
    """The database did not give what was asked of it."""


@contextmanager
def in_one_line(otherwise: type[StorageError]) -> Iterator[None]:
    """Says a driver's error in this module's terms: DatabaseDamaged, or `otherwise`."""
    try:
        yield
    except DBAPIError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # without the extension
        if code in _DAMAGE:
            raise damaged(str(error.orig)) from error
        raise otherwise(f"the database refuses: {error.orig}") from error


def damaged(what: str) -> DatabaseDamaged:
    """Says what is wrong with a database, and what to do."""
    return DatabaseDamaged(f"the database is damaged ({what}): restore it from a copy")
