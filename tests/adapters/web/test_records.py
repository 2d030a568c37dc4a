"""Stored history over the page's own port."""

import asyncio
import threading
from typing import Any

import pytest

from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.adapters.web import reading
from rpm_service.adapters.web.reading import ReadingRoom, TooBusy
from rpm_service.application.access import Part, Person, Rights
from rpm_service.application.effects import (
    Batch,
    Bed,
    Description,
    Numeric,
    NumericRow,
    ScoreRow,
    Stay,
)
from rpm_service.domain.alarms import Acknowledgement, Phase
from rpm_service.domain.early_warning import Band, OxygenScale, Score, SubScore
from rpm_service.domain.limits import AgeClass
from tests.adapters.web.station import Station
from tests.support.batches import HR, HR_AND_SPO2, SPO2, alarm_event, write

NOW = 1_800_000_000.0
ICU_ONLY = Person("nurse.icu", Rights(Part.CLINICIAN, frozenset({"ICU"})))


@pytest.fixture
async def recorder(ward: Station) -> Any:
    """What a server has kept: bed "gw/bed 1", described and measured for ten minutes."""
    recorder = SqliteRecorder(ward.data)
    await write(recorder, Batch(descriptions={"gw/bed 1": HR_AND_SPO2}))
    rows = [
        NumericRow(seq, NOW - 600 + seq, NOW - 599.9 + seq, (80.0, 97.5), (), ())
        for seq in range(1, 600)
    ]
    await write(recorder, Batch(numerics={"gw/bed 1": rows}))
    yield recorder
    recorder.close()


@pytest.mark.spec("RECORDS-1")
async def test_a_trend_is_asked_for_by_bed(ward: Station, recorder: SqliteRecorder) -> None:
    browser = await ward.signed_in()
    answer = await browser.get("/v1/beds/gw%2Fbed%201/trend", params={"points": 61})
    assert answer.status_code == 200, answer.text
    trend = answer.json()
    assert (trend["since"], trend["until"], trend["step_s"]) == (NOW - 3600, NOW, 60)
    heart_rate, saturation = trend["metrics"]
    assert heart_rate["name"], heart_rate["unit"] == ("HR", "/min")
    assert (heart_rate["code"], heart_rate["decimals"], heart_rate["period_s"]) == (147842, 0, 1)
    assert heart_rate["at"][-1] == NOW - 30
    assert heart_rate["mean"] == [None] * 50 + [80.0] * 10
    assert saturation["low"][-1] == saturation["high"][-1] == 97.5


@pytest.mark.spec("RECORDS-6")
@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("trend?since=1799999999", "since: 0.000277778 h before until; ask for 1 to 72 h"),
        ("trend?since=1799000000", "since: 277.778 h before until; ask for 1 to 72 h"),
        ("numerics.csv?since=1799000000", "since: 277.778 h before until; ask for 1 to 72 h"),
        ("trend?points=1", "points: 1 is not within 2 to 2000"),
        ("trend?points=2001", "points: 2001 is not within 2 to 2000"),
        ("trend?since=nan", "query.since: Input should be a finite number"),
        (
            "trend?until=tomorrow",
            "query.until: Input should be a valid number, unable to parse string as a number",
        ),
        ("/v1/journal?limit=201", "limit: 201 is not within 1 to 200"),
        (
            "/v1/journal?priority=SEVERE",
            "query.priority: Input should be 'LOW', 'MEDIUM' or 'HIGH'",
        ),
    ],
)
async def test_a_refusal_names_the_field(
    ward: Station, recorder: SqliteRecorder, path: str, says: str
) -> None:
    browser = await ward.signed_in()
    answer = await browser.get(path if path[0] == "/" else f"/v1/beds/gw%2Fbed%201/{path}")
    assert (answer.status_code, answer.json()["error"]) == (400, says)


async def test_a_bed_that_never_was_is_not_found(ward: Station, recorder: SqliteRecorder) -> None:
    browser = await ward.signed_in()
    for what in ("trend", "numerics.csv"):
        answer = await browser.get(f"/v1/beds/none/{what}")
        assert (answer.status_code, answer.json()["error"]) == (404, "there is no bed 'none'")


