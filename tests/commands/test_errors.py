"""How commands end that cannot do what they were asked: through the front door, as typed."""

import asyncio
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import typer

from rpm_service import app, cli
from rpm_service.adapters import pki
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.adapters.web.pages import Pages
from rpm_service.commands.errors import ExitCode
from tests.support.commands import run
from tests.support.loopback import LoopbackServer

COMMANDS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
NOWHERE = "127.0.0.1:9"
"""The discard port, where nothing listens."""

Fails = Callable[..., str]


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of another authority."""
    directory = tmp_path_factory.mktemp("strangers") / "dev"
    pki.ensure_server(directory)
    return directory


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "bed_Numerics.csv"
    path.write_text("Time [s], HR, SpO2\n0, 80, 97\n1, 0, NaN\n2, 82, 96\n")
    return path


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Fails:
    """Runs a command here that is to fail, and gives the one line that it ends with."""

    def run(code: ExitCode, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["rpm-service", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        assert (ended.value.code, out) == (code, ""), err
        return only_line(err)

    return run


def only_line(err: str) -> str:
    (line,) = err.splitlines()
    assert line.startswith("rpm-service: ")
    return line.removeprefix("rpm-service: ")


# -- what is in the way of a server ----------------------------------------------------------


@pytest.mark.spec("CMD-1")
@pytest.mark.spec("CMD-2")
async def test_a_taken_port_is_named_with_what_to_do(
    certs: Path, tmp_path: Path, taken: str
) -> None:
    places = (("--listen", taken), ("--listen", "127.0.0.1:0", "--web", taken))
    common = ("serve", "--certs", certs, "--data")
    ends = await asyncio.gather(
        *(run(*common, tmp_path / str(number), *place) for number, place in enumerate(places))
    )
    for code, out, err in ends:
        assert (code, out) == (ExitCode.BUSY, "")
        assert (
            only_line(err) == f"{taken} is taken: stop what listens there, or choose another port"
        )


@pytest.mark.spec("CMD-2")
@pytest.mark.parametrize("option", ["--listen", "--web"])
def test_an_address_of_another_machine_is_not_called_taken(
    fails: Fails, tmp_path: Path, option: str
) -> None:
    # 192.0.2.1 is kept for documentation, and never an address of this machine.
    listen = ("--listen", "127.0.0.1:0") if option == "--web" else ()
    pki.init(tmp_path / "dev", now=time.time(), hosts=["192.0.2.1"])
    arguments = ("serve", "--certs", tmp_path / "dev", "--data", tmp_path / "var", *listen)
    line = fails(ExitCode.USAGE, *arguments, option, "192.0.2.1:50051")
    assert line.startswith("192.0.2.1:50051 cannot be listened on: ")


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_page_that_is_not_built_comes_with_the_command_to_build_it(
    fails: Fails, certs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(app, "_pages", partial(Pages, tmp_path))
    arguments = (command, "--certs", certs, "--data", tmp_path / "var", "--web", "127.0.0.1:0")
    assert "run `make ui`" in fails(ExitCode.NOT_BUILT, *arguments)


@pytest.mark.spec("LIMIT-17")
@pytest.mark.spec("LIMIT-18")
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_file_of_units_that_cannot_be_is_named_with_table_and_field(
    fails: Fails, certs: Path, tmp_path: Path, command: str
) -> None:
    given, own = tmp_path / "given.toml", tmp_path / "units.toml"
    given.write_text("[units.ICU.presets.adult.limits.SpO2]\nlow = 79")
    own.write_text("[units.ICU]\nbeds = 8")
    arguments = (command, "--certs", certs, "--data", tmp_path, "--listen", "127.0.0.1:0")
    line = fails(ExitCode.INPUT, *arguments, "--units", given)
    reason = "limits.SpO2.extreme_low: 80 is not below low 79"
    assert line == f"{given}: [units.ICU.presets.adult] {reason}"
    assert fails(ExitCode.INPUT, *arguments) == f"{own}: [units.ICU] beds: is not known here"


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_data_directory_that_another_server_holds_is_left_to_it(
    fails: Fails, certs: Path, tmp_path: Path, command: str
) -> None:
    held = SqliteRecorder(tmp_path)
    try:
        arguments = (command, "--certs", certs, "--data", tmp_path, "--listen", "127.0.0.1:0")
        line = fails(ExitCode.BUSY, *arguments)
    finally:
        held.close()
    assert re.fullmatch(
        rf"another server \(pid \d+\) holds {re.escape(str(tmp_path))}; "
        r"stop it or choose another --data",
        line,
    )


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("command", ["serve", "alarms", "samples"])
def test_a_damaged_database_says_so(
    fails: Fails, certs: Path, tmp_path: Path, command: str
) -> None:
    (tmp_path / "rpm.sqlite3").write_bytes(b"not a database at all" * 500)
    certificates = ("--certs", certs) if command == "serve" else ()
    device = ("bed-1",) if command == "samples" else ()
    line = fails(ExitCode.INPUT, command, *device, "--data", tmp_path, *certificates)
    assert "damaged" in line
    assert "restore it from a copy" in line


@pytest.mark.spec("CMD-1")
def test_data_that_cannot_be_written_asks_for_another_place(
    fails: Fails, certs: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    line = fails(ExitCode.INPUT, "serve", "--certs", certs, "--data", tmp_path / "file" / "var")
    assert line.startswith("cannot keep data in ")
    assert line.endswith("; choose another --data")


@pytest.mark.spec("CMD-1")
def test_a_report_that_cannot_be_written_is_said_before_the_demo(
    fails: Fails, certs: Path, tmp_path: Path
) -> None:
    report = tmp_path / "none" / "demo.json"
    anywhere = ("--listen", "127.0.0.1:0", "--web", "127.0.0.1:0", "--seconds", "1")
    arguments = ("demo", "--certs", certs, "--data", tmp_path, "--report", report)
    assert fails(ExitCode.USAGE, *arguments, *anywhere).startswith(
        f"--report {report} cannot be written: "
    )


# -- certificates ----------------------------------------------------------------------------


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--data", "{tmp}/var"),
        ("replay", "{recording}", "--device", "bed-1"),
        ("simulate",),
        ("watch",),
        ("certs", "issue", "device", "bed-1"),
        ("certs", "show"),
    ],
)
def test_certificates_that_are_not_there_come_with_the_command_to_make_them(
    fails: Fails, tmp_path: Path, recording: Path, arguments: tuple[str, ...]
) -> None:
    none = tmp_path / "none"
    typed = [each.format(tmp=tmp_path, recording=recording) for each in arguments]
    line = fails(ExitCode.CERTIFICATES, *typed, "--certs", none)
    assert line == f"no certificates in {none}: run `rpm-service certs init --certs {none}`"
    assert not (tmp_path / "var").exists()


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "{recording}", "--device", "bed 1"),
        ("simulate", "--prefix", "bed 1"),
        ("watch", "--viewer", "bed 1"),
        ("certs", "issue", "device", "bed 1"),
    ],
)
def test_an_id_that_no_certificate_may_bear_is_a_wrong_command_line(
    fails: Fails, certs: Path, recording: Path, arguments: tuple[str, ...]
) -> None:
    typed = [each.format(recording=recording) for each in arguments]
    line = fails(ExitCode.USAGE, *typed, "--certs", certs)
    assert "up to 63 letters, digits" in line


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("file", ["user.key", "user.crt"])
def test_a_damaged_key_or_certificate_is_named(fails: Fails, tmp_path: Path, file: str) -> None:
    pki.ensure_server(tmp_path)
    pki.ensure_client(tmp_path, pki.Role.USER, "user")
    damaged = tmp_path / "viewers" / file
    damaged.write_text("no longer what it was")
    assert str(damaged) in fails(
        ExitCode.CERTIFICATES, "watch", "--viewer", "user", "--certs", tmp_path
    )


# -- recordings and limits -------------------------------------------------------------------


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("command", ["evaluate", "replay"])
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.csv", None, "no such file or directory"),
        ("empty.csv", b"", "is empty"),
        ("bytes.csv", b"\xff\xfe\x00", "is not a CSV text"),
        ("table.csv", b"a, b\n1, 2\n", "its first column must be 'Time [s]'"),
        ("damaged.csv", b"Time [s], HR\n0, 80\n1, eighty\n", "line 3"),
        ("record.hea", b"\x00\x01\x02", "is not a WFDB header"),
        ("notes.txt", b"all was well", "is not a recording"),
    ],
)
def test_what_is_no_recording_is_named_with_the_reason(
    fails: Fails, certs: Path, tmp_path: Path, command: str, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    device = ("--device", "bed-1", "--certs", certs) if command == "replay" else ()
    line = fails(ExitCode.INPUT, command, path, *device)
    assert line.startswith(f"{path}: ")
    assert words in line


@pytest.mark.spec("CMD-1")
def test_a_recording_of_waveforms_alone_has_nothing_to_evaluate(
    fails: Fails, recordings: Path
) -> None:
    for path in (recordings / "mitdb" / "100", recordings / "challenge2015" / "a103l"):
        line = fails(ExitCode.INPUT, "evaluate", path, "--json")
        assert line == f"{path.name}: has no numerics to evaluate, only waveforms"


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--limit", "Sp02.low=90"), "unknown metric 'Sp02': use one of HR, PR, SpO2"),
        (("--delay", "Sp02=10"), "unknown metric 'Sp02': use one of HR, PR, SpO2"),
        (("--hysteresis", "Sp02=1"), "unknown metric 'Sp02': use one of HR, PR, SpO2"),
        (("--hold", "Sp02=1"), "unknown metric 'Sp02': use one of HR, PR, SpO2"),
        (("--limit", "SpO2=90"), "write METRIC.low=VALUE or METRIC.high=VALUE"),
        (("--limit", "SpO2.low=ninety"), "'ninety' is not a number"),
        (("--limit", "SpO2.low=nan"), "SpO2.low: nan is not within 0 to 100"),
        (("--delay", "SpO2"), "write METRIC=VALUE"),
        (("--delay", "SpO2=-1"), "-1 s is not within 0 to 30 s"),
        (("--limit", "SpO2.low=90", "--delay", "HR=1"), "HR has no limit in force"),
        (("--latching", "maybe"), "--latching maybe: on or off"),
    ],
)
def test_a_limit_that_makes_no_sense_is_a_wrong_command_line(
    fails: Fails, recording: Path, options: tuple[str, ...], words: str
) -> None:
    assert words in fails(ExitCode.USAGE, "evaluate", recording, *options)


@pytest.mark.spec("CMD-1")
def test_an_unknown_scenario_is_answered_with_those_there_are(fails: Fails) -> None:
    line = fails(ExitCode.USAGE, "simulate", "--scenario", "flatline")
    assert line.startswith("no scenario 'flatline'; there are normal, desaturation, asystole")


# -- servers that are not there --------------------------------------------------------------


@pytest.mark.spec("CMD-1")
@pytest.mark.parametrize("text", ["nonsense", "localhost:port", "localhost:70000", ":50051"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--listen"),
        ("serve", "--web"),
        ("demo", "--web"),
        ("sign-in", "--data", "{tmp}", "--web"),
        ("replay", "{recording}", "--device", "bed-1", "--server"),
        ("simulate", "--server"),
        ("watch", "--server"),
    ],
)
def test_what_is_not_host_and_port_is_a_wrong_command_line(
    fails: Fails,
    certs: Path,
    tmp_path: Path,
    recording: Path,
    arguments: tuple[str, ...],
    text: str,
) -> None:
    typed = [each.format(tmp=tmp_path, recording=recording) for each in arguments]
    certificates = () if typed[0] == "sign-in" else ("--certs", certs)
    line = fails(ExitCode.USAGE, *typed, text, *certificates)
    assert line == f"{text!r} is not HOST:PORT, such as 127.0.0.1:8443"


@pytest.mark.spec("CMD-2")
@pytest.mark.spec("WATCH-7")
async def test_a_server_that_is_not_there_is_an_error_of_its_own(
    certs: Path, recording: Path
) -> None:
    commands = (
        ("watch",),
        ("watch", "--json"),
        ("simulate",),
        ("replay", recording, "--device", "bed-1"),
    )
    common = ("--server", NOWHERE, "--certs", certs, "--seconds", "0.5")
    ends = await asyncio.gather(*(run(*command, *common) for command in commands))
    for (command, *_), (code, out, err) in zip(commands, ends, strict=True):
        assert (code, out) == (ExitCode.UNREACHABLE, "")
        *on_the_way, last = err.splitlines()
        assert last.startswith(f"rpm-service: {NOWHERE} cannot be reached: ")
        assert last.endswith("Connection refused; is a server running there?")
        # Devices wait for their server, and say so.
        assert [line.endswith("; trying again") for line in on_the_way] == [True] * (
            command != "watch"
        )


@pytest.mark.spec("CMD-2")
async def test_a_server_of_another_authority_is_told_apart(certs: Path, strangers: Path) -> None:
    async with LoopbackServer(certs) as server:
        common = ("--server", server.target, "--certs", strangers, "--seconds", "1")
        ends = await asyncio.gather(run("watch", "--json", *common), run("simulate", *common))
    for code, out, err in ends:
        assert (code, out) == (ExitCode.UNREACHABLE, "")
        *on_the_way, last = err.splitlines()
        assert len(on_the_way) <= 1
        assert last == (
            f"rpm-service: {server.target} cannot be reached: its certificate is of another "
            "authority; give the --certs of that server"
        )


# -- the command line itself -----------------------------------------------------------------


@pytest.mark.spec("CMD-3")
@pytest.mark.parametrize(
    "arguments",
    [("simulat",), ("simulate", "--bed", "3"), ("simulate", "--beds", "0"), ("certs", "make"),
     ("watch", "--seconds", "0"), ("demo", "--seconds", "nan"), ("replay",), ("samples",)],
)  # fmt: skip
def test_a_typing_error_is_a_wrong_command_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rpm-service", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capfd.readouterr()
    assert (ended.value.code, out) == (ExitCode.USAGE, "")
    assert "--help" in err
    assert "Traceback" not in err


@pytest.mark.spec("CMD-4")
def test_the_page_of_commands_names_each_command_and_options_that_it_has() -> None:
    section = COMMANDS.partition("## ")[0]
    table = dict(re.findall(r"^\| `([a-z-]+) ?([^`]*)` \|", section, re.MULTILINE))
    assert set(table) == set(cli.COMMANDS)
    for name, usage in table.items():
        group = typer.main.get_command(cli.build([name]))
        assert isinstance(group, typer.core.TyperGroup)
        known = {option for each in group.commands[name].params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", usage)) <= known


@pytest.mark.spec("CMD-4")
def test_the_page_of_commands_names_each_exit_code() -> None:
    codes = set(map(int, re.findall(r"^\| (\d+) \|", COMMANDS, re.MULTILINE)))
    assert codes == {*map(int, ExitCode), 130}
