"""The page in Debian's chromium, against real servers with simulated and recorded beds.

Three things take their time to start, so all tests share them: one browser, of which each test
has a page of its own; one server that always runs (`ward`); and one that a test may freeze or
kill (`house`), and finds running again. A test looks at beds of its own, by names that no other
test uses: beds of tests before it stand in the ward too, their devices gone.
"""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from rpm_service.adapters.pki.credentials import ensure_server
from rpm_service.adapters.web.sign_in import issue_link
from tests.browser.beds import simulated
from tests.support.process import Process, free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser

HERE = Path(__file__).parent
PATIENCE_S = 30.0
"""How long a test waits for what must come, where how soon is not what it is about."""
TEST_S_MAX = 180
"""Whatever else the machine does; servers and browsers are started within the first test."""
BROWSERS = ("chromium", "chromium-browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser lives in one event loop of one process, and so do all tests that share it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
            # For `pytest -n 2 --dist loadgroup`.
            item.add_marker(pytest.mark.xdist_group("browser"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TEST_S_MAX))


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("RPM_REQUIRE_BROWSER"):
        pytest.fail("RPM_REQUIRE_BROWSER is set and there is no chromium: apt install chromium")
    if found is None:
        pytest.skip("there is no chromium: apt install chromium")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator["Browser"]:
    """One browser for all tests; `page_of` opens a page that shares nothing with others."""
    from playwright.async_api import async_playwright, expect

    expect.set_options(timeout=1000 * PATIENCE_S)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


class House:
    """A server with a page, as a process that can be frozen, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.data, self.certs = folder / "data", folder / "certs"
        ensure_server(self.certs)
        self.target, page = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.page = f"https://{page}"
        self._serve = (
            "serve", "--data", self.data, "--certs", self.certs,
            "--listen", self.target, "--web", page,
        )  # fmt: skip
        self._server: Process | None = None

    def link(self, user: str = "clinician") -> str:
        """Signs a browser in, once."""
        return issue_link(self.data, user, self.page, now=time.time())

    def start(self) -> None:
        """Returns once the server listens."""
        self._server = Process("-m", "tests.support.patient_server", *map(str, self._serve))
        self._server.wait_for("sign in")

    def freeze(self) -> None:
        self._running.end(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running.end(signal.SIGCONT)

    def kill(self) -> None:
        server, self._server = self._running, None
        server.kill()
        server.stop()

    def recover(self) -> None:
        """Whatever was done to it, it runs."""
        if self._server is None:
            self.start()
        self.thaw()

    def close(self) -> None:
        if self._server is not None:
            self.thaw()
            self._server.stop()

    @property
    def _running(self) -> Process:
        assert self._server is not None, "killed"
        return self._server


@contextmanager
def started(folder: Path) -> Iterator[House]:
    house = House(folder)
    house.start()
    try:
        yield house
    finally:
        house.close()


@pytest.fixture(scope="session")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server that always runs."""
    with started(tmp_path_factory.mktemp("ward")) as ward:
        yield ward


@pytest.fixture(scope="session")
def calm_bed(ward: House) -> Iterator[str]:
    """A bed at which all is well, for tests that change nothing there."""
    with simulated(ward, "calm") as (bed,):
        yield bed


@pytest.fixture(scope="session")
def hearts(ward: House) -> Iterator[Iterator[str]]:
    """Beds in asystole, each of which one test takes for itself."""
    with simulated(ward, "heart", beds=12, scenario="asystole") as beds:
        yield iter(beds)


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with started(tmp_path_factory.mktemp("second")) as house:
        yield house


@pytest.fixture
def house(second: House) -> Iterator[House]:
    """A server that this test may freeze or kill."""
    yield second
    second.recover()
