"""Whatever breaks and whoever restarts: what was acknowledged is on disk, once."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rpm_service.application.effects import Batch, Progress, Restored, SpoolKey
from rpm_service.domain.alarms import Kind, Phase
from tests.support.scene import Device, Scene

STREAM = "device/oximeter-1"
OLD_S = 3.0
"""Backfill is older than the newest value, and may be so young that it would alarm."""


class Spooling(RuleBasedStateMachine):
    """A device with a spool, a server with a disk, and both may forget everything else.

    Every value is another number, so that each can be told from each. They are all blood
    pressures that are an alarm at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.values = count(1)
        # The device.
        self.backfills = False
        self.spool_ids = count(1)
        self.spool_id = 0
        self.spool: dict[int, float] = {}
        self.given_out = 0
        self.cursor = 0
        self.older: list[int] = []
        """Numbers that are to be sent as backfill, or declared where they are not held."""
        self.stream: Device | None = None
        self.reports_seen = 0
        self.acknowledged: set[float] = set()
        self.sent_live: set[float] = set()
        self.owner: dict[float, int] = {}
        """The spool that each value was in."""
        # The disk.
        self.under_way: Batch | None = None
        self.stored: list[tuple[int, int, float]] = []
        self.gaps: list[tuple[int, int, int]] = []
        self.begun: dict[int, int] = {}
        """After which number each spool began."""
        self.progress: dict[SpoolKey, Progress] = {}
        self.epochs: dict[str, int] = {}

    @initialize(backfills=st.booleans())
    def is_of_a_kind(self, backfills: bool) -> None:
        self.backfills = backfills
        if backfills:
            self.spool_id = next(self.spool_ids)

    # -- the device -----------------------------------------------------------------------

    @rule(passes_over=st.booleans())
    def connects(self, passes_over: bool) -> None:
        """Also while the server still holds an earlier stream to be alive."""
        self.stream = self.scene.device()
        self.reports_seen = 0
        resume = self.stream.hello(
            given_out=self.given_out,
            holds_from=min(self.spool, default=0),
            spool_id=self.spool_id,
            backfills=self.backfills,
        )
        beyond = self.stream.session.durable_beyond
        if self.given_out:
            assert resume <= self.given_out + 1
            self._drop(1, resume - 1)
        else:
            self.given_out = resume - 1
            self.begun[self.spool_id] = self.given_out
        self.cursor, self.older = resume - 1, []
        for first, last in beyond:
            self._drop(first, last)
            self.older += range(self.cursor + 1, first)
            self.cursor = last
        if self.backfills and passes_over:
            self.older += range(self.cursor + 1, self.given_out + 1)
            self.cursor = self.given_out
        self.stream.describes("NIBPs")

    @precondition(lambda self: self.given_out or self.stream)
    @rule(frames=st.integers(1, 3))
    def measures(self, frames: int) -> None:
        for _ in range(frames):
            self.given_out += 1
            value = self.spool[self.given_out] = float(next(self.values))
            self.owner[value] = self.spool_id

    @precondition(lambda self: self.stream)
    @rule(measured=st.integers(0, 2), most=st.integers(1, 5))
    def sends(self, measured: int, most: int) -> None:
        assert self.stream is not None
        self.measures(measured)
        for seq in sorted(seq for seq in self.spool if seq > self.cursor)[:most]:
            if self.backfills and seq > self.cursor + 1:
                self._declares(self.cursor + 1, seq - 1)
            if self.stream.sends(self.spool[seq], seq=seq):
                self.sent_live.add(self.spool[seq])
            self.cursor = seq

    @precondition(lambda self: self.stream and self.older)
    @rule(most=st.integers(1, 5), data=st.data())
    def sends_backfill(self, most: int, data: st.DataObject) -> None:
        """In no order at all: a server has to bear it."""
        assert self.stream is not None
        for _ in range(min(most, len(self.older))):
            seq = data.draw(st.sampled_from(self.older))
            self.older.remove(seq)
            if seq not in self.spool:
                self._declares(seq, seq)
                continue
            shown = list(self.scene.bedside().values)
            at = self.scene.now - OLD_S
            self.stream.sends(self.spool[seq], seq=seq, at=at, backfill=True)
            assert list(self.scene.bedside().values) == shown

    @precondition(lambda self: self.stream)
    @rule()
    def reads_acks(self) -> None:
        assert self.stream is not None
        reports = self.stream.reports
        assert [through for through, _ in reports] == sorted(through for through, _ in reports)
        for through, beyond in reports[self.reports_seen :]:
            self._drop(1, through)
            for first, last in beyond:
                self._drop(first, last)
        self.reports_seen = len(reports)

    @precondition(lambda self: self.spool)
    @rule(oldest=st.booleans(), data=st.data())
    def spool_overflows(self, oldest: bool, data: st.DataObject) -> None:
        held = sorted(self.spool)
        del self.spool[held[0] if oldest else data.draw(st.sampled_from(held))]

    @precondition(lambda self: self.stream)
    @rule()
    def connection_breaks(self) -> None:
        assert self.stream is not None
        self.stream.breaks()
        self.stream = None

    @rule()
    def device_restarts_without_memory(self) -> None:
        self.spool.clear()
        self.given_out = self.cursor = 0
        self.stream = None
        if self.backfills:
            self.spool_id = next(self.spool_ids)

    def _declares(self, first: int, last: int) -> None:
        assert self.stream is not None
        self.stream.session.declare_gap(first, last, self.scene.now)

    def _drop(self, first: int, last: int) -> None:
        for seq in [seq for seq in self.spool if first <= seq <= last]:
            self.acknowledged.add(self.spool.pop(seq))

    # -- the server -----------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.5, 2.0)))
    def time_passes(self, seconds: float) -> None:
        self.scene.passes(seconds)
        for session in self.scene.ward.sessions.values():
            session.acknowledge(self.scene.now)

    @precondition(lambda self: self.under_way is None)
    @rule()
    def write_begins(self) -> None:
        self.under_way = self.scene.ward.take_batch()

    @rule()
    def write_ends(self) -> None:
        if self.under_way is None:
            self.write_begins()
        written = self.under_way
        assert written is not None
        self._write()
        self.scene.ward.written(written, self.scene.now)

    @rule(written=st.booleans())
    def server_is_killed(self, written: bool) -> None:
        """A write under way is on disk as a whole, though nobody learnt of it, or not at all."""
        if written:
            self._write()
        self.under_way = None
        now = self.scene.now
        self.scene = Scene(Restored(progress=dict(self.progress), epochs=self.epochs))
        self.scene.clock.advance(now - self.scene.now)
        self.stream = None

    def _write(self) -> None:
        batch, self.under_way = self.under_way, None
        if batch is None:
            return
        rows = batch.numerics.get("oximeter-1", ())
        self.stored += [(self.owner[row.values[0]], row.seq, row.values[0]) for row in rows]
        self.gaps += [(gap.spool_id, gap.from_seq, gap.to_seq) for gap in batch.gaps]
        self.progress.update(batch.progress)
        for key in batch.spools_forgotten:
            self.progress.pop(key, None)
        self.epochs.update(batch.epochs)

    # -- what holds -----------------------------------------------------------------------

    @invariant()
    def what_was_acknowledged_is_on_disk(self) -> None:
        assert self.acknowledged <= {value for _, _, value in self.stored}

    @invariant()
    def nothing_is_on_disk_twice(self) -> None:
        assert len({value for _, _, value in self.stored}) == len(self.stored)

    @invariant()
    def what_is_not_there_is_a_gap_or_still_to_come(self) -> None:
        for key, progress in self.progress.items():
            there = {seq for spool_id, seq, _ in self.stored if spool_id == key.spool_id}
            missing = {
                seq
                for spool_id, first, last in self.gaps
                if spool_id == key.spool_id
                for seq in range(first, last + 1)
            }
            awaited = {seq for first, last in progress.holes for seq in range(first, last + 1)}
            assert not there & awaited
            begun = self.begun.get(key.spool_id, 0)
            assert there | missing | awaited >= set(range(begun + 1, progress.newest + 1))

    @invariant()
    def no_backfill_begins_a_live_alarm(self) -> None:
        for event in self.scene.events:
            alarm = event.alarm
            if event.phase is Phase.START and alarm.condition.kind is Kind.PHYSIOLOGICAL:
                assert event.late_detected or alarm.value in self.sent_live


Spooling.TestCase.settings = settings(max_examples=200, stateful_step_count=50)


@pytest.mark.spec("INGEST-4")
@pytest.mark.spec("INGEST-5")
@pytest.mark.spec("INGEST-6")
@pytest.mark.spec("INGEST-7")
@pytest.mark.spec("INGEST-26")
@pytest.mark.promise("G14")
class TestSpooling(Spooling.TestCase):
    pass
