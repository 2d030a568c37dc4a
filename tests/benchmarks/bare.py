"""The baselines: what grpc.aio itself costs, doing nothing but the least."""

import asyncio
import signal
import sys
from pathlib import Path

import grpc

from rpm_service.adapters.grpc.server import OPTIONS
from rpm_service.adapters.pki.credentials import load_server
from rpm_service.v1 import telemetry_pb2 as t
from rpm_service.v1 import telemetry_pb2_grpc

ACK_FRAMES = 64


class Bare(telemetry_pb2_grpc.TelemetryServiceServicer):
    """Parses every frame and acknowledges every 64th."""

    async def StreamTelemetry(self, requests, context):
        frames = 0
        async for request in requests:
            kind = request.WhichOneof("frame")
            if kind == "observations":
                frames += 1
                if frames % ACK_FRAMES == 0:
                    ack = t.Ack(durable_through_seq=request.observations.seq)
                    await context.write(t.StreamTelemetryResponse(ack=ack))
            elif kind == "hello":
                welcome = t.Welcome(session_epoch=1, resume_from_seq=1)
                await context.write(t.StreamTelemetryResponse(welcome=welcome))


async def main() -> None:
    certs, port = Path(sys.argv[1]), sys.argv[2]
    credentials = load_server(certs)
    server = grpc.aio.server(options=OPTIONS)
    telemetry_pb2_grpc.add_TelemetryServiceServicer_to_server(Bare(), server)
    server.add_secure_port(
        f"127.0.0.1:{port}",
        grpc.ssl_server_credentials(
            [(credentials.key_pem, credentials.chain_pem)],
            credentials.client_trust_pem,
            require_client_auth=True,
        ),
    )
    await server.start()
    print("serving", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(main())
