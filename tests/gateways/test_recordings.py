"""The shared recordings, against what their READMEs say of them."""

import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from rpm_service.gateways.recordings import (
    MISSING_SAMPLE,
    Annotation,
    Recording,
    RecordingUnreadable,
    WaveformTrack,
    group_recordings,
    read_recording,
)

BIDMC = (1, 2, 3, 5, 6, 9, 10, 11, 13, 14, 16, 18, 20, 21, 22, 23, 26, 28, 29, 32, 34, 36, 38, 43,
         45, 46, 48)  # fmt: skip

CHALLENGE = (
    "a103l", "a178s", "a443l", "a604s", "a651l", "a670s", "b349l", "b387l", "b455l", "b515l",
    "b722s", "f362s", "f441l", "f543l", "t174s", "t333l", "t383l", "t719l", "v102s", "v131l",
    "v135l", "v253l", "v290s", "v381l",
)  # fmt: skip


def missing(recording: Recording) -> dict[str, int]:
    return {track.metric: int(np.isnan(track.values).sum()) for track in recording.numerics}


def gaps(track: WaveformTrack) -> float:
    return float((track.samples == MISSING_SAMPLE).mean())


def physical(track: WaveformTrack) -> np.ndarray:
    return track.scale * track.samples.astype(float) + track.offset


@pytest.mark.spec("REC-2")
def test_a_directory_stands_for_every_recording_in_and_below_it(recordings: Path) -> None:
    names = [[path.name for path in group] for group in group_recordings([recordings / "bidmc"])]
    assert names[0] == ["bidmc_01_Numerics.csv", "bidmc_01_Signals.csv"]
    assert names[1:] == [[f"bidmc_{number:02}_Numerics.csv"] for number in BIDMC[1:]]
    everything = group_recordings([recordings])
    assert len(everything) == 27 + 24 + 1 + 6 + 1 + 1 + 1


@pytest.mark.spec("REC-2")
def test_paths_keep_their_order_and_count_once(recordings: Path) -> None:
    later, earlier = recordings / "bidmc/bidmc_48_Numerics.csv", recordings / "mitdb/100"
    groups = group_recordings([later, earlier, later])
    assert groups == [[later], [recordings / "mitdb/100.hea"]]


@pytest.mark.spec("REC-12")
def test_what_goes_with_a_recording_is_passed_over(recordings: Path) -> None:
    bidmc, mitdb = recordings / "bidmc", recordings / "mitdb"
    parts = sorted([*bidmc.glob("bidmc_01_*"), *mitdb.glob("100.*")])
    assert {"bidmc_01_Breaths.csv", "100.atr"} <= {path.name for path in parts}
    assert group_recordings(parts) == [
        [bidmc / "bidmc_01_Numerics.csv", bidmc / "bidmc_01_Signals.csv"],
        [mitdb / "100.hea"],
    ]


@pytest.mark.spec("REC-12")
@pytest.mark.parametrize("stray", ["notes.txt", "two_Fix.txt", "one.txt", "one_Signals.csv"])
def test_a_file_that_goes_with_nothing_is_refused(tmp_path: Path, stray: str) -> None:
    one = tmp_path / "one_Numerics.csv"
    one.write_text("Time [s], HR\n0, 80\n1, 81\n")
    (tmp_path / "one_Fix.txt").write_text("by hand")
    (tmp_path / stray).write_text("nothing of the kind")
    assert read_recording([one, tmp_path / "one_Fix.txt"]).duration_s == 2.0
    with pytest.raises(RecordingUnreadable, match=stray):
        read_recording([one, tmp_path / stray])


@pytest.mark.spec("REC-2")
def test_segments_stand_for_themselves_where_the_record_is_not_whole(recordings: Path) -> None:
    groups = group_recordings([recordings / "mimic-s00001"])
    assert [path.stem for (path,) in groups] == [
        "3975656_0012", "3975656_0013", "3975656_0014", "3975656_0015", "3975656_0016",
        "s00001-2896-10-10-00-31n",
    ]  # fmt: skip


@pytest.mark.spec("REC-1")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nowhere.csv", "no such file or directory"),
        ("bidmc", "27 recordings where one is read: bidmc_01, bidmc_02, bidmc_03…"),
        ("hl7v2", "holds no recording"),
        ("bidmc/README.md", "is not a recording"),
        ("bidmc/bidmc_01_Breaths.csv", "is not a recording"),
        ("mimic-pap/p022414-2110-10-01-10-09.mat", "has no WFDB header p022414"),
        ("mimic-s00001/s00001-2896-10-10-00-31.hea", "refers to files that are not there"),
        ("mimic-s00001/3975656_layout.hea", "has no samples"),
    ],
)
def test_a_path_that_stands_for_no_recording_is_refused(
    recordings: Path, name: str, reason: str
) -> None:
    with pytest.raises(RecordingUnreadable) as refused:
        read_recording([recordings / name])
    assert str(refused.value).startswith(f"{recordings / name}: {reason}")


