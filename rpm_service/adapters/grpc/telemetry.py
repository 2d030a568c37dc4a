"""TelemetryService: one device's or gateway's stream, from frames to the ward."""

import asyncio
import logging
import re
from collections.abc import Sequence
from typing import Final

import grpc
from google.protobuf.message import DecodeError

from rpm_service.adapters.grpc.convert import KIND_OF, PRIORITY_OF, descriptions
from rpm_service.adapters.grpc.device_link import DeviceLink, ranges_to_wire
from rpm_service.adapters.grpc.refusals import Context
from rpm_service.application.identity import Identity
from rpm_service.application.ingest import HEARTBEAT_S, TelemetrySession
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.sifting import Refused
from rpm_service.domain.alarms import Kind, Priority
from rpm_service.v1 import telemetry_pb2

PROTOCOL_VERSION: Final = 1
FRAME_BYTES_MAX: Final = 262_144
"""A larger frame is refused; the transport cuts the stream only beyond four times that."""
ENTRIES_MAX: Final = 4096
"""A frame of more is refused whole."""
REFUSALS_MAX: Final = 16
"""Parts of one frame whose refusal is told one by one; of the rest, only how many they are."""
GARBAGE_MAX: Final = 3
"""A stream is cut after so many frames that are not protobuf."""
SOFTWARE_MAX: Final = 128
TEXT_MAX: Final = 128
CONDITION_MAX: Final = 48
REST_S: Final = 1.0
"""A stream that is not read is looked at this often: whether it is still to be read at all."""

_CONDITION: Final = re.compile(rf"[A-Z0-9_]{{1,{CONDITION_MAX}}}")

_log = logging.getLogger(__name__)
_Response = telemetry_pb2.StreamTelemetryResponse
_parse = telemetry_pb2.StreamTelemetryRequest.FromString


