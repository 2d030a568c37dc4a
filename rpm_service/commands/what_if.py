"""`rpm-service what-if`: what other alarm limits would have made of the same history."""

import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rpm_service.commands.database import Data, UnitsFile, database
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.evaluate import STYLES
from rpm_service.commands.limit_options import (
    TIERS,
    Changes,
    Combined,
    Delay,
    Hold,
    Hysteresis,
    Latching,
    Limit,
    Rate,
)
from rpm_service.commands.scope import Beds, Since, Units, Until, scope
from rpm_service.domain.alarms import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from rpm_service.application.what_if import Comparison, WhatIf

BAR_WIDTH: Final = 12


def what_if(
    data: Data = Path("var"),
    since: Since = None,
    until: Until = None,
    bed: Beds = None,
    unit: Units = None,
    units: UnitsFile = None,
    limit: Limit = None,
    delay: Delay = None,
    hysteresis: Hysteresis = None,
    hold: Hold = None,
    rate: Rate = None,
    combined: Combined = False,
    latching: Latching = None,
    only: Annotated[
        bool, typer.Option("--only", help="Only the limits given are in force, as in `evaluate`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Replay stored numerics under other alarm limits, and compare.

    What is given changes the preset of each bed; METRIC.extreme_low and extreme_high may be
    given too. With --only nothing else is in force, and delay, hysteresis and hold are 0 unless
    given. Also beside a running server.
    """
    from rpm_service.adapters.units.reader import units_in
    from rpm_service.adapters.units.table import UnitsRefused
    from rpm_service.commands.analysis import what_if_of
    from rpm_service.commands.analysis_objects import what_if_object

    chosen = scope(since, until, bed, unit)
    changes = Changes.parsed(
        limit, delay, hysteresis, hold, latching, rate=rate, combined=combined, sides=TIERS
    )
    if changes == Changes({}):
        raise CommandError("say what to try: --limit SpO2.low=88, for one", ExitCode.USAGE)
    try:
        decided = units_in(data, units)
    except UnitsRefused as refusal:
        raise CommandError(str(refusal), ExitCode.INPUT) from refusal
    with database(data) as engine, _progress() as progress:
        trial = partial(changes.made_to, only=only)
        found = what_if_of(engine, decided, chosen, trial, progress)
    if as_json:
        json.dump(what_if_object(chosen, found), sys.stdout, allow_nan=False)
        print()
    else:
        _show(found)


@contextmanager
def _progress() -> "Iterator[Callable[[int, int], None]]":
    """A bar on a terminal; nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    console = Console(stderr=True)
    bar = Progress(
        BarColumn(), MofNCompleteColumn(), "devices", TimeElapsedColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    )  # fmt: skip
    with bar:
        task = bar.add_task("")
        yield lambda done, of: bar.update(task, completed=done, total=of)


def _show(found: "WhatIf") -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(f"[bold]{found.values:,} values[/bold] of {found.beds} beds replayed")
    if found.late_values:
        console.print(
            f"{found.late_values:,} more came too late for an alarm at the bedside: left out"
        )
    console.print()
    _show_comparisons(console, found.comparisons)
    console.print(f"\n{_verdict(found)}")
    for event in found.missed:
        alarm = event.alarm
        extreme = "" if alarm.extreme is None else f" {alarm.extreme:g}"
        when = datetime.fromtimestamp(alarm.raised_at, UTC).astimezone()
        console.print(
            f"  {when:%Y-%m-%d %H:%M:%S}  {escape(alarm.bed)}  "
            f"[{STYLES[alarm.priority]}]{alarm.priority.name}[/]  "
            f"{escape(alarm.condition.code)} {escape(alarm.condition.metric)}{extreme}"
        )


def _show_comparisons(console: "Console", comparisons: "Sequence[Comparison]") -> None:
    from rich.markup import escape
    from rich.table import Table

    if not comparisons:
        console.print("no alarms, neither then nor now")
        return
    headers = ("", "tried", "", "as it was", "journal", "")
    table = Table(*headers, box=None, pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    most = max(max(each.baseline, each.tried) for each in comparisons) or 1
    for each in comparisons:
        if each.kind is Kind.TECHNICAL and not each.baseline and not each.tried:
            # Of the service and not of what was measured: no replay can raise it.
            continue
        table.add_row(
            f"{escape(each.condition)}:",
            str(each.tried),
            "instead of",
            str(each.baseline),
            str(each.recorded),
            f"[green]{_bar(each.tried, most)}[/][dim]{_bar(each.baseline - each.tried, most)}[/]",
        )
    console.print(table)


def _bar(count: int, most: int) -> str:
    return "█" * round(BAR_WIDTH * count / most) if count > 0 else ""


def _verdict(found: "WhatIf") -> str:
    if not found.real:
        return "nobody acknowledged an alarm of a vital sign, so none can be called missed"
    known = found.real - found.unknown
    words = f"[bold]{len(found.missed)} of {known}[/bold] alarms that somebody acknowledged or took upon themselves would have been missed"
    if found.unknown:
        words += f"; {found.unknown} more cannot be judged: no values of the time are stored"
    return words
