from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.domain.auto_limits import RULES, propose
from rpm_service.domain.limits import AgeClass, Bounds, MetricLimits
from rpm_service.domain.metrics import BY_NAME
from rpm_service.domain.presets import PRESETS

WIDE = Bounds((-1000, 1000), (-1000, 1000))
ADULT, CHILD, NEWBORN = AgeClass.ADULT, AgeClass.PAEDIATRIC, AgeClass.NEONATAL


@pytest.mark.spec("LIMIT-2")
@pytest.mark.parametrize(
    ("kind", "value", "age_class", "expected"),
    [
        ("HR", 80, ADULT, (64, 100)),
        ("HR", 50, ADULT, (40, 62)),
        ("HR", 49, ADULT, (40, 61)),
        ("HR", 192, ADULT, (154, 240)),
        ("HR", 200, ADULT, (160, 240)),
        ("PR", 80, CHILD, (64, 100)),
        ("HR", 140, NEWBORN, (110, 180)),
        ("PR", 119, NEWBORN, (90, 159)),
        ("HR", 161, NEWBORN, (131, 200)),
        ("RR", 16, ADULT, (8, 24)),
        ("RR", 11, ADULT, (6, 16)),
        ("RR", 21, CHILD, (10, 30)),
        ("NIBPs", 120, ADULT, (92, 141)),
        ("NIBPs", 100, CHILD, (78, 124)),
        ("Temp", 37.2, NEWBORN, (36.7, 37.7)),
        ("EtCO2", 36, ADULT, (30, 42)),
        ("EtCO2", 45, NEWBORN, (39, 51)),
        ("SpO2", 96, ADULT, (91, 99)),
    ],
)
def test_the_rules(
    kind: str, value: float, age_class: AgeClass, expected: tuple[float, float]
) -> None:
    limits = propose(kind, value, age_class, MetricLimits(low=0, high=99), WIDE)
    assert limits is not None
    assert (limits.low, limits.high) == expected


@pytest.mark.spec("LIMIT-2")
@pytest.mark.parametrize(
    ("kind", "value", "age_class"),
    [
        ("EtCO2", 35.9, ADULT),
        ("EtCO2", 45.1, ADULT),
        ("RR", 40, NEWBORN),
        ("NIBPs", 60, NEWBORN),
        ("NIBPd", 70, ADULT),
        ("CVP", 5, ADULT),
        ("HR", float("nan"), ADULT),
    ],
)
def test_for_anything_else_there_is_no_rule(kind: str, value: float, age_class: AgeClass) -> None:
    assert propose(kind, value, age_class, MetricLimits(), WIDE) is None


@pytest.mark.spec("LIMIT-3")
@given(
    st.sampled_from(AgeClass),
    st.sampled_from(sorted({kind for rules in RULES.values() for kind in rules})),
    st.floats(0, 1),
)
def test_a_proposal_could_be_set_as_it_is(age_class: AgeClass, kind: str, share: float) -> None:
    metric, preset = BY_NAME[kind], PRESETS[age_class]
    value = metric.low + share * (metric.high - metric.low)
    limits, bounds = preset.limits[kind], preset.bounds[kind]
    proposed = propose(kind, value, age_class, limits, bounds)
    if proposed is not None:
        proposed.check(kind)
        bounds.check(kind, proposed)
        assert proposed == replace(limits, low=proposed.low, high=proposed.high)
        assert proposed.low is not None


@pytest.mark.spec("LIMIT-3")
def test_a_value_far_out_gets_limits_within_the_extremes_and_calls() -> None:
    preset = PRESETS[ADULT]
    fast = propose("HR", 230, ADULT, preset.limits["HR"], preset.bounds["HR"])
    slow = propose("HR", 20, ADULT, preset.limits["HR"], preset.bounds["HR"])
    assert fast is not None
    assert slow is not None
    assert (fast.low, fast.high) == (100, 159)
    assert (slow.low, slow.high) == (40, 80)
