"""`rpm-service alarms` and `rpm-service samples`: what a server has written down."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.commands.database import Data, database
from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from rpm_service.application.effects import Description, NumericRow

LINE_MAX: Final = 400
"""Columns that one alarm event may take."""

AsJson = Annotated[bool, typer.Option("--json", help="One object a line.")]


def alarms(
    data: Data = Path("var"),
    bed: Annotated[str | None, typer.Option(metavar="NAME", help="Only this bed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the alarm journal: every alarm event, oldest first; also beside a running server."""
    from rpm_service.adapters.grpc.convert import alarm_to_wire
    from rpm_service.adapters.storage.journal import events
    from rpm_service.viewer.ward import alarm_object

    with database(data) as engine:
        happened = (alarm_object(alarm_to_wire(event)) for event in events(engine, bed))
        if as_json:
            _print(happened)
        else:
            _show(happened)


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
        stored = (_sample(*each) for each in numerics(engine, device))
        if as_json:
            _print(stored)
            return
        for each in stored:
            values = (
                f"{metric} {'--' if value is None else f'{value:g}'}"
                for metric, value in each["values"].items()
            )
            print(each["seq"], _time(each["observed_at"]), *values, sep="  ")


def _sample(description: "Description", row: "NumericRow") -> dict[str, Any]:
    """What was observed at one instant; None where there was no value, or none to be used."""
    from rpm_service.application.bedside import VALID

    numerics = description.numerics
    measured = [numerics[index] for index in row.indices] if row.indices else numerics
    validity = row.validity or VALID[:1] * len(measured)
    return {
        "seq": row.seq,
        "observed_at": row.observed_at,
        "received_at": row.received_at,
        "values": {
            numeric.name: None if isnan(value) or state not in VALID else value
            for numeric, value, state in zip(measured, row.values, validity, strict=True)
        },
    }


def _print(objects: Iterator[dict[str, Any]]) -> None:
    for each in objects:
        sys.stdout.write(json.dumps(each, allow_nan=False) + "\n")


def _show(happened: Iterator[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # One line each, whatever the width: it is read, and it is searched.
    table = Table(
        "received", "bed", "priority", "alarm", "value", "what happened", "by",
        box=None, padding=(0, 2, 0, 0), pad_edge=False,
    )  # fmt: skip
    for column in table.columns:
        column.no_wrap = True
    for each in happened:
        value, limit = each["value"], each["limit"]
        ended = each["phase"] in ("end", "reset")
        table.add_row(
            _time(each["received_at"]),
            Text(each["bed"]),
            each["priority"],
            Text(" ".join(filter(None, (each["condition"], each["metric"], each["text"])))),
            " ".join(
                (
                    "" if value is None else f"{value:g}",
                    "" if limit is None else f"(limit {limit:g})",
                )
            ).strip(),
            each["phase"].replace("_", " ") + (f", {each['presence']}" if ended else ""),
            Text(each["acknowledged_by"] or ""),
        )
    if table.row_count:
        Console(width=LINE_MAX).print(table, soft_wrap=True)
    else:
        print("no alarm was ever raised here")


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