@pytest.mark.spec("RECORDS-7")
async def test_an_export_is_a_table(ward: Station, recorder: SqliteRecorder) -> None:
    formula = Description((Numeric("=1+1", 1, 2, "x", 1.0, 0, (0, 350)), SPO2, HR))
    await write(recorder, Batch(descriptions={"gw/bed 1": formula}))
    row = NumericRow(700, NOW - 0.5, NOW - 0.4, (5.0, 0.0), (0, 1), ())
    await write(recorder, Batch(numerics={"gw/bed 1": [row]}))
    browser = await ward.signed_in()
    answer = await browser.get("/v1/beds/gw%2Fbed%201/numerics.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="gw_bed_1.csv"'
    lines = answer.text.splitlines()
    assert lines[0] == "time,HR (/min),SpO2 (%),'=1+1 (x)"
    assert lines[1] == "2027-01-15T07:50:01.100Z,80,97.5,"
    assert lines[-1] == "2027-01-15T07:59:59.600Z,,0,5"
    assert len(lines) == 601


@pytest.mark.spec("RECORDS-7")
async def test_an_export_is_cut_off_with_the_right_to_it(
    ward: Station, recorder: SqliteRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await ward.signed_in()
    (session,) = ward.gate.sessions._sessions.values()
    read = ReadingRoom.read_on

    async def ended_meanwhile(room: ReadingRoom, work: Any) -> Any:
        found = await read(room, work)
        if isinstance(found, bytes) and not found.startswith(b"time"):
            session.ended = True
        return found

    monkeypatch.setattr(ReadingRoom, "read_on", ended_meanwhile)
    with pytest.raises(Exception, match=r"peer closed|incomplete|disconnected"):
        await browser.get("/v1/beds/gw%2Fbed%201/numerics.csv")


@pytest.mark.spec("RECORDS-6")
async def test_who_thinks_that_it_is_a_little_later_gets_what_there_is(
    ward: Station, recorder: SqliteRecorder
) -> None:
    browser = await ward.signed_in()
    now = ward.clock.now()
    for ahead, status in ((0.06, 200), (4.0, 200), (6.0, 400)):
        query = {"since": now + ahead - 3600, "until": now + ahead}
        answer = await browser.get("/v1/beds/gw%2Fbed%201/trend", params=query)
        assert answer.status_code == status, answer.text


@pytest.mark.spec("RECORDS-6")
async def test_an_export_that_no_spreadsheet_takes_is_refused(
    ward: Station, recorder: SqliteRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpm_service.application.trend.EXPORT_ROWS_MAX", 598)
    browser = await ward.signed_in()
    answer = await browser.get("/v1/beds/gw%2Fbed%201/numerics.csv")
    says = "since: 599 rows, and an export has at most 598; ask for less"
    assert (answer.status_code, answer.json()["error"]) == (400, says)


@pytest.mark.spec("RECORDS-8")
async def test_scores_are_told_with_what_they_are_made_of(
    ward: Station, recorder: SqliteRecorder
) -> None:
    inputs = (SubScore("RR", 3, 25.0, NOW - 60), SubScore("oxygen", 2, None, NOW - 50))
    whole = Score(NOW - 50, 5, Band.MEDIUM, inputs, (), OxygenScale.ONE)
    part = Score(NOW - 40, None, None, (), ("RR",), OxygenScale.TWO)
    stays = [Stay("B1", "p1", AgeClass.ADULT, NOW - 100)]
    await write(
        recorder, Batch(stays=stays, scores=[ScoreRow("B1", "p1", each) for each in (whole, part)])
    )
    browser = await ward.signed_in()
    first, second = (await browser.get("/v1/beds/B1/scores")).json()["scores"]
    assert (first["at"], first["total"], first["band"], first["complete"]) == (
        NOW - 50,
        5,
        "medium",
        True,
    )
    assert first["sub_scores"][1] == {
        "input": "oxygen",
        "value": None,
        "score": 2,
        "observed_at": NOW - 50,
    }
    assert (second["total"], second["complete"], second["missing"]) == (None, False, ["RR"])
    answer = await browser.get("/v1/beds/B1/scores", params={"before": NOW - 40})
    assert [each["total"] for each in answer.json()["scores"]] == [5]


@pytest.mark.spec("RECORDS-9")
async def test_the_journal_says_who_did_what(ward: Station, recorder: SqliteRecorder) -> None:
    given = Acknowledgement("nurse.ratched", NOW, NOW + 120)
    events = [
        alarm_event(1, 1, bed="B1"),
        alarm_event(1, 2, Phase.ACKNOWLEDGE, bed="B1", acknowledgement=given),
        alarm_event(1, 3, Phase.UPDATE, bed="B1", acknowledgement=given),
    ]
    await write(recorder, Batch(events=events, beds=[Bed("B1", "ICU")]))
    browser = await ward.signed_in()
    page = (await browser.get("/v1/journal", params={"limit": 2})).json()
    assert [(each["seq"], each["phase"], each["by"]) for each in page["events"]] == [
        (3, "update", None),
        (2, "acknowledge", "nurse.ratched"),
    ]
    newest = page["events"][0]
    assert (newest["bed"], newest["unit"], newest["priority"]) == ("B1", "ICU", "MEDIUM")
    assert (newest["condition"], newest["value"], newest["limit"]) == ("SPO2_LOW", 84, 90)
    page = (await browser.get("/v1/journal", params={"before": page["next_before"]})).json()
    assert [each["seq"] for each in page["events"]] == [1]
    assert page["next_before"] is None


@pytest.mark.spec("RECORDS-10")
@pytest.mark.spec("RECORDS-11")
async def test_nothing_is_told_of_beds_of_other_units(
    ward: Station, recorder: SqliteRecorder
) -> None:
    beds = [Bed("B1", "ICU"), Bed("B2", "ER")]
    events = [alarm_event(1, bed="B1"), alarm_event(2, bed="B2")]
    await write(recorder, Batch(events=events, beds=beds))
    for bed in beds:
        ward.monitoring.operators.admit(bed.name, bed.unit, bed.name, AgeClass.ADULT, "clerk")
    browser = await ward.signed_in(person=ICU_ONLY)
    page = (await browser.get("/v1/journal")).json()
    assert [each["bed"] for each in page["events"]] == ["B1"]
    for path in ("beds/B2/trend", "beds/B2/numerics.csv", "beds/B2/scores", "journal?bed=B2"):
        assert (await browser.get(f"/v1/{path}")).status_code == 404, path
    answers = [(await browser.get(f"/v1/alarms/{each}/evidence")).json() for each in (1, 2, 3)]
    assert answers[0]["error"].startswith("nothing is kept of alarm 1 yet")
    assert [each["error"] for each in answers[1:]] == ["there is no alarm 2", "there is no alarm 3"]


@pytest.mark.spec("RECORDS-12")
async def test_few_reads_run_at_once_and_no_others_wait_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "WAIT_S_MAX", 0.02)
    room, go, running = ReadingRoom(), threading.Event(), []

    def slow() -> None:
        running.append(1)
        assert go.wait(30)

    under_way = [asyncio.create_task(room.read(slow)) for _ in range(reading.RUNNING_MAX)]
    await asyncio.sleep(0)
    with pytest.raises(TooBusy):
        await room.read(slow)
    go.set()
    await asyncio.gather(*under_way)
    assert len(running) == reading.RUNNING_MAX
    assert await room.read(lambda: 7) == 7


@pytest.mark.spec("RECORDS-12")
async def test_a_read_without_a_turn_is_told_so(
    ward: Station, recorder: SqliteRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WAITING_MAX", 0)
    browser = await ward.signed_in()
    for path in ("trend", "numerics.csv"):
        answer = await browser.get(f"/v1/beds/gw%2Fbed%201/{path}")
        assert (answer.status_code, answer.json()) == (503, {"error": reading.BUSY})


async def test_a_server_that_has_kept_nothing_says_so(ward: Station) -> None:
    browser = await ward.signed_in()
    answer = await browser.get("/v1/journal")
    assert answer.status_code == 503
    assert "what is stored cannot be read" in answer.json()["error"]
