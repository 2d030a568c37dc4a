import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rpm_service.adapters import pki
from rpm_service.commands.certs import certs_app
from rpm_service.commands.errors import CommandError, ExitCode


def run(*words: str | Path, width: int = 200) -> str:
    """Return what the command prints; raise the error that it ends with."""
    environment = {"COLUMNS": str(width)}
    result = CliRunner().invoke(certs_app, [str(word) for word in words], env=environment)
    if result.exception is not None:
        raise result.exception
    return result.output


def failure(*words: str | Path) -> tuple[str, ExitCode]:
    with pytest.raises(CommandError) as caught:
        run(*words)
    assert "\n" not in str(caught.value)
    return str(caught.value), caught.value.exit_code


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.spec("CERT-26")
def test_init_issue_and_show_agree(here: Path) -> None:
    assert run("init", "--host", "ward.example") == "made certificates in certs/dev\n"
    assert run("issue", "device", "bed-1") == "certs/dev/devices/bed-1.crt\n"
    assert run("issue", "gateway", "ward-3", "--days", "2") == "certs/dev/gateways/ward-3.crt\n"
    assert run("issue", "viewer", "nurse-7", "--hours", "1") == "certs/dev/viewers/nurse-7.crt\n"
    listed = json.loads(run("show", "--json"))
    assert [(one["name"], one["role"], one["file"]) for one in listed] == [
        ("root", "authority", "root.crt"),
        ("device-ca", "authority", "device-ca.crt"),
        ("server-ca", "authority", "server-ca.crt"),
        ("user-ca", "authority", "user-ca.crt"),
        ("bed-1", "device", "devices/bed-1.crt"),
        ("ward-3", "gateway", "gateways/ward-3.crt"),
        ("server", "server", "server.crt"),
        ("nurse-7", "user", "viewers/nurse-7.crt"),
    ]
    by_name = {one["name"]: one for one in listed}
    assert by_name["nurse-7"]["uri"] == "spiffe://rpm.local/t/default/user/nurse-7"
    lives = {name: one["not_after"] - one["not_before"] for name, one in by_name.items()}
    assert (lives["bed-1"], lives["ward-3"], lives["nurse-7"]) == (604_800, 172_800, 3600)
    identity = pki.load_checker(here / "certs/dev").check(
        (here / "certs/dev/devices/bed-1.crt").read_bytes(), time.time()
    )
    assert identity.fingerprint == by_name["bed-1"]["fingerprint"]
    assert not any(one["expired"] for one in listed)


@pytest.mark.spec("CERT-26")
def test_show_marks_what_has_expired(here: Path) -> None:
    run("init")
    pki.issue(Path("certs/dev"), "device", "bed-1", now=time.time() - 1e6)
    run("issue", "device", "bed-2")
    lines = {line.split()[0]: line for line in run("show").splitlines()}
    assert "EXPIRED" in lines["bed-1"]
    assert "EXPIRED" not in lines["bed-2"]
    assert "spiffe://rpm.local/t/default/device/bed-2" in lines["bed-2"]
    expired = {one["name"]: one["expired"] for one in json.loads(run("show", "--json"))}
    assert (expired["bed-1"], expired["bed-2"]) == (True, False)


@pytest.mark.spec("CERT-26")
def test_what_goes_wrong_is_one_line_and_an_exit_code(here: Path) -> None:
    assert failure("show") == (
        "no certificates in certs/dev: run `rpm-service certs init`",
        ExitCode.CERTIFICATES,
    )
    assert failure("issue", "device", "bed-1", "--certs", "other") == (
        "no certificates in other: run `rpm-service certs init --certs other`",
        ExitCode.CERTIFICATES,
    )
    run("init")
    assert failure("init")[1] is ExitCode.CERTIFICATES
    assert failure("issue", "device", "bed 1")[1] is ExitCode.USAGE
    assert failure("issue", "viewer", "x", "--days", "1") == (
        "the certificate of a viewer lives 61 s to 8 h",
        ExitCode.USAGE,
    )
    assert failure("issue", "viewer", "x", "--days", "1", "--hours", "1")[1] is ExitCode.USAGE
    assert failure("issue", "device", "x", "--host", "a")[1] is ExitCode.USAGE
    assert failure("init", "--force", "--trust-domain", "a b")[1] is ExitCode.USAGE
    run("init", "--force")
