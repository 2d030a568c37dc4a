"""When a device was monitored, from what is stored of it."""

from pathlib import Path

import numpy as np
import pytest

from rpm_service.adapters.storage.coverage import monitored
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.application.effects import Description
from rpm_service.application.history import NumericColumns
from tests.support.columns import T0
from tests.support.kept import keep_columns
from tests.support.vital_signs import numeric


def sent(*stretches: tuple[float, float], every: float = 1.0) -> NumericColumns:
    """A value every so often, from one second to another, several times."""
    times = np.concatenate([np.arange(begin, end + every / 2, every) for begin, end in stretches])
    described = Description((numeric("SpO2", every),))
    return NumericColumns(described, T0 + times, T0 + times, np.full((len(times), 1), 97.0))


def covered(
    directory: Path, columns: NumericColumns, since: float = -1e9, until: float = 1e9
) -> list[tuple[float, float]]:
    keep_columns([("m1", columns)], directory)
    engine = open_reading(directory)
    try:
        return [
            (begin - T0, end - T0) for begin, end in monitored(engine, "m1", T0 + since, T0 + until)
        ]
    finally:
        engine.dispose()


@pytest.mark.spec("ANALYSIS-14")
def test_values_that_follow_each_other_are_one_interval(tmp_path: Path) -> None:
    assert covered(tmp_path, sent((0, 9_000))) == [(0, 9_000)]


@pytest.mark.spec("ANALYSIS-14")
def test_a_hole_between_blocks_is_not_monitored(tmp_path: Path) -> None:
    # Blocks of 2,000 rows: the hole is between two of them, the last rows are in the tail.
    assert covered(tmp_path, sent((0, 1_999), (5_000, 7_010))) == [(0, 1_999), (5_000, 7_010)]


@pytest.mark.spec("ANALYSIS-14")
def test_a_block_covers_no_more_than_its_rows_can(tmp_path: Path) -> None:
    (found,) = covered(tmp_path, sent((0, 2), (80_000, 80_028)))
    assert found[1] == 80_028
    assert found[1] - found[0] == 31 * 10.0


@pytest.mark.spec("ANALYSIS-14")
def test_a_cuff_that_measures_every_half_hour_is_monitored_between(tmp_path: Path) -> None:
    assert covered(tmp_path, sent((0, 86_400), every=1_800.0)) == [(0, 86_400)]


@pytest.mark.spec("ANALYSIS-14")
def test_only_the_time_that_is_meant_counts(tmp_path: Path) -> None:
    assert covered(tmp_path, sent((0, 9_000)), 1_000, 3_000) == [(1_000, 3_000)]


def test_a_device_that_sent_nothing_was_not_monitored(tmp_path: Path) -> None:
    keep_columns([("m2", sent((0, 10)))], tmp_path)
    engine = open_reading(tmp_path)
    assert list(monitored(engine, "m1")) == []
    engine.dispose()
