"""Options that choose a part of history."""

import re
import time
from datetime import datetime
from math import inf, isinf
from typing import Annotated, Final

import typer

from rpm_service.application.places import Scope
from rpm_service.commands.errors import CommandError, ExitCode

SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}

Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: 2026-05-01T08:00, or 24h, 7d ago."),
]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Before then.")]
Beds = Annotated[
    list[str] | None, typer.Option("--bed", metavar="NAME", help="Only this bed; repeatable.")
]
Units = Annotated[
    list[str] | None, typer.Option("--unit", metavar="NAME", help="Only this unit; repeatable.")
]


def scope(
    since: str | None, until: str | None, beds: list[str] | None, units: list[str] | None
) -> Scope:
    """Reads options. Raises CommandError."""
    begin = -inf if since is None else _moment("--since", since)
    end = inf if until is None else _moment("--until", until)
    if begin >= end:
        raise CommandError(f"--since {since}: is not before --until", ExitCode.USAGE)
    return Scope(begin, end, frozenset(beds or ()), frozenset(units or ()))


def _moment(option: str, text: str) -> float:
    """Unix seconds of a time: ISO 8601, local where no zone is given, or so long ago."""
    ago = re.fullmatch(r"(\d+(?:\.\d+)?)(s|min|h|d)", text)
    if ago:
        return time.time() - float(ago[1]) * SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise CommandError(
            f"{option} {text}: write 2026-05-01T08:00, or how long ago, such as 24h or 7d",
            ExitCode.USAGE,
        ) from None


def as_json(chosen: Scope) -> dict[str, float | None]:
    """The time that was chosen, without an end of its own where there is none."""
    ends = {"since": chosen.since, "until": chosen.until}
    return {name: None if isinf(at) else at for name, at in ends.items()}
