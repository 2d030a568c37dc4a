from dataclasses import replace

import pytest

from rpm_service.domain.limits import (
    DELAY_S_MAX,
    HOLD_S_MAX,
    RATE_WINDOW_S,
    AgeClass,
    AlarmSettings,
    LimitsRefused,
    MetricLimits,
    RateOfChange,
)
from rpm_service.domain.metrics import BY_NAME
from rpm_service.domain.presets import PRESETS


@pytest.mark.spec("ALARM-18")
@pytest.mark.parametrize(
    ("age_class", "metric", "expected"),
    [
        (AgeClass.ADULT, "HR", (50, 120, 35, 160)),
        (AgeClass.ADULT, "PR", (50, 120, 35, 160)),
        (AgeClass.ADULT, "SpO2", (90, None, 80, None)),
        (AgeClass.ADULT, "RR", (8, 30, None, None)),
        (AgeClass.ADULT, "NIBPs", (90, 160, None, None)),
        (AgeClass.ADULT, "NIBPd", (50, 90, None, None)),
        (AgeClass.ADULT, "NIBPm", (60, 110, None, None)),
        (AgeClass.ADULT, "Temp", (36, 39, None, None)),
        (AgeClass.ADULT, "EtCO2", (15, 50, None, None)),
        (AgeClass.PAEDIATRIC, "HR", (75, 160, 50, 180)),
        (AgeClass.PAEDIATRIC, "SpO2", (90, None, 80, None)),
        (AgeClass.PAEDIATRIC, "NIBPs", (70, 120, None, None)),
        (AgeClass.NEONATAL, "HR", (100, 200, 70, 220)),
        (AgeClass.NEONATAL, "SpO2", (85, 95, 80, None)),
        (AgeClass.NEONATAL, "RR", (30, 100, None, None)),
        (AgeClass.NEONATAL, "NIBPm", (25, 70, None, None)),
        (AgeClass.NEONATAL, "EtCO2", (30, 45, None, None)),
    ],
)
def test_a_preset_has_its_limits(
    age_class: AgeClass, metric: str, expected: tuple[float | None, ...]
) -> None:
    limits = PRESETS[age_class].limits[metric]
    assert (limits.low, limits.high, limits.extreme_low, limits.extreme_high) == expected


@pytest.mark.spec("ALARM-18")
@pytest.mark.parametrize("age_class", AgeClass)
def test_every_preset_may_be_set_and_names_known_metrics(age_class: AgeClass) -> None:
    PRESETS[age_class].check()
    assert set(PRESETS[age_class].limits) <= set(BY_NAME)


@pytest.mark.spec("ALARM-28")
def test_a_numeric_has_its_own_limits_or_else_those_of_its_kind() -> None:
    of_kind, own = MetricLimits(low=36), MetricLimits(low=20)
    settings = AlarmSettings({"Temp": of_kind, "Temp 2": own})
    assert settings.limits_of("Temp", "Temp") is of_kind
    assert settings.limits_of("Temp 2", "Temp") is own
    assert settings.limits_of("Temp 3", "Temp") is of_kind
    assert settings.limits_of("HR", "HR") is None


GOOD = MetricLimits(50, 120, 35, 160)


