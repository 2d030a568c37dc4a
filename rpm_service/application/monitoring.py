"""The corridor: owns the ward, keeps time, commits batches, and wakes those who wait.

This is the only file of the core that knows the event loop. Alarms are published within the
same turn of the loop that decided them; they wait for no disk and no viewer.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from rpm_service.application.access import EVERYTHING, Access, Rights
from rpm_service.application.effects import Batch
from rpm_service.application.ingest import TelemetrySession
from rpm_service.application.live import FellBehind, LeftOff, Live
from rpm_service.application.operators import Operators
from rpm_service.application.outbox import Outbox
from rpm_service.application.ports import Clock, DevicePeer, Encoder, Recorder
from rpm_service.application.refusals import CannotGoOn
from rpm_service.application.units import Units
from rpm_service.application.viewers import Viewer
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import Condition, Kind, Priority
from rpm_service.domain.early_warning import Score

TICK_S: Final = 0.05
"""Deadlines are judged, and what cannot wait is handed to the disk, this often."""
COMMIT_TICKS: Final = 10
"""Samples go to disk every so many ticks: their devices keep them until then."""
PUBLISH_TICKS: Final = 4
"""Numerics and waveforms go to viewers every so many ticks."""
VIEWER_TICKS: Final = 20
"""Viewers are looked at every so many ticks: whether they keep up."""
ACK_TICKS: Final = 5
RETRY_S: Final = 0.5
"""A batch that could not be written is tried again after this time."""
DRAIN_S_MAX: Final = 3.0
"""Devices of a server that stops are sent away after this time, whatever the disk does."""
ROWS_MAX: Final = 400_000
"""About 220 MiB. With so many rows waiting for a disk that is slow, devices are read no further;
of those that wait for a disk that fails, samples are let go of: their devices keep them, and
alarms go on."""

STORAGE_S_MAX: Final = 4.0
"""A batch that takes longer to be written is a disk that fails."""
LAG_S_MAX: Final = 0.5
"""A turn of the event loop that takes longer is an alarm,"""
LAG_REMEMBERED_S: Final = 60.0
"""until there has been none for so long."""

STORAGE_DEGRADED: Final = Condition("STORAGE_DEGRADED", Kind.TECHNICAL)
EVENT_LOOP_BLOCKED: Final = Condition("EVENT_LOOP_BLOCKED", Kind.TECHNICAL)
WEBHOOK_FAILING: Final = Condition("WEBHOOK_FAILING", Kind.TECHNICAL)

_log = logging.getLogger(__name__)


class FeedClosed(Exception):
    """A viewer's feed has ended; the reason was sent as its last frame."""


class Feed:
    """One viewer's way into the live ward."""

    def __init__(
        self, viewer: Viewer, live: Live, clock: Clock, on_close: Callable[["Feed"], None]
    ) -> None:
        self._viewer = viewer
        self._live = live
        self._clock = clock
        self._on_close = on_close
        self._news = asyncio.Event()
        self.given_up = asyncio.Event()
        """Set once the viewer has taken nothing for so long that nothing more is waited for."""
        self._reason: str | None = None
        self._owed = 0
        """Through which revision the viewer is told of the ward before it is told why it ends."""
        self._said_why = False

    def subscribe(
        self,
        beds: frozenset[str],
        units: frozenset[str],
        *,
        waveforms: bool,
        left_off: LeftOff | None = None,
    ) -> None:
        """Chooses what to see (empty: everything), from where it left off or whole."""
        self._viewer.subscribe(beds, units, waveforms=waveforms, left_off=left_off)
        self._news.set()

    def limit(self, rights: Rights) -> None:
        """The viewer may see something else from now on; a whole snapshot of it comes next."""
        self._viewer.limit(rights)
        self._news.set()

    def present(self, *, armed: bool, visible: bool) -> None:
        """Says whether the viewer can be heard and seen."""
        self._viewer.state(armed=armed, visible=visible, now=self._clock.now())

    def confirm(self, events: Iterable[tuple[int, int]]) -> None:
        """Says which alarm events, by occurrence and event, have been presented."""
        self._viewer.confirm(events, self._clock.now())

    async def next_frame(self) -> bytes:
        """Waits for the next whole frame; there is one at least every second.

        Raises FeedClosed once the frame that says why has been given out.
        """
        while True:
            if self._reason is not None and not self.lacks(self._owed):
                if self._said_why:
                    raise FeedClosed(self._reason)
                self._said_why = True
                return self._live.closing(self._reason)
            try:
                frame = self._viewer.take(self._clock.now())
            except FellBehind:
                self._owed = 0
                self.end("too slow: alarm events were missed; connect again for a snapshot")
                continue
            if frame:
                return frame
            self._news.clear()
            await self._news.wait()

    def lacks(self, revision: int) -> bool:
        """Whether there is something in view, up to a revision, that the viewer has not got yet."""
        return self._viewer.mailbox.lacks(revision)

    def wake(self) -> None:
        """There is something new."""
        self._news.set()

    def wake_if_idle(self, now: float) -> None:
        """The viewer must hear that its link lives."""
        if self._viewer.mailbox.is_idle_since(now):
            self._news.set()

    def judge(self, now: float) -> None:
        """Looks whether the viewer keeps up, and ends the feed of one that does not."""
        reason = self._viewer.judge(now)
        if reason is not None and self._reason is None:
            _log.warning("viewer %s: %s; its feed ends", self._viewer.name, reason)
            self.end(reason)
        if self._viewer.is_stuck(now):
            self.given_up.set()

    @property
    def reason(self) -> str:
        """Why the feed ends; empty while it goes on."""
        return self._reason or ""

    def end(self, reason: str) -> None:
        """Ends the feed after one last frame that says why."""
        self._reason = self._reason or reason
        self._news.set()

    def finish(self, reason: str) -> None:
        """Ends the feed likewise, once the viewer has got all that has been published."""
        self._owed = self._live.revision
        self.end(reason)

    def close(self) -> None:
        """Forgets the viewer."""
        self._viewer.leave()
        self._on_close(self)


