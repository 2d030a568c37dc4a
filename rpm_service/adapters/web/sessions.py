"""Sessions of browsers: who is signed in, since when, until when, and whether they may write.

A session is known by an opaque random number that only its browser holds; here, and on disk, is
its hash, so that a server that starts again knows who was signed in. Whoever signed somebody in says at every look how that
person stands now: rights that were taken away are gone from the feeds that watch, and a person
who may not sign in any more is signed out.

A clinician of whom nothing has been heard for LOCK_S, no act and no key, may have left the room:
the session goes on watching and is locked for writing. It stays so until somebody proves again
who they are.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Protocol

from rpm_service.adapters.web.sessions_file import Kept, SessionsFile
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
KEPT_EVERY_S: Final = 30.0
"""That a person was there is written this often; a restart forgets no more of it."""


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

    key: str = field(repr=False)
    """The hash of its number."""
    id: str = field(repr=False)
    """Its number, for the browser; empty in a session from before a restart."""
    person: Person
    stands: Callable[[], Person | None] = field(repr=False)
    """How the person stands now; None: may not be signed in any more."""
    by_password: bool
    """Whether a password unlocks it; what does not is signed in anew."""
    way: str
    """How the person came in."""
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

    def __init__(
        self,
        clock: Clock,
        file: SessionsFile | None = None,
        ways: Mapping[str, Callable[[Person], Person | None]] = MappingProxyType({}),
    ) -> None:
        """Takes back what is in the file of everybody who came in by a way that there still is."""
        self._clock = clock
        self._file = file
        self._sessions: dict[str, Session] = {}
        self._kept_at = clock.now()
        for kept in file.read() if file is not None else ():
            if kept.way in ways:
                self._take_back(kept, partial(ways[kept.way], kept.person))

    def _take_back(self, kept: Kept, stands: Callable[[], Person | None]) -> None:
        # The page has its time to come back.
        now = self._clock.now()
        session = Session(
            kept.key,
            "",
            kept.person,
            stands,
            kept.by_password,
            kept.way,
            opened_at=kept.opened_at,
            seen_at=now,
            active_at=kept.active_at,
            locked=kept.locked,
        )
        self._sessions[session.key] = session

    def open(
        self,
        person: Person,
        stands: Callable[[], Person | None] | None = None,
        *,
        by_password: bool = False,
        way: str = "",
    ) -> Session:
        """Begins a session; without `stands` the person stays as is. Raises TooManySessions."""
        if self.is_full():
            raise TooManySessions
        now, number = self._clock.now(), secrets.token_urlsafe(ID_BYTES)
        session = Session(
            _key(number),
            number,
            person,
            stands or (lambda: person),
            by_password,
            way,
            opened_at=now,
            seen_at=now,
            active_at=now,
        )
        self._sessions[session.key] = session
        self._keep()
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
        session = self._sessions.get(_key(session_id))
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
        self._sessions.pop(session.key, None)
        self._keep()

    # -- writing ------------------------------------------------------------------------

    def is_locked(self, session: Session) -> bool:
        """Whether a session may not write before somebody has unlocked it."""
        is_alone = self._clock.now() - session.active_at >= LOCK_S
        if is_alone and not session.locked and not session.is_wall:
            session.locked = True
            self._keep()
        return session.locked

    def take_act(self, session: Session) -> bool:
        """Whether a session may write just now; where it may, a person is there."""
        if self.is_locked(session):
            return False
        session.active_at = self._clock.now()
        if session.active_at - self._kept_at >= KEPT_EVERY_S:
            self._keep()
        return True

    def unlock(self, session: Session) -> None:
        """Somebody has proved again who they are."""
        session.locked = False
        session.active_at = self._clock.now()
        self._keep()

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

    def _keep(self) -> None:
        self._kept_at = self._clock.now()
        if self._file is not None:
            self._file.keep(
                [
                    Kept(
                        each.key,
                        each.way,
                        each.person,
                        each.by_password,
                        each.opened_at,
                        each.active_at,
                        each.locked,
                    )
                    for each in self._sessions.values()
                ]
            )

    def _change(self, session: Session, person: Person) -> None:
        before, session.person = session.rights, person
        self._keep()
        if person.rights != before:
            for feed in session.feeds:
                feed.limit(person.rights)


def _key(number: str) -> str:
    return sha256(number.encode()).hexdigest()
