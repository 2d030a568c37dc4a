"""One-time sign-in links: made by whoever may write into the data directory, used once.

A link carries a random token. The directory holds a file for each link that waits, named by
the SHA-256 of its token, so that reading the directory signs nobody in. Whoever unlinks the
file has used the link; the file system lets one unlink succeed.
"""

import asyncio
import hashlib
import json
import os
import re
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.application.access import Person
from rpm_service.application.identity import ID_PATTERN
from rpm_service.application.ways_in import SignInRefused

LINK_S_MAX: Final = 600.0
"""A link that was not used in this time is worth nothing."""
LINKS_MAX: Final = 256
"""Links that may wait at once."""
TOKEN_BYTES: Final = 16
FILE_BYTES_MAX: Final = 1024

_TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")
_USER = re.compile(ID_PATTERN)


class LinkRefused(Exception):
    """A link that signs nobody in: never made, used already, or too old."""


class TooManyLinks(Exception):
    """As many links wait to be used as may."""


def issue_link(data: Path, user: str, base_url: str, *, now: float) -> str:
    """Makes a link that signs `user` in once, within LINK_S_MAX; the server need not know.

    `now` is in Unix seconds. Raises ValueError for a user name that is none, TooManyLinks, and
    OSError where the directory cannot be written.
    """
    if _USER.fullmatch(user) is None:
        raise ValueError(f"{user!r} is not a user name: letters, digits, '.', '_' and '-'")
    directory = data / "sign-in"
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    _forget_old(directory, now)
    if len(os.listdir(directory)) >= LINKS_MAX:
        raise TooManyLinks(f"{LINKS_MAX} sign-in links wait to be used; try again in ten minutes")
    token = secrets.token_urlsafe(TOKEN_BYTES)
    note = json.dumps({"user": user, "expires_at": now + LINK_S_MAX}).encode()
    assert len(note) <= FILE_BYTES_MAX
    handle = os.open(_file(directory, token), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(note)
    return f"{base_url}/sign-in?token={token}"


def redeem(data: Path, token: str, *, now: float) -> str:
    """Uses a link up and tells whom it signs in. Raises LinkRefused."""
    if _TOKEN.fullmatch(token) is None:
        raise LinkRefused
    path = _file(data / "sign-in", token)
    try:
        with path.open("rb") as file:
            note = file.read(FILE_BYTES_MAX)
        path.unlink()
    except FileNotFoundError:
        raise LinkRefused from None
    known = json.loads(note)
    user, expires_at = str(known["user"]), float(known["expires_at"])
    if now >= expires_at:
        raise LinkRefused
    return user


class Links:
    """One-time links as a way to sign in: whoever made one may do everything, and says who it is.

    Whoever may write into the data directory is trusted with all that is in it.
    """

    name = "link"
    by_password = False

    def __init__(self, data: Path) -> None:
        self._data = data

    async def person(self, proof: str) -> Person:
        """Uses the link of a token up. Raises SignInRefused."""
        try:
            # Links are made by other processes too: the wall clock is what all of them have.
            user = await asyncio.to_thread(redeem, self._data, proof, now=time.time())
        except LinkRefused:
            raise SignInRefused(WORDS.link_used) from None
        return Person(user)

    def stands(self, person: Person) -> Person | None:
        """As they came in: there is nothing that could have changed."""
        return person


def _file(directory: Path, token: str) -> Path:
    return directory / hashlib.sha256(token.encode("ascii")).hexdigest()


def _forget_old(directory: Path, now: float) -> None:
    for path in directory.iterdir():
        # Somebody else may tidy up, or use the link, at the same moment.
        with suppress(FileNotFoundError):
            if now - path.stat().st_mtime > LINK_S_MAX:
                path.unlink()
