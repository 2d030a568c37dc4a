"""What the page shows of the past, read from the database beside whoever writes."""

import subprocess
import sys
from dataclasses import replace
from math import inf, nan
from struct import pack

import pytest

from rpm_service.adapters.storage import records as stored_records
from rpm_service.adapters.storage import tail
from rpm_service.adapters.storage.records import StoredRecords
from rpm_service.application import records
from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import (
    Association,
    Batch,
    Bed,
    Description,
    NumericRow,
    ScoreRow,
    Stay,
    WaveformRow,
)
from rpm_service.application.evidence import of_one_patient, wanted
from rpm_service.application.records import JournalQuery
from rpm_service.domain.alarms import Acknowledgement, Answer, Phase, Priority
from rpm_service.domain.early_warning import OxygenScale, Score
from rpm_service.domain.limits import AgeClass
from tests.support.batches import (
    HR_AND_SPO2,
    PLETH,
    T0,
    alarm_event,
    numeric_row,
    observed,
    write,
)

ADULT = AgeClass.ADULT


@pytest.fixture
def kept(recorder, tmp_path):
    reader = StoredRecords(tmp_path)
    yield reader
    reader.close()


def numbers(page: records.JournalPage) -> list[int]:
    return [entry.number for entry in page.entries]


@pytest.mark.spec("RECORDS-5")
@pytest.mark.parametrize("block_rows", [1, 7, 1000])
async def test_a_trend_has_the_newest_minutes_too(recorder, kept, monkeypatch, block_rows):
    monkeypatch.setattr(tail, "BLOCK_ROWS", block_rows)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, 31):
        await write(recorder, observed("m1", numeric_row(seq, 60.0 + seq, nan)))
    trend = kept.trend("m1", T0, T0 + 40, 1000)
    (heart_rate,) = trend.metrics
    seen = [value for value in heart_rate.mean if value is not None]
    assert seen == [60.0 + seq for seq in range(1, 31)]


@pytest.mark.spec("RECORDS-8")
async def test_the_newest_scores_are_told_and_older_ones_before_them(recorder, kept, monkeypatch):
    scores = [Score(T0 + at, at, None, (), (), OxygenScale.ONE) for at in range(1005)]
    stays = [Stay("B1", "p1", ADULT, T0)]
    rows = [ScoreRow("B1", "p1", score) for score in scores]
    earlier = ScoreRow("B1", "p1", Score(T0 - 5, 9, None, (), (), OxygenScale.ONE))
    await write(recorder, Batch(scores=[earlier, *rows], stays=stays))
    found = kept.scores("B1", 0, inf)
    assert found == scores[5:]
    assert kept.scores("B1", 0, found[0].at) == scores[:5]
    assert kept.scores("B1", T0 + 1000, inf) == scores[1000:]
    assert kept.scores("B2", 0, inf) == ()


@pytest.mark.spec("RECORDS-9")
async def test_pages_of_the_journal_hang_together(recorder, kept, monkeypatch):
    monkeypatch.setattr(stored_records, "LOOKED_AT_MAX", 4)
    events = [
        alarm_event(seq, priority=Priority.HIGH if seq % 5 == 0 else Priority.LOW)
        for seq in range(1, 21)
    ]
    await write(recorder, Batch(events=events))
    found, before, pages = [], None, 0
    while True:
        page = kept.journal(JournalQuery(priority=Priority.HIGH, before=before, limit=2))
        found += numbers(page)
        pages += 1
        if (before := page.next_before) is None:
            break
    assert found == [20, 15, 10, 5]
    assert pages > 4
    assert numbers(kept.journal(JournalQuery(limit=3))) == [20, 19, 18]
    assert kept.journal(JournalQuery(limit=3)).next_before == 18
    assert numbers(kept.journal(JournalQuery(before=3, limit=3))) == [2, 1]
    assert kept.journal(JournalQuery(before=3, limit=3)).next_before is None


