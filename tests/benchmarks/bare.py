"""The baselines: what grpc.aio itself costs, doing nothing but the least."""

import asyncio
import signal
import sys
from pathlib import Path

import grpc

from rpm_service.adapters.grpc.server import OPTIONS
from rpm_service.adapters.pki.credentials import load_server
from rpm_service.v1 import alarm_pb2
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.v1 import telemetry_pb2 as t

ACK_FRAMES = 64


class Telemetry:
    """Parses every frame, acknowledges every 64th, and relays a heart rate of 0."""

    def __init__(self, viewers: set[asyncio.Queue]) -> None:
        self._viewers = viewers

    async def stream_telemetry(self, requests, context):
        frames, name = 0, ""
        async for request in requests:
            kind = request.WhichOneof("frame")
            if kind == "observations":
                frames += 1
                if frames % ACK_FRAMES == 0:
                    ack = t.Ack(durable_through_seq=request.observations.seq)
                    await context.write(t.StreamTelemetryResponse(ack=ack))
                if request.observations.entries[0].values[0] == 0:
                    self._relay(name)
            elif kind == "describe":
                name = request.describe.mds[0].id
            elif kind == "hello":
                welcome = t.Welcome(session_epoch=1, resume_from_seq=1)
                await context.write(t.StreamTelemetryResponse(welcome=welcome))

    def _relay(self, bed: str) -> None:
        start = alarm_pb2.ALARM_PHASE_START
        alarm = alarm_pb2.AlarmEvent(bed=bed, phase=start, condition="ASYSTOLE")
        frame = m.WatchResponse(delta=m.Delta(alarms=[alarm])).SerializeToString()
        for viewer in self._viewers:
            viewer.put_nowait(frame)

    def handler(self):
        stream = grpc.stream_stream_rpc_method_handler(
            self.stream_telemetry,
            t.StreamTelemetryRequest.FromString,
            t.StreamTelemetryResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(
            "rpm_service.v1.TelemetryService", {"StreamTelemetry": stream}
        )


class Viewers:
    """Gives raw frames to whoever watches."""

    def __init__(self, viewers: set[asyncio.Queue]) -> None:
        self._viewers = viewers

    async def watch(self, _request, context):
        news = asyncio.Queue()
        self._viewers.add(news)
        await context.write(m.WatchResponse(progress=m.Progress()).SerializeToString())
        try:
            while True:
                await context.write(await news.get())
        finally:
            self._viewers.remove(news)

    def handler(self):
        watch = grpc.stream_stream_rpc_method_handler(self.watch)
        return grpc.method_handlers_generic_handler(
            "rpm_service.v1.MonitoringService", {"Watch": watch}
        )


def bare_server(certs: Path, listen: str, viewers: set[asyncio.Queue]):
    credentials = load_server(certs)
    server = grpc.aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((Telemetry(viewers).handler(), Viewers(viewers).handler()))
    server.add_secure_port(
        listen,
        grpc.ssl_server_credentials(
            [(credentials.key_pem, credentials.chain_pem)],
            credentials.client_trust_pem,
            require_client_auth=True,
        ),
    )
    return server


async def main() -> None:
    server = bare_server(Path(sys.argv[1]), sys.argv[2], set())
    await server.start()
    print("serving", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(main())
