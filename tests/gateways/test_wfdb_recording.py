import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from rpm_service.gateways.recordings import (
    MISSING_SAMPLE,
    Annotation,
    RecordingUnreadable,
    group_recordings,
    read_recording,
)
from rpm_service.gateways.tracks import recovered

pytest.importorskip("soundfile")


def record(directory: Path, name: str, header: str, samples: list[list[int]] | None = None) -> Path:
    """Writes a header, and its samples in format 16, one inner list a frame."""
    path = directory / f"{name}.hea"
    path.write_text(header)
    if samples is not None:
        np.array(samples, dtype="<i2").tofile(directory / f"{name}.dat")
    return path


def two_leads(directory: Path, name: str = "leads", frames: int = 100) -> Path:
    lines = [f"{name}.dat 16 200(10)/mV 16 0 0 0 0 II", f"{name}.dat 16 50/mmHg 16 0 0 0 0 ABP"]
    header = "\n".join([f"{name} 2 249.89 {frames}", *lines, ""])
    samples = [[i - 50, MISSING_SAMPLE if i == 7 else 100 * i] for i in range(frames)]
    return record(directory, name, header, samples)


@pytest.mark.spec("REC-10")
def test_integers_stay_the_integers_that_were_recorded(tmp_path: Path) -> None:
    recording = read_recording([two_leads(tmp_path)])
    lead, pressure = recording.waveforms
    assert recording.name == "leads"
    assert (lead.label, lead.code, lead.unit) == ("II", 131330, 266418)
    assert (pressure.label, pressure.code, pressure.unit) == ("ABP", 150036, 266016)
    assert lead.sample_rate_hz == pressure.sample_rate_hz == 249.89
    assert lead.samples.tolist() == list(range(-50, 50))
    assert (lead.scale, lead.offset) == (1 / 200, -10 / 200)
    assert pressure.samples[7] == MISSING_SAMPLE
    assert pressure.samples[8] == 800
    assert recording.duration_s == pytest.approx(100 / 249.89, abs=1e-6)


@pytest.mark.spec("REC-10")
@pytest.mark.parametrize(("low", "high"), [(-8_000_000, -7_940_000), (0, 65534), (-32768, 0)])
def test_integers_beyond_int16_are_moved_and_stay_exact(low: int, high: int) -> None:
    integers = np.linspace(low, high, 500).round()
    integers[3] = np.nan
    samples, scale, offset = recovered((integers - 100) / 37, 37, 100)
    back = samples * scale + offset
    assert samples[3] == MISSING_SAMPLE
    np.testing.assert_array_equal(np.delete(np.rint(back * 37 + 100), 3), np.delete(integers, 3))


@pytest.mark.spec("REC-10")
def test_integers_with_too_wide_a_range_are_scaled() -> None:
    integers = np.array([-8_000_000.0, 0, 8_000_000])
    samples, scale, offset = recovered(integers / 1000, 1000, 0)
    np.testing.assert_allclose(samples * scale + offset, integers / 1000, atol=scale / 2)


@pytest.mark.spec("REC-4")
def test_zero_in_wfdb_numerics_is_no_value(tmp_path: Path) -> None:
    header = (
        "n 2 0.0166666666667 4\nn.dat 16 10/bpm 16 0 0 0 0 HR\nn.dat 16 1/mmHg 16 0 0 0 0 NBPSys\n"
    )
    path = record(tmp_path, "n", header, [[0, -32768], [600, 120], [610, -32768], [605, 118]])
    recording = read_recording([path])
    heart_rate, systolic = recording.numerics
    np.testing.assert_array_equal(heart_rate.values, [np.nan, 60.0, 61.0, 60.5])
    assert heart_rate.times.tolist() == [0.0, 60.0, 120.0, 180.0]
    assert (systolic.times.tolist(), systolic.values.tolist()) == ([60.0, 180.0], [120.0, 118.0])
    assert recording.duration_s == 240.0


@pytest.mark.spec("REC-1")
def test_a_known_numeric_in_another_unit_is_refused(tmp_path: Path) -> None:
    path = record(tmp_path, "n", "n 1 1 2\nn.dat 16 1/K 16 0 0 0 0 Temp\n", [[310], [310]])
    with pytest.raises(RecordingUnreadable, match="Temp is in K, but Temp is taken in Cel"):
        read_recording([path])


@pytest.mark.spec("REC-11")
def test_an_alarm_at_the_end_of_the_header_is_an_annotation(tmp_path: Path) -> None:
    path = two_leads(tmp_path)
    path.write_text(path.read_text() + "#Asystole\n#False alarm\n")
    assert read_recording([path]).annotations == (
        Annotation(300.0, "Asystole"),
        Annotation(300.0, "False alarm"),
    )
    path.write_text(path.read_text() + "#age: 80\n")
    assert read_recording([path]).annotations == ()


