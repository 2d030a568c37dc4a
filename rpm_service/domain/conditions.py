"""Limit alarms: when a limit counts as violated, and what becomes of one side of a metric.

Every judgement is made on samples, at their observation time, so that a stored recording and
a live stream give the same alarms. A violation is strict (90 is not below 90) and must be
seen to last: the first and the last violating sample are at least the delay apart, and no
sample between them is within the limit. A missing value is not a normal one: it ends no
violation until the signal counts as gone.
"""

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.limits import MetricLimits


class Tier:
    """Whether one limit is violated: delay before, hysteresis and hold after.

    `sign` is +1 for an upper limit and -1 for a lower one; all comparisons are made on the
    signed value, so that there is one rule and not two.
    """

    __slots__ = (
        "_back_since",
        "_delay_s",
        "_hold_s",
        "_hysteresis",
        "_sign",
        "_since",
        "bound",
        "limit",
        "present",
    )

    def __init__(
        self, limit: float, sign: int, delay_s: float, hysteresis: float, hold_s: float
    ) -> None:
        self.limit = limit
        self.bound = sign * limit
        self.present = False
        self._sign = sign
        self._delay_s = delay_s
        self._hysteresis = hysteresis
        self._hold_s = hold_s
        self._since: float | None = None
        self._back_since: float | None = None

    @property
    def quiet(self) -> bool:
        """Neither present nor pending."""
        return not self.present and self._since is None

    def observe(self, value: float, at: float) -> None:
        """Judges one value."""
        signed = self._sign * value
        if signed > self.bound or (self.present and signed > self.bound - self._hysteresis):
            self._back_since = None
            if self._since is None:
                self._since = at
            if not self.present and at - self._since >= self._delay_s:
                self.present = True
            return
        self._since = None
        if self.present:
            if self._back_since is None:
                self._back_since = at
            if at - self._back_since >= self._hold_s:
                self.lapse()

    def lapse(self) -> None:
        """The condition can no longer be judged, or has gone."""
        self.present = False
        self._since = self._back_since = None

    def rearm(self) -> None:
        """After a gap: what was present needs no new delay if the next value still violates."""
        self._since = float("-inf") if self.present else None
        self.present = False
        self._back_since = None

    def resume(self) -> None:
        """The condition is present without a delay of its own."""
        self.present = True


class LimitCondition:
    """One side of a metric: the MEDIUM limit and the HIGH one beyond it, as one condition.

    What is beyond the HIGH limit is beyond the MEDIUM one, so the condition falls back to
    MEDIUM and ends only when the value is back within that.
    """

    __slots__ = ("_board", "_furthest", "_latching", "_sign", "condition", "extreme", "plain")

    def __init__(
        self,
        board: AlarmBoard,
        metric: str,
        kind: str,
        sign: int,
        limits: MetricLimits,
        now: float,
    ) -> None:
        side = "HIGH" if sign > 0 else "LOW"
        self.condition = Condition(f"{kind.upper()}_{side}", Kind.PHYSIOLOGICAL, metric)
        plain = limits.high if sign > 0 else limits.low
        extreme = limits.extreme_high if sign > 0 else limits.extreme_low
        hysteresis, hold_s = limits.hysteresis, limits.hold_s
        self.plain = (
            None if plain is None else Tier(plain, sign, limits.delay_s, hysteresis, hold_s)
        )
        self.extreme = (
            None
            if extreme is None
            else Tier(extreme, sign, limits.extreme_delay_s, hysteresis, hold_s)
        )
        self._board = board
        self._sign = sign
        self._latching = limits.latching
        alarm = board.get(self.condition)
        self._furthest = None if alarm is None else alarm.extreme
        if alarm is not None and alarm.ended_at is None:
            for tier, priority in self._tiers():
                if alarm.priority >= priority:
                    tier.resume()
            if self._priority() is None:
                # The limit that was crossed is no longer in force.
                board.end(self.condition, now, now)

    @property
    def quiet(self) -> bool:
        """Nothing is present or pending."""
        return all(tier.quiet for tier, _ in self._tiers())

    @property
    def bound(self) -> float:
        """The nearest limit, signed; infinite where there is none."""
        return min((tier.bound for tier, _ in self._tiers()), default=float("inf"))

    def observe(self, value: float, at: float, now: float) -> None:
        """Judges one value and tells the board what became of the condition."""
        for tier, _ in self._tiers():
            tier.observe(value, at)
        if self.plain is not None and self.extreme is not None and self.extreme.present:
            self.plain.resume()
        before = self._board.get(self.condition)
        present = before is not None and before.ended_at is None
        priority = self._priority()
        if priority is None:
            if present:
                self._board.end(self.condition, at, now, value=value)
            return
        limit = self._limit(priority)
        if not present or before is None:
            self._furthest = value
            self._board.start(
                self.condition, priority, at, now,
                value=value, limit=limit, latching=self._latching,
            )  # fmt: skip
            return
        if self._furthest is None or self._sign * value > self._sign * self._furthest:
            self._furthest = value
            self._board.note_extreme(self.condition, value)
        if before.priority != priority:
            self._board.change_priority(self.condition, priority, at, now, value=value, limit=limit)
        else:
            self._board.update(self.condition, value, at, now)

    def rearm(self, at: float, now: float) -> None:
        """The bedside was out of touch: what still holds becomes a new occurrence at once."""
        for tier, _ in self._tiers():
            tier.rearm()
        if self._board.holds(self.condition):
            self._board.end(self.condition, at, now)

    def inhibit(self, at: float, now: float) -> None:
        """The signal is gone: the condition cannot be judged and ends."""
        for tier, _ in self._tiers():
            tier.lapse()
        if self._board.holds(self.condition):
            self._board.end(self.condition, at, now)

    def _tiers(self) -> list[tuple[Tier, Priority]]:
        pairs = ((self.plain, Priority.MEDIUM), (self.extreme, Priority.HIGH))
        return [(tier, priority) for tier, priority in pairs if tier is not None]

    def _priority(self) -> Priority | None:
        return max((priority for tier, priority in self._tiers() if tier.present), default=None)

    def _limit(self, priority: Priority) -> float:
        return next(tier.limit for tier, each in self._tiers() if each is priority)
