"""Processes of a benchmark, and what they cost: CPU and memory as the kernel counts them."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    def __init__(self, *arguments: str, **environment: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )

    def wait_for(self, start: str) -> str:
        for line in self._popen.stdout:
            if line.startswith(start):
                return line.strip()
        raise RuntimeError(f"ended with {self._popen.wait()} before it said {start!r}")

    def report(self) -> dict:
        """The report that a process prints as one line."""
        return json.loads(self.wait_for("{"))

    def say(self, word: str) -> None:
        self._popen.stdin.write(word + "\n")
        self._popen.stdin.flush()

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._popen.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mib(self) -> float:
        status = Path(f"/proc/{self._popen.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    @property
    def pid(self) -> int:
        return self._popen.pid

    def end(self) -> None:
        """Asks for the report."""
        self._popen.terminate()

    def stop(self) -> None:
        self._popen.terminate()
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


@contextmanager
def process(*arguments: str, **environment: str):
    started = Process(*arguments, **environment)
    try:
        yield started
    finally:
        started.stop()


def load(target: str, certs: Path, name: str, **want) -> Process:
    want = {"target": target, "certs": str(certs), "name": name, "beds": 0, **want}
    return Process("-m", "tests.benchmarks.load", json.dumps(want))


def run_load(server: Process, devices: Process) -> float:
    """Lets devices stream; gives the server's CPU seconds over the time they did."""
    devices.wait_for("ready")
    time.sleep(0.5)
    before = server.cpu_s()
    devices.say("go")
    devices.wait_for("sent")
    time.sleep(0.3)
    spent = server.cpu_s() - before
    devices.say("end")
    return spent
