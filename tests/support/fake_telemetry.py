"""A telemetry server that does what the test says, over real mutual TLS on loopback."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from rpm_service.adapters import pki
from rpm_service.v1 import telemetry_pb2
from tests.support.process import free_port

PATIENCE_S = 30.0
"""How long a test waits for what must come."""


class FakeSession:
    """One stream as the server sees it: the test reads frames and says what to answer."""

    def __init__(self, context: Any) -> None:
        self.gone = asyncio.Event()
        """The stream has ended, whoever ended it."""
        self._context = context
        self._frames: asyncio.Queue[telemetry_pb2.StreamTelemetryRequest | None] = asyncio.Queue()
        self._ending: asyncio.Future[tuple[grpc.StatusCode, str]] = (
            asyncio.get_running_loop().create_future()
        )

    async def frame(self, kind: str) -> Any:
        """Returns the next frame, which must be of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self._frames.get()
        assert frame is not None, f"the stream ended where {kind} was to come"
        assert frame.WhichOneof("frame") == kind, frame
        return getattr(frame, kind)

    async def half_close(self) -> None:
        """Waits for the end of what the client says."""
        async with asyncio.timeout(PATIENCE_S):
            frame = await self._frames.get()
        assert frame is None, frame

    async def observations_of(self, *seqs: int) -> list[Any]:
        """Returns the next frames, which must be observations with these numbers."""
        frames = [await self.frame("observations") for _ in seqs]
        assert [frame.seq for frame in frames] == list(seqs)
        return frames

    async def acknowledge_until_goodbye(self) -> list[Any]:
        """Acknowledges observations as they come, ends the stream at Goodbye; returns them."""
        observed: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            while (frame := await self._frames.get()) is not None:
                kind = frame.WhichOneof("frame")
                if kind == "goodbye":
                    self.end()
                    return observed
                if kind == "observations":
                    observed.append(frame.observations)
                    await self.ack(frame.observations.seq)
        raise AssertionError("the stream ended without goodbye")

    async def open(self, resume_from_seq: int = 1, **welcome: Any) -> Any:
        """Takes Hello, says Welcome, takes Describe; returns the Hello."""
        hello = await self.frame("hello")
        await self.welcome(resume_from_seq, **welcome)
        await self.frame("describe")
        return hello

    async def welcome(self, resume_from_seq: int = 1, **fields: Any) -> None:
        standard = {
            "session_epoch": 1,
            "resume_from_seq": resume_from_seq,
            "heartbeat_interval_s": 30.0,
            "max_frame_bytes": 262_144,
            "server_clock": 1_700_000_000.0,
        }
        await self.say(welcome=telemetry_pb2.Welcome(**(standard | fields)))

    async def ack(self, through: int) -> None:
        await self.say(ack=telemetry_pb2.Ack(durable_through_seq=through))

    async def say(self, **frame: Any) -> None:
        await self._context.write(telemetry_pb2.StreamTelemetryResponse(**frame))

    def end(self) -> None:
        self.abort(grpc.StatusCode.OK, "")

    async def refuse(self, code: grpc.StatusCode, details: str) -> None:
        """Takes Hello and ends the stream with a status.

        One that ends before anything was read is now and then never told so by grpcio.
        """
        await self.frame("hello")
        self.abort(code, details)

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        self._ending.set_result((code, details))

    async def serve(self) -> None:
        reading = asyncio.create_task(self._read())
        try:
            code, details = await self._ending
            if code is not grpc.StatusCode.OK:
                await self._context.abort(code, details)
        finally:
            self.gone.set()
            reading.cancel()

    async def _read(self) -> None:
        try:
            while (frame := await self._context.read()) is not grpc.aio.EOF:
                self._frames.put_nowait(frame)
        finally:
            # A call that is given up ends its handler, and this, often before its end is read.
            self._frames.put_nowait(None)


class FakeTelemetry:
    """Listens on a free port, and on the same one when restarted."""

    def __init__(self, certs: Path) -> None:
        self.port = free_port()
        self._identity = pki.load_server(certs)
        self._sessions: asyncio.Queue[FakeSession] = asyncio.Queue()
        self._server: grpc.aio.Server | None = None

    @property
    def target(self) -> str:
        return f"localhost:{self.port}"

    async def session(self) -> FakeSession:
        """Returns the next stream that a client opens."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._sessions.get()

    def no_session_waits(self) -> bool:
        return self._sessions.empty()

    async def start(self) -> None:
        # However long a test takes, pings on a connection that is silent are no attack.
        options = [("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)]
        self._server = grpc.aio.server(options=options)
        method = grpc.stream_stream_rpc_method_handler(
            self._stream,
            telemetry_pb2.StreamTelemetryRequest.FromString,
            telemetry_pb2.StreamTelemetryResponse.SerializeToString,
        )
        service = "rpm_service.v1.TelemetryService"
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"StreamTelemetry": method}),)
        )
        self._server.add_secure_port(
            f"127.0.0.1:{self.port}",
            grpc.ssl_server_credentials(
                [(self._identity.key_pem, self._identity.chain_pem)],
                root_certificates=self._identity.client_trust_pem,
                require_client_auth=True,
            ),
        )
        await self._server.start()

    async def stop(self) -> None:
        assert self._server is not None
        await self._server.stop(None)

    async def _stream(self, _requests: Any, context: Any) -> None:
        session = FakeSession(context)
        self._sessions.put_nowait(session)
        await session.serve()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()
