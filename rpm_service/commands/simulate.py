"""`rpm-service simulate`: a ward of simulated bedsides."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from rpm_service.application.identity import Role
from rpm_service.commands.address import ServerAddress, address
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.streaming import Seconds, credentials_of, stream
from rpm_service.gateways.streaming import Streams
from rpm_service.simulator.scenarios import SCENARIO_NAMES, ScenarioUnknown, scenario_of
from rpm_service.simulator.ward import devices


def simulate(
    server: ServerAddress = "127.0.0.1:50051",
    certs: Annotated[Path, typer.Option(help="Certificates.")] = Path("certs/dev"),
    beds: Annotated[int, typer.Option(min=1, help="How many beds.")] = 1,
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help=f"One of {', '.join(SCENARIO_NAMES)}.")
    ] = "normal",
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same ward again.")] = 1,
    seconds: Seconds = None,
    prefix: Annotated[str, typer.Option(help="What the devices' names begin with.")] = "bed",
    as_json: Annotated[
        bool, typer.Option("--json", help="No progress, only the summary: one JSON object.")
    ] = False,
) -> None:
    """Stream a ward of simulated bedsides to a server, until interrupted."""
    try:
        scenario_of(scenario, 1)
    except ScenarioUnknown as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    ids = [f"{prefix}-{number:02}" for number in range(1, beds + 1)]
    credentials = {each: credentials_of(certs, Role.DEVICE, each) for each in ids}

    def build(tell: Callable[[str], None]) -> Streams:
        ward = devices(credentials, scenario, seed)
        software = f"rpm-service simulate {version('rpm-service')}"
        return Streams(address(server), ward, software=software, on_notice=tell)

    stream(build, seconds, seconds, only_json=as_json)
