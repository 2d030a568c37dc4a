"""A stream that the server cuts: frames that were on their way, and the status that is sent.

On a real connection these races are rare; here the frames are all there at once.
"""

from collections import deque
from typing import Any, NoReturn

import grpc
import grpc.aio
import pytest

from rpm_service.adapters.grpc.device_link import OUTBOX_MAX
from rpm_service.adapters.grpc.telemetry import TelemetryService
from rpm_service.application.identity import Identity, Role
from rpm_service.v1 import telemetry_pb2
from tests.support.loopback import LoopbackServer, monitor, numeric

BED_1 = Identity(Role.DEVICE, "bed-1", "default", "", 4e9)


class Waiting:
    """A call whose frames have all arrived; reading one gives way to no other task."""

    def __init__(self, *frames: bytes) -> None:
        self.status: tuple[grpc.StatusCode, str] | None = None
        self._frames = deque(frames)

    async def read(self) -> Any:
        return self._frames.popleft() if self._frames else grpc.aio.EOF

    async def write(self, _frame: bytes) -> None:
        pass

    async def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        self.status = (code, details)
        raise grpc.aio.AbortError


def frame(**fields: Any) -> bytes:
    return telemetry_pb2.StreamTelemetryRequest(**fields).SerializeToString()


def opening(server: LoopbackServer) -> list[bytes]:
    hello = telemetry_pb2.Hello(protocol_version=1, device_clock=server.clock.now())
    describe = telemetry_pb2.Describe(mds=[monitor("bed-1", numerics=[numeric("HR")])])
    return [frame(hello=hello), frame(describe=describe)]


def observations(server: LoopbackServer, seq: int) -> bytes:
    entry = telemetry_pb2.MdsObservation(observed_at=server.clock.now(), values=[80.0])
    return frame(observations=telemetry_pb2.Observations(seq=seq, entries=[entry]))


@pytest.mark.spec("WIRE-13")
async def test_frames_behind_the_third_garbage_are_not_taken(server: LoopbackServer) -> None:
    call = Waiting(
        *opening(server), observations(server, 1), *[b"\xff"] * 3, observations(server, 2)
    )
    with pytest.raises(grpc.aio.AbortError):
        await TelemetryService(server.monitoring).stream_telemetry(BED_1, call)
    assert call.status == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "3 frames that are not StreamTelemetryRequest",
    )
    await server.until(lambda: server.rows != [])
    assert [row.seq for _, row in server.rows] == [1]


@pytest.mark.spec("WIRE-30")
async def test_a_superseded_stream_ends_aborted_even_if_a_frame_was_on_its_way(
    server: LoopbackServer,
) -> None:
    service = TelemetryService(server.monitoring)

    class Superseded(Waiting):
        async def read(self) -> Any:
            data = await super().read()
            if len(self._frames) == 0:
                server.monitoring.ward.sessions["device/bed-1"].supersede()
            return data

    call = Superseded(*opening(server), observations(server, 1))
    with pytest.raises(grpc.aio.AbortError):
        await service.stream_telemetry(BED_1, call)
    assert call.status is not None
    assert call.status[0] is grpc.StatusCode.ABORTED
    assert not server.monitoring.ward.batch.numerics


@pytest.mark.spec("WIRE-32")
async def test_a_device_that_reads_no_answers_is_cut(server: LoopbackServer) -> None:
    call = Waiting(*[b""] * (OUTBOX_MAX + 1))
    with pytest.raises(grpc.aio.AbortError):
        await TelemetryService(server.monitoring).stream_telemetry(BED_1, call)
    assert call.status == (grpc.StatusCode.RESOURCE_EXHAUSTED, "answers are not being read")
