"""`rpm-service replay` and `simulate`: processes of their own against a server in this one."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from rpm_service import cli
from rpm_service.adapters import pki
from rpm_service.commands.errors import ExitCode
from rpm_service.commands.replay import devices, read
from rpm_service.v1 import telemetry_pb2
from tests.support.fake_telemetry import FakeSession, FakeTelemetry

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs") / "dev"
    pki.ensure_server(directory)
    pki.ensure_client(directory, pki.Role.GATEWAY, "gw-1")
    return directory


@pytest.fixture
async def server(certs: Path) -> AsyncIterator[FakeTelemetry]:
    async with FakeTelemetry(certs) as fake:
        yield fake


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "one.csv"
    path.write_text("Time [s], HR, SpO2\n0, 80, 97\n1, 0, NaN\n2, 82, 96\n")
    return path


@pytest.fixture
def ward(tmp_path: Path, one: Path) -> Path:
    two = tmp_path / "two half.csv"
    two.write_text("Time [s], RESP\n0, 14\n1, 15\n")
    return tmp_path


@asynccontextmanager
async def command(*arguments: object, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rpm_service", *map(str, arguments),
        stdout=PIPE, stderr=PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process) -> tuple[int | None, str, str]:
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def opened(session: FakeSession) -> list[str]:
    """Opens a session and returns the ids of the monitors behind it."""
    await session.frame("hello")
    await session.welcome()
    return [mds.id for mds in (await session.frame("describe")).mds]


def exit_of(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Runs a command that is to fail, here, and returns how it ends."""
    monkeypatch.setattr(sys, "argv", ["rpm-service", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.spec("PLAY-11")
async def test_a_recording_is_a_device_and_ends_with_what_is_safe(
    server: FakeTelemetry, certs: Path, one: Path
) -> None:
    arguments = ("replay", one, "--server", server.target, "--certs", certs, "--device", "bed-1")
    async with command(*arguments, "--rate", 20, RPM_TEST_MODE="1") as process:
        session = await server.session()
        assert await opened(session) == ["bed-1"]
        frames = await session.acknowledge_until_goodbye()
        assert await ended(process) == (0, '{"frames": 3, "acked": 3}\n', "")
    values = [list(frame.entries[0].values) for frame in frames]
    assert [value[0] for value in values] == [80.0, 0.0, 82.0]
    assert str(values[1][1]) == "nan"


@pytest.mark.spec("PLAY-11")
async def test_recordings_behind_a_gateway_are_its_monitors(
    server: FakeTelemetry, certs: Path, ward: Path
) -> None:
    arguments = ("replay", ward, "--server", server.target, "--certs", certs, "--device", "gw-1")
    async with command(*arguments, "--json", "--rate", 20, RPM_TEST_MODE="1") as process:
        session = await server.session()
        assert await opened(session) == ["gw-1/one", "gw-1/two-half"]
        frames = await session.acknowledge_until_goodbye()
        code, out, _ = await ended(process)
    assert [[entry.mds for entry in frame.entries] for frame in frames] == [[0, 1], [0, 1], [0]]
    assert (code, json.loads(out)) == (0, {"frames": 3, "acked": 3})


@pytest.mark.spec("PLAY-11")
async def test_recordings_without_a_gateway_are_a_device_each(certs: Path, ward: Path) -> None:
    playing = devices(read([ward]), "bed", certs, loop=False)
    assert [device.monitors[0].id for device in playing] == ["bed-one", "bed-two-half"]
    assert (certs / "devices" / "bed-one.crt").exists()
    twice = devices(read([ward]) * 2, "gw-1", certs, loop=False)
    assert [monitor.id for monitor in twice[0].monitors] == [
        "gw-1/one", "gw-1/two-half", "gw-1/one-2", "gw-1/two-half-2",
    ]  # fmt: skip


@pytest.mark.spec("PLAY-12")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_device_says_goodbye(
    server: FakeTelemetry, certs: Path, one: Path, number: signal.Signals
) -> None:
    arguments = ("replay", one, "--server", server.target, "--certs", certs, "--device", "bed-1")
    async with command(*arguments, "--loop") as process:
        session = await server.session()
        await opened(session)
        await session.observations_of(1)
        process.send_signal(number)
        await session.ack(1)
        await session.acknowledge_until_goodbye()
        code, out, _ = await ended(process)
    report = json.loads(out)
    assert code == 0
    assert report["frames"] == report["acked"] >= 1


@pytest.mark.spec("PLAY-12")
async def test_frames_that_are_not_taken_are_an_error(
    server: FakeTelemetry, certs: Path, one: Path
) -> None:
    arguments = ("replay", one, "--server", server.target, "--certs", certs, "--device", "bed-1")
    async with command(*arguments, "--seconds", 1) as process:
        session = await server.session()
        await opened(session)
        await session.observations_of(1)
        refusal = telemetry_pb2.Refusal(seq=1, field="values[0]", reason="no")
        await session.say(refusal=refusal)
        await session.acknowledge_until_goodbye()
        code, out, err = await ended(process)
    assert code == ExitCode.FAILED
    assert json.loads(out) == {"frames": 1, "acked": 0}
    assert err.splitlines() == [
        "the server refused values[0]: no",
        "rpm-service: the server refused 1 frames, or parts of them",
    ]


@pytest.mark.spec("PLAY-12")
async def test_a_refused_certificate_is_one_line(
    server: FakeTelemetry, certs: Path, one: Path
) -> None:
    arguments = ("replay", one, "--server", server.target, "--certs", certs, "--device", "bed-1")
    async with command(*arguments) as process:
        await (await server.session()).refuse(grpc.StatusCode.UNAUTHENTICATED, "revoked")
        code, out, err = await ended(process)
    assert (code, out) == (ExitCode.UNREACHABLE, "")
    assert err == "rpm-service: the server refused: UNAUTHENTICATED: revoked\n"


@pytest.mark.spec("PLAY-12")
@pytest.mark.parametrize("arguments", [("replay",), ("simulate",)])
def test_a_server_that_is_not_there_is_one_line_and_one_error(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    certs: Path,
    one: Path,
    arguments: tuple[str],
) -> None:
    which = (*arguments, one, "--device", "bed-1") if arguments == ("replay",) else arguments
    common = ("--server", "localhost:1", "--certs", certs, "--seconds", 1)
    assert exit_of(monkeypatch, *which, *common) == ExitCode.UNREACHABLE
    out, err = capfd.readouterr()
    trying, error = err.splitlines()
    assert out == ""
    assert trying.startswith("localhost:1: ")
    assert trying.endswith("trying again")
    assert error.startswith("rpm-service: localhost:1 cannot be reached: ")


@pytest.mark.spec("PLAY-12")
def test_a_recording_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], certs: Path, tmp_path: Path
) -> None:
    arguments = ("replay", tmp_path / "none.csv", "--certs", certs, "--device", "bed-1")
    assert exit_of(monkeypatch, *arguments) == ExitCode.INPUT
    assert capfd.readouterr().err.endswith("none.csv: no such file or directory\n")


