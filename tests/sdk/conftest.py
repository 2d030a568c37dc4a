import time
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path

import pytest
import pytest_asyncio

from rpm_service.adapters import pki
from rpm_service.sdk import Credentials, Monitor, Numeric, SampleArray, session
from tests.support.fake_telemetry import FakeTelemetry

DEVICE = "oximeter-1"
SPO2 = Numeric(150456, 262688)
PR = Numeric(149530, 264864)
PLETH = SampleArray(150452, 262656, sample_rate_hz=125.0)


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs") / "dev"
    now = time.time()
    pki.init(directory, now=now)
    pki.issue(directory, "device", DEVICE, now=now)
    return directory


@pytest.fixture(scope="session")
def credentials(certs: Path) -> Credentials:
    return Credentials.from_directory(certs, DEVICE)


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(DEVICE, numerics=(SPO2, PR), sample_arrays=(PLETH,))


@pytest_asyncio.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeTelemetry]:
    # How long a Hello took on its way says something of the machine and nothing of the client.
    monkeypatch.setattr(session, "HELLO_S_MAX", inf)
    async with FakeTelemetry(certs) as fake:
        yield fake
