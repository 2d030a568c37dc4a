"""The page in Debian's chromium, against a real server with simulated beds."""

import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_server
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
    errors: list[str] = field(default_factory=list)

    @property
    def simulate(self) -> tuple[object, ...]:
        return ("simulate", "--server", self.target, "--certs", self.certs, "--json")

    def freeze(self) -> None:
        self.server.end(signal.SIGSTOP)

    def thaw(self) -> None:
        self.server.end(signal.SIGCONT)


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    data, certs = tmp_path / "data", tmp_path / "certs"
    ensure_server(certs)
    target, page = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target, "--web", page)
    with rpm_service(*serve) as server:
        link = server.wait_for("sign in").split()[-1]
        house = House(data, certs, target, f"https://{page}", server, link)
        try:
            yield house
        finally:
            house.thaw()


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
