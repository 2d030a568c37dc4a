"""`rpm-service what-if` on what a server has kept."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rpm_service import cli
from rpm_service.application.effects import Description
from rpm_service.commands.errors import ExitCode
from rpm_service.domain.alarms import Priority
from rpm_service.gateways.recordings import read_recording
from tests.support.kept import keep
from tests.support.scene import Scene
from tests.support.vital_signs import numeric

Run = Callable[..., Any]
WIDE = ("HR.low=50", "HR.high=120", "SpO2.low=90", "RR.low=8", "RR.high=30")
QUIET = (2, 3, 6, 9, 10, 11, 16, 18, 20, 23, 26, 28, 29, 34, 36, 38, 43, 46)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `what-if`; gives what it printed, as JSON where that was asked for."""

    def run(data: Path, *arguments: str, code: ExitCode = ExitCode.OK) -> Any:
        monkeypatch.setattr(
            sys, "argv", ["rpm-service", "what-if", "--data", str(data), *arguments]
        )
        monkeypatch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        if code is not ExitCode.OK:
            assert out == ""
            return err
        return json.loads(out) if "--json" in arguments else out

    return run


def limits(*each: str) -> list[str]:
    return [word for limit in each for word in ("--limit", limit)]


def counts(found: dict[str, Any], kind: str = "physiological") -> dict[str, tuple[int, int, int]]:
    return {
        each["condition"]: (each["recorded"], each["baseline"], each["tried"])
        for each in found["comparisons"]
        if each["kind"] == kind
    }


# -- recordings, through the core and into a database -------------------------------------


def play(scene: Scene, recordings: Path, number: int) -> None:
    """A monitor sends a recording, second by second; it has no value where that has none."""
    read = read_recording([recordings / "bidmc" / f"bidmc_{number:02}_Numerics.csv"])
    device = scene.device(f"bidmc_{number:02}")
    device.hello()
    described = Description(tuple(numeric(each.metric) for each in read.numerics))
    device.session.describe([(device.identity.id, described)], scene.now)
    for values in zip(*(each.values.tolist() for each in read.numerics), strict=True):
        device.sends(*values)
        scene.passes(1)
    device.session.goodbye()
    device.session.end(scene.now)


