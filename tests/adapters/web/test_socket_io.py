"""Socket.IO, as the library's own client gets it, over real TLS."""

import asyncio
import json
import re
import socket as sockets
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import httpx2
import pytest
import socketio
from google.protobuf.json_format import ParseDict
from websockets.exceptions import ConnectionClosed, InvalidStatus

from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.live_socket import (
    FRAME_BYTES_MAX,
    INVALID_DATA,
    NO_SESSION,
    POLICY_VIOLATION,
    SERVICE_RESTART,
    UNSUPPORTED_DATA,
    Patience,
)
from rpm_service.adapters.web.sessions import SOCKETS_MAX
from rpm_service.application.access import Person, Rights
from rpm_service.application.effects import Description
from rpm_service.application.monitoring import FeedClosed
from rpm_service.v1 import monitoring_pb2 as m
from tests.adapters.web.station import (
    PATIENCE_S,
    SUBSCRIBE,
    Device,
    Station,
    closed,
    frame,
    station,
)
from tests.adapters.web.test_events import alarms, values
from tests.adapters.web.test_live_socket import MESSAGE_TOO_BIG, Endless
from tests.support.memory_recorder import MemoryRecorder
from tests.support.vital_signs import numeric

GUIDE = Path(__file__).parents[3] / "docs" / "integrator-guide.md"
NAMESPACE = "/monitoring"
RAW = "/socket.io/?EIO=4&transport=websocket"
CONNECT = f"40{NAMESPACE},"
KINDS = ("snapshot", "delta", "progress", "closing")


