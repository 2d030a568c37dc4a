"""A server that is blocked ends itself; one that was frozen, or blocked for a moment, does not."""

import signal
import time
from pathlib import Path

import pytest

from rpm_service.commands.errors import ExitCode
from rpm_service.commands.watchdog import BLOCKED_S_MAX
from tests.chaos.blocking_server import MOMENT_S
from tests.support.process import Process, process

LIMIT_S = 2.0
"""Shorter than in earnest: the same code, and a test that does not last."""


def blocking_server(certs: Path, data: Path) -> Process:
    return process(
        "-m", "tests.chaos.blocking_server", "serve", "--listen", "127.0.0.1:0",
        "--data", str(data), "--certs", str(certs), RPM_BLOCKED_S_MAX=str(LIMIT_S),
    )  # fmt: skip


@pytest.mark.system
@pytest.mark.spec("ABUSE-10")
@pytest.mark.promise("A5")
def test_a_server_that_is_blocked_ends_itself_in_words(
    certs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with blocking_server(certs, tmp_path) as server:
        server.wait_for("devices and viewers")
        began = time.monotonic()
        server.end(signal.SIGUSR2)
        assert server.wait() == ExitCode.BLOCKED
        assert time.monotonic() - began >= LIMIT_S
    said = capfd.readouterr().err
    assert "blocking_server.py" in said, "where it stood"
    assert said.splitlines()[-1].startswith("rpm-service: the event loop has been blocked for 2 s")
    assert BLOCKED_S_MAX == 5.0


@pytest.mark.system
@pytest.mark.spec("ABUSE-10")
@pytest.mark.promise("A5")
def test_a_server_that_was_frozen_or_blocked_for_a_moment_goes_on(
    certs: Path, tmp_path: Path
) -> None:
    with blocking_server(certs, tmp_path) as server:
        server.wait_for("devices and viewers")
        server.end(signal.SIGUSR1)
        time.sleep(MOMENT_S / 2)
        server.end(signal.SIGSTOP)
        time.sleep(1.5 * LIMIT_S)
        server.end(signal.SIGCONT)
        time.sleep(MOMENT_S)
        server.end()
        assert server.wait() == 0
