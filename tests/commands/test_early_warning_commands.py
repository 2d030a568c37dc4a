"""`rpm-service assess` and `rpm-service scores`, as typed, against a server in this process."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.application.early_warning import Seen
from rpm_service.commands.errors import ExitCode
from rpm_service.domain.early_warning import Assessment, Consciousness, InspiredGas, OxygenScale
from rpm_service.domain.limits import AgeClass
from tests.support import memory_recorder
from tests.support.commands import run
from tests.support.loopback import LoopbackServer, hasten, monitor, numeric

LEVELS = 3 * (Consciousness.ALERT, Consciousness.VOICE)
METRICS = ("RR", "SpO2", "NIBPs", "HR", "Temp")


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    """A server with an adult in bed-1, whose monitor has sent once."""
    hasten(monkeypatch)
    async with LoopbackServer(certs) as server, server.device("bed-1") as device:
        server.monitoring.operators.admit("bed-1", "", "4711", AgeClass.ADULT, "nurse-1")
        await device.begin(monitor("bed-1", numerics=[numeric(name) for name in METRICS]))
        await device.observe(device.entry(22.0, 90.0, 120.0, 70.0, 37.0))
        await device.acked(device.seq)
        yield server


async def ran(
    server: LoopbackServer, *arguments: str, at: str | None = None
) -> tuple[int | None, str, str]:
    place = ("--server", at or server.target, "--certs", server.certs, "--viewer", "nurse-7")
    return await run(*arguments, *place)


def entered(server: LoopbackServer) -> Assessment:
    return server.monitoring.ward.early_warning._patients["bed-1"].assessment


@pytest.mark.spec("NEWS-18")
async def test_an_assessment_is_one_command_and_a_line(server: LoopbackServer) -> None:
    first = await ran(server, "assess", "bed-1", "--oxygen")
    assert first == (0, "bed-1: NEWS2 incomplete, at least high: consciousness missing\n", "")
    # What is left out stays.
    second = await ran(server, "assess", "bed-1", "--consciousness", "alert")
    assert second == (0, "bed-1: NEWS2 7, high\n", "")
    assert entered(server).inspired_gas is InspiredGas.OXYGEN
    assert entered(server).consciousness is Consciousness.ALERT


@pytest.mark.spec("NEWS-18")
async def test_scale_2_is_decided_with_a_reason_and_the_score_comes_as_json(
    server: LoopbackServer,
) -> None:
    options = ("--air", "--consciousness", "alert", "--scale", "2", "--reason", "COPD", "--json")
    code, out, err = await ran(server, "assess", "bed-1", *options)
    assert (code, err) == (0, "")
    (line,) = out.splitlines()
    score = json.loads(line)
    assert set(score) == {"at", "total", "band", "sub_scores", "missing", "oxygen_scale"}
    assert (score["total"], score["band"], score["missing"]) == (2, "low", [])
    assert score["oxygen_scale"] == 2
    now = server.clock.now()
    assert score["sub_scores"]["SpO2"] == {"score": 0, "value": 90, "observed_at": now}
    assert score["sub_scores"]["oxygen"] == {"score": 0, "value": None, "observed_at": now}
    assert (entered(server).oxygen_scale, entered(server).oxygen_scale_by) == (
        OxygenScale.TWO,
        "nurse-7",
    )


@pytest.mark.spec("NEWS-18")
async def test_a_refusal_is_one_line(server: LoopbackServer) -> None:
    server.monitoring.operators.assess("bed-1", Seen(InspiredGas.AIR), "nurse-1", "k")
    code, out, err = await ran(server, "assess", "bed-9", "--air")
    assert (code, out) == (ExitCode.FAILED, "")
    assert err == "rpm-service: the server refused: there is no bed 'bed-9'\n"


@pytest.mark.spec("CMD-2")
async def test_a_server_that_is_not_there_is_told_so(server: LoopbackServer) -> None:
    code, out, err = await ran(server, "assess", "bed-1", "--air", at="127.0.0.1:9")
    assert (code, out) == (ExitCode.UNREACHABLE, "")
    assert err.startswith("rpm-service: 127.0.0.1:9 cannot be reached: ")
    assert len(err.splitlines()) == 1


@pytest.mark.spec("NEWS-19")
async def test_a_long_trend_is_read_page_by_page(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_recorder, "SCORES_MAX", 2)
    for number, level in enumerate(LEVELS):
        server.clock.advance(1.0)
        server.monitoring.operators.assess("bed-1", Seen(None, level), "nurse-1", f"k{number}")
    await server.until(lambda: sum(len(each.scores) for each in server.recorder.batches) >= 6)
    code, out, err = await ran(server, "scores", "bed-1", "--json")
    assert (code, err) == (0, "")
    times = [json.loads(line)["at"] for line in out.splitlines()]
    assert len(times) >= 6
    assert times == sorted(set(times))


@pytest.mark.spec("NEWS-19")
async def test_the_trend_comes_as_lines_or_as_json(server: LoopbackServer) -> None:
    first = await ran(server, "scores", "bed-1")
    assert first[0] == 0
    operators = server.monitoring.operators
    operators.assess("bed-1", Seen(InspiredGas.AIR, Consciousness.ALERT), "nurse-1", "k")
    await server.until(lambda: any(batch.scores for batch in server.recorder.batches))
    code, out, err = await ran(server, "scores", "bed-1", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["total"] == 5
    code, out, err = await ran(server, "scores", "bed-1")
    assert (code, err) == (0, "")
    assert "NEWS2 5, medium  (RR 2, SpO2 3, oxygen 0," in out.splitlines()[-1]
