"""A server that is told to stop, as a process: what it waits for, and for how long."""

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from rpm_service.adapters.pki.credentials import ensure_client
from rpm_service.app import Server, Settings
from rpm_service.application.effects import Act
from rpm_service.application.identity import Role
from rpm_service.commands.errors import ExitCode
from rpm_service.sdk import BlockingTelemetryClient, Credentials, Monitor, Numeric
from tests.support.memory_recorder import MemoryRecorder
from tests.support.process import ROOT, free_port

STOP_S_MAX = 10.0
HEART_RATE = Numeric(147842, 264864)


@contextmanager
def serving(data: Path, certs: Path, *more: str) -> Iterator[tuple[subprocess.Popen, str]]:
    target = f"127.0.0.1:{free_port()}"
    command = (sys.executable, "-m", "rpm_service", "serve", "--listen", target, *more)
    with subprocess.Popen(
        [*command, "--data", str(data), "--certs", str(certs)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as server:  # fmt: skip
        try:
            for line in server.stdout:
                if line.startswith("devices and viewers"):
                    break
            yield server, target
        finally:
            server.kill()


@contextmanager
def device(target: str, certs: Path) -> Iterator[BlockingTelemetryClient]:
    own = ensure_client(certs, Role.DEVICE, "bed-1")
    credentials = Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)
    monitor = Monitor("bed-1", (HEART_RATE,))
    with BlockingTelemetryClient(target, credentials, [monitor]) as client:
        client.connected(10)
        yield client


@pytest.mark.system
@pytest.mark.spec("FAULT-4")
def test_a_server_whose_disk_is_quick_ends_with_nothing_unsaid(tmp_path: Path, certs: Path) -> None:
    with serving(tmp_path, certs) as (server, target), device(target, certs) as client:
        client.observe([0.0])
        client.drained(10)
        server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert server.wait(STOP_S_MAX) == ExitCode.OK
        assert time.monotonic() - began < STOP_S_MAX
    with closing(sqlite3.connect(tmp_path / "rpm.sqlite3")) as database:
        found = database.execute("SELECT condition FROM journal").fetchall()
    assert ("ASYSTOLE",) in found


@pytest.mark.system
@pytest.mark.spec("FAULT-6")
def test_a_second_signal_ends_it_at_once(tmp_path: Path, certs: Path) -> None:
    with (
        serving(tmp_path, certs) as (server, target),
        closing(sqlite3.connect(tmp_path / "rpm.sqlite3")) as another,
    ):
        another.execute("BEGIN EXCLUSIVE")
        with device(target, certs) as client:
            client.observe([72.0])
            server.send_signal(signal.SIGINT)
            assert server.stdout.readline() == "draining\n"
            server.send_signal(signal.SIGTERM)
            assert server.wait(2) == -signal.SIGTERM


@pytest.mark.spec("FAULT-5")
async def test_the_last_thing_that_a_stop_does_is_to_put_on_disk_what_came_meanwhile(
    tmp_path: Path, certs: Path
) -> None:
    recorder = MemoryRecorder()
    server = Server(Settings(tmp_path, certs, "127.0.0.1:0"), recorder=recorder)
    await server.start()
    act, stop = Act(0.0, "nurse", "pause_audio", "B1"), server._grpc.stop

    async def stop_late() -> None:
        server.monitoring.ward.batch.acts.append(act)
        await stop()

    server._grpc.stop = stop_late
    await server.stop()
    assert [each for batch in recorder.batches for each in batch.acts][-1] == act
