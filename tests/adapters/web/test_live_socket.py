import asyncio
import socket as sockets
from collections.abc import Iterable
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from rpm_service.adapters.web.live_socket import (
    FRAME_BYTES_MAX,
    INVALID_DATA,
    NO_SESSION,
    POLICY_VIOLATION,
    SERVICE_RESTART,
    UNSUPPORTED_DATA,
    Patience,
)
from rpm_service.application.access import SHIFT_S, Rights
from rpm_service.v1 import monitoring_pb2 as m
from tests.adapters.web.station import (
    HEARTBEAT,
    PATIENCE_S,
    SUBSCRIBE,
    Device,
    Station,
    closed,
    frame,
    station,
)
from tests.support.memory_recorder import MemoryRecorder

MESSAGE_TOO_BIG = 1009


@pytest.mark.spec("WEB-9")
async def test_a_viewer_gets_a_snapshot_then_deltas_then_progress(ward: Station) -> None:
    device = Device(ward)
    async with ward.watch(await ward.signed_in()) as socket:
        await socket.send(SUBSCRIBE)
        snapshot = (await frame(socket)).snapshot
        assert [bed.bed for bed in snapshot.beds] == ["bed-1"]

        device.alarm()
        delta = (await frame(socket)).delta
        assert [alarm.condition for alarm in delta.alarms] == ["DEVICE_APNOEA"]
        assert delta.revision > snapshot.revision

        ward.clock.advance(1.0)
        progress = (await frame(socket)).progress
        assert progress.server_clock == ward.clock.now()
        assert progress.revision == delta.revision


@pytest.mark.spec("WEB-9")
async def test_a_viewer_that_subscribes_again_gets_another_snapshot(ward: Station) -> None:
    Device(ward, "bed-1"), Device(ward, "bed-2")
    async with ward.watch(await ward.signed_in()) as socket:
        await socket.send(SUBSCRIBE)
        assert len((await frame(socket)).snapshot.beds) == 2
        await socket.send(m.WatchRequest(subscribe=m.Subscribe(beds=["bed-2"])).SerializeToString())
        assert [bed.bed for bed in (await frame(socket)).snapshot.beds] == ["bed-2"]


@pytest.mark.spec("WEB-9")
async def test_a_viewer_that_leaves_is_forgotten(ward: Station) -> None:
    browser = await ward.signed_in()
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        assert ward.monitoring.viewers == 1
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        assert ward.monitoring.viewers == 1


@pytest.mark.spec("WEB-12")
async def test_signing_out_closes_the_live_sockets_of_that_session_alone(ward: Station) -> None:
    leaving, staying = await ward.signed_in("a"), await ward.signed_in("b")
    async with ward.watch(leaving) as first, ward.watch(staying) as second:
        await first.send(SUBSCRIBE)
        await second.send(SUBSCRIBE)
        await frame(second)
        await leaving.post("/sign-out")
        assert await closed(first) == (NO_SESSION, "the session has ended: sign in again")
        ward.clock.advance(1.0)
        assert (await frame(second)).WhichOneof("frame") == "progress"


@pytest.mark.spec("WEB-12")
async def test_the_end_of_a_shift_closes_the_live_socket(ward: Station) -> None:
    async with ward.watch(await ward.signed_in()) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        ward.clock.advance(SHIFT_S)
        assert (await closed(socket))[0] == NO_SESSION


@pytest.mark.spec("WEB-13")
async def test_a_server_that_stops_says_so_and_then_closes(ward: Station) -> None:
    async with ward.watch(await ward.signed_in()) as socket:
        await socket.send(SUBSCRIBE)
        assert (await frame(socket)).WhichOneof("frame") == "snapshot"
        await ward.monitoring.drain("the server is stopping")
        stopping = asyncio.create_task(ward.server.stop())
        assert (await frame(socket)).closing.reason == "the server is stopping"
        assert await closed(socket) == (SERVICE_RESTART, "the server is stopping")
        await stopping


