"""Peers that are there and read nothing: cut, forgotten, and told why once they read."""

import asyncio
from contextlib import asynccontextmanager, suppress

import grpc
import grpc.aio
import pytest

from rpm_service.adapters.grpc import device_link, refusals
from rpm_service.adapters.grpc.device_link import OUTBOX_MAX
from rpm_service.application.identity import Role
from rpm_service.application.viewers import CUT_S
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2 as t
from tests.support.loopback import STREAM_TELEMETRY, WATCH, Device, LoopbackServer, monitor

NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536))
"""As in the SDK: megabytes would be read by the transport otherwise."""


@asynccontextmanager
async def stuck(server: LoopbackServer, role: Role, peer: str, method: str, response: type):
    """A call of which the test reads nothing until it does."""
    async with server.channel_of(role, peer, *NARROW) as channel:
        call = channel.stream_stream(method, None, response.FromString)()
        yield call
        call.cancel()
        with suppress(BaseException):
            await call.code()


async def ending(call) -> tuple[grpc.StatusCode, str]:
    with suppress(grpc.aio.AioRpcError):
        while await call.read() is not grpc.aio.EOF:
            pass
    return await call.code(), await call.details()


@asynccontextmanager
async def a_stuck_viewer(server: LoopbackServer):
    async with stuck(server, Role.USER, "nurse-7", WATCH, m.WatchResponse) as call:
        subscribe = m.WatchRequest(subscribe=m.Subscribe(waveforms=True))
        await call.write(subscribe.SerializeToString())
        armed = m.WatchRequest(presence=m.ViewerPresence(audio_armed=True, visible=True))
        await call.write(armed.SerializeToString())
        await server.until(lambda: bool(server.bedside("bed-1").covered))
        yield call


async def until_stuck(server: LoopbackServer, device: Device) -> None:
    """Sends until what is on its way to the viewer fills every window."""
    (feed,) = server.monitoring._feeds
    for _ in range(40):
        arrays = [t.SampleArray(index=0, start_at=server.clock.now(), samples=bytes(8000))]
        await device.acked(await device.observe(device.entry(sample_arrays=arrays)))
        server.monitoring._publish()
    assert feed.lacks(server.monitoring.live.revision)


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
async def test_a_viewer_that_reads_nothing_is_forgotten_and_told_why_once_it_reads(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    async with a_stuck_viewer(server) as call:
        await until_stuck(server, device)
        server.clock.advance(CUT_S)
        await server.until(lambda: server.monitoring.viewers == 0)
        await server.until(lambda: not server.bedside("bed-1").covered)
        assert await ending(call) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "no frame was taken for 30 s",
        )


@pytest.mark.spec("LIVE-17")
@pytest.mark.promise("G16")
async def test_a_peer_that_never_reads_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    class Never:
        async def abort(self, code: grpc.StatusCode, reason: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(refusals, "GOODBYE_S_MAX", 0.01)
    # grpcio forgets a call whose handler is cancelled.
    with pytest.raises(asyncio.CancelledError):
        await refusals.cut(Never(), grpc.StatusCode.RESOURCE_EXHAUSTED, "too slow")


@pytest.mark.spec("WIRE-32")
async def test_a_device_that_reads_no_answers_is_cut_though_one_is_being_written(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_link, "WRITE_S_MAX", 0.01)
    response = t.StreamTelemetryResponse
    async with stuck(server, Role.DEVICE, "bed-1", STREAM_TELEMETRY, response) as call:

        async def send(**frame: object) -> None:
            await call.write(t.StreamTelemetryRequest(**frame).SerializeToString())

        hello = t.Hello(protocol_version=1, software="test", device_clock=server.clock.now())
        await send(hello=hello)
        await send(describe=t.Describe(mds=[monitor("bed-1")]))
        await server.until(lambda: "device/bed-1" in server.monitoring.ward.sessions)
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            for _ in range(OUTBOX_MAX + 2000):
                await send(observations=t.Observations(seq=2**40, entries=[]))
        await server.until(lambda: "device/bed-1" not in server.monitoring.ward.sessions)
        assert await ending(call) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "answers are not being read",
        )
