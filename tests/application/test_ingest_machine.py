"""Whatever breaks and whoever restarts: what was acknowledged is on disk, once."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rpm_service.application.effects import Batch, Restored
from tests.support.scene import Device, Scene

STREAM = "device/oximeter-1"


class Spooling(RuleBasedStateMachine):
    """A device with a spool, a server with a disk, and both may forget everything else.

    Every value is another number, so that each can be told from each.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.values = count(1)
        # The device.
        self.spool: dict[int, float] = {}
        self.given_out = 0
        self.cursor = 0
        self.stream: Device | None = None
        self.acks_seen = 0
        self.acknowledged: set[float] = set()
        # The disk.
        self.under_way: Batch | None = None
        self.stored: list[tuple[int, float]] = []
        self.gaps: list[tuple[int, int]] = []
        self.progress: dict[str, int] = {}
        self.epochs: dict[str, int] = {}

    # -- the device -----------------------------------------------------------------------

    @rule()
    def connects(self) -> None:
        """Also while the server still holds an earlier stream to be alive."""
        self.stream = self.scene.device()
        self.acks_seen = 0
        resume = self.stream.hello(given_out=self.given_out)
        if self.given_out:
            assert resume <= self.given_out + 1
            self._drop_through(resume - 1)
        else:
            self.given_out = resume - 1
        self.cursor = resume - 1
        self.stream.describes("NIBPs")

    @precondition(lambda self: self.given_out or self.stream)
    @rule(frames=st.integers(1, 3))
    def measures(self, frames: int) -> None:
        for _ in range(frames):
            self.given_out += 1
            self.spool[self.given_out] = float(next(self.values))

    @precondition(lambda self: self.stream)
    @rule(measured=st.integers(0, 2), most=st.integers(1, 5))
    def sends(self, measured: int, most: int) -> None:
        assert self.stream is not None
        self.measures(measured)
        waiting = [seq for seq in sorted(self.spool) if seq > self.cursor]
        for seq in waiting[:most]:
            self.stream.sends(self.spool[seq], seq=seq)
            self.cursor = seq

    @precondition(lambda self: self.stream)
    @rule()
    def reads_acks(self) -> None:
        assert self.stream is not None
        acks = self.stream.acks
        assert acks == sorted(acks)
        for through in acks[self.acks_seen :]:
            self._drop_through(through)
        self.acks_seen = len(acks)

    @precondition(lambda self: self.spool)
    @rule()
    def spool_overflows(self) -> None:
        del self.spool[min(self.spool)]

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

    def _drop_through(self, through: int) -> None:
        for seq in [seq for seq in self.spool if seq <= through]:
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
        self._write()
        self.scene.ward.durable.update(self.progress)
        for session in self.scene.ward.sessions.values():
            session.acknowledge(self.scene.now)

    @rule(written=st.booleans())
    def server_is_killed(self, written: bool) -> None:
        """A write under way is on disk as a whole, though nobody learnt of it, or not at all."""
        if written:
            self._write()
        self.under_way = None
        now = self.scene.now
        self.scene = Scene(Restored(progress=self.progress, epochs=self.epochs))
        self.scene.clock.advance(now - self.scene.now)
        self.stream = None

    def _write(self) -> None:
        if self.under_way is not None:
            rows = self.under_way.numerics.get("oximeter-1", ())
            self.stored += [(row.seq, row.values[0]) for row in rows]
            self.gaps += [(gap.from_seq, gap.to_seq) for gap in self.under_way.gaps]
            self.progress.update(self.under_way.progress)
            self.epochs.update(self.under_way.epochs)
            self.under_way = None

    # -- what holds -----------------------------------------------------------------------

    @invariant()
    def what_was_acknowledged_is_on_disk(self) -> None:
        assert self.acknowledged <= {value for _, value in self.stored}

    @invariant()
    def nothing_is_on_disk_twice(self) -> None:
        numbers = [seq for seq, _ in self.stored]
        assert numbers == sorted(set(numbers))
        assert len({value for _, value in self.stored}) == len(self.stored)

    @invariant()
    def what_is_not_there_is_a_gap(self) -> None:
        missing = {seq for begin, end in self.gaps for seq in range(begin, end + 1)}
        there = {seq for seq, _ in self.stored}
        assert not missing & there
        assert missing | there == set(range(1, max(there | missing, default=0) + 1))


Spooling.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)


@pytest.mark.spec("INGEST-4")
@pytest.mark.spec("INGEST-5")
@pytest.mark.spec("INGEST-6")
@pytest.mark.spec("INGEST-7")
@pytest.mark.promise("G14")
class TestSpooling(Spooling.TestCase):
    pass
