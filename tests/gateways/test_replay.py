"""Recordings as the devices that they were, instant by instant."""

from collections.abc import Iterable, Sequence
from itertools import islice
from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.domain.metrics import BY_NAME, MILLIVOLT
from rpm_service.gateways.recordings import (
    NumericTrack,
    Recording,
    WaveformTrack,
    group_recordings,
    read_recording,
)
from rpm_service.gateways.replay import CHUNK_S, frames, monitor_of
from rpm_service.sdk import NO_SAMPLE, Observation

BEGIN = 1_700_000_000.125


def track(name: str, times: Sequence[float], values: Sequence[float]) -> NumericTrack:
    metric = BY_NAME[name]
    return NumericTrack(name, metric.code, metric.unit, 1.0, np.array(times), np.array(values))


def waveform(rate_hz: float, samples: Sequence[int], start_s: float = 0.0) -> WaveformTrack:
    stored = np.array(samples, np.int16)
    return WaveformTrack("II", 131330, MILLIVOLT, rate_hz, 0.005, 1.5, stored, start_s)


def recording(
    duration_s: float, *numerics: NumericTrack, waveforms: Sequence[WaveformTrack] = ()
) -> Recording:
    return Recording("r", duration_s, numerics, tuple(waveforms))


def played(*recordings: Recording, loop: bool = False, first: int = 1000) -> list[Observation]:
    everything = (entry for frame in frames(recordings, BEGIN, loop=loop) for entry in frame)
    return list(islice(everything, first))


def values(observations: Iterable[Observation]) -> list[tuple[float, list[float | None]]]:
    return [
        (each.observed_at - BEGIN, [None if isnan(value) else value for value in each.values])
        for each in observations
        if each.values
    ]


def samples(observations: Iterable[Observation], index: int = 0) -> dict[float, int]:
    """Samples of one waveform by their time, as a server would place them."""
    found: dict[float, int] = {}
    for each in observations:
        for chunk in each.sample_arrays:
            if chunk.index == index:
                start_s = chunk.start_at - BEGIN
                for place, sample in enumerate(np.frombuffer(chunk.samples, "<i2").tolist()):
                    found[round(start_s + place / 125, 6)] = sample
    return found


@pytest.mark.spec("PLAY-1")
def test_every_value_comes_at_its_time_and_what_is_missing_stays_missing() -> None:
    hr = track("HR", [0.0, 1.0, 2.0], [80.0, 0.0, nan])
    spo2 = track("SpO2", [0.0, 1.0, 2.0], [97.0, nan, nan])
    assert values(played(recording(3.0, hr, spo2))) == [
        (0.0, [80.0, 97.0]),
        (1.0, [0.0, None]),
        (2.0, [None, None]),
    ]


@pytest.mark.spec("PLAY-1")
def test_tracks_of_different_times_name_what_they_observe() -> None:
    hr = track("HR", [0.0, 1.0], [80.0, 81.0])
    cuff = track("NIBPs", [1.0, 2.5], [120.0, 121.0])
    assert [(each.indices, list(each.values)) for each in played(recording(3.0, hr, cuff))] == [
        ([0], [80.0]),
        ((), [81.0, 120.0]),
        ([1], [121.0]),
    ]


@pytest.mark.spec("PLAY-1")
@given(gaps=st.lists(st.integers(1, 5000), min_size=1, max_size=30), begin=st.floats(1.2e9, 2e9))
def test_times_keep_the_distances_they_were_recorded_with(gaps: list[int], begin: float) -> None:
    times = np.cumsum(gaps).astype(float).tolist()
    hr = track("HR", times, [80.0] * len(times))
    observed = [frame[0].observed_at for frame in frames([recording(times[-1] + 1, hr)], begin)]
    assert [at - observed[0] for at in observed] == [time - times[0] for time in times]


@pytest.mark.spec("PLAY-2")
def test_a_value_that_no_device_could_send_is_no_value() -> None:
    spo2 = track("SpO2", [0.0, 1.0, 2.0], [101.0, -1.0, 100.0])
    assert values(played(recording(3.0, spo2))) == [(0.0, [None]), (1.0, [None]), (2.0, [100.0])]


@pytest.mark.spec("PLAY-3")
@given(
    count=st.integers(1, 400),
    start=st.integers(0, 300),
    rate_hz=st.sampled_from([62.5, 124.998, 125.0, 250.0, 10.0, 333.333333]),
)
def test_every_sample_comes_once_and_none_before_it_was_measured(
    count: int, start: int, rate_hz: float
) -> None:
    wave = waveform(rate_hz, range(count), start / 100)
    at: list[float] = []
    for each in played(recording(start / 100 + count / rate_hz, waveforms=[wave])):
        (chunk,) = each.sample_arrays
        many = len(chunk.samples) // 2
        begin_s = chunk.start_at - BEGIN
        assert np.frombuffer(chunk.samples, "<i2").tolist() == list(range(len(at), len(at) + many))
        assert begin_s == pytest.approx(start / 100 + len(at) / rate_hz, abs=1e-6)
        assert chunk.start_at + (many - 1) / rate_hz <= each.observed_at + 1e-6
        at += [begin_s + place / rate_hz for place in range(many)]
    assert len(at) == count


