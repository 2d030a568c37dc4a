"""Limit alarms: when a limit counts as violated, and what becomes of one side of a metric.

Every judgement is made on samples, at their observation time, so that a stored recording and
a live stream give the same alarms. A violation is strict (90 is not below 90) and must be
seen to last: the first and the last violating sample are at least the delay apart, and no
sample between them is within the limit. A missing value is not a normal one: it ends no
violation until the signal counts as gone.
"""

from types import MappingProxyType
from typing import Final

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.limits import MetricLimits

EQUIPMENT: Final = MappingProxyType({"Batt": "BATTERY"})
"""Kinds that say nothing of the patient, and what their conditions are called after."""

_ALWAYS: Final = float("-inf")
"""When a violation began that needs no delay of its own."""


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
        self.present = False
        self._sign = sign
        self._since: float | None = None
        self._back_since: float | None = None
        self.change(limit, delay_s, hysteresis, hold_s)

    def change(self, limit: float, delay_s: float, hysteresis: float, hold_s: float) -> None:
        """Moves the limit; a delay or a hold that runs goes on."""
        self.limit = limit
        self.bound = self._sign * limit
        self._delay_s = delay_s
        self._hysteresis = hysteresis
        self._hold_s = hold_s

    @property
    def quiet(self) -> bool:
        """Neither present nor pending."""
        return not self.present and self._since is None

    @property
    def pending(self) -> bool:
        """The limit is violated, and the delay still runs."""
        return not self.present and self._since is not None and self._since != _ALWAYS

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
        """After a gap: what was present needs no new delay if the next value still violates.

        A delay that runs goes on, or a link that breaks again and again would hold back an alarm
        for ever.
        """
        since = _ALWAYS if self.present else self._since
        self.lapse()
        self._since = since

    def prime(self) -> None:
        """Not present, but the next value needs no delay if it violates."""
        self.lapse()
        self._since = _ALWAYS

    def resume(self) -> None:
        """The condition is present without a delay of its own."""
        self.present = True


def condition_of(metric: str, kind: str, what: str) -> Condition:
    """Names a condition of a metric; that of equipment is a technical one."""
    if kind in EQUIPMENT:
        return Condition(f"{EQUIPMENT[kind]}_{what}", Kind.TECHNICAL, metric)
    return Condition(f"{kind.upper()}_{what}", Kind.PHYSIOLOGICAL, metric)


def priorities_of(kind: str) -> tuple[Priority, Priority]:
    """The priorities of a limit and of an extreme one."""
    if kind in EQUIPMENT:
        return Priority.LOW, Priority.MEDIUM
    return Priority.MEDIUM, Priority.HIGH


class Report:
    """What the board is told of one condition: that it began, how far it went, that it ended.

    `sign` is +1 where further out is up, and -1 where it is down.
    """

    __slots__ = ("_board", "_furthest", "_sign", "condition", "latching")

    def __init__(
        self, board: AlarmBoard, condition: Condition, sign: int, *, latching: bool
    ) -> None:
        alarm = board.get(condition)
        self.condition = condition
        self._board = board
        self._sign = sign
        self.latching = latching
        self._furthest = None if alarm is None else alarm.extreme

    @property
    def present(self) -> bool:
        """Whether the condition is present."""
        return self._board.holds(self.condition)

    def tell(
        self, priority: Priority | None, limit: float | None, value: float, at: float, now: float
    ) -> None:
        """Tells what one value made of the condition: its priority, None where it is absent."""
        before = self._board.get(self.condition)
        present = before is not None and before.ended_at is None
        if priority is None:
            if present:
                self._board.end(self.condition, at, now, value=value)
        elif not present or before is None:
            self._furthest = value
            self._board.start(
                self.condition, priority, at, now,
                value=value, limit=limit, latching=self.latching,
            )  # fmt: skip
        else:
            if self._furthest is None or self._sign * value > self._sign * self._furthest:
                self._furthest = value
                self._board.note_extreme(self.condition, value)
            if before.priority == priority:
                self._board.update(self.condition, value, at, now)
            else:
                self._board.change_priority(
                    self.condition, priority, at, now, value=value, limit=limit
                )

    def end(self, at: float, now: float) -> None:
        """The condition is absent, for another reason than a value."""
        if self.present:
            self._board.end(self.condition, at, now)


