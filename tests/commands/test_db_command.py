"""`rpm-service db`, beside a server that runs, and without one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rpm_service.commands.errors import ExitCode
from tests.support.process import free_port, rpm_service


@pytest.mark.system
@pytest.mark.spec("STORE-33")
@pytest.mark.spec("STORE-35")
def test_a_ward_is_copied_while_it_runs_and_goes_on_elsewhere(tmp_path: Path) -> None:
    data, certs, copy = tmp_path / "data", tmp_path / "certs", tmp_path / "copy"
    kept = ("--data", data, "--certs", certs, "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0")
    with rpm_service("demo", *kept) as demo:
        demo.wait_for("8 beds")
        with rpm_service("db", "backup", copy, "--data", data, "--json") as backup:
            heads = json.loads(next(backup.lines()))
            assert backup.wait() == ExitCode.OK
        (tmp_path / "heads.json").write_text(json.dumps(heads))
        with rpm_service("db", "restore", copy, "--data", data, "--replace") as restore:
            assert restore.wait() == ExitCode.BUSY
    for arguments in (
        ("db", "verify", copy, "--against", tmp_path / "heads.json"),
        ("db", "verify", "--data", data, "--against", tmp_path / "heads.json"),
        ("db", "restore", copy, "--data", tmp_path / "elsewhere"),
    ):
        with rpm_service(*arguments) as command:
            assert command.wait() == ExitCode.OK
    target = f"127.0.0.1:{free_port()}"
    arguments = ("--data", tmp_path / "elsewhere", "--certs", certs, "--listen", target)
    with rpm_service("serve", *arguments) as server:
        server.wait_for("devices and viewers")


@pytest.mark.spec("STORE-34")
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("verify", "nowhere"), "there is no file nowhere"),
        (("backup", "copy", "--data", "nowhere"), "there is no rpm.sqlite3 in nowhere"),
        (("restore", "nowhere", "--data", "data"), "there is no file nowhere"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], line: str) -> None:
    command = subprocess.run(
        [sys.executable, "-m", "rpm_service", "db", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert command.returncode == ExitCode.INPUT
    said = command.stderr
    assert said.startswith(f"rpm-service: {line}")
    assert said.count("\n") == 1