@pytest.fixture(scope="module")
def stored(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    scene = Scene()
    for number in sorted({1, 32, 45, 48, *QUIET}):
        play(scene, recordings, number)
    directory = tmp_path_factory.mktemp("stored")
    keep(scene, directory)
    return directory


@pytest.mark.spec("ANALYSIS-4")
@pytest.mark.parametrize(
    ("number", "arguments", "expected"),
    [
        (32, ("--limit", "SpO2.low=90"), {"SPO2_LOW": 1}),
        (32, ("--limit", "SpO2.low=85"), {"SPO2_LOW": 17}),
        (48, ("--limit", "HR.high=120", "--delay", "HR=10"), {}),
        (48, ("--limit", "HR.high=120"), {"HR_HIGH": 1}),
        (45, ("--limit", "HR.low=50", "--delay", "HR=5"), {}),
    ],
)
def test_stored_recordings_give_the_figures_of_evaluate(
    stored: Path, run: Run, number: int, arguments: tuple[str, ...], expected: dict[str, int]
) -> None:
    found = run(stored, "--bed", f"bidmc_{number:02}", *arguments, "--only", "--json")
    tried = {code: each[2] for code, each in counts(found).items() if each[2]}
    assert tried == expected


@pytest.mark.spec("ANALYSIS-4")
def test_stored_recordings_that_are_quiet_stay_quiet(stored: Path, run: Run) -> None:
    beds = [word for number in QUIET for word in ("--bed", f"bidmc_{number:02}")]
    found = run(stored, *beds, *limits(*WIDE), "--only", "--json")
    assert sum(each[2] for each in counts(found).values()) == 0
    assert found["beds"] == len(QUIET)


@pytest.mark.spec("ANALYSIS-4")
def test_a_stored_recording_that_loses_a_sensor_is_a_technical_alarm(
    stored: Path, run: Run
) -> None:
    found = run(stored, "--bed", "bidmc_01", *limits(*WIDE), "--only", "--json")
    assert {code: each[2] for code, each in counts(found).items() if each[2]} == {}
    assert counts(found, "technical")["METRIC_MISSING"][2] == 2


@pytest.mark.spec("ANALYSIS-3")
def test_a_replay_of_what_was_in_force_gives_what_was_recorded(stored: Path, run: Run) -> None:
    found = run(stored, *limits("Temp.low=36"), "--json")
    assert counts(found)
    for recorded, baseline, tried in counts(found).values():
        assert recorded == baseline == tried


# -- a night --------------------------------------------------------------------------------


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Two dips, to 88 and to 84; the nurse acknowledged the deeper one."""
    scene = Scene()
    device = scene.device("oximeter-1").begins("HR", "SpO2")
    device.streams(60, 72, 97).streams(30, 72, 88).streams(60, 72, 97).streams(20, 72, 84)
    alarm = scene.alarms()["SPO2_LOW"]
    scene.operators.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", "key")
    device.streams(60, 72, 97)
    assert not scene.alarms()
    keep(scene, tmp_path)
    return tmp_path


@pytest.mark.spec("ANALYSIS-4")
def test_what_is_given_changes_the_preset(night: Path, run: Run) -> None:
    found = run(night, "--limit", "SpO2.low=86", "--json")
    assert counts(found) == {"SPO2_LOW": (2, 2, 1)}
    assert counts(run(night, "--delay", "SpO2=25", "--json")) == {"SPO2_LOW": (2, 2, 1)}
    assert counts(run(night, "--limit", "SpO2.extreme_low=85", "--json"))["SPO2_LOW"] == (2, 2, 2)


@pytest.mark.spec("ANALYSIS-5")
def test_a_real_alarm_that_would_have_been_missed_is_told(night: Path, run: Run) -> None:
    kept = run(night, "--limit", "SpO2.low=86", "--json")
    assert (kept["real"], kept["missed"]) == (1, [])
    lost = run(night, "--limit", "SpO2.low=83", "--json")
    (missed,) = lost["missed"]
    assert (missed["bed"], missed["condition"], missed["extreme"]) == ("oximeter-1", "SPO2_LOW", 84)
    out = run(night, "--limit", "SpO2.low=83")
    assert "1 of 1 alarms that somebody acknowledged" in out
    assert "oximeter-1" in out


@pytest.mark.spec("ANALYSIS-7")
def test_json_is_one_object_of_the_documented_form(night: Path, run: Run) -> None:
    found = run(night, "--limit", "SpO2.low=86", "--since", "2020-01-01", "--json")
    assert set(found) == {
        "since", "until", "beds", "values", "late_values", "comparisons", "real", "missed",
        "unknown",
    }  # fmt: skip
    assert (found["values"], found["late_values"]) == (2 * 230, 0)
    assert found["comparisons"][0] == {
        "condition": "SPO2_LOW", "kind": "physiological",
        "recorded": 2, "baseline": 2, "tried": 1,
    }  # fmt: skip


@pytest.mark.spec("ANALYSIS-8")
def test_what_came_late_is_left_out_and_told(tmp_path: Path, run: Run) -> None:
    scene = Scene()
    device = scene.device("oximeter-1")
    device.hello(backfills=True)
    device.describes("HR", "SpO2").streams(60, 72, 97)
    away = scene.now
    scene.passes(60)
    for second in range(30):
        scene.passes(1)
        device.sends(72, 97, seq=121 + second)
        for frame in (1, 2):
            place = 2 * second + frame
            device.sends(72, 84, seq=60 + place, at=away + place, backfill=True)
    assert any(event.late_detected for event in scene.events)
    keep(scene, tmp_path)
    found = run(tmp_path, "--limit", "SpO2.low=88", "--json")
    assert counts(found) == {}
    assert (found["values"], found["late_values"]) == (2 * 90, 2 * 60)
    out = run(tmp_path, "--limit", "SpO2.low=88")
    assert "120 more came too late for an alarm at the bedside: left out" in out


@pytest.mark.spec("ANALYSIS-7")
def test_people_read_how_many_instead_of_how_many(night: Path, run: Run) -> None:
    (line,) = (
        line for line in run(night, "--limit", "SpO2.low=86").splitlines() if "SPO2_LOW:" in line
    )
    assert line.split()[:6] == ["SPO2_LOW:", "1", "instead", "of", "2", "2"]


def test_a_table_fits_a_terminal(night: Path, run: Run) -> None:
    assert "…" not in run(night, "--limit", "SpO2.low=86")


@pytest.mark.spec("ANALYSIS-7")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to try"),
        (("--limit", "SpO2.low=70"), "SpO2.extreme_low"),
        (("--limit", "SpO3.low=70"), "unknown metric 'SpO3'"),
        (("--only", "--delay", "HR=5"), "HR has no limit in force"),
        (("--limit", "SpO2.low=88", "--since", "yesterday"), "--since yesterday"),
        (("--limit", "SpO2.low=88", "--since", "1h", "--until", "2h"), "not before --until"),
    ],
)
def test_what_cannot_be_tried_is_told_in_one_line(
    night: Path, run: Run, arguments: tuple[str, ...], said: str
) -> None:
    assert said in run(night, *arguments, code=ExitCode.USAGE)


def test_a_directory_without_a_database_is_told(tmp_path: Path, run: Run) -> None:
    run(tmp_path, "--limit", "SpO2.low=88", code=ExitCode.INPUT)
