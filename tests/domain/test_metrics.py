import pytest

from rpm_service.domain.metrics import BY_CODE, BY_NAME, METRICS, UCUM, kind_of, named


def test_names_and_codes_are_unique() -> None:
    assert len(BY_NAME) == len(METRICS)
    assert len(BY_CODE) == sum(1 + len(metric.other_codes) for metric in METRICS)


def test_codes_are_of_the_physiological_partition_and_units_of_the_dimensions() -> None:
    for metric in METRICS:
        for code in (metric.code, *metric.other_codes):
            assert code >> 16 == (1 if metric.name == "Batt" else 2), metric.name
        for unit in metric.units:
            assert unit >> 16 == 4, metric.name
            assert unit in UCUM


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("HR", "HR"), ("hr", "HR"), (" SpO2 ", "SpO2"), ("SPO2", "SpO2"), ("spo2", "SpO2"),
        ("PULSE", "PR"), ("pulse", "PR"), ("RESP", "RR"), ("temp", "Temp"), ("nibps", "NIBPs"),
    ],
)  # fmt: skip
def test_a_metric_is_found_by_the_names_people_type(text: str, name: str) -> None:
    metric = named(text)
    assert metric is not None
    assert metric.name == name


@pytest.mark.parametrize("text", ["", "XX", "HRx"])
def test_an_unknown_name_finds_nothing(text: str) -> None:
    assert named(text) is None


def test_a_code_tells_the_kind_of_metric_whatever_it_is_called_at_the_bed() -> None:
    assert {kind_of(code) for code in (150456, 150324)} == {"SpO2"}
    assert kind_of(900_001) == "MDC_900001"


def test_zero_is_plausible_for_every_metric() -> None:
    for metric in METRICS:
        assert metric.low <= 0 <= metric.high, metric.name
