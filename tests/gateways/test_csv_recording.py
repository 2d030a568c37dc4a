from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.gateways.recordings import (
    MISSING_SAMPLE,
    RecordingUnreadable,
    WaveformTrack,
    read_recording,
)
from rpm_service.gateways.tracks import quantised


def written(directory: Path, text: str, name: str = "ward_Numerics.csv") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def physical(track: WaveformTrack) -> np.ndarray:
    values = track.scale * track.samples.astype(float) + track.offset
    return np.where(track.samples == MISSING_SAMPLE, np.nan, values)


@pytest.mark.spec("REC-3")
def test_a_numerics_file_becomes_tracks_with_short_names_and_codes(tmp_path: Path) -> None:
    path = written(tmp_path, "Time [s], HR, PULSE, RESP, SpO2\n0,94,93,25,97\n1,95,92,24,96\n")
    recording = read_recording([path])
    assert recording.name == "ward"
    assert recording.duration_s == 2.0
    assert [(track.metric, track.code, track.unit) for track in recording.numerics] == [
        ("HR", 147842, 264864),
        ("PR", 149530, 264864),
        ("RR", 151562, 264928),
        ("SpO2", 150456, 262688),
    ]
    assert [track.period_s for track in recording.numerics] == [1.0] * 4
    assert recording.numerics[1].values.tolist() == [93.0, 92.0]


@pytest.mark.spec("REC-4")
def test_asystole_zero_is_a_value_and_nan_or_nothing_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, "Time [s], HR\n0,0\n1,NaN\n2,\n3,40\n")
    (heart_rate,) = read_recording([path]).numerics
    np.testing.assert_array_equal(heart_rate.values, [0.0, np.nan, np.nan, 40.0])


@pytest.mark.spec("REC-5")
def test_time_begins_at_zero_and_no_row_is_lost(tmp_path: Path) -> None:
    path = written(tmp_path, "Time [s], HR\n-1,60\n0,61\n1,62\n")
    recording = read_recording([path])
    assert recording.numerics[0].times.tolist() == [0.0, 1.0, 2.0]
    assert recording.duration_s == 3.0


@pytest.mark.spec("REC-5")
def test_numerics_need_not_come_evenly(tmp_path: Path) -> None:
    path = written(tmp_path, "t, HR\n0,60\n1,61\n5.5,62\n6.5,63\n7.5,64\n")
    (heart_rate,) = read_recording([path]).numerics
    assert heart_rate.times.tolist() == [0.0, 1.0, 5.5, 6.5, 7.5]
    assert heart_rate.period_s == 1.0


def test_one_row_is_a_recording_of_one_second(tmp_path: Path) -> None:
    recording = read_recording([written(tmp_path, "Time [s], HR\n7,60\n")])
    assert (recording.duration_s, recording.numerics[0].times.tolist()) == (1.0, [0.0])


@pytest.mark.spec("REC-6")
def test_an_unknown_column_keeps_its_label_and_has_code_zero(tmp_path: Path) -> None:
    path = written(tmp_path, "Time [s], BIS, a label longer than sixteen, BIS\n0,1,2,3\n1,1,2,3\n")
    tracks = read_recording([path]).numerics
    assert [(track.metric, track.code, track.unit, track.instance) for track in tracks] == [
        ("BIS", 0, 0, 0),
        ("a label longer t", 0, 0, 1),
        ("BIS", 0, 0, 2),
    ]


@pytest.mark.spec("REC-6")
def test_a_unit_in_the_heading_is_understood(tmp_path: Path) -> None:
    path = written(tmp_path, "Time [s], HR [bpm], RESP (/min), Temp [degC]\n0,60,12,37.1\n")
    tracks = read_recording([path]).numerics
    assert [(track.metric, track.unit) for track in tracks] == [
        ("HR", 264864),
        ("RR", 264928),
        ("Temp", 268192),
    ]


@pytest.mark.spec("REC-7")
def test_a_cuff_that_rests_is_not_missing(tmp_path: Path) -> None:
    rows = "".join(
        f"{60 * minute},70,{120 if minute % 5 == 2 else 'NaN'},\n" for minute in range(20)
    )
    path = written(tmp_path, "Time [s], HR, NBPSys, NBPMean\n" + rows)
    recording = read_recording([path])
    heart_rate, systolic = recording.numerics
    assert systolic.metric == "NIBPs"
    assert systolic.times.tolist() == [120.0, 420.0, 720.0, 1020.0]
    assert systolic.values.tolist() == [120.0] * 4
    assert systolic.period_s == 300.0
    assert len(heart_rate.times) == 20
    assert recording.duration_s == 1200.0


@pytest.mark.spec("REC-8")
def test_ten_rows_a_second_are_a_waveform(tmp_path: Path) -> None:
    rows = "".join(f"{i / 10:.1f},{i / 100},{i}\n" for i in range(50))
    slower = "".join(f"{i / 9:.5f},{i / 100},{i}\n" for i in range(50))
    fast = read_recording([written(tmp_path, "Time [s], II [mV], HR\n" + rows)])
    slow = read_recording([written(tmp_path, "Time [s], II [mV], HR\n" + slower)])
    assert [(track.label, track.code, track.unit) for track in fast.waveforms] == [
        ("II", 131330, 266418),
        ("HR", 0, 262656),
    ]
    assert fast.waveforms[0].sample_rate_hz == 10.0
    assert fast.duration_s == pytest.approx(5.0)
    assert [track.metric for track in slow.numerics] == ["II", "HR"]


