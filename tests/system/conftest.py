"""Whole programs: server, devices and viewers as processes of their own, on real recordings."""

from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_server
from tests.support.process import ROOT

TEST_S_MAX = 180
"""Whatever else the machine does."""
HERE = Path(__file__).parent
RECORDINGS = ROOT.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_S_MAX))


@pytest.fixture(scope="session")
def certs(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("system") / "certs"
    ensure_server(directory)
    return directory


@pytest.fixture
def bidmc() -> Path:
    directory = RECORDINGS / "bidmc"
    if not directory.is_dir():
        pytest.skip("the BIDMC recordings are not beside the project")
    return directory
