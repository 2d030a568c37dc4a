"""A ward without transport, disk or real time: devices speak to it as their streams would."""

from collections.abc import Sequence

from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Batch, Description, NumericRow, Restored
from rpm_service.application.identity import Identity, Role
from rpm_service.application.ingest import TelemetrySession
from rpm_service.application.live import Live
from rpm_service.application.operators import Operators
from rpm_service.application.sifting import Refused
from rpm_service.application.units import Units
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import Alarm, AlarmEvent
from rpm_service.domain.limits import AlarmSettings
from tests.support.elsewhere import ELSEWHERE
from tests.support.manual_clock import ManualClock
from tests.support.plain_encoder import PlainEncoder
from tests.support.vital_signs import description

TICK_S = 0.5


class Scene:
    def __init__(
        self,
        restored: Restored | None = None,
        units: Units = ELSEWHERE,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.live = Live(PlainEncoder(), "run 1")
        self.ward = Ward(self.live, restored or Restored(), self.now, units)
        self.operators = Operators(self.ward, self.clock)
        self.written: list[Batch] = []

    @property
    def now(self) -> float:
        return self.clock.now()

    def passes(self, seconds: float) -> None:
        """Time goes on, and the ward looks at its deadlines."""
        end = self.now + seconds
        while self.now < end:
            self.clock.advance(min(TICK_S, end - self.now))
            self.ward.tick(self.now)

    def commit(self) -> Batch:
        """What waits for the disk is on it now."""
        batch = self.ward.take_batch()
        self.written.append(batch)
        self.ward.written(batch, self.now)
        for session in self.ward.sessions.values():
            session.acknowledge(self.now)
        return batch

    def device(self, device_id: str = "oximeter-1") -> "Device":
        return Device(self, Identity(Role.DEVICE, device_id, "", "", 0.0))

    def gateway(self, gateway_id: str = "ward-3") -> "Device":
        return Device(self, Identity(Role.GATEWAY, gateway_id, "", "", 0.0))

    def bedside(self, device_id: str = "oximeter-1") -> Bedside:
        return self.ward.bedsides[device_id]

    def alarms(self, device_id: str = "oximeter-1") -> dict[str, Alarm]:
        """Alarms that have a signal, by condition."""
        return {alarm.condition.code: alarm for alarm in self.bedside(device_id).board}

    @property
    def events(self) -> list[AlarmEvent]:
        return [event for batch in (*self.written, self.ward.batch) for event in batch.events]

    def rows(self, device_id: str = "oximeter-1") -> list[NumericRow]:
        """What was handed to the disk so far."""
        batches = (*self.written, self.ward.batch)
        return [row for batch in batches for row in batch.numerics.get(device_id, ())]


class Device:
    """One stream: its session, and what the server told it."""

    def __init__(self, scene: Scene, identity: Identity) -> None:
        self.scene = scene
        self.identity = identity
        self.acks: list[int] = []
        self.reports: list[tuple[int, list[tuple[int, int]]]] = []
        """The same acks, each with what is on disk beyond its number."""
        self.told: list[tuple[int, AlarmSettings]] = []
        """Alarm settings, and of which monitor."""
        self.superseded = self.drained = False
        self.coverage: list[tuple[int, bool]] = []
        self.heartbeats: list[float] = []
        """When the server said that it lives."""
        self.session = TelemetrySession(
            scene.ward, f"{identity.role}/{identity.id}", identity.may_speak_for, self
        )
        self.seq = self._frame = 0

    def acknowledge(self, durable_through: int, beyond: Sequence[tuple[int, int]]) -> None:
        self.acks.append(durable_through)
        self.reports.append((durable_through, list(beyond)))

    def heartbeat(self, now: float) -> None:
        self.heartbeats.append(now)

    def cover(self, mds: int, *, covered: bool) -> None:
        self.coverage.append((mds, covered))

    def show_limits(self, mds: int, bedside: Bedside) -> None:
        self.told.append((mds, bedside.settings))

    def supersede(self) -> None:
        self.superseded = True

    def drain(self) -> None:
        self.drained = True

    def hello(
        self,
        *,
        clock: float | None = None,
        given_out: int = 0,
        holds_from: int = 0,
        spool_id: int = 0,
        backfills: bool = False,
    ) -> int:
        resume = self.session.open(
            self.scene.now if clock is None else clock,
            given_out,
            self.scene.now,
            spool_first_seq=holds_from,
            spool_id=spool_id,
            backfills=backfills,
        )
        self.seq = resume - 1
        return resume

    def describes(self, *metrics: str) -> "Device":
        self.session.describe([(self.identity.id, description(*metrics))], self.scene.now)
        return self

    def describes_monitors(self, *names: str, what: Description | None = None) -> "Device":
        each = what or description("HR", "SpO2")
        parts = [(f"{self.identity.id}/{name}", each) for name in names]
        self.session.describe(parts, self.scene.now)
        return self

    def begins(self, *metrics: str) -> "Device":
        self.hello()
        return self.describes(*(metrics or ("HR", "SpO2")))

    def sends(
        self,
        *values: float,
        mds: int = 0,
        at: float | None = None,
        seq: int | None = None,
        indices: Sequence[int] = (),
        validity: Sequence[int] = (),
        backfill: bool = False,
    ) -> bool:
        """One frame with one entry, as its stream would take it. Raises Refused.

        No value of it is refused alone: see `entry`.
        """
        if not self.begin_frame(seq):
            return False
        assert not self.entry(
            *values, mds=mds, at=at, indices=indices, validity=validity, backfill=backfill
        )
        return True

    def begin_frame(self, seq: int | None = None) -> bool:
        if seq is None:
            self.seq += 1
            seq = self.seq
        self._frame = seq
        return self.session.take_seq(seq, self.scene.now)

    def entry(
        self,
        *values: float,
        mds: int = 0,
        at: float | None = None,
        indices: Sequence[int] = (),
        validity: Sequence[int] = (),
        backfill: bool = False,
    ) -> Sequence[Refused]:
        """As the transport does: what is not the common case is taken apart."""
        session, seq, now = self.session, self._frame, self.scene.now
        observed_at = now if at is None else at
        whole = values and not indices and not validity and not backfill
        if whole and session.observe_quiet(seq, mds, observed_at, values, now):
            return ()
        return session.observe(
            seq, mds, observed_at, values, indices, validity, now, backfill=backfill
        )

    def streams(self, seconds: int, *values: float) -> "Device":
        """A frame each second."""
        for _ in range(seconds):
            self.scene.passes(1)
            self.sends(*values)
        return self

    def breaks(self) -> None:
        """The stream ends without goodbye."""
        self.session.end(self.scene.now)
