"""Server-sent events, as the SSE client of httpx2 and curl-like readers get them."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx2
import pytest
from google.protobuf.json_format import MessageToDict, Parse

from rpm_service.adapters.web import server
from rpm_service.adapters.web.events import parse_id
from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.sessions import SOCKETS_MAX
from rpm_service.application.access import Person, Rights
from rpm_service.application.effects import Description
from rpm_service.application.live import LeftOff
from rpm_service.v1 import monitoring_pb2 as m
from tests.adapters.web.station import PATIENCE_S, SUBSCRIBE, Device, Station, frame, station
from tests.adapters.web.test_live_socket import Endless
from tests.support.vital_signs import numeric

EVENTS = "/v1/events"


class Listener:
    """An SSE client that remembers where it is."""

    def __init__(self, browser: httpx2.AsyncClient, path: str = EVENTS) -> None:
        self.browser = browser
        self.path = path
        self.last_id = ""
        self.frames: list[m.WatchResponse] = []

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Listener"]:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        async with self.browser.stream(
            "GET", self.path, headers=headers, timeout=PATIENCE_S
        ) as answer:
            assert answer.status_code == 200, await answer.aread()
            self._events = aiter(httpx2.EventSource(answer))
            yield self

    async def event(self) -> Any:
        """The next event that bears a message."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await anext(self._events)).data:
                pass
        self.last_id = found.id
        return found

    async def frame(self) -> m.WatchResponse:
        """The next event, as the frame that it stands for."""
        found = await self.event()
        response = m.WatchResponse()
        Parse(found.data, getattr(response, found.event))
        getattr(response, found.event).SetInParent()
        assert response.WhichOneof("frame") == found.event
        self.frames.append(response)
        return response

    def alarms(self) -> list[tuple[int, int]]:
        """Every alarm event that came, in order."""
        return [
            (alarm.occurrence_id, alarm.event_seq)
            for each in self.frames
            for alarm in (*each.snapshot.alarms, *each.delta.alarms)
        ]


@pytest.mark.spec("LISTEN-4")
async def test_a_listener_gets_a_snapshot_then_deltas_then_progress(ward: Station) -> None:
    device = Device(ward)
    async with Listener(await ward.signed_in()).connected() as listener:
        snapshot = (await listener.frame()).snapshot
        assert [bed.bed for bed in snapshot.beds] == ["bed-1"]
        assert listener.last_id == f"{snapshot.run}-{snapshot.revision}"
        device.alarm()
        delta = (await listener.frame()).delta
        assert [alarm.condition for alarm in delta.alarms] == ["DEVICE_APNOEA"]
        assert listener.last_id == f"{snapshot.run}-{delta.revision}"
        ward.clock.advance(1.0)
        assert (await listener.frame()).progress.server_clock == ward.clock.now()


@pytest.mark.spec("LISTEN-5")
async def test_what_is_heard_is_what_a_live_socket_gets(ward: Station) -> None:
    device = Device(ward, what=Description((numeric("HR"),)))
    browser = await ward.signed_in()
    async with Listener(browser).connected() as listener, ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        seen: list[m.WatchResponse] = []
        for count, value in enumerate((None, 0.0, 0.0)):
            if value is not None:
                ward.clock.advance(0.2)
                device.measure(value)
                device.alarm(present=count == 1)
            while len(alarms(seen)) < count or not seen:
                seen.append(await frame(socket))
            while len(alarms(listener.frames)) < len(alarms(seen)) or not listener.frames:
                await listener.frame()
        assert alarms(listener.frames) == alarms(seen)
        assert len(alarms(seen)) >= 2
        assert values(listener.frames) == values(seen) == [0.0]


def alarms(frames: list[m.WatchResponse]) -> list[Any]:
    """Every alarm event, whole."""
    return [
        MessageToDict(alarm)
        for each in frames
        for alarm in (*each.snapshot.alarms, *each.delta.alarms)
    ]


def values(frames: list[m.WatchResponse]) -> list[float]:
    """The newest values."""
    told = [n for each in frames for n in (*each.snapshot.numerics, *each.delta.numerics)]
    return list(told[-1].values)


@pytest.mark.spec("LISTEN-4")
async def test_zero_is_there_and_no_value_is_nan(ward: Station) -> None:
    device = Device(ward, what=Description((numeric("HR"), numeric("SpO2"))))
    device.measure(0.0, float("nan"))
    ward.monitoring.live.publish()
    async with Listener(await ward.signed_in()).connected() as listener:
        event = await listener.event()
    snapshot = json.loads(event.data)
    assert snapshot["numerics"][0]["values"] == [0.0, "NaN"]
    assert 0 < int(snapshot["revision"]) <= ward.monitoring.live.revision
    assert snapshot["beds"][0]["patient_id"] == "", "without presence it is always there"
    assert "audio_paused_until" not in snapshot["beds"][0], "missing is missing"


