"""Alarm burden and what-if over HTTP: real history, a real process, a real server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from rpm_service.adapters.analyst import process
from rpm_service.adapters.web import analyses
from rpm_service.adapters.web.sessions import LOCK_S
from rpm_service.application.access import Part, Person, Rights
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from tests.adapters.web.station import PATIENCE_S, Station, station
from tests.adapters.web.test_gate import BODY
from tests.support.kept import keep
from tests.support.scene import Scene

ANALYST = ("-m", "rpm_service.commands.analyst")
Beside = Callable[..., AbstractAsyncContextManager[Station]]
WALL = Person("wall-1", Rights(Part.WALL), None)
ICU = Person("kim", Rights(units=frozenset({"ICU"})))


@pytest.fixture
def beside(certs: Path, static: Path, tmp_path: Path) -> Beside:
    """A station whose analyses are carried out by a program."""

    @asynccontextmanager
    async def beside(*command: str) -> AsyncIterator[Station]:
        async with station(certs, tmp_path, static, analyst=(sys.executable, *command)) as ward:
            yield ward

    return beside


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A bed of the ICU and one of the ward, two dips each, to 88 and 84; and when it ended.

    The nurse acknowledged the deeper one of the ICU.
    """
    scene = Scene()
    beds = {}
    for name, unit in (("B1", "ICU"), ("B2", "WARD")):
        scene.operators.associate(f"monitor {name}", name, "nurse")
        scene.operators.admit(name, unit, f"patient of {name}", AgeClass.ADULT, "nurse")
        beds[name] = scene.device(f"monitor {name}").begins("HR", "SpO2")
        beds[name].streams(60, 72, 97).streams(30, 72, 88).streams(60, 72, 97).streams(20, 72, 84)
        alarm = scene.alarms(f"monitor {name}")["SPO2_LOW"]
        if name == "B1":
            scene.operators.acknowledge(alarm.occurrence_id, Priority.MEDIUM, "nurse", "key")
        beds[name].streams(60, 72, 97)
        scene.passes(1)
    directory = tmp_path_factory.mktemp("night")
    keep(scene, directory)
    return directory, scene.now


