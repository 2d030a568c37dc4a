"""Frames as bytes: what a device says, in the contract's encoding.

A frame that carries a sequence number is kept without it, because the number is known only
once the server has said where to begin. `numbered` puts the two together by protobuf's own
rule that a message is the concatenation of its fields in any order.
"""

from collections.abc import Iterable, Sequence
from enum import Enum

from rpm_service.sdk.monitor import Monitor, Observation
from rpm_service.sdk.vocabulary import AlarmKind, AlarmPriority, GoodbyeReason, Validity
from rpm_service.v1 import alarm_pb2, telemetry_pb2

METHOD = "/{}/StreamTelemetry".format(
    telemetry_pb2.DESCRIPTOR.services_by_name["TelemetryService"].full_name
)
PROTOCOL_VERSION = 1
FRAME_BYTES_MAX = 262_144
"""Largest frame that is built at all; Welcome may lower it."""

_LENGTH_DELIMITED = 2
_VALIDITY = {member: alarm_pb2.Validity.Value(f"VALIDITY_{member.name}") for member in Validity}


def _varint(number: int) -> bytes:
    """Encodes a non-negative integer in base 128, least significant group first."""
    assert number >= 0
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


class Numbered(Enum):
    """The frames that carry a sequence number; the value is the frame's tag on the wire."""

    OBSERVATIONS = "observations"
    DEVICE_ALARM = "device_alarm"

    def __init__(self, field: str) -> None:
        frame = telemetry_pb2.StreamTelemetryRequest.DESCRIPTOR.fields_by_name[field]
        assert frame.message_type is not None
        fields = frame.message_type.fields_by_name
        self.tag = _varint(frame.number << 3 | _LENGTH_DELIMITED)
        self.seq_tag = _varint(fields["seq"].number << 3)
        self.backfill_field = _varint(fields["backfill"].number << 3) + _varint(True)


def numbered(kind: Numbered, seq: int, payload: bytes, *, backfill: bool = False) -> bytes:
    """Gives a kept frame its sequence number, and marks it where it comes late."""
    head = kind.seq_tag + _varint(seq)
    if backfill:
        head += kind.backfill_field
    return kind.tag + _varint(len(head) + len(payload)) + head + payload


def gap(from_seq: int, to_seq: int) -> bytes:
    """Encodes numbers that the device no longer has."""
    frame = telemetry_pb2.Gap(from_seq=from_seq, to_seq=to_seq)
    return telemetry_pb2.StreamTelemetryRequest(gap=frame).SerializeToString()


def observations(entries: Iterable[Observation]) -> bytes:
    """Encodes the observations of one frame, without its number."""
    message = telemetry_pb2.Observations()
    for entry in entries:
        wire_entry = message.entries.add(
            mds=entry.mds,
            observed_at=entry.observed_at,
            values=entry.values,
            indices=entry.indices,
        )
        if entry.validity:
            wire_entry.validity.extend([_VALIDITY[validity] for validity in entry.validity])
        for chunk in entry.sample_arrays:
            wire_entry.sample_arrays.add(
                index=chunk.index, start_at=chunk.start_at, samples=chunk.samples
            )
    return message.SerializeToString()


def without_waveforms(payload: bytes) -> bytes:
    """Takes the sample arrays out of kept observations, and says so."""
    message = telemetry_pb2.Observations.FromString(payload)
    for entry in message.entries:
        entry.ClearField("sample_arrays")
    message.waveforms_dropped = True
    return message.SerializeToString()


def device_alarm(
    *,
    mds: int,
    condition: str,
    kind: AlarmKind,
    priority: AlarmPriority,
    present: bool,
    observed_at: float,
    text: str,
) -> bytes:
    """Encodes a device's own alarm, without its number."""
    return telemetry_pb2.DeviceAlarm(
        mds=mds,
        condition=condition,
        kind=alarm_pb2.AlarmKind.Value(f"ALARM_KIND_{kind.name}"),
        priority=alarm_pb2.AlarmPriority.Value(f"ALARM_PRIORITY_{priority.name}"),
        present=present,
        observed_at=observed_at,
        text=text,
    ).SerializeToString()


def condition_of(payload: bytes) -> tuple[int, str]:
    """Reads which condition of which monitor a kept alarm is about."""
    message = telemetry_pb2.DeviceAlarm.FromString(payload)
    return message.mds, message.condition


def hello(
    *,
    software: str,
    device_clock: float,
    clock_rate: float,
    spool_first_seq: int,
    spool_last_seq: int,
    spool_id: int,
) -> bytes:
    """Encodes the frame that opens a session."""
    return telemetry_pb2.StreamTelemetryRequest(
        hello=telemetry_pb2.Hello(
            protocol_version=PROTOCOL_VERSION,
            software=software,
            device_clock=device_clock,
            clock_rate=clock_rate,
            spool_first_seq=spool_first_seq,
            spool_last_seq=spool_last_seq,
            spool_id=spool_id,
            backfills=True,
        )
    ).SerializeToString()


def describe(monitors: Sequence[Monitor]) -> bytes:
    """Encodes what is behind the stream."""
    message = telemetry_pb2.Describe()
    for monitor in monitors:
        mds = message.mds.add(id=monitor.id, manufacturer=monitor.manufacturer, model=monitor.model)
        for numeric in monitor.numerics:
            mds.numerics.add(
                code=numeric.code,
                unit=numeric.unit,
                period_s=numeric.period_s,
                instance=numeric.instance,
                label=numeric.label,
            )
        for waveform in monitor.sample_arrays:
            mds.sample_arrays.add(
                code=waveform.code,
                unit=waveform.unit,
                sample_rate_hz=waveform.sample_rate_hz,
                scale=waveform.scale,
                offset=waveform.offset,
                instance=waveform.instance,
                label=waveform.label,
            )
    return telemetry_pb2.StreamTelemetryRequest(describe=message).SerializeToString()


def heartbeat(device_clock: float) -> bytes:
    """Encodes a proof of life."""
    return telemetry_pb2.StreamTelemetryRequest(
        heartbeat=telemetry_pb2.Heartbeat(device_clock=device_clock)
    ).SerializeToString()


def goodbye(reason: GoodbyeReason) -> bytes:
    """Encodes the frame of a device that leaves on purpose."""
    return telemetry_pb2.StreamTelemetryRequest(
        goodbye=telemetry_pb2.Goodbye(
            reason=telemetry_pb2.GoodbyeReason.Value(f"GOODBYE_REASON_{reason.name}")
        )
    ).SerializeToString()
