"""A newer version takes over under load: nothing is lost, and older devices go on."""

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.adapters.storage import archive
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.schema import HEAD, revision
from rpm_service.application.identity import Role
from rpm_service.commands.errors import ExitCode
from rpm_service.sdk import Credentials, Monitor, Numeric, TelemetryClient
from tests.support.older import make_older
from tests.support.process import free_port, rpm_service
from tests.support.released import ReleasedDevice

PERIOD_S = 0.1
BEFORE_S, AFTER_S = 1.5, 1.5
GAP_S_MAX = 10.0
PATIENCE_S = 20.0
NEW, OLD = ("bed-1", "bed-2", "bed-3"), "bed-of-before"


@pytest.mark.system
@pytest.mark.spec("FAULT-7")
@pytest.mark.promise("G22")
async def test_an_upgrade_under_load_loses_nothing_and_older_devices_go_on(
    tmp_path: Path, certs: Path
) -> None:
    data, target = tmp_path / "data", f"127.0.0.1:{free_port()}"
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target)
    old = ReleasedDevice(target, certs, OLD)
    async with AsyncExitStack() as stack:
        with rpm_service(*serve) as before:
            await asyncio.to_thread(before.wait_for, "devices and viewers")
            clients = [
                await stack.enter_async_context(_client(target, certs, each)) for each in NEW
            ]
            streaming = asyncio.create_task(old.run())
            measuring = asyncio.create_task(_measure(clients, old))
            await asyncio.sleep(BEFORE_S)
            assert old.acked
            begun = time.monotonic()
            before.end(signal.SIGTERM)
            assert await asyncio.to_thread(before.wait) == ExitCode.OK
        had = old.seq
        make_older(data, "0002")
        with rpm_service(*serve) as after:
            await asyncio.to_thread(after.wait_for, "devices and viewers")
            async with asyncio.timeout(GAP_S_MAX - (time.monotonic() - begun)):
                await old.acknowledged(had + 1)
            print(
                f"from SIGTERM to the first new acknowledgement: {time.monotonic() - begun:.1f} s"
            )
            await asyncio.sleep(AFTER_S)
            measuring.cancel()
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(*(client.drained() for client in clients))
                await old.acknowledged(old.seq)
            streaming.cancel()
            await asyncio.wait((streaming, measuring))
    engine = open_reading(data)
    with engine.connect() as connection:
        assert revision(connection) == HEAD
    for device, seq in ((OLD, old.seq), *zip(NEW, map(_frames, clients), strict=True)):
        stored = sorted(row.seq for _, row in archive.numerics(engine, device))
        assert stored == [*range(1, seq + 1)]
    engine.dispose()


def _client(target: str, certs: Path, device: str) -> TelemetryClient:
    own = ensure_client(certs, Role.DEVICE, device)
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    return TelemetryClient(target, credentials, [Monitor(device, (Numeric(147842, 264864),))])


def _frames(client: TelemetryClient) -> int:
    return client.counters.frames


async def _measure(clients: list[TelemetryClient], old: ReleasedDevice) -> None:
    while True:
        for client in clients:
            client.observe([72.0])
        old.observe(72.0)
        await asyncio.sleep(PERIOD_S)
