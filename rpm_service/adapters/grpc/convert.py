"""Wire to core and back. What cannot be understood is refused here, by the name of its field."""

from collections.abc import Sequence
from math import inf, isfinite
from typing import Final

from rpm_service.adapters.grpc.limits import limits_to_wire, override_to_wire
from rpm_service.adapters.grpc.scores import score_to_wire
from rpm_service.application.bedside import Bedside, stale_after_s
from rpm_service.application.effects import (
    Connection,
    Description,
    Numeric,
    SampleArray,
)
from rpm_service.application.sifting import Refused
from rpm_service.domain.alarms import AlarmEvent, Kind, Phase, Priority
from rpm_service.domain.inactivation import Inactivation, InactivationState
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.metrics import BY_CODE, UCUM, named
from rpm_service.domain.signals import Presence
from rpm_service.v1 import alarm_pb2, monitoring_pb2, telemetry_pb2

MDS_MAX: Final = 256
NUMERICS_MAX: Final = 64
SAMPLE_ARRAYS_MAX: Final = 32
ID_MAX: Final = 127
LABEL_MAX: Final = 16
TEXT_MAX: Final = 128
PERIOD_S: Final = (0.05, 86_400.0)
SAMPLE_RATE_HZ: Final = (0.1, 4000.0)

KINDS: Final = {
    Kind.PHYSIOLOGICAL: alarm_pb2.ALARM_KIND_PHYSIOLOGICAL,
    Kind.TECHNICAL: alarm_pb2.ALARM_KIND_TECHNICAL,
}
PRIORITIES: Final = {
    Priority.LOW: alarm_pb2.ALARM_PRIORITY_LOW,
    Priority.MEDIUM: alarm_pb2.ALARM_PRIORITY_MEDIUM,
    Priority.HIGH: alarm_pb2.ALARM_PRIORITY_HIGH,
}
PRESENCES: Final = {
    each: alarm_pb2.AlarmPresence.Value(f"ALARM_PRESENCE_{each.value}") for each in Presence
}
PHASES: Final = {each: alarm_pb2.AlarmPhase.Value(f"ALARM_PHASE_{each.name}") for each in Phase}
INACTIVATIONS: Final = {
    each: alarm_pb2.Inactivation.Value(f"INACTIVATION_{each.value}") for each in InactivationState
}
AGE_CLASSES: Final = {
    AgeClass.ADULT: monitoring_pb2.AGE_CLASS_ADULT,
    AgeClass.PAEDIATRIC: monitoring_pb2.AGE_CLASS_PAEDIATRIC,
    AgeClass.NEONATAL: monitoring_pb2.AGE_CLASS_NEONATAL,
}
CONNECTIONS: Final = {
    Connection.CONNECTED: monitoring_pb2.CONNECTION_CONNECTED,
    Connection.LOST: monitoring_pb2.CONNECTION_LOST,
    Connection.AWAY: monitoring_pb2.CONNECTION_AWAY,
}
ACCEPTED_OF: Final[dict[int, bool]] = {
    alarm_pb2.RESPONSIBILITY_ACCEPTED: True,
    alarm_pb2.RESPONSIBILITY_REJECTED: False,
}
INACTIVATION_OF: Final = {number: state for state, number in INACTIVATIONS.items()}
KIND_OF: Final = {number: kind for kind, number in KINDS.items()}
PRIORITY_OF: Final = {number: priority for priority, number in PRIORITIES.items()}
AGE_CLASS_OF: Final = {number: age_class for age_class, number in AGE_CLASSES.items()}


# -- devices ------------------------------------------------------------------------------


def descriptions(describe: telemetry_pb2.Describe) -> list[tuple[str, Description]]:
    """Reads what is behind a stream. Raises Refused."""
    if len(describe.mds) > MDS_MAX:
        raise Refused("describe.mds", f"{len(describe.mds)} monitors; at most {MDS_MAX}")
    return [_description(f"describe.mds[{place}]", mds) for place, mds in enumerate(describe.mds)]


