"""Rate of change: a value that has moved further within a short time than it may.

It is compared with the highest (FALLING) or lowest (RISING) value of the window that ends
with it, itself included. The window holds values, not time: see conditions.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from rpm_service.domain.alarms import AlarmBoard
from rpm_service.domain.conditions import Report, Tier, condition_of, priorities_of
from rpm_service.domain.limits import MetricLimits, RateOfChange

WINDOW_VALUES_MAX: Final = 8192
"""No more values are looked back on: more than a metric of 20 Hz has in the longest window."""

_WHAT: Final = {-1: "FALLING", +1: "RISING"}


class RateCondition:
    """A value that falls (sign -1) or rises (+1) fast.

    The window that it looks back over begins anew where the signal was gone, and after a
    restart: a condition that was present then ends with the next values.
    """

    __slots__ = ("_priority", "_rate", "_report", "_sign", "_tier", "_window")

    def __init__(
        self,
        board: AlarmBoard,
        metric: str,
        kind: str,
        sign: int,
        rate: RateOfChange,
        limits: MetricLimits,
    ) -> None:
        condition = condition_of(metric, kind, _WHAT[sign])
        self._report = Report(board, condition, sign, latching=limits.latching)
        self._priority, _ = priorities_of(kind)
        self._rate = rate
        self._sign = sign
        self._tier = Tier(rate.change, +1, 0.0, 0.0, limits.hold_s)
        if self._report.present:
            self._tier.resume()
        self._window: deque[tuple[float, float]] = deque(maxlen=WINDOW_VALUES_MAX)
        """(at, signed value), signed values growing: the first is the furthest one back."""

    def observe(self, value: float, at: float, now: float) -> None:
        """Judges one value."""
        signed, window = self._sign * value, self._window
        while window and window[-1][1] >= signed:
            window.pop()
        window.append((at, signed))
        while window[0][0] < at - self._rate.window_s:
            window.popleft()
        furthest = window[0][1]
        self._tier.observe(signed - furthest, at)
        priority = self._priority if self._tier.present else None
        self._report.tell(priority, None, value, at, now)

    def put_in_force(self, rate: RateOfChange, limits: MetricLimits) -> None:
        """Changes the rate; it is judged by the values that were seen already."""
        self._rate = rate
        self._report.latching = limits.latching
        self._tier.change(rate.change, 0.0, 0.0, limits.hold_s)

    def rearm(self, at: float, now: float) -> None:
        """The bedside was out of touch: what still holds becomes a new occurrence."""
        self._tier.lapse()
        self._report.end(at, now)

    def inhibit(self, at: float, now: float) -> None:
        """The signal is gone: nothing can be compared with what was before."""
        self._window.clear()
        self.rearm(at, now)


def rate_conditions(
    board: AlarmBoard,
    metric: str,
    kind: str,
    limits: MetricLimits,
    now: float,
    known: Sequence[RateCondition] = (),
) -> Sequence[RateCondition]:
    """Both directions of a metric, the known ones where there are; none without a rate."""
    if limits.rate is not None:
        for each in known:
            each.put_in_force(limits.rate, limits)
        return known or [
            RateCondition(board, metric, kind, sign, limits.rate, limits) for sign in sorted(_WHAT)
        ]
    for what in _WHAT.values():
        condition = condition_of(metric, kind, what)
        if board.holds(condition):
            board.end(condition, now, now)
    return ()