@pytest.mark.spec("PLAY-12")
@pytest.mark.parametrize("arguments", [("replay",), ("simulate",)])
def test_certificates_that_are_not_there_come_with_the_command_to_make_them(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    one: Path,
    arguments: tuple[str],
) -> None:
    which = (*arguments, one, "--device", "bed-1") if arguments == ("replay",) else arguments
    assert exit_of(monkeypatch, *which, "--certs", tmp_path / "none") == ExitCode.CERTIFICATES
    (line,) = capfd.readouterr().err.splitlines()
    assert "rpm-service certs init" in line


@pytest.mark.spec("PLAY-13")
def test_a_fast_clock_is_for_tests_only(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], certs: Path, one: Path
) -> None:
    monkeypatch.delenv("RPM_TEST_MODE", raising=False)
    arguments = ("replay", one, "--certs", certs, "--device", "bed-1", "--rate", 2)
    assert exit_of(monkeypatch, *arguments) == ExitCode.USAGE
    assert "RPM_TEST_MODE" in capfd.readouterr().err


@pytest.mark.spec("PLAY-14")
def test_an_unknown_scenario_is_answered_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], certs: Path
) -> None:
    assert exit_of(monkeypatch, "simulate", "--scenario", "flatline") == ExitCode.USAGE
    assert "there are normal, desaturation, asystole" in capfd.readouterr().err


@pytest.mark.spec("PLAY-14")
async def test_a_simulated_ward_has_its_beds_and_is_the_same_again(
    server: FakeTelemetry, certs: Path
) -> None:
    said = []
    for _ in range(2):
        arguments = ("simulate", "--server", server.target, "--certs", certs, "--seconds", 1)
        async with command(*arguments, "--beds", 2, "--seed", 7, "--scenario", "flood") as process:
            beds = {}
            for _ in range(2):
                session = await server.session()
                (bed,) = await opened(session)
                beds[bed] = session
            frames = {
                bed: await session.acknowledge_until_goodbye() for bed, session in beds.items()
            }
            code, out, _ = await ended(process)
        assert (code, json.loads(out)) == (0, {"frames": 8, "acked": 8})
        said.append({bed: list(each[0].entries[0].values) for bed, each in frames.items()})
    assert sorted(said[0]) == ["bed-01", "bed-02"]
    assert said[0] == said[1]
