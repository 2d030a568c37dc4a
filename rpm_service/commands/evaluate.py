"""`rpm-service evaluate`: which alarms a recording would have raised under given limits."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rpm_service.application.effects import Numeric
from rpm_service.application.evaluation import Occurrence, Track, evaluate
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.limit_options import (
    Changes,
    Combined,
    Delay,
    Hold,
    Hysteresis,
    Latching,
    Limit,
    Rate,
)
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.metrics import BY_NAME, UCUM
from rpm_service.domain.presets import PRESETS
from rpm_service.gateways.recordings import Recording, RecordingUnreadable, read_recording

BAR_WIDTH: Final = 12
STYLES: Final = {
    Priority.HIGH: "bold white on red",
    Priority.MEDIUM: "black on yellow",
    Priority.LOW: "cyan",
}


def evaluate_recording(
    recording: Annotated[
        list[Path], typer.Argument(metavar="RECORDING...", help="Files of one recording.")
    ],
    preset: Annotated[
        AgeClass, typer.Option(help="Limits in force where no --limit is given.")
    ] = AgeClass.ADULT,
    limit: Limit = None,
    delay: Delay = None,
    hysteresis: Hysteresis = None,
    hold: Hold = None,
    rate: Rate = None,
    combined: Combined = False,
    latching: Latching = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Tell which alarms a recording would have raised.

    Once any --limit is given, only the limits given are in force, all at one tier, and delay,
    hysteresis and hold are 0 unless given; a heart rate of 0 is then a low one like any other.
    """
    changes = Changes.parsed(
        limit, delay, hysteresis, hold, latching or "off", rate=rate, combined=combined
    )
    settings = changes.made_to(PRESETS[preset], only=bool(limit))
    try:
        read = read_recording(recording)
    except RecordingUnreadable as error:
        raise CommandError(str(error), ExitCode.INPUT) from error
    occurrences = evaluate(_tracks(read), settings)
    if as_json:
        json.dump(_as_json(read, occurrences), sys.stdout)
        print()
    else:
        _show(read, occurrences)


def _tracks(recording: Recording) -> list[Track]:
    names: dict[str, int] = {}
    tracks = []
    for each in recording.numerics:
        known = BY_NAME.get(each.metric)
        names[each.metric] = number = names.get(each.metric, 0) + 1
        numeric = Numeric(
            name=each.metric if number == 1 else f"{each.metric} {number}",
            code=each.code,
            unit=each.unit,
            ucum=UCUM.get(each.unit, ""),
            period_s=each.period_s,
            decimals=known.decimals if known else 1,
            plausible=(known.low, known.high) if known else (float("-inf"), float("inf")),
        )
        tracks.append(Track(numeric, each.times.tolist(), each.values.tolist()))
    if not tracks:
        raise CommandError(
            f"{recording.name}: has no numerics to evaluate, only waveforms", ExitCode.INPUT
        )
    return tracks


# -- results ------------------------------------------------------------------------------


def _as_json(recording: Recording, occurrences: Sequence[Occurrence]) -> dict[str, Any]:
    return {
        "recording": recording.name,
        "duration_s": recording.duration_s,
        "alarms": [
            {**asdict(each), "priority": each.priority.name, "metric": each.metric or None}
            for each in occurrences
        ],
    }


def _show(recording: Recording, occurrences: Sequence[Occurrence]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    many = f"{len(occurrences)} alarm{'' if len(occurrences) == 1 else 's'}"
    console.print(f"[bold]{escape(recording.name)}[/bold]  {recording.duration_s:g} s  {many}")
    if not occurrences:
        return
    # As wide as a terminal of 80 columns.
    table = Table(
        "at", "for", "priority", "condition", "extreme", "limit", "when",
        box=None, padding=(0, 2, 0, 0), pad_edge=False,
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = True
    for each in occurrences:
        end = recording.duration_s if each.ended_at_s is None else each.ended_at_s
        table.add_row(
            f"{each.raised_at_s:.0f} s",
            f"{end - each.raised_at_s:.0f} s" + ("…" if each.ended_at_s is None else ""),
            f"[{STYLES[each.priority]}]{each.priority.name}[/]",
            escape(f"{each.condition} {each.metric}".strip()),
            "" if each.extreme is None else f"{each.extreme:g}",
            "" if each.limit is None else f"{each.limit:g}",
            _bar(each.raised_at_s, end, recording.duration_s),
        )
    console.print(table)


def _bar(begin: float, end: float, duration: float) -> str:
    first = min(int(begin / duration * BAR_WIDTH), BAR_WIDTH - 1)
    last = min(int(end / duration * BAR_WIDTH), BAR_WIDTH - 1)
    return "·" * first + "█" * (last - first + 1) + "·" * (BAR_WIDTH - 1 - last)