def _description(field: str, mds: telemetry_pb2.MedicalDeviceSystem) -> tuple[str, Description]:
    if not 1 <= len(mds.id) <= ID_MAX:
        raise Refused(f"{field}.id", f"must be 1 to {ID_MAX} characters")
    _check_text(f"{field}.manufacturer", mds.manufacturer, TEXT_MAX)
    _check_text(f"{field}.model", mds.model, TEXT_MAX)
    if len(mds.numerics) > NUMERICS_MAX:
        raise Refused(f"{field}.numerics", f"{len(mds.numerics)} numerics; at most {NUMERICS_MAX}")
    if len(mds.sample_arrays) > SAMPLE_ARRAYS_MAX:
        raise Refused(
            f"{field}.sample_arrays",
            f"{len(mds.sample_arrays)} sample arrays; at most {SAMPLE_ARRAYS_MAX}",
        )
    names: set[str] = set()
    numerics = tuple(
        _numeric(f"{field}.numerics[{place}]", each, names)
        for place, each in enumerate(mds.numerics)
    )
    names = set()
    arrays = tuple(
        _sample_array(f"{field}.sample_arrays[{place}]", each, names)
        for place, each in enumerate(mds.sample_arrays)
    )
    return mds.id, Description(numerics, arrays)


def _numeric(field: str, wire: telemetry_pb2.NumericMetric, names: set[str]) -> Numeric:
    shortest, longest = PERIOD_S
    if not shortest <= wire.period_s <= longest:
        raise Refused(
            f"{field}.period_s", f"{wire.period_s:g} s is not within {shortest:g} to {longest:g} s"
        )
    metric = BY_CODE.get(wire.code)
    if metric is None:
        name = _unique(_label(field, wire.label, wire.code), names)
        ucum = UCUM.get(wire.unit, str(wire.unit))
        return Numeric(name, wire.code, wire.unit, ucum, wire.period_s, 1, (-inf, inf))
    if wire.unit not in metric.units:
        expected = " or ".join(f"{unit} ({UCUM[unit]})" for unit in metric.units)
        raise Refused(f"{field}.unit", f"{metric.name} in {wire.unit}; expected {expected}")
    return Numeric(
        _unique(metric.name, names),
        wire.code,
        wire.unit,
        UCUM[wire.unit],
        wire.period_s,
        metric.decimals,
        (metric.low, metric.high),
    )


def _sample_array(
    field: str, wire: telemetry_pb2.SampleArrayMetric, names: set[str]
) -> SampleArray:
    slowest, fastest = SAMPLE_RATE_HZ
    if not slowest <= wire.sample_rate_hz <= fastest:
        raise Refused(
            f"{field}.sample_rate_hz",
            f"{wire.sample_rate_hz:g} Hz is not within {slowest:g} to {fastest:g} Hz",
        )
    if not isfinite(wire.scale) or wire.scale == 0:
        raise Refused(f"{field}.scale", f"{wire.scale:g} cannot scale a sample")
    if not isfinite(wire.offset):
        raise Refused(f"{field}.offset", f"{wire.offset:g} is not a number")
    name = _unique(_label(field, wire.label, wire.code), names)
    return SampleArray(name, wire.code, wire.unit, wire.sample_rate_hz, wire.scale, wire.offset)


def _label(field: str, label: str, code: int) -> str:
    """The name of what has no name here. Never that of a known metric: it is not one."""
    _check_text(f"{field}.label", label, LABEL_MAX)
    return label if label and named(label) is None else f"MDC {code}"


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most or not text.isprintable():
        raise Refused(field, f"must be at most {most} printable characters")


def _unique(name: str, names: set[str]) -> str:
    """Tells apart metrics of one name: Temp, Temp 2, Temp 3."""
    unique, number = name, 1
    while unique in names:
        number += 1
        unique = f"{name} {number}"
    names.add(unique)
    return unique


