"""A central station over real loopback TLS, and the browser in front of it."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import websockets.asyncio.client as ws
from argon2 import PasswordHasher
from websockets.exceptions import ConnectionClosed

from rpm_service.adapters import pki
from rpm_service.adapters.analyst.process import AnalystProcess
from rpm_service.adapters.grpc.convert import ProtobufEncoder
from rpm_service.adapters.storage.records import StoredRecords
from rpm_service.adapters.web.accounts import LocalAccounts
from rpm_service.adapters.web.address import origins
from rpm_service.adapters.web.app import web_app
from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.listening import listen
from rpm_service.adapters.web.live_socket import Feed, Patience
from rpm_service.adapters.web.pages import Pages
from rpm_service.adapters.web.passwords import Checker
from rpm_service.adapters.web.server import WebServer, names_in
from rpm_service.adapters.web.sign_in import Links, issue_link
from rpm_service.adapters.web.signing_in import Provider, Ways
from rpm_service.application.access import Person, Rights
from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Description
from rpm_service.application.monitoring import Monitoring
from rpm_service.domain.alarms import Kind, Priority
from rpm_service.v1 import monitoring_pb2 as m
from tests.support.elsewhere import ELSEWHERE
from tests.support.manual_clock import ManualClock
from tests.support.memory_recorder import MemoryRecorder

PATIENCE_S = 30.0
"""How long a test waits for what must come."""
SUBSCRIBE = m.WatchRequest(subscribe=m.Subscribe()).SerializeToString()
HEARTBEAT = m.WatchRequest(heartbeat=m.ViewerHeartbeat()).SerializeToString()
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""As weak as argon2 lets it be: what is tested is not how slow it is."""
SHORT = Patience(check_s=0.02)


class Device:
    """A bedside device without its wire."""

    def __init__(
        self, station: "Station", device_id: str = "bed-1", what: Description | None = None
    ) -> None:
        self._clock = station.clock
        self._session = station.monitoring.session(device_id, lambda _: True, self)
        self._session.open(self._clock.now(), 0, self._clock.now())
        self._session.describe([(device_id, what or Description())], self._clock.now())
        # What the next tick makes of it is in the snapshot, and in no frame after that.
        station.monitoring.ward.tick(self._clock.now())
        station.monitoring.live.publish()

    def acknowledge(self, durable_through: int, beyond: Sequence[tuple[int, int]]) -> None:
        pass

    def heartbeat(self, now: float) -> None:
        pass

    def cover(self, mds: int, *, covered: bool) -> None:
        pass

    def show_limits(self, mds: int, bedside: Bedside) -> None:
        pass

    def supersede(self) -> None:
        pass

    def drain(self) -> None:
        pass

    def measure(self, *values: float) -> None:
        now = self._clock.now()
        self._session.take_seq(1, now)
        self._session.observe(1, 0, now, values, (), (), now)

    def alarm(self, *, present: bool = True, priority: Priority = Priority.HIGH) -> None:
        now = self._clock.now()
        kind = Kind.PHYSIOLOGICAL
        self._session.take_device_alarm(
            0, "APNOEA", kind, priority, now, now, present=present, text="apnoea"
        )


@dataclass
class Station:
    port: int
    data: Path
    trust: ssl.SSLContext
    clock: ManualClock
    monitoring: Monitoring
    server: WebServer
    gate: Any
    browsers: list[httpx2.AsyncClient] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    def link(self, user: str = "nurse", *, now: float | None = None) -> str:
        return issue_link(self.data, user, self.origin, now=time.time() if now is None else now)

    def browser(self, **headers: str) -> httpx2.AsyncClient:
        """A browser at the page, before it signs in. Headers as of a script on the page."""
        browser = httpx2.AsyncClient(
            verify=self.trust,
            base_url=self.origin,
            headers={"Origin": self.origin, **headers},
            trust_env=False,
        )
        self.browsers.append(browser)
        return browser

    async def signed_in(
        self,
        user: str = "nurse",
        *,
        person: Person | None = None,
        stands: Callable[[], Person | None] | None = None,
    ) -> httpx2.AsyncClient:
        """A browser that a link has signed in, or that is somebody with other rights."""
        browser = self.browser()
        if person is not None:
            session = self.gate.sessions.open(person, stands)
            browser.cookies.set(COOKIE, session.id)
            return browser
        answer = await browser.get(self.link(user))
        assert answer.status_code == 200, answer.text
        return browser

    def watch(
        self,
        browser: httpx2.AsyncClient,
        path: str = "/v1/watch",
        *,
        origin: str | None = None,
        **options: Any,
    ) -> ws.connect:
        """The live socket of a browser."""
        return ws.connect(
            f"wss://localhost:{self.port}{path}",
            ssl=self.trust,
            origin=self.origin if origin is None else origin,
            additional_headers={"Cookie": f"{COOKIE}={browser.cookies.get(COOKIE, '')}"},
            proxy=None,
            compression=None,
            **options,
        )


@asynccontextmanager
async def station(
    certs: Path,
    data: Path,
    static: Path,
    *,
    patience: Patience = SHORT,
    open_feed: Callable[[str, Rights], Feed] | None = None,
    analyst: Sequence[str] = (),
    provider: Callable[[frozenset[str], LocalAccounts, ManualClock], Provider] | None = None,
) -> AsyncIterator[Station]:
    """Runs a station in this event loop. Its clock stands still until a test moves it."""
    clock = ManualClock()
    monitoring = Monitoring(clock, MemoryRecorder(), ProtobufEncoder(), ELSEWHERE, "run 1")
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    own = origins(names_in(pki.load_server(certs).chain_pem), port)
    accounts = LocalAccounts(data, clock, Checker(QUICK))
    analyses = AnalystProcess(analyst)
    gate = web_app(
        clock=clock,
        origins=own,
        open_feed=open_feed or monitoring.watch,
        access=monitoring.access,
        acts=monitoring.operators,
        records=StoredRecords(data),
        pages=Pages(static),
        analyst=analyses,
        ways=Ways(Links(data), accounts, provider and provider(own, accounts, clock)),
        patience=patience,
    )
    server = WebServer(gate, sock, certificate=certs / "server.crt", key=certs / "server.key")
    await server.start()
    keepers = [asyncio.create_task(run) for run in (monitoring.run(), accounts.follow())]
    trust = ssl.create_default_context(cafile=certs / "server-trust.crt")
    running = Station(port, data, trust, clock, monitoring, server, gate)
    try:
        yield running
    finally:
        for browser in running.browsers:
            await browser.aclose()
        for keeper in keepers:
            keeper.cancel()
        await server.stop()
        await analyses.close()


async def frame(socket: ws.ClientConnection) -> m.WatchResponse:
    """The next frame at a live socket."""
    async with asyncio.timeout(PATIENCE_S):
        data = await socket.recv()
    assert isinstance(data, bytes)
    return m.WatchResponse.FromString(data)


async def closed(socket: ws.ClientConnection) -> tuple[int, str]:
    """How a live socket ends: close code and reason. Frames before that are passed over."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""
