"""The history checker sees each kind of loss, in histories made up by hand."""

import ast
import sys
from math import nan
from pathlib import Path
from typing import Any

import pytest

from rpm_service.adapters.storage import tail
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch
from rpm_service.application.effects import Gap as GapRow
from rpm_service.domain.alarms import Phase
from rpm_service.domain.signals import Presence
from tests.chaos import checker, stored
from tests.chaos.checker import Verdict, check
from tests.chaos.history import Record
from tests.chaos.stored import Event, Gap, Sample, Stored, stored_in
from tests.support.batches import HR_AND_SPO2, T0, alarm_event, numeric_row, observed, write

FRAMES = {n: [72.0, 97.0, float(n)] for n in range(1, 6)}


def told(what: str, t: float, **more: Any) -> Record:
    return {"t": t, "what": what, **more}


def samples(*numbers: int, device: str = "d") -> list[Sample]:
    return [Sample(device, n, T0 + n, T0 + n, tuple(FRAMES[n])) for n in numbers]


def event(
    occurrence: int,
    seq: int,
    phase: str,
    at: float,
    presence: str = "ON",
    device: str = "d",
    condition: str = "ASYSTOLE",
) -> Event:
    ended_at = at if presence == "OFF" else None
    return Event(0, occurrence, seq, phase, condition, device, 3, presence, at, ended_at, at)


def alarm(occurrence: int, at: float, device: str = "d", seq: int = 1) -> dict[str, Any]:
    return {
        "occurrence_id": occurrence, "event_seq": seq, "phase": "start", "condition": "ASYSTOLE",
        "device_id": device, "raised_at": at,
    }  # fmt: skip


class Story:
    """A device that observed five frames, and a viewer; a heart stood still from 10 to 12."""

    def __init__(self) -> None:
        self.history = [
            told("connected", 0, device="d"),
            told("snapshot", 0, viewer="v", clock=0.0, alarms=[]),
            *(told("observed", n, device="d", n=n, values=each) for n, each in FRAMES.items()),
            told("acked", 6, device="d", first=1, last=5),
            told("began", 10, device="d", condition="ASYSTOLE"),
            told("event", 10.1, viewer="v", alarm=alarm(1, 10.0)),
            told("over", 12, device="d", condition="ASYSTOLE"),
        ]
        self.stored = Stored(
            samples(1, 2, 3, 4, 5),
            [event(1, 1, "start", 10.0), event(1, 2, "end", 12.0, "OFF")],
        )

    def verdict(self, late_s: float = 1.0) -> Verdict:
        self.history.sort(key=lambda record: record["t"])
        return check(self.history, self.stored, late_s)


@pytest.fixture
def story() -> Story:
    return Story()


def test_where_nothing_is_wrong_nothing_is_told(story: Story) -> None:
    verdict = story.verdict()
    assert list(verdict.lines()) == []
    assert verdict
    assert (verdict.observed, verdict.acked, verdict.stored, verdict.alarms) == (5, 5, 5, 1)
    assert verdict.latencies == [pytest.approx(0.1)]


def test_an_acknowledged_sample_that_is_not_stored_is_lost(story: Story) -> None:
    del story.stored.samples[2]
    verdict = story.verdict()
    assert verdict.lost == ["d was told that its sample 3 is on disk"]
    assert not verdict


def test_a_sample_that_nobody_acknowledged_is_not_lost(story: Story) -> None:
    del story.stored.samples[4]
    story.history = [each for each in story.history if each["what"] != "acked"]
    story.history.append(told("acked", 6, device="d", first=1, last=4))
    assert story.verdict()


def test_a_sample_that_was_refused_is_not_lost(story: Story) -> None:
    del story.stored.samples[2]
    story.history.append(told("refused", 5.5, device="d", n=3, why="no"))
    assert story.verdict()


def test_a_sample_with_another_value_is_lost_and_stray(story: Story) -> None:
    story.stored.samples[2] = story.stored.samples[2]._replace(values=(71.0, 97.0, 3.0))
    verdict = story.verdict()
    assert len(verdict.lost) == len(verdict.duplicated) == 1


def test_a_sample_that_is_stored_twice_is_told(story: Story) -> None:
    story.stored.samples += samples(4)
    assert story.verdict().duplicated == ["d: sample 4 is stored 2 times"]


