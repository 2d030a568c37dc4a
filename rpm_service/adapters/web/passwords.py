"""Passwords: argon2id, made and checked outside of the event loop, a bounded number at once.

A check takes a tenth of a second and 64 MiB, on purpose. One worker thread of its own makes them,
so that people who sign in, and whoever guesses, take nothing from alarms.
"""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_CHARS_MIN: Final = 12
PASSWORD_BYTES_MAX: Final = 256
WAITING_MAX: Final = 16
"""Checks that may wait for the worker; who comes then is asked to come again."""
HASHER: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
"""RFC 9106, section 4, second recommendation, on one core: the other is the ward's."""


class TooBusy(Exception):
    """More people sign in at this moment than can be checked."""


def fault_of(password: str) -> str | None:
    """Why a password cannot be set, in one line, if so."""
    if len(password) < PASSWORD_CHARS_MIN:
        return f"a password has at least {PASSWORD_CHARS_MIN} characters"
    if len(_bytes(password)) > PASSWORD_BYTES_MAX:
        return f"a password has at most {PASSWORD_BYTES_MAX} bytes"
    return None


def hashed(password: str) -> str:
    """The hash to keep of a password; takes a tenth of a second."""
    return HASHER.hash(_bytes(password))


class Checker:
    """Checks passwords, each check in the same time, also where there is nothing to check."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._worker = ThreadPoolExecutor(1, "password")
        self._waiting = 0
        self._decoy: str | None = None

    async def check(self, password: str, known: str | None) -> bool:
        """Whether a password has a hash; None: nobody has it. Raises TooBusy."""
        if self._waiting >= WAITING_MAX:
            raise TooBusy
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._worker, self._check, password, known)
        finally:
            self._waiting -= 1

    def _check(self, password: str, known: str | None) -> bool:
        if self._decoy is None:
            self._decoy = self._hasher.hash(b"nobody's")
        given = _bytes(password)
        fits = len(given) <= PASSWORD_BYTES_MAX
        try:
            self._hasher.verify(known or self._decoy, given if fits else b"")
        except (VerificationError, InvalidHashError):
            return False
        return known is not None and fits


def _bytes(password: str) -> bytes:
    # The same letters typed on another keyboard are the same password (NIST SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
