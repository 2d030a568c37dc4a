"""How long to wait before connecting again."""

from random import Random

FIRST_S = 0.1
CAP_S = 2.0


def backoff_s(attempt: int, rng: Random) -> float:
    """Returns the wait before this attempt, counted from 0: doubling, capped, jittered.

    The jitter takes away up to half, so that devices that lost one server together do not
    come back together, and none comes back at once.
    """
    assert attempt >= 0
    ceiling_s = min(CAP_S, FIRST_S * 2.0 ** min(attempt, 16))
    return ceiling_s * rng.uniform(0.5, 1.0)
