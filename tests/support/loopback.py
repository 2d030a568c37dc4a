"""A whole server but for disk and web, in the test's own process, over real mutual TLS.

The clients here use the generated stubs and bare bytes, so that a test can send what no SDK
would. Time stands still unless a test moves it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from math import inf
from pathlib import Path
from typing import Any, Self

import grpc
import grpc.aio
import pytest

from rpm_service.adapters import pki
from rpm_service.adapters.analyst.process import AnalystProcess
from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.grpc.server import GrpcServer
from rpm_service.application import monitoring, pace, reception
from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Act, Gap, NumericRow, WaveformRow
from rpm_service.application.identity import Identity, Role
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.units import Units
from rpm_service.domain.alarms import Alarm, AlarmEvent
from rpm_service.domain.metrics import BY_NAME, MILLIVOLT
from rpm_service.v1 import (
    alarm_analysis_pb2_grpc,
    alarm_limits_pb2_grpc,
    early_warning_pb2_grpc,
    monitoring_pb2,
    monitoring_pb2_grpc,
    patient_pb2_grpc,
    telemetry_pb2,
)
from tests.support.elsewhere import ELSEWHERE
from tests.support.memory_recorder import MemoryRecorder

PATIENCE_S = 30.0
"""How long a test waits for what must come."""
STREAM_TELEMETRY = "/rpm_service.v1.TelemetryService/StreamTelemetry"
WATCH = "/rpm_service.v1.MonitoringService/Watch"


def hasten(patch: pytest.MonkeyPatch) -> None:
    """Makes the server act at once, which in a test whose time stands still changes no order."""
    patch.setattr(monitoring, "TICK_S", 0.002)
    patch.setattr(monitoring, "RETRY_S", 0.002)
    patch.setattr(reception, "ACK_S", 0.0)
    # Time that stands still earns no device the right to speak.
    patch.setattr(pace, "BURST_S", 1e6)
    bear_with_the_machine(patch)


def bear_with_the_machine(patch: pytest.MonkeyPatch) -> None:
    """How long a turn of the loop takes says something of the machine and nothing of the server."""
    patch.setattr(monitoring, "LAG_S_MAX", inf)


class StillClock:
    """A clock that a test moves."""

    rate = 1.0

    def __init__(self) -> None:
        self._now = float(int(time.time()))

    def now(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds


class LoopbackServer:
    """The server of one test."""

    def __init__(
        self,
        certs: Path,
        units: Units = ELSEWHERE,
        *,
        recorder: Any = None,
        clock: "StillClock | None" = None,
        analyst: Sequence[str] = (),
    ) -> None:
        self.certs = certs
        self.clock = clock or StillClock()
        self.recorder = recorder or MemoryRecorder()
        self.monitoring = Monitoring(self.clock, self.recorder, ProtobufEncoder(), units, "run 1")
        self.certificates_age_s = 0.0
        """How much later than now certificates are judged."""
        self._checker = pki.load_checker(certs)
        self._analyst = AnalystProcess(analyst)
        own = pki.load_server(certs)
        self._grpc = GrpcServer(
            self.monitoring,
            self._check,
            key=own.key_pem,
            chain=own.chain_pem,
            client_trust=own.client_trust_pem,
            analyst=self._analyst,
        )

    @property
    def target(self) -> str:
        return f"localhost:{self._grpc.port}"

    def bedside(self, device_id: str) -> Bedside:
        return self.monitoring.ward.bedsides[device_id]

    def alarms(self, device_id: str) -> list[Alarm]:
        """The occurrences of a device whose signal is not OFF."""
        return list(self.bedside(device_id).board)

    @property
    def rows(self) -> list[tuple[str, NumericRow]]:
        """Numerics on disk, with their device."""
        return [
            (device_id, row)
            for batch in self.recorder.batches
            for device_id, rows in batch.numerics.items()
            for row in rows
        ]

    @property
    def waveforms(self) -> list[tuple[str, WaveformRow]]:
        """Waveforms on disk, with their device."""
        return [
            (device_id, row)
            for batch in self.recorder.batches
            for device_id, rows in batch.waveforms.items()
            for row in rows
        ]

    @property
    def gaps(self) -> list[Gap]:
        return [gap for batch in self.recorder.batches for gap in batch.gaps]

    @property
    def events(self) -> list[AlarmEvent]:
        return [event for batch in self.recorder.batches for event in batch.events]

    @property
    def acts(self) -> list[Act]:
        return [act for batch in self.recorder.batches for act in batch.acts]

    def publish(self) -> None:
        """Publishes what has happened so far, with what the next tick would make of it."""
        self.monitoring.ward.tick(self.clock.now())
        self.monitoring._publish()

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits until something that a test cannot be told of has come about."""
        await until(true)

    def channel(self, key: bytes, chain: bytes, trust: bytes, *options: Any) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(trust, key, chain)
        arguments = [("grpc.use_local_subchannel_pool", 1), *options]
        return grpc.aio.secure_channel(self.target, credentials, arguments)

    def channel_of(self, role: Role, peer: str, *options: Any) -> grpc.aio.Channel:
        """A channel of a peer that the authority has vouched for."""
        own = pki.ensure_client(self.certs, role, peer)
        return self.channel(own.key_pem, own.chain_pem, own.trust_pem, *options)

    @asynccontextmanager
    async def device(self, device_id: str = "bed-1") -> AsyncIterator["Device"]:
        """A device whose stream is open, and that has said nothing yet."""
        async with (
            self.channel_of(Role.DEVICE, device_id) as channel,
            Device(self, channel, device_id) as device,
        ):
            yield device

    @asynccontextmanager
    async def gateway(self, gateway_id: str = "ward-3") -> AsyncIterator["Device"]:
        async with (
            self.channel_of(Role.GATEWAY, gateway_id) as channel,
            Device(self, channel, gateway_id) as gateway,
        ):
            yield gateway

    @asynccontextmanager
    async def streaming(self, device_id: str = "bed-1") -> AsyncIterator["Device"]:
        """A device that has said what it measures."""
        async with self.device(device_id) as device:
            await device.begin()
            yield device

    @asynccontextmanager
    async def viewer(
        self, user: str = "nurse-7", subscribe: monitoring_pb2.Subscribe | None = None
    ) -> AsyncIterator["Viewer"]:
        """A viewer; what has happened so far is in its snapshot."""
        self.publish()
        async with self.channel_of(Role.USER, user) as channel, Viewer(channel) as viewer:
            if subscribe is not None:
                await viewer.subscribe(subscribe)
            yield viewer

    @asynccontextmanager
    async def clinician(self, user: str = "nurse-7") -> AsyncIterator["Clinician"]:
        async with self.channel_of(Role.USER, user) as channel:
            yield Clinician(channel)

    async def announce_stop(self) -> None:
        await self._grpc.announce_stop()

    async def __aenter__(self) -> Self:
        self._keeper = asyncio.create_task(self.monitoring.run())
        await self._grpc.start("127.0.0.1:0")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._grpc.announce_stop()
        await self.monitoring.drain("the test is over")
        await self._grpc.stop()
        await self._analyst.close()
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper

    def _check(self, certificate: bytes) -> Identity:
        return self._checker.check(certificate, time.time() + self.certificates_age_s)