@pytest.mark.spec("RECORDS-9")
async def test_a_journal_is_filtered(recorder, kept):
    events = [
        alarm_event(1, bed="B1"),
        alarm_event(2, event_seq=5, bed="B2", priority=Priority.HIGH),
        alarm_event(3, event_seq=9, bed="B3"),
    ]
    await write(recorder, Batch(events=events, beds=[Bed("B1", "ICU"), Bed("B2", "ER")]))
    ask = kept.journal
    assert numbers(ask(JournalQuery(unit="ICU"))) == [1]
    assert numbers(ask(JournalQuery(bed="B2", earlier=True))) == [2]
    assert numbers(ask(JournalQuery(priority=Priority.HIGH))) == [2]
    assert numbers(ask(JournalQuery(condition="SPO2_LOW"))) == [3, 2, 1]
    assert numbers(ask(JournalQuery(condition="HR_LOW"))) == []
    assert numbers(ask(JournalQuery(since=T0 + 5, until=T0 + 9))) == [2]
    assert [entry.unit for entry in ask(JournalQuery()).entries] == ["", "ER", "ICU"]


@pytest.mark.spec("RECORDS-9")
async def test_a_journal_is_found_by_what_happened_and_who_did_it(recorder, kept):
    given = Acknowledgement("anna", T0 + 1, T0 + 121)
    answer = Answer(False, "bo", T0 + 2)
    events = [
        alarm_event(1, 1),
        alarm_event(1, 2, Phase.ACKNOWLEDGE, acknowledgement=given),
        alarm_event(1, 3, Phase.RESPONSIBILITY, acknowledgement=given, answer=answer),
        alarm_event(1, 4, Phase.END, acknowledgement=given, answer=answer),
    ]
    await write(recorder, Batch(events=events))
    ask = kept.journal
    assert numbers(ask(JournalQuery(phase=Phase.END))) == [4]
    assert numbers(ask(JournalQuery(by="anna"))) == [2], "what carries it on is nobody's act"
    assert numbers(ask(JournalQuery(by="bo"))) == [3]
    assert numbers(ask(JournalQuery(by="bo", phase=Phase.ACKNOWLEDGE))) == []


@pytest.mark.spec("RECORDS-10")
async def test_a_journal_stays_within_the_units_that_may_be_seen(recorder, kept):
    events = [alarm_event(seq, bed=bed) for seq, bed in enumerate(["B1", "B2", "B3", "server"], 1)]
    await write(recorder, Batch(events=events, beds=[Bed("B1", "ICU"), Bed("B2", "ER")]))
    assert numbers(kept.journal(JournalQuery(within=frozenset({"ICU"})))) == [4, 1]


@pytest.mark.spec("RECORDS-3")
async def test_the_journal_of_a_bed_is_that_of_its_patient(recorder, kept):
    stays = [
        Stay("B1", "p1", ADULT, T0, T0 + 20),
        Stay("B2", "p2", ADULT, T0, T0 + 30),
        Stay("B1", "p2", ADULT, T0 + 30),
    ]
    # When each is received: half a second after its number.
    beds = [(1, "B1"), (19, "B1"), (29, "B2"), (31, "B1"), (32, "B2")]
    events = [alarm_event(seq, event_seq=seq, bed=bed) for seq, bed in beds]
    await write(recorder, Batch(events=events, stays=stays, beds=[Bed("B1"), Bed("B2")]))
    assert numbers(kept.journal(JournalQuery(bed="B1"))) == [4, 3]
    assert numbers(kept.journal(JournalQuery(bed="B2"))) == [5]
    assert numbers(kept.journal(JournalQuery(bed="B1", earlier=True))) == [4, 2, 1]


@pytest.mark.spec("RECORDS-11")
async def test_evidence_is_told_on_the_servers_clock(recorder, kept):
    event = alarm_event(7, device_id="m1")
    description = Description(HR_AND_SPO2.numerics, (PLETH,))
    behind = 60.0
    rows = [NumericRow(1, T0 - behind, T0, (0.0, nan), (), ()),
            NumericRow(2, T0 + 1 - behind, T0 + 1, (80.0, 97.0), (), (0, 3))]  # fmt: skip
    samples = pack("<3h", 10, -32768, 0)
    waves = [WaveformRow(3, 0, T0 + 1 - behind, T0 + 1.024, samples)]
    await write(recorder, Batch(descriptions={"m1": description}))
    await write(recorder, Batch(numerics={"m1": rows}, waveforms={"m1": waves}, events=[event]))
    with pytest.raises(ActRefused, match="nothing is kept of alarm 7 yet"):
        kept.evidence(7)
    await write(recorder, Batch(evidence=[wanted(event)]))
    found = kept.evidence(7)
    assert (found.bed, found.raised_at) == ("B12", T0)
    assert (found.since, found.until) == (T0 - 10, T0 + 10)
    heart_rate, saturation = found.numerics
    assert (heart_rate.name, heart_rate.unit) == ("HR", "/min")
    assert (heart_rate.at, heart_rate.values) == ([T0, T0 + 1], [0.0, 80.0])
    assert saturation.values == [None, None]
    (pleth,) = found.waveforms
    assert (pleth.name, pleth.unit, pleth.rate_hz) == ("Pleth", "1", 125.0)
    assert pleth.chunks == [(T0 + 1, [-2.0, None, -3.0])]


