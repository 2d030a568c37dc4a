"""`rpm-service evaluate`, as a script would use it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rpm_service.cli import build, main
from rpm_service.commands.errors import ExitCode

HEADER = "Time [s], HR, PULSE, RESP, SpO2\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Two minutes: SpO2 falls to 79 for twenty seconds, the heart rate is 0 for three."""
    rows = []
    for second in range(120):
        spo2 = 79 if 40 <= second < 60 else 88 if 30 <= second < 70 else 97
        heart_rate = 0 if 100 <= second < 103 else 72
        rows.append(f"{second},{heart_rate},72,15,{spo2}\n")
    path = tmp_path / "patient_Numerics.csv"
    path.write_text(HEADER + "".join(rows))
    return path


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def alarms(self) -> list[tuple[str, str]]:
        return [(each["condition"], each["priority"]) for each in self.json["alarms"]]


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rpm-service", "evaluate", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, captured.out, captured.err)

    return run


@pytest.mark.spec("ALARM-26")
def test_json_is_one_object_of_the_documented_form(evaluate: Any, recording: Path) -> None:
    ran = evaluate(recording, "--limit", "SpO2.low=90", "--json")
    assert ran.code == 0
    assert ran.err == ""
    assert ran.json == {
        "recording": "patient",
        "duration_s": 120.0,
        "alarms": [
            {
                "condition": "SPO2_LOW",
                "kind": "physiological",
                "priority": "MEDIUM",
                "metric": "SpO2",
                "raised_at_s": 30.0,
                "ended_at_s": 70.0,
                "extreme": 79.0,
                "limit": 90.0,
            }
        ],
    }


