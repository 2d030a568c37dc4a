from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.sdk.backoff import CAP_S, FIRST_S, backoff_s


@pytest.mark.spec("SDK-8")
@given(attempt=st.integers(0, 10_000), seed=st.integers())
def test_the_wait_doubles_up_to_a_cap_and_is_never_the_same_for_all(
    attempt: int, seed: int
) -> None:
    ceiling_s = min(CAP_S, FIRST_S * 2.0 ** min(attempt, 10))
    wait_s = backoff_s(attempt, Random(seed))
    assert ceiling_s / 2 <= wait_s <= ceiling_s
    assert backoff_s(attempt, Random(seed)) == wait_s