class Program:
    """A Socket.IO client that remembers where it is."""

    def __init__(self, ward: Station, browser: httpx2.AsyncClient) -> None:
        self.ward = ward
        self.browser = browser
        self.origin = ward.origin
        self.run, self.revision = "", "0"
        self.frames: list[m.WatchResponse] = []
        self.ended = asyncio.Event()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator["Program"]:
        self._came: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        connector = aiohttp.TCPConnector(ssl=self.ward.trust)
        async with aiohttp.ClientSession(connector=connector) as http:
            self.client = socketio.AsyncClient(reconnection=False, http_session=http)
            for kind in KINDS:
                self.client.on(kind, self._take(kind), NAMESPACE)
            self.client.on("disconnect", lambda *_: self.ended.set(), NAMESPACE)
            cookie = f"{COOKIE}={self.browser.cookies.get(COOKIE, '')}"
            await self.client.connect(
                f"https://localhost:{self.ward.port}",
                headers={"Origin": self.origin, "Cookie": cookie},
                transports=["websocket"],
                namespaces=[NAMESPACE],
            )
            try:
                yield self
            finally:
                await self.client.disconnect()

    def _take(self, kind: str) -> Any:
        return lambda message: self._came.put_nowait((kind, message))

    async def say(self, name: str, **message: Any) -> None:
        await self.client.emit(name, message, namespace=NAMESPACE)

    async def subscribe(self, **wanted: Any) -> None:
        await self.say("subscribe", run=self.run, revision=self.revision, **wanted)

    async def message(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            kind, message = await self._came.get()
        self.run = message.get("run", self.run)
        self.revision = message.get("revision", self.revision)
        return kind, message

    async def frame(self) -> m.WatchResponse:
        """The next event, as the frame that it stands for."""
        kind, message = await self.message()
        response = ParseDict({kind: message}, m.WatchResponse())
        self.frames.append(response)
        return response


@pytest.mark.spec("LISTEN-12")
async def test_a_program_gets_a_snapshot_then_deltas_then_progress(ward: Station) -> None:
    device = Device(ward)
    async with Program(ward, await ward.signed_in()).connected() as program:
        await program.subscribe()
        snapshot = (await program.frame()).snapshot
        assert [bed.bed for bed in snapshot.beds] == ["bed-1"]
        device.alarm()
        delta = (await program.frame()).delta
        assert [alarm.condition for alarm in delta.alarms] == ["DEVICE_APNOEA"]
        ward.clock.advance(1.0)
        assert (await program.frame()).progress.server_clock == ward.clock.now()


@pytest.mark.spec("LISTEN-12")
async def test_what_a_program_hears_is_what_a_live_socket_gets(ward: Station) -> None:
    device = Device(ward, what=Description((numeric("HR"),)))
    browser = await ward.signed_in()
    async with Program(ward, browser).connected() as program, ward.watch(browser) as socket:
        await program.subscribe()
        await socket.send(SUBSCRIBE)
        seen: list[m.WatchResponse] = []
        for count, value in enumerate((None, 0.0, 0.0)):
            if value is not None:
                ward.clock.advance(0.2)
                device.measure(value)
                device.alarm(present=count == 1)
            while len(alarms(seen)) < count or not seen:
                seen.append(await frame(socket))
            while len(alarms(program.frames)) < len(alarms(seen)) or not program.frames:
                await program.frame()
        assert alarms(program.frames) == alarms(seen)
        assert len(alarms(seen)) >= 2
        assert values(program.frames) == values(seen) == [0.0]


@pytest.mark.spec("LISTEN-13")
async def test_wherever_the_connection_drops_a_program_loses_and_repeats_nothing(
    ward: Station,
) -> None:
    device = Device(ward)
    chance = Random(4)
    program = Program(ward, await ward.signed_in())
    happened = 0
    for _ in range(6):
        async with program.connected():
            await program.subscribe()
            await program.frame()
            for _ in range(chance.randrange(3)):
                happened += 1
                device.alarm(present=happened % 2 == 1)
                await program.frame()
            if chance.random() < 0.5:
                # Dropped, without a goodbye, and with something on its way.
                happened += 1
                device.alarm(present=happened % 2 == 1)
                await program.client.eio.ws.close()
        happened += 1
        device.alarm(present=happened % 2 == 1)
        ward.monitoring.live.publish()
    async with program.connected():
        await program.subscribe()
        while len(alarms(program.frames)) < happened:
            await program.frame()
    kept = [each.event.alarm for each in ward.monitoring.live._alarms]
    heard = [
        (alarm.occurrence_id, alarm.event_seq)
        for each in program.frames
        for alarm in (*each.snapshot.alarms, *each.delta.alarms)
    ]
    assert heard == [(each.occurrence_id, each.event_seq) for each in kept]
    kinds = [each.WhichOneof("frame") for each in program.frames]
    assert kinds.count("snapshot") == 1


@pytest.mark.spec("LISTEN-13")
async def test_the_example_of_the_guide_goes_on_from_where_it_was(
    ward: Station, certs: Path
) -> None:
    _, program = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    own = f"https://127.0.0.1:{ward.port}"
    for shown, here in (("certs/dev", str(certs)), ("https://127.0.0.1:8443", own)):
        assert shown in program
        program = program.replace(shown, here)
    device = Device(ward, "bed 12")
    token = (await ward.signed_in()).cookies[COOKIE]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, token, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await process.stdout.readline() == b"snapshot []\n"
            for connection in list(ward.server._uvicorn.server_state.connections):
                connection.transport.abort()
            device.alarm()
            assert await process.stdout.readline() == b"delta ['DEVICE_APNOEA']\n"
    finally:
        process.kill()
        await process.wait()


@pytest.mark.spec("LISTEN-14")
async def test_beds_are_joined_as_rooms_are_within_the_rights(ward: Station) -> None:
    for name in ("bed-1", "bed-2", "bed 3"):
        Device(ward, name)
    async with Program(ward, await ward.signed_in()).connected() as program:
        await program.subscribe(beds=["bed-2", "bed 3"])
        assert {bed.bed for bed in (await program.frame()).snapshot.beds} == {"bed-2", "bed 3"}
        await program.subscribe(beds=["bed-1"])
        assert [bed.bed for bed in (await program.frame()).snapshot.beds] == ["bed-1"]
    limited = await ward.signed_in(person=Person("n", Rights(units=frozenset({"ICU"}))))
    async with Program(ward, limited).connected() as program:
        await program.subscribe()
        assert not (await program.frame()).snapshot.beds


@pytest.mark.spec("LISTEN-15")
async def test_a_program_confirms_and_covers_as_any_viewer_does(ward: Station) -> None:
    device = Device(ward)
    async with Program(ward, await ward.signed_in("nurse-7")).connected() as program:
        await program.subscribe()
        await program.frame()
        await program.say("presence", audio_armed=True, visible=True)
        described = await program.frame()
        while not described.delta.beds:
            described = await program.frame()
        assert described.delta.beds[0].covered
        device.alarm()
        (event,) = (await program.frame()).delta.alarms
        known = {"occurrence_id": str(event.occurrence_id), "event_seq": event.event_seq}
        await program.client.call(
            "confirm_delivery", {"events": [known]}, NAMESPACE, timeout=PATIENCE_S
        )
        recorder = ward.monitoring._recorder
        assert isinstance(recorder, MemoryRecorder)
        found: list[bool] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < 2:
                await asyncio.sleep(0)
                found = [
                    each.confirmed_at is not None
                    for batch in recorder.batches
                    for each in batch.deliveries
                    if each.viewer == "nurse-7"
                ]
    assert found == [False, True]


@pytest.mark.spec("LISTEN-16")
async def test_without_a_session_or_from_elsewhere_nobody_connects(ward: Station) -> None:
    program = Program(ward, ward.browser())
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with program.connected():
            pass
    program = Program(ward, await ward.signed_in())
    for program.origin in ("https://evil.example", ""):
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with program.connected():
                pass
    assert not ward.monitoring.viewers


@pytest.mark.spec("LISTEN-16")
@pytest.mark.parametrize(
    "path", ["/socket.io/?EIO=3&transport=websocket", "/socket.io/?EIO=4", f"{RAW}&sid=x"]
)
async def test_only_a_new_web_socket_of_this_version_connects(ward: Station, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with ward.watch(await ward.signed_in(), path):
            pass
    assert refused.value.response.status_code == 400
    answer = await (await ward.signed_in()).get("/socket.io/?EIO=4&transport=polling")
    assert (answer.status_code, "websocket" in answer.json()["error"]) == (400, True)


@pytest.mark.spec("LISTEN-16")
async def test_programs_of_a_session_are_bounded_with_its_pages(ward: Station) -> None:
    browser = await ward.signed_in()
    open_ones = [ward.watch(browser, RAW) for _ in range(SOCKETS_MAX)]
    for each in open_ones:
        await each.__aenter__()
    for path in (RAW, "/v1/watch"):
        with pytest.raises(InvalidStatus) as refused:
            async with ward.watch(browser, path):
                pass
        assert refused.value.response.status_code == 429
    for each in open_ones:
        await each.__aexit__(None, None, None)


@pytest.mark.spec("LISTEN-17")
async def test_the_end_of_the_session_ends_a_program_that_then_stays_away(ward: Station) -> None:
    browser = await ward.signed_in()
    async with Program(ward, browser).connected() as program:
        await program.subscribe()
        await program.frame()
        await browser.post("/sign-out")
        assert (await program.frame()).closing.reason == "the session has ended: sign in again"
        async with asyncio.timeout(PATIENCE_S):
            await program.ended.wait()
        assert not program.client.connected
    async with ward.watch(await ward.signed_in(), RAW) as socket:
        for session in list(ward.gate.sessions._sessions.values()):
            ward.gate.sessions.end(session)
        assert await closed(socket) == (NO_SESSION, "the session has ended: sign in again")


class Long(Endless):
    """Always has one more frame, 64 KiB long."""

    async def next_frame(self) -> bytes:
        await asyncio.sleep(0)
        self.given += 1
        beds = [m.BedDescription(bed=f"{self.given} {'x' * 65_536}")]
        return m.WatchResponse(delta=m.Delta(beds=beds)).SerializeToString()


class Few(Long):
    """Has 8 frames, and then the server stops."""

    async def next_frame(self) -> bytes:
        if self.given == 8:
            raise FeedClosed("the server is stopping")
        return await super().next_frame()


@pytest.mark.spec("LISTEN-17")
async def test_a_server_that_stops_says_so_after_what_it_has_still_to_say(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    async with (
        station(certs, tmp_path, static, open_feed=lambda *_: Few()) as ward,
        ward.watch(await ward.signed_in(), RAW, max_queue=1) as socket,
    ):
        told: list[str] = []
        ended = await _told_and_closed(socket, told)
        assert ended == (SERVICE_RESTART, "the server is stopping")
        names = [json.loads(each.partition(",")[2])[0] for each in told[1:]]
        assert names == ["delta"] * 8 + ["closing"], "and no packet that forbids to come back"


@pytest.mark.spec("LISTEN-17")
async def test_a_program_hears_that_the_server_stops(ward: Station) -> None:
    async with Program(ward, await ward.signed_in()).connected() as program:
        await program.subscribe()
        await program.frame()
        await ward.monitoring.drain("the server is stopping")
        assert (await program.frame()).closing.reason == "the server is stopping"


@pytest.mark.spec("LISTEN-18")
async def test_a_program_that_takes_nothing_is_cut_and_another_goes_on(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    feeds: list[Long] = []

    def open_feed(*_: object) -> Long:
        feeds.append(Long())
        return feeds[-1]

    patience = Patience(check_s=0.02, send_s_max=0.2)
    async with station(certs, tmp_path, static, patience=patience, open_feed=open_feed) as ward:
        browser = await ward.signed_in()
        own = sockets.socket()
        # What the program's own kernel takes in is not the server's.
        own.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 32_768)
        own.connect(("127.0.0.1", ward.port))
        async with (
            ward.watch(
                browser, RAW, sock=own, server_hostname="localhost", max_queue=1, close_timeout=0.1
            ) as stuck,
            ward.watch(browser, RAW, max_queue=1, close_timeout=0.1) as other,
        ):
            await stuck.send(CONNECT)
            for number in range(200):
                # It wants an answer to each, and takes none.
                await stuck.send(f'42{NAMESPACE},{number}["subscribe",{{}}]')
            while not feeds[0].forgotten.is_set():
                async with asyncio.timeout(PATIENCE_S):
                    await other.recv()
            assert 1 <= feeds[0].given <= 24, "64 KiB each"
            for _ in range(20):
                assert await other.recv()
            assert not feeds[1].forgotten.is_set()
        own.close()
    left = [task for task in asyncio.all_tasks() if "engineio" in repr(task)]
    assert not left, "nothing of the library waits for what is gone"


@pytest.mark.spec("LISTEN-18")
async def test_a_program_that_is_not_heard_is_closed(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    patience = Patience(check_s=0.02, heard_s_max=0.1)
    async with (
        station(certs, tmp_path, static, patience=patience) as ward,
        ward.watch(await ward.signed_in(), RAW) as socket,
    ):
        assert await closed(socket) == (POLICY_VIOLATION, "no heartbeat for 0.1 s")


@pytest.mark.spec("LISTEN-18")
async def test_the_heartbeat_of_the_library_keeps_a_program(
    certs: Path, static: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpm_service.adapters.web.socket_io.PING_S", 0.1)
    patience = Patience(check_s=0.02, heard_s_max=0.6)
    async with station(certs, tmp_path, static, patience=patience) as ward:
        socket = ward.watch(await ward.signed_in(), RAW)
        async with socket as raw:
            began = asyncio.get_running_loop().time()
            assert (await raw.recv())[:1] == "0"
            while asyncio.get_running_loop().time() < began + 0.9:
                async with asyncio.timeout(PATIENCE_S):
                    assert await raw.recv() == "2"
                await raw.send("3")


BAD = [
    (b"\x04", UNSUPPORTED_DATA, "bytes"),
    (f"451-{NAMESPACE},[]", UNSUPPORTED_DATA, "not spoken"),
    (f"461-{NAMESPACE},1[]", UNSUPPORTED_DATA, "not spoken"),
    (f"43{NAMESPACE},1[]", UNSUPPORTED_DATA, "not spoken"),
    ("2probe", INVALID_DATA, "not a Socket.IO packet"),
    ("", UNSUPPORTED_DATA, "not spoken"),
    ("4", INVALID_DATA, "its name"),
    ("4x", INVALID_DATA, "not a Socket.IO packet"),
    (f"42{NAMESPACE},{{", INVALID_DATA, "not a Socket.IO packet"),
    (f"42{NAMESPACE}," + "[" * 40_000, INVALID_DATA, "not a Socket.IO packet"),
    (f"42{NAMESPACE},[]", INVALID_DATA, "its name"),
    (f"42{NAMESPACE},[[1]]", INVALID_DATA, "its name"),
    (f"42{NAMESPACE},7", INVALID_DATA, "its name"),
    (CONNECT, POLICY_VIOLATION, "connected already"),
    (f'42{NAMESPACE},["presence",{{}}]', POLICY_VIOLATION, "subscribe first"),
    (f'42{NAMESPACE},["subscribe",7]', INVALID_DATA, "one JSON object"),
    (f'42{NAMESPACE},["subscribe",{{"bed":[]}}]', INVALID_DATA, '"bed"'),
    (f'42{NAMESPACE},["subscribe",{{"beds":7}}]', INVALID_DATA, "beds"),
    (f'42{NAMESPACE},["subscribe",{{"revision":NaN}}]', INVALID_DATA, "revision"),
    (f'42{NAMESPACE},["subscribe",{{"beds":[[{{}}]]}}]', INVALID_DATA, "beds"),
    ("4" + "x" * FRAME_BYTES_MAX, MESSAGE_TOO_BIG, ""),
]


@pytest.mark.spec("LISTEN-19")
async def test_a_bad_packet_ends_its_own_connection_and_no_other(
    ward: Station, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await ward.signed_in()
    async with Program(ward, browser).connected() as calm:
        await calm.subscribe()
        await calm.frame()
        for data, code, reason in BAD:
            async with ward.watch(browser, RAW) as socket:
                await socket.send(CONNECT)
                await socket.send(data)
                told: list[str] = []
                ended, why = await _told_and_closed(socket, told)
                assert ended == code, (data, why)
                assert reason in why, (data, why)
                if code != MESSAGE_TOO_BIG:
                    name, message = json.loads(told[-2].partition(",")[2])
                    assert (name, reason in message["reason"]) == ("closing", True)
                    assert told[-1] == f"41{NAMESPACE},", "and it does not come back by itself"
        ward.clock.advance(1.0)
        assert (await calm.frame()).HasField("progress")
    assert not caplog.records, "who sends nonsense fills no log"


async def _told_and_closed(socket: Any, told: list[str]) -> tuple[int, str]:
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionClosed):
            while True:
                told.append(await socket.recv())
    return await closed(socket)


@pytest.mark.spec("LISTEN-19")
async def test_an_event_that_is_not_known_yet_changes_nothing(ward: Station) -> None:
    async with Program(ward, await ward.signed_in()).connected() as program:
        await program.say("of_a_newer_version", any=1)
        await program.subscribe()
        assert (await program.frame()).HasField("snapshot")
