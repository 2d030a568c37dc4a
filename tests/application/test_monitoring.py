"""The corridor on virtual time: disk, viewers and devices around the ward."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Batch, Connection, Restored
from rpm_service.application.ingest import TelemetrySession
from rpm_service.application.monitoring import (
    DRAIN_S_MAX,
    LAG_REMEMBERED_S,
    LAG_S_MAX,
    PUBLISH_TICKS,
    ROWS_MAX,
    TICK_S,
    Feed,
    FeedClosed,
    Monitoring,
)
from rpm_service.application.sifting import Refused
from rpm_service.application.units import Units
from rpm_service.domain.alarms import Alarm, Priority
from rpm_service.domain.limits import AgeClass
from tests.support.elsewhere import ELSEWHERE
from tests.support.memory_recorder import MemoryRecorder
from tests.support.plain_encoder import PlainEncoder, PlainViewer, read
from tests.support.virtual_time import LoopClock, VirtualTimeLoop, run
from tests.support.vital_signs import description


class Peer:
    """A device that streams heart rate and SpO2 each second until told otherwise."""

    def __init__(self, monitoring: Monitoring, device_id: str = "oximeter-1") -> None:
        self.acks: list[int] = []
        self.monitoring = monitoring
        self.session: TelemetrySession = monitoring.session(
            f"device/{device_id}", device_id.__eq__, self
        )
        now = monitoring.clock.now()
        self.seq = self.session.open(now, 0, now) - 1
        self.session.describe([(device_id, description("HR", "SpO2"))], now)

    def acknowledge(self, durable_through_seq: int, beyond: Sequence[tuple[int, int]]) -> None:
        self.acks.append(durable_through_seq)

    def heartbeat(self, now: float) -> None:
        pass

    def cover(self, mds: int, *, covered: bool) -> None:
        self.covered = covered

    def show_limits(self, mds: int, bedside: Bedside) -> None:
        pass

    def supersede(self) -> None:
        raise AssertionError("there is one session only")

    def drain(self) -> None:
        self.drained = True

    def sends(self, *values: float) -> None:
        self.seq += 1
        now = self.monitoring.clock.now()
        assert self.session.take_seq(self.seq, now)
        self.session.observe(self.seq, 0, now, values, (), (), now)

    async def streams(self, seconds: int, *values: float) -> None:
        for _ in range(seconds):
            self.sends(*values)
            await asyncio.sleep(1)


class Corridor:
    def __init__(self, units: Units = ELSEWHERE) -> None:
        self.recorder = MemoryRecorder()
        self.monitoring = Monitoring(LoopClock(), self.recorder, PlainEncoder(), units)

    def watch(self) -> Feed:
        feed = self.monitoring.watch("nurse-7")
        feed.subscribe(frozenset(), frozenset(), waveforms=False)
        return feed

    @property
    def rows(self) -> list[int]:
        return [row.seq for batch in self.recorder.batches for row in rows_of(batch)]


def rows_of(batch: Batch) -> list[object]:
    return [row for rows in batch.numerics.values() for row in rows]


@asynccontextmanager
async def corridor() -> AsyncIterator[Corridor]:
    made = Corridor()
    keeper = asyncio.create_task(made.monitoring.run())
    yield made
    assert not keeper.done(), "the ward is still kept"
    keeper.cancel()


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.spec("INGEST-7")
def test_frames_are_acknowledged_soon_after_they_are_on_disk() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            await peer.streams(10, 72, 97)
            assert c.rows == list(range(1, 11))
            assert peer.acks[-1] >= 9
            await asyncio.sleep(1)
            assert peer.acks[-1] == 10
            assert peer.acks == sorted(set(peer.acks))

    run(story())


@pytest.mark.spec("INGEST-18")
@pytest.mark.promise("G18")
def test_while_the_disk_fails_nothing_is_acknowledged_and_alarms_go_on() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer, viewer = Peer(c.monitoring), PlainViewer()
            feed = c.watch()
            viewer.take(await feed.next_frame())
            c.recorder.error = OSError("No space left on device")
            # A viewer that takes nothing for longer is cut.
            await peer.streams(20, 0, 97)
            assert peer.acks == []
            assert c.recorder.batches == []
            while "ASYSTOLE" not in {each.condition.code for each in viewer.alarms.values()}:
                viewer.take(await feed.next_frame())
            alarm = next(each for each in viewer.alarms.values() if each.bed == "oximeter-1")
            assert alarm.condition.code == "ASYSTOLE"
            event = c.monitoring.operators.acknowledge(
                alarm.occurrence_id, Priority.HIGH, "nurse", "key"
            )
            assert event.alarm.acknowledgement is not None

    run(story())


@pytest.mark.spec("INGEST-18")
@pytest.mark.promise("G18")
def test_when_the_disk_is_back_everything_is_written_once_and_acknowledged() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            c.recorder.error = OSError("No space left on device")
            await peer.streams(20, 0, 97)
            c.recorder.error = None
            await asyncio.sleep(2)
            assert c.rows == list(range(1, 21))
            events = [event for batch in c.recorder.batches for event in batch.events]
            of_the_bed = [event for event in events if event.alarm.bed == "oximeter-1"]
            assert [event.alarm.condition.code for event in of_the_bed] == ["ASYSTOLE"]
            assert peer.acks[-1] == 20

    run(story())


@pytest.mark.spec("INGEST-18")
def test_with_too_much_waiting_for_a_slow_disk_devices_are_read_no_further() -> None:
    class Slow(MemoryRecorder):
        def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
            self.batches.append(batch)
            asyncio.get_running_loop().call_later(2, done, None)

    async def story() -> None:
        async with corridor() as c:
            c.monitoring._recorder = Slow()
            peer = Peer(c.monitoring)
            await peer.streams(1, 72, 97)
            for _ in range(ROWS_MAX + 1):
                peer.sends(72, 97)
            assert c.monitoring.room.is_set()
            await asyncio.sleep(TICK_S)
            assert not c.monitoring.room.is_set()
            await asyncio.wait_for(c.monitoring.room.wait(), 3)
            await asyncio.sleep(5)
            assert peer.acks[-1] == peer.seq

    run(story())


@pytest.mark.spec("ALARM-68")
@pytest.mark.promise("G15")
def test_a_flood_at_one_bed_is_published_no_more_often_than_values_are() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            peer.sends(0, 97)
            await asyncio.sleep(TICK_S)
            before, seconds = c.monitoring.live.revision, 2.0
            for frame in range(100):
                peer.sends(0 if frame % 2 else 72, 97)
                await asyncio.sleep(seconds / 100)
            published = c.monitoring.live.revision - before
            assert published <= seconds / (PUBLISH_TICKS * TICK_S) + 1
            await asyncio.sleep(1)
            events = [event for batch in c.recorder.batches for event in batch.events]
            flood = [event for event in events if event.alarm.condition.code == "ASYSTOLE"]
            assert len(flood) == 101, "and every change of it is stored"

    run(story())


@pytest.mark.spec("INGEST-19")
def test_a_drain_ends_feeds_with_a_reason_and_leaves_nothing_unwritten() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer, feed = Peer(c.monitoring), c.watch()
            await feed.next_frame()
            peer.sends(0, 97)
            await c.monitoring.drain("maintenance")
            assert c.rows == [1]
            assert peer.acks == [1]
            frames = [await feed.next_frame()]
            while read(frames[-1])[0] != "closing":
                frames.append(await feed.next_frame())
            assert read(frames[-1])[1] == "maintenance"
            with pytest.raises(FeedClosed):
                await feed.next_frame()

    run(story())


@pytest.mark.spec("LIVE-18")
def test_a_drain_tells_of_every_alarm_before_it_says_why_the_feed_ends() -> None:
    async def story() -> None:
        c = Corridor()
        peer, feed, late = Peer(c.monitoring), c.watch(), c.watch()
        await asyncio.sleep(0)
        await feed.next_frame()
        # Decided in this very turn; and a viewer that has not even got its snapshot.
        peer.sends(0, 97)
        draining = asyncio.create_task(c.monitoring.drain("maintenance"))
        for each, first in ((feed, "delta"), (late, "snapshot")):
            kind, _, parts = read(await each.next_frame())
            assert kind == first
            assert "alarm" in {part[0] for part in parts}
            assert read(await each.next_frame())[:2] == ("closing", "maintenance")
        await draining

    run(story())


@pytest.mark.spec("LIVE-18")
def test_a_viewer_that_fell_behind_is_not_waited_for_at_the_end() -> None:
    async def story() -> None:
        c = Corridor()
        peer, feed = Peer(c.monitoring), c.watch()
        await asyncio.sleep(0)
        await feed.next_frame()
        peer.sends(0, 97)
        event = c.monitoring.ward.batch.events[0]
        for _ in range(20_001):
            c.monitoring.live.alarm(c.monitoring.ward.bedsides["oximeter-1"], event)
        await c.monitoring.drain("maintenance")
        assert read(await feed.next_frame())[:2] == ("closing", "maintenance")
        with pytest.raises(FeedClosed):
            await feed.next_frame()

    run(story())


@pytest.mark.spec("INGEST-19")
def test_a_drain_waits_for_what_gathers_behind_a_write_under_way() -> None:
    async def story() -> None:
        c = Corridor()
        peer = Peer(c.monitoring)
        peer.sends(72, 97)
        c.monitoring._commit()
        peer.sends(72, 97)
        await c.monitoring.drain("maintenance")
        assert c.rows == [1, 2]
        assert peer.acks[-1] == 2

    run(story())


@pytest.mark.spec("INGEST-19")
def test_a_drain_ends_though_devices_go_on_sending() -> None:
    class Keen(MemoryRecorder):
        peer: Peer

        def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
            super().submit(batch, done)
            self.peer.sends(72, 97)

    async def story() -> None:
        c = Corridor()
        keen = c.monitoring._recorder = Keen()
        keen.peer = Peer(c.monitoring)
        keen.peer.sends(72, 97)
        await asyncio.wait_for(c.monitoring.drain("maintenance"), 1)
        assert keen.peer.acks[-1] >= 1

    run(story())


@pytest.mark.spec("INGEST-19")
def test_a_drain_does_not_wait_for_ever_for_a_disk_that_fails() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            c.recorder.error = OSError("Input/output error")
            peer.sends(72, 97)
            began = c.monitoring.clock.now()
            await c.monitoring.drain("maintenance")
            assert c.monitoring.clock.now() - began == pytest.approx(DRAIN_S_MAX)
            assert peer.acks == [], "so the device keeps it"

    run(story())


@pytest.mark.spec("INGEST-20")
def test_a_server_that_stops_tells_devices_and_says_nothing_about_them() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            peer.sends(72, 97)
            await c.monitoring.drain("maintenance")
            assert peer.drained
            peer.session.end(c.monitoring.clock.now())
            bedside = c.monitoring.ward.bedsides["oximeter-1"]
            assert bedside.connection is Connection.CONNECTED
            assert list(bedside.board) == []
            late = c.monitoring.watch("nurse-7")
            assert read(await late.next_frame())[:2] == ("closing", "maintenance")

    run(story())


@pytest.mark.spec("LIVE-14")
@pytest.mark.promise("G4")
def test_an_alarm_waits_for_no_tick_no_disk_and_no_other_viewer() -> None:
    async def story() -> None:
        # Nobody keeps time here: what comes, comes from the frame alone.
        c = Corridor()
        c.recorder.error = OSError("No space left on device")
        slow, feed = c.watch(), c.watch()
        assert slow is not feed
        peer = Peer(c.monitoring)
        await asyncio.sleep(0)
        c.monitoring._publish()
        assert read(await feed.next_frame())[0] == "snapshot"
        waiting = asyncio.create_task(feed.next_frame())
        await asyncio.sleep(0)
        began = c.monitoring.clock.now()
        peer.sends(0, 97)
        _, _, parts = read(await waiting)
        assert "alarm" in [part[0] for part in parts]
        assert c.monitoring.clock.now() == began

    run(story())


@pytest.mark.spec("LIVE-5")
def test_a_feed_has_a_frame_at_least_every_second_and_numerics_five_times_a_second() -> None:
    async def story() -> None:
        async with corridor() as c:
            feed = c.watch()
            await feed.next_frame()
            for _ in range(5):
                began = c.monitoring.clock.now()
                assert read(await feed.next_frame())[0] == "progress"
                assert c.monitoring.clock.now() - began <= 1.2
            peer = Peer(c.monitoring)
            await feed.next_frame()
            began = c.monitoring.clock.now()
            peer.sends(72, 97)
            assert read(await feed.next_frame())[0] == "delta"
            assert c.monitoring.clock.now() - began <= 4 * TICK_S + 0.001

    run(story())


@pytest.mark.spec("LIVE-8")
def test_a_viewer_that_left_is_forgotten() -> None:
    async def story() -> None:
        async with corridor() as c:
            feed = c.watch()
            assert c.monitoring.viewers == 1
            feed.close()
            assert c.monitoring.viewers == 0

    run(story())


@pytest.mark.spec("LIVE-3")
def test_a_viewer_that_fell_behind_is_told_why_its_feed_ends() -> None:
    async def story() -> None:
        c = Corridor()
        feed = c.watch()
        peer = Peer(c.monitoring)
        await asyncio.sleep(0)
        await feed.next_frame()
        peer.sends(0, 97)
        event = c.monitoring.ward.batch.events[0]
        for _ in range(20_001):
            c.monitoring.live.alarm(c.monitoring.ward.bedsides["oximeter-1"], event)
        await asyncio.sleep(0)
        kind, reason, _ = read(await feed.next_frame())
        assert kind == "closing"
        assert "too slow" in str(reason)

    run(story())


def test_an_error_on_the_alarm_path_ends_the_ward_loudly() -> None:
    def broken() -> int:
        raise ValueError("broken")

    async def story() -> None:
        c = Corridor()
        Peer(c.monitoring)
        c.monitoring.ward.bedsides["oximeter-1"].board._next_occurrence = broken
        with pytest.raises(ValueError, match="broken"):
            await c.monitoring.run()

    run(story())


# -- the server's own alarms ------------------------------------------------------------------


def own(monitoring: Monitoring) -> dict[str, Alarm]:
    """The alarms of the server itself, by condition."""
    server = monitoring.ward.bedsides.get("server")
    return {} if server is None else {alarm.condition.code: alarm for alarm in server.board}


@pytest.mark.spec("DELIVERY-18")
def test_a_disk_that_refuses_is_an_alarm_until_it_takes_what_it_had_refused() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            await peer.streams(3, 72, 97)
            assert not own(c.monitoring)
            c.recorder.error = OSError("No space left on device")
            await peer.streams(2, 72, 97)
            assert own(c.monitoring)["STORAGE_DEGRADED"].priority is Priority.MEDIUM
            c.recorder.error = None
            await peer.streams(1, 72, 97)
            assert not own(c.monitoring)

    run(story())


@pytest.mark.spec("DELIVERY-18")
@pytest.mark.promise("G18")
@pytest.mark.promise("G20")
def test_a_disk_that_does_not_answer_is_an_alarm_within_five_seconds() -> None:
    class Stuck(MemoryRecorder):
        done: Callable[[Exception | None], None] | None = None

        def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
            self.done = done

    async def story() -> None:
        async with corridor() as c:
            stuck = c.monitoring._recorder = Stuck()
            peer = Peer(c.monitoring)
            await peer.streams(3, 72, 97)
            assert not own(c.monitoring)
            await peer.streams(2, 72, 97)
            assert set(own(c.monitoring)) == {"STORAGE_DEGRADED"}
            assert stuck.done is not None
            stuck.done(None)
            assert own(c.monitoring), "it took too long; the next one may again"
            await peer.streams(1, 72, 97)
            stuck.done(None)
            assert not own(c.monitoring)

    run(story())


@pytest.mark.spec("DELIVERY-19")
@pytest.mark.promise("A5")
def test_a_turn_that_takes_too_long_is_an_alarm_for_a_minute() -> None:
    async def story() -> None:
        async with corridor() as c:
            await asyncio.sleep(1)
            jump(LAG_S_MAX / 2)
            await asyncio.sleep(1)
            assert not own(c.monitoring)
            jump(LAG_S_MAX + 0.1)
            await asyncio.sleep(0.2)
            assert own(c.monitoring)["EVENT_LOOP_BLOCKED"].priority is Priority.LOW
            await asyncio.sleep(LAG_REMEMBERED_S - 2)
            assert own(c.monitoring)
            await asyncio.sleep(3)
            assert not own(c.monitoring)

    run(story())


def jump(seconds: float) -> None:
    """Nothing else runs for so long."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop._jumping.now += seconds


