"""Copies of a database: made beside a running server, checked, and put back.

A copy is one file. It is made in one read transaction, so it is the database as it stood at one
moment between two commits, whatever the server wrote meanwhile. It has its name only once it is
whole and on the medium.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.blocks import unsealed
from rpm_service.adapters.storage.engine import DATABASE, DirectoryLock, open_reading_file
from rpm_service.adapters.storage.errors import (
    CopyUnusable,
    DataDirectoryUnusable,
    NoData,
    damaged,
    in_one_line,
    read_back,
)
from rpm_service.adapters.storage.ledger import Head, LedgerBroken, verify
from rpm_service.adapters.storage.schema import HEAD, is_known, revision
from rpm_service.adapters.storage.tables import acts, journal
from rpm_service.adapters.storage.tail import readable

BLOCKS: Final = (
    tables.numerics, tables.numerics_tail, tables.waveforms, tables.waveforms_tail,
    tables.evidence_rows,
)  # fmt: skip
"""What has samples in it, each block with a seal of its own."""
PAGES: Final = 1_024
"""Copied at once: 4 MiB, between two looks at how far it is."""
BESIDE: Final = ("", "-wal", "-shm")
"""The files of one database."""

Progress = Callable[[float], None]
"""Is told how much is done, from 0 to 1."""


class Heads(NamedTuple):
    """The newest rows of what is chained by hashes: kept elsewhere, they show what was cut off."""

    journal: Head
    acts: Head


def copy(directory: Path, to: Path, progress: Progress) -> Heads:
    """Copies the database of a data directory into a file, checks the copy, gives its heads.

    Raises NoData, CopyUnusable, DatabaseDamaged and LedgerBroken.
    """
    source = directory / DATABASE
    if not source.is_file():
        raise NoData(f"there is no {DATABASE} in {directory}: is it the --data of a server?")
    with _whole(to) as partial:
        _copy_pages(source, partial, progress)
        return check_copy(partial)


def check_copy(path: Path) -> Heads:
    """Reads a database whole and recomputes every hash; beside a running server too.

    Raises CopyUnusable, DatabaseDamaged and LedgerBroken.
    """
    if not path.is_file():
        raise CopyUnusable(f"there is no file {path}")
    engine = open_reading_file(path)
    try:
        with in_one_line(CopyUnusable), read_back(), engine.begin() as connection:
            return _checked(connection, path)
    finally:
        engine.dispose()


def _checked(connection: Connection, path: Path) -> Heads:
    found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
    if found != "ok":
        raise damaged(str(found).splitlines()[0])
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise damaged("rows belong to rows that are not there")
    version = revision(connection)
    if version is None or not is_known(version):
        raise CopyUnusable(f"{path} is no database of this service, or of a later version of it")
    if version != HEAD:
        raise CopyUnusable(
            f"{path} has version {version}, this program checks version {HEAD}: "
            "start a server on a copy of it first"
        )
    for table in BLOCKS:
        (key,) = table.primary_key
        for number, data in connection.execute(select(key, table.c.data)):
            with readable(f"{table.name} {number}"):
                unsealed(data)
    return Heads(verify(connection, journal), verify(connection, acts))


def check_against(path: Path, earlier: Heads) -> None:
    """Checks that what was the newest row of a ledger once is still there, as it was.

    Raises LedgerBroken.
    """
    engine = open_reading_file(path)
    try:
        with in_one_line(CopyUnusable), engine.begin() as connection:
            for table, head in zip((journal, acts), earlier, strict=True):
                row = select(table.c.hash).where(table.c.number == head.number)
                if head.number and connection.execute(row).scalar() != head.hash:
                    raise LedgerBroken(f"{table.name} {head.number} is not as it was then")
    finally:
        engine.dispose()


def put_back(path: Path, directory: Path, *, replace: bool, progress: Progress) -> Path | None:
    """Makes a copy the database of a data directory that no server holds.

    Where there is a database already it is moved aside, to the path that is given back, if
    `replace`. Raises DataDirectoryBusy, DataDirectoryUnusable, CopyUnusable, and what
    check_copy raises.
    """
    check_copy(path)
    lock = DirectoryLock(directory)
    try:
        with in_one_line(DataDirectoryUnusable):
            return _put_back(path, directory / DATABASE, replace=replace, progress=progress)
    finally:
        lock.release()


def _put_back(path: Path, place: Path, *, replace: bool, progress: Progress) -> Path | None:
    aside = None
    if place.stat().st_size:
        if not replace:
            raise CopyUnusable(f"{place} is there already: choose another --data, or --replace it")
        aside = place.with_name(f"{place.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        if aside.exists():
            raise CopyUnusable(f"{aside} is there already: try again in a second")
    restored = place.with_name(f"{place.name}.restored")
    restored.unlink(missing_ok=True)
    with _whole(restored) as partial:
        _copy_pages(path, partial, progress)
    if aside is not None:
        # The log first: what is in it belongs to that database, and never to another.
        for suffix in reversed(BESIDE):
            file = place.with_name(place.name + suffix)
            if file.exists():
                file.rename(aside.with_name(aside.name + suffix))
    restored.rename(place)
    _sync(place.parent)
    return aside


def _copy_pages(source: Path, target: Path, progress: Progress) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            # While this transaction lasts nobody's commit makes the copying begin anew.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()

            def tell(_status: int, left: int, whole: int) -> None:
                progress(1 - left / whole if whole else 1.0)

            reading.backup(writing, pages=PAGES, progress=tell)
            # One file, that is read without another beside it; a server makes its own of it.
            writing.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(str(error)) from error
        raise CopyUnusable(f"cannot copy {source} to {target}: {error}") from error


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Gives a file to fill, open to its owner alone, that becomes `path` once it is whole."""
    partial = path.with_name(f"{path.name}.partial")
    if path.exists():
        raise CopyUnusable(f"{path} is there already: choose another name")
    try:
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            yield partial
            _sync(partial)
            partial.rename(path)
        finally:
            for suffix in BESIDE:
                partial.with_name(partial.name + suffix).unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise CopyUnusable(f"cannot write {path}: {error.strerror}") from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
