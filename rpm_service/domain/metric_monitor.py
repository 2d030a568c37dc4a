"""All conditions of one metric: its limits, how fast it moves, and a signal that is gone."""

from collections.abc import Sequence
from math import isnan, nextafter
from typing import Final

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.conditions import LimitCondition
from rpm_service.domain.limits import MetricLimits
from rpm_service.domain.rate_of_change import RateCondition, rate_conditions
from rpm_service.domain.standstill import STANDSTILL, Standstill

NEVER_QUIET: Final = (float("inf"), float("-inf"))
"""A band that no value is within."""

_MOVES: Final = nextafter(0.0, 1.0)
"""The lowest value that is no standstill."""


class SignalConditions:
    """A metric without a usable value: missing, or marked invalid by the device.

    Both count from the last usable value, so that a signal that is now missing and now
    invalid does not go unnoticed.
    """

    __slots__ = ("_board", "_invalid", "_missing", "_since", "delay_s")

    def __init__(self, board: AlarmBoard, metric: str, delay_s: float) -> None:
        self._missing = Condition("METRIC_MISSING", Kind.TECHNICAL, metric)
        self._invalid = Condition("INVALID_SIGNAL", Kind.TECHNICAL, metric)
        self._board = board
        self.delay_s = delay_s
        self._since: float | None = float("-inf") if self.present else None

    @property
    def present(self) -> bool:
        """Whether there is an alarm."""
        return self._board.holds(self._missing) or self._board.holds(self._invalid)

    @property
    def is_missing(self) -> bool:
        """Whether there is an alarm because no value comes."""
        return self._board.holds(self._missing)

    @property
    def quiet(self) -> bool:
        """Neither present nor pending."""
        return self._since is None

    def observe(self, at: float, now: float, *, missing: bool, invalid: bool) -> None:
        """Judges one report, which is at most one of the two."""
        if not missing and not invalid:
            self._since = None
        elif self._since is None:
            self._since = at
        lasted = self._since is not None and at - self._since >= self.delay_s
        for condition, absent in ((self._missing, missing), (self._invalid, invalid)):
            holds = self._board.holds(condition)
            if holds and not absent:
                self._board.end(condition, at, now)
            elif absent and lasted and not holds:
                self._board.start(condition, Priority.LOW, at, now)


