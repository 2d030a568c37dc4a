"""One viewer of the ward, without its transport: what it gets, and what it says of itself."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rpm_service.application.access import EVERYTHING, Rights
from rpm_service.application.live import LeftOff, Mailbox, Scope

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward


class Viewer:
    """A viewer's mailbox, its presence, and its confirmations; `name` is its identity."""

    def __init__(self, ward: "Ward", name: str, rights: Rights = EVERYTHING) -> None:
        self.name = name
        self.mailbox = Mailbox(ward.live)
        self._within = rights.units
        self._ward = ward
        self._presence = ward.coverage.enter()

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
        """The next whole frame, or nothing (b"") where there is none yet. Raises FellBehind."""
        frame = self.mailbox.take(now)
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

    def leave(self) -> None:
        """It is gone."""
        self._ward.coverage.leave(self._presence)
