"""`rpm-service burden`: what the alarms of a time cost those who had to answer them."""

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.commands.database import Data, database
from rpm_service.commands.evaluate import STYLES
from rpm_service.commands.scope import Beds, Since, Units, Until, scope
from rpm_service.commands.scope import as_json as scope_as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from rpm_service.application.burden import AlarmBurden, KindBurden
    from rpm_service.application.places import Scope

BAR_WIDTH: Final = 24
ROWS_MAX: Final = 15
"""Rows of a table that a person reads; --json has all."""


def burden(
    data: Data = Path("var"),
    since: Since = None,
    until: Until = None,
    bed: Beds = None,
    unit: Units = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure the alarm burden: how many, how long unanswered, and what makes them up.

    A bed counts as monitored while its stored values follow each other as closely as its
    connection needs. Also beside a running server.
    """
    from rpm_service.commands.analysis import burden_of

    chosen = scope(since, until, bed, unit)
    if until is None:
        # What still holds has lasted until now.
        chosen = replace(chosen, until=time.time())
    with database(data) as engine:
        measured = burden_of(engine, chosen)
    if as_json:
        json.dump(_as_json(chosen, measured), sys.stdout, allow_nan=False)
        print()
    else:
        _show(measured)


def _as_json(chosen: "Scope", measured: "AlarmBurden") -> dict[str, Any]:
    found = asdict(measured)
    for kind in ("physiological", "technical"):
        for each in found[kind]["conditions"]:
            each["priority"] = each["priority"].name
    return {**scope_as_json(chosen), **found}


def _show(measured: "AlarmBurden") -> None:
    from rich.console import Console

    console = Console()
    console.print(f"[bold]{measured.bed_days:.3g} bed-days[/bold] monitored")
    for name, kind in (
        ("physiological", measured.physiological), ("technical", measured.technical),
    ):  # fmt: skip
        console.print()
        _show_kind(console, name, kind)


def _show_kind(console: "Console", name: str, kind: "KindBurden") -> None:
    from rich.markup import escape

    console.print(f"[bold]{kind.occurrences} {name}[/bold]  {_rate(kind.per_bed_day)} per bed-day")
    if not kind.occurrences:
        return
    console.print(
        f"acknowledged {kind.acknowledged}"
        + _after(", half within", kind.acknowledged_after_s_p50)
        + _after(", nine of ten within", kind.acknowledged_after_s_p90)
        + f"; never {kind.never_acknowledged}"
        + f"; again within 60 s {kind.repeated_within_60_s}"
    )
    most = max(each.occurrences for each in kind.conditions)
    _table(
        console,
        ("condition", "priority", "unit", "alarms", "a bed-day", "lasted", ""),
        [
            (
                escape(each.condition),
                f"[{STYLES[each.priority]}]{each.priority.name}[/]",
                escape(each.unit),
                str(each.occurrences),
                _rate(each.per_bed_day),
                _duration(each.duration_s),
                "█" * max(1, round(BAR_WIDTH * each.occurrences / most)),
            )
            for each in kind.conditions
        ],
    )
    _table(
        console,
        ("bed", "unit", "alarms", "share", "so far", ""),
        [
            (
                escape(each.bed),
                escape(each.unit),
                str(each.occurrences),
                f"{each.share:.0%}",
                f"{each.share_so_far:.0%}",
                "█" * max(1, round(BAR_WIDTH * each.share)),
            )
            for each in kind.beds
        ],
    )


def _table(console: "Console", head: "Sequence[str]", rows: "Sequence[Sequence[str]]") -> None:
    from rich.table import Table

    table = Table(*head, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for row in rows[:ROWS_MAX]:
        table.add_row(*row)
    console.print(table)
    if len(rows) > ROWS_MAX:
        console.print(f"[dim]and {len(rows) - ROWS_MAX} more: --json has all[/dim]")


def _rate(per_bed_day: float | None) -> str:
    return "--" if per_bed_day is None else f"{per_bed_day:.1f}"


def _after(words: str, seconds: float | None) -> str:
    return "" if seconds is None else f"{words} {_duration(seconds)}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.1f} h"
