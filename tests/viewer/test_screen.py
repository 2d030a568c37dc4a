"""What a person sees of a ward on a terminal."""

import asyncio
import io
import time
from math import nan
from typing import Any

import pytest
from rich.console import Console, RenderableType

from rpm_service.commands.watch import Picture, Reached, _draw
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2
from rpm_service.viewer.feed import Lost, Replies
from rpm_service.viewer.screen import draw
from rpm_service.viewer.ward import NEVER_HELD_BACK, ShownWard

NOW = 1_000_000.0


def metric(name: str, **limits: float) -> m.MetricDescription:
    in_force = telemetry_pb2.MetricLimits(metric=name, **limits) if limits else None
    return m.MetricDescription(name=name, decimals=0, stale_after_s=60, limits=in_force)


METRICS = (
    metric("HR", low=50, high=120),
    metric("SpO2", low=90),
    metric("CVP", high=12),
    metric("X"),
)


def bed(number: int, **fields: Any) -> m.BedDescription:
    standard: dict[str, Any] = {
        "number": number,
        "bed": f"bed-{number}",
        "connection": m.CONNECTION_CONNECTED,
        "metrics": METRICS,
    }
    return m.BedDescription(**(standard | fields))


def numerics(number: int, *values: float, **fields: Any) -> m.BedNumerics:
    observed_at = fields.pop("observed_at", [NOW] * len(values))
    return m.BedNumerics(number=number, values=values, observed_at=observed_at, **fields)


def alarm(occurrence_id: int, bed: str, condition: str, **fields: Any) -> a.AlarmEvent:
    standard = {
        "kind": a.ALARM_KIND_PHYSIOLOGICAL,
        "priority": a.ALARM_PRIORITY_MEDIUM,
        "presence": a.ALARM_PRESENCE_ON,
        "raised_at": NOW - 65,
    }
    return a.AlarmEvent(
        occurrence_id=occurrence_id, bed=bed, condition=condition, **(standard | fields)
    )


def snapshot(beds: int = 1, *alarms: a.AlarmEvent, **values: m.BedNumerics) -> m.WatchResponse:
    return m.WatchResponse(
        snapshot=m.Snapshot(
            server_clock=NOW,
            beds=[bed(number) for number in range(1, beds + 1)],
            numerics=values.values() or [numerics(n, 80, 97, 5, 1) for n in range(1, beds + 1)],
            alarms=alarms,
        )
    )


def ward(frame: m.WatchResponse) -> ShownWard:
    shown = ShownWard()
    list(shown.take(frame))
    return shown


def lines(picture: RenderableType, height: int = 100, *, colours: bool = False) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=90, height=height, color_system="standard" if colours else None).print(
        picture
    )
    return [line.rstrip() for line in file.getvalue().splitlines()]


def words(line: str) -> list[str]:
    return line.split()


LOW_SPO2 = alarm(1, "bed-1", "SPO2_LOW", metric="SpO2", value=84, limit=90)
ASYSTOLE = alarm(
    2, "bed-2", "HR_LOW", metric="HR", value=0, limit=35,
    priority=a.ALARM_PRIORITY_HIGH, raised_at=NOW - 5,
)  # fmt: skip
GONE = alarm(
    3, "bed-3", "CONNECTION_LOST", kind=a.ALARM_KIND_TECHNICAL, priority=a.ALARM_PRIORITY_LOW
)


@pytest.mark.spec("WATCH-9")
def test_each_value_has_its_age_and_its_limits() -> None:
    values = numerics(
        1, 0, 97, 5, nan,
        observed_at=[NOW, NOW - 12, NOW, 0],
        validity=[a.VALIDITY_VALID, a.VALIDITY_VALID, a.VALIDITY_QUESTIONABLE, a.VALIDITY_MISSING],
    )  # fmt: skip
    heading, row, limits, *_ = lines(draw(ward(snapshot(1, bed_1=values)), NOW + 1))
    assert words(heading) == ["bed", "HR", "SpO2", "CVP", "X"]
    assert words(row) == ["bed-1", "0", "97", "13s", "5?", "--?"]
    assert words(limits) == ["50-120", "≥90", "≤12"]


@pytest.mark.spec("WATCH-9")
def test_limits_of_the_patients_own_have_a_star() -> None:
    frame = snapshot()
    for each in frame.snapshot.beds[0].metrics:
        each.override.by = "nurse-7"
    shown = ward(frame)
    _, _, limits, *_ = lines(draw(shown, NOW))
    assert words(limits) == ["50-120*", "≥90*", "≤12*"]