def settings_of(place: int, bedside: Bedside) -> telemetry_pb2.Settings:
    """The alarm limits in force at a bedside, for display there."""
    return telemetry_pb2.Settings(
        mds=place,
        limits=[
            limits_to_wire(numeric.name, limits)
            for numeric in bedside.description.numerics
            if (limits := bedside.limits_of(numeric)) is not None
        ],
    )


# -- viewers ------------------------------------------------------------------------------


def alarm_to_wire(event: AlarmEvent) -> alarm_pb2.AlarmEvent:
    """An alarm event, whole."""
    alarm = event.alarm
    wire = alarm_pb2.AlarmEvent(
        occurrence_id=alarm.occurrence_id,
        event_seq=alarm.event_seq,
        phase=PHASES[event.phase],
        bed=alarm.bed,
        device_id=alarm.device_id,
        condition=alarm.condition.code,
        kind=KINDS[alarm.condition.kind],
        priority=PRIORITIES[alarm.priority],
        presence=PRESENCES[alarm.presence],
        metric=alarm.condition.metric,
        value=alarm.value,
        extreme=alarm.extreme,
        limit=alarm.limit,
        raised_at=alarm.raised_at,
        ended_at=alarm.ended_at,
        observed_at=event.observed_at,
        received_at=event.received_at,
        text=alarm.text,
        latching=alarm.latching,
        no_new_burst=event.no_new_burst,
        late_detected=event.late_detected,
    )
    if alarm.acknowledgement is not None:
        wire.acknowledged_by = alarm.acknowledgement.by
        wire.acknowledged_at = alarm.acknowledgement.at
        wire.acknowledged_until = alarm.acknowledgement.until
    if alarm.answer is not None:
        accepted = alarm.answer.accepted
        wire.responsibility = (
            alarm_pb2.RESPONSIBILITY_ACCEPTED if accepted else alarm_pb2.RESPONSIBILITY_REJECTED
        )
        wire.responsible = alarm.answer.by
        wire.answered_at = alarm.answer.at
    return wire


def inactivation_to_wire(held: Inactivation) -> monitoring_pb2.BedInactivation:
    """Something that is held back at a bed."""
    return monitoring_pb2.BedInactivation(
        state=INACTIVATIONS[held.state],
        metric=held.metric,
        condition=held.condition,
        by=held.by,
        since=held.since,
        until=held.until,
        reason=held.reason,
    )


# Snapshot and Delta give the same parts the same numbers, so that a part is encoded once and
# joined into either: protobuf takes repeated fields in any number of pieces.
_BED = bytes([monitoring_pb2.Delta.BEDS_FIELD_NUMBER << 3 | 2])
_NUMERICS = bytes([monitoring_pb2.Delta.NUMERICS_FIELD_NUMBER << 3 | 2])
_ALARM = bytes([monitoring_pb2.Delta.ALARMS_FIELD_NUMBER << 3 | 2])
_WAVEFORM = bytes([monitoring_pb2.Delta.WAVEFORMS_FIELD_NUMBER << 3 | 2])
_SNAPSHOT = bytes([monitoring_pb2.WatchResponse.SNAPSHOT_FIELD_NUMBER << 3 | 2])
_DELTA = bytes([monitoring_pb2.WatchResponse.DELTA_FIELD_NUMBER << 3 | 2])
assert monitoring_pb2.Snapshot.BEDS_FIELD_NUMBER == monitoring_pb2.Delta.BEDS_FIELD_NUMBER
assert monitoring_pb2.Snapshot.NUMERICS_FIELD_NUMBER == monitoring_pb2.Delta.NUMERICS_FIELD_NUMBER
assert monitoring_pb2.Snapshot.ALARMS_FIELD_NUMBER == monitoring_pb2.Delta.ALARMS_FIELD_NUMBER


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _delimited(tag: bytes, message: bytes) -> bytes:
    return b"".join((tag, _varint(len(message)), message))


