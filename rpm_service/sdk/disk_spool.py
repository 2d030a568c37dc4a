"""The spool on disk: what was observed outlives the process that observed it.

The same as the spool in memory, with two bounds: bytes and age. Every frame is in one SQLite
file, with the numbers that the server knows this device by, so that a process that was killed
goes on where it was: what it had taken is sent, under the numbers that it had.

A frame is committed before `append` returns, to the operating system: it outlives a kill -9.
The file is brought to the medium at checkpoints, so that a loss of power may take the newest
frames with it, and never damages the rest. Each frame is sealed, so that one which a bad medium
has changed is given up, as any other that there was no room for, and never sent.
"""

import sqlite3
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from rpm_service.sdk import wire
from rpm_service.sdk.errors import SpoolUnusable
from rpm_service.sdk.spool import FRAME_OVERHEAD_BYTES, Frame, new_spool_id
from rpm_service.sdk.wire import Numbered

DISK_BYTES_MAX = 1024**3
"""Unless told otherwise."""
AGE_S_MAX = 24 * 3600.0
"""Unless told otherwise; what is older helps nobody at the bedside."""
READ_AHEAD = 64
"""Frames that are read at once."""
KEPT_MAX = 1024
"""Frames that are kept in memory: those on their way and those read ahead."""
_VERSION = 3