@pytest.mark.spec("ALARM-26")
def test_as_a_process_it_writes_json_on_stdout_and_nothing_else(recordings: Path) -> None:
    ran = subprocess.run(
        [
            sys.executable, "-c", "from rpm_service.cli import main; main()", "evaluate",
            str(recordings / "bidmc" / "bidmc_32_Numerics.csv"),
            "--limit", "SpO2.low=85", "--delay", "SpO2=0", "--hysteresis", "SpO2=0", "--json",
        ],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    assert ran.stdout.count("\n") == 1
    found = json.loads(ran.stdout)
    assert found["recording"] == "bidmc_32"
    assert found["duration_s"] == 481.0
    physiological = [each for each in found["alarms"] if each["kind"] == "physiological"]
    assert len(physiological) == 17


@pytest.mark.spec("ALARM-26")
def test_without_limits_the_preset_is_in_force(evaluate: Any, recording: Path) -> None:
    assert evaluate(recording, "--json").alarms == [("SPO2_LOW", "HIGH"), ("ASYSTOLE", "HIGH")]
    neonatal = evaluate(recording, "--preset", "neonatal", "--json").alarms
    assert ("RR_LOW", "MEDIUM") in neonatal, "15 is low for a newborn"


@pytest.mark.spec("ALARM-26")
def test_once_a_limit_is_given_only_those_given_are_in_force(
    evaluate: Any, recording: Path
) -> None:
    assert evaluate(recording, "--limit", "HR.high=120", "--json").alarms == []
    both = evaluate(recording, "--limit", "HR.low=50", "--limit", "spo2.low=80", "--json")
    assert both.alarms == [("SPO2_LOW", "MEDIUM"), ("HR_LOW", "MEDIUM")], "all at one tier"
    (low, asystole) = both.json["alarms"]
    assert low["raised_at_s"] == 40.0, "without delay"
    assert low["ended_at_s"] == 60.0, "without hysteresis and hold"
    assert asystole["extreme"] == 0.0, "0 is a value"


@pytest.mark.spec("ALARM-26")
@pytest.mark.parametrize("name", ["PULSE", "PR", "pulse"])
def test_a_metric_has_the_names_people_use(evaluate: Any, recording: Path, name: str) -> None:
    ran = evaluate(recording, "--limit", f"{name}.low=73", "--json")
    assert [(each["condition"], each["metric"]) for each in ran.json["alarms"]] == [
        ("PR_LOW", "PR")
    ]
    assert ran.json["alarms"][0]["ended_at_s"] is None


@pytest.mark.spec("ALARM-26")
def test_delay_hysteresis_hold_and_latching_may_be_given(evaluate: Any, recording: Path) -> None:
    limit = ("--limit", "SpO2.low=85", "--json")
    ran = evaluate(recording, *limit, "--delay", "SpO2=10")
    assert [each["raised_at_s"] for each in ran.json["alarms"]] == [50.0]
    assert evaluate(recording, *limit, "--delay", "SpO2=20").alarms == []
    ran = evaluate(recording, *limit, "--hysteresis", "SpO2=5")
    assert [each["ended_at_s"] for each in ran.json["alarms"]] == [70.0]
    ran = evaluate(recording, *limit, "--hold", "SpO2=4")
    assert [each["ended_at_s"] for each in ran.json["alarms"]] == [64.0]
    ran = evaluate(recording, *limit, "--latching", "on")
    assert [each["ended_at_s"] for each in ran.json["alarms"]] == [60.0]


@pytest.mark.spec("ALARM-66")
def test_how_fast_a_value_may_move_may_be_given_with_a_preset_or_alone(
    evaluate: Any, recording: Path
) -> None:
    ran = evaluate(recording, "--rate", "spo2=8/10", "--json")
    assert {name for name, _ in ran.alarms} == {
        "SPO2_LOW", "ASYSTOLE", "SPO2_FALLING", "SPO2_RISING"
    }  # fmt: skip
    alone = evaluate(
        recording, "--limit", "HR.high=120", "--rate", "SpO2=8/10", "--hold", "SpO2=0", "--json"
    )
    assert [
        (each["condition"], each["raised_at_s"], each["ended_at_s"], each["extreme"])
        for each in alone.json["alarms"]
    ] == [
        ("SPO2_FALLING", 30.0, 50.0, 79.0),
        ("SPO2_RISING", 60.0, 80.0, 97.0),
    ]


@pytest.mark.spec("ALARM-66")
def test_two_warnings_on_different_vitals_may_be_an_alarm(evaluate: Any, recording: Path) -> None:
    limits = ("--limit", "SpO2.low=90", "--limit", "RR.high=10", "--json")
    assert ("COMBINED_WARNING", "HIGH") not in evaluate(recording, *limits).alarms
    ran = evaluate(recording, *limits, "--combined")
    (combined,) = [each for each in ran.json["alarms"] if each["priority"] == "HIGH"]
    assert combined == {
        "condition": "COMBINED_WARNING", "kind": "physiological", "priority": "HIGH",
        "metric": None, "raised_at_s": 30.0, "ended_at_s": 70.0, "extreme": None, "limit": None,
    }  # fmt: skip


@pytest.mark.spec("ALARM-26")
def test_people_get_a_table(evaluate: Any, recording: Path) -> None:
    ran = evaluate(recording)
    assert ran.code == 0
    assert "patient" in ran.out
    assert "SPO2_LOW" in ran.out
    assert "HIGH" in ran.out


@pytest.mark.spec("ALARM-27")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--limit", "XX.low=90"), "unknown metric 'XX'"),
        (("--delay", "XX=5"), "unknown metric 'XX'"),
        (("--limit", "SpO2=90"), "--limit SpO2=90: write METRIC.low=VALUE"),
        (("--limit", "SpO2.middle=90"), "write METRIC.low=VALUE"),
        (("--limit", "SpO2.low=many"), "'many' is not a number"),
        (("--limit", "SpO2.low=nan"), "SpO2.low: nan is not within 0 to 100"),
        (("--limit", "SpO2.low=101"), "SpO2.low: 101 is not within 0 to 100"),
        (("--limit", "HR.low=120", "--limit", "HR.high=50"), "HR.low: 120 is not below high 50"),
        (("--delay", "SpO2=31"), "SpO2.delay_s: 31 s is not within 0 to 30 s"),
        (("--delay", "SpO2"), "write METRIC=VALUE"),
        (("--limit", "HR.low=50", "--delay", "SpO2=5"), "SpO2 has no limit in force"),
        (("--latching", "maybe"), "on or off"),
        (("--rate", "SpO2=8"), "--rate SpO2=8: write METRIC=CHANGE/SECONDS"),
        (("--rate", "SpO2/8=60"), "write METRIC=CHANGE/SECONDS"),
        (("--rate", "SpO2=8/long"), "'long' is not a number"),
        (("--rate", "SpO2=0/60"), "SpO2.rate.change: 0 is not above 0 and at most 100"),
        (("--rate", "SpO2=8/301"), "SpO2.rate.window_s: 301 s is not within 1 to 300 s"),
    ],
)
def test_a_wrong_option_is_one_line_that_says_what_is_wrong(
    evaluate: Any, recording: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = evaluate(recording, "--json", *arguments)
    assert ran.code == ExitCode.USAGE
    assert ran.out == ""
    assert says in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.spec("ALARM-27")
def test_an_unknown_metric_is_answered_with_the_known_ones(evaluate: Any, recording: Path) -> None:
    ran = evaluate(recording, "--limit", "XX.low=90")
    assert "HR, PR, SpO2, PI, RR" in ran.err


@pytest.mark.spec("ALARM-27")
@pytest.mark.parametrize(
    "content", [None, b"", b"\x00\xff\x00garbage", b"Time [s]\n", b"a,b\n1,2\n"]
)
def test_an_unreadable_recording_is_one_line_that_names_it(
    evaluate: Any, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "broken.csv"
    if content is not None:
        path.write_bytes(content)
    ran = evaluate(path, "--json")
    assert ran.code == ExitCode.INPUT
    assert ran.out == ""
    assert "broken" in ran.err
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


@pytest.mark.spec("ALARM-27")
def test_a_recording_without_numerics_says_so(evaluate: Any, recordings: Path) -> None:
    ran = evaluate(recordings / "bidmc" / "bidmc_01_Signals.csv")
    assert ran.code == ExitCode.INPUT
    assert "no numerics" in ran.err


def test_the_command_line_loads_only_the_command_that_is_asked_for() -> None:
    names = [command.name for command in build(["evaluate"]).registered_commands]
    assert names == ["evaluate"]
