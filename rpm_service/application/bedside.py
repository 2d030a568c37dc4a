"""One bedside: what a medical device system measures at one bed, now, and its alarms.

The way of a sample ends here: it becomes the newest value, and where it is outside its quiet
band the alarm conditions of its metric are judged. Silence arrives here too, as deadlines.
Times: `at` is the observation time on the server's clock, `now` the time of receipt.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from math import inf, isnan, nan
from types import MappingProxyType
from typing import Final, NamedTuple

from rpm_service.application.effects import Connection, Description, LimitOverride, Numeric
from rpm_service.application.sifting import INVALID, MISSING, Refused, Sifted, sift
from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.bursts import Bursts
from rpm_service.domain.combined import judge_combined
from rpm_service.domain.early_warning import METRIC as EARLY_WARNING
from rpm_service.domain.early_warning import Score
from rpm_service.domain.inactivation import (
    Inactivation,
    Inactivations,
    InactivationState,
    Reminder,
)
from rpm_service.domain.limits import AgeClass, AlarmSettings, MetricLimits
from rpm_service.domain.metric_monitor import NEVER_QUIET, MetricMonitor
from rpm_service.domain.metrics import kind_of
from rpm_service.domain.presets import PRESETS
from rpm_service.domain.recent import RecentConditions

CONNECTION_LOST: Final = Condition("CONNECTION_LOST", Kind.TECHNICAL)
DEVICE_CLOCK_OFF: Final = Condition("DEVICE_CLOCK_OFF", Kind.TECHNICAL)

SERVER: Final = "server"
"""Device and bed of the server's own alarms, which has no description and no values."""

SILENCE_S: Final = 10.0
"""A bedside that has sent nothing for so long has lost its connection."""
STALE_S_MIN: Final = 5.0
"""No value is called stale earlier, however often the device promised one."""
DEVICE_ALARMS_MAX: Final = 64
"""So many alarms of a device's own may have a signal."""
NO_LIMITS: Final = MetricLimits()
NO_OVERRIDES: Final[Mapping[str, LimitOverride]] = MappingProxyType({})


class Quiet(NamedTuple):
    """Which reports of one numeric change nothing but its newest value.

    Valid values from `low` to `high`, none at all where `ignores_missing`, and time itself for
    as long as one comes within `stale_after_s` of the last, which was at `reported_at`.
    """

    low: float
    high: float
    ignores_missing: bool
    stale_after_s: float
    reported_at: float


def silence_after_s(description: Description) -> float:
    """Tells after how long without any value the connection counts as lost."""
    periods = [numeric.period_s for numeric in description.numerics]
    return max(SILENCE_S, 2.5 * min(periods)) if periods else inf


def stale_after_s(period_s: float) -> float:
    """Tells how old a value may be and still be shown as current."""
    return max(2 * period_s, STALE_S_MIN)


