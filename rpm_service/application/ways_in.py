"""Ways to sign in: each takes a proof of its own kind and says who that is.

Local accounts, one-time links and an identity provider stand behind `WayIn`; sessions, rights
and the page know no other difference than whether a password unlocks.
"""

from typing import Protocol, TypeVar

from rpm_service.application.access import Person

Proof_contra = TypeVar("Proof_contra", contravariant=True)


class SignInRefused(Exception):
    """Nobody is signed in; one line for a person. `wait_s`: no try is looked at before."""

    def __init__(self, line: str, wait_s: float = 0.0) -> None:
        super().__init__(line)
        self.line = line
        self.wait_s = wait_s


class WayIn(Protocol[Proof_contra]):
    """One way to prove who one is."""

    name: str
    """By which a session is known to have come in this way, also after a restart."""
    by_password: bool
    """Whether the same proof can be asked for again, to unlock a session."""

    async def person(self, proof: Proof_contra) -> Person:
        """Judges a proof. Raises SignInRefused."""
        ...

    def stands(self, person: Person) -> Person | None:
        """How somebody who came in this way stands now; None: may not be signed in any more."""
        ...
