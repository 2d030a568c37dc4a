"""What may be a measurement: values as they come, before any of them is judged."""

from collections.abc import Sequence
from math import isinf, isnan, nan
from typing import Final, NamedTuple

from rpm_service.domain.metric_monitor import MetricMonitor

VALID: Final = (0, 1, 2)
"""Wire numbers of validities whose value is judged: not stated, valid, questionable."""
INVALID: Final = 3
MISSING: Final = 4


class Refused(Exception):
    """A part of a frame is not taken. `field` is relative to that part; `reason` says why.

    `retryable`: the same frame may be taken later, for its number was not.
    """

    def __init__(self, at: str, reason: str, *, retryable: bool = False) -> None:
        super().__init__(f"{at}: {reason}")
        self.field = at
        self.reason = reason
        self.retryable = retryable


class Sifted(NamedTuple):
    """Values of one instant without those that cannot be: these are NaN, and INVALID, instead.

    `refusals` says what they were, by place.
    """

    values: Sequence[float]
    validity: Sequence[int]
    refusals: Sequence[Refused] = ()


def sift(
    monitors: Sequence[MetricMonitor],
    values: Sequence[float],
    indices: Sequence[int],
    validity: Sequence[int],
) -> Sifted:
    """Takes out what cannot be a measurement: it is a signal that is not to be used.

    Raises Refused where it cannot be told what the values are of.
    """
    _check_places(len(monitors), values, indices, validity)
    refusals: dict[int, Refused] = {}
    for place, value in enumerate(values):
        if isinf(value):
            reason = "infinity is not a value; NaN says there is none"
        elif isnan(value) or (validity and validity[place] not in VALID):
            continue
        else:
            monitor = monitors[indices[place] if indices else place]
            low, high = monitor.plausible
            if low <= value <= high:
                continue
            reason = f"{monitor.metric} {value:g} is not within {low:g} to {high:g}"
        refusals[place] = Refused(f"values[{place}]", reason)
    if not refusals:
        return Sifted(values, validity)
    left, states = list(values), list(validity) or [0] * len(values)
    for place in refusals:
        left[place], states[place] = nan, INVALID
    return Sifted(left, states, tuple(refusals.values()))


def _check_places(
    count: int, values: Sequence[float], indices: Sequence[int], validity: Sequence[int]
) -> None:
    expected = len(indices) if indices else count
    if len(values) != expected:
        what = "indices" if indices else "described numerics"
        raise Refused("values", f"{len(values)} values for {expected} {what}")
    if validity and len(validity) != len(values):
        raise Refused("validity", f"{len(validity)} validities for {len(values)} values")
    if len(set(indices)) != len(indices):
        raise Refused("indices", "the same numeric twice in one instant")
    for place, index in enumerate(indices):
        if not 0 <= index < count:
            raise Refused(
                f"indices[{place}]", f"{index} is not one of the {count} described numerics"
            )
    for place, state in enumerate(validity):
        if state not in VALID and state not in (INVALID, MISSING):
            raise Refused(f"validity[{place}]", f"{state} is not a validity")
