"""What is stored, as commands print it."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rpm_service.application.effects import Description, NumericRow

AsJson = Annotated[bool, typer.Option("--json", help="One object a line.")]


def sample_object(description: "Description", row: "NumericRow") -> dict[str, Any]:
    """What was observed at one instant; None where there was no value, or none to be used."""
    from rpm_service.application.sifting import VALID

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


def print_objects(objects: Iterable[dict[str, Any]]) -> None:
    """Prints one object a line, each at once."""
    for each in objects:
        sys.stdout.write(json.dumps(each, allow_nan=False) + "\n")
        sys.stdout.flush()


def time_text(at: float) -> str:
    """A time as a person reads it: local, to the second."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%Y-%m-%d %H:%M:%S}"
