"""Viewers of a proof, in a process of their own: what a wall display does, without a picture.

    python -m tests.chaos.viewers '{"target": ..., "certs": ..., "history": ..., ...}'

Says `ready` once every viewer has its first frame, and `back` whenever all have one again.
Ends at the line `end`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.sdk import Credentials
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import Lost, Replies, frames
from rpm_service.viewer.ward import ShownWard, alarm_object
from tests.chaos.history import Notes
from tests.chaos.orders import tell_when, with_orders

LOOK_S: Final = 0.1
"""How often a viewer looks whether what it shows is still current."""
TOLD: Final = (
    "occurrence_id", "event_seq", "phase", "condition", "device_id", "bed", "priority", "presence",
    "raised_at", "received_at", "text",
)  # fmt: skip
"""What a history says of an alarm."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a process of viewers is told on its command line.

    `armed`: they can call somebody. `confirms`: they confirm what they have shown.
    `looks`: they note which values are current and which are not.
    """

    target: str
    certs: str
    history: str
    name: str = "viewer"
    count: int = 1
    seed: int = 0
    armed: bool = True
    confirms: bool = True
    looks: bool = False
    beds: list[str] = field(default_factory=list)


class Viewer:
    """One viewer and what it shows."""

    def __init__(self, wanted: Wanted, number: int, note: Notes, news: asyncio.Event) -> None:
        self.name = f"{wanted.name}-{number}"
        self.there = False
        self._wanted = wanted
        self._note = note
        self._news = news
        self._ward = ShownWard()
        self._heard_at = 0.0
        self._current: dict[tuple[str, str], bool] = {}
        self._replies = Replies(armed=wanted.armed)
        own = pki.ensure_client(Path(wanted.certs), Role.USER, self.name)
        self._feed = frames(
            wanted.target,
            Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem),
            m.Subscribe(beds=wanted.beds),
            Random(f"{wanted.seed} {self.name}"),
            self._replies,
        )

    async def run(self) -> None:
        looking = asyncio.create_task(self._look()) if self._wanted.looks else None
        try:
            async with aclosing(self._feed) as feed:
                async for frame in feed:
                    self._take(frame)
        finally:
            if looking is not None:
                looking.cancel()

    def _take(self, frame: m.WatchResponse | Lost) -> None:
        if isinstance(frame, Lost):
            self._note("lost", viewer=self.name, why=str(frame))
            self._there(False)
            self._ward = ShownWard()
            self._look_once()
            return
        self._heard_at = time.monotonic()
        if frame.HasField("snapshot"):
            alarms = [told(event) for event in frame.snapshot.alarms]
            clock = frame.snapshot.server_clock
            self._note("snapshot", viewer=self.name, clock=clock, alarms=alarms)
            self._confirm(frame.snapshot.alarms)
        elif frame.HasField("delta"):
            for event in frame.delta.alarms:
                self._note("event", viewer=self.name, alarm=told(event))
            self._confirm(frame.delta.alarms)
        elif frame.HasField("closing"):
            self._note("closing", viewer=self.name, why=frame.closing.reason)
            return
        for _ in self._ward.take(frame):
            pass
        self._there(True)

    def _confirm(self, shown: Iterable[a.AlarmEvent]) -> None:
        events = list(shown)
        if events and self._wanted.confirms:
            self._replies.confirm(events)
            ids = [(each.occurrence_id, each.event_seq) for each in events]
            self._note("confirmed", viewer=self.name, events=ids)

    def _there(self, there: bool) -> None:
        if there is not self.there:
            self.there = there
            self._news.set()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._look_once()

    def _look_once(self) -> None:
        shown = dict(self._shown())
        gone = {each: False for each in self._current if each not in shown}
        for (device, metric), current in {**shown, **gone}.items():
            if self._current.get((device, metric)) is not current:
                self._current[device, metric] = current
                self._note("shown", viewer=self.name, device=device, metric=metric, current=current)

    def _shown(self) -> Iterator[tuple[tuple[str, str], bool]]:
        clock = self._ward.server_clock + time.monotonic() - self._heard_at
        for bed in self._ward.beds.values():
            for metric, value in bed.current(clock):
                yield (bed.description.device_id, metric.name), value is not None


def told(event: a.AlarmEvent) -> dict[str, Any]:
    """An alarm event as a history tells it."""
    whole = alarm_object(event)
    return {name: whole[name] for name in TOLD}


async def main() -> None:
    wanted = Wanted(**json.loads(sys.argv[1]))
    note, news, ending = Notes(Path(wanted.history)), asyncio.Event(), asyncio.Event()
    viewers = [Viewer(wanted, number, note, news) for number in range(wanted.count)]

    async def until_the_end() -> None:
        watching = [asyncio.create_task(viewer.run()) for viewer in viewers]
        over = asyncio.create_task(ending.wait())
        await asyncio.wait({over, *watching}, return_when=asyncio.FIRST_COMPLETED)
        for task in (over, *watching):
            task.cancel()
        for outcome in await asyncio.gather(*watching, return_exceptions=True):
            if not isinstance(outcome, asyncio.CancelledError) and outcome is not None:
                raise outcome

    await with_orders(
        until_the_end(),
        [tell_when(lambda: all(viewer.there for viewer in viewers), news)],
        lambda _: ending.set(),
    )
    note.close()


if __name__ == "__main__":
    asyncio.run(main())
