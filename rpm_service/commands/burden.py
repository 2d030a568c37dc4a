"""`rpm-service burden`: what the alarms of a time cost those who had to answer them."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rpm_service.commands.database import Data, database
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.evaluate import STYLES
from rpm_service.commands.scope import Beds, Since, Units, Until, scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from rpm_service.application.burden import AlarmBurden, KindBurden

BAR_WIDTH: Final = 24
ROWS_MAX: Final = 15
"""Rows of a table that a person reads; --json has all."""


def burden(
    data: Data = Path("var"),
    since: Since = None,
    until: Until = None,
    bed: Beds = None,
    unit: Units = None,
    time_zone: Annotated[
        str | None,
        typer.Option("--time-zone", metavar="NAME", help="Whose hours of the day; default: here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Measure the alarm burden: how many, how long unanswered, and what makes them up.

    A bed counts as monitored while its stored values follow each other as closely as its
    connection needs. Also beside a running server.
    """
    from rpm_service.application.acts import ActRefused
    from rpm_service.commands.analysis import burden_of, zone_named
    from rpm_service.commands.analysis_objects import burden_object

    chosen = scope(since, until, bed, unit)
    try:
        # Without a name: that of this machine.
        zone = None if time_zone is None else zone_named(time_zone)
    except ActRefused as refusal:
        raise CommandError(f"--time-zone: {refusal}", ExitCode.USAGE) from refusal
    if until is None:
        # What still holds has lasted until now.
        chosen = replace(chosen, until=time.time())
    with database(data) as engine:
        measured = burden_of(engine, chosen, zone)
    if as_json:
        json.dump(burden_object(chosen, measured), sys.stdout, allow_nan=False)
        print()
    else:
        _show(measured)


def _show(measured: "AlarmBurden") -> None:
    from rich.console import Console

    console = Console()
    console.print(f"[bold]{measured.bed_days:.3g} bed-days[/bold] monitored")
    for name, kind in (
        ("physiological", measured.physiological), ("technical", measured.technical),
    ):  # fmt: skip
        console.print()
        _show_kind(console, name, kind)
    if measured.late_detected:
        console.print(
            f"\n{measured.late_detected} more were found in what came too late for an alarm at "
            "the bedside: nobody was called, and they are not counted"
        )


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