class LimitCondition:
    """One side of a metric: the limit and the extreme one beyond it, as one condition.

    What is beyond the extreme limit is beyond the plain one, so the condition falls back to
    the lower priority and ends only when the value is back within that.
    """

    __slots__ = ("_board", "_extreme", "_plain", "_priorities", "_report", "_sign", "_tiers")

    def __init__(
        self,
        board: AlarmBoard,
        metric: str,
        kind: str,
        sign: int,
        limits: MetricLimits,
        now: float,
    ) -> None:
        condition = condition_of(metric, kind, "HIGH" if sign > 0 else "LOW")
        self._report = Report(board, condition, sign, latching=limits.latching)
        self._board = board
        self._sign = sign
        self._priorities = priorities_of(kind)
        self._plain: Tier | None = None
        self._extreme: Tier | None = None
        self.put_in_force(limits, now)

    def put_in_force(self, limits: MetricLimits, now: float) -> None:
        """Changes the limits. What is pending goes on; what has no limit any more ends."""
        plain, extreme = limits.low, limits.extreme_low
        if self._sign > 0:
            plain, extreme = limits.high, limits.extreme_high
        self._report.latching = limits.latching
        self._plain = self._changed(self._plain, plain, limits.delay_s, limits)
        self._extreme = self._changed(self._extreme, extreme, limits.extreme_delay_s, limits)
        pairs = zip((self._plain, self._extreme), self._priorities, strict=True)
        self._tiers = [(tier, priority) for tier, priority in pairs if tier is not None]
        alarm = self._board.get(self._report.condition)
        if alarm is not None and alarm.ended_at is None:
            for tier, priority in self._tiers:
                if alarm.priority >= priority:
                    tier.resume()
            if self._in_force() is None:
                # The limit that was crossed is no longer in force.
                self._report.end(now, now)

    @property
    def quiet(self) -> bool:
        """Nothing is present or pending."""
        return all(tier.quiet for tier, _ in self._tiers)

    @property
    def pending(self) -> bool:
        """A limit is violated whose delay still runs."""
        return any(tier.pending for tier, _ in self._tiers)

    @property
    def bound(self) -> float:
        """The nearest limit, signed; infinite where there is none."""
        return min((tier.bound for tier, _ in self._tiers), default=float("inf"))

    def observe(self, value: float, at: float, now: float) -> None:
        """Judges one value and tells the board what became of the condition."""
        for tier, _ in self._tiers:
            tier.observe(value, at)
        if self._plain is not None and self._extreme is not None and self._extreme.present:
            self._plain.resume()
        found = self._in_force()
        if found is None:
            self._report.tell(None, None, value, at, now)
        else:
            tier, priority = found
            self._report.tell(priority, tier.limit, value, at, now)

    def yield_to_standstill(self, at: float, now: float) -> None:
        """The patient's value is 0: not signalled beside that, and not delayed after it."""
        for tier, _ in self._tiers:
            tier.prime()
        self._report.end(at, now)

    def rearm(self, at: float, now: float) -> None:
        """The bedside was out of touch: what still holds becomes a new occurrence at once."""
        for tier, _ in self._tiers:
            tier.rearm()
        self._report.end(at, now)

    def inhibit(self, at: float, now: float) -> None:
        """The signal is gone: the condition cannot be judged and ends."""
        for tier, _ in self._tiers:
            tier.lapse()
        self._report.end(at, now)

    def _changed(
        self, tier: Tier | None, limit: float | None, delay_s: float, limits: MetricLimits
    ) -> Tier | None:
        if limit is None:
            return None
        if tier is None:
            return Tier(limit, self._sign, delay_s, limits.hysteresis, limits.hold_s)
        tier.change(limit, delay_s, limits.hysteresis, limits.hold_s)
        return tier

    def _in_force(self) -> tuple[Tier, Priority] | None:
        """The furthest limit that counts as violated."""
        return next((each for each in reversed(self._tiers) if each[0].present), None)
