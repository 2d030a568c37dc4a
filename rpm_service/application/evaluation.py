"""What the alarm core makes of what was measured before: the same bedside, on virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Final

from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Connection, Description, Numeric
from rpm_service.domain.alarms import Alarm, AlarmEvent, Phase, Priority
from rpm_service.domain.limits import AlarmSettings

_STARTED: Final = 1_000_000.0
"""Virtual time of a recording's beginning; any would do."""


@dataclass(frozen=True, slots=True)
class Track:
    """One numeric of a recording: values (NaN: none) at increasing times, seconds from 0."""

    numeric: Numeric
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One alarm that the recording would have raised: one interval of presence.

    `priority` is the highest it had; times are seconds from the beginning of the recording;
    `ended_at_s` is None where the condition was still present at the end.
    """

    condition: str
    kind: str
    priority: Priority
    metric: str
    raised_at_s: float
    ended_at_s: float | None
    extreme: float | None
    limit: float | None


class Evaluation:
    """Plays instants through one bedside; time is that of the observations.

    Deadlines that fall between two instants are judged when they fall, each at its own time,
    so that what comes of an instant does not depend on when the bedside was looked at before.
    """

    def __init__(
        self,
        settings: AlarmSettings,
        began: float,
        *,
        origin: float = 0.0,
        bedside: Bedside | None = None,
    ) -> None:
        """Begins at a time; `origin` is the time that occurrences count their seconds from."""
        self._occurrences = _Occurrences(origin)
        numbers = iter(range(1, 1_000_000_000))
        self.bedside = bedside or Bedside(1, "recording", numbers.__next__, began)
        self.bedside.put_in_force(settings, began)
        self._due = began
        self.reached = began

    def describe(self, description: Description, at: float) -> None:
        """From now on values are those of this description."""
        self.reach(at)
        self.bedside.describe(description, at)
        self.bedside.connect(at)
        self._due = self.bedside.tick(at)
        self.take_events()

    def instant(
        self,
        at: float,
        values: Sequence[float],
        indices: Sequence[int] = (),
        validity: Sequence[int] = (),
    ) -> None:
        """Takes what was observed at one instant, which is not before the last one."""
        self.reach(at)
        bedside = self.bedside
        if bedside.connection is Connection.LOST:
            bedside.connect(at)
        bedside.observe(at, at, values, indices, validity)
        self._due = min(self._due, at + bedside.patience_s)
        self.take_events()

    def reach(self, at: float) -> None:
        """Judges every deadline up to a time."""
        while self._due <= at:
            self.bedside.heartbeat(self._due)
            self._due = self.bedside.tick(self._due)
            self.take_events()
        self.reached = at

    def part(self, at: float, values: Sequence[float], indices: Sequence[int]) -> None:
        """Takes a part of an instant up to which nothing is due; the rest must follow."""
        self.bedside.observe(at, at, values, indices)
        self.take_events()

    def pass_to(self, at: float) -> None:
        """The bedside was brought to a time up to which nothing was due."""
        self._due = max(self._due, at)

    def end(self) -> list[Occurrence]:
        """Gives all that was raised, by time raised."""
        self.bedside.board.tell_extremes(self.reached, self.reached)
        self.take_events()
        return self._occurrences.in_order()

    def take_events(self) -> None:
        """Takes what happened to alarms from the bedside."""
        if self.bedside.board.events:
            self.bedside.conclude()
            self._occurrences.take(self.bedside.board.events)


def evaluate(tracks: Sequence[Track], settings: AlarmSettings) -> list[Occurrence]:
    """Plays tracks through a bedside, instant by instant; gives its alarms by time raised."""
    evaluation = Evaluation(settings, _STARTED, origin=_STARTED)
    evaluation.describe(Description(tuple(track.numeric for track in tracks)), _STARTED)
    for instant, indices, values in _instants(tracks):
        everything = len(indices) == len(tracks)
        evaluation.instant(_STARTED + instant, values, () if everything else indices)
    return evaluation.end()


def _instants(tracks: Sequence[Track]) -> list[tuple[float, list[int], list[float]]]:
    """Brings together what the tracks have at each time."""
    found: dict[float, tuple[list[int], list[float]]] = {}
    for index, track in enumerate(tracks):
        low, high = track.numeric.plausible
        for time, value in zip(track.times, track.values, strict=True):
            indices, values = found.setdefault(float(time), ([], []))
            indices.append(index)
            # What a device could not have sent is no value here either.
            values.append(float(value) if low <= value <= high else nan)
    return [(time, *found[time]) for time in sorted(found)]


class _Occurrences:
    def __init__(self, origin: float) -> None:
        self._origin = origin
        self._found: list[Occurrence] = []
        self._place: dict[int, int] = {}

    def take(self, events: list[AlarmEvent]) -> None:
        for event in events:
            alarm = event.alarm
            if event.phase is Phase.START:
                self._place[alarm.occurrence_id] = len(self._found)
                self._found.append(_begun(alarm, self._origin))
                continue
            place = self._place[alarm.occurrence_id]
            earlier = self._found[place]
            ended = None if alarm.ended_at is None else alarm.ended_at - self._origin
            self._found[place] = replace(
                earlier,
                priority=max(earlier.priority, alarm.priority),
                ended_at_s=ended,
                extreme=alarm.extreme,
                limit=alarm.limit if event.phase is Phase.ESCALATE else earlier.limit,
            )
        events.clear()

    def in_order(self) -> list[Occurrence]:
        return sorted(self._found, key=lambda each: each.raised_at_s)


def _begun(alarm: Alarm, origin: float) -> Occurrence:
    return Occurrence(
        alarm.condition.code,
        alarm.condition.kind.value,
        alarm.priority,
        alarm.condition.metric,
        alarm.raised_at - origin,
        None,
        alarm.extreme,
        alarm.limit,
    )
