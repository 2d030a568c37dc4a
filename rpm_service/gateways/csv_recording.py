"""Reads CSV recordings: the first column is time in seconds, each other column one signal.

The header names the columns, with a unit in brackets where there is one: `Time [s], HR, SpO2
[%]`. `NaN` and an empty cell are missing values. The BIDMC files of PhysioNet are written so.
"""

import csv
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rpm_service.gateways.codes import heading, numeric_codes, waveform_codes
from rpm_service.gateways.tracks import (
    WAVEFORM_HZ_MIN,
    WAVEFORM_SAMPLES_MAX,
    Floats,
    Part,
    RecordingUnreadable,
    WaveformTrack,
    numeric_track,
    quantised,
)

LONE_ROW_PERIOD_S: Final = 1.0
"""Period of a numeric of which only one row is there."""


def has_time_column(path: Path) -> bool:
    """Whether the file is a CSV recording by its header; a file that cannot be read is not."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            first = next(csv.reader(file, skipinitialspace=True), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return len(first) > 1 and _is_time(first[0])


def read_csv(path: Path) -> Part:
    """Reads one file. Raises RecordingUnreadable, with the line at fault."""
    columns, rows, lines = _table(path)
    _check(path, rows, lines)
    times = rows[:, 0]
    if len(times) == 1:
        return _numerics(path, columns, rows, LONE_ROW_PERIOD_S)
    steps = np.diff(times)
    # The median; numpy's own imports a module that takes longer than the whole file.
    period_s = float(np.sort(steps)[steps.size // 2])
    # The tolerance is for times such as 0.1, 0.2, 0.3, which are not quite 0.1 apart.
    if period_s * WAVEFORM_HZ_MIN <= 1 + 1e-6:
        return _waveforms(path, columns, rows, lines, period_s)
    if not steps.all():
        line = lines[int(steps.argmin()) + 1]
        raise RecordingUnreadable(path, f"line {line}: its time is that of the line above")
    return _numerics(path, columns, rows, round(period_s, 6))


def _is_time(cell: str) -> bool:
    label, unit = heading(cell)
    return label.casefold() in {"time", "t"} and unit in {None, "s"}


def _table(path: Path) -> tuple[list[str], Floats, list[int]]:
    """Returns the headings after the time, all cells, and the line each row ends on."""
    cells: list[float] = []
    lines: list[int] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file, skipinitialspace=True)
            columns = next(rows, [])
            if not columns:
                raise RecordingUnreadable(path, "is empty")
            if len(columns) < 2 or not _is_time(columns[0]):
                raise RecordingUnreadable(
                    path, "is not a recording: its first column must be 'Time [s]'"
                )
            for row in rows:
                if not any(row):
                    continue
                if len(row) != len(columns):
                    raise RecordingUnreadable(
                        path,
                        f"line {rows.line_num} has {len(row)} values, the header {len(columns)}",
                    )
                cells.extend(_numbers(path, row, rows.line_num))
                lines.append(rows.line_num)
    except OSError as error:
        raise RecordingUnreadable(path, f"cannot be opened: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordingUnreadable(path, "is not a CSV text") from error
    if not lines:
        raise RecordingUnreadable(path, "has a header and no values")
    return columns[1:], np.array(cells).reshape(len(lines), len(columns)), lines


def _numbers(path: Path, row: list[str], line: int) -> list[float]:
    try:
        return [float(cell or "nan") for cell in row]
    except ValueError as error:
        bad = next(cell for cell in row if cell and not _is_number(cell))
        raise RecordingUnreadable(path, f"line {line}: {bad[:40]!r} is not a number") from error


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check(path: Path, rows: Floats, lines: list[int]) -> None:
    """Refuses infinite cells, missing times, and times that go back."""
    infinite = np.isinf(rows).any(axis=1)
    if infinite.any():
        raise RecordingUnreadable(path, f"line {lines[int(infinite.argmax())]}: infinite value")
    untimed = np.isnan(rows[:, 0])
    if untimed.any():
        raise RecordingUnreadable(path, f"line {lines[int(untimed.argmax())]} has no time")
    back = np.diff(rows[:, 0]) < 0
    if back.any():
        line = lines[int(back.argmax()) + 1]
        raise RecordingUnreadable(path, f"line {line}: its time is before that of the line above")


def _numerics(path: Path, columns: list[str], rows: Floats, period_s: float) -> Part:
    times = rows[:, 0].copy()
    tracks = []
    for position, column in enumerate(columns, start=1):
        try:
            metric, code, unit = numeric_codes(*heading(column))
        except ValueError as error:
            raise RecordingUnreadable(path, str(error)) from error
        values = rows[:, position].copy()
        tracks.append(numeric_track(metric, code, unit, period_s, times, values))
    return Part(
        start_s=float(times[0]),
        end_s=float(times[-1]) + period_s,
        numerics=tuple(track for track in tracks if track.times.size),
        waveforms=(),
    )


def _waveforms(
    path: Path, columns: list[str], rows: Floats, lines: list[int], period_s: float
) -> Part:
    rate_hz, positions = _grid(path, rows[:, 0], lines, period_s)
    start_s = float(rows[0, 0])
    tracks = []
    for column, values in zip(columns, rows[:, 1:].T, strict=True):
        label, code, unit = waveform_codes(*heading(column))
        even = np.full(positions[-1] + 1, np.nan)
        even[positions] = values
        samples, scale, offset = quantised(even)
        tracks.append(WaveformTrack(label, code, unit, rate_hz, scale, offset, samples, start_s))
    return Part(
        start_s=start_s,
        end_s=start_s + (int(positions[-1]) + 1) / rate_hz,
        numerics=(),
        waveforms=tuple(tracks),
    )


def _grid(
    path: Path, times: Floats, lines: list[int], period_s: float
) -> tuple[float, NDArray[np.intp]]:
    """Finds the sample rate, and the position of each row on its even grid.

    Printed times are often rounded to more than a sample's width (BIDMC: 0.01 s at 125 Hz),
    so the rate comes from the whole length wherever no row is a sample or more off the grid;
    otherwise rows are missing, and `period_s`, the usual distance, tells how many.
    """
    since = times - times[0]
    mean_s = float(since[-1]) / (len(times) - 1)
    even = np.arange(len(times))
    if np.abs(since - even * mean_s).max() < mean_s:
        return round(1 / mean_s, 6), even
    if not period_s:
        raise RecordingUnreadable(path, "has times that are too coarse to place its samples")
    if since[-1] / period_s > WAVEFORM_SAMPLES_MAX:
        raise RecordingUnreadable(path, f"is longer than {WAVEFORM_SAMPLES_MAX} samples")
    positions = np.rint(since / period_s).astype(np.intp)
    crowded = np.diff(positions) == 0
    if crowded.any():
        line = lines[int(crowded.argmax()) + 1]
        raise RecordingUnreadable(path, f"line {line}: its time is off the even grid of a waveform")
    return round(1 / period_s, 6), positions
