"""Draws the tables of the alarm machines into docs/spec/alarms.md: `make docs`.

The code's tables are the only ones: what is drawn here is never edited by hand, and a test
fails where it is not what the code says.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from rpm_service.domain import ownership, signals

PAGE: Final = Path(__file__).parent / "spec" / "alarms.md"
BLOCK: Final = re.compile(r"<!-- drawn: (\w+) -->\n.*?<!-- end -->", re.DOTALL)

ILLEGAL: Final = "\N{EN DASH}"

Table = Mapping[Any, tuple[str, str]]
"""What follows on (state, event) where the alarm is not latching, and where it is."""

SIGNAL: Final[Table] = signals.TABLE
OWNERSHIP: Final[Table] = {cell: (owner, owner) for cell, owner in ownership.TABLE.items()}
DRAWN: Final = {
    "signal": (SIGNAL, signals.Presence, signals.SignalEvent),
    "ownership": (OWNERSHIP, ownership.Ownership, ownership.OwnershipEvent),
}
"""The first state of each is where it begins."""


def draw(name: str) -> str:
    """Draws one machine: its table, then its diagram."""
    table, states, events = DRAWN[name]
    return "\n".join((*_rows(table, states, events), "", *_diagram(table, states)))


def _rows(table: Table, states: type[StrEnum], events: type[StrEnum]) -> Iterator[str]:
    yield _row("", *events)
    yield "|---" * (len(events) + 1) + "|"
    for state in states:
        yield _row(state, *(_cell(table.get((state, event))) for event in events))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("|  |", "| |")


def _cell(following: tuple[str, str] | None) -> str:
    if following is None:
        return ILLEGAL
    plain, latching = following
    return plain if plain == latching else f"{latching} if latching, else {plain}"


def _diagram(table: Table, states: type[StrEnum]) -> Iterator[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, event), (plain, latching) in table.items():
        if plain == latching:
            arrows.setdefault((state, plain), []).append(event)
        else:
            arrows.setdefault((state, plain), []).append(f"{event} (not latching)")
            arrows.setdefault((state, latching), []).append(f"{event} (latching)")
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {next(iter(states))}"
    for (state, following), events in arrows.items():
        yield f"    {state} --> {following}: {', '.join(events)}"
    yield "```"


def redrawn(page: str) -> str:
    """The page with every marked block as the code has it."""

    def block(found: re.Match[str]) -> str:
        name = found.group(1)
        return f"<!-- drawn: {name} -->\n{draw(name)}\n<!-- end -->"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(redrawn(PAGE.read_text()))