@pytest.mark.spec("LISTEN-6")
async def test_wherever_the_connection_drops_nothing_is_lost_or_heard_twice(ward: Station) -> None:
    device = Device(ward)
    listener = Listener(await ward.signed_in())
    happened = 0
    for seed in range(4):
        chance = Random(seed)
        for _ in range(8):
            async with listener.connected():
                for _ in range(chance.randrange(1, 4)):
                    happened += 1
                    device.alarm(present=happened % 2 == 1)
                    await listener.frame()
            if chance.random() < 0.5:
                happened += 1
                device.alarm(present=happened % 2 == 1)
                ward.monitoring.live.publish()
    async with listener.connected():
        while len(listener.alarms()) < happened:
            await listener.frame()
    kept = [each.event.alarm for each in ward.monitoring.live._alarms]
    assert listener.alarms() == [(each.occurrence_id, each.event_seq) for each in kept]
    kinds = [each.WhichOneof("frame") for each in listener.frames]
    assert kinds.count("snapshot") == 1


@pytest.mark.spec("LISTEN-6")
@pytest.mark.parametrize("last_id", ["", "7", "-7", "other-1", "run-x", "a" * 80 + "-1", "run--1"])
async def test_an_id_that_is_none_of_ours_brings_a_snapshot(ward: Station, last_id: str) -> None:
    Device(ward)
    listener = Listener(await ward.signed_in())
    listener.last_id = last_id
    async with listener.connected():
        assert (await listener.frame()).WhichOneof("frame") == "snapshot"


def test_an_id_is_a_run_and_a_revision() -> None:
    assert parse_id("abc-12") == LeftOff("abc", 12)


@pytest.mark.spec("LISTEN-7")
async def test_a_listener_hears_the_beds_and_units_it_asked_for_within_its_rights(
    ward: Station,
) -> None:
    for name in ("bed-1", "bed-2", "bed,3"):
        Device(ward, name)
    browser = await ward.signed_in()
    async with Listener(browser, f"{EVENTS}?beds=bed-1,bed-2").connected() as listener:
        assert len((await listener.frame()).snapshot.beds) == 2
    limited = await ward.signed_in(person=Person("n", Rights(units=frozenset({"ICU"}))))
    async with Listener(limited).connected() as listener:
        assert not (await listener.frame()).snapshot.beds


@pytest.mark.spec("LISTEN-8")
async def test_without_a_session_nothing_is_heard(ward: Station) -> None:
    assert (await ward.browser().get(EVENTS)).status_code == 401


@pytest.mark.spec("LISTEN-8")
async def test_another_origin_hears_nothing(ward: Station) -> None:
    browser = await ward.signed_in()
    answer = await browser.get(EVENTS, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not ward.monitoring.viewers


@pytest.mark.spec("LISTEN-8")
async def test_a_program_that_names_no_origin_listens(ward: Station) -> None:
    browser = await ward.signed_in()
    del browser.headers["Origin"]
    async with Listener(browser).connected() as listener:
        assert (await listener.frame()).WhichOneof("frame") == "snapshot"


@pytest.mark.spec("LISTEN-9")
async def test_one_session_has_a_bounded_number_of_listeners(ward: Station) -> None:
    browser = await ward.signed_in()
    listeners = [Listener(browser).connected() for _ in range(SOCKETS_MAX)]
    for each in listeners:
        await each.__aenter__()
    answer = await browser.get(EVENTS)
    assert answer.status_code == 429
    for each in listeners:
        await each.__aexit__(None, None, None)


@pytest.mark.spec("LISTEN-10")
async def test_the_end_of_the_session_ends_the_stream_with_a_reason(ward: Station) -> None:
    browser = await ward.signed_in()
    async with Listener(browser).connected() as listener:
        await listener.frame()
        await browser.post("/sign-out")
        closing = (await listener.frame()).closing
        assert closing.reason == "the session has ended: sign in again"
        with pytest.raises(StopAsyncIteration):
            await listener.event()


@pytest.mark.spec("LISTEN-10")
async def test_a_server_that_stops_says_so(ward: Station) -> None:
    async with Listener(await ward.signed_in()).connected() as listener:
        await listener.frame()
        before = listener.last_id
        await ward.monitoring.drain("the server is stopping")
        assert (await listener.frame()).closing.reason == "the server is stopping"
        assert listener.last_id == before, "from there it goes on, elsewhere or later"


@pytest.mark.spec("LISTEN-11")
async def test_a_listener_that_takes_nothing_is_dropped(
    certs: Path, static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TAKE_S_MAX", 0.1)

    class Long(Endless):
        """Always has one more frame, 64 KiB long."""

        async def next_frame(self) -> bytes:
            await asyncio.sleep(0)
            self.given += 1
            beds = [m.BedDescription(bed=f"{self.given} {'x' * 65_536}")]
            return m.WatchResponse(delta=m.Delta(beds=beds)).SerializeToString()

    feed = Long()
    async with station(certs, tmp_path, static, open_feed=lambda *_: feed) as ward:
        browser = await ward.signed_in()
        raw = sockets.create_connection(("127.0.0.1", ward.port))
        raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        raw.setblocking(False)
        _, writer = await asyncio.open_connection(
            sock=raw, ssl=ward.trust, server_hostname="localhost", limit=1024
        )
        cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
        head = f"GET {EVENTS} HTTP/1.1\r\nHost: localhost:{ward.port}\r\nCookie: {cookie}\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(PATIENCE_S):
            await feed.forgotten.wait()
        assert feed.given < 64, "what waited for it was bounded"
        writer.transport.abort()
