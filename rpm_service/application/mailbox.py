"""One viewer's mailbox: a cursor into the live ward, and nothing that could fill."""

from collections.abc import Sequence
from typing import Final

from rpm_service.application.live import LeftOff, Live
from rpm_service.application.scope import Scope

PROGRESS_S: Final = 1.0
"""A viewer gets a frame at least this often."""


class Mailbox:
    """What one viewer has got, and what it gets next."""

    def __init__(self, live: Live) -> None:
        self.scope: Scope | None = None
        self.calls: Sequence[tuple[int, int]] = ()
        """Alarm events that call somebody in the frame that was taken last."""
        self._live = live
        self._cursor = 0
        self._fresh = True
        self._over_since: int | None = None
        """Since when alarms that are over are to be told before the next snapshot."""
        self._told_at = float("-inf")

    def subscribe(self, scope: Scope, left_off: LeftOff | None = None) -> None:
        """Chooses what to see; a whole snapshot comes next, or what changed where it was kept."""
        self.scope = scope
        self._over_since = None
        self._fresh = left_off is None or not self._live.is_kept(left_off, scope)
        if left_off is not None and not self._fresh:
            self._cursor = left_off.revision

    def lacks(self, revision: int) -> bool:
        """Whether there is something in view, up to a revision, that it has not got yet."""
        return self.scope is not None and (self._fresh or self._cursor < revision)

    def is_idle_since(self, now: float) -> bool:
        """Whether the viewer must hear again that its link lives."""
        return now - self._told_at >= PROGRESS_S

    def take(self, now: float) -> bytes:
        """The next whole frame, or nothing (b"") where there is none yet.

        Raises FellBehind.
        """
        live, scope = self._live, self.scope
        if scope is None:
            return b""
        if not scope.is_whole_ward and not self._fresh and self._cursor < live.described_at:
            # Beds may have moved into or out of view.
            self._fresh, self._over_since = True, self._cursor
        if self._over_since is not None:
            over = live.over(self._over_since, self._cursor, scope, now)
            self._over_since = over.revision if over.frame else None
            if over.frame:
                self.calls, self._told_at = over.calls, now
                return over.frame
        self.calls = ()
        frame, through = b"", live.revision
        if self._fresh:
            frame = live.snapshot(scope, now)
            self.calls = live.calls(None, scope)
        elif self._cursor < live.revision:
            frame, through = live.delta(self._cursor, scope, now)
            if self._cursor < live.called_at:
                self.calls = live.calls(self._cursor, scope, through)
        self._fresh = False
        self._cursor = through
        if not frame and self.is_idle_since(now):
            frame = live.progress(now)
        if frame:
            self._told_at = now
        return frame
