"""How often somebody may be wrong about a password, by name and by address.

    failures    below `free`    from `free` on             from `lock_out_at` on
    next try    at once         after 1, 2, 4 ... s        after `lock_out_s`

A try counts as a failure from its beginning, so that many at once are no more than one after
the other; a right one takes that back. With time failures are forgotten, one by one, also those
of a lock-out: who is locked out gets one try when it is over, not a fresh start.

A name counts whether or not anybody has it, so that what is answered tells nothing about that.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

TALLIES_MAX: Final = 10_000
"""Names and addresses that are remembered, each; the one not heard of for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How much is put up with."""

    free: int
    """Failures after which the next try may still come at once."""
    lock_out_at: int
    lock_out_s: float
    forget_s: float
    """One failure is forgotten in each such time."""
    pause_s_max: float = 64.0

    def pause_s(self, failures: int) -> float:
        """How long the next try must wait."""
        if failures < self.free:
            return 0.0
        if failures >= self.lock_out_at:
            return self.lock_out_s
        return min(2.0 ** (failures - self.free), self.pause_s_max)


OF_A_NAME: Final = Patience(free=3, lock_out_at=10, lock_out_s=900.0, forget_s=900.0)
OF_AN_ADDRESS: Final = Patience(free=10, lock_out_at=30, lock_out_s=900.0, forget_s=60.0)
"""A whole ward may sit behind one address."""


class Tallies:
    """Failures of names, or of addresses."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._tallies: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def failures(self, key: str, now: float) -> int:
        """Failures that are not forgotten."""
        count, at = self._tallies.get(key, (0, now))
        return max(count - int((now - at) / self._patience.forget_s), 0)

    def wait_s(self, key: str, now: float) -> float:
        """How long the next try must still wait."""
        if key not in self._tallies:
            return 0.0
        # What a pause is counted from is the last try: time that forgets does not shorten it.
        count, at = self._tallies[key]
        return max(at + self._patience.pause_s(count) - now, 0.0)

    def fail(self, key: str, now: float) -> None:
        """A try has begun."""
        self._tallies[key] = self.failures(key, now) + 1, now
        self._tallies.move_to_end(key)
        if len(self._tallies) > TALLIES_MAX:
            self._tallies.popitem(last=False)

    def forgive(self, key: str) -> None:
        """A try was right, and no failure."""
        count, at = self._tallies.get(key, (0, 0.0))
        if count <= 1:
            self._tallies.pop(key, None)
        else:
            self._tallies[key] = count - 1, at

    def forget(self, key: str) -> None:
        """All that was wrong before is forgotten."""
        self._tallies.pop(key, None)


class Guesses:
    """What is let through to be checked at all."""

    def __init__(self) -> None:
        self._names = Tallies(OF_A_NAME)
        self._addresses = Tallies(OF_AN_ADDRESS)

    def begin(self, name: str, address: str, now: float) -> float:
        """Begins a try; gives the seconds that it must wait instead, where it may not be made."""
        wait_s = max(self._names.wait_s(name, now), self._addresses.wait_s(address, now))
        if not wait_s:
            self._names.fail(name, now)
            self._addresses.fail(address, now)
        return wait_s

    def right(self, name: str, address: str) -> None:
        """The try was right: the name begins anew, the address has one failure less."""
        self._names.forget(name)
        self._addresses.forgive(address)

    def undone(self, name: str, address: str) -> None:
        """The try that was begun could not be judged."""
        self._names.forgive(name)
        self._addresses.forgive(address)
