"""Recordings of bedside monitors as one thing, whatever files they are kept in.

`group_recordings` finds the recordings that paths stand for, `read_recording` reads one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

from rpm_service.gateways.csv_recording import has_time_column, read_csv
from rpm_service.gateways.tracks import (
    MISSING_SAMPLE,
    Annotation,
    NumericTrack,
    Part,
    RecordingUnreadable,
    WaveformTrack,
    read_only,
)
from rpm_service.gateways.wfdb_recording import outline, read_wfdb

__all__ = [
    "MISSING_SAMPLE",
    "Annotation",
    "NumericTrack",
    "Recording",
    "RecordingUnreadable",
    "WaveformTrack",
    "group_recordings",
    "read_recording",
]

_HALVES: Final = re.compile(r"[_-](numerics|signals)$", re.IGNORECASE)
"""BIDMC keeps one recording in two files: bidmc_01_Numerics.csv and bidmc_01_Signals.csv."""
_REMARKS: Final = re.compile(r"[_-](breaths|fix)$", re.IGNORECASE)
"""BIDMC keeps beside them what people wrote about it: bidmc_01_Breaths.csv, bidmc_01_Fix.txt."""
_WFDB_SAMPLES: Final = frozenset({".dat", ".mat"})

Track = TypeVar("Track", NumericTrack, WaveformTrack)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One bedside over one stretch of time, which begins at 0 and lasts `duration_s`.

    Every track shares that time line.
    """

    name: str
    duration_s: float
    numerics: tuple[NumericTrack, ...]
    waveforms: tuple[WaveformTrack, ...]
    annotations: tuple[Annotation, ...] = ()


def group_recordings(paths: Iterable[Path]) -> list[list[Path]]:
    """Finds the recordings that paths stand for: one list of files each, in the order named.

    A directory stands for every recording in and below it; a WFDB record may be named by its
    header, its samples, or without a suffix. Files are only glanced at. What goes with a
    recording that is named too, such as its annotations, is passed over. Raises RecordingUnreadable where a path stands
    for nothing.
    """
    groups: dict[tuple[Path, str, str], list[Path]] = {}
    named = list(paths)
    for path in sorted(named, key=_accompanies):
        recorded = {(folder, name) for folder, _, name in groups}
        if _accompanies(path) and (path.parent, _REMARKS.sub("", path.stem)) in recorded:
            continue
        for file in _files(path):
            group = groups.setdefault((file.parent, file.suffix.lower(), _name(file)), [])
            if file not in group:
                group.append(file)
    return list(groups.values())


def read_recording(paths: Iterable[Path]) -> Recording:
    """Reads the one recording that paths stand for. Raises RecordingUnreadable."""
    named = list(paths)
    assert named, "a recording has a path"
    groups = group_recordings(named)
    if len(groups) > 1:
        first = ", ".join(_name(group[0]) for group in groups[:3])
        raise RecordingUnreadable(named[0], f"{len(groups)} recordings where one is read: {first}…")
    files = groups[0]
    parts = [read_csv(file) if _is_csv(file) else read_wfdb(file) for file in files]
    start_s = min(part.start_s for part in parts)
    parts = [_moved(part, -start_s) for part in parts]
    return Recording(
        name=_name(files[0]),
        duration_s=max(part.end_s for part in parts),
        numerics=_told_apart(track for part in parts for track in part.numerics),
        waveforms=_told_apart(track for part in parts for track in part.waveforms),
        annotations=tuple(remark for part in parts for remark in part.annotations),
    )


def _accompanies(path: Path) -> bool:
    """Whether a file goes with a recording, by its name, and is none itself."""
    if _REMARKS.search(path.stem):
        return True
    # 100.atr goes with the WFDB record 100.
    suffixes = {"", ".csv", ".hea", *_WFDB_SAMPLES}
    return path.suffix.lower() not in suffixes and path.with_suffix(".hea").is_file()


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        files = _in_directory(path)
        if not files:
            raise RecordingUnreadable(
                path, "holds no recording: no CSV that begins with 'Time [s]', no WFDB header"
            )
        return files
    header = path.with_suffix(".hea") if path.suffix.lower() in _WFDB_SAMPLES else path
    beside = path.parent / f"{path.name}.hea"
    if not header.is_file() and beside.is_file():
        return [beside]
    if not path.exists():
        raise RecordingUnreadable(path, "no such file or directory")
    if not header.is_file():
        raise RecordingUnreadable(path, f"has no WFDB header {header.name} beside it")
    if not _is_csv(header) and header.suffix.lower() != ".hea":
        raise RecordingUnreadable(path, "is not a recording: neither a CSV nor a WFDB header")
    return [header]


def _in_directory(directory: Path) -> list[Path]:
    """Finds what can be read. Segments are left out where their whole record can be."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    tables = [path for path in files if _is_csv(path) and has_time_column(path)]
    whole: list[Path] = []
    inner: set[Path] = set()
    for path in files:
        if path.suffix.lower() != ".hea":
            continue
        try:
            refers_to = outline(path)
        except RecordingUnreadable:
            continue
        if refers_to.absent or refers_to.samples == 0:
            continue
        whole.append(path)
        inner.update(refers_to.segments)
    return sorted([*tables, *(path for path in whole if path not in inner)])


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _name(file: Path) -> str:
    return _HALVES.sub("", file.stem)


def _moved(part: Part, by_s: float) -> Part:
    if not by_s:
        return part
    return Part(
        start_s=part.start_s + by_s,
        end_s=part.end_s + by_s,
        numerics=tuple(
            replace(track, times=read_only(track.times + by_s)) for track in part.numerics
        ),
        waveforms=tuple(replace(track, start_s=track.start_s + by_s) for track in part.waveforms),
        annotations=tuple(replace(each, at_s=each.at_s + by_s) for each in part.annotations),
    )


def _told_apart(tracks: Iterable[Track]) -> tuple[Track, ...]:
    """Numbers the tracks of each code, as the contract wants them told apart."""
    seen: defaultdict[int, int] = defaultdict(int)
    numbered = []
    for track in tracks:
        numbered.append(replace(track, instance=seen[track.code]))
        seen[track.code] += 1
    return tuple(numbered)