@pytest.mark.spec("DELIVERY-20")
def test_every_viewer_sees_the_servers_own_alarms_and_no_bed() -> None:
    async def story() -> None:
        async with corridor() as c:
            feed, viewer = c.monitoring.watch("nurse-7"), PlainViewer()
            feed.subscribe(frozenset({"bed 9"}), frozenset(), waveforms=False)
            viewer.take(await feed.next_frame())
            await asyncio.sleep(1)
            jump(1)
            while not viewer.alarms:
                viewer.take(await feed.next_frame())
            (alarm,) = viewer.alarms.values()
            assert (alarm.bed, alarm.device_id) == ("server", "server")
            again, later = c.monitoring.watch("nurse-8"), PlainViewer()
            again.subscribe(frozenset(), frozenset(), waveforms=False)
            later.take(await again.next_frame())
            assert later.alarms == viewer.alarms
            assert not viewer.beds
            assert not later.beds
            assert not later.numerics
            act = c.monitoring.operators.acknowledge
            act(alarm.occurrence_id, alarm.priority, "nurse-7", "key")
            later.take(await again.next_frame())
            (seen,) = later.alarms.values()
            assert seen.acknowledgement is not None
            assert not later.beds
            assert c.monitoring.ward.at_bed("server") is None

    run(story())


