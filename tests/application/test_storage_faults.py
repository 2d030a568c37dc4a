"""A disk that fails, and a server that stops, on virtual time."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from rpm_service.application import monitoring as monitoring_module
from rpm_service.application.effects import Batch
from rpm_service.application.monitoring import (
    DRAIN_S_MAX,
    RETRY_S,
    STORAGE_S_MAX,
    TICK_S,
    Monitoring,
)
from rpm_service.application.reception import ACK_S
from rpm_service.application.refusals import CannotGoOn
from tests.application.test_monitoring import Corridor, Peer, corridor, own
from tests.support.elsewhere import ELSEWHERE
from tests.support.memory_recorder import MemoryRecorder
from tests.support.plain_encoder import PlainEncoder, PlainViewer, read
from tests.support.virtual_time import LoopClock, run
from tests.support.vital_signs import description

FULL = OSError("No space left on device")
BROKEN = CannotGoOn("the disk failed to keep what was written: look after it")


class Stuck(MemoryRecorder):
    """A disk that takes a batch and does not answer, until it is told to."""

    waiting: tuple[Batch, Callable[[Exception | None], None]] | None = None
    stuck = True

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        if self.stuck:
            self.waiting = (batch, done)
        else:
            super().submit(batch, done)

    def answer(self) -> None:
        assert self.waiting is not None
        self.stuck = False
        super().submit(*self.waiting)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


@pytest.mark.spec("FAULT-1")
@pytest.mark.promise("G18")
def test_alarms_of_a_time_without_a_disk_are_live_at_once_and_in_the_journal_afterwards() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer, viewer, feed = Peer(c.monitoring), PlainViewer(), c.watch()
            viewer.take(await feed.next_frame())
            c.recorder.error = FULL
            # A viewer that takes nothing for longer is cut.
            await peer.streams(20, 72, 97)
            began = c.monitoring.clock.now()
            peer.sends(0, 97)
            while "ASYSTOLE" not in {each.condition.code for each in viewer.alarms.values()}:
                viewer.take(await feed.next_frame())
            assert c.monitoring.clock.now() == began
            assert peer.acks == []
            c.recorder.error = None
            await asyncio.sleep(RETRY_S + 2 * ACK_S)
            codes = [e.alarm.condition.code for b in c.recorder.batches for e in b.events]
            assert codes.count("ASYSTOLE") == codes.count("STORAGE_DEGRADED") / 2 == 1
            assert peer.acks[-1] == peer.seq

    run(story())


@pytest.mark.spec("FAULT-1")
def test_a_disk_that_fails_for_long_is_said_once_and_that_it_is_back_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            with caplog.at_level(logging.WARNING):
                c.recorder.error = FULL
                await peer.streams(60, 72, 97)
                c.recorder.error = None
                await peer.streams(5, 72, 97)
        of_the_disk = [each.getMessage() for each in caplog.records]
        assert [each.partition(";")[0] for each in of_the_disk] == [
            "storage: No space left on device",
            "storage: writing again",
        ]

    run(story())


@pytest.mark.spec("DELIVERY-18")
@pytest.mark.promise("G20")
def test_a_disk_that_is_slow_each_time_is_one_alarm_until_it_is_quick_again() -> None:
    class Slow(MemoryRecorder):
        takes_s = STORAGE_S_MAX + 1

        def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
            self.batches.append(batch)
            asyncio.get_running_loop().call_later(self.takes_s, done, None)

    async def story() -> None:
        async with corridor() as c:
            slow = c.monitoring._recorder = Slow()
            peer = Peer(c.monitoring)
            await peer.streams(5, 72, 97)
            (alarm,) = own(c.monitoring).values()
            await peer.streams(30, 72, 97)
            assert own(c.monitoring) == {"STORAGE_DEGRADED": alarm}
            slow.takes_s = 0.5
            await peer.streams(7, 72, 97)
            assert not own(c.monitoring)
            assert peer.acks[-1] >= peer.seq - 2

    run(story())


@pytest.mark.spec("FAULT-2")
@pytest.mark.promise("G19")
def test_a_disk_that_can_be_trusted_no_more_ends_the_ward_and_is_asked_nothing_again() -> None:
    async def story() -> None:
        c = Corridor()
        keeper = asyncio.create_task(c.monitoring.run())
        peer, feed = Peer(c.monitoring), c.watch()
        assert read(await feed.next_frame())[0] == "snapshot"
        await peer.streams(2, 72, 97)
        acked = list(peer.acks)
        c.recorder.error = BROKEN
        peer.sends(72, 97)
        with pytest.raises(CannotGoOn, match="look after it"):
            await asyncio.wait_for(keeper, 1)
        c.recorder.error = None
        began = c.monitoring.clock.now()
        await c.monitoring.drain("the server is stopping")
        with pytest.raises(CannotGoOn, match="look after it"):
            await c.monitoring.finish(9)
        assert c.monitoring.clock.now() == began
        assert (peer.acks, peer.drained) == (acked, True)
        assert c.rows == [1, 2], "and not the third, though the disk would take it"
        assert read(await feed.next_frame())[0] == "delta", "first what has happened"
        assert read(await feed.next_frame())[:2] == ("closing", "the server is stopping")

    run(story())


@pytest.mark.spec("FAULT-4")
def test_devices_leave_though_the_disk_does_not_answer_and_it_has_time_until_the_end() -> None:
    async def story() -> None:
        stuck = Stuck()
        monitoring = Monitoring(LoopClock(), stuck, PlainEncoder(), ELSEWHERE)
        peer = Peer(monitoring)
        peer.sends(72, 97)
        began = monitoring.clock.now()
        await monitoring.drain("maintenance")
        assert monitoring.clock.now() - began == pytest.approx(DRAIN_S_MAX)
        assert peer.drained
        finishing = asyncio.create_task(monitoring.finish(5))
        await asyncio.sleep(4)
        stuck.answer()
        await finishing
        assert [row.seq for batch in stuck.batches for row in batch.numerics["oximeter-1"]] == [1]

    run(story())


@pytest.mark.spec("FAULT-4")
@pytest.mark.parametrize("why", ["No space left on device", "it does not answer"])
def test_a_disk_that_does_not_take_the_last_of_it_is_said_in_time(why: str) -> None:
    async def story() -> None:
        recorder = Stuck()
        recorder.stuck, recorder.error = "not" in why, FULL
        monitoring = Monitoring(LoopClock(), recorder, PlainEncoder(), ELSEWHERE)
        peer = Peer(monitoring)
        peer.sends(72, 97)
        await monitoring.drain("maintenance")
        began = monitoring.clock.now()
        with pytest.raises(CannotGoOn, match=rf"\({why}\): .*devices keep it") as refusal:
            await monitoring.finish(5)
        assert "\n" not in str(refusal.value)
        assert monitoring.clock.now() - began == pytest.approx(5)
        assert peer.acks == []

    run(story())


@pytest.mark.spec("FAULT-5")
def test_what_happens_while_peers_leave_is_on_disk_too() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            await c.monitoring.drain("maintenance")
            peer.sends(0, 97)
            await c.monitoring.finish(5)
            assert c.rows == [1]
            codes = [e.alarm.condition.code for b in c.recorder.batches for e in b.events]
            assert "ASYSTOLE" in codes

    run(story())


class Keeper(Peer):
    """A device that keeps what was not acknowledged, and comes back when it is asked to."""

    def __init__(self, monitoring: Monitoring) -> None:
        self.kept: dict[int, tuple[float, tuple[float, ...]]] = {}
        self.came_back = 0
        super().__init__(monitoring)

    def acknowledge(self, durable_through_seq: int, durable_beyond: object = ()) -> None:
        self.acks.append(durable_through_seq)
        self.kept = {seq: kept for seq, kept in self.kept.items() if seq > durable_through_seq}

    def sends(self, *values: float) -> None:
        super().sends(*values)
        self.kept[self.seq] = (self.monitoring.clock.now(), values)

    def come_back(self) -> None:
        asyncio.get_running_loop().call_soon(self.return_with_all)

    def return_with_all(self) -> None:
        self.came_back += 1
        now = self.monitoring.clock.now()
        self.session.end(now)
        self.session = self.monitoring.session("device/oximeter-1", "oximeter-1".__eq__, self)
        first = self.session.open(
            now, self.seq, now, spool_first_seq=min(self.kept), backfills=True
        )
        self.session.describe([("oximeter-1", description("HR", "SpO2"))], now)
        for seq, (at, values) in list(self.kept.items()):
            assert seq >= first
            assert self.session.take_seq(seq, now)
            self.session.observe(seq, 0, at, values, (), (), now, backfill=True)


@pytest.mark.spec("FAULT-8")
@pytest.mark.promise("G18")
@pytest.mark.parametrize("lasts_s", [30, 300])
def test_samples_that_a_failing_disk_leaves_no_room_for_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, lasts_s: int
) -> None:
    monkeypatch.setattr(monitoring_module, "ROWS_MAX", 20)

    async def story() -> None:
        async with corridor() as c:
            peer = Keeper(c.monitoring)
            await peer.streams(5, 72, 97)
            c.recorder.error = FULL
            await peer.streams(lasts_s - 5, 72, 97)
            await peer.streams(5, 0, 97)
            assert len(c.monitoring.ward.batch.numerics.get("oximeter-1", ())) <= 21
            assert c.monitoring.room.is_set()
            assert peer.acks[-1] <= 5
            c.recorder.error = None
            await peer.streams(10, 72, 97)
            assert peer.came_back == 1
            assert sorted(c.rows) == [*range(1, peer.seq + 1)], "each once"
            assert peer.acks[-1] >= peer.seq - 1
            events = [event for batch in c.recorder.batches for event in batch.events]
            of_the_bed = [each for each in events if each.alarm.bed == "oximeter-1"]
            assert {each.alarm.condition.code for each in of_the_bed} == {"ASYSTOLE"}
            assert not any(each.late_detected for each in of_the_bed), "it was judged already"
            assert not any(batch.gaps for batch in c.recorder.batches)

    run(story())


@pytest.mark.spec("FAULT-8")
def test_what_fails_for_long_keeps_every_alarm_of_that_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(monitoring_module, "ROWS_MAX", 5)

    async def story() -> None:
        async with corridor() as c:
            peer = Keeper(c.monitoring)
            c.recorder.error = FULL
            for _ in range(10):
                await peer.streams(20, 72, 97)
                await peer.streams(20, 0, 97)
            c.recorder.error = None
            await peer.streams(10, 72, 97)
            events = [event for batch in c.recorder.batches for event in batch.events]
            asystole = [e for e in events if e.alarm.condition.code == "ASYSTOLE"]
            assert [str(e.phase) for e in asystole] == ["start", "end"] * 10

    run(story())


@pytest.mark.spec("FAULT-1")
@pytest.mark.promise("G18")
def test_what_was_on_disk_before_a_disk_fails_is_acknowledged_at_once_and_nothing_after() -> None:
    async def story() -> None:
        async with corridor() as c:
            peer = Peer(c.monitoring)
            await peer.streams(3, 72, 97)
            peer.sends(72, 97)
            await asyncio.sleep(0.6)
            peer.sends(72, 97)
            # Written with the next commit, and acknowledged a second after the last time.
            await asyncio.sleep(0.5)
            assert c.rows[-1] == 5
            assert peer.acks[-1] == 4
            c.recorder.error = FULL
            peer.sends(0, 97)
            await asyncio.sleep(2 * TICK_S)
            acks = list(peer.acks)
            assert acks[-1] == 5
            await peer.streams(5, 0, 97)
            assert peer.acks == acks

    run(story())
