"""`rpm-service alarms` and `samples`: what a server has written, read beside it."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import nan
from pathlib import Path
from struct import pack

import pytest

from rpm_service import cli
from rpm_service.adapters.storage.engine import DATABASE
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import (
    Batch,
    Bed,
    Delivery,
    EvidenceWanted,
    NumericRow,
    WaveformRow,
)
from rpm_service.commands.errors import ExitCode
from rpm_service.domain.alarms import Acknowledgement, Answer, Phase
from rpm_service.domain.signals import Presence
from tests.support.batches import HR_AND_SPO2, PLETH, T0, alarm_event, numeric_row, write
from tests.support.numbers import through
from tests.support.process import rpm_service

Run = Callable[..., str]


@pytest.fixture
async def data(tmp_path: Path) -> Iterator[Path]:
    """The data directory of a running server: two alarms, and a device with four frames."""
    recorder = SqliteRecorder(tmp_path)
    given = Acknowledgement("nurse", T0 + 2, T0 + 122)
    await write(
        recorder,
        Batch(
            descriptions={"m1": HR_AND_SPO2},
            numerics={
                "m1": [
                    numeric_row(1, 0.0, 97.0),
                    numeric_row(2, 80.0, nan),
                    NumericRow(3, T0 + 3, T0 + 4, (96.5,), (1,), ()),
                    NumericRow(4, T0 + 4, T0 + 5, (300.0, 97.0), (), (3, 1)),
                ]
            },
            progress=through("device/m1", 4),
            events=[
                alarm_event(1),
                alarm_event(1, 2, Phase.ACKNOWLEDGE, Presence.ACKNOWLEDGED, acknowledgement=given),
                alarm_event(2, bed="B[red]14"),
            ],
        ),
    )
    yield tmp_path
    recorder.close()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; gives its output, or the one line of its error and the exit code."""

    def run(*arguments: str, code: ExitCode = ExitCode.OK) -> str:
        monkeypatch.setattr("sys.argv", ["rpm-service", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        if code is ExitCode.OK:
            return out
        assert out == ""
        assert err.startswith("rpm-service: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.mark.spec("STORE-18")
async def test_the_journal_is_one_object_a_line_in_the_words_of_watch(data: Path, run: Run) -> None:
    first, second, _ = map(json.loads, run("alarms", "--data", str(data), "--json").splitlines())
    assert first == {
        "type": "alarm",
        "bed": "B12",
        "device_id": "m1",
        "metric": "SpO2",
        "condition": "SPO2_LOW",
        "kind": "physiological",
        "priority": "MEDIUM",
        "phase": "start",
        "presence": "ON",
        "occurrence_id": 1,
        "event_seq": 1,
        "value": 84.0,
        "extreme": 82.0,
        "limit": 90.0,
        "raised_at": T0,
        "ended_at": None,
        "observed_at": T0 + 1,
        "received_at": T0 + 1.5,
        "acknowledged_by": None,
        "acknowledged_at": None,
        "acknowledged_until": None,
        "latching": True,
        "no_new_burst": False,
        "late_detected": False,
        "responsibility": None,
        "responsible": None,
        "answered_at": None,
        "text": None,
    }
    assert (second["phase"], second["presence"]) == ("acknowledge", "ACKNOWLEDGED")
    assert second["acknowledged_by"] == "nurse"


@pytest.mark.spec("STORE-18")
async def test_the_journal_of_one_bed_is_told_alone(data: Path, run: Run) -> None:
    out = run("alarms", "--data", str(data), "--bed", "B12", "--json")
    assert [json.loads(line)["occurrence_id"] for line in out.splitlines()] == [1, 1]


async def test_people_read_the_journal_as_a_table(data: Path, run: Run) -> None:
    out = run("alarms", "--data", str(data))
    lines = [line for line in out.splitlines() if "SPO2_LOW" in line]
    assert len(lines) == 3
    assert all(each in lines[1] for each in ("B12", "MEDIUM", "acknowledge", "(limit 90)", "nurse"))
    assert "B[red]14" in lines[2], "a name is text, not markup"
    assert "…" not in out, "nothing is cut off"


@pytest.mark.spec("STORE-19")
async def test_samples_are_told_as_they_were_sent_and_0_is_a_value(data: Path, run: Run) -> None:
    out = run("samples", "m1", "--data", str(data), "--json")
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "seq": seq,
            "observed_at": T0 + seq,
            "received_at": T0 + received,
            "values": values,
        }
        for seq, received, values in (
            (1, 1.25, {"HR": 0.0, "SpO2": 97.0}),
            (2, 2.25, {"HR": 80.0, "SpO2": None}),
            (3, 4, {"SpO2": 96.5}),
            # Invalid is no value; questionable is one.
            (4, 5, {"HR": None, "SpO2": 97.0}),
        )
    ]


async def test_people_read_samples_a_line_each(data: Path, run: Run) -> None:
    lines = run("samples", "m1", "--data", str(data)).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("HR 0  SpO2 97")
    assert lines[1].endswith("HR 80  SpO2 --")


@pytest.mark.spec("STORE-20")
async def test_a_device_that_never_sent_anything_is_an_error(data: Path, run: Run) -> None:
    assert "no device 'm2'" in run("samples", "m2", "--data", str(data), code=ExitCode.INPUT)


@pytest.mark.spec("STORE-20")
@pytest.mark.parametrize(
    "command",
    [
        ("alarms",),
        ("samples", "m1"),
        ("alarms", "--json"),
        ("alarms", "--follow"),
        ("evidence", "1"),
    ],
)
def test_a_directory_without_a_database_and_a_damaged_one_are_errors_in_one_line(
    tmp_path: Path, run: Run, command: tuple[str, ...]
) -> None:
    arguments = (*command, "--data", str(tmp_path))
    assert f"no {DATABASE} in {tmp_path}" in run(*arguments, code=ExitCode.INPUT)
    (tmp_path / DATABASE).write_bytes(b"no database at all " * 100)
    assert "damaged (file is not a database)" in run(*arguments, code=ExitCode.INPUT)


def test_an_empty_journal_says_so(tmp_path: Path, run: Run) -> None:
    SqliteRecorder(tmp_path).close()
    assert "no alarm was ever raised" in run("alarms", "--data", str(tmp_path))
    assert run("alarms", "--data", str(tmp_path), "--json") == ""


@pytest.fixture
async def two_units(tmp_path: Path) -> Iterator[Path]:
    """An hour's alarms at three beds of two units, one a minute, told to two viewers."""
    recorder = SqliteRecorder(tmp_path)
    beds = ("B1", "B2", "m3")
    happened = [
        alarm_event(each, raised_at=T0 + 60 * each, bed=beds[each % 3]) for each in range(60)
    ]
    happened = [
        replace(each, received_at=each.alarm.raised_at + 0.5, observed_at=each.alarm.raised_at)
        for each in happened
    ]
    deliveries = [Delivery(0, 1, "station-1", T0 + 0.6, T0 + 0.9), Delivery(0, 1, "tab", T0 + 0.6)]
    beds_known = [Bed("B1", "ICU"), Bed("B2", "ward")]
    await write(recorder, Batch(beds=beds_known, events=happened, deliveries=deliveries))
    yield tmp_path
    recorder.close()


@pytest.mark.spec("STORE-30")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--since", str(T0 + 3360.5)), [56, 57, 58, 59]),
        (("--until", str(T0 + 180.5)), [0, 1, 2]),
        (("--since", "2026-09-21T14:43:00Z", "--until", "2026-09-21T16:45:00+02:00"), [30, 31]),
        (("--bed", "B2", "--until", str(T0 + 600)), [1, 4, 7]),
        (("--unit", "ICU", "--until", str(T0 + 600)), [0, 3, 6, 9]),
        (("--unit", "ICU", "--bed", "B2"), []),
        (("--unit", ""), []),
        (("--since", str(T0 + 86_400)), []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_the_journal_is_told_of_a_time_a_bed_or_a_unit(
    two_units: Path, run: Run, options: tuple[str, ...], expected: list[int]
) -> None:
    out = run("alarms", "--data", str(two_units), "--json", *options)
    assert [json.loads(line)["occurrence_id"] for line in out.splitlines()] == expected


@pytest.mark.spec("STORE-30")
async def test_where_nothing_is_of_a_scope_it_does_not_say_that_nothing_ever_was(
    two_units: Path, run: Run
) -> None:
    out = run("alarms", "--data", str(two_units), "--bed", "nowhere")
    assert out.strip() == "no alarm event of that scope"


@pytest.mark.spec("STORE-30")
@pytest.mark.parametrize("text", ["yesterday", "2h30", "nan", "-1h", "1e999", ""])
async def test_what_is_no_time_is_said(two_units: Path, text: str) -> None:
    with rpm_service("alarms", "--data", two_units, f"--since={text}") as process:
        assert process.wait() == ExitCode.USAGE


@pytest.mark.spec("STORE-31")
async def test_what_became_of_each_event_on_its_way_is_told_by_viewer(
    two_units: Path, run: Run
) -> None:
    options = ("alarms", "--data", str(two_units), "--until", str(T0 + 90), "--deliveries")
    first, second = map(json.loads, run(*options, "--json").splitlines())
    assert first["deliveries"] == [
        {"viewer": "station-1", "sent_at": T0 + 0.6, "confirmed_at": T0 + 0.9},
        {"viewer": "tab", "sent_at": T0 + 0.6, "confirmed_at": None},
    ]
    assert second["deliveries"] == []
    lines = run(*options).splitlines()
    assert "start, confirmed by 1 of 2" in lines[1]


async def test_who_took_an_alarm_upon_themselves_is_told(data: Path, run: Run) -> None:
    recorder = SqliteRecorder(data / "another")
    answered = alarm_event(1, 1, Phase.RESPONSIBILITY, answer=Answer(False, "nurse-7", T0 + 9))
    await write(recorder, Batch(events=[answered]))
    shown = json.loads(run("alarms", "--data", str(data / "another"), "--json"))
    told = (shown["responsibility"], shown["responsible"], shown["answered_at"])
    assert told == ("rejected", "nurse-7", T0 + 9)
    recorder.close()


@pytest.mark.system
@pytest.mark.spec("STORE-32")
@pytest.mark.parametrize("form", ["--json", "--deliveries"])
async def test_following_goes_on_with_what_is_committed_until_ctrl_c(
    tmp_path: Path, form: str
) -> None:
    recorder = SqliteRecorder(tmp_path)
    await write(recorder, Batch(events=[alarm_event(1)]))
    with rpm_service("alarms", "--data", tmp_path, "--follow", "--bed", "B12", form) as process:
        lines = process.lines()
        if form == "--deliveries":
            assert next(lines).startswith("received")
        assert "SPO2_LOW" in next(lines)
        for each in range(2, 5):
            await write(
                recorder,
                Batch(events=[alarm_event(each, bed="B13"), alarm_event(100 + each, text="new")]),
            )
            line = next(lines)
            assert "new" in line
            assert "B13" not in line
        process.end(signal.SIGINT)
        assert process.wait() == ExitCode.OK
    recorder.close()


async def test_following_has_no_end(two_units: Path) -> None:
    with rpm_service("alarms", "--data", two_units, "--follow", "--until", "1h") as process:
        assert process.wait() == ExitCode.USAGE


@pytest.mark.spec("STORE-29")
async def test_evidence_is_told_as_it_was_sent(tmp_path: Path, run: Run) -> None:
    recorder = SqliteRecorder(tmp_path)
    samples = WaveformRow(3, 0, T0 + 2.5, T0 + 3, pack("<3h", 0, -32768, 7))
    await write(
        recorder,
        Batch(
            descriptions={"m1": replace(HR_AND_SPO2, sample_arrays=(PLETH,))},
            numerics={"m1": [numeric_row(1, 0.0, nan), numeric_row(2, 80.0, 97.0)]},
            waveforms={"m1": [samples]},
            progress=through("device/m1", 3),
            evidence=[EvidenceWanted(7, "m1", T0, T0 + 20)],
        ),
    )
    shown = json.loads(run("evidence", "7", "--data", str(tmp_path), "--json"))
    assert shown == {
        "occurrence_id": 7,
        "device_id": "m1",
        "since": T0,
        "until": T0 + 20,
        "numerics": [
            {
                "seq": 1,
                "observed_at": T0 + 1,
                "received_at": T0 + 1.25,
                "values": {"HR": 0.0, "SpO2": None},
            },
            {
                "seq": 2,
                "observed_at": T0 + 2,
                "received_at": T0 + 2.25,
                "values": {"HR": 80.0, "SpO2": 97.0},
            },
        ],
        "waveforms": [
            {
                "seq": 3,
                "start_at": T0 + 2.5,
                "received_at": T0 + 3,
                "waveform": "Pleth",
                "sample_rate_hz": 125.0,
                "scale": 0.1,
                "offset": -3.0,
                "samples": [0, None, 7],
            }
        ],
    }
    people = run("evidence", "7", "--data", str(tmp_path))
    assert "HR 0  SpO2 --" in people
    assert "Pleth: 0.0 s of samples" in people
    assert "nothing is kept of an occurrence 8" in run(
        "evidence", "8", "--data", str(tmp_path), code=ExitCode.INPUT
    )
    recorder.close()
