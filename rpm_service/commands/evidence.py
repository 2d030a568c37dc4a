"""`rpm-service evidence`: what was kept of one occurrence of an alarm."""

import json
from itertools import groupby
from pathlib import Path
from struct import iter_unpack
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.commands.database import Data, database
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.stored import sample_object, time_text

if TYPE_CHECKING:
    from rpm_service.application.effects import Description, WaveformRow

MISSING: Final = -32768


def evidence(
    occurrence: Annotated[
        int, typer.Argument(metavar="OCCURRENCE", min=1, help="As `alarms --json` has it.")
    ],
    data: Data = Path("var"),
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object, with all of it.")
    ] = False,
) -> None:
    """Print what a device sent around the beginning of an alarm; also beside a running server."""
    from rpm_service.adapters.storage.evidence import evidence as kept_of

    with database(data) as engine:
        kept = kept_of(engine, occurrence)
    if kept is None:
        raise CommandError(
            f"nothing is kept of an occurrence {occurrence} in {data}: `rpm-service alarms` has "
            "their numbers, and what belongs to one is kept some 20 s after it began",
            ExitCode.INPUT,
        )
    found = {
        "occurrence_id": occurrence,
        "device_id": kept.what.device_id,
        "since": kept.what.since,
        "until": kept.what.until,
        "numerics": [sample_object(*each) for each in kept.numerics],
        "waveforms": [_samples_object(*each) for each in kept.waveforms],
    }
    if as_json:
        print(json.dumps(found, allow_nan=False))
    else:
        _show(found)


def _samples_object(description: "Description", row: "WaveformRow") -> dict[str, Any]:
    """Consecutive samples as they were sent; None where one is missing."""
    array = description.sample_arrays[row.channel]
    return {
        "seq": row.seq,
        "start_at": row.start_at,
        "received_at": row.received_at,
        "waveform": array.name,
        "sample_rate_hz": array.sample_rate_hz,
        "scale": array.scale,
        "offset": array.offset,
        "samples": [
            None if sample == MISSING else sample for (sample,) in iter_unpack("<h", row.samples)
        ],
    }


def _show(found: dict[str, Any]) -> None:
    print(
        f"occurrence {found['occurrence_id']}: {found['device_id']},",
        f"{time_text(found['since'])} to {time_text(found['until'])}",
    )
    for each in found["numerics"]:
        values = (
            f"{metric} {'--' if value is None else f'{value:g}'}"
            for metric, value in each["values"].items()
        )
        print(time_text(each["observed_at"]), *values, sep="  ")
    by_name = sorted(found["waveforms"], key=lambda each: each["waveform"])
    for name, parts in groupby(by_name, key=lambda each: each["waveform"]):
        seconds = sum(len(each["samples"]) / each["sample_rate_hz"] for each in parts)
        print(f"{name}: {seconds:.1f} s of samples")