@pytest.mark.spec("REC-5")
@pytest.mark.parametrize("number", BIDMC)
def test_bidmc_numerics_are_481_rows_at_1_hz(recordings: Path, number: int) -> None:
    recording = read_recording([recordings / f"bidmc/bidmc_{number:02}_Numerics.csv"])
    assert recording.name == f"bidmc_{number:02}"
    assert recording.duration_s == 481.0
    for track in recording.numerics:
        assert track.period_s == 1.0
        np.testing.assert_array_equal(track.times, np.arange(481.0))
    lost = {1: {"PR": 13, "SpO2": 13}, 5: {"PR": 6, "SpO2": 6}, 13: {"RR": 146}}.get(number, {})
    assert missing(recording) == {"HR": 0, "PR": 0, "RR": 0, "SpO2": 0} | lost


@pytest.mark.spec("REC-4")
def test_bidmc_13_has_breathing_of_zero_and_breathing_missing(recordings: Path) -> None:
    recording = read_recording([recordings / "bidmc/bidmc_13_Numerics.csv"])
    breathing = next(track for track in recording.numerics if track.metric == "RR")
    assert np.nanmin(breathing.values) == 0.0


@pytest.mark.spec("REC-2")
def test_bidmc_01_has_its_waveforms_on_the_clock_of_its_numerics(recordings: Path) -> None:
    directory = recordings / "bidmc"
    recording = read_recording(
        [directory / "bidmc_01_Numerics.csv", directory / "bidmc_01_Signals.csv"]
    )
    assert recording.duration_s == 481.0
    assert [track.label for track in recording.waveforms] == ["RESP", "PLETH", "V", "AVR", "II"]
    assert {track.code for track in recording.waveforms} == {
        151780, 150452, 131395, 131390, 131330,
    }  # fmt: skip
    for track in recording.waveforms:
        assert (track.sample_rate_hz, len(track.samples), track.start_s) == (125.0, 60001, 0.0)
        assert gaps(track) == 0
    lead = physical(recording.waveforms[4])
    assert lead[:2] == pytest.approx([0.72549, 0.67059], abs=recording.waveforms[4].scale)