def test_a_sample_at_another_device_is_lost_here_and_stray_there(story: Story) -> None:
    story.stored.samples[0] = story.stored.samples[0]._replace(device="e")
    verdict = story.verdict()
    assert (len(verdict.lost), len(verdict.duplicated)) == (1, 1)


def test_two_devices_may_share_a_name(story: Story) -> None:
    for record in story.history:
        if record["what"] == "event":
            record["alarm"]["device_id"] = "shared"
    story.stored.samples = [each._replace(device="shared") for each in story.stored.samples]
    story.stored.journal = [each._replace(device_id="shared") for each in story.stored.journal]
    assert check(story.history, story.stored, identity="shared")


def test_a_condition_that_held_and_was_not_raised_is_missed(story: Story) -> None:
    story.stored.journal.clear()
    story.history = [each for each in story.history if each["what"] != "event"]
    (missed,) = story.verdict().missed
    assert missed == "d ASYSTOLE held from 10.000 for 2.0 s and was not raised"


def test_a_condition_that_held_while_its_device_was_away_is_not_missed(story: Story) -> None:
    story.stored.journal.clear()
    story.history = [each for each in story.history if each["what"] != "event"]
    story.history.append(told("disconnected", 10.5, device="d", why="gone"))
    assert story.verdict()


def test_a_condition_that_holds_again_under_an_alarm_that_stood_is_not_missed(
    story: Story,
) -> None:
    story.history = [each for each in story.history if each["what"] != "event"]
    story.history += [
        told("began", 5, device="d", condition="ASYSTOLE"),
        told("lost", 5, viewer="v", why="gone"),
        told("over", 7, device="d", condition="ASYSTOLE"),
    ]
    story.stored.journal = [event(1, 1, "start", 5.0), event(1, 2, "end", 12.0, "OFF")]
    assert list(story.verdict().lines()) == []


def test_an_alarm_that_stays_on_though_it_is_over_is_told(story: Story) -> None:
    story.stored.journal[1] = event(2, 1, "start", 30.0, condition="OTHER")
    story.stored.standing = {1: 1, 2: 1}
    story.history.append(told("lost", 20, viewer="v", why="gone"))
    (missed,) = story.verdict().missed
    assert missed == "('d', 'ASYSTOLE') is over since 12.000 and still ON"


def test_an_alarm_that_was_shown_and_is_gone_is_missed(story: Story) -> None:
    story.history.append(told("event", 15, viewer="v", alarm=alarm(2, 15.0)))
    (missed,) = story.verdict().missed
    assert missed == "('d', 'ASYSTOLE') of 15.000 was shown and is gone"


def test_an_alarm_that_was_shown_and_is_raised_again_under_another_number_is_kept(
    story: Story,
) -> None:
    story.history.append(told("event", 15, viewer="v", alarm=alarm(2, 15.0)))
    story.stored.journal += [
        event(100_001, 1, "start", 15.0)._replace(received_at=18.0),
        event(100_001, 2, "end", 19.0, "OFF"),
    ]
    story.history.append(
        told("snapshot", 18.5, viewer="v", clock=18.5, alarms=[alarm(100_001, 15)])
    )
    assert list(story.verdict().lines()) == []


def test_an_alarm_that_was_shown_and_is_found_again_in_values_that_came_late_is_kept(
    story: Story,
) -> None:
    story.history.append(told("event", 15, viewer="v", alarm=alarm(2, 15.0)))
    late = [event(100_001, 1, "start", 13.0, "OFF"), event(100_001, 2, "end", 16.0, "OFF")]
    story.stored.journal += [each._replace(received_at=18.0) for each in late]
    assert list(story.verdict().lines()) == []


def test_a_number_that_means_two_things_is_told(story: Story) -> None:
    story.history.append(told("event", 9, viewer="v", alarm=alarm(1, 9.0, "e")))
    story.stored.journal.append(event(3, 1, "end", 9.0, "OFF", "e"))
    (doubled,) = story.verdict().duplicated
    assert doubled == "occurrence 1 is ('d', 'ASYSTOLE') and ('e', 'ASYSTOLE')"


