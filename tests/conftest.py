import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or to make it, says something of the machine and nothing of the code.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# Of a shell that runs the tests in the background their processes learn to ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The shared recordings, which are read in place and never copied."""
    directory = Path(os.environ.get("RPM_RECORDINGS", BESIDE_THE_REPOSITORY))
    if not directory.is_dir():
        pytest.skip(f"no recordings at {directory}; RPM_RECORDINGS names them")
    return directory


@pytest.fixture(scope="session")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a server's certificates and of the authorities that issue others."""
    from rpm_service.adapters import pki

    directory = tmp_path_factory.mktemp("certs") / "dev"
    pki.ensure_server(directory)
    return directory