@pytest.mark.spec("STORE-42")
async def test_evidence_has_nothing_that_was_observed_before_the_patient_came(recorder, kept):
    """Also of what was received after it."""
    event = alarm_event(7, device_id="m1")
    rows = [NumericRow(1, T0 - 5, T0 - 2, (55.0, 91.0), (), ()),
            NumericRow(2, T0 - 1, T0 - 1, (0.0, 97.0), (), ())]  # fmt: skip
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    await write(recorder, Batch(numerics={"m1": rows}, events=[event]))
    await write(recorder, Batch(evidence=[of_one_patient(wanted(event), T0 - 3)]))
    found = kept.evidence(7)
    assert (found.raised_at, found.since, found.until) == (T0, T0 - 3, T0 + 10)
    assert [(each.at, each.values) for each in found.numerics] == [
        ([T0 - 1], [0.0]),
        ([T0 - 1], [97.0]),
    ]


@pytest.mark.spec("RECORDS-11")
async def test_an_alarm_that_never_was_has_no_evidence(recorder, kept):
    with pytest.raises(ActRefused, match="there is no alarm 7"):
        kept.evidence(7)


@pytest.mark.spec("RECORDS-13")
def test_a_server_does_not_pay_for_it():
    code = "import sys, rpm_service.app; print('numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


@pytest.mark.spec("RECORDS-3")
async def test_a_trend_goes_along_with_a_transfer(recorder, kept):
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, 10):
        await write(recorder, observed("m1", numeric_row(seq, 60.0 + seq, nan)))
    stays = [
        Stay("B1", "p0", ADULT, T0, T0 + 2.5),
        Stay("B1", "p1", ADULT, T0 + 2.5, T0 + 5.5),
        Stay("B2", "p1", ADULT, T0 + 5.5),
    ]
    places = [Association("m1", "B1", T0, T0 + 5.5), Association("m1", "B2", T0 + 5.5)]
    await write(recorder, Batch(stays=stays, associations=places))
    export = kept.export("B2", T0, T0 + 60)
    assert [values[0] for chunk in export.chunks for _, values in chunk] == [
        60.0 + seq for seq in range(3, 10)
    ]
    assert list(kept.export("B1", T0, T0 + 60).chunks) == []


@pytest.mark.spec("RECORDS-17")
async def test_what_came_late_is_in_its_place(recorder, kept, monkeypatch):
    """Values of minutes 3 to 5 come after that of minute 9."""
    monkeypatch.setattr(tail, "BLOCK_ROWS", 2)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    began, order = T0 - 3000, (0, 1, 2, 9, 3, 10, 4, 5, 11)
    for seq, minute in enumerate(order, 1):
        live_at = began + 60.0 * max(order[:seq])
        row = NumericRow(seq, began + 60.0 * minute, live_at, (60.0 + minute, 97.0), (), ())
        await write(recorder, observed("m1", row))
    event = replace(alarm_event(7), observed_at=began + 300.0, late_detected=True)
    await write(recorder, Batch(events=[event]))
    found = kept.export("m1", began - 600.0, began + 3000.0)
    rows = [row for chunk in found.chunks for row in chunk]
    minutes = sorted(order)
    assert [at for at, _ in rows] == [began + 60.0 * minute for minute in minutes]
    assert [values for _, values in rows] == [[60.0 + minute, 97.0] for minute in minutes]
    trend = kept.trend("m1", began - 600.0, began + 3000.0, 200)
    means = [value for value in trend.metrics[0].mean if value is not None]
    assert means == [60.0 + minute for minute in minutes]
    (entry,) = kept.journal(JournalQuery()).entries
    assert entry.event.late_detected
