"""The page in Debian's chromium, against a real server with simulated beds."""

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_server
from rpm_service.adapters.web.sign_in import issue_link
from tests.support.process import Process, free_port, rpm_service

BROWSERS = ("chromium", "chromium-browser")


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None and os.environ.get("RPM_REQUIRE_BROWSER"):
        pytest.fail("RPM_REQUIRE_BROWSER is set and there is no chromium: apt install chromium")
    if found is None:
        pytest.skip("there is no chromium: apt install chromium")
    return found


@dataclass(slots=True)
class House:
    """A server with a page, whose process can be stopped, and beds on demand."""

    data: Path
    certs: Path
    target: str
    page: str
    server: Process
    link: str
    serve: tuple[object, ...]
    """The command that started the server, to start it again."""
    errors: list[str] = field(default_factory=list)
    """All that the page's console must say, and nothing else."""
    expected: tuple[str, ...] = ()
    """What it may say beside: parts of what chromium says by itself of a connection that fails."""

    @property
    def simulate(self) -> tuple[object, ...]:
        return ("simulate", "--server", self.target, "--certs", self.certs, "--json")

    def freeze(self) -> None:
        self.server.end(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.end(signal.SIGCONT)


@contextmanager
def opened(folder: Path) -> Iterator[House]:
    data, certs = folder / "data", folder / "certs"
    ensure_server(certs)
    target, page = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target, "--web", page)
    with rpm_service(*serve) as server:
        link = server.wait_for("sign in").split()[-1]
        house = House(data, certs, target, f"https://{page}", server, link, serve)
        try:
            yield house
        finally:
            house.thaw()


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    """A server of this test alone, which may freeze it, end it or fill its ward."""
    with opened(tmp_path) as house:
        yield house


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Iterator[House]:
    with opened(tmp_path_factory.mktemp("ward")) as house:
        yield house


@pytest.fixture
def ward(shared) -> House:
    """A server that others use too: for tests that leave it as it was, but for beds of theirs."""
    link = issue_link(shared.data, "clinician", shared.page, now=time.time())
    return replace(shared, link=link, errors=[], expected=())


@pytest.fixture
def browser(chromium):
    """Opens a browser of its own within the test's loop."""
    from playwright.async_api import Browser, async_playwright

    @asynccontextmanager
    async def opened() -> AsyncIterator[Browser]:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox"]
            )
            try:
                yield browser
            finally:
                await browser.close()

    return opened
