"""Beds at a server: simulated ones, and devices that do what the test says."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.application.identity import Role
from rpm_service.sdk import Credentials, GoodbyeReason, Monitor, Numeric, TelemetryClient
from tests.support.process import rpm_service

if TYPE_CHECKING:
    from tests.browser.conftest import House

HR, PER_MIN = 147842, 264864


@contextmanager
def simulated(
    house: "House", prefix: str, *, beds: int = 1, scenario: str = "normal"
) -> Iterator[list[str]]:
    """Beds of `rpm-service simulate`; gives their names, which begin with the prefix."""
    where = ("--server", house.target, "--certs", house.certs, "--json")
    what = ("--beds", beds, "--scenario", scenario, "--prefix", prefix)
    with rpm_service("simulate", *where, *what):
        yield [f"{prefix}-{number:02}" for number in range(1, beds + 1)]


class Device:
    """A heart rate that goes on until told another, by the SDK as any device would."""

    def __init__(self, client: TelemetryClient, bed: str) -> None:
        self._client = client
        self.bed = bed
        self._rate = 72.0

    async def beat(self) -> None:
        while True:
            self._client.observe([self._rate])
            await asyncio.sleep(0.25)

    def stand_still(self) -> float:
        """The heart stops; tells when that was sent."""
        self._rate = 0.0
        sent_at = time.time()
        self._client.observe([0.0])
        return sent_at


@asynccontextmanager
async def device(house: "House", bed: str) -> AsyncIterator[Device]:
    """A device of that name, which is its bed's too."""
    own = ensure_client(house.certs, Role.DEVICE, bed)
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    monitor = Monitor(bed, (Numeric(HR, PER_MIN),))
    async with TelemetryClient(house.target, credentials, [monitor]) as client:
        one = Device(client, bed)
        beating = asyncio.create_task(one.beat())
        yield one
        beating.cancel()
        await client.goodbye(GoodbyeReason.SHUTDOWN)
