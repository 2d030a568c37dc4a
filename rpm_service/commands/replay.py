"""`rpm-service replay`: plays recordings as the devices that they were."""

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from rpm_service.application.identity import Role
from rpm_service.clock import TEST_MODE
from rpm_service.commands.address import ServerAddress, address
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.streaming import Seconds, credentials_of, stream
from rpm_service.gateways.recordings import (
    Recording,
    RecordingUnreadable,
    group_recordings,
    read_recording,
)
from rpm_service.gateways.replay import frames, monitor_of
from rpm_service.gateways.streaming import Device, Streams

_NOT_IN_AN_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")


def replay(
    path: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Recordings, or directories of them.")
    ],
    device: Annotated[str, typer.Option(metavar="ID", help="Device or gateway to speak as.")],
    server: ServerAddress = "127.0.0.1:50051",
    certs: Annotated[Path, typer.Option(help="Certificates.")] = Path("certs/dev"),
    loop: Annotated[bool, typer.Option("--loop", help="Begin anew at the end.")] = False,
    seconds: Seconds = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="No progress, only the summary: one JSON object.")
    ] = False,
    rate: Annotated[float, typer.Option(hidden=True)] = 1.0,
) -> None:
    """Play recordings to a server in real time, as the devices that they were.

    One recording is the device ID. Several are each a device of its own, ID-RECORDING; or, where
    ID is a gateway's certificate, the monitors ID/RECORDING behind that gateway.
    """
    if rate != 1.0 and os.environ.get(TEST_MODE) != "1":
        raise CommandError(
            f"--rate is for tests: set {TEST_MODE}=1, never at a bedside", ExitCode.USAGE
        )
    recordings = read(path)
    longest_s = max(recording.duration_s for recording in recordings)
    total_s = seconds if loop else min(longest_s, seconds or longest_s)
    playing = devices(recordings, device, certs, loop=loop)

    def build(tell: Callable[[str], None]) -> Streams:
        software = f"rpm-service replay {version('rpm-service')}"
        return Streams(address(server), playing, software=software, clock_rate=rate, on_notice=tell)

    stream(build, seconds, total_s, only_json=as_json)


def read(paths: Sequence[Path]) -> list[Recording]:
    """Reads every recording that the paths stand for, or says in one line why that fails."""
    try:
        return [read_recording(files) for files in group_recordings(paths)]
    except RecordingUnreadable as error:
        raise CommandError(str(error), ExitCode.INPUT) from error


def devices(
    recordings: Sequence[Recording], subject_id: str, certs: Path, *, loop: bool
) -> list[Device]:
    """Makes of recordings the devices of `subject_id`, with certificates; see replay."""
    names = _names(recordings)
    if (certs / "gateways" / f"{subject_id}.crt").exists():
        monitors = [
            monitor_of(recording, f"{subject_id}/{name}")
            for recording, name in zip(recordings, names, strict=True)
        ]
        credentials = credentials_of(certs, Role.GATEWAY, subject_id)
        return [Device(credentials, monitors, partial(frames, recordings, loop=loop))]
    ids = [subject_id] if len(recordings) == 1 else [f"{subject_id}-{name}" for name in names]
    return [
        Device(
            credentials_of(certs, Role.DEVICE, device_id),
            [monitor_of(recording, device_id)],
            partial(frames, [recording], loop=loop),
        )
        for recording, device_id in zip(recordings, ids, strict=True)
    ]


def _names(recordings: Sequence[Recording]) -> list[str]:
    """Names recordings apart, in letters that an id may have."""
    names: list[str] = []
    for recording in recordings:
        name = base = _NOT_IN_AN_ID.sub("-", recording.name).lstrip("._-") or "recording"
        number = 1
        while name in names:
            number += 1
            name = f"{base}-{number}"
        names.append(name)
    return names
