"""`rpm-service watch`: the ward in a terminal, or as one JSON object a line."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterable
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.application.identity import Role
from rpm_service.commands.address import ServerAddress, address, unreachable
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.streaming import Seconds, credentials_of
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import QUIET_S, FeedRefused, Lost, Replies, frames
from rpm_service.viewer.ward import ShownWard

if TYPE_CHECKING:
    from rich.console import RenderableType

CONNECT_S: Final = 10.0
"""A server that was not reached within this time from the start is an error."""
DRAW_S: Final = 0.25
_CALLS: Final = (
    a.ALARM_PHASE_START,
    a.ALARM_PHASE_CONTINUE,
    a.ALARM_PHASE_ESCALATE,
    a.ALARM_PHASE_ACKNOWLEDGEMENT_EXPIRE,
)
"""CONTINUE, in a snapshot, is news to this viewer."""


def watch(
    server: ServerAddress = "127.0.0.1:50051",
    certs: Annotated[Path, typer.Option(help="Certificates.")] = Path("certs/dev"),
    viewer: Annotated[str, typer.Option(help="Whose viewer certificate to use.")] = "viewer",
    bed: Annotated[list[str] | None, typer.Option(help="Only this bed; repeatable.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="Only this unit; repeatable.")] = None,
    seconds: Seconds = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
    armed: Annotated[
        bool, typer.Option(help="Ring the terminal's bell at every alarm, and so cover the beds.")
    ] = False,
) -> None:
    """Watch the ward live: values with their age, and every alarm."""
    if armed and (as_json or not sys.stdout.isatty()):
        raise CommandError("--armed needs a terminal, whose bell it rings", ExitCode.USAGE)
    credentials = credentials_of(certs, Role.USER, viewer)
    subscribe = m.Subscribe(beds=bed or (), units=unit or ())
    replies, rng = Replies(armed=armed), SystemRandom()
    feed = Reached(server, frames(address(server), credentials, subscribe, rng, replies))
    show = print_json(feed, replies) if as_json else _draw(feed, replies, armed=armed)
    asyncio.run(until(show, feed, seconds))


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


async def print_json(feed: Reached, replies: Replies) -> None:
    """Prints one object a line, for as long as the feed goes on, and confirms what it printed."""
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
        if isinstance(frame, m.WatchResponse):
            replies.confirm((*frame.snapshot.alarms, *frame.delta.alarms))


def _print(each: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(each, allow_nan=False) + "\n")
    sys.stdout.flush()


async def _draw(feed: Reached, replies: Replies, *, armed: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    picture = Picture(feed)
    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:

        async def redraw() -> None:
            while True:
                height = console.height if console.is_terminal else None
                live.update(picture.drawn(time.monotonic(), height), refresh=True)
                replies.confirm(picture.presented(height))
                if picture.calls() and armed:
                    console.bell()
                await asyncio.sleep(DRAW_S)

        # An error of either ends both: a picture that is drawn no more must not be left standing.
        tasks = asyncio.create_task(picture.read()), asyncio.create_task(redraw())
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            # Where there was nothing to see, the error alone is left to read.
            live.transient = not feed.once


class Picture:
    """What a terminal shows of a feed: the ward, or why there is none."""

    def __init__(self, feed: Reached) -> None:
        self._feed = feed
        self._ward = ShownWard()
        self._heard = time.monotonic()
        self._why = ""
        """Why the feed is closed; empty while it is open."""
        self._is_drawn = False
        """Whether the last picture was one of the ward."""
        self._unconfirmed: set[int] = set()
        """Occurrences that have news which no picture has shown yet."""
        self._calls = False

    async def read(self) -> None:
        """Takes frames in, for as long as the feed goes on."""
        async for frame in self._feed.frames():
            if isinstance(frame, Lost):
                self._why = str(frame)
                continue
            self._heard = time.monotonic()
            news = (*frame.snapshot.alarms, *frame.delta.alarms)
            self._unconfirmed.update(event.occurrence_id for event in news)
            for each in self._ward.take(frame):
                if each["type"] == "snapshot":
                    self._why = ""
                elif each["type"] == "closed":
                    self._why = each["reason"]
            self._calls |= any(
                event.phase in _CALLS
                and event.presence == a.ALARM_PRESENCE_ON
                and not self._ward.is_held(event)
                for event in news
            )

    def drawn(self, monotonic: float, height: int | None) -> "RenderableType":
        """Draws what is to be seen by now, on as many lines as there are."""
        from rpm_service.viewer.screen import draw, draw_not_monitoring

        quiet = monotonic - self._heard
        was_drawn, self._is_drawn = self._is_drawn, False
        if not self._feed.once:
            return draw_not_monitoring(f"connecting: {self._feed.why}", quiet)
        if self._why or quiet > QUIET_S:
            # A wall display that sees nothing any more calls too.
            self._calls |= was_drawn
            return draw_not_monitoring(self._why or "the server says nothing", quiet)
        self._is_drawn = True
        return draw(self._ward, self._ward.server_clock + quiet, height)

    def presented(self, height: int | None) -> list[a.AlarmEvent]:
        """What the last picture has shown for the first time: alarms as they stand."""
        from rpm_service.viewer.screen import alarms_with_room

        if not self._is_drawn:
            return []
        shown = [
            event
            for event in alarms_with_room(self._ward, height)
            if event.occurrence_id in self._unconfirmed
        ]
        self._unconfirmed.difference_update(event.occurrence_id for event in shown)
        self._unconfirmed.intersection_update(self._ward.alarms)
        return shown

    def calls(self) -> bool:
        """Whether somebody must be called since this was asked last."""
        calls, self._calls = self._calls, False
        return calls