@pytest.mark.spec("DELIVERY-20")
def test_the_servers_own_alarms_outlive_it() -> None:
    async def story() -> None:
        async with corridor() as c:
            await asyncio.sleep(1)
            jump(1)
            await asyncio.sleep(1)
            alarms = list(own(c.monitoring).values())
            restored = Restored(next_occurrence=9, alarms=alarms)
        again = Monitoring(LoopClock(), MemoryRecorder(restored), PlainEncoder(), ELSEWHERE)
        assert list(own(again).values()) == alarms

    run(story())


@pytest.mark.spec("DELIVERY-20")
def test_no_device_may_have_the_servers_name() -> None:
    async def story() -> None:
        c = Corridor()
        with pytest.raises(Refused, match="the server's own name"):
            Peer(c.monitoring, "server")

    run(story())


@pytest.mark.spec("LIVE-1")
@pytest.mark.promise("G1")
def test_whoever_comes_before_the_first_tick_after_a_restart_sees_what_stands() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            await peer.streams(3, 0, 97)
            standing = list(c.monitoring.ward.bedsides["oximeter-1"].board)
            assert [each.condition.code for each in standing] == ["ASYSTOLE"]
        restored = Restored(next_occurrence=9, alarms=standing)
        c.monitoring = Monitoring(LoopClock(), MemoryRecorder(restored), PlainEncoder(), ELSEWHERE)
        viewer = PlainViewer()
        viewer.take(await c.watch().next_frame())
        assert list(viewer.alarms.values()) == standing

    run(story())


