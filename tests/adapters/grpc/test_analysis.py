"""AlarmAnalysisService over real loopback mutual TLS: what it says, and that alarms never wait."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from rpm_service import cli
from rpm_service.adapters.analyst import process
from rpm_service.adapters.grpc.analysis_wire import burden_to_wire, what_if_to_wire
from rpm_service.application.burden import measure
from rpm_service.application.places import Scope
from rpm_service.application.what_if import WhatIf
from rpm_service.domain.alarms import Priority
from rpm_service.v1 import alarm_analysis_pb2 as an
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2 as t
from tests.support.columns import patient_day
from tests.support.kept import keep, keep_columns
from tests.support.loopback import Clinician, LoopbackServer, hasten, until
from tests.support.refusals import refused
from tests.support.scene import Scene

ANALYST = "rpm_service.commands.analyst"
LATEST_S = 1.0
"""An alarm may come so much later while an analysis is under way, on a machine that is busy."""
Beside = Callable[..., AbstractAsyncContextManager[tuple[LoopbackServer, Clinician]]]


@pytest.fixture
def beside(certs: Path, monkeypatch: pytest.MonkeyPatch) -> Beside:
    """A server whose analyses are carried out by a program, and a clinician."""
    hasten(monkeypatch)

    @asynccontextmanager
    async def beside(*command: str) -> AsyncIterator[tuple[LoopbackServer, Clinician]]:
        analyst = (sys.executable, *command)
        async with (
            LoopbackServer(certs, analyst=analyst) as server,
            server.clinician() as clinician,
        ):
            yield server, clinician

    return beside


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dips, to 88 and to 84; the nurse acknowledged the deeper one."""
    scene = Scene()
    device = scene.device("oximeter-1").begins("HR", "SpO2")
    device.streams(60, 72, 97).streams(30, 72, 88).streams(60, 72, 97).streams(20, 72, 84)
    alarm = scene.alarms()["SPO2_LOW"]
    scene.operators.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", "key")
    device.streams(60, 72, 97)
    directory = tmp_path_factory.mktemp("night")
    keep(scene, directory)
    return directory


def spo2(**limits: float) -> list[t.MetricLimits]:
    return [t.MetricLimits(metric="SpO2", **{"delay_s": 10, **limits})]


