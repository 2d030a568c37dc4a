"""The composition root: puts the parts of a server together, starts and drains it."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.grpc.server import GrpcServer
from rpm_service.adapters.pki.credentials import load_checker, load_server
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.ports import Recorder
from rpm_service.clock import MonotoneClock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server keeps its data, finds its certificates, and listens.

    `listen` and `web` are HOST:PORT (port 0: any); `web` is None for a server without a page.
    `clock_rate` other than 1 makes a test server, whose clock runs that much faster.
    """

    data: Path
    certs: Path
    listen: str
    web: str | None = None
    clock_rate: float = 1.0


class Server:
    """One running server."""

    def __init__(self, settings: Settings, recorder: Recorder | None = None) -> None:
        self.settings = settings
        clock = MonotoneClock(settings.clock_rate)
        credentials = load_server(settings.certs)
        checker = load_checker(settings.certs)
        self._recorder = recorder or SqliteRecorder(settings.data)
        self.monitoring = Monitoring(clock, self._recorder, ProtobufEncoder())
        self._grpc = GrpcServer(
            self.monitoring,
            lambda certificate: checker.check(certificate, clock.now()),
            key=credentials.key_pem,
            chain=credentials.chain_pem,
            client_trust=credentials.client_trust_pem,
        )
        self._keeper: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port of devices and gRPC viewers."""
        return self._grpc.port

    async def start(self) -> None:
        """Begins to keep time, then to serve."""
        self._keeper = asyncio.create_task(self.monitoring.run())
        await self._grpc.start(self.settings.listen)

    async def run(self) -> None:
        """Waits for as long as the ward is kept. An error there is raised here."""
        assert self._keeper is not None, "start first"
        await self._keeper

    async def stop(self) -> None:
        """Drains: takes no more work, puts everything on disk, says goodbye to viewers."""
        await self._grpc.announce_stop()
        await self.monitoring.drain("the server is stopping; connect again in a moment")
        await self._grpc.stop()
        if self._keeper is not None:
            self._keeper.cancel()
        self._recorder.close()
