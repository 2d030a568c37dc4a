"""The spool: bounded, and what it gives up first."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpm_service.sdk import AlarmKind, AlarmPriority, Observation, Samples, wire
from rpm_service.sdk.disk_spool import DiskSpool
from rpm_service.sdk.spool import FRAME_OVERHEAD_BYTES, MemorySpool, Spool
from rpm_service.sdk.wire import FRAME_BYTES_MAX, Numbered
from rpm_service.v1 import telemetry_pb2

SMALLEST = FRAME_BYTES_MAX + FRAME_OVERHEAD_BYTES
NUMERICS = wire.observations([Observation(1.0, [98.0])])
WAVEFORM_BYTES = 50_000
WAVEFORMS = wire.observations(
    [Observation(1.0, [98.0], sample_arrays=[Samples(0, 0.0, bytes(WAVEFORM_BYTES))])]
)
ALARM = wire.device_alarm(
    mds=0,
    condition="ASYSTOLE",
    kind=AlarmKind.PHYSIOLOGICAL,
    priority=AlarmPriority.HIGH,
    present=True,
    observed_at=1.0,
    text="",
)


@pytest.fixture(params=["memory", "disk"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    spool = MemorySpool(SMALLEST)
    if request.param == "disk":
        spool = DiskSpool(tmp_path / "spool", SMALLEST)
    yield spool
    spool.close()


def held(spool: Spool) -> list[int]:
    numbers, number = [], 0
    while (frame := spool.after(number)) is not None:
        number = frame.number
        numbers.append(number)
    return numbers


@pytest.mark.spec("SDK-7")
def test_the_oldest_waveforms_go_first_and_their_numerics_stay(spool: Spool) -> None:
    for _ in range(6):
        spool.append(Numbered.OBSERVATIONS, WAVEFORMS, has_waveforms=True)
    assert held(spool) == [1, 2, 3, 4, 5, 6]
    assert spool.waveforms_dropped == 1
    assert spool.frames_dropped == 0
    oldest, newest = spool.get(1), spool.get(6)
    assert oldest is not None
    assert newest is not None
    (entry,) = telemetry_pb2.Observations.FromString(oldest.payload).entries
    assert list(entry.values) == [98.0]
    assert not entry.sample_arrays
    assert newest.payload == WAVEFORMS


@pytest.mark.spec("SDK-7")
def test_without_waveforms_the_oldest_observations_go_and_leave_a_hole(spool: Spool) -> None:
    fits = SMALLEST // (len(NUMERICS) + FRAME_OVERHEAD_BYTES)
    for _ in range(fits + 3):
        spool.append(Numbered.OBSERVATIONS, NUMERICS)
    assert spool.frames_dropped == 3
    assert held(spool)[0] == 4
    assert spool.last == fits + 3


@pytest.mark.spec("SDK-7")
def test_the_devices_own_alarms_outlast_its_observations(spool: Spool) -> None:
    alarm = spool.append(Numbered.DEVICE_ALARM, ALARM)
    fits = SMALLEST // (len(NUMERICS) + FRAME_OVERHEAD_BYTES)
    for _ in range(fits * 2):
        spool.append(Numbered.OBSERVATIONS, NUMERICS)
    assert held(spool)[0] == alarm


def test_a_spool_of_alarms_alone_is_bounded_too(spool: Spool) -> None:
    for _ in range(2 * SMALLEST // (len(ALARM) + FRAME_OVERHEAD_BYTES)):
        spool.append(Numbered.DEVICE_ALARM, ALARM)
    assert spool.size_bytes <= spool.bytes_max
    assert spool.frames_dropped > 0


@pytest.mark.parametrize("kind", ["memory", "disk"])
@given(st.data())
def test_a_spool_never_outgrows_its_bound_and_accounts_for_every_frame(
    kind: str, data: st.DataObject
) -> None:
    with TemporaryDirectory() as folder:
        spool = (
            MemorySpool(SMALLEST) if kind == "memory" else DiskSpool(Path(folder) / "s", SMALLEST)
        )
        account_for(spool, data)
        spool.close()


def account_for(spool: Spool, data: st.DataObject) -> None:
    appended = trimmed = discarded = 0
    for _ in range(data.draw(st.integers(1, 40))):
        match data.draw(st.sampled_from(["append", "append", "append", "trim", "discard"])):
            case "append":
                kind = data.draw(st.sampled_from(Numbered))
                waves = kind is Numbered.OBSERVATIONS and data.draw(st.booleans())
                payload = WAVEFORMS if waves else NUMERICS
                if kind is Numbered.DEVICE_ALARM:
                    payload = bytes(data.draw(st.integers(0, 100_000)))
                appended += 1
                assert spool.append(kind, payload, has_waveforms=waves) == appended
            case "trim":
                trimmed += spool.release(1, data.draw(st.integers(0, appended + 2)))
            case "discard":
                discarded += spool.discard(data.draw(st.integers(0, appended + 2)))
        assert spool.size_bytes <= spool.bytes_max
        assert appended == len(spool) + trimmed + discarded + spool.frames_dropped
        numbers = held(spool)
        assert numbers == sorted(numbers)
        assert len(numbers) == len(spool)
        assert spool.first == (numbers[0] if numbers else 0)
        assert spool.size_bytes == sum(
            frame.size_bytes for number in numbers if (frame := spool.get(number)) is not None
        )
    spool.release(1, appended)
    assert (len(spool), spool.size_bytes) == (0, 0)
