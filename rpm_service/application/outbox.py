"""Notices that are on disk and have not been taken at the other end yet.

The database is the outbox; this is what a running server holds of it. A notice comes in once
its batch is committed, and with a restart everything that was marked neither as sent nor as
given up comes in again: so each is sent at least once, and a crash loses none. Whoever sends asks for what is
due, and says what became of it.

The notices of one unit go to one receiver, one at a time, and in order while all goes well.
Where one is not taken it goes to the end of its line, and the line waits longer each time: a
receiver that is down is asked now and then, and one notice that it will never take holds up
no other.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rpm_service.application.effects import Notice

NOTICES_MAX: Final = 10_000
"""So many wait in memory; what is more waits on disk for the next start."""
ATTEMPTS_MAX: Final = 8
"""So many are on their way at once, each to another receiver."""
BACKOFF_S_MIN: Final = 1.0
BACKOFF_S_MAX: Final = 60.0
GIVE_UP_S: Final = 24 * 3600.0
"""Nobody can do anything any more about a call of yesterday."""
FAILING_S: Final = 60.0
"""A receiver that has taken nothing for so long, though asked, is failing."""


@dataclass(slots=True)
class _Line:
    """The notices of one unit."""

    waiting: deque[Notice] = field(default_factory=deque)
    due: float = 0.0
    refusals: int = 0
    """In a row."""
    failing_since: float | None = None
    on_its_way: bool = False


class Outbox:
    """Knows what is to be sent, and when. Times are the server's."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._known: set[str] = set()
        self._sent: dict[str, float] = {}
        self._given_up: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._known)

    def add(self, notices: Iterable[Notice], now: float) -> int:
        """Takes notices that are on disk; tells how many of them there was no room for."""
        left_out = 0
        for notice in notices:
            if notice.notice_id in self._known:
                continue
            if len(self._known) >= NOTICES_MAX:
                left_out += 1
                continue
            self._known.add(notice.notice_id)
            line = self._lines.setdefault(notice.unit, _Line())
            line.waiting.append(notice)
            # A new one does not wait for what became of older ones.
            line.due, line.refusals = now, 0
        return left_out

    def due(self, now: float) -> list[Notice]:
        """What to send now; each is then on its way until it is said what became of it."""
        room = ATTEMPTS_MAX - sum(line.on_its_way for line in self._lines.values())
        ready = [
            line
            for line in self._lines.values()
            if line.waiting and not line.on_its_way and line.due <= now
        ]
        ready.sort(key=lambda line: line.due)
        for line in ready[:room]:
            line.on_its_way = True
        return [line.waiting[0] for line in ready[:room]]

    def taken(self, notice: Notice, now: float) -> None:
        """It is at the other end."""
        line = self._remove(notice)
        line.refusals, line.failing_since, line.due = 0, None, now
        self._sent[notice.notice_id] = now

    def refused(self, notice: Notice, now: float, jitter: float) -> None:
        """It was not taken, for whatever reason; `jitter` from 0 to 1 spreads the next attempt."""
        line = self._lines[notice.unit]
        assert line.on_its_way
        line.on_its_way = False
        line.waiting.rotate(-1)
        backoff_s = min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2.0 ** min(line.refusals, 16))
        line.due = now + backoff_s * (0.5 + 0.5 * jitter)
        line.refusals += 1
        if line.failing_since is None:
            line.failing_since = now

    def give_up(self, notice: Notice, now: float) -> None:
        """It will not be sent: it is too old, or there is nowhere to send it to."""
        self._remove(notice)
        self._given_up[notice.notice_id] = now

    def take_sent(self) -> dict[str, float]:
        """What was taken at the other end since last asked: when, by notice_id."""
        sent, self._sent = self._sent, {}
        return sent

    def take_given_up(self) -> dict[str, float]:
        """What was given up since last asked: when, by notice_id."""
        given_up, self._given_up = self._given_up, {}
        return given_up

    def is_failing(self, now: float) -> bool:
        """Whether a receiver has taken nothing for FAILING_S, though asked."""
        return any(
            line.failing_since is not None and now - line.failing_since >= FAILING_S
            for line in self._lines.values()
        )

    def _remove(self, notice: Notice) -> _Line:
        line = self._lines[notice.unit]
        assert line.on_its_way
        line.on_its_way = False
        assert line.waiting[0] is notice
        line.waiting.popleft()
        self._known.remove(notice.notice_id)
        return line


def is_too_old(notice: Notice, now: float) -> bool:
    """Whether a notice is not worth sending any more."""
    return now - notice.created_at > GIVE_UP_S