@pytest.mark.spec("ANALYSIS-20")
async def test_the_journal_comes_in_its_order_at_most_256_events_a_message(
    beside: Beside, tmp_path: Path
) -> None:
    scene = Scene()
    device = scene.device("oximeter-1").begins("HR", "SpO2")
    for _ in range(150):
        device.streams(1, 0, 97).streams(4, 72, 97)
    keep(scene, tmp_path)
    async with beside("-m", ANALYST, str(tmp_path), "") as (_, clinician):
        request = an.ListAlarmEventsRequest(scope=an.HistoryScope(since=scene.now - 300))
        messages = [each async for each in clinician.analysis.ListAlarmEvents(request)]
        nothing = an.ListAlarmEventsRequest(scope=an.HistoryScope(units=["ICU"]))
        assert [each async for each in clinician.analysis.ListAlarmEvents(nothing)] == []
        whole = an.ListAlarmEventsRequest()
        sizes = [len(each.events) async for each in clinician.analysis.ListAlarmEvents(whole)]
    expected = [
        (event.alarm.occurrence_id, event.alarm.event_seq)
        for event in scene.events
        if event.received_at >= scene.now - 300
    ]
    found = [(each.occurrence_id, each.event_seq) for some in messages for each in some.events]
    assert found == expected
    assert sizes == [256] * (len(scene.events) // 256) + [len(scene.events) % 256]
    assert len(sizes) > 1


@pytest.mark.spec("ANALYSIS-21")
async def test_the_burden_is_that_of_the_command(
    beside: Beside, night: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with beside("-m", ANALYST, str(night), "") as (_, clinician):
        measured = await clinician.analysis.MeasureAlarmBurden(an.MeasureAlarmBurdenRequest(
            scope=an.HistoryScope(until=4e9)
        ))  # fmt: skip
    arguments = ["burden", "--data", str(night), "--until", "2100-01-01", "--json"]
    monkeypatch.setattr(sys, "argv", ["rpm-service", *arguments])
    with pytest.raises(SystemExit):
        cli.main()
    said = json.loads(capsys.readouterr().out)
    assert measured.bed_days == said["bed_days"]
    vital = said["physiological"]
    assert measured.physiological.occurrences == vital["occurrences"] == 2
    assert measured.physiological.acknowledged_after_s_p50 == vital["acknowledged_after_s_p50"]
    assert measured.physiological.never_acknowledged == 1
    (condition,) = measured.physiological.conditions
    assert (condition.condition, condition.priority) == ("SPO2_LOW", a.ALARM_PRIORITY_MEDIUM)
    assert condition.per_bed_day == vital["conditions"][0]["per_bed_day"]
    assert [(each.bed, each.share) for each in measured.physiological.beds] == [("oximeter-1", 1)]
    assert not measured.technical.HasField("acknowledged_after_s_p50")


@pytest.mark.spec("ANALYSIS-22")
async def test_a_replay_tells_how_far_it_is_and_then_what_came_of_it(
    beside: Beside, night: Path
) -> None:
    async with beside("-m", ANALYST, str(night), "") as (_, clinician):
        request = an.ReplayAlarmLimitsRequest(limits=spo2(low=83))
        *progress, last = [each async for each in clinician.analysis.ReplayAlarmLimits(request)]
    told = [(each.progress.done, each.progress.devices) for each in progress]
    assert told == [(0, 1), (1, 1)]
    (compared,) = last.result.comparisons
    assert compared == an.ReplayComparison(
        condition="SPO2_LOW", kind=a.ALARM_KIND_PHYSIOLOGICAL, recorded=2, baseline=2, tried=0
    )
    assert [each.acknowledged_by for each in last.result.missed] == [""]
    assert (last.result.real, last.result.beds, last.result.values) == (1, 1, 2 * 230)


@pytest.mark.spec("ANALYSIS-8")
def test_programs_are_told_how_much_came_late() -> None:
    found = WhatIf([], real=0, missed=[], unknown=0, beds=1, values=20, late_values=300)
    assert what_if_to_wire(found).result.late_values == 300
    measured = replace(measure([], {}, str, Scope(0.0, 1.0)), late_detected=3)
    assert burden_to_wire(measured).late_detected == 3


@pytest.mark.spec("ANALYSIS-22")
async def test_only_the_limits_given_are_in_force_where_that_is_asked_for(
    beside: Beside, night: Path
) -> None:
    async def tried(**request: Any) -> dict[str, int]:
        asked = an.ReplayAlarmLimitsRequest(**request)
        async for each in clinician.analysis.ReplayAlarmLimits(asked):
            last = each
        return {each.condition: each.tried for each in last.result.comparisons}

    heart = [t.MetricLimits(metric="HR", high=100)]
    async with beside("-m", ANALYST, str(night), "") as (_, clinician):
        assert await tried(limits=heart) == {"SPO2_LOW": 2}
        assert await tried(limits=heart, only=True) == {"SPO2_LOW": 0}


@pytest.mark.spec("ANALYSIS-22")
@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "limits"),
        ({"limits": spo2(low=88, high=80)}, "limits"),
        ({"limits": spo2(low=88, delay_s=31)}, "limits"),
        ({"limits": [t.MetricLimits(metric="mood", low=1)]}, "limits[0].metric"),
        ({"limits": spo2(low=88), "scope": an.HistoryScope(since=2, until=1)}, "scope.until"),
    ],
)
async def test_limits_that_cannot_be_tried_are_refused_by_name(
    beside: Beside, night: Path, request_: dict[str, Any], field: str
) -> None:
    async with beside("-m", ANALYST, str(night), "") as (_, clinician):
        call = clinician.analysis.ReplayAlarmLimits(an.ReplayAlarmLimitsRequest(**request_))
        code, at, _ = await refused(call.read())
    assert (code, at) == (grpc.StatusCode.INVALID_ARGUMENT, field)


