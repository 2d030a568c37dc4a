"""Sessions on disk, so that a server that starts again knows who was signed in.

Without it every page, and every display on a wall, would stay dark after a restart until
somebody comes. The file holds the SHA-256 of each session's number: reading it signs nobody in.
It is written by a thread of its own, newest state last; alarms never wait for it.
"""

import json
import logging
import os
import stat
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rpm_service.adapters.web.accounts_file import replace_file
from rpm_service.application.access import Part, Person, Rights

NAME: Final = "sessions.json"
FILE_BYTES_MAX: Final = 256 * 1024

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """One session as it is on disk. `key` is the hash of its number, `way` how they came in."""

    key: str
    way: str
    person: Person
    by_password: bool
    opened_at: float
    active_at: float
    locked: bool


class SessionsFile:
    """The file in a data directory."""

    def __init__(self, data: Path) -> None:
        self._path = data / NAME
        self._thread = ThreadPoolExecutor(1, "sessions")
        self._next: Sequence[Kept] | None = None

    def read(self) -> list[Kept]:
        """Every session that was kept; none where the file cannot be trusted, and the log says so."""
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                text = file.read(FILE_BYTES_MAX + 1)
            if mode & 0o077:
                raise ValueError("others can read it")
            return [_kept(each) for each in json.loads(text)["sessions"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("%s: %s; everybody signs in anew", self._path, error)
            return []

    def keep(self, sessions: Sequence[Kept]) -> None:
        """Writes the sessions as they are now, soon."""
        self._next = sessions
        # One that finds nothing new does nothing.
        self._thread.submit(self._write)

    def close(self) -> None:
        """Waits until what was last kept is on disk."""
        self._thread.shutdown()

    def _write(self) -> None:
        while (sessions := self._next) is not None:
            self._next = None
            try:
                text = json.dumps({"sessions": [_written(each) for each in sessions]})
                replace_file(self._path, text.encode())
            except OSError as error:
                _log.warning("%s: %s; after a restart people sign in anew", self._path, error)


def _written(kept: Kept) -> dict[str, object]:
    person = kept.person
    return {
        "key": kept.key,
        "way": kept.way,
        "user": person.user,
        "role": person.rights.role,
        "units": sorted(person.rights.units),
        "lasts_s": person.lasts_s,
        "mark": person.mark,
        "by_password": kept.by_password,
        "opened_at": kept.opened_at,
        "active_at": kept.active_at,
        "locked": kept.locked,
    }


def _kept(found: dict[str, Any]) -> Kept:
    rights = Rights(Part(found["role"]), frozenset(map(str, found["units"])))
    lasts_s = found["lasts_s"]
    return Kept(
        str(found["key"]),
        str(found["way"]),
        Person(
            str(found["user"]),
            rights,
            None if lasts_s is None else float(lasts_s),
            str(found["mark"]),
        ),
        bool(found["by_password"]),
        float(found["opened_at"]),
        float(found["active_at"]),
        bool(found["locked"]),
    )
