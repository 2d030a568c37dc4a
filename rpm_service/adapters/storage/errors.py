"""What may go wrong with what is on disk, each said in one line that a person can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from rpm_service.application.refusals import CannotGoOn, CannotStart

RESTORE: Final = "`rpm-service db restore COPY --replace` with the server's --data"
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_TEXT: Final = "Could not decode to UTF-8"
_UNSYNCED: Final = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)


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


class DatabaseDamaged(StorageError, CannotGoOn):
    """What is read back is not what was written."""


class MediumFailed(StorageError, CannotGoOn):
    """The operating system could not say that what was written is on the medium.

    It says so once: it then takes for written what it has lost, so trying again proves nothing.
    """


class CopyUnusable(StorageError):
    """A copy cannot be made, or is none."""


class NotRecorded(StorageError):
    """The database did not take a batch; nothing of it is on disk."""


class NotRead(StorageError):
    """The database did not give what was asked of it."""


@contextmanager
def in_one_line(otherwise: type[StorageError]) -> Iterator[None]:
    """Says a driver's error in this module's terms: one that ends the server, or `otherwise`.

    Raises DatabaseDamaged, MediumFailed, or `otherwise`.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        said = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(said, "sqlite_errorcode", 0)
        if code & 0xFF in _DAMAGE:  # without the extension
            raise damaged(str(said)) from error
        if str(said).startswith(_NO_TEXT):
            # SQLite itself has nothing against it. What follows may name a patient.
            raise damaged("text that was never written") from error
        if code in _UNSYNCED:
            raise MediumFailed(
                f"the disk failed to keep what was written ({said} at fsync): look after the disk, "
                f"then start again; if the database is refused then, {RESTORE}"
            ) from error
        raise otherwise(f"the database refuses: {said}") from error


@contextmanager
def read_back() -> Iterator[None]:
    """Says of what is read and can be none of ours: DatabaseDamaged. It may name a patient."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise damaged(f"what was never written: {type(error).__name__}") from error


def damaged(what: str) -> DatabaseDamaged:
    """Says what is wrong with a database, and what to do."""
    return DatabaseDamaged(
        f"the database is damaged ({what}): restore it from a copy, {RESTORE}; "
        "the damaged one is kept beside it"
    )
