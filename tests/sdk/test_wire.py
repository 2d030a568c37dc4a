"""Frames as bytes, read back with the generated code."""

import math
from enum import Enum
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.sdk import (
    AlarmKind,
    AlarmPriority,
    GoodbyeReason,
    Observation,
    Samples,
    Validity,
    wire,
)
from rpm_service.sdk import monitor as monitors
from rpm_service.sdk.wire import Numbered
from rpm_service.v1 import alarm_pb2, telemetry_pb2

Request = telemetry_pb2.StreamTelemetryRequest


@given(seq=st.integers(1, 2**64 - 1), values=st.lists(st.floats(), max_size=20))
def test_a_frame_gets_its_number_without_being_encoded_again(seq: int, values: list[float]) -> None:
    payload = wire.observations([Observation(5.0, values, mds=3)])
    frame = Request.FromString(wire.numbered(Numbered.OBSERVATIONS, seq, payload))
    assert frame.observations.seq == seq
    (entry,) = frame.observations.entries
    assert (entry.mds, entry.observed_at) == (3, 5.0)
    assert [*map(str, entry.values)] == [*map(str, values)]
    alarm = wire.device_alarm(
        mds=1,
        condition="ASYSTOLE",
        kind=AlarmKind.PHYSIOLOGICAL,
        priority=AlarmPriority.HIGH,
        present=True,
        observed_at=7.0,
        text="no QRS",
    )
    frame = Request.FromString(wire.numbered(Numbered.DEVICE_ALARM, seq, alarm))
    assert (frame.device_alarm.seq, frame.device_alarm.condition) == (seq, "ASYSTOLE")
    assert frame.device_alarm.priority == alarm_pb2.ALARM_PRIORITY_HIGH


@pytest.mark.spec("SDK-4")
def test_zero_is_a_value_and_nan_stays_missing() -> None:
    payload = wire.observations([Observation(5.0, [0.0, math.nan])])
    (entry,) = telemetry_pb2.Observations.FromString(payload).entries
    assert len(entry.values) == 2
    assert entry.values[0] == 0.0
    assert math.isnan(entry.values[1])


def test_validity_indices_and_waveforms_arrive_as_said() -> None:
    chunk = Samples(1, 4.0, monitors.int16_bytes([1, -2, monitors.NO_SAMPLE]))
    payload = wire.observations(
        [
            Observation(5.0, [1.0], indices=[2], validity=[Validity.INVALID]),
            Observation(5.0, mds=1, sample_arrays=[chunk]),
        ]
    )
    first, second = telemetry_pb2.Observations.FromString(payload).entries
    assert list(first.indices) == [2]
    assert list(first.validity) == [alarm_pb2.VALIDITY_INVALID]
    assert second.sample_arrays[0].index == 1
    assert second.sample_arrays[0].start_at == 4.0
    assert second.sample_arrays[0].samples == b"\x01\x00\xfe\xff\x00\x80"
    stripped = telemetry_pb2.Observations.FromString(wire.without_waveforms(payload))
    assert not stripped.entries[1].sample_arrays
    assert list(stripped.entries[0].values) == [1.0]


@pytest.mark.parametrize(
    ("ours", "contract", "prefix"),
    [
        (Validity, alarm_pb2, "VALIDITY_"),
        (AlarmKind, alarm_pb2, "ALARM_KIND_"),
        (AlarmPriority, alarm_pb2, "ALARM_PRIORITY_"),
        (GoodbyeReason, telemetry_pb2, "GOODBYE_REASON_"),
    ],
)
def test_the_words_are_those_of_the_contract(
    ours: type[Enum], contract: ModuleType, prefix: str
) -> None:
    stated = set(contract.DESCRIPTOR.enum_types_by_name[ours.__name__].values_by_name)
    assert {prefix + member.name for member in ours} == stated - {f"{prefix}UNSPECIFIED"}
