"""Whatever a device sends, in whatever order: nothing breaks, and good frames are still taken."""

from collections.abc import Sequence
from math import inf, isinf, nan
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.grpc.telemetry import REFUSALS_MAX, TelemetryStream
from rpm_service.application.bedside import Bedside
from rpm_service.application.identity import Identity, Role
from rpm_service.application.ingest import Step
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.reception import SEQ_MAX
from rpm_service.domain.metrics import METRICS
from rpm_service.v1 import telemetry_pb2 as t
from tests.support.loopback import StillClock, ecg, monitor, numeric
from tests.support.memory_recorder import MemoryRecorder

NOW = StillClock().now()
GATEWAY = Identity(Role.GATEWAY, "g", "default", "", 4e9)
UINT32, UINT64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
INDEX = st.integers(0, 3) | UINT32
VALUE = st.sampled_from([0.0, 80.0, 97.0, 200.0, nan, inf, -inf]) | st.floats()
TIME = st.floats(NOW - 20, NOW + 10) | st.sampled_from([0.0, NOW - 1e6, nan, inf]) | st.floats()
ENUM = st.integers(0, 9) | st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(max_size=20) | st.just("x" * 200)
SEQ = st.integers(0, 12) | UINT64

NUMERIC = st.builds(
    t.NumericMetric,
    code=st.sampled_from([metric.code for metric in METRICS]) | UINT32,
    unit=st.sampled_from([metric.unit for metric in METRICS]) | UINT32,
    period_s=st.sampled_from([1.0, 60.0]) | st.floats(),
    instance=UINT32,
    label=TEXT | st.sampled_from(["HR", "SpO2", "Temp 2"]),
)
ARRAY = st.builds(
    t.SampleArrayMetric,
    code=UINT32,
    unit=UINT32,
    sample_rate_hz=st.just(250.0) | st.floats(),
    scale=st.just(0.1) | st.floats(),
    offset=st.just(0.0) | st.floats(),
    label=TEXT,
)
MDS = st.builds(
    t.MedicalDeviceSystem,
    id=st.sampled_from(["g/a", "g/b", "g", "other/a"]) | TEXT,
    model=TEXT,
    numerics=st.lists(NUMERIC | st.just(numeric("HR")), max_size=4),
    sample_arrays=st.lists(ARRAY | st.just(ecg()), max_size=3),
)
GOOD_MDS = st.sampled_from([monitor("g/a"), monitor("g/b")])
ENTRY = st.builds(
    t.MdsObservation,
    mds=INDEX,
    observed_at=TIME,
    values=st.lists(VALUE, max_size=4),
    indices=st.lists(INDEX, max_size=4),
    validity=st.lists(ENUM, max_size=4),
    sample_arrays=st.lists(
        st.builds(t.SampleArray, index=INDEX, start_at=TIME, samples=st.binary(max_size=6)),
        max_size=2,
    ),
)
FRAME = st.one_of(
    st.builds(t.Hello, protocol_version=st.just(1) | UINT32, software=TEXT, device_clock=TIME,
              spool_last_seq=UINT64, clock_rate=st.just(0.0) | st.floats(),
              spool_first_seq=UINT64, spool_id=st.integers(0, 2) | UINT64,
              backfills=st.booleans()),
    st.builds(t.Describe, mds=st.lists(GOOD_MDS | MDS, max_size=3)),
    st.builds(t.Observations, seq=SEQ, entries=st.lists(ENTRY, max_size=4),
              backfill=st.booleans(), waveforms_dropped=st.booleans()),
    st.builds(t.Gap, from_seq=SEQ, to_seq=SEQ),
    st.builds(t.DeviceAlarm, seq=SEQ, mds=INDEX, condition=st.just("X") | TEXT, kind=ENUM,
              priority=ENUM, present=st.booleans(), observed_at=TIME, text=TEXT,
              backfill=st.booleans()),
    st.builds(t.Heartbeat, device_clock=TIME),
    st.builds(t.Goodbye, reason=ENUM),
)  # fmt: skip
FIELDS = {"Hello": "hello", "Describe": "describe", "Observations": "observations",
          "DeviceAlarm": "device_alarm", "Heartbeat": "heartbeat", "Goodbye": "goodbye",
          "Gap": "gap"}  # fmt: skip


class Link:
    """What the stream says, kept."""

    def __init__(self) -> None:
        self.sent: list[t.StreamTelemetryResponse] = []
        self.is_cut = False

    def send(self, response: t.StreamTelemetryResponse) -> None:
        response.SerializeToString()
        self.sent.append(response)

    def acknowledge(self, durable_through: int, beyond: Sequence[tuple[int, int]]) -> None:
        pass

    def heartbeat(self, now: float) -> None:
        pass

    def cover(self, mds: int, *, covered: bool) -> None:
        pass

    def show_limits(self, mds: int, bedside: Bedside) -> None:
        pass

    def supersede(self) -> None:
        self.is_cut = True

    def drain(self) -> None:
        pass

    def cut(self, *_: object) -> None:
        self.is_cut = True


def framed(message: Any) -> bytes:
    field = FIELDS[type(message).__name__]
    return t.StreamTelemetryRequest(**{field: message}).SerializeToString()


HELLO = framed(t.Hello(protocol_version=1, device_clock=NOW))
DESCRIBE = framed(t.Describe(mds=[monitor("g/a"), monitor("g/b")]))


@pytest.mark.spec("WIRE-36")
@given(
    opening=st.sampled_from([[], [HELLO], [HELLO, DESCRIBE], [HELLO, DESCRIBE]]),
    frames=st.lists(FRAME.map(framed) | st.binary(max_size=30), max_size=20),
)
@settings(max_examples=150)
def test_nothing_that_is_sent_breaks_a_stream(opening: list[bytes], frames: list[bytes]) -> None:
    clock = StillClock()
    encoder = ProtobufEncoder()
    monitoring = Monitoring(clock, MemoryRecorder(), encoder)
    ward = monitoring.ward
    ward.on_alarm = lambda: None
    link = Link()
    stream = TelemetryStream(monitoring, GATEWAY, link)
    for frame in [*opening, *frames]:
        said = len(link.sent)
        stream.take(frame)
        assert len(link.sent) - said <= REFUSALS_MAX + 1
        clock.advance(0.3)
        ward.tick(clock.now())
        monitoring.live.publish()
        if link.is_cut:
            return
    session = stream.session
    assert session.step is not Step.ENDED
    if session.step is Step.OPENING:
        stream.take(framed(t.Hello(protocol_version=1, device_clock=clock.now())))
    stream.take(framed(t.Heartbeat(device_clock=clock.now())))
    stream.take(framed(t.Describe(mds=[monitor("g/a"), monitor("g/b")])))
    seq = session.reception.numbering.newest + 1
    if seq > SEQ_MAX:
        return
    said = len(link.sent)
    entries = [
        t.MdsObservation(mds=mds, observed_at=clock.now(), values=[80.0, 97.0]) for mds in (0, 1)
    ]
    stream.take(framed(t.Observations(seq=seq, entries=entries)))
    assert link.sent[said:] == []
    for name in ("g/a", "g/b"):
        assert [row.values for row in ward.batch.numerics[name] if row.seq == seq] == [(80.0, 97.0)]
        assert list(ward.bedsides[name].values) == [80.0, 97.0]
    assert {*ward.bedsides} <= {"g/a", "g/b"}
    assert not any(
        isinf(value)
        for rows in ward.batch.numerics.values()
        for row in rows
        for value in row.values
    )
