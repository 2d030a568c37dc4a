"""A recording as the device that it was: what of it is due when.

There is no clock here. A frame is due when its first observation says; times are those of the
recording, moved so that it begins at `begin`, and keep the distances they were recorded with.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import count, groupby
from math import ceil, nan
from operator import attrgetter
from typing import Final

from rpm_service.domain.metrics import BY_NAME
from rpm_service.gateways.recordings import Recording
from rpm_service.gateways.tracks import NumericTrack, WaveformTrack
from rpm_service.sdk import Monitor, Numeric, Observation, SampleArray, Samples

CHUNK_S: Final = 0.25
"""Waveforms are sent in pieces of this length, each when its end has come."""
MODEL: Final = "recording"

Frame = Sequence[Observation]
_Instant = tuple[Sequence[int], Sequence[float]]

_due = attrgetter("observed_at")


def monitor_of(recording: Recording, monitor_id: str) -> Monitor:
    """Describes a recording as a monitor; its tracks keep their positions."""
    return Monitor(
        monitor_id,
        numerics=tuple(
            Numeric(track.code, track.unit, track.period_s, track.instance, track.metric)
            for track in recording.numerics
        ),
        sample_arrays=tuple(
            SampleArray(
                track.code,
                track.unit,
                track.sample_rate_hz,
                track.scale,
                track.offset,
                track.instance,
                track.label,
            )
            for track in recording.waveforms
        ),
        model=MODEL,
    )


def frames(recordings: Sequence[Recording], begin: float, *, loop: bool = False) -> Iterator[Frame]:
    """Plays recordings side by side, as the monitors behind one stream, in the order given.

    What is due at one instant is one frame. With `loop` each begins anew when it is over.
    """
    playing = [
        _observations(recording, mds, begin, loop=loop) for mds, recording in enumerate(recordings)
    ]
    for _, due in groupby(merge(*playing, key=_due), key=_due):
        yield tuple(due)


def _observations(
    recording: Recording, mds: int, begin: float, *, loop: bool
) -> Iterator[Observation]:
    instants = _instants(recording.numerics)
    chunk_ends = _chunk_ends(recording)
    everything = sorted({*instants, *chunk_ends})
    nothing: _Instant = ((), ())
    for lap in count():
        lap_begin = begin + lap * recording.duration_s
        sent_until_s = 0.0
        for due_s in everything:
            indices, values = instants.get(due_s, nothing)
            samples: tuple[Samples, ...] = ()
            if due_s in chunk_ends:
                samples = tuple(_samples(recording.waveforms, sent_until_s, due_s, lap_begin))
                sent_until_s = due_s
            if values or samples:
                yield Observation(
                    lap_begin + due_s, values, mds, indices=indices, sample_arrays=samples
                )
        if not (loop and everything):
            return


def _instants(tracks: Sequence[NumericTrack]) -> dict[float, _Instant]:
    """Brings together what the tracks have at each time; no indices where it is all of them.

    What no device could have measured is no value: the server would refuse it.
    """
    found: dict[float, tuple[list[int], list[float]]] = {}
    for index, track in enumerate(tracks):
        known = BY_NAME.get(track.metric)
        low, high = (known.low, known.high) if known else (float("-inf"), float("inf"))
        for time, value in zip(track.times.tolist(), track.values.tolist(), strict=True):
            indices, values = found.setdefault(time, ([], []))
            indices.append(index)
            values.append(value if low <= value <= high else nan)
    return {
        time: (() if len(indices) == len(tracks) else indices, values)
        for time, (indices, values) in found.items()
    }


def _chunk_ends(recording: Recording) -> frozenset[float]:
    end_s = max(
        (
            track.start_s + len(track.samples) / track.sample_rate_hz
            for track in recording.waveforms
        ),
        default=0.0,
    )
    return frozenset(
        min(number * CHUNK_S, recording.duration_s)
        for number in range(1, ceil(end_s / CHUNK_S) + 1)
    )


def _samples(
    tracks: Iterable[WaveformTrack], start_s: float, end_s: float, begin: float
) -> Iterator[Samples]:
    """Cuts out of each waveform what falls between two times, the later one not included."""
    for index, track in enumerate(tracks):
        first = _position(track, start_s)
        cut = track.samples[first : _position(track, end_s)]
        if cut.size:
            start_at = begin + track.start_s + first / track.sample_rate_hz
            yield Samples(index, start_at, cut.astype("<i2").tobytes())


def _position(track: WaveformTrack, at_s: float) -> int:
    return max(0, ceil((at_s - track.start_s) * track.sample_rate_hz))
