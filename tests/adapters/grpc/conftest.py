from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.adapters import pki
from tests.support.loopback import Device, LoopbackServer, bear_with_the_machine, hasten


@pytest.fixture(autouse=True)
def _on_any_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    bear_with_the_machine(monkeypatch)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("loopback") / "certs"
    pki.ensure_server(directory)
    return directory


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    hasten(monkeypatch)
    async with LoopbackServer(certs) as server:
        yield server


@pytest.fixture
async def device(server: LoopbackServer) -> AsyncIterator[Device]:
    """Bed 1, which misbehaves."""
    async with server.streaming("bed-1") as device:
        yield device


@pytest.fixture
async def neighbour(server: LoopbackServer) -> AsyncIterator[Device]:
    """Bed 2, which must notice nothing of it, from its first value to its last."""
    async with server.streaming("bed-2") as neighbour:
        await neighbour.lives()
        yield neighbour
        await neighbour.lives()
        assert server.alarms("bed-2") == []
        assert [row.seq for device_id, row in server.rows if device_id == "bed-2"] == [1, 2]