@pytest.mark.spec("ALARM-19")
@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (replace(GOOD, low=120), "HR.low"),
        (replace(GOOD, extreme_low=50), "HR.extreme_low"),
        (replace(GOOD, extreme_high=120), "HR.high"),
        (MetricLimits(extreme_low=100, extreme_high=90), "HR.extreme_low"),
        (MetricLimits(high=351), "HR.high"),
        (MetricLimits(low=-1), "HR.low"),
        (MetricLimits(low=float("nan")), "HR.low"),
        (MetricLimits(high=float("inf")), "HR.high"),
        (replace(GOOD, delay_s=DELAY_S_MAX + 0.1), "HR.delay_s"),
        (replace(GOOD, delay_s=-1), "HR.delay_s"),
        (replace(GOOD, delay_s=float("nan")), "HR.delay_s"),
        (replace(GOOD, extreme_delay_s=31), "HR.extreme_delay_s"),
        (replace(GOOD, hold_s=HOLD_S_MAX + 0.1), "HR.hold_s"),
        (replace(GOOD, hysteresis=-0.1), "HR.hysteresis"),
        (replace(GOOD, hysteresis=float("nan")), "HR.hysteresis"),
        (replace(GOOD, hysteresis=float("inf")), "HR.hysteresis"),
        (replace(GOOD, hysteresis=35.1), "HR.hysteresis"),
        (MetricLimits(low=50, high=60, hysteresis=10.1), "HR.hysteresis"),
        (MetricLimits(low=340, hysteresis=11), "HR.hysteresis"),
        (MetricLimits(high=10, hysteresis=11), "HR.hysteresis"),
        (MetricLimits(extreme_low=340, hysteresis=11), "HR.hysteresis"),
        (MetricLimits(extreme_high=10, hysteresis=11), "HR.hysteresis"),
        (MetricLimits(rate=RateOfChange(0, 60)), "HR.rate.change"),
        (MetricLimits(rate=RateOfChange(351, 60)), "HR.rate.change"),
        (MetricLimits(rate=RateOfChange(float("nan"), 60)), "HR.rate.change"),
        (MetricLimits(rate=RateOfChange(20, 0.9)), "HR.rate.window_s"),
        (MetricLimits(rate=RateOfChange(20, 301)), "HR.rate.window_s"),
        (MetricLimits(rate=RateOfChange(20, float("nan"))), "HR.rate.window_s"),
    ],
)
def test_limits_that_may_not_be_set_are_refused_by_name(limits: MetricLimits, field: str) -> None:
    with pytest.raises(LimitsRefused) as refused:
        AlarmSettings({"HR": limits}).check()
    assert refused.value.field == field
    assert str(refused.value).startswith(f"{field}: ")


def test_limits_at_the_ends_of_their_ranges_may_be_set() -> None:
    MetricLimits(0, 350, delay_s=DELAY_S_MAX, hold_s=HOLD_S_MAX).check("HR")
    MetricLimits(50, 85, hysteresis=35).check("HR")
    MetricLimits(315, hysteresis=35).check("HR")
    for window_s in RATE_WINDOW_S:
        MetricLimits(rate=RateOfChange(350, window_s)).check("HR")


@pytest.mark.spec("ALARM-19")
def test_limits_of_one_numeric_among_several_have_the_bounds_of_its_kind() -> None:
    MetricLimits(36, 39).check("Temp 2")
    with pytest.raises(LimitsRefused, match=r"Temp 2\.high: 51 is not within 0 to 50"):
        MetricLimits(36, 51).check("Temp 2")


def test_an_unknown_metric_has_no_plausible_range() -> None:
    MetricLimits(-1000, 1000).check("MDC 4711")
    with pytest.raises(LimitsRefused, match="nan is not within a number"):
        MetricLimits(low=float("nan")).check("MDC 4711")
    MetricLimits(-1000, 1000, hysteresis=50, rate=RateOfChange(1e6, 60)).check("MDC 4711")
    with pytest.raises(LimitsRefused, match="hysteresis"):
        MetricLimits(-1000, 1000, hysteresis=50.1).check("MDC 4711")
    with pytest.raises(LimitsRefused, match=r"rate\.change"):
        MetricLimits(rate=RateOfChange(float("inf"), 60)).check("MDC 4711")


def test_latching_is_set_for_every_limit_at_once() -> None:
    latching = PRESETS[AgeClass.ADULT].with_latching(latching=True)
    assert all(limits.latching for limits in latching.limits.values())
    plain = latching.with_latching(latching=False)
    assert plain == PRESETS[AgeClass.ADULT]
