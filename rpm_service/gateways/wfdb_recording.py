"""Reads WFDB records (`.hea` with `.dat` or `.mat`), as PhysioNet publishes them.

What a header refers to is found without the wfdb package, which takes a second to import and
is an extra; only reading the samples needs it.
"""

import importlib
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from rpm_service.gateways.codes import numeric_codes, waveform_codes
from rpm_service.gateways.tracks import (
    WAVEFORM_HZ_MIN,
    WAVEFORM_SAMPLES_MAX,
    Annotation,
    Floats,
    NumericTrack,
    Part,
    RecordingUnreadable,
    WaveformTrack,
    numeric_track,
    quantised,
    recovered,
)

ALARM_AT_S: Final = 300.0
"""When the monitor raised its alarm, in every record of the PhysioNet Challenge 2015."""

_VERDICTS: Final = frozenset({"True alarm", "False alarm"})
_RECORD_LINE: Final = re.compile(r"\S+?(?P<segmented>/\d+)?\s+\d+(\s+\S+(\s+(?P<samples>\d+))?)?")


@dataclass(frozen=True, slots=True)
class Outline:
    """What a header refers to: the files of its signals, or the headers of its segments."""

    files: tuple[Path, ...]
    segments: tuple[Path, ...]
    samples: int | None
    """Its length; None where the header leaves it to the signal file."""

    @property
    def absent(self) -> tuple[Path, ...]:
        """The files that are not there."""
        return tuple(path for path in (*self.files, *self.segments) if not path.is_file())


def outline(header: Path) -> Outline:
    """Reads what a header refers to. Raises RecordingUnreadable."""
    try:
        text = header.read_text(encoding="latin-1")
    except OSError as error:
        raise RecordingUnreadable(header, f"cannot be opened: {error.strerror}") from error
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    record = _RECORD_LINE.match(lines[0]) if lines else None
    if record is None:
        raise RecordingUnreadable(header, "is not a WFDB header")
    samples = int(record["samples"]) if record["samples"] is not None else None
    # `~` stands for a signal or a segment without a file.
    names = dict.fromkeys(line.split()[0] for line in lines[1:] if not line.startswith("~"))
    if record["segmented"]:
        segments = tuple(header.parent / f"{name}.hea" for name in names)
        return Outline(files=(), segments=segments, samples=samples)
    files = tuple(header.parent / name for name in names)
    return Outline(files=files, segments=(), samples=samples)


def read_wfdb(header: Path) -> Part:
    """Reads one record. Raises RecordingUnreadable."""
    refers_to = outline(header)
    if refers_to.absent:
        names = ", ".join(path.name for path in refers_to.absent[:3])
        raise RecordingUnreadable(header, f"refers to files that are not there: {names}")
    if not (refers_to.files or refers_to.segments) or refers_to.samples == 0:
        raise RecordingUnreadable(header, "has no samples")
    if (refers_to.samples or 0) > WAVEFORM_SAMPLES_MAX:
        raise RecordingUnreadable(header, f"is longer than {WAVEFORM_SAMPLES_MAX} samples")
    record = _record(header)
    if record.e_p_signal is None or not record.fs or not record.sig_len:
        raise RecordingUnreadable(header, "has no samples")
    numerics: list[NumericTrack] = []
    waveforms: list[WaveformTrack] = []
    for position, values in enumerate(record.e_p_signal):
        label = record.sig_name[position] or f"signal {position + 1}"
        unit = record.units[position]
        rate_hz = float(record.fs) * record.samps_per_frame[position]
        if rate_hz < WAVEFORM_HZ_MIN:
            numerics.append(_numeric(header, label, unit, rate_hz, values))
            continue
        # Segments may differ in gain; then there is no one integer to go back to.
        gain = None if refers_to.segments else record.adc_gain[position]
        samples, scale, offset = (
            recovered(values, gain, record.baseline[position]) if gain else quantised(values)
        )
        name, code, unit_code = waveform_codes(label, unit)
        waveforms.append(
            WaveformTrack(name, code, unit_code, round(rate_hz, 6), scale, offset, samples)
        )
    return Part(
        start_s=0.0,
        end_s=round(record.sig_len / record.fs, 6),
        numerics=tuple(track for track in numerics if track.times.size),
        waveforms=tuple(waveforms),
        annotations=_alarm(record.comments),
    )


def _record(header: Path) -> Any:
    """Reads with the wfdb package, whose types are not declared."""
    with warnings.catch_warnings():
        # The package asks pandas for things that pandas has begun to deprecate.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            wfdb = importlib.import_module("wfdb")
        except ImportError as error:
            raise RecordingUnreadable(
                header, "WFDB recordings need an extra: pip install 'rpm-service[wfdb]'"
            ) from error
        try:
            return wfdb.rdrecord(
                str(header.absolute().with_suffix("")), physical=True, smooth_frames=False
            )
        except (
            OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError,
            RuntimeError,
        ) as error:  # fmt: skip
            # It has no error of its own: a damaged file ends wherever its code trips.
            reason = " ".join(str(error).split())[:120]
            raise RecordingUnreadable(header, f"is damaged: {reason}") from error


def _numeric(header: Path, label: str, unit: str, rate_hz: float, values: Floats) -> NumericTrack:
    """Takes a slow signal as a numeric; there, monitors of the MIMIC databases write 0 for none."""
    period_s = round(1 / rate_hz, 6)
    try:
        metric, code, unit_code = numeric_codes(label, unit)
    except ValueError as error:
        raise RecordingUnreadable(header, str(error)) from error
    times: Floats = np.arange(len(values), dtype=np.float64) * period_s
    measured = np.where(values == 0, np.nan, values)
    return numeric_track(metric, code, unit_code, period_s, times, measured)


def _alarm(comments: list[str]) -> tuple[Annotation, ...]:
    """Finds the monitor's alarm and the experts' verdict, which end a Challenge 2015 header."""
    if len(comments) < 2 or comments[-1] not in _VERDICTS:
        return ()
    return tuple(Annotation(ALARM_AT_S, text) for text in comments[-2:])