@pytest.mark.spec("PLAY-3")
def test_waveforms_come_with_the_numerics_of_their_time_in_quarters_of_a_second() -> None:
    hr = track("HR", [0.0, 1.0], [80.0, 81.0])
    wave = waveform(125.0, [7, NO_SAMPLE] * 125)
    observations = played(recording(2.0, hr, waveforms=[wave]))
    assert [each.observed_at - BEGIN for each in observations] == [
        number * CHUNK_S for number in range(9)
    ]
    assert [bool(each.values) for each in observations].count(True) == 2
    assert observations[4].values
    assert observations[4].sample_arrays
    sent = samples(observations)
    assert len(sent) == 250
    assert sent[0.0] == 7
    assert sent[0.008] == NO_SAMPLE
    assert max(sent) == 1.992


@pytest.mark.spec("PLAY-4")
def test_a_loop_goes_on_at_the_end_as_if_time_had_not_stopped() -> None:
    hr = track("HR", [0.0, 1.0], [80.0, 81.0])
    wave = waveform(125.0, range(250))
    observations = played(recording(2.0, hr, waveforms=[wave]), loop=True, first=40)
    assert values(observations)[:5] == [
        (0.0, [80.0]), (1.0, [81.0]), (2.0, [80.0]), (3.0, [81.0]), (4.0, [80.0]),
    ]  # fmt: skip
    assert [each.observed_at for each in observations] == sorted(
        each.observed_at for each in observations
    )
    sent = samples(observations)
    assert [sent[2.0], sent[2.008], sent[3.992], sent[4.0]] == [0, 1, 249, 0]


@pytest.mark.spec("PLAY-4")
def test_a_recording_ends_and_an_empty_one_does_not_loop_for_ever() -> None:
    hr = track("HR", [0.0, 1.0], [80.0, 81.0])
    assert len(played(recording(2.0, hr))) == 2
    assert played(recording(1.0), loop=True) == []


@pytest.mark.spec("PLAY-5")
def test_what_several_monitors_say_at_one_instant_is_one_frame() -> None:
    one = recording(3.0, track("HR", [0.0, 1.0, 2.0], [80.0, 81.0, 82.0]))
    two = recording(2.0, track("SpO2", [0.0, 1.5], [97.0, 98.0]))
    ward = [[(each.mds, list(each.values)) for each in frame] for frame in frames([one, two], 0.0)]
    assert ward == [
        [(0, [80.0]), (1, [97.0])],
        [(0, [81.0])],
        [(1, [98.0])],
        [(0, [82.0])],
    ]


def test_a_monitor_is_described_as_it_was_recorded() -> None:
    hr = track("HR", [0.0], [80.0])
    monitor = monitor_of(recording(1.0, hr, waveforms=[waveform(125.0, [1])]), "bed-1")
    assert monitor.id == "bed-1"
    (numeric,) = monitor.numerics
    assert (numeric.code, numeric.unit, numeric.period_s, numeric.label) == (
        147842, 264864, 1.0, "HR",
    )  # fmt: skip
    (array,) = monitor.sample_arrays
    assert (array.code, array.sample_rate_hz, array.scale, array.offset, array.label) == (
        131330, 125.0, 0.005, 1.5, "II",
    )  # fmt: skip


def test_a_record_with_waveforms_plays_whole(recordings: Path) -> None:
    files = [recordings / "bidmc" / f"bidmc_01_{half}.csv" for half in ("Numerics", "Signals")]
    record = read_recording(files)
    observations = played(record, first=100_000)
    sent = values(observations)
    assert [at for at, _ in sent] == list(range(481))
    assert sum(None in each for _, each in sent) >= 13
    for index, wave in enumerate(record.waveforms):
        pieces = [
            chunk.samples
            for each in observations
            for chunk in each.sample_arrays
            if chunk.index == index
        ]
        assert b"".join(pieces) == wave.samples.astype("<i2").tobytes()


def test_every_shared_recording_can_be_played(recordings: Path) -> None:
    for files in group_recordings([recordings / "challenge2015", recordings / "icu-multirate"]):
        record = read_recording(files)
        begin = next(iter(frames([record], 0.0)))
        assert begin[0].observed_at <= CHUNK_S
