"""`rpm-service burden` on what a server has kept."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rpm_service import cli
from rpm_service.commands.errors import ExitCode
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from tests.support.kept import keep
from tests.support.scene import Scene

Run = Callable[..., str]
LATER = ("--until", "2100-01-01")


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """One bed of the ICU, 250 s: two dips within a minute; a nurse answers the second."""
    scene = Scene()
    scene.operators.associate("oximeter-1", "B12", "nurse")
    scene.operators.admit("B12", "ICU", "p1", AgeClass.ADULT, "nurse")
    device = scene.device("oximeter-1").begins("HR", "SpO2")
    device.streams(60, 72, 97).streams(20, 72, 88).streams(40, 72, 97).streams(30, 72, 88)
    alarm = scene.alarms()["SPO2_LOW"]
    scene.passes(1)
    scene.operators.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", "key 3")
    device.streams(100, 72, 97)
    keep(scene, tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, code: ExitCode = ExitCode.OK) -> str:
        monkeypatch.setattr(sys, "argv", ["rpm-service", "burden", *arguments, *LATER])
        monkeypatch.setenv("COLUMNS", "120")
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert ended.value.code == code, err
        return out or err

    return run


@pytest.mark.spec("ANALYSIS-15")
def test_json_is_one_object_of_the_documented_form(night: Path, run: Run) -> None:
    found = json.loads(run("--data", str(night), "--json"))
    assert set(found) == {
        "since", "until", "bed_days", "physiological", "technical", "late_detected",
    }  # fmt: skip
    assert found["bed_days"] == pytest.approx(250 / 86_400, abs=3 / 86_400)
    vital = found["physiological"]
    (condition,) = vital.pop("conditions")
    (bed,) = vital.pop("beds")
    over_time = vital.pop("over_time")
    assert sum(each["medium"] for each in over_time) == sum(bed["by_hour"]) == 2
    rate = vital.pop("per_bed_day")
    assert rate == 2 / found["bed_days"]
    assert vital == {
        "occurrences": 2,
        "duration_s": condition["duration_s"],
        "acknowledged": 1,
        "acknowledged_after_s_p50": vital["acknowledged_after_s_p90"],
        "acknowledged_after_s_p90": pytest.approx(20, abs=2),
        "never_acknowledged": 1,
        "repeated_within_60_s": 1,
    }
    assert condition == {
        "condition": "SPO2_LOW",
        "priority": "MEDIUM",
        "unit": "ICU",
        "occurrences": 2,
        "per_bed_day": rate,
        "duration_s": pytest.approx(36, abs=3),
    }
    assert bed == {
        "bed": "B12", "unit": "ICU", "occurrences": 2, "share": 1.0, "share_so_far": 1.0,
        "by_hour": bed["by_hour"],
    }  # fmt: skip


@pytest.mark.spec("ANALYSIS-15")
def test_people_read_it_as_tables(night: Path, run: Run) -> None:
    out = run("--data", str(night), "--unit", "ICU")
    assert "2 physiological" in out
    assert "never 1; again within 60 s 1" in out
    assert any("SPO2_LOW" in line and "█" in line for line in out.splitlines())
    assert any("B12" in line and "100%" in line for line in out.splitlines())


@pytest.mark.spec("ANALYSIS-15")
def test_another_unit_and_another_bed_had_none(night: Path, run: Run) -> None:
    for chosen in (("--unit", "WARD"), ("--bed", "B13")):
        found = json.loads(run("--data", str(night), *chosen, "--json"))
        assert (found["physiological"]["occurrences"], found["bed_days"]) == (0, 0)


def test_a_directory_without_a_database_is_told(tmp_path: Path, run: Run) -> None:
    assert run("--data", str(tmp_path), code=ExitCode.INPUT).startswith("rpm-service: ")
