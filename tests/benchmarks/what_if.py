"""How long a what-if takes: a day of beds, eight numerics each second, from the database on.

`python -m tests.benchmarks.what_if [--beds 64]`: on one core; beside it what the plain engine,
which plays every instant, would take for the same, from a sample.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from rpm_service.adapters.storage.blocks import pack_numerics
from rpm_service.adapters.storage.engine import open_reading, open_writing
from rpm_service.adapters.storage.registry import Devices
from rpm_service.adapters.storage.tables import numerics
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import NumericRow
from rpm_service.application.evaluation import Evaluation
from rpm_service.application.history import NumericColumns
from rpm_service.application.places import Scope
from rpm_service.application.units import Units
from rpm_service.commands.analysis import what_if_of
from rpm_service.domain.limits import AgeClass, AlarmSettings
from rpm_service.domain.presets import PRESETS
from tests.support.columns import T0, patient_day

BEDS = 64
DAY_S = 86_400
BLOCK_ROWS = 32
"""As many as the server's writer puts into a block."""
SAMPLE_ROWS = 5_000


class Took(NamedTuple):
    seconds: float
    plain_s: float
    values: int
    beds: int


def fill(directory: Path, beds: int, day_s: int) -> NumericColumns:
    """Puts a day of each bed into a new database, in blocks as the writer makes them."""
    SqliteRecorder(directory).close()
    engine = open_writing(directory)
    days = [patient_day(seed, day_s) for seed in range(beds)]
    with engine.begin() as connection:
        devices = Devices(connection)
        for number, day in enumerate(days):
            devices.describe(connection, {f"bed-{number:02}": day.description})
        for begin in range(0, len(days[0]), BLOCK_ROWS):
            rows = slice(begin, begin + BLOCK_ROWS)
            connection.execute(
                numerics.insert(),
                [
                    {
                        **devices.place(connection, f"bed-{number:02}")._asdict(),
                        **_block(day, rows),
                    }
                    for number, day in enumerate(days)
                ],
            )
    engine.dispose()
    return days[0]


def _block(day: NumericColumns, rows: slice) -> dict[str, object]:
    stamps = (day.observed_at[rows].tolist(), day.received_at[rows].tolist())
    numbered = zip(count(rows.start + 1), *stamps, map(tuple, day.values[rows].tolist()))
    return pack_numerics([NumericRow(*row, (), ()) for row in numbered])._asdict()


def tried(preset: AlarmSettings) -> AlarmSettings:
    spo2 = replace(preset.limits["SpO2"], low=88, delay_s=15)
    return replace(preset, limits={**preset.limits, "SpO2": spo2})


def measure(beds: int = BEDS, day_s: int = DAY_S) -> Took:
    """Takes the time of one what-if: read, replayed as it was, and replayed as tried."""
    with tempfile.TemporaryDirectory() as directory:
        first = fill(Path(directory), beds, day_s)
        engine = open_reading(Path(directory))
        # On one core, whatever numpy would like.
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
        try:
            began = time.process_time()
            found = what_if_of(engine, Units(), Scope(), tried)
            seconds = time.process_time() - began
            plain_s = plain(first) * day_s * beds * 2
        finally:
            os.sched_setaffinity(0, cores)
            engine.dispose()
    return Took(seconds, plain_s, found.values, found.beds)


def plain(day: NumericColumns) -> float:
    """Seconds that the plain engine takes for one row of a day, from a sample."""
    evaluation = Evaluation(PRESETS[AgeClass.ADULT], T0)
    evaluation.describe(day.description, T0)
    rows = min(SAMPLE_ROWS, len(day))
    began = time.process_time()
    for place in range(rows):
        evaluation.instant(float(day.observed_at[place]), *day.row(place))
    return (time.process_time() - began) / rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beds", type=int, default=BEDS)
    took = measure(parser.parse_args().beds)
    print(f"{took.values:,} values of {took.beds} beds: {took.seconds:.1f} s on one core")
    print(f"every instant played: {took.plain_s:.0f} s, {took.plain_s / took.seconds:.0f} times")


if __name__ == "__main__":
    main()
