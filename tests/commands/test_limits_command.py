"""`rpm-service limits`, as typed, against a server in this process."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from rpm_service.commands.errors import ExitCode
from rpm_service.domain.limits import AgeClass, MetricLimits
from rpm_service.domain.presets import PRESETS
from tests.support.commands import run
from tests.support.loopback import LoopbackServer, hasten

PRESET = PRESETS[AgeClass.ADULT].limits


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    """A server with an adult in bed-1, whose monitor has sent once."""
    hasten(monkeypatch)
    async with LoopbackServer(certs) as server, server.streaming("bed-1") as device:
        server.monitoring.operators.admit("bed-1", "", "4711", AgeClass.ADULT, "clerk")
        await device.observe()
        await device.acked(device.seq)
        server.publish()
        yield server


async def ran(
    server: LoopbackServer, *arguments: str, at: str | None = None
) -> tuple[int | None, str, str]:
    place = ("--server", at or server.target, "--certs", server.certs, "--viewer", "nurse-7")
    return await run("limits", *arguments, *place)


def in_force(server: LoopbackServer, metric: str = "SpO2") -> MetricLimits:
    return server.bedside("bed-1").settings.limits[metric]


def journalled(server: LoopbackServer) -> list[tuple[str, str]]:
    return [(act.by, act.act) for act in server.acts if act.act.endswith("_limits")]


COPD = ("--reason", "COPD")


@pytest.mark.spec("LIMIT-21")
async def test_limits_are_set_shown_and_cleared_by_whoever_types(server: LoopbackServer) -> None:
    code, out, err = await ran(server, "set", "bed-1", "spo2", "--low", "85", *COPD)
    assert (code, err) == (0, "")
    assert out.startswith(
        "bed-1 SpO2: extreme_low 80, low 85, delay_s 10, hysteresis 1, hold_s 3; nurse-7 until 20"
    )
    assert out.endswith(": COPD\n")
    assert in_force(server) == replace(PRESET["SpO2"], low=85)

    # What is left out stays as it is in force.
    options = ("--delay", "15", "--high", "99", "--for", "60", "--latching", *COPD)
    code, _, err = await ran(server, "set", "bed-1", "SpO2", *options)
    assert (code, err) == (0, "")
    own = replace(PRESET["SpO2"], low=85, high=99, delay_s=15, latching=True)
    assert in_force(server) == own

    code, out, err = await ran(server, "show", "bed-1")
    assert (code, err) == (0, "")
    heart, saturation = out.splitlines()
    assert heart == (
        "bed-1 HR: extreme_low 35, low 50, high 120, extreme_high 160, "
        "delay_s 5, hysteresis 2, hold_s 3"
    )
    assert ", latching; nurse-7 until " in saturation

    code, out, err = await ran(server, "clear", "bed-1", "SpO2")
    assert (code, err) == (0, "")
    assert out == "bed-1 SpO2: extreme_low 80, low 90, delay_s 10, hysteresis 1, hold_s 3\n"
    assert in_force(server) == PRESET["SpO2"]
    await server.until(lambda: len(journalled(server)) == 3)
    assert journalled(server) == [
        ("nurse-7", "set_limits"),
        ("nurse-7", "set_limits"),
        ("nurse-7", "clear_limits"),
    ]


@pytest.mark.spec("LIMIT-21")
async def test_programs_read_one_object_a_line(server: LoopbackServer) -> None:
    code, out, err = await ran(
        server, "set", "bed-1", "HR", "--high", "130", "--for", "60", *COPD, "--json"
    )
    assert (code, err) == (0, "")
    said = json.loads(out)
    now = server.clock.now()
    assert said["override"] == {
        "by": "nurse-7", "since": now, "until": now + 60, "reason": "COPD",
    }  # fmt: skip
    assert (said["bed"], said["metric"]) == ("bed-1", "HR")
    assert said["limits"] == {
        "extreme_low": 35, "low": 50, "high": 130, "extreme_high": 160, "delay_s": 5,
        "extreme_delay_s": 0, "hysteresis": 2, "hold_s": 3, "latching": False,
    }  # fmt: skip

    code, out, _ = await ran(server, "show", "bed-1", "--json")
    heart, saturation = map(json.loads, out.splitlines())
    assert heart == said
    assert (saturation["limits"]["high"], saturation["override"]) == (None, None)

    code, out, _ = await ran(server, "propose", "bed-1", "--json")
    heart, saturation = map(json.loads, out.splitlines())
    assert (heart["metric"], heart["value"], heart["limits"]["high"]) == ("HR", 80, 100)
    assert (saturation["value"], saturation["limits"]["low"]) == (97, 92)
    assert in_force(server) == PRESET["SpO2"], "a proposal sets nothing"

    code, out, _ = await ran(server, "clear", "bed-1", "HR", "--json")
    assert json.loads(out) == {**said, "limits": {**said["limits"], "high": 120}, "override": None}


@pytest.mark.spec("LIMIT-21")
async def test_a_metric_that_is_not_measured_now_has_only_what_was_said(
    server: LoopbackServer,
) -> None:
    code, out, err = await ran(server, "set", "bed-1", "CVP", "--high", "15", *COPD)
    assert (code, err) == (0, "")
    assert out.startswith("bed-1 CVP: high 15; nurse-7")
    assert await ran(server, "clear", "bed-1", "CVP") == (0, "bed-1 CVP: no limits\n", "")


@pytest.mark.spec("LIMIT-21")
async def test_proposals_for_people(server: LoopbackServer) -> None:
    code, out, err = await ran(server, "propose", "bed-1")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        (
            "bed-1 HR: extreme_low 35, low 64, high 100, extreme_high 160, "
            "delay_s 5, hysteresis 2, hold_s 3; now 80"
        ),
        "bed-1 SpO2: extreme_low 80, low 92, delay_s 10, hysteresis 1, hold_s 3; now 97",
    ]


@pytest.mark.spec("LIMIT-21")
async def test_what_cannot_be_is_one_line(server: LoopbackServer) -> None:
    refused = "rpm-service: the server refused: "
    for arguments, code, says in (
        (("set", "bed-1", "SpO2", "--low", "79", *COPD), ExitCode.FAILED,
         f"{refused}SpO2 extreme_low: 80 is not below low 79\n"),
        (("set", "bed-1", "SpO2", "--low", "85", "--reason", ""), ExitCode.FAILED,
         f"{refused}reason must be 1 to 128 printable characters\n"),
        (("set", "bed-1", "SpO2", *COPD), ExitCode.USAGE,
         "rpm-service: say what to set: --low, --high, ... see --help\n"),
        (("set", "bed-9", "SpO2", "--low", "85", *COPD), ExitCode.FAILED,
         "rpm-service: nothing measures at 'bed-9'\n"),
        (("show", "bed-9"), ExitCode.FAILED, "rpm-service: nothing measures at 'bed-9'\n"),
        (("clear", "bed-1", "SpO2"), ExitCode.FAILED,
         f"{refused}'SpO2' has no limits of the patient's own\n"),
        (("propose", "bed-9"), ExitCode.FAILED, f"{refused}there is no bed 'bed-9'\n"),
    ):  # fmt: skip
        assert await ran(server, *arguments) == (code, "", says)
    assert journalled(server) == []


@pytest.mark.spec("LIMIT-21")
async def test_a_server_that_is_not_there_is_one_line(server: LoopbackServer) -> None:
    code, out, err = await ran(server, "show", "bed-1", at="127.0.0.1:9")
    assert (code, out) == (ExitCode.UNREACHABLE, "")
    assert err.startswith("rpm-service: 127.0.0.1:9 cannot be reached: ")
    assert err.count("\n") == 1