class Bedside:
    """The live state of one medical device system.

    `values`, `observed_at` and `validity` run parallel to `description.numerics`: NaN where
    there is no value, 0 where it was never observed, and empty where all are valid. `pending`
    are positions of metrics with a limit violated whose delay still runs.
    """

    def __init__(
        self, number: int, device_id: str, next_occurrence: Callable[[], int], now: float
    ) -> None:
        self.number = number
        self.device_id = device_id
        self.unit = ""
        self.care_groups: Sequence[str] = ()
        self.patient_id = ""
        self.age_class: AgeClass | None = None
        self.connection = Connection.AWAY
        self.early_warning: Score | None = None
        self.inactivations = Inactivations()
        self.covered: bool | None = None
        """Whether a viewer is there that can call somebody; None where no device is connected."""
        self.description = Description()
        self.board = AlarmBoard(device_id, device_id, next_occurrence)
        self.recent = RecentConditions(self.board)
        self.bursts = Bursts()
        self._reminder = Reminder(self.board)
        self.values: Sequence[float] = ()
        self.observed_at: Sequence[float] = ()
        self.validity: Sequence[int] = ()
        self.pending: Sequence[int] = ()
        self.due = 0.0
        self.since = 0.0
        """What was observed before then is of somebody else: only for the record."""
        self._settings = PRESETS[AgeClass.ADULT]
        self._overrides: Mapping[str, LimitOverride] = NO_OVERRIDES
        self._monitors: list[MetricMonitor] = []
        self._kinds: dict[str, str] = {}
        self._stale_after_s: list[float] = []
        self._quiet_s = inf
        self._lows = array("d")
        self._highs = array("d")
        self._newest_at = 0.0
        self._heard_at = now
        self._observed_at = now
        self._all_reported_at = now
        self._reported_at: dict[int, float] = {}

    @property
    def bed(self) -> str:
        """The bed's name; the device's own where it has no bed."""
        return self.board.bed

    @property
    def is_server(self) -> bool:
        """Whether this is no bed at all, but where the server's own alarms are."""
        return self.device_id == SERVER

    @property
    def settings(self) -> AlarmSettings:
        """The alarm settings in force."""
        return self._settings

    @property
    def audio_paused_until(self) -> float | None:
        """Until when the sound of the whole bed is paused; None where it is not."""
        for each in self.inactivations.held:
            if each.state is InactivationState.AUDIO_PAUSED and not each.metric + each.condition:
                return each.until
        return None

    @property
    def is_monitored(self) -> bool:
        """Whether anything here ever had a value, and so would be missed."""
        return any(monitor.monitored for monitor in self._monitors)

    @property
    def patience_s(self) -> float:
        """While everything is reported at least this often, time alone changes nothing here."""
        return min(SILENCE_S, self._quiet_s, min(self._stale_after_s, default=inf))

    @property
    def bands(self) -> tuple[Sequence[float], Sequence[float]]:
        """The lower and the upper end of each numeric's quiet band."""
        return self._lows, self._highs

    def quiet(self) -> list[Quiet]:
        """What changes nothing now, by numeric."""
        return [
            Quiet(
                *monitor.quiet_band,
                monitor.ignores_missing,
                stale_after_s if monitor.may_go_stale else inf,
                max(self._all_reported_at, self._reported_at.get(index, 0.0)),
            )
            for index, (monitor, stale_after_s) in enumerate(
                zip(self._monitors, self._stale_after_s, strict=True)
            )
        ]

    def limits_of(self, numeric: Numeric) -> MetricLimits | None:
        """The alarm limits in force for one of the bedside's numerics."""
        return self._settings.limits_of(numeric.name, kind_of(numeric.code))

    def override_of(self, numeric: Numeric) -> LimitOverride | None:
        """Who set the limits of one numeric, where they are the patient's own."""
        by_name = numeric.name in self._settings.limits
        return self._overrides.get(numeric.name if by_name else kind_of(numeric.code))

    # -- what is measured here ----------------------------------------------------------

    def describe(self, description: Description, now: float) -> None:
        """Takes a new description. Alarms of metrics that are no longer there end."""
        if description != self.description:
            self.description = description
            self._forget_values()
            names = {EARLY_WARNING, *(numeric.name for numeric in description.numerics)}
            for alarm in list(self.board):
                metric = alarm.condition.metric
                if metric and metric not in names and alarm.ended_at is None:
                    self.board.end(alarm.condition, now, now)
            self._build_monitors(now)

    def put_in_force(
        self,
        settings: AlarmSettings,
        now: float,
        overrides: Mapping[str, LimitOverride] = NO_OVERRIDES,
    ) -> bool:
        """Changes the alarm settings; what is present is judged anew at the next value.

        `overrides` are those of them that are the patient's own. Tells whether anything changed.
        """
        self._overrides = dict(overrides)
        if settings == self._settings:
            return False
        self._settings = settings
        pairs = zip(self._monitors, self.description.numerics, strict=True)
        for index, (monitor, numeric) in enumerate(pairs):
            limits = self.limits_of(numeric) or NO_LIMITS
            monitor.put_in_force(
                limits, settings.signal_delay_s, now, standstill=settings.standstill
            )
            self._lows[index], self._highs[index] = NEVER_QUIET
        self._combine(now, now)
        self._note_pending()
        return True

    def discharge(self, now: float) -> None:
        """The patient has left: alarms about the patient end, and all that was held back of them.

        The next one is judged afresh, and no value of this one is theirs: none that is known,
        and none that was observed before now and comes later.
        """
        self.begin(now)
        self.board.discharge(now)
        self.inactivations.end_all()
        self.early_warning = None
        self._forget_values()
        self._build_monitors(now)

    def begin(self, since: float) -> None:
        """What was observed before then is of somebody else, or of nobody knows whom."""
        self.since = max(self.since, since)
        self._newest_at = max(self._newest_at, since)

    def _forget_values(self) -> None:
        count = len(self.description.numerics)
        self.values, self.observed_at, self.validity = [nan] * count, [0.0] * count, ()

    def _build_monitors(self, now: float) -> None:
        monitored = {monitor.metric for monitor in self._monitors if monitor.monitored}
        self._monitors = [
            MetricMonitor(
                self.board,
                numeric.name,
                kind_of(numeric.code),
                self.limits_of(numeric) or NO_LIMITS,
                self._settings.signal_delay_s,
                numeric.plausible,
                now,
                standstill=self._settings.standstill,
                monitored=numeric.name in monitored,
            )
            for numeric in self.description.numerics
        ]
        self._kinds = {each.name: kind_of(each.code) for each in self.description.numerics}
        self._combine(now, now)
        self._note_pending()
        periods = [numeric.period_s for numeric in self.description.numerics]
        self._stale_after_s = [stale_after_s(period_s) for period_s in periods]
        self._quiet_s = silence_after_s(self.description)
        self._lows = array("d", [NEVER_QUIET[0]]) * len(self._monitors)
        self._highs = array("d", [NEVER_QUIET[1]]) * len(self._monitors)

    def _note_pending(self) -> None:
        self.pending = [index for index, monitor in enumerate(self._monitors) if monitor.pending]

    def conclude(self) -> None:
        """Judges what follows from alarm events that nobody has taken yet."""
        newest = self.board.events[-1]
        self._combine(newest.observed_at, newest.received_at)

    def _combine(self, at: float, now: float) -> None:
        judge_combined(self.board, self._kinds, at, now, in_force=self._settings.combined)

    # -- values -------------------------------------------------------------------------

    def observe_quiet(self, at: float, now: float, values: Sequence[float]) -> bool:
        """Takes the common case: everything, valid, within the quiet band and not late.

        Tells whether it was that; otherwise nothing has changed.
        """
        if len(values) != len(self._monitors) or at < self._newest_at:
            return False
        for value, low, high in zip(values, self._lows, self._highs, strict=True):
            if not low <= value <= high:
                return False
        self._newest_at = at
        self._heard_at = self._observed_at = self._all_reported_at = now
        self.values = values
        self.observed_at = [at] * len(values)
        self.validity = ()
        return True

    def observe(
        self,
        at: float,
        now: float,
        values: Sequence[float],
        indices: Sequence[int] = (),
        validity: Sequence[int] = (),
    ) -> bool:
        """Takes values of one instant, as `sift` leaves them; tells whether they are current.

        An instant before the newest one is only for the record.
        """
        if at < self._newest_at:
            return False
        self._newest_at = at
        self._heard_at = self._observed_at = now
        everything = indices or range(len(self._monitors))
        all_values, all_at = list(self.values), list(self.observed_at)
        all_validity = list(self.validity) or [0] * len(all_values)
        for place, index in enumerate(everything):
            value = values[place]
            state = validity[place] if validity else 0
            invalid = state == INVALID
            if state == MISSING:
                value = nan
            elif isnan(value) and not invalid:
                state = MISSING
            all_values[index], all_at[index], all_validity[index] = value, at, state
            self._reported_at[index] = now
            monitor = self._monitors[index]
            monitor.observe(value, at, now, invalid=invalid)
            self._lows[index], self._highs[index] = monitor.quiet_band
        self.values, self.observed_at = all_values, all_at
        self.validity = all_validity if any(all_validity) else ()
        self._note_pending()
        return True

    def sift(
        self, values: Sequence[float], indices: Sequence[int], validity: Sequence[int]
    ) -> Sifted:
        """Takes out what cannot be a measurement here. Raises Refused."""
        return sift(self._monitors, values, indices, validity)

    # -- the device itself --------------------------------------------------------------

    def connect(self, now: float) -> None:
        """The device is there. After a lost connection whatever still holds calls again."""
        self._heard_at = self._observed_at = self._all_reported_at = now
        # Neither is later than now but where a restart found the clock set back.
        self._newest_at = min(self._newest_at, now)
        self.since = min(self.since, now)
        self.connection = Connection.CONNECTED
        if self.board.holds(CONNECTION_LOST):
            self.board.end(CONNECTION_LOST, now, now)
            for index, monitor in enumerate(self._monitors):
                monitor.after_gap(now, now)
                self._lows[index], self._highs[index] = NEVER_QUIET
            self._note_pending()

    def lose(self, now: float) -> None:
        """The stream ended without goodbye, or went silent: a technical alarm.

        Alarms that are on stay on: a broken link says nothing about the patient.
        """
        if self.connection is not Connection.LOST:
            self.connection = Connection.LOST
            self.pending = ()
            if not self.board.holds(CONNECTION_LOST):
                self.board.start(CONNECTION_LOST, Priority.MEDIUM, now, now)

    def leave(self, now: float) -> None:
        """The device said goodbye: nothing is measured any more, so no condition holds."""
        self.connection = Connection.AWAY
        self.values, self.validity = [nan] * len(self._monitors), ()
        for alarm in list(self.board):
            if alarm.ended_at is None:
                self.board.end(alarm.condition, now, now)
        self._monitors = []
        self._build_monitors(now)

    def heartbeat(self, now: float) -> None:
        """The device's stream lives."""
        self._heard_at = now

    def hear(self, now: float) -> None:
        """The device measures, but sent no current value. Its numerics may still go stale."""
        self._heard_at = self._observed_at = now

    def was_heard_within(self, seconds: float, now: float) -> bool:
        """Whether its device was there so short a time ago."""
        return self.connection is Connection.CONNECTED and now - self._heard_at <= seconds

    def judge_clock(self, *, off: bool, now: float) -> None:
        """Raises or ends the technical alarm for a device clock that is wrong."""
        if off and not self.board.holds(DEVICE_CLOCK_OFF):
            self.board.start(DEVICE_CLOCK_OFF, Priority.LOW, now, now)
        elif not off and self.board.holds(DEVICE_CLOCK_OFF):
            self.board.end(DEVICE_CLOCK_OFF, now, now)

    def take_device_alarm(
        self,
        code: str,
        kind: Kind,
        priority: Priority,
        at: float,
        now: float,
        *,
        present: bool,
        text: str = "",
    ) -> None:
        """A condition that the device itself raised or ended. Raises Refused."""
        condition = Condition(f"DEVICE_{code}", kind)
        alarm = self.board.get(condition)
        holds = alarm is not None and alarm.ended_at is None
        if not present:
            if holds:
                self.board.end(condition, at, now)
        elif alarm is None or not holds:
            own = sum(each.condition.code.startswith("DEVICE_") for each in self.board)
            if alarm is None and own >= DEVICE_ALARMS_MAX:
                raise Refused("condition", f"{own} alarms of its own have a signal already")
            self.board.start(condition, priority, at, now, text=text)
        elif alarm.priority != priority:
            self.board.change_priority(condition, priority, at, now)

    # -- time ---------------------------------------------------------------------------

    def tick(self, now: float) -> float:
        """Notices what has run out; tells when to come again."""
        dues = [now + SILENCE_S]
        expires = self.board.expire(now)
        if expires is not None:
            dues.append(expires)
        dues += self._judge_inactivations(now)
        dues += self.recent.expire(now)
        if self.connection is Connection.CONNECTED:
            dues.append(self._judge_silence(now))
        return min(dues)

    def _judge_inactivations(self, now: float) -> list[float]:
        runs_out = self.inactivations.expire(now)
        # Where nothing is measured no condition holds, this one neither.
        is_away = self.connection is Connection.AWAY
        reminds = self._reminder.judge(None if is_away else self.inactivations.off_since, now)
        return [due for due in (runs_out, reminds) if due is not None]

    def _judge_silence(self, now: float) -> float:
        lost_at = min(self._heard_at + SILENCE_S, self._observed_at + self._quiet_s)
        if lost_at <= now:
            self.lose(now)
            return now + SILENCE_S
        stale_at = self._all_reported_at + min(self._stale_after_s, default=inf)
        if stale_at > now:
            # The common case: everything has come just now.
            return min(lost_at, stale_at)
        dues = [lost_at]
        for index, monitor in enumerate(self._monitors):
            reported = max(self._all_reported_at, self._reported_at.get(index, 0.0))
            stale_at = reported + self._stale_after_s[index]
            if stale_at > now:
                dues.append(stale_at)
            elif self._observed_at < stale_at:
                # Nothing else has come since either: that is silence, judged above.
                dues.append(now + 1.0)
            else:
                monitor.go_stale(now, now)
                self._lows[index], self._highs[index] = NEVER_QUIET
                self._note_pending()
        return min(dues)

    # -- restart ------------------------------------------------------------------------

    def resume(self, connection: Connection, held: Sequence[Inactivation]) -> None:
        """Takes back what was so before a restart; the device has its time to come back."""
        self.connection = connection
        self.inactivations = Inactivations(held)
