"""A machine that loses power: what the medium would hold, at any instant of a program's life.

`traced` runs a program under strace and gives its writes, syncs and what it printed, in order.
A `Medium` gives the files as they would be found: what was synced is there, and of what was
not, each sector was lost or kept, as a seed decides. Directories are taken for durable.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal

from tests.support.process import ROOT

SECTOR: Final = 512
Left = Literal["nothing", "everything", "some"]
"""What of the writes that were not synced has reached the medium."""

_CALL = re.compile(
    r"(?P<call>pwrite64|ftruncate|fdatasync|fsync|write)"
    r"\((?P<fd>\d+)<(?P<path>[^>]*)>(?P<rest>.*)"
)
_WRITTEN = re.compile(r', "(?P<data>[^"]*)"(?:\.\.\.)?, \d+(?:, (?P<offset>\d+))?')
_SUCCEEDED = re.compile(r"= 0$")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the program did. `said`: a line that it printed."""

    what: Literal["write", "truncate", "sync", "said"]
    file: str
    offset: int = 0
    data: bytes = b""


def traced(directory: Path, log: Path, *arguments: str) -> list[Step]:
    """Runs `python ARGUMENTS`; gives what it did to the files of a directory, and what it said."""
    calls = "trace=pwrite64,write,ftruncate,fdatasync,fsync"
    strace = ("strace", "-f", "-q", "-y", "-xx", "-s", "16777216", "--seccomp-bpf", "-e", calls)
    subprocess.run(
        [*strace, "-o", str(log), sys.executable, *arguments],
        check=True, cwd=ROOT, stdout=subprocess.PIPE, timeout=120,
    )  # fmt: skip
    within = f"{directory}/"
    return [each for each in _steps(log) if each.what == "said" or each.file.startswith(within)]


def _steps(log: Path) -> Iterator[Step]:
    begun: dict[str, re.Match[str]] = {}
    for line in log.read_text(encoding="ascii").splitlines():
        pid, _, rest = line.partition(" ")
        call = _CALL.match(rest.strip())
        if call is not None:
            if call["rest"].endswith("<unfinished ...>"):
                begun[pid] = call
            elif call["call"].endswith("sync") and _SUCCEEDED.search(rest):
                yield Step("sync", _text(call["path"]))
            # What is written counts from its beginning on, and what is synced from its end on.
            yield from _written(call)
        elif "resumed>" in rest and pid in begun:
            call = begun.pop(pid)
            if call["call"].endswith("sync") and _SUCCEEDED.search(rest):
                yield Step("sync", _text(call["path"]))


def _written(call: re.Match[str]) -> Iterator[Step]:
    path = _text(call["path"])
    match call["call"]:
        case "write" if call["fd"] == "1":
            written = _WRITTEN.match(call["rest"])
            assert written is not None
            for line in _bytes(written["data"]).splitlines():
                yield Step("said", "", data=line)
        case "pwrite64":
            written = _WRITTEN.match(call["rest"])
            assert written is not None, call["rest"][:80]
            yield Step("write", path, int(written["offset"]), _bytes(written["data"]))
        case "ftruncate":
            yield Step("truncate", path, int(call["rest"].strip(", ").partition(")")[0]))


def _bytes(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(path: str) -> str:
    return _bytes(path).decode() if path.startswith("\\x") else path


class Medium:
    """Files as they are on the medium, and what of them still waits to be written there."""

    def __init__(self, before: Mapping[str, bytes]) -> None:
        self._files = {path: bytearray(data) for path, data in before.items()}
        self._waiting: dict[str, list[Step]] = {}

    def take(self, step: Step) -> None:
        """The program goes one step further."""
        if step.what == "sync":
            file = self._files.setdefault(step.file, bytearray())
            for each in self._waiting.pop(step.file, ()):
                _apply(file, each)
        elif step.what != "said":
            self._waiting.setdefault(step.file, []).append(step)

    def image(self, left: Left, rng: Random) -> dict[str, bytes]:
        """The files as they are found where power is lost now."""
        found = {path: bytes(data) for path, data in self._files.items()}
        for path, waiting in self._waiting.items():
            file = bytearray(found.get(path, b""))
            for step in waiting if left != "nothing" else ():
                for part in (step,) if left == "everything" else _sectors(step, rng):
                    _apply(file, part)
            found[path] = bytes(file)
        return found


def _apply(file: bytearray, step: Step) -> None:
    if step.what == "truncate":
        del file[step.offset :]
        file.extend(bytes(step.offset - len(file)))
        return
    file.extend(bytes(max(0, step.offset - len(file))))
    file[step.offset : step.offset + len(step.data)] = step.data


def _sectors(step: Step, rng: Random) -> Iterator[Step]:
    if step.what == "truncate":
        if rng.random() < 0.5:
            yield step
        return
    fate = rng.random()
    for begin in range(0, len(step.data), SECTOR):
        # Writes are often lost or kept whole, and sometimes torn.
        if rng.random() < (0.0 if fate < 0.35 else 1.0 if fate < 0.7 else 0.5):
            data = step.data[begin : begin + SECTOR]
            yield Step("write", step.file, step.offset + begin, data)
