"""What other limits would have made of the same history.

Three things are set side by side, alarm condition by alarm condition: what the journal has,
what a replay of the stored numerics gives under the presets that were in force (so that one
sees how true the replay is), and what it gives under the limits tried. Alarms are counted as
`evaluate` does: each interval of presence once.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf

from rpm_service.application.device_clock import CLOCK_STEP_S
from rpm_service.application.evaluation import Evaluation, Occurrence
from rpm_service.application.history import History, Numbers, NumericColumns, judged
from rpm_service.application.places import Places, Scope, Stretch
from rpm_service.application.quiet_runs import play
from rpm_service.application.units import Units
from rpm_service.domain.alarms import AlarmEvent, Condition, Kind, Phase
from rpm_service.domain.early_warning import METRIC as EARLY_WARNING
from rpm_service.domain.limits import AlarmSettings
from rpm_service.domain.standstill import STANDSTILL

Trial = Callable[[AlarmSettings], AlarmSettings]
"""Makes the limits to try from the preset of a bed. Raises LimitsRefused."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Alarms of one condition: in the journal, replayed as it was, and under the limits tried."""

    condition: str
    kind: Kind
    recorded: int
    baseline: int
    tried: int


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What came of a trial; most alarms first.

    `real` is how many recorded alarms about vital signs somebody acknowledged or took upon
    themselves; `missed` are those of them that the limits tried would not have raised while
    they held, each as its newest event told it, and `unknown` those without a stored value at
    the time. `values` is how many were replayed, and `late_values` how many were not: they came
    too late, or after newer ones, so no limit would have made an alarm of them.
    """

    comparisons: Sequence[Comparison]
    real: int
    missed: Sequence[AlarmEvent]
    unknown: int
    beds: int
    values: int
    late_values: int


def what_if(
    history: History,
    events: Iterable[AlarmEvent],
    units: Units,
    scope: Scope,
    trial: Trial,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> WhatIf:
    """Replays a part of history under other limits.

    `events` are those of the journal, in its order; `progress` is told how many devices are
    done, of how many. Raises LimitsRefused before anything is read.
    """
    places = Places(history.beds(), history.stays(), history.associations())
    planned = [
        (device_id, stretches)
        for device_id in history.devices()
        if (stretches := places.stretches(device_id, scope))
    ]
    trials = _Trials(units, trial)
    for _, stretches in planned:
        for stretch in stretches:
            trials.of(stretch)
    recorded = _Recorded(events, places, scope)
    replay = _Replay(recorded)
    for done, (device_id, stretches) in enumerate(planned):
        progress(done, len(planned))
        for stretch in stretches:
            stored = history.numerics(device_id, stretch.since, stretch.until)
            # Where the history asked for begins, nobody new has come.
            came = stretch.since if stretch.since > scope.since else -inf
            replay.take(device_id, stretch.bed, came, stored, *trials.of(stretch))
    progress(len(planned), len(planned))
    return replay.compared()


class _Trials:
    """The settings that were in force, and those tried instead; each made once."""

    def __init__(self, units: Units, trial: Trial) -> None:
        self._units = units
        self._trial = trial
        self._made: dict[int, tuple[AlarmSettings, AlarmSettings]] = {}

    def of(self, stretch: Stretch) -> tuple[AlarmSettings, AlarmSettings]:
        preset = self._units.of(stretch.unit).presets[stretch.age_class]
        if id(preset) not in self._made:
            self._made[id(preset)] = preset, self._trial(preset)
        return self._made[id(preset)]


@dataclass(slots=True)
class _Real:
    """A recorded alarm that somebody took for real, while it held."""

    event: AlarmEvent
    begin: float
    end: float
    seen: bool = False
    """Whether values of that time are stored."""
    raised: bool = False
    """Whether the limits tried raise it."""


class _Recorded:
    """What the journal has of a part of history."""

    def __init__(self, events: Iterable[AlarmEvent], places: Places, scope: Scope) -> None:
        self.counts: Counter[tuple[str, Kind]] = Counter()
        self.real: dict[str, list[_Real]] = defaultdict(list)
        """By device."""
        newest: dict[int, AlarmEvent] = {}
        began: dict[int, float] = {}
        answered: set[int] = set()
        for event in events:
            if event.late_detected:
                # No replay gives it: what came late is not judged (see `judged`).
                continue
            alarm = event.alarm
            number = alarm.occurrence_id
            if event.phase is Phase.START:
                inside = scope.since <= alarm.raised_at < scope.until
                if not inside or not scope.covers(alarm.bed, places.unit_of(alarm.bed)):
                    continue
                began.setdefault(number, alarm.raised_at)
                self.counts[alarm.condition.code, alarm.condition.kind] += 1
            elif number not in began:
                continue
            newest[number] = event
            if event.phase is Phase.ACKNOWLEDGE or (alarm.answer and alarm.answer.accepted):
                answered.add(number)
        for number in sorted(answered):
            alarm = newest[number].alarm
            if _is_of_a_limit(alarm.condition):
                end = scope.until if alarm.ended_at is None else alarm.ended_at
                real = _Real(newest[number], began[number], end)
                self.real[alarm.device_id].append(real)


class _Replay:
    """Plays every stretch twice, and compares."""

    def __init__(self, recorded: _Recorded) -> None:
        self._recorded = recorded
        self._baseline: Counter[tuple[str, Kind]] = Counter()
        self._tried: Counter[tuple[str, Kind]] = Counter()
        self._beds: set[str] = set()
        self._stored = 0
        self._values = 0

    def take(
        self,
        device_id: str,
        bed: str,
        came: float,
        stored: Iterable[NumericColumns],
        in_force: AlarmSettings,
        tried: AlarmSettings,
    ) -> None:
        """Takes what one device measured while the same settings held.

        What it observed before somebody `came` is of somebody else.
        """
        evaluations: tuple[Evaluation, ...] = ()
        real = self._recorded.real.get(device_id, ())
        for columns in judged(self._counted(stored), came):
            if not evaluations:
                began = float(columns.observed_at[0])
                evaluations = Evaluation(in_force, began), Evaluation(tried, began)
            for evaluation in evaluations:
                play(columns, evaluation)
            self._values += columns.values.size
            if real:
                _note_seen(real, columns.observed_at)
        if evaluations:
            self._beds.add(bed)
            baseline, given = (evaluation.end() for evaluation in evaluations)
            self._baseline.update((each.condition, Kind(each.kind)) for each in baseline)
            self._tried.update((each.condition, Kind(each.kind)) for each in given)
            _note_raised(real, given)

    def _counted(self, stored: Iterable[NumericColumns]) -> Iterator[NumericColumns]:
        for columns in stored:
            self._stored += columns.values.size
            yield columns

    def compared(self) -> WhatIf:
        """Everything, set side by side."""
        recorded = self._recorded.counts
        comparisons = [
            Comparison(*each, recorded[each], self._baseline[each], self._tried[each])
            for each in recorded.keys() | self._baseline.keys() | self._tried.keys()
        ]
        comparisons.sort(
            key=lambda each: (
                each.kind,
                -max(each.recorded, each.baseline, each.tried),
                each.condition,
            )
        )
        real = [each for some in self._recorded.real.values() for each in some]
        missed = [each.event for each in real if each.seen and not each.raised]
        missed.sort(key=lambda event: event.alarm.raised_at)
        return WhatIf(
            comparisons,
            real=len(real),
            missed=missed,
            unknown=sum(not each.seen for each in real),
            beds=len(self._beds),
            values=self._values,
            late_values=self._stored - self._values,
        )


def _is_of_a_limit(condition: Condition) -> bool:
    """Whether a condition is about the value of one metric, which a replay judges again."""
    measured = condition.metric and condition.metric != EARLY_WARNING
    return bool(measured) and condition.kind is Kind.PHYSIOLOGICAL


def _side(code: str) -> str:
    """Whether a condition is of the low or of the high side of its metric."""
    is_low = code.endswith(("_LOW", "_FALLING")) or code in STANDSTILL.values()
    return "low" if is_low else "high"


def _note_seen(real: Iterable[_Real], times: Numbers) -> None:
    for each in real:
        held = (times >= each.begin - CLOCK_STEP_S) & (times <= each.end + CLOCK_STEP_S)
        each.seen = each.seen or bool(held.any())


def _note_raised(real: Iterable[_Real], found: Iterable[Occurrence]) -> None:
    """Notes which alarms have a replayed one of the same metric and side while they held.

    A device's clock is known to a second.
    """
    intervals: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for each in found:
        end = float("inf") if each.ended_at_s is None else each.ended_at_s
        intervals[each.metric, _side(each.condition)].append((each.raised_at_s, end))
    for one in real:
        condition = one.event.alarm.condition
        for begin, end in intervals[condition.metric, _side(condition.code)]:
            if begin <= one.end + CLOCK_STEP_S and end >= one.begin - CLOCK_STEP_S:
                one.raised = True
