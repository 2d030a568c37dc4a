"""Processes of our own, for system tests and benchmarks: what they say, and what they cost."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")


PORT_MIN, PORT_MAX = 20_000, 31_999
"""Below those that the kernel takes by itself for a connection, or for a listener at port 0."""
_ports = count(random.randrange(PORT_MAX - PORT_MIN))


def free_port() -> int:
    """A port that stays free until the test listens there, and again after it no longer does."""
    while True:
        port = PORT_MIN + next(_ports) % (PORT_MAX - PORT_MIN)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Process:
    """Runs `python ARGUMENTS` at the project's root."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._is_told = False
        self._popen = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **environment},
        )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def lines(self):
        """Every line from here on, until the process ends."""
        for line in self._popen.stdout:
            yield line.rstrip("\n")

    def wait_for(self, start: str) -> str:
        for line in self.lines():
            if line.startswith(start):
                return line
        raise RuntimeError(f"ended with {self._popen.wait()} before it said {start!r}")

    def report(self) -> dict:
        """The report that a process prints as one line."""
        return json.loads(self.wait_for("{"))

    def say(self, word: str) -> None:
        self._popen.stdin.write(word + "\n")
        self._popen.stdin.flush()

    def cpu_s(self) -> float:
        """CPU time of all its threads, as the kernel counts it."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mib(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def end(self, number: int = signal.SIGTERM) -> None:
        self._is_told = True
        self._popen.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        return self._popen.wait(seconds)

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def stop(self) -> None:
        """Has it end, and waits until it has."""
        if not self._is_told:
            # A second signal would end a server at once, in the midst of its last commit.
            self._popen.terminate()
        try:
            self._popen.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        finally:
            self._popen.stdin.close()
            self._popen.stdout.close()


@contextmanager
def process(*arguments: str, **environment: str):
    started = Process(*arguments, **environment)
    try:
        yield started
    finally:
        started.stop()


@contextmanager
def rpm_service(*arguments: object, **environment: str):
    """Runs a command of ours."""
    with process("-m", "rpm_service", *map(str, arguments), **environment) as started:
        yield started