class MetricMonitor:
    """All conditions of one metric at one bedside.

    `metric` is its name there, `kind` the short name that its conditions are called after.
    `quiet_band` is what makes judging cheap: a value within it can change nothing, so the
    caller need not call. It is closed while anything is present or pending, and always where
    a rate of change is in force, which must see every value.
    """

    __slots__ = (
        "_board",
        "_conditions",
        "_high",
        "_kind",
        "_low",
        "_rates",
        "_signal",
        "_stale",
        "_standstill",
        "metric",
        "monitored",
        "plausible",
        "quiet_band",
    )

    def __init__(
        self,
        board: AlarmBoard,
        metric: str,
        kind: str,
        limits: MetricLimits,
        signal_delay_s: float,
        plausible: tuple[float, float],
        now: float,
        *,
        standstill: bool = False,
        monitored: bool = False,
    ) -> None:
        self.metric = metric
        self.plausible = plausible
        self._board = board
        self._kind = kind
        self._low = LimitCondition(board, metric, kind, -1, limits, now)
        self._high = LimitCondition(board, metric, kind, +1, limits, now)
        self._rates: Sequence[RateCondition] = ()
        self._standstill: Standstill | None = None
        self._signal = SignalConditions(board, metric, signal_delay_s)
        self._stale = Condition("METRIC_STALE", Kind.TECHNICAL, metric)
        self.monitored = monitored or any(alarm.condition.metric == metric for alarm in board)
        self._take_others(limits, now, standstill=standstill)

    def put_in_force(
        self, limits: MetricLimits, signal_delay_s: float, now: float, *, standstill: bool
    ) -> None:
        """Changes the limits: no delay that runs begins anew, and the next value is judged."""
        self._low.put_in_force(limits, now)
        self._high.put_in_force(limits, now)
        self._signal.delay_s = signal_delay_s
        self._take_others(limits, now, standstill=standstill)

    def _take_others(self, limits: MetricLimits, now: float, *, standstill: bool) -> None:
        """Puts into force what is not a limit."""
        board, metric, kind = self._board, self.metric, self._kind
        self._rates = rate_conditions(board, metric, kind, limits, now, self._rates)
        self._conditions: Sequence[LimitCondition | RateCondition] = (
            self._low, self._high, *self._rates,
        )  # fmt: skip
        self._standstill = None
        if kind in STANDSTILL:
            self._take_standstill(
                Standstill(board, metric, kind, latching=limits.latching), now, in_force=standstill
            )
        self.quiet_band = NEVER_QUIET

    def _take_standstill(self, standstill: Standstill, now: float, *, in_force: bool) -> None:
        """What is present from before goes on, or ends and leaves its limit to follow at once."""
        if standstill.present:
            self._low.yield_to_standstill(now, now)
        if in_force:
            self._standstill = standstill
        else:
            standstill.end(now, now)

    @property
    def pending(self) -> bool:
        """Whether a limit is violated whose delay still runs."""
        return self._low.pending or self._high.pending

    @property
    def may_go_stale(self) -> bool:
        """Whether a report that does not come would be an alarm."""
        return self.monitored and not self._signal.present and not self._board.holds(self._stale)

    @property
    def ignores_missing(self) -> bool:
        """Whether one more report without a value changes nothing: it is known, or not missed."""
        return not self.monitored or self._signal.is_missing

    def observe(self, value: float, at: float, now: float, *, invalid: bool = False) -> None:
        """Judges one report: a value in the metric's unit, or NaN where there is none.

        An invalid value is not judged against the limits. A metric that never had a value is
        not yet monitored: a socket that nothing is plugged into is no alarm.
        """
        missing = isnan(value)
        if not self.monitored:
            if missing or invalid:
                return
            self.monitored = True
        if self._board.holds(self._stale):
            self._board.end(self._stale, now, now)
        self._signal.observe(at, now, missing=missing and not invalid, invalid=invalid)
        if self._signal.present:
            self._inhibit(at, now)
        elif not missing and not invalid:
            self._judge(value, at, now)
        self.quiet_band = self._quiet_band()

    def _judge(self, value: float, at: float, now: float) -> None:
        standstill = self._standstill
        if standstill is not None and value == 0:
            # Told before the limit ends: there is no moment without an alarm.
            standstill.observe(value, at, now)
            self._low.yield_to_standstill(at, now)
        else:
            self._low.observe(value, at, now)
            if standstill is not None:
                standstill.observe(value, at, now)
        self._high.observe(value, at, now)
        for rate in self._rates:
            rate.observe(value, at, now)

    def _inhibit(self, at: float, now: float) -> None:
        """Nothing of the metric can be judged."""
        if self._standstill is not None:
            self._standstill.end(at, now)
        for condition in self._conditions:
            condition.inhibit(at, now)

    def go_stale(self, at: float, now: float) -> None:
        """The metric has stopped while others go on: nothing of it can be judged."""
        if not self.may_go_stale:
            return
        self._board.start(self._stale, Priority.MEDIUM, at, now)
        self._inhibit(at, now)
        self.quiet_band = NEVER_QUIET

    def after_gap(self, at: float, now: float) -> None:
        """The bedside was out of touch: what still holds must call again, as a new occurrence."""
        if self._standstill is not None:
            self._standstill.end(at, now)
        for condition in self._conditions:
            condition.rearm(at, now)
        self.quiet_band = NEVER_QUIET

    def _quiet_band(self) -> tuple[float, float]:
        if self._rates or not (self._low.quiet and self._high.quiet and self._signal.quiet):
            return NEVER_QUIET
        low, high = self.plausible
        if self._standstill is not None:
            if self._standstill.present:
                return NEVER_QUIET
            low = max(low, _MOVES)
        return max(low, -self._low.bound), min(high, self._high.bound)