@pytest.mark.spec("WATCH-9")
def test_no_value_of_a_device_that_is_gone_or_of_a_time_that_is_past_is_shown() -> None:
    shown = ward(snapshot(2))
    shown.beds[2].description.connection = m.CONNECTION_LOST
    _, first, _, second, *_ = lines(draw(shown, NOW + 60))
    assert words(first) == ["bed-1", "80", "1min", "97", "1min", "5", "1min", "1", "1min"]
    assert words(second) == ["bed-2", *["--?"] * 4, "NO", "SIGNAL"]
    _, first, *_ = lines(draw(shown, NOW + 61))
    assert words(first) == ["bed-1", *["--?"] * 4]


@pytest.mark.spec("WATCH-9")
def test_a_value_beyond_its_limit_has_the_colour_of_its_priority() -> None:
    _, row, *_ = lines(draw(ward(snapshot(1, LOW_SPO2)), NOW), colours=True)
    before, _, after = row.partition("97")
    assert before.count("43m") == 1
    assert "43m" not in after


@pytest.mark.spec("WATCH-10")
def test_alarms_are_told_in_words_the_worst_first() -> None:
    taken = alarm(
        4, "bed-1", "HR_HIGH", metric="HR", value=150, limit=120, raised_at=NOW - 3600,
        presence=a.ALARM_PRESENCE_ACKNOWLEDGED, acknowledged_by="nurse-7",
        responsibility=a.RESPONSIBILITY_ACCEPTED, responsible="doctor-1",
    )  # fmt: skip
    ended = alarm(5, "bed-1", "ASYSTOLE", presence=a.ALARM_PRESENCE_LATCHED, text="lead II")
    shown = lines(draw(ward(snapshot(3, GONE, LOW_SPO2, taken, ended, ASYSTOLE)), NOW))
    assert [" ".join(words(line)) for line in shown[-5:]] == [
        "!!! HIGH bed-2 HR below 35 0:05 #2",
        "!! MEDIUM bed-1 HR above 120 60:00 acknowledged by nurse-7 doctor-1 goes #4",
        "!! MEDIUM bed-1 SpO2 below 90 1:05 #1",
        "!! MEDIUM bed-1 asystole (lead II) 1:05 ended, reset to clear #5",
        "! LOW bed-3 connection lost 1:05 #3",
    ]
    assert lines(draw(ward(snapshot(1)), NOW))[-1] == "no alarms"
    assert lines(draw(ward(snapshot(0)), NOW)) == ["no beds", "no alarms"]


@pytest.mark.spec("WATCH-10")
def test_an_early_warning_score_is_told_by_what_it_has_reached() -> None:
    five = alarm(1, "bed-1", "NEWS2_HIGH", metric="NEWS2", value=6, limit=5)
    three = alarm(2, "bed-2", "NEWS2_HIGH", metric="NEWS2", value=3)
    shown = lines(draw(ward(snapshot(2, five, three)), NOW))
    assert [" ".join(words(line)) for line in shown[-2:]] == [
        "!! MEDIUM bed-1 NEWS2 5 or more 1:05 #1",
        "!! MEDIUM bed-2 NEWS2 a single 3 1:05 #2",
    ]


@pytest.mark.spec("WATCH-10")
def test_what_is_held_back_is_told_with_the_time_that_is_left() -> None:
    shown = ward(snapshot(2))
    shown.beds[1].description.inactivations.extend(
        (
            m.BedInactivation(state=a.INACTIVATION_AUDIO_PAUSED, until=NOW + 90),
            m.BedInactivation(state=a.INACTIVATION_ALARM_OFF, metric="SpO2", condition="SPO2_LOW"),
        )
    )
    shown.beds[2].description.connection = m.CONNECTION_LOST
    paused = m.BedInactivation(state=a.INACTIVATION_ALARM_PAUSED, metric="HR", until=NOW + 1)
    shown.beds[2].description.inactivations.append(paused)
    _, first, _, second, *_ = lines(draw(shown, NOW + 1))
    assert first.endswith("AUDIO PAUSED 1:29  SPO2 LOW ALARM OFF")
    assert second.endswith("NO SIGNAL  HR ALARM PAUSED 0:00")


@pytest.mark.spec("WATCH-11")
def test_alarms_are_the_last_to_give_way_to_a_small_terminal() -> None:
    shown = ward(snapshot(4, LOW_SPO2, ASYSTOLE, GONE))
    for height in range(2, 20):
        seen = lines(draw(shown, NOW, height), height)
        assert len(seen) <= height
        said = "\n".join(seen)
        hidden = {
            word: int(line.split()[0])
            for line in seen
            for word in ("beds", "alarms")
            if f"more {word}: make the window higher" in line
        }
        assert ("50-120" in said) == (height >= 4 * 2 + 2 + 3)
        assert hidden.get("alarms", 0) == (3 - (height - 1) if height <= 3 else 0)
        if height > 3:
            rows = sum(line.startswith(" bed-") for line in seen)
            assert rows + hidden.get("beds", 0) == 4
            assert (rows == 4) == (height >= 4 + 2 + 3)
        assert "bed-2 HR" in said.replace("  ", " ")