# -- a process of its own -------------------------------------------------------------------


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def dawdler(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A program that says who it is, once for each analysis, and never ends by itself."""
    pids = tmp_path / "pids"
    pids.touch()
    program = (
        f"import os, signal; print(os.getpid(), file=open({str(pids)!r}, 'a')); signal.pause()"
    )
    yield program, pids
    assert not any(is_alive(int(pid)) for pid in pids.read_text().split())


@pytest.mark.spec("ANALYSIS-23")
async def test_an_analysis_ends_with_the_call(beside: Beside, dawdler: tuple[str, Path]) -> None:
    program, pids = dawdler
    async with beside("-c", program) as (server, clinician):
        call = clinician.analysis.ListAlarmEvents(an.ListAlarmEventsRequest())
        reading = asyncio.create_task(call.read())
        await server.until(lambda: pids.read_text().endswith("\n"))
        (pid,) = map(int, pids.read_text().split())
        assert is_alive(pid)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await server.until(lambda: not is_alive(pid))


@pytest.mark.spec("ANALYSIS-23")
async def test_one_analysis_runs_at_a_time_and_few_may_wait(
    beside: Beside, dawdler: tuple[str, Path]
) -> None:
    program, pids = dawdler
    async with beside("-c", program) as (server, clinician):
        calls = [
            clinician.analysis.MeasureAlarmBurden(an.MeasureAlarmBurdenRequest())
            for _ in range(process.WAITING_MAX)
        ]
        # At most eight calls have room on one connection.
        async with server.clinician("doctor-1") as other:
            await server.until(lambda: pids.read_text().endswith("\n"))
            code = grpc.StatusCode.OK
            while code is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                late = other.analysis.MeasureAlarmBurden(an.MeasureAlarmBurdenRequest())
                code, _, _ = await refused(late)
        assert len(pids.read_text().split()) == 1
        for call in calls[1:]:
            call.cancel()
        calls[0].cancel()
        await server.until(lambda: not any(map(is_alive, map(int, pids.read_text().split()))))


@pytest.mark.spec("ANALYSIS-23")
async def test_a_call_that_is_cancelled_twice_leaves_no_process(
    dawdler: tuple[str, Path],
) -> None:
    async def take(_: bytes) -> None:
        pytest.fail("it says nothing")

    program, pids = dawdler
    analyst = process.AnalystProcess((sys.executable, "-c", program))
    asking = asyncio.create_task(analyst.analyse("MeasureAlarmBurden", b"", take))
    await until(lambda: pids.read_text().endswith("\n"))
    asking.cancel()
    await asyncio.sleep(0)
    asking.cancel()
    await analyst.close()
    assert not is_alive(int(pids.read_text()))


@pytest.mark.spec("ANALYSIS-23")
async def test_an_analysis_that_takes_too_long_is_ended(
    beside: Beside, dawdler: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, _ = dawdler
    monkeypatch.setattr(process, "ANALYSIS_S_MAX", 0.3)
    async with beside("-c", program) as (_, clinician):
        code, field, _ = await refused(
            clinician.analysis.MeasureAlarmBurden(an.MeasureAlarmBurdenRequest())
        )
    assert (code, field) == (grpc.StatusCode.DEADLINE_EXCEEDED, "scope")


@pytest.mark.spec("ANALYSIS-23")
async def test_an_analysis_that_fails_is_a_number_to_the_caller(beside: Beside) -> None:
    async with beside("-c", "raise SystemExit(3)") as (_, clinician):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await clinician.analysis.MeasureAlarmBurden(an.MeasureAlarmBurdenRequest())
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "incident" in str(caught.value.details())


@pytest.mark.spec("ANALYSIS-24")
async def test_alarms_wait_for_no_replay(beside: Beside, tmp_path: Path) -> None:
    keep_columns([(f"bed-{number}", patient_day(number, 20_000)) for number in range(3)], tmp_path)
    loop = asyncio.get_running_loop()
    longest, alarms = 0.0, 0
    async with (
        beside("-m", ANALYST, str(tmp_path), "") as (server, clinician),
        server.streaming("bed-9") as device,
        server.viewer("doctor-1", m.Subscribe(beds=["bed-9"])) as viewer,
    ):
        replay = clinician.analysis.ReplayAlarmLimits(
            an.ReplayAlarmLimitsRequest(limits=spo2(low=88))
        )
        reading, asked_at = asyncio.create_task(_all(replay)), loop.time()
        await viewer.take("snapshot")
        while not reading.done():
            begun = loop.time()
            server.clock.advance(1)
            await device.observe(device.entry(80.0 if alarms % 2 else 0.0, 97.0))
            while not any(each.condition == "ASYSTOLE" for each in await _alarms(viewer)):
                pass
            longest, alarms = max(longest, loop.time() - begun), alarms + 1
        frames, took = await reading, loop.time() - asked_at
    assert frames[-1].result.values == 3 * 8 * 20_000
    assert alarms > 10
    assert longest < min(LATEST_S, took / 3)


async def _all(call: Any) -> list[Any]:
    return [each async for each in call]


async def _alarms(viewer: Any) -> list[a.AlarmEvent]:
    frame = await viewer.frame()
    return list(frame.delta.alarms)
