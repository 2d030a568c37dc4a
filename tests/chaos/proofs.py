"""What a proof is: a function that is given a ward and tells figures, each beside its bound.

    @proof("G2")
    async def a_silent_device(ward: Ward) -> list[Figure]:
        ...
        return [Figure("G2", "a frozen device is COMM LOST at every viewer", 10.4, "s", 12.0)]

A module of proofs is named in AREAS of __main__.py; docs/promises.md says which promise is
proven where.
"""

import shutil
import sysconfig
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from tests.chaos.ward import Ward

LIBFAKETIME: Final = Path(
    "/usr/lib", sysconfig.get_config_var("MULTIARCH") or "", "faketime", "libfaketimeMT.so.1"
)
"""Of the Debian package faketime."""

Works = Callable[[Ward], Awaitable[list["Figure"]]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the report: a promise, what was found, and what was promised.

    It is held where `least` <= figure <= `bound`. No figure: it was not run, and `note` says why.
    """

    id: str
    what: str
    figure: float | None
    unit: str
    bound: float
    least: float = 0.0
    note: str = ""

    @property
    def held(self) -> bool | None:
        """None where it was not run."""
        return None if self.figure is None else self.least <= self.figure <= self.bound

    def row(self) -> dict[str, Any]:
        """As build/chaos.json has it; what is not finite (never came, no bound) is null there."""
        row = {**asdict(self), "held": self.held}
        return {name: None if each == inf else each for name, each in row.items()}


@dataclass(frozen=True, slots=True)
class Proof:
    """A function that proves one promise or several."""

    promises: tuple[str, ...]
    works: Works
    needs: tuple[str, ...]
    """What it cannot be run without; see is_installed."""
    waits: bool
    """It mostly waits, and disturbs nobody: some such are carried out at once."""

    @property
    def name(self) -> str:
        return self.works.__name__

    @property
    def what(self) -> str:
        return (self.works.__doc__ or self.name).partition("\n")[0].rstrip(".")

    def lacks(self) -> str:
        """What it needs and is not there; empty where nothing is missing."""
        missing = [need for need in self.needs if not is_installed(need)]
        return f"{' and '.join(missing)} is not installed" if missing else ""


def is_installed(need: str) -> bool:
    """Whether a program, or the library that misleads a clock, is there."""
    return LIBFAKETIME.exists() if need == "libfaketime" else shutil.which(need) is not None


PROOFS: Final[list[Proof]] = []


def proof(
    *promises: str, needs: tuple[str, ...] = (), waits: bool = False
) -> Callable[[Works], Works]:
    """Registers a proof of these promises; see Proof."""

    def register(works: Works) -> Works:
        PROOFS.append(Proof(promises, works, needs, waits))
        return works

    return register
