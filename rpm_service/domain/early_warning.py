"""NEWS2, the National Early Warning Score (Royal College of Physicians, 2017), for adults.

The score itself is computed from a table; what no device measures is entered by a clinician.
Where an input is missing or too old there is no total, and never a 0 in its place. The bands
are whole numbers (temperature: tenths), as on the chart; a value is rounded to them first, so
that there is no gap between two bands.

NEWS2 is the work of the Royal College of Physicians: National Early Warning Score (NEWS) 2,
London 2017.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from math import inf, isnan
from typing import Final, NamedTuple

METRIC: Final = "NEWS2"
"""What an alarm of the score has in place of a metric."""
CONTINUOUS_S_MAX: Final = 300.0
"""Vitals that a monitor measures all the time: it was quiet for so long, and is not now."""
SPOT_S_MAX: Final = 6 * 3600.0
"""Cuff pressure and temperature: with any score from 1 to 4, NEWS2 has all observations taken
again within 4 to 6 hours."""
ENTERED_S_MAX: Final = 12 * 3600.0
"""Oxygen and consciousness: the longest that NEWS2 lets pass between two looks at a patient."""


class InspiredGas(StrEnum):
    """What is breathed."""

    AIR = "air"
    OXYGEN = "oxygen"


class Consciousness(StrEnum):
    """Consciousness on the ACVPU scale."""

    ALERT = "alert"
    CONFUSION = "confusion"
    VOICE = "voice"
    PAIN = "pain"
    UNRESPONSIVE = "unresponsive"


class OxygenScale(StrEnum):
    """Which scale of SpO2 applies; TWO only by a recorded decision."""

    ONE = "1"
    TWO = "2"


class Band(StrEnum):
    """What a score asks for."""

    LOW = "low"
    LOW_MEDIUM = "low-medium"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Assessment:
    """What clinicians have entered for one patient; None where nobody has. Times: Unix seconds."""

    inspired_gas: InspiredGas | None = None
    inspired_gas_at: float = 0.0
    consciousness: Consciousness | None = None
    consciousness_at: float = 0.0
    oxygen_scale: OxygenScale = OxygenScale.ONE
    oxygen_scale_by: str = ""
    oxygen_scale_reason: str = ""


@dataclass(frozen=True, slots=True)
class SubScore:
    """One input and what it scores; `value` as it was banded, None for what is not a number.

    `observed_at` is when it was observed, or entered.
    """

    name: str
    score: int
    value: float | None
    observed_at: float


@dataclass(frozen=True, slots=True)
class Score:
    """A NEWS2 score.

    `total` is None unless every input is there. `band` is then what the inputs that are there
    ask for already, whatever those in `missing` may add; None where they leave that open.
    """

    at: float
    total: int | None
    band: Band | None
    sub_scores: tuple[SubScore, ...]
    missing: tuple[str, ...]
    oxygen_scale: OxygenScale


class Reading(NamedTuple):
    """A measured value: the kind of its metric, in that metric's unit, and when it was observed."""

    kind: str
    value: float
    observed_at: float


SOURCES: Final = {
    "RR": (("RR", CONTINUOUS_S_MAX),),
    "SpO2": (("SpO2", CONTINUOUS_S_MAX),),
    # The bands were made from cuff pressures, so a cuff pressure of this moment goes first. An
    # arterial line goes before an older one: what the pressure is counts more than how it is taken.
    "systolic": (
        ("NIBPs", CONTINUOUS_S_MAX),
        ("ABPs", CONTINUOUS_S_MAX),
        ("NIBPs", SPOT_S_MAX),
    ),
    "pulse": (("HR", CONTINUOUS_S_MAX), ("PR", CONTINUOUS_S_MAX)),
    "temperature": (("Temp", SPOT_S_MAX),),
}
"""What each measured input is taken from, and how old it may be: the first that is current."""

KINDS: Final = frozenset(kind for sources in SOURCES.values() for kind, _ in sources)
"""Kinds of metrics that a score is made of."""

Bands = tuple[tuple[float, int], ...]
"""The highest value of each band, and what it scores."""

