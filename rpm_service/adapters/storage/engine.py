"""The data directory and the database in it: who holds it, how it is opened, whether it is whole."""

import fcntl
import os
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event

from rpm_service.adapters.storage.errors import (
    DataDirectoryBusy,
    DataDirectoryUnusable,
    NoData,
    NotRecorded,
    damaged,
    in_one_line,
    read_back,
)
from rpm_service.adapters.storage.tables import METADATA, evidence_rows, numerics, waveforms

DATABASE: Final = "rpm.sqlite3"
LOCK: Final = "lock"
BUSY_MS: Final = 5_000
"""How long to wait for somebody else's lock, such as a copy being made, before giving up."""
LOG_BYTES_MAX: Final = 67_108_864
"""The write-ahead log is cut back to this size once a long reader has let it grow."""
CHECK_BYTES_MAX: Final = 67_108_864
"""A larger database is checked at the start without its blocks: a restart may take 2 s, and
checking reads several hundred MB a second. What alarms are restored from is always checked."""

_WRITING: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # SQLite would tell nobody of an error there: see fold.
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {LOG_BYTES_MAX}",
    f"PRAGMA busy_timeout = {BUSY_MS}",
)
_READING: Final = (f"PRAGMA busy_timeout = {BUSY_MS}",)


class DirectoryLock:
    """Holds a data directory for this process, until it is released or the process ends."""

    def __init__(self, directory: Path) -> None:
        """Makes the directory, for its owner only, where there is none.

        Raises DataDirectoryBusy, DataDirectoryUnusable.
        """
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            self._hold(directory)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"cannot keep data in {directory}: {error.strerror}; choose another --data"
            ) from error

    def _hold(self, directory: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode("ascii"), 0)
            # Made beforehand, so that it is never readable by others; the log inherits this.
            os.close(os.open(directory / DATABASE, os.O_RDWR | os.O_CREAT, 0o600))
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise DataDirectoryBusy(
                f"another server (pid {holder}) holds {directory}; stop it or choose another --data"
            ) from None
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Lets another process have the directory."""
        os.close(self._file)


def open_writing(directory: Path) -> Engine:
    """Opens the database to write; the caller holds the directory's lock."""
    url = URL.create("sqlite", database=str(directory / DATABASE))
    return _engine(url, _WRITING, "BEGIN IMMEDIATE")


def fold(engine: Engine) -> None:
    """Folds the write-ahead log into the database, as far as nobody reads what was before.

    At the start it also answers for what an earlier process was told had failed: a log that the
    medium never got may be read back from memory, as if it were there. Folding writes anew all
    that was read. Raises MediumFailed, NotRecorded, DatabaseDamaged.
    """
    with in_one_line(NotRecorded), closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def open_reading(directory: Path) -> Engine:
    """Opens the database to read, also beside a running server. Raises NoData."""
    path = directory / DATABASE
    if not path.is_file():
        raise NoData(f"there is no {DATABASE} in {directory}: is it the --data of a server?")
    return open_reading_file(path)


def open_reading_file(path: Path) -> Engine:
    """Opens one file that is a database, to read."""
    query = {"mode": "ro", "uri": "true"}
    url = URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query=query)
    return _engine(url, _READING, "BEGIN")


def _engine(url: URL, pragmas: tuple[str, ...], begin: str) -> Engine:
    # What is bound to a statement may name a patient: it belongs into no error message.
    engine = create_engine(url, hide_parameters=True, connect_args={"isolation_level": None})

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        for pragma in pragmas:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver itself would begin late, and fail where a read turns into a write.
        connection.exec_driver_sql(begin)

    return engine


def check(engine: Engine, directory: Path) -> None:
    """Reads what alarms are restored from, or a small database whole. Raises DatabaseDamaged."""
    names = [""]
    if (directory / DATABASE).stat().st_size > CHECK_BYTES_MAX:
        names = [f"('{table}')" for table in METADATA.tables if table not in _BLOCKS]
    with in_one_line(DataDirectoryUnusable), read_back(), engine.connect() as connection:
        for name in names:
            found = connection.exec_driver_sql(f"PRAGMA quick_check{name}").scalar()
            if found != "ok":
                raise damaged(str(found).splitlines()[0])


_BLOCKS: Final = (numerics.name, waveforms.name, evidence_rows.name)
