"""`rpm-service alarms` and `rpm-service samples`: what a server has written down."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.commands.database import Data, database
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.scope import Beds, Since, Units, Until
from rpm_service.commands.scope import scope as chosen
from rpm_service.commands.stored import AsJson, print_objects, sample_object, time_text

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from rpm_service.application.places import Scope
    from rpm_service.domain.alarms import AlarmEvent

LINE_MAX: Final = 400
"""Columns that one alarm event may take."""
FOLLOW_S: Final = 0.25
"""How often the journal is looked at for what is new."""
HEADERS: Final = ("received", "bed", "priority", "alarm", "value", "what happened", "by")
WIDTHS: Final = (19, 10, 8, 24, 16, 26, 0)
"""Of the columns, where what is still to come cannot be measured."""


def alarms(
    data: Data = Path("var"),
    since: Since = None,
    until: Until = None,
    bed: Beds = None,
    unit: Units = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False,
    with_deliveries: Annotated[
        bool, typer.Option("--deliveries", help="Also when each viewer was told, and confirmed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print the alarm journal: every alarm event, oldest first; also beside a running server."""
    from rpm_service.adapters.storage.journal import events
    from rpm_service.application.places import Scope

    scope = chosen(since, until, bed, unit)
    if follow and until is not None:
        raise CommandError("--follow has no end: leave out --until", ExitCode.USAGE)
    with database(data) as engine:
        happened = _followed(engine, scope) if follow else events(engine, scope)
        shown = (_alarm(engine, event, with_deliveries=with_deliveries) for event in happened)
        try:
            if as_json:
                print_objects(shown)
            elif follow:
                _follow(shown)
            else:
                _show(shown, is_part=scope != Scope())
        except KeyboardInterrupt:
            if not follow:
                raise


def samples(
    device: Annotated[str, typer.Argument(metavar="DEVICE", help="Whose values.")],
    data: Data = Path("var"),
    as_json: AsJson = False,
) -> None:
    """Print every value that a device has sent; also beside a running server."""
    from rpm_service.adapters.storage.archive import devices, numerics

    with database(data) as engine:
        if device not in devices(engine):
            raise CommandError(
                f"no device {device!r} has ever sent anything to {data}", ExitCode.INPUT
            )
        stored = (sample_object(*each) for each in numerics(engine, device))
        if as_json:
            print_objects(stored)
            return
        for each in stored:
            values = (
                f"{metric} {'--' if value is None else f'{value:g}'}"
                for metric, value in each["values"].items()
            )
            print(each["seq"], time_text(each["observed_at"]), *values, sep="  ")


def _followed(engine: "Engine", scope: "Scope") -> "Iterator[AlarmEvent]":
    """What is there, and what comes."""
    from rpm_service.adapters.storage.journal import newest, numbered

    reached = 0
    while True:
        # Most often nothing of that scope is new: the next look begins after what was there.
        end = newest(engine)
        for number, event in numbered(engine, scope, reached):
            yield event
            end = max(end, number)
        reached = end
        time.sleep(FOLLOW_S)


def _alarm(engine: "Engine", event: "AlarmEvent", *, with_deliveries: bool) -> dict[str, Any]:
    from rpm_service.adapters.grpc.convert import alarm_to_wire
    from rpm_service.adapters.storage.delivery import deliveries
    from rpm_service.viewer.ward import alarm_object

    shown = alarm_object(alarm_to_wire(event))
    if with_deliveries:
        shown["deliveries"] = [
            {"viewer": each.viewer, "sent_at": each.sent_at, "confirmed_at": each.confirmed_at}
            for each in deliveries(engine, event.alarm.occurrence_id, event.alarm.event_seq)
        ]
    return shown


def _show(happened: Iterator[dict[str, Any]], *, is_part: bool) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # One line each, whatever the width: it is read, and it is searched.
    table = Table(*HEADERS, box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.no_wrap = True
    for each in happened:
        table.add_row(*map(Text, _cells(each)))
    if table.row_count:
        Console(width=LINE_MAX).print(table, soft_wrap=True)
    else:
        print("no alarm event of that scope" if is_part else "no alarm was ever raised here")


def _follow(happened: Iterable[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(width=LINE_MAX)
    for cells in chain([HEADERS], map(_cells, happened)):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True))
        console.print(Text(line.rstrip()), soft_wrap=True)
        console.file.flush()


def _cells(alarm: dict[str, Any]) -> Sequence[str]:
    value, limit = alarm["value"], alarm["limit"]
    shown = "" if value is None else f"{value:g}"
    bound = "" if limit is None else f"(limit {limit:g})"
    phase = alarm["phase"].replace("_", " ")
    if alarm["phase"] in ("end", "reset"):
        phase += f", {alarm['presence']}"
    if alarm["late_detected"]:
        phase += f" {time_text(alarm['observed_at'])}, detected late"
    if "deliveries" in alarm:
        told = alarm["deliveries"]
        confirmed = sum(each["confirmed_at"] is not None for each in told)
        phase += f", confirmed by {confirmed} of {len(told)}"
    return (
        time_text(alarm["received_at"]),
        alarm["bed"],
        alarm["priority"],
        " ".join(filter(None, (alarm["condition"], alarm["metric"], alarm["text"]))),
        f"{shown} {bound}".strip(),
        phase,
        (alarm["responsible"] if alarm["phase"] == "responsibility" else alarm["acknowledged_by"])
        or "",
    )