class ProtobufEncoder:
    """Makes the bytes that viewers get, over gRPC and WebSocket alike."""

    def bed(self, bedside: Bedside) -> bytes:
        """Encodes the description of a bed."""
        wire = monitoring_pb2.BedDescription(
            number=bedside.number,
            bed=bedside.bed,
            unit=bedside.unit,
            care_groups=bedside.care_groups,
            device_id=bedside.device_id,
            patient_id=bedside.patient_id,
            connection=CONNECTIONS[bedside.connection],
            metrics=[_metric(bedside, numeric) for numeric in bedside.description.numerics],
            waveforms=[_waveform(array) for array in bedside.description.sample_arrays],
            audio_paused_until=bedside.audio_paused_until,
            inactivations=map(inactivation_to_wire, bedside.inactivations.held),
            covered=bedside.covered,
        )
        if bedside.age_class is not None:
            wire.age_class = AGE_CLASSES[bedside.age_class]
        if bedside.early_warning is not None:
            wire.early_warning.CopyFrom(score_to_wire(bedside.early_warning))
        return _delimited(_BED, wire.SerializeToString())

    def numerics(self, bedside: Bedside) -> bytes:
        """Encodes the newest values of a bed."""
        wire = monitoring_pb2.BedNumerics(
            number=bedside.number, values=bedside.values, observed_at=bedside.observed_at
        )
        if bedside.validity:
            wire.validity.extend(bedside.validity)  # type: ignore[arg-type]  # wire numbers
        if bedside.pending:
            wire.pending.extend(bedside.pending)
        return _delimited(_NUMERICS, wire.SerializeToString())

    def alarm(self, event: AlarmEvent) -> bytes:
        """Encodes an alarm event."""
        return _delimited(_ALARM, alarm_to_wire(event).SerializeToString())

    def waveform(self, number: int, waveform: int, start_at: float, samples: bytes) -> bytes:
        """Encodes waveform samples."""
        wire = monitoring_pb2.BedWaveform(
            number=number, waveform=waveform, start_at=start_at, samples=samples
        )
        return _delimited(_WAVEFORM, wire.SerializeToString())

    def snapshot(self, run: str, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        """Joins parts to a whole frame: everything as it stands."""
        head = monitoring_pb2.Snapshot(revision=revision, server_clock=now, run=run)
        return _delimited(_SNAPSHOT, b"".join((head.SerializeToString(), *parts)))

    def delta(self, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        """Joins parts to a whole frame: what changed."""
        head = monitoring_pb2.Delta(revision=revision, server_clock=now)
        return _delimited(_DELTA, b"".join((head.SerializeToString(), *parts)))

    def progress(self, revision: int, now: float) -> bytes:
        """Encodes a whole frame: nothing changed, and the link lives."""
        progress = monitoring_pb2.Progress(revision=revision, server_clock=now)
        return monitoring_pb2.WatchResponse(progress=progress).SerializeToString()

    def closing(self, reason: str) -> bytes:
        """Encodes a whole frame: the server ends the stream."""
        closing = monitoring_pb2.Closing(reason=reason)
        return monitoring_pb2.WatchResponse(closing=closing).SerializeToString()


def _metric(bedside: Bedside, numeric: Numeric) -> monitoring_pb2.MetricDescription:
    limits, override = bedside.limits_of(numeric), bedside.override_of(numeric)
    return monitoring_pb2.MetricDescription(
        name=numeric.name,
        code=numeric.code,
        unit=numeric.ucum,
        decimals=numeric.decimals,
        stale_after_s=stale_after_s(numeric.period_s),
        limits=None if limits is None else limits_to_wire(numeric.name, limits),
        override=None if override is None else override_to_wire(override),
    )


def _waveform(array: SampleArray) -> telemetry_pb2.SampleArrayMetric:
    return telemetry_pb2.SampleArrayMetric(
        code=array.code,
        unit=array.unit,
        sample_rate_hz=array.sample_rate_hz,
        scale=array.scale,
        offset=array.offset,
        label=array.name,
    )
