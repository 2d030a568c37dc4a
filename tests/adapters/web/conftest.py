import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.adapters import pki
from rpm_service.adapters.web import server
from rpm_service.application import monitoring
from tests.adapters.web.station import Station, station
from tests.support.loopback import bear_with_the_machine


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ward that ticks fast, and no long goodbyes to browsers in this same event loop."""
    monkeypatch.setattr(monitoring, "TICK_S", 0.005)
    bear_with_the_machine(monkeypatch)
    monkeypatch.setattr(server, "TLS_GOODBYE_S_MAX", 0.05)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("web") / "certs"
    pki.init(directory, now=time.time())
    return directory


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page, as `npm run build` would leave it."""
    directory = tmp_path_factory.mktemp("static")
    (directory / "assets").mkdir()
    (directory / "index.html").write_text("<!doctype html><title>Central station</title>")
    (directory / "assets" / "app-1a2b.js").write_text("export {};")
    return directory


@pytest.fixture
async def ward(certs: Path, static: Path, tmp_path: Path) -> AsyncIterator[Station]:
    """A central station that nobody has signed in to yet."""
    async with station(certs, tmp_path, static) as ward:
        yield ward
