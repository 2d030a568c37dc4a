"""`rpm-service watch`: the ward in a terminal, or as one JSON object a line."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from random import SystemRandom
from typing import Annotated, Any, Final

import typer

from rpm_service.application.identity import Role
from rpm_service.commands.address import address, unreachable
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.streaming import Seconds, credentials_of
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
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
) -> None:
    """Watch the ward live: values with their age, and every alarm."""
    credentials = credentials_of(certs, Role.USER, viewer)
    subscribe = m.Subscribe(beds=bed or (), units=unit or ())
    feed = Reached(server, frames(address(server), credentials, subscribe, SystemRandom()))
    asyncio.run(until(print_json(feed) if as_json else _draw(feed), feed, seconds))


class Reached:
    """A feed from its first frame on.

    `once` tells whether there was one; before it, `why` says what became of the last try.
    """

    def __init__(self, server: str, feed: AsyncIterator[m.WatchResponse | Lost]) -> None:
        self.why = "no answer"
        self.once = False
        self._server = server
        self._feed = feed

    async def frames(self) -> AsyncIterator[m.WatchResponse | Lost]:
        """Passes frames on. Raises CommandError where none has come after CONNECT_S."""
        deadline = time.monotonic() + CONNECT_S
        async for frame in self._feed:
            if isinstance(frame, Lost) and not self.once:
                self.why = str(frame)
                if time.monotonic() > deadline:
                    raise self.error()
                continue
            self.once = True
            yield frame

    def error(self) -> CommandError:
        """Says that the server was never reached."""
        return unreachable(self._server, self.why)


async def until(show: Awaitable[None], feed: Reached, seconds: float | None) -> None:
    """Shows a feed for so long, or until it is refused. Raises CommandError."""
    try:
        await asyncio.wait_for(show, seconds)
    except TimeoutError:
        if not feed.once:
            raise feed.error() from None
    except FeedRefused as refusal:
        raise CommandError(f"the server refused: {refusal}", ExitCode.UNREACHABLE) from refusal


async def print_json(feed: Reached) -> None:
    """Prints one object a line, for as long as the feed goes on."""
    ward = ShownWard()
    closed = False
    async for frame in feed.frames():
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


async def _draw(feed: Reached) -> None:
    from rich.console import Console
    from rich.live import Live

    from rpm_service.viewer.screen import draw, draw_not_monitoring

    ward, heard, why = ShownWard(), time.monotonic(), ""
    with Live(console=Console(), screen=sys.stdout.isatty(), auto_refresh=False) as live:

        async def redraw() -> None:
            while True:
                quiet = time.monotonic() - heard
                if not feed.once:
                    live.update(draw_not_monitoring(f"connecting: {feed.why}"), refresh=True)
                elif why or quiet > QUIET_S:
                    live.update(
                        draw_not_monitoring(why or f"no frame for {quiet:.0f} s"), refresh=True
                    )
                else:
                    live.update(draw(ward, ward.server_clock + quiet), refresh=True)
                await asyncio.sleep(DRAW_S)

        drawing = asyncio.create_task(redraw())
        try:
            async for frame in feed.frames():
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
            # Where there was nothing to see, the error alone is left to read.
            live.transient = not feed.once
