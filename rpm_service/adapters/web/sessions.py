"""Sessions of browsers: who is signed in, since when, until when, and whether they may write.

A session is known by an opaque random number that only its browser and this process hold;
a restart of the server ends all of them. Whoever signed somebody in says at every look how that
person stands now: rights that were taken away are gone from the feeds that watch, and a person
who may not sign in any more is signed out.

A clinician of whom nothing has been heard for LOCK_S, no act and no key, may have left the room:
the session goes on watching and is locked for writing. It stays so until somebody proves again
who they are.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from rpm_service.application.access import Part, Person, Rights
from rpm_service.application.ports import Clock

IDLE_S_MAX: Final = 15 * 60.0
"""A session ends when nothing came from its browser for so long. A page that watches is not idle,
and a wall display never is."""
LOCK_S: Final = 15 * 60.0
"""A session is locked for writing when no person was heard of for so long."""
SESSIONS_MAX: Final = 64
SOCKETS_MAX: Final = 8
"""Live feeds of one session: as many pages may watch at once."""
ID_BYTES: Final = 32


class TooManySessions(Exception):
    """As many people are signed in as this server takes."""


class Limited(Protocol):
    """What a session watches through."""

    def limit(self, rights: Rights) -> None:
        """The viewer may see something else from now on."""
        ...


@dataclass(slots=True, eq=False)
class Session:
    """One browser that is signed in. Times are the server's clock."""

    id: str = field(repr=False)
    person: Person
    stands: Callable[[], Person | None] = field(repr=False)
    """How the person stands now; None: may not be signed in any more."""
    by_password: bool
    """Whether a password unlocks it; what does not is signed in anew."""
    opened_at: float
    seen_at: float
    active_at: float
    """When a person was heard of."""
    feeds: list[Limited] = field(default_factory=list)
    locked: bool = False
    ended: bool = False

    @property
    def user(self) -> str:
        """The name that acts bear."""
        return self.person.user

    @property
    def rights(self) -> Rights:
        """What may be seen and done."""
        return self.person.rights

    @property
    def is_wall(self) -> bool:
        """Whether this is a display that nobody sits at."""
        return self.rights.role is Part.WALL


class Sessions:
    """Every browser that is signed in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def open(
        self,
        person: Person,
        stands: Callable[[], Person | None] | None = None,
        *,
        by_password: bool = False,
    ) -> Session:
        """Begins a session; without `stands` the person stays as is. Raises TooManySessions."""
        if self.is_full():
            raise TooManySessions
        now = self._clock.now()
        session = Session(
            secrets.token_urlsafe(ID_BYTES),
            person,
            stands or (lambda: person),
            by_password,
            opened_at=now,
            seen_at=now,
            active_at=now,
        )
        self._sessions[session.id] = session
        return session

    def is_full(self) -> bool:
        """Whether nobody more can sign in. A wall display that has long been gone gives way."""
        for session in list(self._sessions.values()):
            self.is_live(session)
        if len(self._sessions) >= SESSIONS_MAX:
            gone = [each for each in self._sessions.values() if self._is_idle(each)]
            if gone:
                self.end(min(gone, key=lambda each: each.seen_at))
        return len(self._sessions) >= SESSIONS_MAX

    def find(self, session_id: str) -> Session | None:
        """The session of a request that came in just now, if it has one."""
        session = self._sessions.get(session_id)
        if session is None or not self.is_live(session):
            return None
        session.seen_at = self._clock.now()
        return session

    def is_live(self, session: Session) -> bool:
        """Whether a session goes on, with the rights of now; one whose time is up is ended."""
        person = session.stands()
        if person is None:
            self.end(session)
            return False
        if person != session.person:
            self._change(session, person)
        lasts_s = person.lasts_s
        is_over = lasts_s is not None and self._clock.now() - session.opened_at >= lasts_s
        if is_over or (self._is_idle(session) and not session.is_wall):
            self.end(session)
        return not session.ended

    def end(self, session: Session) -> None:
        """Ends a session; its live feeds notice by themselves."""
        session.ended = True
        self._sessions.pop(session.id, None)

    # -- writing ------------------------------------------------------------------------

    def is_locked(self, session: Session) -> bool:
        """Whether a session may not write before somebody has unlocked it."""
        if not session.is_wall and self._clock.now() - session.active_at >= LOCK_S:
            session.locked = True
        return session.locked

    def take_act(self, session: Session) -> bool:
        """Whether a session may write just now; where it may, a person is there."""
        if self.is_locked(session):
            return False
        session.active_at = self._clock.now()
        return True

    def unlock(self, session: Session) -> None:
        """Somebody has proved again who they are."""
        session.locked = False
        session.active_at = self._clock.now()

    # -- watching -----------------------------------------------------------------------

    @contextmanager
    def watching(self, session: Session, feed: Limited) -> Iterator[None]:
        """Keeps a live feed within the rights of its session for as long as it is open."""
        session.feeds.append(feed)
        try:
            yield
        finally:
            session.feeds.remove(feed)
            session.seen_at = self._clock.now()

    # -- inside -------------------------------------------------------------------------

    def _is_idle(self, session: Session) -> bool:
        return not session.feeds and self._clock.now() - session.seen_at >= IDLE_S_MAX

    def _change(self, session: Session, person: Person) -> None:
        before, session.person = session.rights, person
        if person.rights != before:
            for feed in session.feeds:
                feed.limit(person.rights)
