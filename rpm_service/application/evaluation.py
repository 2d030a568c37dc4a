"""What the alarm core makes of a stored recording: the same bedside, on virtual time."""

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


def evaluate(tracks: Sequence[Track], settings: AlarmSettings) -> list[Occurrence]:
    """Plays tracks through a bedside, instant by instant; gives its alarms by time raised."""
    occurrences = _Occurrences()
    numbers = iter(range(1, 1_000_000_000))
    bedside = Bedside(1, "recording", numbers.__next__, _STARTED)
    bedside.put_in_force(settings, _STARTED)
    bedside.describe(Description(tuple(track.numeric for track in tracks)), _STARTED)
    bedside.connect(_STARTED)
    due = bedside.tick(_STARTED)
    ended = _STARTED
    for instant, indices, values in _instants(tracks):
        at = _STARTED + instant
        while due <= at:
            bedside.heartbeat(due)
            due = bedside.tick(due)
            occurrences.take(bedside.board.events)
        if bedside.connection is Connection.LOST:
            bedside.connect(at)
        everything = len(indices) == len(tracks)
        bedside.observe(at, at, values, () if everything else indices)
        occurrences.take(bedside.board.events)
        ended = at
    bedside.board.tell_extremes(ended, ended)
    occurrences.take(bedside.board.events)
    return occurrences.in_order()


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
    def __init__(self) -> None:
        self._found: list[Occurrence] = []
        self._place: dict[int, int] = {}

    def take(self, events: list[AlarmEvent]) -> None:
        for event in events:
            alarm = event.alarm
            if event.phase is Phase.START:
                self._place[alarm.occurrence_id] = len(self._found)
                self._found.append(_begun(alarm))
                continue
            place = self._place[alarm.occurrence_id]
            earlier = self._found[place]
            ended = None if alarm.ended_at is None else alarm.ended_at - _STARTED
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


def _begun(alarm: Alarm) -> Occurrence:
    return Occurrence(
        alarm.condition.code,
        alarm.condition.kind.value,
        alarm.priority,
        alarm.condition.metric,
        alarm.raised_at - _STARTED,
        None,
        alarm.extreme,
        alarm.limit,
    )
