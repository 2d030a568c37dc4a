"""NEWS2 against the table of the Royal College of Physicians, written out here once more."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from math import nan
from typing import NamedTuple

import pytest

from rpm_service.domain.early_warning import (
    INPUTS,
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Reading,
    Score,
    rounded,
    score,
)

NOW = 1_800_000_000.0
NOT_ON_O2, ON_O2 = InspiredGas.AIR, InspiredGas.OXYGEN
AT_EASE = Assessment(NOT_ON_O2, NOW, Consciousness.ALERT, NOW)
SCALE_2 = replace(
    AT_EASE, oxygen_scale=OxygenScale.TWO, oxygen_scale_by="dr-2", oxygen_scale_reason="COPD"
)
WELL = {"RR": 16.0, "SpO2": 97.0, "NIBPs": 120.0, "HR": 70.0, "Temp": 37.0}

CHART = """
input              |     3 |      2 |        1 |         0 |         1 |       2 |    3
RR                 |   ..8 |        |     9-11 |     12-20 |           |   21-24 | 25..
SpO2 scale 1       |  ..91 |  92-93 |    94-95 |      96.. |           |         |
SpO2 scale 2 air   |  ..83 |  84-85 |    86-87 |      88.. |           |         |
SpO2 scale 2 oxygen|  ..83 |  84-85 |    86-87 |     88-92 |     93-94 |   95-96 | 97..
systolic           |  ..90 | 91-100 |  101-110 |   111-219 |           |         | 220..
pulse              |  ..40 |        |    41-50 |     51-90 |    91-110 | 111-130 | 131..
temperature        | ..35.0|        | 35.1-36.0| 36.1-38.0 | 38.1-39.0 |  39.1.. |
"""
PLAUSIBLE = {
    "RR": ("0", "150"),
    "SpO2": ("0", "100"),
    "systolic": ("0", "300"),
    "pulse": ("0", "350"),
    "temperature": ("0", "50"),
}
METRIC = {"systolic": "NIBPs", "pulse": "HR", "temperature": "Temp"}


class ChartBand(NamedTuple):
    """Both edges included."""

    row: str
    low: Decimal
    high: Decimal
    points: int

    @property
    def input(self) -> str:
        return self.row.split()[0]

    @property
    def step(self) -> Decimal:
        return Decimal("0.1" if self.input == "temperature" else "1")


def chart() -> Iterator[ChartBand]:
    head, *rows = CHART.strip().splitlines()
    points = [int(cell) for cell in head.split("|")[1:]]
    for line in rows:
        row, *cells = (cell.strip() for cell in line.split("|"))
        lowest, highest = PLAUSIBLE[row.split()[0]]
        for cell, each in zip(cells, points, strict=True):
            if cell:
                low, high = cell.split("..") if ".." in cell else cell.split("-")
                yield ChartBand(row, Decimal(low or lowest), Decimal(high or highest), each)


CHART_BANDS = list(chart())


def readings(values: dict[str, float], at: float = NOW) -> list[Reading]:
    return [Reading(kind, value, at) for kind, value in values.items()]


def of(
    assessment: Assessment = AT_EASE, extra: Sequence[Reading] = (), **changed: float | None
) -> Score:
    """The score of somebody who is well but for what is said; None is not measured."""
    values = {kind: value for kind, value in (WELL | changed).items() if value is not None}
    return score([*readings(values), *extra], assessment, NOW)


def points(result: Score, name: str) -> int | None:
    return next((each.score for each in result.sub_scores if each.name == name), None)


def points_on_the_chart(band: ChartBand, value: Decimal) -> int | None:
    assessment = SCALE_2 if "scale 2" in band.row else AT_EASE
    if "oxygen" in band.row:
        assessment = replace(assessment, inspired_gas=ON_O2)
    metric = METRIC.get(band.input, band.input)
    return points(of(assessment, **{metric: float(value)}), band.input)


# -- the table ----------------------------------------------------------------------------


def test_the_chart_leaves_no_value_out_and_has_none_twice() -> None:
    assert len(CHART_BANDS) == 5 + 4 + 4 + 7 + 5 + 6 + 5
    for row in {band.row for band in CHART_BANDS}:
        bands = [band for band in CHART_BANDS if band.row == row]
        assert bands[0].low == Decimal(PLAUSIBLE[bands[0].input][0])
        assert bands[-1].high == Decimal(PLAUSIBLE[bands[0].input][1])
        for lower, upper in pairwise(bands):
            assert upper.low == lower.high + lower.step


@pytest.mark.spec("NEWS-1")
@pytest.mark.parametrize("band", CHART_BANDS, ids=lambda b: f"{b.row} {b.low}-{b.high}")
def test_every_value_of_every_band_scores_as_on_the_chart(band: ChartBand) -> None:
    value = band.low
    while value <= band.high:
        assert points_on_the_chart(band, value) == band.points, value
        value += band.step


@pytest.mark.spec("NEWS-2")
@pytest.mark.parametrize("band", CHART_BANDS, ids=lambda b: f"{b.row} {b.low}-{b.high}")
def test_the_edges_of_every_band_lie_halfway_to_its_neighbours(band: ChartBand) -> None:
    half, hair = band.step / 2, band.step / 100
    lowest, highest = map(Decimal, PLAUSIBLE[band.input])
    if band.low > lowest:
        assert points_on_the_chart(band, band.low - half) == band.points
        assert points_on_the_chart(band, band.low - half - hair) != band.points
    if band.high < highest:
        assert points_on_the_chart(band, band.high + half - hair) == band.points
        assert points_on_the_chart(band, band.high + half) != band.points


@pytest.mark.spec("NEWS-2")
def test_halfway_is_meant_in_decimal() -> None:
    # Each of these is a little less than it says, as a binary number.
    for value, expected in ((35.05, 35.1), (36.15, 36.2), (38.05, 38.1), (39.05, 39.1)):
        assert rounded("temperature", value) == expected
    # The nearest 32-bit floats to 35.05 and 38.05, as a device may have them.
    assert rounded("temperature", 35.0499992370605) == 35.1
    assert rounded("temperature", 38.0499992370605) == 38.1
    # To even would be 20, 90 and 110.
    assert [rounded("RR", 20.5), rounded("pulse", 90.5), rounded("pulse", 110.5)] == [21, 91, 111]
    assert rounded("systolic", -0.5) == -1


@pytest.mark.spec("NEWS-1")
def test_oxygen_scores_2_and_whoever_is_not_alert_3() -> None:
    assert points(of(), "oxygen") == 0
    assert points(of(replace(AT_EASE, inspired_gas=ON_O2)), "oxygen") == 2
    for consciousness in Consciousness:
        expected = 0 if consciousness is Consciousness.ALERT else 3
        result = of(replace(AT_EASE, consciousness=consciousness))
        assert points(result, "consciousness") == expected


@pytest.mark.spec("NEWS-1")
def test_asystole_and_apnoea_are_values() -> None:
    result = of(HR=0.0, RR=0.0)
    assert (points(result, "pulse"), points(result, "RR"), result.total) == (3, 3, 6)


@pytest.mark.spec("NEWS-1")
def test_the_worst_score_is_20() -> None:
    worst = replace(AT_EASE, inspired_gas=ON_O2, consciousness=Consciousness.UNRESPONSIVE)
    assert of(worst, RR=30.0, SpO2=80.0, NIBPs=70.0, HR=150.0, Temp=34.0).total == 20
    assert of().total == 0


# -- what it asks for ---------------------------------------------------------------------


@pytest.mark.spec("NEWS-3")
@pytest.mark.parametrize(
    ("changed", "total", "band"),
    [
        ({}, 0, Band.LOW),
        ({"RR": 21.0, "HR": 115.0}, 4, Band.LOW),
        ({"RR": 25.0}, 3, Band.LOW_MEDIUM),
        ({"RR": 25.0, "HR": 95.0}, 4, Band.LOW_MEDIUM),
        ({"RR": 21.0, "HR": 115.0, "Temp": 38.5}, 5, Band.MEDIUM),
        ({"RR": 25.0, "HR": 131.0}, 6, Band.MEDIUM),
        ({"RR": 25.0, "HR": 131.0, "Temp": 38.5}, 7, Band.HIGH),
        ({"RR": 21.0, "HR": 115.0, "Temp": 39.1, "SpO2": 95.0}, 7, Band.HIGH),
    ],
)
def test_the_band_comes_of_the_total_or_of_a_single_3(
    changed: dict[str, float], total: int, band: Band
) -> None:
    result = of(**changed)
    assert (result.total, result.band, result.missing) == (total, band, ())


# -- what is missing ----------------------------------------------------------------------


@pytest.mark.spec("NEWS-4")
@pytest.mark.parametrize("name", INPUTS)
def test_without_one_of_its_inputs_there_is_no_total(name: str) -> None:
    assessment = AT_EASE
    if name == "oxygen":
        result = of(replace(assessment, inspired_gas=None))
    elif name == "consciousness":
        result = of(replace(assessment, consciousness=None))
    else:
        result = of(**{METRIC.get(name, name): None})
    assert (result.total, result.band, result.missing) == (None, None, (name,))
    assert points(result, name) is None


@pytest.mark.spec("NEWS-4")
def test_a_signal_that_is_there_without_a_value_is_missing() -> None:
    result = of(SpO2=nan)
    assert (result.total, result.missing) == (None, ("SpO2",))


@pytest.mark.spec("NEWS-4")
@pytest.mark.parametrize(
    ("changed", "at_least"),
    [
        ({}, None),
        ({"RR": 21.0, "HR": 115.0}, None),
        ({"RR": 25.0}, Band.LOW_MEDIUM),
        ({"RR": 21.0, "HR": 131.0}, Band.MEDIUM),
        ({"RR": 25.0, "HR": 131.0, "NIBPs": 110.0}, Band.HIGH),
    ],
)
def test_what_is_there_may_decide_the_band_already(
    changed: dict[str, float], at_least: Band | None
) -> None:
    result = of(Temp=None, **changed)
    assert (result.total, result.band) == (None, at_least)


@pytest.mark.spec("NEWS-4")
def test_what_was_banded_is_told_with_its_age() -> None:
    earlier = Reading("Temp", 38.25, NOW - 3600)
    result = of(Temp=None, extra=[earlier])
    (temperature,) = [each for each in result.sub_scores if each.name == "temperature"]
    assert (temperature.value, temperature.observed_at) == (38.3, NOW - 3600)
    assert [each.name for each in result.sub_scores] == list(INPUTS)


@pytest.mark.spec("NEWS-5")
@pytest.mark.parametrize(
    ("kind", "age_s", "name"),
    [
        ("RR", 300, "RR"),
        ("SpO2", 300, "SpO2"),
        ("HR", 300, "pulse"),
        ("PR", 300, "pulse"),
        ("ABPs", 300, "systolic"),
        ("NIBPs", 6 * 3600, "systolic"),
        ("Temp", 6 * 3600, "temperature"),
    ],
)
def test_a_value_counts_to_its_last_second(kind: str, age_s: float, name: str) -> None:
    metric = METRIC.get(name, name)
    for age, missing in ((age_s, ()), (age_s + 1, (name,))):
        result = of(**{metric: None}, extra=[Reading(kind, WELL[metric], NOW - age)])
        assert result.missing == missing


@pytest.mark.spec("NEWS-5")
def test_what_was_entered_counts_for_12_hours() -> None:
    for age, missing in ((12 * 3600, ()), (12 * 3600 + 1, ("oxygen", "consciousness"))):
        then = NOW - age
        entered = replace(AT_EASE, inspired_gas_at=then, consciousness_at=then)
        assert of(entered).missing == missing


@pytest.mark.spec("NEWS-6")
def test_a_cuff_of_this_moment_goes_before_the_line_and_the_line_before_an_older_cuff() -> None:
    line, minute = Reading("ABPs", 85.0, NOW), 60.0
    for cuff_age, systolic in ((5 * minute, 120), (5 * minute + 1, 85)):
        cuff = Reading("NIBPs", 120.0, NOW - cuff_age)
        result = of(NIBPs=None, extra=[line, cuff])
        assert [each.value for each in result.sub_scores if each.name == "systolic"] == [systolic]


@pytest.mark.spec("NEWS-6")
def test_without_a_heart_rate_the_pulse_is_that_of_the_oximeter() -> None:
    oximeter = Reading("PR", 135.0, NOW)
    assert points(of(extra=[oximeter]), "pulse") == 0
    assert points(of(HR=None, extra=[oximeter]), "pulse") == 3
    assert points(of(HR=nan, extra=[oximeter]), "pulse") == 3


# -- scale 2 ------------------------------------------------------------------------------


@pytest.mark.spec("NEWS-7")
def test_nobody_is_on_scale_2_unless_a_clinician_has_said_so() -> None:
    assert Assessment().oxygen_scale is OxygenScale.ONE
    assert points(of(SpO2=89.0), "SpO2") == 3
    assert points(of(SCALE_2, SpO2=89.0), "SpO2") == 0
    assert of(SCALE_2).oxygen_scale is OxygenScale.TWO


@pytest.mark.spec("NEWS-7")
def test_on_scale_2_too_much_oxygen_scores_and_air_does_not() -> None:
    on_oxygen = replace(SCALE_2, inspired_gas=ON_O2)
    assert points(of(on_oxygen, SpO2=98.0), "SpO2") == 3
    assert points(of(SCALE_2, SpO2=98.0), "SpO2") == 0


@pytest.mark.spec("NEWS-7")
def test_on_scale_2_what_depends_on_oxygen_is_not_guessed() -> None:
    unknown = replace(SCALE_2, inspired_gas=None)
    assert of(unknown, SpO2=93.0).missing == ("SpO2", "oxygen")
    assert of(unknown, SpO2=92.0).missing == ("oxygen",)
    assert points(of(unknown, SpO2=85.0), "SpO2") == 2
