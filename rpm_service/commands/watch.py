"""`rpm-service watch`: the ward in a terminal, or as one JSON object a line."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any, Final

import typer

from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import QUIET_S, FeedRefused, Lost, frames
from rpm_service.viewer.ward import ShownWard

CONNECT_S: Final = 10.0
"""A server that was not reached within this time from the start is an error."""
DRAW_S: Final = 0.25


def watch(
    server: Annotated[str, typer.Option(metavar="HOST:PORT")] = "127.0.0.1:50051",
    certs: Annotated[Path, typer.Option(help="Certificates.")] = Path("certs/dev"),
    viewer: Annotated[str, typer.Option(help="Whose viewer certificate to use.")] = "viewer",
    bed: Annotated[list[str] | None, typer.Option(help="Only this bed; repeatable.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="Only this unit; repeatable.")] = None,
    seconds: Annotated[float | None, typer.Option(help="End after this time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """Watch the ward live: values with their age, and every alarm."""
    from rpm_service.adapters.pki.credentials import ensure_client
    from rpm_service.adapters.pki.directory import CertificatesError
    from rpm_service.application.identity import Role
    from rpm_service.sdk.credentials import Credentials

    try:
        found = ensure_client(certs, Role.USER, viewer)
    except CertificatesError as error:
        raise CommandError(str(error), ExitCode.CERTIFICATES) from error
    credentials = Credentials.from_pem(found.key_pem, found.chain_pem, found.trust_pem)
    subscribe = m.Subscribe(beds=bed or (), units=unit or ())
    feed = frames(server, credentials, subscribe, SystemRandom())
    show = _print_json(feed, server) if as_json else _draw(feed, server)
    asyncio.run(_until(show, seconds))


async def _until(show: Any, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(show, seconds)
    except TimeoutError:
        return
    except FeedRefused as refusal:
        raise CommandError(f"the server refused: {refusal}", ExitCode.UNREACHABLE) from refusal


async def _reached(
    feed: AsyncIterator[m.WatchResponse | Lost], server: str
) -> AsyncIterator[m.WatchResponse | Lost]:
    """Passes frames on; gives up where the server was never reached."""
    deadline = time.monotonic() + CONNECT_S
    reached = False
    async for frame in feed:
        if isinstance(frame, Lost) and not reached and time.monotonic() > deadline:
            raise CommandError(f"{server} cannot be reached: {frame}", ExitCode.UNREACHABLE)
        reached |= not isinstance(frame, Lost)
        yield frame


async def _print_json(feed: AsyncIterator[m.WatchResponse | Lost], server: str) -> None:
    ward = ShownWard()
    closed = False
    async for frame in _reached(feed, server):
        if isinstance(frame, Lost):
            said: Iterable[dict[str, Any]] = ({"type": "closed", "reason": str(frame)},)
        else:
            said = ward.take(frame)
        for each in said:
            # A server that is stopping says so at every try.
            if not closed or each["type"] != "closed":
                _print(each)
            closed = each["type"] == "closed"


def _print(each: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(each, allow_nan=False) + "\n")
    sys.stdout.flush()


async def _draw(feed: AsyncIterator[m.WatchResponse | Lost], server: str) -> None:
    from rich.console import Console
    from rich.live import Live

    from rpm_service.viewer.screen import draw, draw_not_monitoring

    ward, heard, why = ShownWard(), time.monotonic(), f"connecting to {server}"
    with Live(console=Console(), screen=sys.stdout.isatty(), auto_refresh=False) as live:

        async def redraw() -> None:
            while True:
                quiet = time.monotonic() - heard
                if why or quiet > QUIET_S:
                    live.update(
                        draw_not_monitoring(why or f"no frame for {quiet:.0f} s"), refresh=True
                    )
                else:
                    live.update(draw(ward, ward.server_clock + quiet), refresh=True)
                await asyncio.sleep(DRAW_S)

        drawing = asyncio.create_task(redraw())
        try:
            async for frame in _reached(feed, server):
                if isinstance(frame, Lost):
                    why = str(frame)
                    continue
                heard = time.monotonic()
                for each in ward.take(frame):
                    if each["type"] == "snapshot":
                        why = ""
                    elif each["type"] == "closed":
                        why = each["reason"]
        finally:
            drawing.cancel()
