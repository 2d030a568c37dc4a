"""`rpm-service alarms` and `samples`: what a server has written, read beside it."""

import json
from collections.abc import Callable, Iterator
from math import nan
from pathlib import Path

import pytest

from rpm_service import cli
from rpm_service.adapters.storage.engine import DATABASE
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch, NumericRow
from rpm_service.commands.errors import ExitCode
from rpm_service.domain.alarms import Acknowledgement, Phase
from rpm_service.domain.signals import Presence
from tests.support.batches import HR_AND_SPO2, T0, alarm_event, numeric_row, write

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
            progress={"device/m1": 4},
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
        "responsibility": None,
        "responsible": None,
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
@pytest.mark.parametrize("command", [("alarms",), ("samples", "m1"), ("alarms", "--json")])
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
