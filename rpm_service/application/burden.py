"""Alarm burden: what the alarms of a time cost those who had to answer them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, isinf
from typing import Final

from rpm_service.application.buckets import DAY_S, HOURS, Buckets, utc_hour
from rpm_service.application.places import Scope
from rpm_service.domain.alarms import AlarmEvent, Condition, Kind, Phase, Priority

REPEATED_S: Final = 60.0
"""An alarm that comes again so soon after its end said little the first time."""


@dataclass(frozen=True, slots=True)
class ConditionBurden:
    """Alarms of one condition, at the highest priority they had, in one unit.

    `per_bed_day` is for each day that a bed of the unit was monitored; None where none was.
    """

    condition: str
    priority: Priority
    unit: str
    occurrences: int
    per_bed_day: float | None
    duration_s: float


@dataclass(frozen=True, slots=True)
class BedBurden:
    """Alarms of one bed; `share` of all, from 0 to 1, and that of it with every noisier bed.

    `by_hour` counts them by the hour of the day in which they were raised.
    """

    bed: str
    unit: str
    occurrences: int
    share: float
    share_so_far: float
    by_hour: Sequence[int]


@dataclass(frozen=True, slots=True)
class TimeBurden:
    """Alarms raised from `since` to before `until`, by the highest priority they had."""

    since: float
    until: float
    high: int
    medium: int
    low: int


@dataclass(frozen=True, slots=True)
class KindBurden:
    """Alarms of one kind, all together, and what makes them up; most first.

    Seconds are from raised to first acknowledged: half, and nine of ten, were no slower. Never
    acknowledged is what ended before anybody did.
    """

    occurrences: int
    per_bed_day: float | None
    duration_s: float
    acknowledged: int
    acknowledged_after_s_p50: float | None
    acknowledged_after_s_p90: float | None
    never_acknowledged: int
    repeated_within_60_s: int
    conditions: Sequence[ConditionBurden]
    beds: Sequence[BedBurden]
    over_time: Sequence[TimeBurden]
    """All of the time in stretches of one length; none where it has no beginning and no alarm."""


@dataclass(frozen=True, slots=True)
class AlarmBurden:
    """The alarm burden of a time. `bed_days` is how long beds were monitored, together.

    `late_detected` is how many more were found in what came too late to alarm: they never had a
    signal and cost nobody anything, so they are counted nowhere else.
    """

    bed_days: float
    physiological: KindBurden
    technical: KindBurden
    late_detected: int


@dataclass(slots=True)
class _Occurrence:
    condition: Condition
    bed: str
    unit: str
    raised_at: float
    priority: Priority
    repeated: bool
    lasted_s: float = 0.0
    present_since: float | None = None
    acknowledged_after_s: float | None = None


def measure(
    events: Iterable[AlarmEvent],
    monitored_s: Mapping[str, float],
    unit_of: Callable[[str], str],
    scope: Scope,
    hour_of: Callable[[float], int] = utc_hour,
) -> AlarmBurden:
    """Measures what was raised in a part of history, whose end must be a time.

    `events` are in the order of the journal, from its beginning and beyond its end, so that
    what was raised is followed; `monitored_s` says for how long each bed was monitored, and
    `hour_of` which hour of the day, 0 to 23, it was there.
    """
    bed_days: dict[str, float] = defaultdict(float)
    for bed, seconds in monitored_s.items():
        bed_days[unit_of(bed)] += seconds / DAY_S
    found, late = _followed(events, unit_of, scope)
    of_kind = {
        kind: _of_kind(
            [each for each in found if each.condition.kind is kind], bed_days, scope, hour_of
        )
        for kind in Kind
    }
    return AlarmBurden(
        sum(bed_days.values()), of_kind[Kind.PHYSIOLOGICAL], of_kind[Kind.TECHNICAL], late
    )


def _followed(
    events: Iterable[AlarmEvent],
    unit_of: Callable[[str], str],
    scope: Scope,
) -> tuple[list[_Occurrence], int]:
    """The occurrences that were raised in time, followed to their end or to that of the scope.

    And how many more were detected late.
    """
    found: dict[int, _Occurrence] = {}
    late: set[int] = set()
    ended_at: dict[tuple[str, Condition], float] = {}
    for event in events:
        alarm = event.alarm
        if event.late_detected:
            if _is_in(scope, event, unit_of(alarm.bed)):
                late.add(alarm.occurrence_id)
            continue
        occurrence = found.get(alarm.occurrence_id)
        if occurrence is None and event.phase is Phase.START:
            unit = unit_of(alarm.bed)
            last = ended_at.get((alarm.bed, alarm.condition), -inf)
            if _is_in(scope, event, unit):
                occurrence = found[alarm.occurrence_id] = _Occurrence(
                    alarm.condition, alarm.bed, unit, alarm.raised_at, alarm.priority,
                    repeated=alarm.raised_at - last <= REPEATED_S,
                )  # fmt: skip
        if event.phase is Phase.END and alarm.ended_at is not None:
            ended_at[alarm.bed, alarm.condition] = alarm.ended_at
        if occurrence is not None:
            _follow(occurrence, event, scope.until)
    for occurrence in found.values():
        if occurrence.present_since is not None:
            occurrence.lasted_s += max(0.0, scope.until - occurrence.present_since)
    return list(found.values()), len(late)


def _is_in(scope: Scope, event: AlarmEvent, unit: str) -> bool:
    """Whether an alarm was raised in a part of history."""
    raised_at = event.alarm.raised_at
    return scope.since <= raised_at < scope.until and scope.covers(event.alarm.bed, unit)


def _follow(occurrence: _Occurrence, event: AlarmEvent, until: float) -> None:
    alarm = event.alarm
    occurrence.priority = max(occurrence.priority, alarm.priority)
    if event.phase is Phase.START:
        occurrence.present_since = alarm.raised_at
    elif event.phase is Phase.END:
        if occurrence.present_since is not None and alarm.ended_at is not None:
            lasted = min(alarm.ended_at, until) - occurrence.present_since
            occurrence.lasted_s += max(0.0, lasted)
        occurrence.present_since = None
    elif event.phase is Phase.ACKNOWLEDGE and occurrence.acknowledged_after_s is None:
        occurrence.acknowledged_after_s = event.observed_at - occurrence.raised_at


def _of_kind(
    found: Sequence[_Occurrence],
    bed_days: Mapping[str, float],
    scope: Scope,
    hour_of: Callable[[float], int],
) -> KindBurden:
    answered = sorted(
        each.acknowledged_after_s for each in found if each.acknowledged_after_s is not None
    )
    return KindBurden(
        occurrences=len(found),
        per_bed_day=_rate(len(found), sum(bed_days.values())),
        duration_s=sum(each.lasted_s for each in found),
        acknowledged=len(answered),
        acknowledged_after_s_p50=_percentile(answered, 0.5),
        acknowledged_after_s_p90=_percentile(answered, 0.9),
        never_acknowledged=sum(
            each.acknowledged_after_s is None and each.present_since is None for each in found
        ),
        repeated_within_60_s=sum(each.repeated for each in found),
        conditions=_conditions(found, bed_days),
        beds=_beds(found, hour_of),
        over_time=_over_time(found, scope),
    )


def _conditions(
    found: Sequence[_Occurrence], bed_days: Mapping[str, float]
) -> list[ConditionBurden]:
    groups: dict[tuple[str, Priority, str], list[float]] = defaultdict(list)
    for each in found:
        groups[each.condition.code, each.priority, each.unit].append(each.lasted_s)
    burdens = [
        ConditionBurden(
            code, priority, unit, len(lasted), _rate(len(lasted), bed_days.get(unit, 0.0)),
            sum(lasted),
        )
        for (code, priority, unit), lasted in groups.items()
    ]  # fmt: skip
    return sorted(
        burdens, key=lambda each: (-each.occurrences, each.condition, -each.priority, each.unit)
    )


def _beds(found: Sequence[_Occurrence], hour_of: Callable[[float], int]) -> list[BedBurden]:
    hours: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * HOURS)
    for each in found:
        hours[each.bed, each.unit][hour_of(each.raised_at)] += 1
    burdens, so_far, of = [], 0, len(found)
    for (bed, unit), by_hour in sorted(hours.items(), key=lambda each: (-sum(each[1]), each[0])):
        count = sum(by_hour)
        so_far += count
        burdens.append(BedBurden(bed, unit, count, count / of, so_far / of, by_hour))
    return burdens


def _over_time(found: Sequence[_Occurrence], scope: Scope) -> list[TimeBurden]:
    since = min((each.raised_at for each in found), default=inf)
    if not isinf(scope.since):
        since = scope.since
    if isinf(since):
        return []
    buckets = Buckets.of(since, scope.until)
    counted = Counter((buckets.place(each.raised_at), each.priority) for each in found)
    return [
        TimeBurden(
            *ends,
            high=counted[place, Priority.HIGH],
            medium=counted[place, Priority.MEDIUM],
            low=counted[place, Priority.LOW],
        )
        for place, ends in enumerate(buckets.ends())
    ]


def _rate(count: int, bed_days: float) -> float | None:
    return count / bed_days if bed_days else None


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The least value that so large a share of them does not exceed."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None