BANDS: Final[dict[str, Bands]] = {
    "RR": ((8, 3), (11, 1), (20, 0), (24, 2), (inf, 3)),
    "systolic": ((90, 3), (100, 2), (110, 1), (219, 0), (inf, 3)),
    "pulse": ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (inf, 3)),
    "temperature": ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (inf, 2)),
}
SATURATION: Final[dict[tuple[OxygenScale, InspiredGas], Bands]] = {
    (OxygenScale.ONE, InspiredGas.AIR): ((91, 3), (93, 2), (95, 1), (inf, 0)),
    (OxygenScale.ONE, InspiredGas.OXYGEN): ((91, 3), (93, 2), (95, 1), (inf, 0)),
    (OxygenScale.TWO, InspiredGas.AIR): ((83, 3), (85, 2), (87, 1), (inf, 0)),
    (OxygenScale.TWO, InspiredGas.OXYGEN): (
        (83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2), (inf, 3),
    ),
}  # fmt: skip
OXYGEN: Final = {InspiredGas.AIR: 0, InspiredGas.OXYGEN: 2}
NOT_ALERT: Final = 3

INPUTS: Final = ("RR", "SpO2", "oxygen", "systolic", "pulse", "consciousness", "temperature")
"""As the chart has them."""

_WHOLE: Final = Decimal(1)
_TENTH: Final = Decimal("0.1")


def rounded(name: str, value: float) -> float:
    """Rounds an input as the chart has it: to whole numbers, temperature to tenths.

    What lies exactly between goes away from 0, as on paper: 20.5 is 21, and 35.05 is 35.1.
    Exactly is meant in decimal, to the six digits that even a 32-bit float carries.
    """
    step = _TENTH if name == "temperature" else _WHOLE
    return float(Decimal(f"{value:.6g}").quantize(step, ROUND_HALF_UP))


def score(readings: Sequence[Reading], assessment: Assessment, now: float) -> Score:
    """Computes the score of an adult from what is measured and entered."""
    found = {each.name: each for each in _sub_scores(readings, assessment, now)}
    sub_scores = tuple(found[name] for name in INPUTS if name in found)
    missing = tuple(name for name in INPUTS if name not in found)
    total = sum(each.score for each in sub_scores)
    band: Band | None = _band(total, sub_scores)
    if missing and band is Band.LOW:
        band = None
    return Score(
        now, None if missing else total, band, sub_scores, missing, assessment.oxygen_scale
    )


def _sub_scores(
    readings: Sequence[Reading], assessment: Assessment, now: float
) -> Iterator[SubScore]:
    gas = assessment.inspired_gas
    if gas is not None and now - assessment.inspired_gas_at <= ENTERED_S_MAX:
        yield SubScore("oxygen", OXYGEN[gas], None, assessment.inspired_gas_at)
    else:
        gas = None
    consciousness = assessment.consciousness
    if consciousness is not None and now - assessment.consciousness_at <= ENTERED_S_MAX:
        points = 0 if consciousness is Consciousness.ALERT else NOT_ALERT
        yield SubScore("consciousness", points, None, assessment.consciousness_at)
    for name, sources in SOURCES.items():
        reading = _current(readings, sources, now)
        if reading is None:
            continue
        value = rounded(name, reading.value)
        bands = BANDS.get(name)
        options = [bands] if bands else _saturation_bands(assessment.oxygen_scale, gas)
        points_of = {_points(each, value) for each in options}
        if len(points_of) == 1:
            yield SubScore(name, points_of.pop(), value, reading.observed_at)
        # Else it depends on a gas that nobody has entered: it cannot be scored.


def _current(
    readings: Sequence[Reading], sources: Iterable[tuple[str, float]], now: float
) -> Reading | None:
    for kind, age_s_max in sources:
        for reading in readings:
            current = now - reading.observed_at <= age_s_max
            if reading.kind == kind and current and not isnan(reading.value):
                return reading
    return None


def _saturation_bands(scale: OxygenScale, gas: InspiredGas | None) -> list[Bands]:
    return [SATURATION[scale, each] for each in InspiredGas if gas in (None, each)]


def _points(bands: Bands, value: float) -> int:
    return next(points for highest, points in bands if value <= highest)


def _band(total: int, sub_scores: Sequence[SubScore]) -> Band:
    """What a total asks for; a sum of some inputs asks for at least that."""
    if total >= 7:
        return Band.HIGH
    if total >= 5:
        return Band.MEDIUM
    return Band.LOW_MEDIUM if any(each.score == 3 for each in sub_scores) else Band.LOW