@pytest.mark.spec("WEB-13")
async def test_a_closing_that_takes_its_time_is_still_sent(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    """The last frame of this feed comes long after the server has begun to stop."""

    class Late(Endless):
        async def next_frame(self) -> bytes:
            if self.given:
                await asyncio.Event().wait()
            self.given += 1
            await stopped_listening.wait()
            return m.WatchResponse(closing=m.Closing(reason="late")).SerializeToString()

    stopped_listening = asyncio.Event()
    async with station(certs, tmp_path, static, open_feed=lambda *_: Late()) as ward:
        async with ward.watch(await ward.signed_in()) as socket:
            await socket.send(SUBSCRIBE)
            stopping = asyncio.create_task(ward.server.stop())
            asyncio.get_running_loop().call_later(0.3, stopped_listening.set)
            assert (await frame(socket)).closing.reason == "late"
        await stopping


class Endless:
    """A feed that always has one more frame: no valid one, 64 KiB long."""

    def __init__(self) -> None:
        self.given = 0
        self.forgotten = asyncio.Event()

    def subscribe(self, beds: object, units: object, **how: object) -> None:
        pass

    def limit(self, rights: Rights) -> None:
        pass

    def present(self, *, armed: bool, visible: bool) -> None:
        pass

    def confirm(self, events: Iterable[tuple[int, int]]) -> None:
        pass

    async def next_frame(self) -> bytes:
        await asyncio.sleep(0)
        self.given += 1
        return bytes(65_536)

    def close(self) -> None:
        self.forgotten.set()


@pytest.mark.spec("WEB-14")
async def test_what_waits_for_a_viewer_that_does_not_read_is_bounded(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    feed = Endless()
    patience = Patience(check_s=0.02, send_s_max=0.2)
    async with station(
        certs, tmp_path, static, patience=patience, open_feed=lambda *_: feed
    ) as ward:
        browser = await ward.signed_in()
        own = sockets.socket()
        # What the viewer's own kernel takes in is not the server's.
        own.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 32_768)
        own.connect(("127.0.0.1", ward.port))
        async with ward.watch(
            browser, sock=own, server_hostname="localhost", max_queue=1, close_timeout=0.1
        ):
            async with asyncio.timeout(PATIENCE_S):
                await feed.forgotten.wait()
            assert 1 <= feed.given <= 24, "64 KiB each"


@pytest.mark.spec("WEB-14")
async def test_a_viewer_that_reads_slowly_gets_on(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    feed = Endless()
    async with (
        station(certs, tmp_path, static, open_feed=lambda *_: feed) as ward,
        ward.watch(await ward.signed_in(), max_queue=1, close_timeout=0.1) as socket,
    ):
        for _ in range(200):
            assert len(await socket.recv()) == 65_536


@pytest.mark.spec("WEB-15")
async def test_a_bad_frame_ends_its_own_socket_and_no_other(ward: Station) -> None:
    browser, other = await ward.signed_in("a"), await ward.signed_in("b")
    async with ward.watch(other) as calm:
        await calm.send(SUBSCRIBE)
        assert (await frame(calm)).WhichOneof("frame") == "snapshot"
        for data, code, reason in (
            ("subscribe", UNSUPPORTED_DATA, "binary"),
            (b"\xff\xff\xff", INVALID_DATA, "not a WatchRequest"),
            (HEARTBEAT, POLICY_VIOLATION, "subscribe first"),
            (bytes(FRAME_BYTES_MAX + 1), MESSAGE_TOO_BIG, ""),
        ):
            async with ward.watch(browser) as socket:
                await socket.send(data)
                ended, why = await closed(socket)
                assert ended == code
                assert reason in why
            ward.clock.advance(1.0)
            assert (await frame(calm)).WhichOneof("frame") == "progress"


@pytest.mark.spec("WEB-15")
async def test_a_viewer_that_is_not_heard_is_closed(
    certs: Path, static: Path, tmp_path: Path
) -> None:
    patience = Patience(check_s=0.02, heard_s_max=0.1)
    async with (
        station(certs, tmp_path, static, patience=patience) as ward,
        ward.watch(await ward.signed_in()) as socket,
    ):
        await socket.send(SUBSCRIBE)
        assert await closed(socket) == (POLICY_VIOLATION, "no heartbeat for 0.1 s")


@pytest.mark.spec("WEB-15")
async def test_heartbeats_keep_a_viewer(certs: Path, static: Path, tmp_path: Path) -> None:
    patience = Patience(check_s=0.02, heard_s_max=0.6)
    async with (
        station(certs, tmp_path, static, patience=patience) as ward,
        ward.watch(await ward.signed_in()) as socket,
    ):
        await socket.send(SUBSCRIBE)
        await frame(socket)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 0.9:
            await socket.send(HEARTBEAT)
            ward.clock.advance(1.0)
            assert (await frame(socket)).WhichOneof("frame") == "progress"


@pytest.mark.spec("WEB-16")
async def test_live_sockets_of_a_session_are_bounded(
    ward: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpm_service.adapters.web.app.SOCKETS_MAX", 1)
    browser = await ward.signed_in()
    async with ward.watch(browser):
        with pytest.raises(InvalidStatus) as refused:
            async with ward.watch(browser):
                pass
        assert refused.value.response.status_code == 429
        async with ward.watch(await ward.signed_in()):
            pass


@pytest.mark.spec("DELIVERY-2")
@pytest.mark.spec("DELIVERY-14")
async def test_a_page_confirms_and_covers_as_any_viewer_does(ward: Station) -> None:
    device = Device(ward)
    async with ward.watch(await ward.signed_in("nurse-7")) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        device.alarm()
        (event,) = (await frame(socket)).delta.alarms
        armed = m.ViewerPresence(audio_armed=True, visible=True)
        await socket.send(m.WatchRequest(presence=armed).SerializeToString())
        described = await frame(socket)
        while not described.delta.beds:
            described = await frame(socket)
        assert described.delta.beds[0].covered
        known = m.AlarmEventId(occurrence_id=event.occurrence_id, event_seq=event.event_seq)
        confirm = m.ConfirmDelivery(events=[known])
        await socket.send(m.WatchRequest(confirm_delivery=confirm).SerializeToString())
        too_many = m.ConfirmDelivery(events=[known] * 257)
        await socket.send(m.WatchRequest(confirm_delivery=too_many).SerializeToString())
        assert await closed(socket) == (
            POLICY_VIOLATION, "at most 256 events confirmed at once",
        )  # fmt: skip
    recorder = ward.monitoring._recorder
    assert isinstance(recorder, MemoryRecorder)
    found: list[tuple[str, bool]] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(found) < 2:
            await asyncio.sleep(0)
            found = [
                (each.viewer, each.confirmed_at is not None)
                for batch in recorder.batches
                for each in batch.deliveries
            ]
    assert found == [("nurse-7", False), ("nurse-7", True)]
