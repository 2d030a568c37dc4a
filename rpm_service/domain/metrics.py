"""The vital signs this service knows: their codes, units and plausible ranges.

Codes are IEEE 11073-10101 CF_CODE10: metrics 131072 + term code (partition 2), units
262144 + term code (partition 4); the charge of a battery is 65536 + term code (partition 1). Plausible ranges say what can be a measurement at all;
they are not alarm limits. Sources: the MII-ICU and ISiK profiles, SDPi, and patient monitor
manuals; each unit of care owns its limits.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PER_MINUTE: Final = 264864
BREATHS_PER_MINUTE: Final = 264928
PERCENT: Final = 262688
DIMENSIONLESS: Final = 262656
MMHG: Final = 266016
CELSIUS: Final = 268192
MILLIVOLT: Final = 266418
MICROVOLT: Final = 266419
OHM: Final = 262848

UCUM: Final = MappingProxyType(
    {
        PER_MINUTE: "/min",
        BREATHS_PER_MINUTE: "/min",
        PERCENT: "%",
        DIMENSIONLESS: "1",
        MMHG: "mm[Hg]",
        CELSIUS: "Cel",
        MILLIVOLT: "mV",
        MICROVOLT: "uV",
        OHM: "Ohm",
    }
)
"""MDC unit code to UCUM."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A vital sign with one value at a time.

    `name` is the short name people read; `units` the MDC unit codes that mean the same here;
    `low` and `high` the plausible range, inclusive, in that unit.
    """

    name: str
    code: int
    units: tuple[int, ...]
    low: float
    high: float
    decimals: int = 0
    other_codes: tuple[int, ...] = ()

    @property
    def unit(self) -> int:
        """The MDC unit code that this service itself writes."""
        return self.units[0]


_RATE = (PER_MINUTE,)
_BREATHS = (BREATHS_PER_MINUTE, PER_MINUTE)
_PRESSURE = (MMHG,)

METRICS: Final = (
    Metric("HR", 147842, _RATE, 0, 350, other_codes=(147850,)),
    Metric("PR", 149530, _RATE, 0, 350, other_codes=(149538, 149514, 149546)),
    Metric("SpO2", 150456, (PERCENT,), 0, 100, other_codes=(150324,)),
    Metric("PI", 150488, (PERCENT, DIMENSIONLESS), 0, 20, 1, other_codes=(150448,)),
    Metric("RR", 151562, _BREATHS, 0, 150, other_codes=(151578, 151570, 151594, 151658)),
    Metric("NIBPs", 150021, _PRESSURE, 0, 300, other_codes=(150301,)),
    Metric("NIBPd", 150022, _PRESSURE, 0, 300, other_codes=(150302,)),
    Metric("NIBPm", 150023, _PRESSURE, 0, 300, other_codes=(150303,)),
    Metric("ABPs", 150037, _PRESSURE, -50, 360, other_codes=(150033, 150017)),
    Metric("ABPd", 150038, _PRESSURE, -50, 360, other_codes=(150034, 150018)),
    Metric("ABPm", 150039, _PRESSURE, -50, 360, other_codes=(150035, 150019)),
    Metric("CVP", 150087, _PRESSURE, -50, 120),
    Metric("PAPs", 150045, _PRESSURE, -50, 120),
    Metric("PAPd", 150046, _PRESSURE, -50, 120),
    Metric("PAPm", 150047, _PRESSURE, -50, 120),
    Metric("ICP", 153611, _PRESSURE, -50, 120, other_codes=(153608,)),
    Metric("Temp", 150344, (CELSIUS,), 0, 50, 1, other_codes=(150364, 150368, 150388)),
    Metric("EtCO2", 151708, _PRESSURE, 0, 150, other_codes=(151728, 151712)),
    Metric("FiO2", 152196, (PERCENT,), 0, 100, other_codes=(160920,)),
    Metric("Batt", 67996, (PERCENT,), 0, 100),
)
"""Every metric with a name of its own. An unknown code is kept and shown, and has no limits."""

BY_NAME: Final = MappingProxyType({metric.name: metric for metric in METRICS})
BY_CODE: Final = MappingProxyType(
    {code: metric for metric in METRICS for code in (metric.code, *metric.other_codes)}
)


def kind_of(code: int) -> str:
    """Tells what kind of metric a code is of: the short name, `MDC_` and the code where unknown."""
    metric = BY_CODE.get(code)
    return metric.name if metric else f"MDC_{code}"


_OTHER_NAMES: Final = MappingProxyType(
    {"PULSE": "PR", "RESP": "RR", "SPO2": "SpO2", "TEMP": "Temp"}
)


def named(text: str) -> Metric | None:
    """Finds a metric by the name a person may type: any case, PULSE for PR, RESP for RR."""
    folded = text.strip().upper()
    for metric in METRICS:
        if metric.name.upper() == folded:
            return metric
    return BY_NAME.get(_OTHER_NAMES.get(folded, ""))