class Monitoring:
    """Runs the ward."""

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        encoder: Encoder,
        units: Units | None = None,
        run: str = "",
    ) -> None:
        """Takes up where a server stopped; `run` names this start (see `Live`)."""
        self.clock = clock
        self.live = Live(encoder, run)
        restored, now = recorder.load(), clock.now()
        self.ward = Ward(self.live, restored, now, units)
        self.outbox = Outbox()
        self.outbox.add(restored.notices, now)
        self.ward.on_alarm = self._publish_soon
        self.ward.on_move = self._publish
        self.operators = Operators(self.ward, clock)
        self.access = Access(self.ward)
        self.room = asyncio.Event()
        """Set while the disk keeps up: devices are read only then."""
        self.room.set()
        self._recorder = recorder
        self._feeds: dict[Feed, None] = {}
        """In the order they came: who is woken first is no matter of chance."""
        self._writing: Batch | None = None
        self._written = asyncio.Event()
        self._degraded = False
        self._failing = ""
        """Why the batch under way was refused last; empty while none was."""
        self._broken: CannotGoOn | None = None
        self._publishes_soon = False
        self._stopping: str | None = None
        self._ticks = 0
        self._writing_since = 0.0
        self._lagged_at = float("-inf")
        # Whoever comes before the first tick sees what stood: there is no event to tell it later.
        self.live.publish()

    # -- who comes in -------------------------------------------------------------------

    def session(
        self, stream_id: str, may_speak_for: Callable[[str], bool], peer: DevicePeer
    ) -> TelemetrySession:
        """Begins the session of a device's or gateway's stream."""
        return TelemetrySession(self.ward, stream_id, may_speak_for, peer)

    def watch(self, viewer: str, rights: Rights = EVERYTHING) -> Feed:
        """Lets a viewer in, by its identity; it sees what is within its rights."""
        feed = Feed(Viewer(self.ward, viewer, rights), self.live, self.clock, self._forget)
        self._feeds[feed] = None
        if self._stopping is not None:
            feed.end(self._stopping)
        return feed

    def _forget(self, feed: Feed) -> None:
        self._feeds.pop(feed, None)

    async def scores(self, bed: str, since: float, before: float) -> Sequence[Score]:
        """Reads the newest scores of whoever lies in a bed, oldest first. Raises ActRefused."""
        stay = self.ward.early_warning.stay(bed)
        if stay is None:
            return ()
        return await asyncio.to_thread(self._recorder.scores, stay.patient_id, since, before)

    @property
    def viewers(self) -> int:
        """How many are watching."""
        return len(self._feeds)

    # -- time ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Keeps time until cancelled. Any error ends it: the alarm path fails loudly.

        Raises CannotGoOn once nothing more can be kept.
        """
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(TICK_S)
            if self._broken is not None:
                raise self._broken
            self._tick(self.clock.now())
            self._judge_itself(loop.time(), before + TICK_S)

    def _tick(self, now: float) -> None:
        self._ticks += 1
        self.ward.tick(now)
        self.ward.batch.notices_sent.update(self.outbox.take_sent())
        self.ward.batch.notices_given_up.update(self.outbox.take_given_up())
        if self.ward.batch.is_urgent or self._ticks % COMMIT_TICKS == 0:
            self._commit()
        if self._ticks % PUBLISH_TICKS == 0:
            self._publish()
            for feed in self._feeds:
                feed.wake_if_idle(now)
        if self._ticks % VIEWER_TICKS == 0:
            for feed in self._feeds:
                feed.judge(now)
        if self._ticks % ACK_TICKS == 0:
            for session in self.ward.sessions.values():
                session.acknowledge(now)
        if not self._degraded and self._stopping is None:
            self.ward.ask_again()

    def _judge_itself(self, loop_now: float, due: float) -> None:
        """Judges what would make the server late; both times are the event loop's own."""
        now = self.clock.now()
        if self._writing is not None and loop_now - self._writing_since > STORAGE_S_MAX:
            self._storage(degraded=True)
        if loop_now - due > LAG_S_MAX:
            self._lagged_at = loop_now
        lags = loop_now - self._lagged_at < LAG_REMEMBERED_S
        self.ward.judge_server(EVENT_LOOP_BLOCKED, Priority.LOW, present=lags, now=now)
        fails = self.outbox.is_failing(now)
        self.ward.judge_server(WEBHOOK_FAILING, Priority.MEDIUM, present=fails, now=now)

    def _storage(self, *, degraded: bool) -> None:
        self._degraded = degraded
        now = self.clock.now()
        self.ward.judge_server(STORAGE_DEGRADED, Priority.MEDIUM, present=degraded, now=now)

    def _publish_soon(self) -> None:
        if not self._publishes_soon:
            self._publishes_soon = True
            asyncio.get_running_loop().call_soon(self._publish)

    def _publish(self) -> None:
        """Tells viewers what there is to tell; where somebody moved, before anybody takes more."""
        self._publishes_soon = False
        if self.live.publish():
            for feed in self._feeds:
                feed.wake()

    # -- the disk -----------------------------------------------------------------------

    def _commit(self) -> None:
        if self._writing is None and self.ward.batch:
            self._writing = self.ward.take_batch()
            self._write(self._writing)
        if self.ward.rows > ROWS_MAX:
            self._make_room()

    def _make_room(self) -> None:
        if self._writing is not None and self._degraded:
            _log.warning("storage: %d rows let go of; devices keep them", self.ward.rows)
            self.ward.let_go(self._writing)
            self.room.set()
        else:
            self.room.clear()

    def _write(self, batch: Batch) -> None:
        self._writing_since = asyncio.get_running_loop().time()
        self._recorder.submit(batch, self._on_written)

    def _on_written(self, error: Exception | None) -> None:
        batch = self._writing
        assert batch is not None
        loop = asyncio.get_running_loop()
        if isinstance(error, CannotGoOn):
            self._broken = error
            self._written.set()
            return
        if error is not None:
            self._storage(degraded=True)
            if str(error) != self._failing:
                self._failing = str(error)
                _log.error("storage: %s; trying again, devices keep what is not on disk", error)
                # What was on disk before is told now, so that no acknowledgement comes later on.
                for session in self.ward.sessions.values():
                    session.acknowledge(self.clock.now(), at_once=True)
            loop.call_later(RETRY_S, self._write, batch)
            return
        if self._failing:
            self._failing = ""
            _log.warning("storage: writing again")
        self._writing = None
        if loop.time() - self._writing_since <= STORAGE_S_MAX:
            self._storage(degraded=False)
        now = self.clock.now()
        if self.outbox.add(batch.notices, now):
            _log.error("webhook: too many notices wait; the rest is sent after the next start")
        self.ward.written(batch, now)
        self.room.set()
        self._written.set()

    async def drain(self, reason: str) -> None:
        """Ends feeds with a reason, waits until all so far is on disk, and ends the sessions.

        What a failing disk does not take in DRAIN_S_MAX is not acknowledged: devices keep it.
        """
        self._stopping = reason
        self.live.publish()
        for feed in self._feeds:
            feed.finish(reason)
        await self._written_out(DRAIN_S_MAX)
        for session in self.ward.sessions.values():
            session.drain()

    async def finish(self, seconds: float) -> None:
        """Puts on disk what came while peers left; after it nobody may come in.

        Raises CannotGoOn where the disk does not take it in that time.
        """
        written = await self._written_out(seconds)
        if self._broken is not None:
            raise self._broken
        if not written:
            why = self._failing or "it does not answer"
            raise CannotGoOn(
                f"the disk did not take the last of it ({why}): what it did not take was not "
                "acknowledged, devices keep it and send it again; alarm events and acts of this "
                "time are not in the journal"
            )

    async def _written_out(self, seconds: float) -> bool:
        """Waits for the batch under way, then for the one that gathered behind it."""
        try:
            async with asyncio.timeout(seconds):
                for _ in range(2):
                    self._commit()
                    batch = self._writing
                    while batch is not None and self._writing is batch and self._broken is None:
                        self._written.clear()
                        await self._written.wait()
        except TimeoutError:
            return False
        return self._broken is None
