"""Stored numerics as columns, made up: of any shape, or of a patient with excursions."""

from math import nan

import numpy as np
from hypothesis import strategies as st

from rpm_service.application.effects import Description
from rpm_service.application.history import NumericColumns
from tests.support.vital_signs import numeric

T0 = 1_790_000_000.0


def columns(description: Description, rows, *, received_after_s: float = 0.0) -> NumericColumns:
    """From rows of (time, values, reported, validity); None for a default."""
    count, width = len(rows), len(description.numerics)
    at = np.array([row[0] for row in rows], dtype=float)
    values = np.array([row[1] for row in rows], dtype=float).reshape(count, width)
    reported = validity = None
    if any(row[2] is not None for row in rows):
        reported = np.array([row[2] or [True] * width for row in rows], dtype=bool)
        values[~reported] = nan
    if any(row[3] is not None for row in rows):
        validity = np.array([row[3] or [0] * width for row in rows], dtype=np.uint8)
    return NumericColumns(description, at, at + received_after_s, values, reported, validity)


DESCRIPTIONS = [
    Description((numeric("SpO2"), numeric("HR"))),
    Description((numeric("SpO2"),)),
    Description((numeric("HR"), numeric("NIBPs", 30.0), numeric("SpO2", 4.0))),
    Description((numeric("NIBPs", 60.0),)),
]
STEPS = (0.0, 0.25, 1.0, 1.0, 1.0, 2.0, 4.75, 5.0, 5.25, 8.0, 10.0, 10.25, 12.0, 31.0, 76.0)
VALUES = (
    *[97.0] * 8,
    0.0,
    30.0,
    50.0,
    79.0,
    88.0,
    89.0,
    90.0,
    91.0,
    97.0,
    100.0,
    121.0,
    170.0,
    nan,
)


@st.composite
def _rows(draw, width: int, at: float):
    """Stretches of like rows, some of them long, as a monitor sends them."""
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        step = draw(st.sampled_from(STEPS))
        values = draw(st.lists(st.sampled_from(VALUES), min_size=width, max_size=width))
        reported = draw(
            st.none()
            | st.none()
            | st.lists(st.booleans(), min_size=width, max_size=width).filter(any)
        )
        validity = draw(st.none() | st.lists(st.integers(0, 4), min_size=width, max_size=width))
        count = draw(st.sampled_from((1, 1, 2, 3, 12, 70, 150)))
        pause_before = draw(st.none() | st.integers(0, count))
        for place in range(count):
            at += draw(st.sampled_from(STEPS)) if place == pause_before else step
            rows.append((at, values, reported, validity))
    return rows


@st.composite
def histories(draw) -> list[NumericColumns]:
    """What one device may have sent: several descriptions, gaps, whole rows and sparse ones."""
    at, stored = T0, []
    for description in draw(st.lists(st.sampled_from(DESCRIPTIONS), min_size=1, max_size=3)):
        rows = draw(_rows(len(description.numerics), at))
        at = rows[-1][0] + draw(st.sampled_from(STEPS))
        stored.append(columns(description, rows))
    return stored


RESTING = {
    "HR": (78, 4), "PR": (78, 4), "SpO2": (97, 0.8), "RR": (16, 1.2), "ABPs": (122, 5),
    "ABPd": (72, 3), "ABPm": (88, 4), "Temp": (37.0, 0.1),
}  # fmt: skip
"""Mean and spread of what a patient at rest measures."""
EXCURSIONS = {"SpO2": -11.0, "HR": 55.0, "RR": 18.0, "ABPs": -40.0}
"""How far each may go, once it goes."""


def patient_day(seed: int, seconds: int = 86_400, began: float = T0) -> NumericColumns:
    """Eight numerics at 1 Hz of one patient: some forty excursions, and ten lost sensors."""
    random = np.random.default_rng(seed)
    values = np.empty((seconds, len(RESTING)))
    slow = np.linspace(0, 40 * np.pi, seconds)
    for column, (name, (mean, spread)) in enumerate(RESTING.items()):
        waves = spread * np.sin(slow * (1 + column / 7) + random.uniform(0, 6))
        series = mean + waves + random.normal(0, spread / 4, seconds)
        for _ in range(10 if name in EXCURSIONS else 0):
            begin, lasts = int(random.integers(0, seconds)), int(random.integers(5, 180))
            bump = np.sin(np.linspace(0, np.pi, lasts)) * EXCURSIONS[name]
            stretch = series[begin : begin + lasts]
            stretch += bump[: len(stretch)] * random.uniform(0.5, 1.3)
        values[:, column] = np.round(series, 1 if name == "Temp" else 0)
    values[:, 2] = np.minimum(values[:, 2], 100)
    for _ in range(10):
        begin = int(random.integers(0, seconds))
        values[begin : begin + int(random.integers(5, 60)), 1:3] = nan
    at = began + np.arange(seconds, dtype=float)
    described = Description(tuple(numeric(name) for name in RESTING))
    return NumericColumns(described, at, at + 0.02, values)
