"""The file of local accounts: written by `rpm-service users`, read by the server beside it.

It lies in the data directory, belongs to the server's user alone, and is replaced whole: who
reads it finds the old one or the new one. Passwords are in it as argon2id hashes.
"""

import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from rpm_service.application.access import SHIFT_S, Part, Person, Rights
from rpm_service.application.identity import ID_PATTERN
from rpm_service.application.refusals import CannotStart

NAME: Final = "users.json"
ACCOUNTS_MAX: Final = 1000
FILE_BYTES_MAX: Final = 1024 * 1024
UNITS_MAX: Final = 32
"""Units that an account may be limited to."""
UNIT_CHARS_MAX: Final = 32
HOURS_MAX: Final = 24 * 366.0
_USER = re.compile(ID_PATTERN)


class AccountsUnreadable(CannotStart):
    """The file of accounts is not as it should be; one line says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """One local user. `hours`: how long they stay signed in; None: as is usual for the role."""

    name: str
    password: str = field(repr=False)
    """The argon2id hash, with its parameters and salt."""
    role: Part = Part.CLINICIAN
    units: tuple[str, ...] = ()
    hours: float | None = None
    disabled: bool = False

    def __post_init__(self) -> None:
        if _USER.fullmatch(self.name) is None:
            raise ValueError(f"{self.name!r} is not a user name: letters, digits, '.', '_' and '-'")
        if len(self.units) > UNITS_MAX:
            raise ValueError(f"more than {UNITS_MAX} units")
        for unit in self.units:
            if not 1 <= len(unit) <= UNIT_CHARS_MAX or not unit.isprintable():
                raise ValueError(f"{unit!r} is not a unit: 1 to {UNIT_CHARS_MAX} characters")
        most = HOURS_MAX if self.role is Part.WALL else SHIFT_S / 3600
        if self.hours is not None and not 0 < self.hours <= most:
            raise ValueError(
                f"{self.hours:g} hours: a {self.role} has more than 0, at most {most:g}"
            )

    def person(self) -> Person:
        """Who is signed in with this account."""
        usual = None if self.role is Part.WALL else SHIFT_S
        lasts_s = usual if self.hours is None else self.hours * 3600
        mark = sha256(self.password.encode()).hexdigest()
        return Person(self.name, Rights(self.role, frozenset(self.units)), lasts_s, mark)


Accounts = Mapping[str, Account]
Stamp = tuple[int, int, int]
"""Tells one file from the next: when it was written, which it is, and how long."""


def stamp_of(data: Path) -> Stamp | None:
    """What the file is like now; None: there is none, and nobody has an account."""
    try:
        found = (data / NAME).stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def read(data: Path) -> Accounts:
    """Reads all accounts. Raises AccountsUnreadable."""
    path = data / NAME
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AccountsUnreadable(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise AccountsUnreadable(f"{path} can be read by others: run `chmod 600 {path}`")
    try:
        if len(text) > FILE_BYTES_MAX:
            raise ValueError(f"more than {FILE_BYTES_MAX} bytes")
        accounts = [_account(each) for each in json.loads(text)["users"]]
    except (ValueError, KeyError, TypeError) as error:
        raise AccountsUnreadable(f"{path} is not a file of accounts: {error}") from error
    return {account.name: account for account in accounts}


def change(data: Path, change: Callable[[dict[str, Account]], None]) -> None:
    """Changes accounts, one command after the other. Raises AccountsUnreadable and ValueError."""
    with _alone(data):
        accounts = dict(read(data))
        change(accounts)
        if len(accounts) > ACCOUNTS_MAX:
            raise ValueError(f"there are {ACCOUNTS_MAX} accounts; remove some")
        users = [_written(accounts[name]) for name in sorted(accounts)]
        replace_file(data / NAME, json.dumps({"users": users}, indent=1).encode())


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    handle = os.open(data / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace_file(path: Path, text: bytes) -> None:
    """Makes a file whole, open to its owner alone: it is the old one or the new one."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _account(known: Mapping[str, Any]) -> Account:
    hours = known.get("hours")
    disabled = known.get("disabled", False)
    if not isinstance(disabled, bool):
        raise TypeError("disabled is true or false")
    return Account(
        str(known["name"]),
        str(known["password"]),
        Part(known["role"]),
        tuple(str(unit) for unit in known["units"]),
        None if hours is None else float(hours),
        disabled,
    )


def _written(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "password": account.password,
        "role": account.role.value,
        "units": list(account.units),
        "hours": account.hours,
        "disabled": account.disabled,
    }
