"""The composition root: puts the parts of a server together, starts and drains it."""

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

from rpm_service.adapters.analyst.process import AnalystProcess
from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.grpc.server import GrpcServer
from rpm_service.adapters.pki.credentials import load_checker, load_server
from rpm_service.adapters.pki.directory import SERVER, CertificatesError, command
from rpm_service.adapters.storage.records import StoredRecords
from rpm_service.adapters.storage.retention import USUAL, Retention
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.adapters.units.reader import units_in
from rpm_service.adapters.web import oidc_file
from rpm_service.adapters.web.address import base_url, origins, parse_address
from rpm_service.adapters.web.listening import listen
from rpm_service.adapters.web.sessions_file import SessionsFile
from rpm_service.adapters.web.sign_in import LINK_S_MAX, Links, TooManyLinks, issue_link
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.ports import Recorder
from rpm_service.clock import MonotoneClock

if TYPE_CHECKING:
    from rpm_service.adapters.web.accounts import LocalAccounts
    from rpm_service.adapters.web.oidc import IdentityProvider
    from rpm_service.adapters.web.pages import Pages
    from rpm_service.adapters.web.server import WebServer
    from rpm_service.adapters.webhook.sender import WebhookSender

ANALYST: Final = "rpm_service.commands.analyst"
"""The program that carries out analyses beside the server."""
USER: Final = "clinician"
"""Whom the sign-in link of a start is for."""
STOP_S_MAX: Final = 9.0
"""A stop takes no longer for a disk that does not take the last of it."""
RUN_BYTES: Final = 16
"""Of the name of one start, which no other has."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a server keeps its data, finds its certificates, and listens.

    `listen` and `web` are HOST:PORT (port 0: any); `web` is None for a server without a page.
    `units` is the file of units; None: units.toml in `data`, where it is there.
    `oidc` is the file of the identity provider that signs people in; None: there is none.
    `clock_rate` other than 1 makes a test server, whose clock runs that much faster.
    """

    data: Path
    certs: Path
    listen: str
    web: str | None = None
    clock_rate: float = 1.0
    units: Path | None = None
    retention: Retention = USUAL
    oidc: Path | None = None


