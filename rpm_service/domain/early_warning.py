"""NEWS2, the National Early Warning Score (Royal College of Physicians, 2017), for adults.

The score itself is computed from a table; what no device measures is entered by a clinician.
Where an input is missing or too old there is no total, and never a 0 in its place.
"""

from dataclasses import dataclass
from enum import StrEnum


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
    """One input and what it scores; `value` as it was banded, None for what is not a number."""

    name: str
    score: int
    value: float | None
    observed_at: float


@dataclass(frozen=True, slots=True)
class Score:
    """A NEWS2 score; `total` and `band` are None where inputs in `missing` leave them open."""

    at: float
    total: int | None
    band: Band | None
    sub_scores: tuple[SubScore, ...]
    missing: tuple[str, ...]
    oxygen_scale: OxygenScale