@pytest.mark.spec("WATCH-12")
async def test_a_feed_that_is_closed_or_quiet_is_not_monitoring() -> None:
    async def feed() -> Any:
        yield Lost("UNAVAILABLE: not there")
        before = said(time.monotonic())
        assert "NOT MONITORING" in before
        assert "connecting: UNAVAILABLE: not there" in before
        yield snapshot(1)
        heard = time.monotonic()
        assert "bed-1" in said(heard)
        assert "bed-1" in said(heard + 4.4)
        quiet = said(heard + 65)
        assert "NOT MONITORING" in quiet
        assert "for 1:05: the server says nothing" in quiet
        assert "97" not in quiet
        yield Lost("no frame for 5 s")
        assert "NOT MONITORING" in said(heard)
        assert "no frame for 5 s" in said(heard)
        yield snapshot(1)
        assert "bed-1" in said(time.monotonic())
        yield m.WatchResponse(closing=m.Closing(reason="the server is stopping"))
        assert "the server is stopping" in said(time.monotonic())

    picture = Picture(Reached("localhost:1", feed()))

    def said(monotonic: float) -> str:
        return "\n".join(lines(picture.drawn(monotonic, None)))

    await picture.read()


@pytest.mark.spec("WATCH-12")
async def test_a_picture_that_cannot_be_drawn_is_not_left_standing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def feed() -> Any:
        yield snapshot(1)
        await asyncio.Event().wait()

    def broken(*_: object) -> RenderableType:
        raise ZeroDivisionError

    monkeypatch.setattr(Picture, "drawn", broken)
    with pytest.raises(ZeroDivisionError):
        await _draw(Reached("localhost:1", feed()), Replies(), armed=False)


@pytest.mark.spec("DELIVERY-21")
async def test_a_picture_has_presented_what_it_had_room_for() -> None:
    """And each as it stands, once, until there is news of it."""

    async def feed() -> Any:
        assert presented(10) == []
        yield snapshot(1, alarm(1, "bed-1", "SPO2_LOW"), alarm(2, "bed-1", "PROBE_OFF"))
        assert presented(2) == [(1, 0)]
        assert presented(2) == []
        assert presented(10) == [(2, 0)]
        gone = alarm(3, "bed-1", "A", presence=a.ALARM_PRESENCE_OFF, event_seq=2)
        yield m.WatchResponse(delta=m.Delta(alarms=[alarm(3, "bed-1", "A"), gone]))
        assert presented(10) == [], "it was never to be seen"
        yield m.WatchResponse(delta=m.Delta(alarms=[alarm(1, "bed-1", "SPO2_LOW", event_seq=2)]))
        yield Lost("no frame for 5 s")
        assert presented(10) == [], "NOT MONITORING shows no alarm"
        yield snapshot(1, alarm(1, "bed-1", "SPO2_LOW", event_seq=2))
        assert presented(10) == [(1, 2)]

    picture = Picture(Reached("localhost:1", feed()))

    def presented(height: int) -> list[tuple[int, int]]:
        picture.drawn(time.monotonic(), height)
        return [(each.occurrence_id, each.event_seq) for each in picture.presented(height)]

    await picture.read()


@pytest.mark.spec("DELIVERY-21")
async def test_the_bell_rings_for_calls_and_for_a_feed_that_is_lost() -> None:
    async def feed() -> Any:
        assert not rings()
        yield snapshot(1)
        assert not rings()
        yield news(alarm(1, "bed-1", "SPO2_LOW", phase=a.ALARM_PHASE_START))
        assert rings()
        assert not rings()
        yield news(alarm(1, "bed-1", "SPO2_LOW", phase=a.ALARM_PHASE_UPDATE, event_seq=2))
        assert not rings()
        yield Lost("no frame for 5 s")
        assert rings()
        assert not rings()
        held = m.BedInactivation(state=a.INACTIVATION_AUDIO_OFF)
        yield m.WatchResponse(snapshot=m.Snapshot(beds=[bed(1, inactivations=[held])]))
        yield news(alarm(2, "bed-1", "HR_HIGH", phase=a.ALARM_PHASE_START))
        assert not rings()
        for number, condition in enumerate(sorted(NEVER_HELD_BACK), 3):
            yield news(alarm(number, "bed-1", condition, phase=a.ALARM_PHASE_START))
            assert rings(), f"{condition} tells that alarms may reach nobody"

    picture = Picture(Reached("localhost:1", feed()))

    def news(event: a.AlarmEvent) -> m.WatchResponse:
        return m.WatchResponse(delta=m.Delta(alarms=[event]))

    def rings() -> bool:
        picture.drawn(time.monotonic(), None)
        return picture.calls()

    await picture.read()
