"""One viewer of the ward, without its transport: what it gets, and what it says of itself.

A viewer that takes no frame, or says that it can be heard and seen and presents no call, shows
nobody anything: after UNHEARD_S it covers no bed until it does, and after CUT_S it is cut, for
one that connects again begins from what is.
"""

from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Final

from rpm_service.application.access import EVERYTHING, Rights
from rpm_service.application.live import LeftOff
from rpm_service.application.mailbox import Mailbox
from rpm_service.application.scope import Scope

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward

UNHEARD_S: Final = 10.0
"""A viewer that takes or presents nothing for so long covers nothing until it does."""
CUT_S: Final = 30.0
"""One that goes on so is cut."""


class Viewer:
    """A viewer's mailbox, its presence, and its confirmations; `name` is its identity."""

    def __init__(self, ward: "Ward", name: str, rights: Rights = EVERYTHING) -> None:
        self.name = name
        self.mailbox = Mailbox(ward.live)
        self._within = rights.units
        self._ward = ward
        self._presence = ward.coverage.enter()
        self._handed_at = inf
        """When it was given the frame that it has not yet come back from."""
        self._began_at = inf

    def subscribe(
        self,
        beds: frozenset[str],
        units: frozenset[str],
        *,
        waveforms: bool,
        left_off: LeftOff | None = None,
    ) -> None:
        """Chooses what to see (empty: everything), from where it left off or whole."""
        # Viewers that no level calls have no name here, so that they share their frames.
        called = self.name if self._ward.units.may_call(self.name) else ""
        self._show(Scope(beds, units, waveforms, called, self._within), left_off)

    def limit(self, rights: Rights) -> None:
        """Its rights are others now; a whole snapshot of what is left comes next."""
        self._within = rights.units
        scope = self.mailbox.scope
        if scope is not None:
            self._show(replace(scope, within=self._within))

    def _show(self, scope: Scope, left_off: LeftOff | None = None) -> None:
        self.mailbox.subscribe(scope, left_off)
        self._ward.coverage.show(self._presence, scope)

    def state(self, *, armed: bool, visible: bool, now: float) -> None:
        """Says whether its sound is armed and its picture in view."""
        self._ward.coverage.state(self._presence, armed=armed, visible=visible, now=now)

    def take(self, now: float) -> bytes:
        """The next whole frame, or nothing (b"") where there is none yet. Raises FellBehind.

        Whoever comes for the next one has passed the one before on.
        """
        frame = self.mailbox.take(now)
        self._handed_at = now if frame else inf
        self._began_at = min(self._began_at, now)
        for occurrence_id, event_seq in self.mailbox.calls:
            self._ward.deliveries.sent(self.name, occurrence_id, event_seq, now)
        return frame

    def confirm(self, events: Iterable[tuple[int, int]], now: float) -> None:
        """Says which alarm events, by occurrence and event, have been presented to a person."""
        scope = self.mailbox.scope
        if scope is None:
            return
        for occurrence_id, event_seq in events:
            self._ward.deliveries.confirm(self.name, occurrence_id, event_seq, scope.shows, now)

    def judge(self, now: float) -> str | None:
        """Takes its cover from a viewer that shows nothing; tells why to cut it, where so long."""
        unconfirmed = inf
        if self._presence.claims and self.mailbox.scope is not None:
            unconfirmed = self._ward.deliveries.unconfirmed_since(
                self.name, self.mailbox.scope.shows
            )
        late_s = now - min(self._handed_at, unconfirmed)
        self._ward.coverage.attend(self._presence, attends=late_s < UNHEARD_S)
        if self.is_stuck(now):
            return f"no frame was taken for {CUT_S:g} s"
        if now - max(unconfirmed, self._began_at) >= CUT_S:
            return f"an alarm was not confirmed for {CUT_S:g} s; connect again for a snapshot"
        return None

    def is_stuck(self, now: float) -> bool:
        """Whether it takes nothing, not even why it is cut."""
        return now - self._handed_at >= CUT_S

    def leave(self) -> None:
        """It is gone."""
        self._ward.coverage.leave(self._presence)