async def until(true: Callable[[], bool]) -> None:
    """Waits until something that a test cannot be told of has come about."""
    async with asyncio.timeout(PATIENCE_S):
        turn = asyncio.Event()
        while not true():
            turn.clear()
            asyncio.get_running_loop().call_soon(turn.set)
            await turn.wait()


class Stream:
    """A bidirectional call of raw bytes: one task reads on, the test takes what came."""

    def __init__(self, channel: grpc.aio.Channel, method: str, response: Any) -> None:
        self._call = channel.stream_stream(method, None, response.FromString)()
        self._arrived: asyncio.Queue[Any] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def send_bytes(self, data: bytes) -> None:
        await self._call.write(data)

    async def frame(self) -> Any:
        """The next frame, or None at the end of the stream."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._arrived.get()

    async def half_close(self) -> None:
        await self._call.done_writing()

    async def status(self) -> tuple[grpc.StatusCode, str]:
        """How the stream ended; it must do so by itself."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._call.code(), await self._call.details() or ""

    async def close(self) -> None:
        """Ends the call as a device does whose power fails."""
        self._call.cancel()
        await self._reader

    async def _read(self) -> None:
        with suppress(grpc.aio.AioRpcError, asyncio.CancelledError):
            async for frame in self._call:
                self._arrived.put_nowait(frame)
        self._arrived.put_nowait(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Device(Stream):
    """A device's or gateway's stream, frame by frame, right or wrong."""

    def __init__(self, server: LoopbackServer, channel: grpc.aio.Channel, own_id: str) -> None:
        super().__init__(channel, STREAM_TELEMETRY, telemetry_pb2.StreamTelemetryResponse)
        self.id = own_id
        self.seq = 0
        self._server = server

    async def send(self, **frame: Any) -> None:
        await self.send_bytes(telemetry_pb2.StreamTelemetryRequest(**frame).SerializeToString())

    async def begin(self, *mds: telemetry_pb2.MedicalDeviceSystem) -> telemetry_pb2.Welcome:
        """Says Hello and Describe; `mds` is one bedside monitor unless given."""
        welcome = await self.hello()
        await self.describe(*mds)
        for _ in mds or (None,):
            await self.take("settings")
        return welcome

    async def hello(self, **fields: Any) -> telemetry_pb2.Welcome:
        await self.send(hello=self.hello_frame(**fields))
        return await self.take("welcome")

    def hello_frame(self, **fields: Any) -> telemetry_pb2.Hello:
        standard = {"protocol_version": 1, "software": "test", "device_clock": self.now()}
        return telemetry_pb2.Hello(**(standard | fields))

    async def describe(self, *mds: telemetry_pb2.MedicalDeviceSystem) -> None:
        await self.send(describe=telemetry_pb2.Describe(mds=mds or [monitor(self.id)]))

    async def observe(self, *entries: telemetry_pb2.MdsObservation, seq: int | None = None) -> int:
        """Sends observations with the next number; gives that number."""
        self.seq = self.seq + 1 if seq is None else seq
        frame = telemetry_pb2.Observations(seq=self.seq, entries=entries or [self.entry()])
        await self.send(observations=frame)
        return self.seq

    def entry(self, *values: float, at: float | None = None, **fields: Any) -> Any:
        """What one monitor observed; heart rate 80 and SpO2 97 unless given."""
        standard = {
            "observed_at": self.now() if at is None else at,
            "values": values or (80.0, 97.0),
        }
        return telemetry_pb2.MdsObservation(**(standard | fields))

    def now(self) -> float:
        """A device's clock is right unless a test says otherwise."""
        return self._server.clock.now()

    async def take(self, kind: str) -> Any:
        """The next frame of this kind; what a server tells unasked is passed over."""
        while (frame := await self.frame()) is not None:
            found = frame.WhichOneof("frame")
            if found == kind:
                return getattr(frame, kind)
            assert found in ("ack", "coverage", "settings", "heartbeat"), frame
        raise AssertionError(f"the stream ended where {kind} was to come: {await self.status()}")

    async def refusal(self) -> tuple[int, str, str]:
        """Number, field and reason of the next refusal."""
        refusal = await self.take("refusal")
        return refusal.seq, refusal.field, refusal.reason

    async def acked(self, seq: int) -> int:
        """Waits for an ack that covers a frame; nothing but acks may come before it."""
        while (ack := await self.take("ack")).durable_through_seq < seq:
            pass
        return ack.durable_through_seq

    async def lives(self) -> None:
        """Shows that the stream goes on: the next good frame is taken and acked, no more."""
        seq = await self.observe()
        assert await self.acked(seq) == seq


class Viewer(Stream):
    """A viewer's stream."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel, WATCH, monitoring_pb2.WatchResponse)

    async def subscribe(self, subscribe: monitoring_pb2.Subscribe) -> None:
        await self.send_bytes(monitoring_pb2.WatchRequest(subscribe=subscribe).SerializeToString())

    async def take(self, kind: str) -> Any:
        """The next frame, which must be of this kind."""
        frame = await self.frame()
        assert frame is not None, f"the stream ended where {kind} was to come"
        assert frame.WhichOneof("frame") == kind, frame
        return getattr(frame, kind)

    async def bed(
        self, is_so: Callable[[monitoring_pb2.BedDescription], bool]
    ) -> monitoring_pb2.BedDescription:
        """The next description of a bed that is so: others may come first, as of coverage."""
        while True:
            for bed in (await self.take("delta")).beds:
                if is_so(bed):
                    return bed


class Clinician:
    """What a person may do."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.monitoring = monitoring_pb2_grpc.MonitoringServiceStub(channel)
        self.patients = patient_pb2_grpc.PatientServiceStub(channel)
        self.limits = alarm_limits_pb2_grpc.AlarmLimitsServiceStub(channel)
        self.analysis = alarm_analysis_pb2_grpc.AlarmAnalysisServiceStub(channel)
        self.early_warning = early_warning_pb2_grpc.EarlyWarningServiceStub(channel)


def monitor(mds_id: str, **fields: Any) -> telemetry_pb2.MedicalDeviceSystem:
    """A bedside monitor with heart rate, SpO2 and one ECG lead."""
    standard = {
        "id": mds_id,
        "numerics": [numeric("HR"), numeric("SpO2")],
        "sample_arrays": [ecg()],
    }
    return telemetry_pb2.MedicalDeviceSystem(**(standard | fields))


def numeric(name: str, **fields: Any) -> telemetry_pb2.NumericMetric:
    metric = BY_NAME[name]
    standard = {"code": metric.code, "unit": metric.unit, "period_s": 1.0}
    return telemetry_pb2.NumericMetric(**(standard | fields))


def ecg(**fields: Any) -> telemetry_pb2.SampleArrayMetric:
    standard = {
        "code": 131330,
        "unit": MILLIVOLT,
        "sample_rate_hz": 250.0,
        "scale": 0.001,
        "label": "II",
    }
    return telemetry_pb2.SampleArrayMetric(**(standard | fields))
