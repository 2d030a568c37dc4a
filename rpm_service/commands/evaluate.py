"""`rpm-service evaluate`: which alarms a recording would have raised under given limits."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from rpm_service.application.effects import Numeric
from rpm_service.application.evaluation import Occurrence, Track, evaluate
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import PRESETS, AgeClass, AlarmSettings, LimitsRefused, MetricLimits
from rpm_service.domain.metrics import BY_NAME, METRICS, UCUM, named
from rpm_service.gateways.recordings import Recording, RecordingUnreadable, read_recording

BAR_WIDTH: Final = 12
STYLES: Final = {
    Priority.HIGH: "bold white on red",
    Priority.MEDIUM: "black on yellow",
    Priority.LOW: "cyan",
}

Limit = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="METRIC.low|high=VALUE", help="An alarm limit; repeatable."),
]
Delay = Annotated[
    list[str] | None,
    typer.Option("--delay", metavar="METRIC=SECONDS", help="How long a violation must last."),
]
Hysteresis = Annotated[
    list[str] | None,
    typer.Option("--hysteresis", metavar="METRIC=VALUE", help="How far back ends an alarm."),
]
Hold = Annotated[
    list[str] | None,
    typer.Option("--hold", metavar="METRIC=SECONDS", help="How long back ends an alarm."),
]


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
    latching: Annotated[
        str | None, typer.Option(metavar="on|off", help="Whether alarms stay until reset.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Tell which alarms a recording would have raised.

    Once any --limit is given, only the limits given are in force, all at one tier, and delay,
    hysteresis and hold are 0 unless given.
    """
    settings = _settings(preset, limit, delay, hysteresis, hold, latching)
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


# -- options ------------------------------------------------------------------------------


def _settings(
    preset: AgeClass,
    limit: Sequence[str] | None,
    delay: Sequence[str] | None,
    hysteresis: Sequence[str] | None,
    hold: Sequence[str] | None,
    latching: str | None,
) -> AlarmSettings:
    base = PRESETS[preset]
    if limit:
        given: dict[str, MetricLimits] = {}
        for text in limit:
            metric, side, value = _limit(text)
            one = given.get(metric, MetricLimits())
            given[metric] = replace(one, low=value) if side == "low" else replace(one, high=value)
        base = AlarmSettings(given)
    limits = dict(base.limits)
    for text in delay or ():
        metric, value = _assignment("--delay", text, limits)
        limits[metric] = replace(limits[metric], delay_s=value, extreme_delay_s=value)
    for text in hysteresis or ():
        metric, value = _assignment("--hysteresis", text, limits)
        limits[metric] = replace(limits[metric], hysteresis=value)
    for text in hold or ():
        metric, value = _assignment("--hold", text, limits)
        limits[metric] = replace(limits[metric], hold_s=value)
    if latching not in (None, "on", "off"):
        raise _usage(f"--latching {latching}: on or off")
    settings = replace(base, limits=limits).with_latching(latching=latching == "on")
    try:
        settings.check()
    except LimitsRefused as refusal:
        raise _usage(str(refusal)) from refusal
    return settings


def _limit(text: str) -> tuple[str, str, float]:
    target, _, value = text.partition("=")
    name, _, side = target.rpartition(".")
    if side not in ("low", "high") or not name:
        raise _usage(f"--limit {text}: write METRIC.low=VALUE or METRIC.high=VALUE")
    return _metric(name), side, _number("--limit", text, value)


def _assignment(option: str, text: str, in_force: Mapping[str, MetricLimits]) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise _usage(f"{option} {text}: write METRIC=VALUE")
    metric = _metric(name)
    if metric not in in_force:
        raise _usage(f"{option} {text}: {metric} has no limit in force")
    return metric, _number(option, text, value)


def _metric(name: str) -> str:
    metric = named(name)
    if metric is None:
        known = ", ".join(each.name for each in METRICS)
        raise _usage(f"unknown metric {name!r}: use one of {known}")
    return metric.name


def _number(option: str, text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _usage(f"{option} {text}: {value!r} is not a number") from None


def _usage(message: str) -> CommandError:
    return CommandError(message, ExitCode.USAGE)


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