class TelemetryStream:
    """Reads one stream's frames and carries them to its session."""

    def __init__(self, monitoring: Monitoring, identity: Identity, link: DeviceLink) -> None:
        self.session: TelemetrySession = monitoring.session(
            f"{identity.role}/{identity.id}", identity.may_speak_for, link
        )
        self._monitoring = monitoring
        self._link = link
        self._garbage = 0
        self._refused_parts = 0

    def take(self, data: bytes) -> float:
        """Takes one frame; tells for how long nothing more is to be read, in server seconds.

        What is wrong with it is sent back; the stream lives on.
        """
        now = self._monitoring.clock.now()
        entries = 1
        if len(data) > FRAME_BYTES_MAX:
            refusal = Refused("", f"{len(data)} bytes; at most {FRAME_BYTES_MAX}")
            self._refuse(now, 0, "frame", refusal)
            return self.session.spend(entries, now)
        try:
            frame = _parse(data)
        except DecodeError:
            self._garbage += 1
            if self._garbage >= GARBAGE_MAX:
                reason = f"{GARBAGE_MAX} frames that are not StreamTelemetryRequest"
                self._link.cut(grpc.StatusCode.INVALID_ARGUMENT, reason)
            self._refuse(now, 0, "frame", Refused("", "not a StreamTelemetryRequest"))
            return self.session.spend(entries, now)
        kind = frame.WhichOneof("frame")
        if kind == "observations":
            if len(frame.observations.entries) <= ENTRIES_MAX:
                entries = len(frame.observations.entries) or 1
            self._observations(frame.observations, now)
            if frame.observations.backfill:
                return self.session.spend_backfill(now)
        else:
            try:
                self._other(kind, frame, now)
            except Refused as refusal:
                alarm = frame.device_alarm if kind == "device_alarm" else None
                seq, backfill = (alarm.seq, alarm.backfill) if alarm is not None else (0, False)
                self._refuse(now, seq, refusal.field, refusal, backfill=backfill)
        return self.session.spend(entries, now)

    def _observations(self, frame: telemetry_pb2.Observations, now: float) -> None:
        session, seq = self.session, frame.seq
        try:
            if not session.take_seq(seq, now):
                return
        except Refused as refusal:
            field = _within("observations", refusal.field)
            self._refuse(now, seq, field, refusal, backfill=frame.backfill)
            return
        if len(frame.entries) > ENTRIES_MAX:
            too_many = Refused("", f"{len(frame.entries)} entries; at most {ENTRIES_MAX}")
            self._refuse(now, seq, "observations", too_many, backfill=frame.backfill)
            return
        self._refused_parts = 0
        if frame.backfill or frame.waveforms_dropped:
            self._uncommon(frame, now)
        else:
            self._live(frame, now)
        untold = self._refused_parts - REFUSALS_MAX
        if untold > 0:
            reason = f"{untold} more parts of this frame were refused"
            self._tell_refusal(seq, "observations.entries", Refused("", reason))

    def _uncommon(self, frame: telemetry_pb2.Observations, now: float) -> None:
        """Backfill, or without its waveforms."""
        if frame.waveforms_dropped:
            self.session.note_dropped_waveforms(frame.seq, now)
        for place, entry in enumerate(frame.entries):
            self._entry(frame.seq, place, entry, tuple(entry.values), now, backfill=frame.backfill)

    def _live(self, frame: telemetry_pb2.Observations, now: float) -> None:
        session, seq = self.session, frame.seq
        for place, entry in enumerate(frame.entries):
            values = tuple(entry.values)
            if (
                not values
                or entry.indices
                or entry.validity
                or not session.observe_quiet(seq, entry.mds, entry.observed_at, values, now)
            ):
                self._entry(seq, place, entry, values, now)
            elif entry.sample_arrays:
                self._samples(seq, place, entry, now)

    def _entry(
        self,
        seq: int,
        place: int,
        entry: telemetry_pb2.MdsObservation,
        values: Sequence[float],
        now: float,
        *,
        backfill: bool = False,
    ) -> None:
        session, mds = self.session, entry.mds
        at = f"observations.entries[{place}]"
        try:
            if values or not entry.sample_arrays:
                refusals = session.observe(
                    seq,
                    mds,
                    entry.observed_at,
                    values,
                    tuple(entry.indices),
                    tuple(entry.validity),
                    now,
                    backfill=backfill,
                )
                for refusal in refusals:
                    field = f"{at}.{refusal.field}"
                    self._refuse_part(now, seq, mds, field, refusal, backfill=backfill)
            elif not backfill:
                session.hear(mds, now)
        except Refused as refusal:
            field = f"{at}.{refusal.field}"
            self._refuse_part(now, seq, mds, field, refusal, backfill=backfill)
            return
        self._samples(seq, place, entry, now, backfill=backfill)

    def _samples(
        self,
        seq: int,
        place: int,
        entry: telemetry_pb2.MdsObservation,
        now: float,
        *,
        backfill: bool = False,
    ) -> None:
        session, mds = self.session, entry.mds
        for part, array in enumerate(entry.sample_arrays):
            try:
                session.take_samples(
                    seq, mds, array.index, array.start_at, array.samples, now, backfill=backfill
                )
            except Refused as refusal:
                at = f"observations.entries[{place}].sample_arrays[{part}].{refusal.field}"
                self._refuse_part(now, seq, mds, at, refusal, backfill=backfill)

    def _other(
        self, kind: str | None, frame: telemetry_pb2.StreamTelemetryRequest, now: float
    ) -> None:
        match kind:
            case "hello":
                self._hello(frame.hello, now)
            case "describe":
                self.session.describe(descriptions(frame.describe), now)
                for place, bedside in enumerate(self.session.bedsides):
                    self._link.show_limits(place, bedside)
            case "device_alarm":
                self._device_alarm(frame.device_alarm, now)
            case "heartbeat":
                self.session.heartbeat(frame.heartbeat.device_clock, now)
            case "goodbye":
                if not frame.goodbye.reason:
                    raise Refused("goodbye.reason", "say why: standby, discharge or shutdown")
                self.session.goodbye()
            case "gap":
                self.session.declare_gap(frame.gap.from_seq, frame.gap.to_seq, now)
            case _:
                raise Refused("frame", "empty, or of a kind that this server does not know")

    def _hello(self, hello: telemetry_pb2.Hello, now: float) -> None:
        if hello.protocol_version != PROTOCOL_VERSION:
            reason = f"version {hello.protocol_version}; this server speaks {PROTOCOL_VERSION}"
            raise Refused("hello.protocol_version", reason)
        if len(hello.software) > SOFTWARE_MAX:
            raise Refused("hello.software", f"must be at most {SOFTWARE_MAX} characters")
        rate = hello.clock_rate or 1.0
        if rate != self._monitoring.clock.rate:
            raise Refused(
                "hello.clock_rate",
                f"a clock of rate {rate:g}; this server's runs at {self._monitoring.clock.rate:g}",
            )
        resume_from = self.session.open(
            hello.device_clock,
            hello.spool_last_seq,
            now,
            spool_first_seq=hello.spool_first_seq,
            spool_id=hello.spool_id,
            backfills=hello.backfills,
        )
        self._link.send(
            _Response(
                welcome=telemetry_pb2.Welcome(
                    session_epoch=self.session.epoch,
                    resume_from_seq=resume_from,
                    heartbeat_interval_s=HEARTBEAT_S,
                    server_heartbeat_interval_s=HEARTBEAT_S,
                    max_frame_bytes=FRAME_BYTES_MAX,
                    server_clock=now,
                    backfill_frames_per_s=self.session.backfill_frames_per_s,
                    durable_beyond=ranges_to_wire(self.session.durable_beyond),
                )
            )
        )

    def _device_alarm(self, alarm: telemetry_pb2.DeviceAlarm, now: float) -> None:
        try:
            # First its number: it came, whatever is wrong with it, and is no gap.
            if not self.session.take_seq(alarm.seq, now):
                return
            kind, priority = _checked_device_alarm(alarm)
            self.session.take_device_alarm(
                alarm.mds, alarm.condition, kind, priority, alarm.observed_at, now,
                present=alarm.present, text=alarm.text, backfill=alarm.backfill,
            )  # fmt: skip
        except Refused as refusal:
            field, again = _within("device_alarm", refusal.field), refusal.retryable
            raise Refused(field, refusal.reason, retryable=again) from None

    def _refuse_part(
        self, now: float, seq: int, mds: int, field: str, refusal: Refused, *, backfill: bool
    ) -> None:
        self.session.refuse(now, mds, backfill=backfill)
        self._refused_parts += 1
        if self._refused_parts <= REFUSALS_MAX:
            self._tell_refusal(seq, field, refusal)

    def _refuse(
        self, now: float, seq: int, field: str, refusal: Refused, *, backfill: bool = False
    ) -> None:
        self.session.refuse(now, backfill=backfill)
        self._tell_refusal(seq, field, refusal)

    def _tell_refusal(self, seq: int, field: str, refusal: Refused) -> None:
        stream_id, reason = self.session.stream_id, refusal.reason
        _log.warning("%s: refused frame %d: %s: %s", stream_id, seq, field, reason)
        told = telemetry_pb2.Refusal(
            seq=seq, field=field, reason=reason, retryable=refusal.retryable
        )
        self._link.send(_Response(refusal=told))


