"""`rpm-service users`, beside no server and with a made-up terminal."""

import io
import json
import sys
from pathlib import Path

import pytest

from rpm_service.adapters.web import accounts_file, passwords
from rpm_service.application.access import Part
from rpm_service.commands import users
from rpm_service.commands.errors import CommandError, ExitCode
from tests.adapters.web.station import QUICK

SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "HASHER", QUICK)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The input of a command, with a password in it."""
    text = io.StringIO(f"{SECRET}\n" * 9)
    monkeypatch.setattr(sys, "stdin", text)
    return text


@pytest.mark.spec("SIGNIN-12")
def test_an_account_is_made_changed_listed_and_removed(
    tmp_path: Path, typed: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    users.add("kim", unit=["ICU", "ward 2"], data=tmp_path)
    users.add("wall-1", Part.WALL, data=tmp_path)
    made = accounts_file.read(tmp_path)
    assert QUICK.verify(made["kim"].password, SECRET)
    users.set_("kim", all_units=True, hours=8, enabled=False, data=tmp_path)
    users.set_("wall-1", unit=["ICU"], data=tmp_path)
    capsys.readouterr()
    users.list_(data=tmp_path)
    assert capsys.readouterr().out == (
        "kim: clinician, all units, 8 h, disabled\nwall-1: wall, ICU\n"
    )
    assert accounts_file.read(tmp_path)["kim"].password == made["kim"].password
    users.set_("kim", password=True, enabled=True, usual_hours=True, data=tmp_path)
    users.list_(as_json=True, data=tmp_path)
    told = capsys.readouterr().out.splitlines()[1]
    assert json.loads(told) == {
        "name": "kim", "role": "clinician", "units": [], "hours": None, "disabled": False,
    }  # fmt: skip
    assert accounts_file.read(tmp_path)["kim"].password != made["kim"].password
    users.remove("kim", data=tmp_path)
    assert set(accounts_file.read(tmp_path)) == {"wall-1"}


@pytest.mark.spec("SIGNIN-12")
def test_at_a_terminal_a_password_is_asked_for_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal())
    answers = iter([SECRET, SECRET, SECRET, "another one typed"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    users.add("kim", data=tmp_path)
    with pytest.raises(CommandError, match="differ"):
        users.add("lee", data=tmp_path)
    assert set(accounts_file.read(tmp_path)) == {"kim"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.spec("SIGNIN-12")
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, typed: io.StringIO) -> None:
    users.add("kim", data=tmp_path)
    wrong = [
        (lambda: users.add("kim", data=tmp_path), "has an account", ExitCode.USAGE),
        (lambda: users.add("k m", data=tmp_path), "is not a user name", ExitCode.USAGE),
        (lambda: users.set_("lee", data=tmp_path), "has no account", ExitCode.USAGE),
        (lambda: users.remove("lee", data=tmp_path), "has no account", ExitCode.USAGE),
        (
            lambda: users.set_("kim", unit=["a"], all_units=True, data=tmp_path),
            "say one of them",
            ExitCode.USAGE,
        ),
        (lambda: users.list_(data=tmp_path / "no"), "no data directory", ExitCode.INPUT),
    ]
    for act, line, code in wrong:
        with pytest.raises(CommandError, match=line) as error:
            act()
        assert error.value.exit_code is code
        assert "\n" not in str(error.value)
    typed.truncate(0)
    typed.seek(0)
    typed.write("short\n")
    typed.seek(0)
    with pytest.raises(CommandError, match="at least 12 characters"):
        users.add("lee", data=tmp_path)


@pytest.mark.spec("SIGNIN-13")
def test_a_file_that_is_none_is_not_written_over(tmp_path: Path, typed: io.StringIO) -> None:
    path = tmp_path / accounts_file.NAME
    path.write_text("{")
    path.chmod(0o600)
    for act in (lambda: users.add("kim", data=tmp_path), lambda: users.list_(data=tmp_path)):
        with pytest.raises(CommandError, match="is not a file of accounts"):
            act()
    assert path.read_text() == "{"
