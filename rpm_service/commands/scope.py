"""Options that choose a part of history."""

import re
import time
from datetime import datetime
from math import inf, isinf
from typing import Annotated, Final

import typer

from rpm_service.application.places import Scope
from rpm_service.commands.errors import CommandError, ExitCode

SECONDS: Final = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
DATE_DIGITS: Final = 8
"""A date may be written as so many digits, 20260501; more are Unix seconds."""

Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="From then on: 2026-05-01T08:00, or 30m, 24h, 7d ago."),
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
    """Unix seconds of a time: such a number, ISO 8601 (local where it says no zone), or ago."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|d)?", text)
    if number and number[2]:
        return time.time() - float(number[1]) * SECONDS[number[2]]
    if number and len(number[1]) > DATE_DIGITS:
        return float(number[1])
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise CommandError(
            f"{option} {text}: write 2026-05-01T08:00, Unix seconds, or how long ago, such as "
            "30m, 24h or 7d",
            ExitCode.USAGE,
        ) from None


def duration(option: str, text: str) -> float:
    """Seconds of 90s, 30m, 72h or 365d; infinite for `forever`. Raises CommandError."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|min|h|d)", text)
    if number is not None and float(number[1]) > 0:
        return float(number[1]) * SECONDS[number[2]]
    if text == "forever":
        return inf
    raise CommandError(f"{option} {text}: write 72h, 365d or forever", ExitCode.USAGE)


def as_json(chosen: Scope) -> dict[str, float | None]:
    """The time that was chosen, without an end of its own where there is none."""
    ends = {"since": chosen.since, "until": chosen.until}
    return {name: None if isinf(at) else at for name, at in ends.items()}