@pytest.mark.spec("REC-8")
@pytest.mark.parametrize("rate_hz", [125.0, 249.89, 62.4725])
def test_a_rate_is_found_from_times_rounded_to_more_than_a_sample(
    tmp_path: Path, rate_hz: float
) -> None:
    count = 25_000
    digits = 2 if rate_hz <= 125 else 3
    rows = "".join(f"{i / rate_hz:.{digits}f},{i % 100}\n" for i in range(count))
    (track,) = read_recording([written(tmp_path, "Time [s], PLETH\n" + rows)]).waveforms
    assert track.sample_rate_hz == pytest.approx(rate_hz, rel=1e-4)
    assert len(track.samples) == count


@pytest.mark.spec("REC-9")
def test_a_gap_in_a_waveform_stays_a_gap(tmp_path: Path) -> None:
    rows = "".join(f"{i / 50:.2f},{i % 7}\n" for i in range(200) if not 60 <= i < 110)
    (track,) = read_recording([written(tmp_path, "Time [s], ABP [mmHg]\n" + rows)]).waveforms
    assert track.sample_rate_hz == 50.0
    assert len(track.samples) == 200
    assert np.flatnonzero(track.samples == MISSING_SAMPLE).tolist() == list(range(60, 110))
    assert physical(track)[113] == pytest.approx(113 % 7, abs=track.scale)


@pytest.mark.spec("REC-2")
def test_numerics_and_signals_of_one_name_are_one_recording_on_one_clock(tmp_path: Path) -> None:
    numerics = written(tmp_path, "Time [s], HR\n-1,60\n0,61\n1,62\n")
    rows = "".join(f"{i / 100:.2f},{i}\n" for i in range(150))
    signals = written(tmp_path, "Time [s], II\n" + rows, "ward_Signals.csv")
    recording = read_recording([numerics, signals])
    assert recording.name == "ward"
    assert recording.numerics[0].times.tolist() == [0.0, 1.0, 2.0]
    assert recording.waveforms[0].start_s == 1.0
    assert recording.duration_s == 3.0


@pytest.mark.spec("REC-1")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("Time [s], HR\n", "has a header and no values"),
        ("HR, Time [s]\n60,0\n", "is not a recording: its first column must be 'Time [s]'"),
        ("Time [ms], HR\n0,60\n", "is not a recording: its first column must be 'Time [s]'"),
        ("Time [s]\n0\n", "is not a recording: its first column must be 'Time [s]'"),
        ("Time [s], HR\n0,60\n\n1,6o\n", "line 4: '6o' is not a number"),
        ("Time [s], HR\n0,60\n1\n", "line 3 has 1 values, the header 2"),
        ("Time [s], HR\n0,60\n1,inf\n", "line 3: infinite value"),
        ("Time [s], HR\n0,60\n,61\n", "line 3 has no time"),
        ("Time [s], HR\n0,60\n2,60\n1,60\n", "line 4: its time is before that of the line above"),
        ("Time [s], HR\n0,60\n1,60\n1,60\n2,60\n3,60\n", "line 4: its time is that of the line above"),
        ("Time [s], HR\n0,60\n0,60\n", "has times that are too coarse to place its samples"),
        ("Time [s], II\n0,1\n.01,1\n.02,1\n1,1\n1.001,1\n1.01,1\n",
         "line 6: its time is off the even grid of a waveform"),
        ("Time [s], II\n0,1\n1e-6,1\n2e-6,1\n1000,1\n", "is longer than 50000000 samples"),
        ("Time [s], Temp [F]\n0,98\n", "Temp is in F, but Temp is taken in Cel"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(RecordingUnreadable) as refused:
        read_recording([path])
    assert str(refused.value) == f"{path}: {reason}"


@pytest.mark.spec("REC-1")
def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "noise.csv"
    path.write_bytes(b"Time [s], HR\n0,\xff\xfe\x00\n")
    with pytest.raises(RecordingUnreadable, match=r"noise\.csv: is not a CSV text"):
        read_recording([path])


def test_tracks_cannot_be_changed(tmp_path: Path) -> None:
    (track,) = read_recording([written(tmp_path, "Time [s], HR\n0,60\n1,61\n")]).numerics
    with pytest.raises(ValueError, match="read-only"):
        track.values[0] = 0.0


@given(st.lists(st.floats(-1e300, 1e300) | st.just(np.nan), min_size=1, max_size=50))
@pytest.mark.spec("REC-10")
def test_no_sample_moves_by_more_than_half_a_step(values: list[float]) -> None:
    wanted = np.array(values)
    samples, scale, offset = quantised(wanted)
    assert scale != 0
    assert np.isfinite([scale, offset]).all()
    np.testing.assert_array_equal(samples == MISSING_SAMPLE, np.isnan(wanted))
    off = np.abs(scale * samples + offset - wanted)[~np.isnan(wanted)]
    rounding = 4 * np.spacing(np.abs(wanted[~np.isnan(wanted)]).max(initial=0))
    room = scale / 2 * (1 + 1e-9) + rounding
    assert (off <= room).all()


@given(
    start=st.integers(-10, 10),
    values=st.lists(st.none() | st.integers(0, 300) | st.floats(-50, 400), min_size=2, max_size=40),
    period=st.sampled_from([0.5, 1, 2, 60]),
)
@pytest.mark.spec("REC-5")
def test_numerics_written_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory,
    start: int,
    values: list[float | None],
    period: float,
) -> None:
    rows = "".join(
        f"{start + i * period!r},{'NaN' if value is None else repr(value)}\n"
        for i, value in enumerate(values)
    )
    path = written(tmp_path_factory.mktemp("csv"), "Time [s], ABPSys\n" + rows)
    (track,) = read_recording([path]).numerics
    assert track.metric == "ABPs"
    np.testing.assert_array_equal(track.times, np.arange(len(values)) * period)
    np.testing.assert_array_equal(
        track.values, [np.nan if value is None else value for value in values]
    )
