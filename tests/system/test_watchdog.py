"""A server that is blocked ends itself; one that was frozen does not."""

import signal
import time
from pathlib import Path

import pytest

from rpm_service.commands.errors import ExitCode
from rpm_service.commands.watchdog import BLOCKED_S_MAX
from tests.support.process import process

LIMIT_S = 1.5
"""Shorter than in earnest: the same code, and a test that does not last."""


@pytest.mark.system
@pytest.mark.spec("ABUSE-10")
@pytest.mark.promise("A5")
def test_a_server_that_is_blocked_ends_itself_in_words(
    certs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with process(
        "-m", "tests.system.blocked_server", str(tmp_path), str(certs), str(LIMIT_S)
    ) as server:
        server.wait_for("devices and viewers")
        began = time.monotonic()
        server.say("60")
        assert server.wait() == ExitCode.BLOCKED
        assert time.monotonic() - began >= LIMIT_S
    said = capfd.readouterr().err
    assert "blocked_server.py" in said, "where it stood"
    line = said.splitlines()[-1]
    assert BLOCKED_S_MAX == 5.0
    assert line.startswith("rpm-service: the event loop has been blocked for 1.5 s")


@pytest.mark.system
@pytest.mark.spec("ABUSE-10")
@pytest.mark.promise("A5")
def test_a_server_that_was_frozen_or_blocked_for_a_moment_goes_on(
    certs: Path, tmp_path: Path
) -> None:
    with process(
        "-m", "tests.system.blocked_server", str(tmp_path), str(certs), str(LIMIT_S)
    ) as server:
        server.wait_for("devices and viewers")
        server.say("0.5")
        server.end(signal.SIGSTOP)
        time.sleep(2 * LIMIT_S)
        server.end(signal.SIGCONT)
        time.sleep(1)
        server.end()
        assert server.wait() == 0
