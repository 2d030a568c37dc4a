"""Sessions of browsers: who is signed in, since when, and until when.

A session is known by an opaque random number that only its browser and this process hold;
a restart of the server ends all of them.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rpm_service.application.ports import Clock

SESSION_S_MAX: Final = 12 * 3600.0
"""A session ends after a shift, whatever happens in it."""
IDLE_S_MAX: Final = 15 * 60.0
"""A session ends when nothing came from its browser for so long. A page that watches is not idle."""
SESSIONS_MAX: Final = 64
SOCKETS_MAX: Final = 8
"""Live sockets of one session: as many pages may watch at once."""
ID_BYTES: Final = 32


class TooManySessions(Exception):
    """As many people are signed in as this server takes."""


@dataclass(slots=True, eq=False)
class Session:
    """One browser that is signed in. Times are the server's clock."""

    id: str = field(repr=False)
    user: str
    opened_at: float
    seen_at: float
    sockets: int = 0
    ended: bool = False


class Sessions:
    """Every browser that is signed in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def open(self, user: str) -> Session:
        """Begins a session. Raises TooManySessions."""
        if self.is_full():
            raise TooManySessions
        now = self._clock.now()
        session = Session(secrets.token_urlsafe(ID_BYTES), user, opened_at=now, seen_at=now)
        self._sessions[session.id] = session
        return session

    def is_full(self) -> bool:
        """Whether nobody more can sign in."""
        for session in list(self._sessions.values()):
            self.is_live(session)
        return len(self._sessions) >= SESSIONS_MAX

    def find(self, session_id: str) -> Session | None:
        """The session of a request that came in just now, if it has one."""
        session = self._sessions.get(session_id)
        if session is None or not self.is_live(session):
            return None
        session.seen_at = self._clock.now()
        return session

    def is_live(self, session: Session) -> bool:
        """Whether a session goes on; one whose time is up is ended by this."""
        now = self._clock.now()
        is_idle = session.sockets == 0 and now - session.seen_at >= IDLE_S_MAX
        if is_idle or now - session.opened_at >= SESSION_S_MAX:
            self.end(session)
        return not session.ended

    def end(self, session: Session) -> None:
        """Ends a session; its live sockets notice by themselves."""
        session.ended = True
        self._sessions.pop(session.id, None)

    @contextmanager
    def watching(self, session: Session) -> Iterator[None]:
        """Counts a live socket of a session for as long as it is open."""
        session.sockets += 1
        try:
            yield
        finally:
            session.sockets -= 1
            session.seen_at = self._clock.now()
