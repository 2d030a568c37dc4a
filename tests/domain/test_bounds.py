from dataclasses import replace

import pytest

from rpm_service.domain.limits import LADDER, AgeClass, Bounds, LimitsRefused, MetricLimits
from rpm_service.domain.presets import PRESETS

BOUNDS = Bounds((35, 100), (80, 160), 15, 5)
GOOD = MetricLimits(50, 120, 35, 160, 15, 5)


@pytest.mark.spec("LIMIT-1")
@pytest.mark.parametrize(
    ("limits", "field", "span"),
    [
        (replace(GOOD, low=34.9), "HR.low", "35 to 100"),
        (replace(GOOD, low=100.1), "HR.low", "35 to 100"),
        (replace(GOOD, extreme_low=34.9), "HR.extreme_low", "35 to 100"),
        (replace(GOOD, high=79), "HR.high", "80 to 160"),
        (replace(GOOD, high=float("inf")), "HR.high", "80 to 160"),
        (replace(GOOD, extreme_high=161), "HR.extreme_high", "80 to 160"),
        (replace(GOOD, low=float("nan")), "HR.low", "35 to 100"),
        (replace(GOOD, delay_s=15.1), "HR.delay_s", "15 s"),
        (replace(GOOD, delay_s=float("nan")), "HR.delay_s", "15 s"),
        (replace(GOOD, extreme_delay_s=5.1), "HR.extreme_delay_s", "5 s"),
    ],
)
def test_what_is_beyond_the_bounds_is_refused_by_name(
    limits: MetricLimits, field: str, span: str
) -> None:
    with pytest.raises(LimitsRefused, match=f"beyond what is allowed here, {span}") as refused:
        BOUNDS.check("HR", limits)
    assert refused.value.field == field


@pytest.mark.spec("LIMIT-1")
def test_the_ends_of_the_bounds_and_no_limit_at_all_are_within() -> None:
    BOUNDS.check("HR", GOOD)
    BOUNDS.check("HR", MetricLimits(100, 80))
    BOUNDS.check("HR", MetricLimits())


@pytest.mark.spec("LIMIT-1")
@pytest.mark.parametrize("age_class", AgeClass)
def test_every_preset_is_within_its_own_bounds_and_its_extremes_are_their_ends(
    age_class: AgeClass,
) -> None:
    preset = PRESETS[age_class]
    assert set(preset.bounds) == set(preset.limits) - {"Batt"}, "a battery is no patient's"
    for metric, bounds in preset.bounds.items():
        limits = preset.limits[metric]
        bounds.check(metric, limits)
        for end in (*bounds.low, *bounds.high):
            MetricLimits(low=end).check(metric)
        assert bounds.low[0] < bounds.low[1] < bounds.high[1]
        assert bounds.low[0] < bounds.high[0] < bounds.high[1]
        if limits.extreme_low is not None:
            assert bounds.low[0] == limits.extreme_low
        if limits.extreme_high is not None:
            assert bounds.high[1] == limits.extreme_high


def test_bounds_are_found_like_limits() -> None:
    preset = PRESETS[AgeClass.ADULT]
    own = Bounds((10, 20), (20, 30))
    settings = replace(preset, bounds={**preset.bounds, "Temp 2": own})
    assert settings.bounds_of("Temp 2", "Temp") is own
    assert settings.bounds_of("Temp 3", "Temp") is preset.bounds["Temp"]
    assert settings.bounds_of("CVP", "CVP") is None
    assert LADDER == ("extreme_low", "low", "high", "extreme_high")
