import time
from pathlib import Path

import pytest

from rpm_service.adapters import pki
from tests.adapters.pki.forgery import Forged, signer


@pytest.fixture(scope="session")
def now() -> float:
    """The real time, once: TLS reads the machine's clock and cannot be given another."""
    return time.time()


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory, now: float) -> Path:
    """A directory that no test changes."""
    directory = tmp_path_factory.mktemp("pki") / "certs"
    pki.init(directory, now=now)
    return directory


@pytest.fixture
def own_certs(tmp_path: Path, now: float) -> Path:
    """A directory for one test to change."""
    directory = tmp_path / "certs"
    pki.init(directory, now=now)
    return directory


@pytest.fixture(scope="session")
def device_ca(certs: Path) -> Forged:
    return signer(certs, "device-ca")


@pytest.fixture(scope="session")
def user_ca(certs: Path) -> Forged:
    return signer(certs, "user-ca")


@pytest.fixture
def checker(certs: Path) -> pki.ProfileChecker:
    return pki.load_checker(certs)
