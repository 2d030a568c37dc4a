"""Coverage: whether somebody can be called to a bed.

A bed is covered while at least one viewer shows it whose sound is armed and whose picture is in
view. A picture that goes out of view counts for a little longer, so that a glance at another
window is no alarm; sound that is switched off counts for nothing at once. A bed whose device
measures and that nobody covers is a technical alarm, and its device is told.

Work is done when a viewer or a bed has changed, and when something is due; never for a sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Connection
from rpm_service.application.units import Units
from rpm_service.domain.alarms import Condition, Kind, Priority

if TYPE_CHECKING:
    from rpm_service.application.scope import Scope

BED_NOT_COVERED: Final = Condition("BED_NOT_COVERED", Kind.TECHNICAL)

HIDDEN_S: Final = 10.0
"""A viewer that has gone out of view still covers for this time."""
UNCOVERED_S: Final = 1.0
"""A bed must be without cover for this time: a viewer that connects again is no alarm."""
GRACE_S: Final = 10.0
"""After a start viewers have this time to come back."""
LOOK_S: Final = 1.0
"""A bed that is not covered is looked at this often until something is measured there."""


@dataclass(slots=True, eq=False)
class Presence:
    """One viewer, as far as it can call somebody; `scope` is None until it has said what it shows."""

    scope: "Scope | None" = None
    armed: bool = False
    visible: bool = False
    hidden_at: float = -inf
    attends: bool = True
    """Whether it takes and presents what it gets."""

    @property
    def claims(self) -> bool:
        """Whether it says that it can be heard and seen."""
        return self.armed and self.visible

    def covers_until(self, now: float) -> float:
        """Until when this viewer covers what it shows; `now` or earlier where it does not."""
        if self.scope is None or not self.armed or not self.attends:
            return now
        return inf if self.visible else self.hidden_at + HIDDEN_S


class Coverage:
    """Judges which beds are covered: `Bedside.covered`, and the alarm BED_NOT_COVERED."""

    def __init__(self, bedsides: Mapping[str, Bedside], units: Units, now: float) -> None:
        self._bedsides = bedsides
        self._units = units
        self._presences: dict[Presence, None] = {}
        self._covering: tuple[Scope, ...] = ()
        self._viewers_changed = True
        self._beds_changed: dict[int, Bedside] = {}
        self._uncovered: dict[Bedside, float] = {}
        """Beds with a device and without cover, and since when."""
        self._due = inf
        self._expires = inf
        """When the next viewer that is out of view ceases to cover."""
        self._grace_until = now + GRACE_S

    # -- what changes -------------------------------------------------------------------

    def enter(self) -> Presence:
        """Lets a viewer in, that covers nothing yet."""
        presence = Presence()
        self._presences[presence] = None
        return presence

    def leave(self, presence: Presence) -> None:
        """A viewer is gone."""
        self._presences.pop(presence, None)
        self._viewers_changed = True

    def show(self, presence: Presence, scope: "Scope") -> None:
        """A viewer says what it shows."""
        presence.scope = scope
        self._viewers_changed = True

    def state(self, presence: Presence, *, armed: bool, visible: bool, now: float) -> None:
        """A viewer says whether it can be heard and seen."""
        if presence.visible and not visible:
            presence.hidden_at = now
        presence.armed, presence.visible = armed, visible
        self._viewers_changed = True

    def attend(self, presence: Presence, *, attends: bool) -> None:
        """A viewer takes and presents what it gets, or does not."""
        if presence.attends is not attends:
            presence.attends = attends
            self._viewers_changed = True

    def bed_changed(self, bedside: Bedside) -> None:
        """A device came or went, or a bed has another name or unit."""
        self._beds_changed[bedside.number] = bedside

    # -- what follows -------------------------------------------------------------------

    def is_due(self, now: float) -> bool:
        """Whether there is anything to judge."""
        return self._viewers_changed or bool(self._beds_changed) or now >= self._due

    def judge(self, now: float) -> list[Bedside]:
        """Judges what has changed or is due; tells the beds of which that changed something."""
        beds = list(self._beds_changed.values())
        self._beds_changed.clear()
        if self._viewers_changed or now >= self._expires:
            self._look_at_viewers(now)
            beds = list(self._bedsides.values())
        changed = dict.fromkeys(bedside for bedside in beds if self._cover(bedside, now))
        alarm_due = inf
        for bedside, since in self._uncovered.items():
            due = max(since + UNCOVERED_S, self._grace_until)
            if due <= now:
                if self._alarm(bedside, now):
                    changed[bedside] = None
                due = inf if bedside.is_monitored else now + LOOK_S
            alarm_due = min(alarm_due, due)
        self._due = min(self._expires, alarm_due)
        return list(changed)

    def _look_at_viewers(self, now: float) -> None:
        self._viewers_changed = False
        untils = {each: each.covers_until(now) for each in self._presences}
        covering = {each.scope for each, until in untils.items() if until > now and each.scope}
        self._covering = tuple(covering)
        self._expires = min((until for until in untils.values() if until > now), default=inf)

    def _cover(self, bedside: Bedside, now: float) -> bool:
        """Judges whether a bed is covered; tells whether that changed, or its alarm ended."""
        before, covered = bedside.covered, None
        if bedside.connection is Connection.CONNECTED:
            covered = any(scope.shows(bedside) for scope in self._covering)
        bedside.covered = covered
        if covered is False:
            self._uncovered.setdefault(bedside, now)
        else:
            self._uncovered.pop(bedside, None)
        ends = covered is not False or not self._is_to_be_covered(bedside)
        if ends and bedside.board.holds(BED_NOT_COVERED):
            bedside.board.end(BED_NOT_COVERED, now, now)
            return True
        return covered is not before

    def _alarm(self, bedside: Bedside, now: float) -> bool:
        """Raises the alarm of a bed that has been without cover for long enough."""
        if (
            bedside.board.holds(BED_NOT_COVERED)
            or not bedside.is_monitored
            or not self._is_to_be_covered(bedside)
        ):
            return False
        bedside.board.start(BED_NOT_COVERED, Priority.MEDIUM, now, now)
        return True

    def _is_to_be_covered(self, bedside: Bedside) -> bool:
        return self._units.of(bedside.unit).covers