class Server:
    """One running server. Raises CannotStart and CertificatesError."""

    def __init__(self, settings: Settings, recorder: Recorder | None = None) -> None:
        self.settings = settings
        units = units_in(settings.data, settings.units)
        self._clock = clock = MonotoneClock(settings.clock_rate)
        self._credentials = credentials = load_server(settings.certs)
        checker = load_checker(settings.certs)
        self._pages = _pages() if settings.web is not None else None
        self._recorder = recorder or SqliteRecorder(settings.data, settings.retention, clock.now)
        self._records = StoredRecords(settings.data)
        run = secrets.token_hex(RUN_BYTES)
        self.monitoring = Monitoring(clock, self._recorder, ProtobufEncoder(), units, run)
        analyst = (sys.executable, "-m", ANALYST, str(settings.data), str(settings.units or ""))
        self._analyst = AnalystProcess(analyst)
        self._grpc = GrpcServer(
            self.monitoring,
            lambda certificate: checker.check(certificate, clock.now()),
            key=credentials.key_pem,
            chain=credentials.chain_pem,
            client_trust=credentials.client_trust_pem,
            analyst=self._analyst,
        )
        self._webhooks = _webhooks(self.monitoring)
        self._web: WebServer | None = None
        self._sessions: SessionsFile | None = None
        self._page = ""
        self.web = ""
        """Where the page is, as HOST:PORT; empty where there is none."""
        self._running: list[asyncio.Task[None]] = []

    @property
    def port(self) -> int:
        """The port of devices and gRPC viewers."""
        return self._grpc.port

    async def start(self) -> None:
        """Begins to keep time, then to serve.

        Raises CannotStart and CertificatesError, once what had been started is stopped.
        """
        self._running.append(asyncio.create_task(self.monitoring.run()))
        if self._webhooks is not None:
            self._running.append(asyncio.create_task(self._webhooks.run()))
        try:
            # gRPC calls every address taken that it cannot listen on.
            listen(*parse_address(self.settings.listen)).close()
            await self._grpc.start(self.settings.listen)
            if self._pages is not None:
                await self._start_web(self._pages)
        except BaseException:
            await self.stop()
            raise

    async def _start_web(self, pages: "Pages") -> None:
        from rpm_service.adapters.web.accounts import LocalAccounts
        from rpm_service.adapters.web.app import web_app
        from rpm_service.adapters.web.server import WebServer, names_in
        from rpm_service.adapters.web.signing_in import Ways

        assert self.settings.web is not None
        certs = self.settings.certs
        host, port = parse_address(self.settings.web)
        names = names_in(self._credentials.chain_pem)
        if base_url(host, port) not in origins(names, port):
            remedy = command(certs, "issue", SERVER, "main", "--host", host)
            raise CertificatesError(f"the server certificate is not for {host}: run {remedy}")
        accounts = LocalAccounts(self.settings.data, self._clock)
        sock = listen(host, port)
        port = sock.getsockname()[1]
        self._page = base_url(host, port)
        self.web = f"{self.settings.web.rpartition(':')[0]}:{port}"
        own = origins(names, port)
        try:
            ways = Ways(Links(self.settings.data), accounts, self._provider(accounts, own))
        except BaseException:
            sock.close()
            raise
        self._sessions = SessionsFile(self.settings.data)
        app = web_app(
            clock=self._clock,
            origins=own,
            open_feed=self.monitoring.watch,
            access=self.monitoring.access,
            acts=self.monitoring.operators,
            records=self._records,
            pages=pages,
            ways=ways,
            analyst=self._analyst,
            kept=self._sessions,
        )
        certificate, key = certs / f"{SERVER}.crt", certs / f"{SERVER}.key"
        web = WebServer(app, sock, certificate=certificate, key=key)
        self._running.append(await web.start())
        self._running.append(asyncio.create_task(accounts.follow()))
        self._web = web

    def _provider(
        self, accounts: "LocalAccounts", origins: frozenset[str]
    ) -> "IdentityProvider | None":
        if self.settings.oidc is None:
            return None
        from rpm_service.adapters.web.oidc import IdentityProvider

        settings = oidc_file.read(self.settings.oidc, origins)
        return IdentityProvider(settings, self._clock, accounts.__contains__)

    def welcome(self) -> list[str]:
        """Lines for whoever started a server with a page: where it is, and a link that signs in."""
        if self._web is None:
            return []
        lines = [f"page: {self._page}"]
        try:
            link = issue_link(self.settings.data, USER, self._page, now=time.time())
        except TooManyLinks as error:
            return [*lines, str(error)]
        return [*lines, f"sign in, once, within {LINK_S_MAX / 60:g} minutes: {link}"]

    async def run(self) -> None:
        """Waits for as long as time is kept and the page is served. An error there is raised."""
        ended, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()

    async def stop(self) -> None:
        """Drains: takes no more work, says goodbye to peers, puts everything on disk.

        Raises CannotGoOn where the disk does not take it: the process must then end without
        waiting for whoever waits for the disk.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STOP_S_MAX
        await self._grpc.announce_stop()
        await self.monitoring.drain("the server is stopping; connect again in a moment")
        await asyncio.gather(self._grpc.stop(), self._stop_web())
        await self._analyst.close()
        try:
            await self.monitoring.finish(max(0.0, ends_at - loop.time()))
        finally:
            for task in self._running:
                task.cancel()
        if self._sessions is not None:
            self._sessions.close()
        self._records.close()
        self._recorder.close()

    async def _stop_web(self) -> None:
        if self._web is not None:
            await self._web.stop()


def _webhooks(monitoring: Monitoring) -> "WebhookSender | None":
    """None where nothing will ever be sent or given up: such a server needs no HTTP client."""
    if not monitoring.outbox and not any(monitoring.ward.units.webhooks()):
        return None
    from rpm_service.adapters.webhook.sender import WebhookSender

    return WebhookSender(monitoring.outbox, monitoring.ward.units, monitoring.clock, SystemRandom())


def _pages() -> "Pages":
    from rpm_service.adapters.web.pages import Pages

    return Pages()
