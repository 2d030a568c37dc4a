"""The names that recordings give their signals, in the codes of IEEE 11073-10101 (MDC).

Waveform codes: partition 2 (131072 + term code), from the Philips and Mindray tables in
OpenICE, the MII-ICU profiles and SDPi.
"""

import re
from types import MappingProxyType
from typing import Final

from rpm_service.domain.metrics import (
    CELSIUS,
    DIMENSIONLESS,
    MICROVOLT,
    MILLIVOLT,
    MMHG,
    OHM,
    PER_MINUTE,
    PERCENT,
    UCUM,
    named,
)

UNKNOWN: Final = 0
"""The code of what has none here; it keeps its label."""
LABEL_MAX: Final = 16
"""Longest label the contract takes."""

_METRICS: Final = MappingProxyType(
    {
        "ABPSYS": "ABPs", "ABPDIAS": "ABPd", "ABPMEAN": "ABPm",
        "NBPSYS": "NIBPs", "NBPDIAS": "NIBPd", "NBPMEAN": "NIBPm",
        "PAPSYS": "PAPs", "PAPDIAS": "PAPd", "PAPMEAN": "PAPm",
    }
)  # fmt: skip
"""Spellings of the MIMIC databases, beside those that the metrics table knows."""

_WAVEFORMS: Final = MappingProxyType(
    {
        "ECG": 131328, "I": 131329, "II": 131330, "III": 131389,
        "AVR": 131390, "AVL": 131391, "AVF": 131392, "V": 131395,
        "V1": 131331, "V2": 131332, "V3": 131333, "V4": 131334, "V5": 131335, "V6": 131336,
        "MCL": 131403, "MCL1": 131404, "MLII": 131330,
        # Frank leads have no code of their own.
        "VX": 131328, "VY": 131328, "VZ": 131328,
        "PLETH": 150452, "RESP": 151780, "CO2": 151724,
        "ABP": 150036, "ART": 150032, "CVP": 150084, "PAP": 150044, "ICP": 153608,
    }
)  # fmt: skip

_UNITS: Final = MappingProxyType(
    {
        "/min": PER_MINUTE, "1/min": PER_MINUTE, "bpm": PER_MINUTE, "pm": PER_MINUTE,
        "rpm": PER_MINUTE, "beats/min": PER_MINUTE, "breaths/min": PER_MINUTE,
        "%": PERCENT, "mmhg": MMHG, "mm[hg]": MMHG,
        "c": CELSIUS, "°c": CELSIUS, "degc": CELSIUS, "cel": CELSIUS,
        "mv": MILLIVOLT, "uv": MICROVOLT, "µv": MICROVOLT, "ohm": OHM,
        "nu": DIMENSIONLESS, "1": DIMENSIONLESS,
    }
)  # fmt: skip

_HEADING: Final = re.compile(r"(?P<label>.*?)\s*(?:[\[(](?P<unit>[^\])]*)[\])])?", re.DOTALL)


def heading(text: str) -> tuple[str, str | None]:
    """Splits "SpO2 [%]" into label and unit; the unit is None where none is given."""
    match = _HEADING.fullmatch(text.strip())
    assert match is not None, "every text is a label and perhaps a unit"
    return match["label"], match["unit"]


def numeric_codes(label: str, unit: str | None) -> tuple[str, int, int]:
    """Finds short name, MDC code and MDC unit of a numeric; an unknown one keeps its label.

    Raises ValueError, in words, for a known metric in another unit.
    """
    unit_code = _UNITS.get(unit.strip().casefold(), UNKNOWN) if unit is not None else UNKNOWN
    metric = named(_METRICS.get(label.upper(), label))
    if metric is None:
        return label[:LABEL_MAX], UNKNOWN, unit_code
    if unit is not None and unit_code not in metric.units:
        raise ValueError(f"{label} is in {unit}, but {metric.name} is taken in {UCUM[metric.unit]}")
    return metric.name, metric.code, metric.unit


def waveform_codes(label: str, unit: str | None) -> tuple[str, int, int]:
    """Finds label, MDC code and MDC unit of a waveform; without a unit it has no dimension."""
    unit_code = DIMENSIONLESS if unit is None else _UNITS.get(unit.strip().casefold(), UNKNOWN)
    return label[:LABEL_MAX], _WAVEFORMS.get(label.upper(), UNKNOWN), unit_code