@pytest.mark.spec("LIVE-31")
@pytest.mark.parametrize("act", ["discharge", "associate", "transfer", "admit"])
def test_whoever_takes_a_frame_after_somebody_moved_is_told_so_first(act: str) -> None:
    async def story() -> None:
        monitoring = Monitoring(LoopClock(), MemoryRecorder(), PlainEncoder(), ELSEWHERE)
        operators, peer = monitoring.operators, Peer(monitoring)
        operators.associate("oximeter-1", "bed 3", "nurse")
        if act != "admit":
            operators.admit("bed 3", "ICU", "patient 1", AgeClass.ADULT, "nurse")
        peer.sends(72, 97)
        monitoring.live.publish()
        acts: dict[str, Callable[[], float]] = {
            "discharge": lambda: operators.discharge("bed 3", "nurse"),
            "associate": lambda: operators.associate("oximeter-1", "bed 7", "nurse"),
            "transfer": lambda: operators.transfer("bed 3", "bed 7", "nurse"),
            "admit": lambda: operators.admit("bed 3", "ICU", "patient 2", AgeClass.ADULT, "nurse"),
        }
        acts[act]()
        feed = monitoring.watch("nurse-7")
        feed.subscribe(frozenset(), frozenset(), waveforms=False)
        viewer = PlainViewer()
        viewer.take(await feed.next_frame())
        (bed,), (values,) = viewer.beds.values(), viewer.numerics.values()
        assert bed[0] == ("bed 7" if act in ("associate", "transfer") else "bed 3")
        assert bed[1] == ("ICU" if act in ("discharge", "admit") else "")
        kept = act in ("transfer", "admit")
        assert values[:2] == (("72", "97") if kept else ("nan", "nan"))
        feed.close()

    run(story())