def _checked_device_alarm(alarm: telemetry_pb2.DeviceAlarm) -> tuple[Kind, Priority]:
    kind, priority = KIND_OF.get(alarm.kind), PRIORITY_OF.get(alarm.priority)
    if kind is None:
        raise Refused("kind", "physiological or technical")
    if priority is None:
        raise Refused("priority", "low, medium or high")
    if _CONDITION.fullmatch(alarm.condition) is None:
        raise Refused("condition", f"1 to {CONDITION_MAX} of A-Z, 0-9 and _")
    if len(alarm.text) > TEXT_MAX or not alarm.text.isprintable():
        raise Refused("text", f"at most {TEXT_MAX} printable characters")
    return kind, priority


def _within(field: str, part: str) -> str:
    return f"{field}.{part}" if part else field


class TelemetryService:
    """Serves device streams."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring

    async def stream_telemetry(self, identity: Identity, context: Context) -> None:
        """Carries one session until the peer ends it, it is cut, or the server stops."""
        monitoring = self._monitoring
        link = DeviceLink(context)
        stream = TelemetryStream(monitoring, identity, link)
        writer = asyncio.create_task(link.write())
        try:
            while (data := await context.read()) is not grpc.aio.EOF and not link.is_cut:
                wait_s = stream.take(data)
                if wait_s:
                    await self._rest(wait_s, link)
                if not monitoring.room.is_set():
                    await monitoring.room.wait()
            if link.is_cut or writer.done():
                # Cut by the server: the writer sends the status, which may not be read for long.
                stream.session.end(monitoring.clock.now())
                await writer
        finally:
            writer.cancel()
            stream.session.end(monitoring.clock.now())

    async def _rest(self, seconds: float, link: DeviceLink) -> None:
        """Reads nothing for so long on the server's clock, unless the stream ends meanwhile."""
        left = seconds / self._monitoring.clock.rate
        while left > 0 and not link.is_cut:
            await asyncio.sleep(min(left, REST_S))
            left -= REST_S