@pytest.mark.spec("REC-2")
@pytest.mark.parametrize("name", ["leads", "leads.hea", "leads.dat"])
def test_a_record_may_be_named_in_any_way(tmp_path: Path, name: str) -> None:
    header = two_leads(tmp_path)
    assert group_recordings([tmp_path / name]) == [[header]]


@pytest.mark.spec("REC-2")
def test_segments_belong_to_their_record_where_it_is_whole(tmp_path: Path) -> None:
    first, second = two_leads(tmp_path, "a_1"), two_leads(tmp_path, "a_2")
    whole = record(tmp_path, "a", "a/2 2 249.89 200\na_1 100\na_2 100\n")
    assert group_recordings([tmp_path]) == [[whole]]
    recording = read_recording([tmp_path])
    assert [len(track.samples) for track in recording.waveforms] == [200, 200]
    second.unlink()
    assert group_recordings([tmp_path]) == [[first]]
    with pytest.raises(RecordingUnreadable, match=r"files that are not there: a_2\.hea"):
        read_recording([whole])


@pytest.mark.spec("REC-9")
def test_a_pause_between_segments_stays_a_gap(tmp_path: Path) -> None:
    two_leads(tmp_path, "v_1")
    two_leads(tmp_path, "v_2")
    layout = "~ 0 200/mV 16 0 0 0 0 II\n~ 0 50/mmHg 16 0 0 0 0 ABP\n"
    record(tmp_path, "v_layout", "v_layout 2 249.89 0\n" + layout)
    path = record(tmp_path, "v", "v/4 2 249.89 250\nv_layout 0\nv_1 100\n~ 50\nv_2 100\n")
    lead, _ = read_recording([path]).waveforms
    assert np.flatnonzero(lead.samples == MISSING_SAMPLE).tolist() == list(range(100, 150))
    back = lead.samples[150:] * lead.scale + lead.offset
    np.testing.assert_allclose(back, (np.arange(-50, 50) - 10) / 200, atol=lead.scale)


@pytest.mark.spec("REC-1")
@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("", "is not a WFDB header"),
        ("# only words\n", "is not a WFDB header"),
        ("garbage\n", "is not a WFDB header"),
        ("x 0 250 10\n", "has no samples"),
        ("x 1 250 0\nx.dat 16 200/mV 16 0 0 0 0 II\n", "has no samples"),
        ("x 1 250 10\ny.dat 16 200/mV 16 0 0 0 0 II\n", "refers to files that are not there: y.dat"),
        ("x 1 250 99999999999\nx.dat 16 1 16 0 0 0 0 II\n", "is longer than 50000000 samples"),
    ],
)  # fmt: skip
def test_a_header_that_leads_nowhere_is_refused(tmp_path: Path, header: str, reason: str) -> None:
    path = record(tmp_path, "x", header, [[1]])
    with pytest.raises(RecordingUnreadable) as refused:
        read_recording([path])
    assert str(refused.value) == f"{path}: {reason}"


@pytest.mark.spec("REC-1")
@pytest.mark.parametrize(
    "signal", ["x.dat 9999 1 16 0 0 0 0 II", "x.dat", "x.dat 516 1 16 0 0 0 0 II"]
)
def test_a_damaged_record_is_refused_in_one_line(tmp_path: Path, signal: str) -> None:
    path = record(tmp_path, "x", f"x 1 250 10\n{signal}\n", [[1]])
    with pytest.raises(RecordingUnreadable) as refused:
        read_recording([path])
    assert str(refused.value).startswith(f"{path}: is damaged: ")
    assert "\n" not in str(refused.value)


@pytest.mark.spec("REC-1")
def test_without_the_extra_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wfdb", None)
    with pytest.raises(RecordingUnreadable, match=r"pip install 'rpm-service\[wfdb\]'"):
        read_recording([two_leads(tmp_path)])


@pytest.mark.spec("REC-1")
def test_samples_cut_short_are_refused(recordings: Path, tmp_path: Path) -> None:
    for suffix in (".hea", ".mat"):
        shutil.copyfile(recordings / f"challenge2015/a670s{suffix}", tmp_path / f"a670s{suffix}")
    whole = (tmp_path / "a670s.mat").read_bytes()
    (tmp_path / "a670s.mat").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingUnreadable, match="is damaged: "):
        read_recording([tmp_path / "a670s.hea"])