def told(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def ago(night: tuple[Path, float]) -> dict[str, float]:
    return {"since": night[1] - 3_600, "until": night[1] + 60}


async def failed(browser: httpx2.AsyncClient, what: dict[str, Any]) -> str:
    (line,) = told(await browser.post("/v1/what-if", json=what))
    return str(line["error"])


@pytest.mark.spec("BURDEN-1")
@pytest.mark.spec("BURDEN-7")
async def test_the_burden_is_told_line_by_line(beside: Beside, night: tuple[Path, float]) -> None:
    async with beside(*ANALYST, str(night[0]), "") as ward:
        browser = await ward.signed_in()
        zone = "Asia/Kathmandu"
        asked = {**ago(night), "time_zone": zone}
        *progress, last = told(await browser.get("/v1/burden", params=asked))
    assert progress == [{"progress": {"done": done, "devices": 2}} for done in range(3)]
    found = last["result"]
    assert (found["since"], found["until"]) == (night[1] - 3_600, night[1] + 60)
    vital = found["physiological"]
    assert {(bed["bed"], bed["occurrences"]) for bed in vital["beds"]} == {("B1", 2), ("B2", 2)}
    assert sum(each["medium"] for each in vital["over_time"]) == 4
    # 5 h 45 min before UTC.
    hours = {hour for bed in vital["beds"] for hour, count in enumerate(bed["by_hour"]) if count}
    raised = {int((night[1] - back + 20_700) // 3_600) % 24 for back in range(3_600)}
    assert hours
    assert hours <= raised
    assert len(raised) == 2


@pytest.mark.spec("BURDEN-1")
async def test_a_what_if_tells_what_came_of_it(beside: Beside, night: tuple[Path, float]) -> None:
    async with beside(*ANALYST, str(night[0]), "") as ward:
        browser = await ward.signed_in()
        limits = {"SpO2": {"low": 83, "extreme_low": 80, "delay_s": 15}}
        what = {**ago(night), "limits": limits}
        *progress, last = told(await browser.post("/v1/what-if", json=what))
        only = told(await browser.post("/v1/what-if", json={**what, "beds": ["B2"]}))[-1]
    assert progress[-1] == {"progress": {"done": 2, "devices": 2}}
    found = last["result"]
    (compared,) = [each for each in found["comparisons"] if each["kind"] == "physiological"]
    assert (compared["recorded"], compared["baseline"], compared["tried"]) == (4, 4, 0)
    assert (found["real"], found["missed_count"], found["unknown"]) == (1, 1, 0)
    assert [each["bed"] for each in found["missed"]] == ["B1"]
    assert "patient" not in json.dumps(found)
    assert (only["result"]["beds"], only["result"]["real"]) == (1, 0)


@pytest.mark.spec("BURDEN-8")
@pytest.mark.parametrize("who", ["wall", "locked"])
async def test_who_may_not_act_may_ask_what_if(
    beside: Beside, night: tuple[Path, float], who: str
) -> None:
    async with beside(*ANALYST, str(night[0]), "") as ward:
        browser = await ward.signed_in(person=WALL if who == "wall" else None)
        async with ward.watch(browser):
            ward.clock.advance(LOCK_S if who == "locked" else 0)
            refused = (await browser.post("/v1/alarms/1/acknowledge", json=BODY)).status_code
            assert refused == {"wall": 403, "locked": 423}[who]
            what = {**ago(night), "limits": {"SpO2": {"low": 83, "extreme_low": 80}}}
            assert told(await browser.post("/v1/what-if", json=what))[-1]["result"]["beds"] == 2
            assert told(await browser.get("/v1/burden", params=ago(night)))[-1]["result"]


@pytest.mark.spec("BURDEN-5")
async def test_few_missed_alarms_are_told_one_by_one(
    tmp_path: Path, night: tuple[Path, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rpm_service.adapters.units.reader import units_in
    from rpm_service.commands import page_analyses
    from rpm_service.commands.database import database

    monkeypatch.setattr(page_analyses, "MISSED_MAX", 0)
    lines: list[dict[str, Any]] = []
    asked = {
        **ago(night),
        "beds": [],
        "units": [],
        "limits": {"SpO2": {"low": 83, "extreme_low": 80}},
    }
    with database(night[0]) as engine:
        page_analyses.tell_what_if(engine, units_in(night[0], None), asked, lines.append)
    assert (lines[-1]["result"]["missed"], lines[-1]["result"]["missed_count"]) == ([], 1)


@pytest.mark.spec("BURDEN-4")
async def test_nothing_is_told_of_beds_outside_of_rights(
    beside: Beside, night: tuple[Path, float]
) -> None:
    async with beside(*ANALYST, str(night[0]), "") as ward:
        browser = await ward.signed_in(person=ICU)
        found = told(await browser.get("/v1/burden", params=ago(night)))[-1]["result"]
        tried = {**ago(night), "limits": {"SpO2": {"low": 83, "extreme_low": 80}}}
        replayed = told(await browser.post("/v1/what-if", json=tried))[-1]["result"]
        for elsewhere in ({"units": ["WARD"]}, {"beds": ["B2"]}):
            answer = await browser.post("/v1/what-if", json={**tried, **elsewhere})
            assert answer.status_code == 404
        answer = await browser.get("/v1/burden", params={"unit": "WARD"})
        assert answer.status_code == 404
    assert [each["bed"] for each in found["physiological"]["beds"]] == ["B1"]
    assert replayed["beds"] == 1


@pytest.mark.spec("BURDEN-3")
async def test_what_cannot_be_analysed_is_refused_in_one_line(
    beside: Beside, night: tuple[Path, float]
) -> None:
    async with beside(*ANALYST, str(night[0]), "") as ward:
        browser = await ward.signed_in()
        crossed = {"limits": {"SpO2": {"low": 88, "high": 80}}}
        assert "SpO2" in await failed(browser, {**ago(night), **crossed})
        nothing = {"limits": {"mood": {"low": 1}}}
        assert "not the name of a metric" in await failed(browser, {**ago(night), **nothing})
        (line,) = told(await browser.get("/v1/burden", params={"time_zone": "Moon/Sea"}))
        assert line == {"error": "'Moon/Sea' is not the name of a time zone", "field": "time_zone"}
        for asked, why in (
            ({"since": 2, "until": 1}, "until is not after since"),
            ({"since": 0, "until": 32 * 86_400}, "since is more than 31 days before until"),
        ):
            answer = await browser.get("/v1/burden", params=asked)
            assert (answer.status_code, answer.json()["error"]) == (400, why)
        answer = await browser.post("/v1/what-if", json={"limits": {}})
        assert answer.status_code == 400


# -- a process of its own -------------------------------------------------------------------


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


@pytest.fixture
def dawdler(tmp_path: Path) -> tuple[str, Path]:
    """A program that says who it is, once for each analysis, and never ends by itself."""
    pids = tmp_path / "pids"
    pids.touch()
    program = (
        f"import os, signal; print(os.getpid(), file=open({str(pids)!r}, 'a')); signal.pause()"
    )
    return program, pids


@pytest.mark.spec("BURDEN-2")
async def test_an_analysis_ends_when_the_browser_goes_away(
    beside: Beside, dawdler: tuple[str, Path]
) -> None:
    program, pids = dawdler
    async with beside("-c", program) as ward:
        browser = await ward.signed_in()
        asking = asyncio.create_task(browser.get("/v1/burden"))
        await until(lambda: pids.read_text().endswith("\n"))
        (pid,) = map(int, pids.read_text().split())
        assert is_alive(pid)
        asking.cancel()
        await until(lambda: not is_alive(pid))


@pytest.mark.spec("BURDEN-2")
async def test_an_analysis_ends_with_the_rights_of_whoever_asked(
    beside: Beside, dawdler: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analyses, "CHECK_S", 0.01)
    program, pids = dawdler
    stands = [ICU]
    async with beside("-c", program) as ward:
        browser = await ward.signed_in(person=ICU, stands=lambda: stands[-1])
        asking = asyncio.create_task(browser.get("/v1/burden"))
        await until(lambda: pids.read_text().endswith("\n"))
        stands.append(Person("kim", Rights(units=frozenset({"WARD"}))))
        assert told(await asking) == [{"error": "you may not see this any more"}]
        (pid,) = map(int, pids.read_text().split())
        await until(lambda: not is_alive(pid))


@pytest.mark.spec("BURDEN-3")
async def test_a_session_has_two_analyses_under_way_and_no_more(
    beside: Beside, dawdler: tuple[str, Path]
) -> None:
    program, pids = dawdler
    async with beside("-c", program) as ward:
        browser = await ward.signed_in()
        first = asyncio.create_task(browser.get("/v1/burden"))
        await until(lambda: pids.read_text().endswith("\n"))
        second = asyncio.create_task(browser.get("/v1/burden"))
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await _third(browser)) is None:
                pass
        assert answer.json()["error"] == "2 analyses of this session are under way"
        first.cancel()
        second.cancel()
        await until(lambda: not any(map(is_alive, map(int, pids.read_text().split()))))
        assert (await _third(browser)) is None


async def _third(browser: httpx2.AsyncClient) -> httpx2.Response | None:
    """The refusal of one more; None where it is taken up."""
    async with browser.stream("GET", "/v1/burden") as answer:
        if answer.status_code == 429:
            await answer.aread()
            return answer
        return None


@pytest.mark.spec("BURDEN-1")
@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit(3)", "internal error, incident "),
        ("import time; time.sleep(60)", "it took longer"),
    ],
)
async def test_an_analysis_that_comes_to_nothing_is_one_line(
    beside: Beside, monkeypatch: pytest.MonkeyPatch, program: str, said: str
) -> None:
    monkeypatch.setattr(process, "ANALYSIS_S_MAX", 30.0 if "exit" in program.lower() else 0.3)
    async with beside("-c", program) as ward:
        browser = await ward.signed_in()
        (line,) = told(await browser.get("/v1/burden"))
    assert line["error"].startswith(said)


@pytest.mark.spec("BURDEN-3")
async def test_the_queue_is_that_of_all(beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "WAITING_MAX", 0)
    async with beside("-c", "pass") as ward:
        browser = await ward.signed_in()
        (line,) = told(await browser.get("/v1/burden"))
    assert line == {"error": "0 analyses wait already; ask again later"}