@pytest.mark.spec("REC-3")
def test_a_numerics_file_is_read_in_milliseconds_and_alone(recordings: Path) -> None:
    path = recordings / "bidmc/bidmc_32_Numerics.csv"
    read_recording([path])
    best_s = min(_seconds_to_read(path) for _ in range(5))
    assert best_s < 0.02
    script = (
        "import sys; from pathlib import Path;"
        "from rpm_service.gateways.recordings import read_recording;"
        f"read_recording([Path({str(path)!r})]);"
        "print([name for name in ('wfdb', 'pandas', 'scipy', 'numpy.ma') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ran.stdout.strip() == "[]"


def _seconds_to_read(path: Path) -> float:
    began = time.perf_counter()
    read_recording([path])
    return time.perf_counter() - began


@pytest.mark.spec("REC-11")
@pytest.mark.parametrize("name", CHALLENGE)
def test_challenge_records_carry_the_alarm_of_the_monitor(recordings: Path, name: str) -> None:
    recording = read_recording([recordings / "challenge2015" / f"{name}.hea"])
    assert recording.duration_s == (330.0 if name.endswith("l") else 300.0)
    assert {track.sample_rate_hz for track in recording.waveforms} == {250.0}
    assert 3 <= len(recording.waveforms) <= 4
    assert all(track.code for track in recording.waveforms)
    alarm, verdict = recording.annotations
    letter = {"A": "a", "B": "b", "T": "t"}.get(alarm.text[0])
    assert name[0] == letter or alarm.text.startswith("Ventricular_")
    assert (alarm.at_s, verdict.at_s) == (300.0, 300.0)
    assert verdict.text in {"True alarm", "False alarm"}


@pytest.mark.spec("REC-9")
def test_missing_ecg_samples_stay_missing(recordings: Path) -> None:
    a178s = read_recording([recordings / "challenge2015/a178s.hea"])
    assert a178s.annotations[0] == Annotation(300.0, "Asystole")
    assert gaps(a178s.waveforms[0]) == pytest.approx(0.27, abs=0.005)
    v381l = read_recording([recordings / "challenge2015/v381l.hea"])
    assert gaps(v381l.waveforms[0]) == pytest.approx(0.2, abs=0.02)


@pytest.mark.spec("REC-8")
def test_icu_multirate_keeps_three_rates_that_are_not_whole(recordings: Path) -> None:
    recording = read_recording([recordings / "icu-multirate/mixedsignals.hea"])
    assert {track.label: track.sample_rate_hz for track in recording.waveforms} == {
        "II": 249.89, "III": 249.89, "V": 249.89, "ABP": 124.945, "Pleth": 124.945, "Resp": 62.4725,
    }  # fmt: skip
    assert recording.duration_s == pytest.approx(230.5, abs=0.01)
    by_label = {track.label: track for track in recording.waveforms}
    assert gaps(by_label["II"]) == pytest.approx(0.018, abs=0.0005)
    assert gaps(by_label["ABP"]) == pytest.approx(0.007, abs=0.0005)
    pressure = physical(by_label["ABP"])[by_label["ABP"].samples != MISSING_SAMPLE]
    assert (pressure.min(), pressure.max()) == pytest.approx((70, 171), abs=1)
    assert np.median(pressure) == pytest.approx(104, abs=1)


@pytest.mark.spec("REC-7")
def test_mimic_s00001_has_32_hours_of_numerics(recordings: Path) -> None:
    recording = read_recording([recordings / "mimic-s00001/s00001-2896-10-10-00-31n.hea"])
    assert recording.duration_s == 1936 * 60.0
    by_metric = {track.metric: track for track in recording.numerics}
    assert list(by_metric) == [
        "HR", "ABPs", "ABPd", "ABPm", "PR", "RR", "SpO2", "NIBPs", "NIBPd", "NIBPm",
    ]  # fmt: skip
    heart_rate = by_metric["HR"]
    assert heart_rate.period_s == 60.0
    assert np.nanmedian(heart_rate.values) == pytest.approx(56, abs=0.5)
    assert (np.nanmin(heart_rate.values), np.nanmax(heart_rate.values)) == (11.5, 99.8)
    assert int((heart_rate.values < 50).sum()) == 8
    assert np.count_nonzero(~np.isnan(by_metric["ABPs"].values)) == 7
    cuff = by_metric["NIBPs"]
    assert len(cuff.times) / 1936 == pytest.approx(0.08, abs=0.002)
    assert (cuff.values.min(), cuff.values.max()) == (108.0, 167.0)


@pytest.mark.parametrize(
    ("segment", "lasts_s", "labels"),
    [
        ("3975656_0012", 35.4, ["II", "V", "ABP"]),
        ("3975656_0013", 144.6, ["II", "V", "ABP"]),
        ("3975656_0014", 60.0, ["II", "V"]),
        ("3975656_0015", 300.0, ["II", "V", "ABP"]),
        ("3975656_0016", 180.0, ["II", "V"]),
    ],
)
def test_mimic_s00001_segments(
    recordings: Path, segment: str, lasts_s: float, labels: list[str]
) -> None:
    recording = read_recording([recordings / "mimic-s00001" / segment])
    assert recording.duration_s == lasts_s
    assert [track.label for track in recording.waveforms] == labels
    assert {track.sample_rate_hz for track in recording.waveforms} == {125.0}


@pytest.mark.spec("REC-8")
def test_mimicdb_keeps_its_ecg_at_four_samples_a_frame(recordings: Path) -> None:
    recording = read_recording([recordings / "mimicdb/03700181.hea"])
    assert recording.duration_s == 600.0
    rates = {track.label: track.sample_rate_hz for track in recording.waveforms}
    assert rates == {"MCL1": 500.0, "ABP": 125.0, "RESP": 125.0}
    pressure = physical(recording.waveforms[1])
    assert (pressure.min(), pressure.max()) == pytest.approx((17, 64), abs=1)


def test_mitdb_100_is_half_an_hour_at_360_hz(recordings: Path) -> None:
    recording = read_recording([recordings / "mitdb/100"])
    assert recording.duration_s == pytest.approx(1805.6, abs=0.05)
    assert [(track.label, track.code) for track in recording.waveforms] == [
        ("MLII", 131330),
        ("V5", 131335),
    ]
    assert len(recording.waveforms[0].samples) == 650_000


@pytest.mark.spec("REC-6")
def test_ptbdb_has_fifteen_leads_and_tells_the_frank_leads_apart(recordings: Path) -> None:
    recording = read_recording([recordings / "ptbdb/s0010_re.hea"])
    assert recording.duration_s == pytest.approx(38.4)
    assert {track.sample_rate_hz for track in recording.waveforms} == {1000.0}
    assert len({(track.code, track.instance) for track in recording.waveforms}) == 15
    assert all(gaps(track) == 0 for track in recording.waveforms)


@pytest.mark.spec("REC-10")
@pytest.mark.parametrize(
    "name", ["challenge2015/a178s", "icu-multirate/mixedsignals", "mimicdb/03700181", "mitdb/100"]
)
def test_wfdb_samples_are_the_integers_of_the_file(recordings: Path, name: str) -> None:
    recording = read_recording([recordings / name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import wfdb

        record = wfdb.rdrecord(str(recordings / name), physical=False, smooth_frames=False)
    for track, integers in zip(recording.waveforms, record.e_d_signal, strict=True):
        there = track.samples != MISSING_SAMPLE
        np.testing.assert_array_equal(track.samples[there], integers[there])
