"""What `replay` and `simulate` have in common: credentials, progress, and how they end."""

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.adapters.pki.directory import CertificatesError, OutsideProfile
from rpm_service.application.identity import Role
from rpm_service.commands.address import unreachable
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.gateways.streaming import Streams, Unreachable
from rpm_service.sdk import Credentials, CredentialsUnusable, Refused

if TYPE_CHECKING:
    from rich.progress import Progress

DRAW_S: Final = 0.25

SECONDS_MAX: Final = 10 * 365 * 86_400.0


def _duration(seconds: float | None) -> float | None:
    # NaN is within every range that is checked by what lies outside it.
    if seconds is not None and not 0.1 <= seconds <= SECONDS_MAX:
        raise typer.BadParameter(f"{seconds:g} is not within 0.1 to {SECONDS_MAX:g}")
    return seconds


Seconds = Annotated[
    float | None, typer.Option(callback=_duration, help="End after this time; else at Ctrl-C.")
]

Build: TypeAlias = Callable[[Callable[[str], None]], Streams]


def credentials_of(certs: Path, role: Role, subject_id: str) -> Credentials:
    """Loads what a device or gateway connects with, and issues it where the authority is here."""
    try:
        found = ensure_client(certs, role, subject_id)
        return Credentials.from_pem(found.key_pem, found.chain_pem, found.trust_pem)
    except OutsideProfile as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except (CertificatesError, CredentialsUnusable) as error:
        raise CommandError(str(error), ExitCode.CERTIFICATES) from error


def stream(build: Build, seconds: float | None, total_s: float | None, *, only_json: bool) -> None:
    """Streams until all is said and safe, or interrupted; prints {frames, acked} as JSON.

    `build` gets the way to tell a person something in one line. Progress is drawn on a
    terminal unless `only_json`, towards `total_s` where that is known.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[acked]} of {task.fields[frames]} frames safe"),
        console=console,
        disable=only_json or not console.is_terminal,
    )

    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    streams = build(tell)
    try:
        with progress:
            asyncio.run(_run(streams, seconds, total_s, progress))
    except Unreachable as error:
        raise unreachable(error.server, error.reason) from error
    except Refused as error:
        raise CommandError(f"the server refused: {error}", ExitCode.UNREACHABLE) from error
    print(json.dumps({"frames": streams.frames, "acked": streams.acked}), flush=True)
    if streams.refused:
        raise CommandError(
            f"the server refused {streams.refused} frames, or parts of them", ExitCode.FAILED
        )
    if streams.acked < streams.frames:
        left = streams.frames - streams.acked
        raise CommandError(
            f"{left} frames were not acknowledged: the server is gone or its disk stands still",
            ExitCode.UNREACHABLE,
        )


async def _run(
    streams: Streams, seconds: float | None, total_s: float | None, progress: "Progress"
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupt(number: signal.Signals) -> None:
        # The second time it ends at once.
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt, number)
    drawing = asyncio.create_task(_draw(streams, total_s, progress))
    try:
        await streams.run(seconds, stop)
    finally:
        drawing.cancel()
        with suppress(asyncio.CancelledError):
            await drawing


async def _draw(streams: Streams, total_s: float | None, progress: "Progress") -> None:
    bar = progress.add_task("streaming", total=total_s, frames=0, acked=0)
    try:
        while True:
            await asyncio.sleep(DRAW_S)
            progress.update(
                bar, completed=streams.position_s, frames=streams.frames, acked=streams.acked
            )
    finally:
        progress.update(bar, frames=streams.frames, acked=streams.acked)