_TABLES = """
CREATE TABLE frames (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    has_waveforms INTEGER NOT NULL,
    kept_at REAL NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX frames_with_waveforms ON frames (number) WHERE has_waveforms;
CREATE INDEX frames_observed ON frames (number) WHERE kind = 'observations';
CREATE TABLE spool (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL,
    base INTEGER
);
INSERT INTO spool VALUES (1, 0, NULL);
"""
_NAMED = """
ALTER TABLE spool ADD COLUMN spool_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX frames_alarms ON frames (number) WHERE kind = 'device_alarm';
"""
"""What version 2 has more than version 1."""
_SEALED = """
ALTER TABLE frames ADD COLUMN seal INTEGER;
"""
"""What version 3 has more: frames from before have none, and are believed."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_KINDS = {each.value: each for each in Numbered}

_HELD = "SELECT count(*), total(length(payload)), min(number), min(kept_at) FROM frames"
_OLDEST_WAVEFORMS = "SELECT min(number) FROM frames WHERE has_waveforms"
_OLDEST_OBSERVATIONS = "SELECT min(number) FROM frames WHERE kind = 'observations'"


class DiskSpool:
    """Keeps frames in the order of their numbers, in a file of its own.

    `clock` gives Unix seconds. Raises SpoolUnusable where the file cannot be used, or another
    process uses it.
    """

    def __init__(
        self,
        path: Path,
        bytes_max: int = DISK_BYTES_MAX,
        age_s_max: float = AGE_S_MAX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        assert bytes_max >= wire.FRAME_BYTES_MAX + FRAME_OVERHEAD_BYTES
        self.bytes_max = bytes_max
        self.age_s_max = age_s_max
        self.outlives_its_process = True
        self.frames_dropped = 0
        self.waveforms_dropped = 0
        """Frames that lost their waveforms and kept their numerics."""
        self._path = path
        self._clock = clock
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        try:
            with ExitStack() as undo:
                self._file = undo.enter_context(closing(self._opened()))
                known = self._file.execute("SELECT last, base, spool_id FROM spool").fetchone()
                count, size, first, oldest = self._file.execute(_HELD).fetchone()
                undo.pop_all()
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        self.last: int = known[0]
        self._base: int | None = known[1]
        self.spool_id: int = known[2]
        self._count: int = count
        self.size_bytes = int(size) + self._count * FRAME_OVERHEAD_BYTES
        self._first: int = first or 0
        self._oldest_at: float = oldest or 0.0

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        try:
            # One process at a time: two would give out the same numbers.
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = NORMAL")
            version = file.execute("PRAGMA user_version").fetchone()[0]
            if version in range(_VERSION):
                lacks = (_TABLES, _NAMED, _SEALED)[version:]
                file.executescript(f"BEGIN EXCLUSIVE; {' '.join(lacks)}")
                if _NAMED in lacks:
                    file.execute("UPDATE spool SET spool_id = ?", (new_spool_id(),))
                file.execute(f"PRAGMA user_version = {_VERSION}")
                file.execute("COMMIT")
            elif version != _VERSION:
                raise SpoolUnusable(
                    f"the spool {self._path} is of version {version}; this program reads {_VERSION}"
                )
        except BaseException:
            file.close()
            raise
        # What is damaged is no reason to read nothing: see _frame.
        file.text_factory = lambda raw: raw.decode("ascii", "replace")
        self._path.chmod(0o600)
        return file

    def _unusable(self, error: sqlite3.Error) -> SpoolUnusable:
        code = getattr(error, "sqlite_errorcode", 0)
        hint = "; move it away, and a new one begins" if code & 0xFF in _DAMAGED else ""
        return SpoolUnusable(f"the spool {self._path} cannot be used: {error}{hint}")

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def __len__(self) -> int:
        return self._count

    @property
    def first(self) -> int:
        """Lowest number held; 0 where the spool is empty."""
        return self._first

    @property
    def base(self) -> int | None:
        """What the server's sequence numbers are ahead of ours; None before the first Welcome."""
        return self._base

    @base.setter
    def base(self, base: int) -> None:
        self._file.execute("UPDATE spool SET base = ?", (base,))
        self._base = base

    def append(self, kind: Numbered, payload: bytes, *, has_waveforms: bool = False) -> int:
        """Keeps a frame, giving up older ones if it must, and returns its number."""
        now, number = self._clock(), self.last + 1
        size = len(payload) + FRAME_OVERHEAD_BYTES
        file = self._file
        file.execute("BEGIN")
        try:
            self._give_up_old(now)
            while self.size_bytes + size > self.bytes_max:
                self._give_up()
            file.execute(
                "INSERT INTO frames VALUES (?, ?, ?, ?, ?, ?)",
                (number, kind.value, has_waveforms, now, payload, _seal(number, kind, payload)),
            )
            file.execute("UPDATE spool SET last = ?", (number,))
        finally:
            # Whatever went wrong, what was given up is given up, as we count it.
            file.execute("COMMIT")
        self.last = number
        if not self._count:
            self._first, self._oldest_at = number, now
        self._count += 1
        self.size_bytes += size
        return number

    def get(self, number: int) -> Frame | None:
        """Returns the frame of this number, if it is still held."""
        return self._kept.get(number) or self._read(number, number)

    def after(self, number: int, through: int | None = None) -> Frame | None:
        """Returns the first frame held beyond this number, up to another one."""
        last = self.last if through is None else through
        if number >= last:
            # The common case: everything is on its way.
            return None
        return self._kept.get(number + 1) or self._read(number + 1, last)

    def alarms(self, number: int) -> Iterator[Frame]:
        """Gives the device's own alarms that are held from this number on, in order."""
        rows = self._file.execute(
            "SELECT number, kind, payload, has_waveforms, seal FROM frames"
            " WHERE kind = 'device_alarm' AND number >= ? ORDER BY number",
            (number,),
        )
        for row in rows.fetchall():
            if (frame := _frame(*row)) is not None:
                yield frame

    def release(self, first: int, last: int) -> int:
        """Lets go of all frames from one number to another; returns how many."""
        if not self._count or last < self._first:
            return 0
        for number in [each for each in self._kept if first <= each <= last]:
            del self._kept[number]
        return self._delete("number BETWEEN ? AND ?", first, last)

    def discard(self, number: int) -> bool:
        """Lets go of one frame; returns whether it was held."""
        self._kept.pop(number, None)
        return bool(self._delete("number = ?", number))

    def _read(self, number: int, last: int) -> Frame | None:
        """The first frame from `number` to `last`, and those behind it into memory."""
        try:
            found = None
            # Where all that was read is damaged it is given up, and what is behind is read.
            while found is None and (rows := self._rows(number, last)):
                for row in rows:
                    frame = self._taken(*row)
                    found = found or frame
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    def _rows(self, number: int, last: int) -> Sequence[tuple[Any, ...]]:
        return self._file.execute(
            "SELECT number, kind, payload, has_waveforms, seal FROM frames"
            " WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?",
            (number, last, READ_AHEAD),
        ).fetchall()

    def _taken(self, number: int, *row: Any) -> Frame | None:
        """Takes a row into memory; gives up what is not as it was written."""
        # One that is known already may have been refused: that is remembered.
        frame = self._kept.get(number) or _frame(number, *row)
        if frame is None:
            self.discard(number)
            self.frames_dropped += 1
        else:
            self._kept[number] = frame
        return frame

    def _delete(self, which: str, *values: float) -> int:
        condition = f"FROM frames WHERE {which}"
        query = f"SELECT count(*), total(length(payload)) {condition}"
        count, size = self._file.execute(query, values).fetchone()
        if not count:
            return 0
        self._file.execute(f"DELETE {condition}", values)
        self._count -= count
        self.size_bytes -= int(size) + count * FRAME_OVERHEAD_BYTES
        first = self._file.execute("SELECT number, kept_at FROM frames ORDER BY number LIMIT 1")
        self._first, self._oldest_at = first.fetchone() or (0, 0.0)
        return int(count)

    def _give_up_old(self, now: float) -> None:
        if self._count and self._oldest_at < now - self.age_s_max:
            self._kept.clear()
            self.frames_dropped += self._delete("kept_at < ?", now - self.age_s_max)

    def _give_up(self) -> None:
        """Frees some room: the oldest waveforms, else the oldest observations, else an alarm."""
        number = self._oldest(_OLDEST_WAVEFORMS)
        if number is not None:
            frame = self.get(number)
            if frame is None:
                # It was damaged, and is gone.
                return
            payload = wire.without_waveforms(frame.payload)
            self.size_bytes -= len(frame.payload) - len(payload)
            frame.payload, frame.has_waveforms = payload, False
            self._file.execute(
                "UPDATE frames SET payload = ?, has_waveforms = 0, seal = ? WHERE number = ?",
                (payload, _seal(number, frame.kind, payload), number),
            )
            self.waveforms_dropped += 1
            return
        oldest = self._oldest(_OLDEST_OBSERVATIONS)
        self.discard(self._first if oldest is None else oldest)
        self.frames_dropped += 1

    def _oldest(self, query: str) -> int | None:
        number: int | None = self._file.execute(query).fetchone()[0]
        return number


def _seal(number: int, kind: Numbered, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(f"{number} {kind.value}".encode()))


def _frame(number: int, kind: Any, payload: Any, has_waveforms: Any, seal: Any) -> Frame | None:
    """The frame in a row; None where the row is not as it was written."""
    known = _KINDS.get(kind)
    if known is None or not isinstance(payload, bytes):
        return None
    if seal is not None and seal != _seal(number, known, payload):
        return None
    return Frame(number, known, payload, bool(has_waveforms))
