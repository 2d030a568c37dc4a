"""Local accounts as a way to sign in: a name and a password, judged slowly and not too often."""

import asyncio
import ipaddress
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rpm_service.adapters.web import accounts_file
from rpm_service.adapters.web.accounts_file import AccountsUnreadable
from rpm_service.adapters.web.passwords import Checker, TooBusy
from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.application.access import Person
from rpm_service.application.guesses import Guesses
from rpm_service.application.ports import Clock
from rpm_service.application.ways_in import SignInRefused

FOLLOW_S: Final = 0.25
"""A change of accounts is noticed in this time."""
NAME_CHARS_MAX: Final = 63

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Password:
    """Who somebody says they are, how they prove it, and where they sit."""

    name: str
    password: str = field(repr=False)
    address: str


class LocalAccounts:
    """The accounts of the data directory. Raises AccountsUnreadable."""

    name = "account"
    by_password = True

    def __init__(self, data: Path, clock: Clock, checker: Checker | None = None) -> None:
        self._data = data
        self._clock = clock
        self._checker = checker or Checker()
        self._guesses = Guesses()
        self._stamp = accounts_file.stamp_of(data)
        self._accounts = accounts_file.read(data)

    def __len__(self) -> int:
        return len(self._accounts)

    def __contains__(self, name: str) -> bool:
        return name in self._accounts

    async def person(self, proof: Password) -> Person:
        """Judges a name and a password. Raises SignInRefused, for each fault in the same words."""
        name, address = proof.name[:NAME_CHARS_MAX], _network(proof.address)
        wait_s = self._guesses.begin(name, address, self._clock.now())
        if wait_s:
            line = WORDS.too_many_tries.format(time=_in_words(wait_s))
            raise SignInRefused(line, wait_s)
        await self.refresh()
        account = self._accounts.get(proof.name)
        usable = account if account is not None and not account.disabled else None
        try:
            known = usable.password if usable is not None else None
            is_right = await self._checker.check(proof.password, known)
        except TooBusy:
            self._guesses.undone(name, address)
            raise SignInRefused(WORDS.busy, 1.0) from None
        if usable is None or not is_right:
            # A name that is nobody's may be a password in the wrong field: it is not written.
            who = account.name if account is not None else "an unknown name"
            _log.warning("sign-in refused: %s from %s", who, proof.address)
            raise SignInRefused(WORDS.wrong)
        self._guesses.right(name, address)
        return usable.person()

    def stands(self, person: Person) -> Person | None:
        """How somebody's account is now; with another password it is signed in to anew."""
        account = self._accounts.get(person.user)
        if account is None or account.disabled:
            return None
        now = account.person()
        return now if now.mark == person.mark else None

    async def follow(self) -> None:
        """Takes in every change of the file until cancelled."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Takes in a change of the file, if there is one.

        Of a file that cannot be read the accounts stay as they were, and the log says so: a
        slip of an administrator's leaves no ward without its page.
        """
        try:
            stamp = await asyncio.to_thread(accounts_file.stamp_of, self._data)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            self._accounts = await asyncio.to_thread(accounts_file.read, self._data)
        except (AccountsUnreadable, OSError) as error:
            _log.error("accounts stay as they were: %s", error)


def _network(address: str) -> str:
    """What counts as one address: of IPv6 the /64 that one household or host has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def _in_words(seconds: float) -> str:
    if seconds > 90:
        return WORDS.minutes.format(number=round(seconds / 60))
    return WORDS.seconds.format(number=max(round(seconds), 1))
