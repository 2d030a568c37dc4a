"""The page in the whole server: what starts, what does not, and how it ends."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from rpm_service import app
from rpm_service.adapters.web.address import parse_address
from rpm_service.adapters.web.listening import listen
from rpm_service.adapters.web.pages import Pages
from rpm_service.app import Server, Settings
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.serve import address, started
from tests.adapters.web.station import PATIENCE_S
from tests.support.memory_recorder import MemoryRecorder
from tests.support.process import free_port

ANY = "127.0.0.1:0"


@pytest.fixture
def built(static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the page had been built."""
    monkeypatch.setattr(app, "_pages", lambda: Pages(static))


@pytest.fixture
async def server(certs: Path, tmp_path: Path, built: None) -> AsyncIterator[Server]:
    server = Server(Settings(tmp_path, certs, ANY, ANY), MemoryRecorder())
    await server.start()
    yield server
    await server.stop()


async def refused(settings: Settings) -> CommandError:
    with pytest.raises(CommandError) as error:
        await started(settings)
    assert "\n" not in str(error.value)
    return error.value


@pytest.mark.spec("WEB-2")
async def test_a_server_with_a_page_welcomes_with_a_link_that_signs_in(
    server: Server, certs: Path
) -> None:
    page, link = server.welcome()
    trust = ssl.create_default_context(cafile=certs / "server-trust.crt")
    async with httpx2.AsyncClient(verify=trust, trust_env=False) as browser:
        await browser.get(link.rpartition(" ")[2])
        answer = await browser.get(page.partition(" ")[2])
        assert "Central station" in answer.text


@pytest.mark.spec("WEB-16")
async def test_where_too_many_links_wait_the_server_still_starts(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpm_service.adapters.web.sign_in.LINKS_MAX", 0)
    assert "try again in ten minutes" in server.welcome()[1]


async def test_a_server_without_a_page_has_nothing_to_say(certs: Path, tmp_path: Path) -> None:
    server = Server(Settings(tmp_path, certs, ANY), MemoryRecorder())
    await server.start()
    assert server.welcome() == []
    await server.stop()


def test_a_server_without_a_page_or_webhook_loads_nothing_of_them() -> None:
    heavy = ("fastapi", "starlette", "uvicorn", "socketio", "authlib", "argon2", "httpx2")
    look = (
        f"import sys, rpm_service.commands.serve; print([x for x in {heavy} if x in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.spec("WEB-18")
async def test_no_server_starts_without_the_page_that_it_is_to_serve(
    certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_pages", lambda: Pages(tmp_path))
    error = await refused(Settings(tmp_path, certs, ANY, ANY))
    assert error.exit_code is ExitCode.NOT_BUILT
    assert "make ui" in str(error)


@pytest.mark.spec("WEB-18")
async def test_a_taken_page_port_stops_what_had_been_started(
    certs: Path, tmp_path: Path, built: None
) -> None:
    taken, free = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with listen(*parse_address(taken)):
        error = await refused(Settings(tmp_path, certs, free, taken))
        assert error.exit_code is ExitCode.BUSY
        assert taken in str(error)
    server = await started(Settings(tmp_path, certs, free, taken))
    await server.stop()


@pytest.mark.spec("WEB-18")
async def test_a_certificate_that_is_not_for_the_page_is_said_with_the_remedy(
    certs: Path, tmp_path: Path, built: None
) -> None:
    error = await refused(Settings(tmp_path, certs, ANY, "ward-7.example:0"))
    assert error.exit_code is ExitCode.CERTIFICATES
    assert "--host ward-7.example" in str(error)


@pytest.mark.spec("SIGNIN-13")
@pytest.mark.spec("SIGNIN-21")
@pytest.mark.parametrize(
    ("name", "line"), [("users.json", "is not a file of accounts"), ("oidc.toml", "is not TOML")]
)
async def test_a_file_about_people_that_is_wrong_stops_what_had_been_started(
    certs: Path, tmp_path: Path, built: None, name: str, line: str
) -> None:
    wrong = tmp_path / name
    wrong.touch(0o600)
    wrong.write_text("{")
    error = await refused(Settings(tmp_path, certs, ANY, ANY, oidc=tmp_path / "oidc.toml"))
    assert error.exit_code is ExitCode.INPUT
    assert str(wrong) in str(error)
    assert line in str(error)


@pytest.mark.spec("WEB-18")
@pytest.mark.parametrize("text", ["8443", ":8443", "localhost:", "localhost:x", "localhost:65536"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(CommandError) as error:
        address(text)
    assert error.value.exit_code is ExitCode.USAGE


@pytest.mark.spec("WEB-19")
async def test_an_error_of_the_web_server_ends_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_counter: int) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(server._web._uvicorn, "on_tick", fail)
    with pytest.raises(RuntimeError, match="broken"):
        async with asyncio.timeout(PATIENCE_S):
            await server.run()
