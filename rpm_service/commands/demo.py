"""`rpm-service demo`: a whole ward on this machine, made, run and drained by one command."""

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Final

import typer

from rpm_service.adapters.pki.credentials import ensure_server
from rpm_service.adapters.pki.directory import CertificatesError
from rpm_service.app import Server, Settings
from rpm_service.application.identity import Role
from rpm_service.commands.address import address
from rpm_service.commands.database import UnitsFile
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.serve import drained, started, stop_requested
from rpm_service.commands.streaming import Seconds, credentials_of
from rpm_service.gateways.streaming import Device, Streams
from rpm_service.simulator.scenarios import MIXED
from rpm_service.v1 import alarm_pb2
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import Lost, frames

VIEWER: Final = "demo"
"""Who watches, so that the demo can tell what a clinician would have seen."""


@dataclass(slots=True)
class Report:
    """What came of a demo. `viewers`: most at once; `lost`: frames that are not on disk."""

    frames: int = 0
    acked: int = 0
    alarms: int = 0
    viewers: int = 0
    lost: int = 0


def demo(
    beds: Annotated[int, typer.Option(min=1, max=256, help="How many simulated beds.")] = 8,
    recordings: Annotated[
        Path | None, typer.Option(help="Replay the recordings in here instead, over and over.")
    ] = None,
    seconds: Seconds = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what came of it as JSON.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same ward again.")] = 1,
    data: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("var/demo"),
    certs: Annotated[Path, typer.Option(help="Certificates; made where there are none.")] = Path(
        "certs/dev"
    ),
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Devices and gRPC viewers.")
    ] = "127.0.0.1:50051",
    web: Annotated[str, typer.Option(metavar="HOST:PORT", help="The page.")] = "127.0.0.1:8443",
    units: UnitsFile = None,
) -> None:
    """Run a whole ward here: certificates, server, page and beds. Ends at Ctrl-C."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    try:
        ensure_server(certs)
    except CertificatesError as error:
        raise CommandError(str(error), ExitCode.CERTIFICATES) from error
    ward = _simulated(beds, certs, seed) if recordings is None else _recorded(recordings, certs)
    settings = Settings(data, certs, address(listen), address(web), units=units)
    if report is not None:
        _require_writable(report)
    result = asyncio.run(_run(settings, ward, seconds))
    text = json.dumps({name: getattr(result, name) for name in Report.__slots__})
    print(text, flush=True)
    if report is not None:
        report.write_text(text + "\n", encoding="ascii")
    if result.lost:
        raise CommandError(f"{result.lost} frames are not on disk", ExitCode.FAILED)


def _require_writable(report: Path) -> None:
    # Said before the demo, not after it.
    try:
        report.touch()
    except OSError as error:
        raise CommandError(
            f"--report {report} cannot be written: {error.strerror}", ExitCode.USAGE
        ) from error


def _simulated(beds: int, certs: Path, seed: int) -> list[Device]:
    from rpm_service.simulator.ward import devices

    ids = [f"bed-{number:02}" for number in range(1, beds + 1)]
    return devices({each: credentials_of(certs, Role.DEVICE, each) for each in ids}, MIXED, seed)


def _recorded(directory: Path, certs: Path) -> list[Device]:
    from rpm_service.commands.replay import devices, read

    return devices(read([directory]), "bed", certs, loop=True)


async def _run(settings: Settings, ward: list[Device], seconds: float | None) -> Report:
    report, stop = Report(), stop_requested()
    server = await started(settings)
    host = settings.listen.rpartition(":")[0]
    target = f"{host}:{server.port}"
    print(f"{len(ward)} beds; devices and viewers: {target}")
    for line in server.welcome():
        print(line)
    print(f"another link: rpm-service sign-in --data {settings.data} --web {server.web}")
    print("ends at Ctrl-C" if seconds is None else f"ends after {seconds:g} s", flush=True)

    streams = Streams(target, ward, software="rpm-service demo", on_notice=print)
    keeper = asyncio.create_task(server.run())
    watching = asyncio.create_task(_watch(server, target, settings.certs, report))
    playing = asyncio.create_task(streams.run(seconds, stop))
    await asyncio.wait((keeper, watching, playing), return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    if not keeper.done():
        await playing
    await drained(server, keeper)
    keeper.cancel()
    if watching.done():
        watching.result()
    watching.cancel()
    report.frames, report.acked = streams.frames, streams.acked
    report.lost = report.frames - report.acked
    return report


async def _watch(server: Server, target: str, certs: Path, report: Report) -> None:
    """Counts what a viewer sees; it goes the way of every viewer."""
    credentials = credentials_of(certs, Role.USER, VIEWER)
    feed = frames(target, credentials, m.Subscribe(), SystemRandom())
    async with aclosing(feed):
        async for frame in feed:
            if not isinstance(frame, Lost):
                report.alarms += sum(
                    event.phase == alarm_pb2.ALARM_PHASE_START for event in frame.delta.alarms
                )
            report.viewers = max(report.viewers, server.monitoring.viewers)
