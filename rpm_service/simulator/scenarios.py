"""What can happen at a simulated bedside, as data.

Times count from the onset, which every bedside draws for itself from the scenario's span.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final


class ScenarioUnknown(Exception):
    """No scenario has this name; the message lists those there are."""


@dataclass(frozen=True, slots=True)
class Course:
    """The way of a vital sign from rest to a target, and perhaps back.

    `points` are (seconds after onset, share of the way), linear between and constant after.
    """

    target: float
    points: tuple[tuple[float, float], ...]

    def at(self, since_s: float, rest: float) -> float:
        """The value `since_s` seconds after onset."""
        share = 0.0
        before_s = 0.0
        for point_s, towards in self.points:
            if since_s < point_s:
                share += (towards - share) * (since_s - before_s) / (point_s - before_s)
                break
            share, before_s = towards, point_s
        return rest + share * (self.target - rest)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One story. `leads_off_s`, `silent_s`, `flood_s`: how long from the onset on; 0: never."""

    name: str
    summary: str
    onset_s: tuple[float, float] = (0.0, 0.0)
    """Earliest and latest onset."""
    spo2_at_rest: tuple[float, float] = (96.5, 98.5)
    heart_rate: Course | None = None
    spo2: Course | None = None
    breathing: Course | None = None
    arrests: bool = False
    """The heart stands still from the onset on."""
    leads_off_s: float = 0.0
    """An ECG electrode is off: no ECG, and a heart rate that is not valid."""
    silent_s: float = 0.0
    """The device sends nothing at all."""
    flood_s: float = 0.0
    """All numerics come every second, alternately at rest and beyond every limit."""


_FOREVER: Final = float("inf")

NORMAL: Final = Scenario("normal", "a calm patient, within every adult limit")
DESATURATION: Final = Scenario(
    "desaturation",
    "SpO2 falls to about 82 % over half a minute and recovers; the heart rate rises",
    onset_s=(1.0, 4.0),
    spo2_at_rest=(94.5, 95.5),
    heart_rate=Course(112.0, ((30.0, 1.0), (60.0, 1.0), (110.0, 0.0))),
    spo2=Course(82.0, ((30.0, 1.0), (55.0, 1.0), (95.0, 0.0))),
    breathing=Course(25.0, ((30.0, 1.0), (60.0, 1.0), (110.0, 0.0))),
)
TACHYCARDIA: Final = Scenario(
    "tachycardia",
    "the heart rate climbs to about 155 /min within a quarter of a minute and stays there",
    onset_s=(1.0, 4.0),
    heart_rate=Course(154.0, ((12.0, 1.0),)),
)
ASYSTOLE: Final = Scenario(
    "asystole",
    "the heart stops: heart rate 0 and a flat ECG, then no pulse and no SpO2",
    onset_s=(3.0, 6.0),
    arrests=True,
)
LEAD_OFF: Final = Scenario(
    "lead-off",
    "an ECG electrode comes off for a quarter of a minute while the pulse goes on",
    onset_s=(3.0, 6.0),
    leads_off_s=15.0,
)
SILENCE: Final = Scenario(
    "silence",
    "the device stops sending, even its proof of life, for twenty seconds",
    onset_s=(4.0, 7.0),
    silent_s=20.0,
)
FLOOD: Final = Scenario(
    "flood",
    "every value crosses its limit every second",
    onset_s=(2.0, 4.0),
    flood_s=_FOREVER,
)

SCENARIOS: Final = MappingProxyType(
    {
        each.name: each
        for each in (NORMAL, DESATURATION, ASYSTOLE, TACHYCARDIA, LEAD_OFF, SILENCE, FLOOD)
    }
)
MIXED: Final = "mixed"
"""The scenario of a ward on which each bed has a story of its own."""
SCENARIO_NAMES: Final = (*SCENARIOS, MIXED)

_WARD: Final = (
    NORMAL,
    DESATURATION,
    NORMAL,
    TACHYCARDIA,
    LEAD_OFF,
    NORMAL,
    SILENCE,
    replace(ASYSTOLE, onset_s=(14.0, 17.0)),
)


def scenario_of(name: str, number: int) -> Scenario:
    """Finds the story of a ward's bed, numbered from 1. Raises ScenarioUnknown."""
    assert number >= 1, "beds are numbered from 1"
    if name == MIXED:
        return _WARD[number - 1] if number <= len(_WARD) else NORMAL
    if name not in SCENARIOS:
        raise ScenarioUnknown(f"no scenario {name!r}; there are {', '.join(SCENARIO_NAMES)}")
    return SCENARIOS[name]