def test_a_viewer_that_was_there_and_did_not_get_an_alarm_missed_it(story: Story) -> None:
    story.history.append(told("snapshot", 0, viewer="w", clock=0.0, alarms=[]))
    assert story.verdict().missed == ["w did not get ('d', 'ASYSTOLE') (1, 1)"]


def test_a_viewer_that_was_away_did_not_miss_it(story: Story) -> None:
    story.history.append(told("snapshot", 0, viewer="w", clock=0.0, alarms=[]))
    story.history.append(told("lost", 9.9, viewer="w", why="gone"))
    assert story.verdict()


def test_an_alarm_found_in_values_that_came_late_is_missed_by_nobody(story: Story) -> None:
    late = [event(2, 1, "start", 5.0, "OFF"), event(2, 2, "end", 6.0, "OFF")]
    story.stored.journal += [each._replace(received_at=13.0) for each in late]
    assert list(story.verdict().lines()) == []


@pytest.mark.parametrize("at", [11.0, 30.0])
def test_a_snapshot_without_an_alarm_that_stood_is_told(story: Story, at: float) -> None:
    if at > 12:
        del story.stored.journal[1]
        story.stored.standing = {1: 1}
    story.history.append(told("snapshot", at, viewer="v", clock=at, alarms=[]))
    (missed,) = story.verdict().missed
    assert missed == f"v has no occurrence 1 in its snapshot of {at:.3f}"


def test_a_snapshot_in_the_instant_of_an_event_may_have_it_or_not(story: Story) -> None:
    story.history.append(told("snapshot", 10.05, viewer="v", clock=10.05, alarms=[]))
    assert story.verdict()


def test_an_event_of_an_occurrence_that_is_not_there_is_told(story: Story) -> None:
    story.stored.journal[1] = event(1, 3, "end", 12.0, "OFF")
    assert story.verdict().missed == ["occurrence 1 has event 3 after 1"]


def test_a_signal_that_a_restart_would_not_find_is_told(story: Story) -> None:
    story.stored.standing = {1: 2}
    (missed,) = story.verdict().missed
    assert missed == "occurrence 1: its signal and its row of standing differ"


def test_an_alarm_that_took_too_long_is_late(story: Story) -> None:
    verdict = story.verdict(late_s=0.05)
    assert verdict.late == ["d ASYSTOLE of 10.000 was at v after 0.100 s"]


def test_an_alarm_that_began_while_a_viewer_was_away_is_not_late(story: Story) -> None:
    story.history.append(told("lost", 10.02, viewer="v", why="gone"))
    story.history.append(told("snapshot", 10.05, viewer="v", clock=10.05, alarms=[]))
    assert story.verdict(late_s=0.05).latencies == []


async def test_what_the_product_has_written_is_read_from_tail_and_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "BLOCK_ROWS", 3)
    recorder = SqliteRecorder(tmp_path)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2, "m2": HR_AND_SPO2}))
    rows = [numeric_row(seq, 80.0, float(seq)) for seq in range(1, 8)]
    rows[3] = rows[3]._replace(values=(nan,), indices=(1,), validity=(4,))
    for row in rows:
        batch = observed("m1", row)
        batch.numerics["m2"] = [row]
        await write(recorder, batch)
    await write(recorder, Batch(gaps=[GapRow("device/m1", 3, 4, T0)]))
    await write(recorder, Batch(events=[alarm_event(1), alarm_event(2)]))
    await write(recorder, Batch(events=[alarm_event(1, 2, Phase.END, Presence.OFF)]))
    recorder.close()
    found = stored_in(tmp_path)
    for device in ("m1", "m2"):
        own = sorted(each for each in found.samples if each.device == device)
        assert [repr(each[1:]) for each in own] == [repr(tuple(row[:4])) for row in rows]
    assert [(each.occurrence_id, each.event_seq, each.phase) for each in found.journal] == [
        (1, 1, "start"), (2, 1, "start"), (1, 2, "end"),
    ]  # fmt: skip
    assert found.standing == {2: 1}
    assert found.gaps == [Gap("device/m1", 3, 4)]


@pytest.mark.parametrize("module", [checker, stored])
def test_the_checker_imports_nothing_of_what_it_judges(module: Any) -> None:
    names = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    foreign = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign <= {"tests.chaos.history", "tests.chaos.stored"}
