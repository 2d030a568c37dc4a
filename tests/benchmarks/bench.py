"""What is run to measure: our server or the baseline, and load and viewers beside it.

Server and load share this machine's cores, so what is compared is the CPU time that the
kernel counts for the server's process alone; rounds of ours and of the baseline alternate.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rich.console import Console

from rpm_service.adapters.pki.credentials import ensure_server
from tests.benchmarks import pages
from tests.benchmarks.bare import ACK_FRAMES
from tests.benchmarks.load import FLOOD
from tests.support.process import Process, free_port, process, rpm_service

Receipts: TypeAlias = dict[str, list[tuple[float, float]]]
"""By bed: when each alarm was written, and how many ms later a viewer had it."""
LISTENING = "devices and viewers"


class Size(NamedTuple):
    """How much is measured: as much as figures need that are worth comparing, or less."""

    rounds: int = 3
    """Of ours and of the baseline; the median counts."""
    seconds: float = 8
    """Of load in a round."""
    settle_s: float = 2
    """Before it: what is described and measured for the first time is judged, drawn and written
    by then."""
    streams: int = 40
    gateways: Sequence[tuple[int, float]] = ((4, 25), (16, 1))
    """So many, and the frames of each in a second; each is measured alone."""
    devices: int = 200
    """Of a full house, with the frames of each in a second, of which every tenth is an alarm."""
    fps: float = 1
    house_s: float = 20
    flood_s: float = 2
    """One bed floods for so long and is still for as long, in turn."""
    viewers: int = 20
    deliveries: int = 1000
    """Frames to each viewer in a round of fan-out."""
    beds: int = 64
    """Behind each gateway, on a page, and of a what-if, which is of a day of each."""
    pages: int = 10
    page_s: float = 24
    day_s: int = 86_400


def load(target: str, certs: Path, name: str, **want) -> Process:
    want = {"target": target, "certs": str(certs), "name": name, "beds": 0, **want}
    return Process("-m", "tests.benchmarks.load", json.dumps(want))


def run_load(server: Process, devices: Process, settle_s: float) -> float:
    """Lets devices stream; gives the server's CPU seconds over the time they did."""
    devices.wait_for("ready")
    time.sleep(settle_s)
    before = server.cpu_s()
    devices.say("go")
    devices.wait_for("sent")
    time.sleep(0.3)
    spent = server.cpu_s() - before
    devices.say("end")
    return spent


class Bench:
    def __init__(self, directory: Path, console: Console, size: Size) -> None:
        self.size = size
        self.certs = directory / "certs"
        ensure_server(self.certs)
        self._directory = directory
        self._console = console
        self._servers = 0

    # -- servers ------------------------------------------------------------------------

    @contextmanager
    def ours(self) -> Iterator[tuple[Process, str]]:
        """The whole pipeline, on disk."""
        self._servers += 1
        data, target = self._directory / f"data-{self._servers}", f"127.0.0.1:{free_port()}"
        arguments = ("--data", data, "--certs", self.certs, "--listen", target)
        with rpm_service("serve", *arguments) as server:
            server.wait_for(LISTENING)
            yield server, target

    @contextmanager
    def bare(self) -> Iterator[tuple[Process, str]]:
        target = f"127.0.0.1:{free_port()}"
        with process("-m", "tests.benchmarks.bare", str(self.certs), target) as server:
            server.wait_for("serving")
            yield server, target

    def say(self, line: str) -> None:
        self._console.print(f"[dim]{line}[/dim]")

    # -- what a frame costs --------------------------------------------------------------

    def cost(self, what: str, want: dict, unit: Callable[[dict], float]) -> tuple[float, float]:
        """Median CPU of ours and of the baseline, in µs for each unit of the load."""
        ours, bare = [], []
        for number in range(self.size.rounds):
            for is_ours, found in ((False, bare), (True, ours)):
                with (self.ours if is_ours else self.bare)() as (server, target):
                    found.append(self._cost(server, target, want, unit, is_ours=is_ours))
            self.say(f"{what}, round {number + 1}: {ours[-1]:.1f} µs, bare {bare[-1]:.1f} µs")
        return statistics.median(ours), statistics.median(bare)

    def _cost(
        self, server: Process, target: str, want: dict, unit: Callable[[dict], float],
        *, is_ours: bool,
    ) -> float:  # fmt: skip
        ack_frames = 1 if is_ours else ACK_FRAMES
        want = {**want, "seconds": self.size.seconds, "ack_frames": ack_frames}
        devices = load(target, self.certs, "bench", **want)
        try:
            with self.viewers(target, 1):
                spent = run_load(server, devices, self.size.settle_s)
            report = devices.report()
        finally:
            devices.stop()
        if is_ours and report["sent"] != report["acked"]:
            sys.exit(f"{report['sent']} frames sent and {report['acked']} acknowledged")
        return spent / unit(report) * 1e6

    # -- alarms in a full house ----------------------------------------------------------

    @contextmanager
    def viewers(self, target: str, count: int) -> Iterator[Process]:
        arguments = (target, str(self.certs), "viewer", str(count))
        with process("-m", "tests.benchmarks.viewers", *arguments) as viewers:
            viewers.wait_for("ready")
            yield viewers

    def full_house(self, *, is_ours: bool, **more) -> tuple[Receipts, float]:
        """Receipts of alarms by bed, and RSS in MiB."""
        with (self.ours if is_ours else self.bare)() as (server, target):
            want = {
                "streams": self.size.devices, "fps": self.size.fps, "zero_every": 10,
                "seconds": self.size.house_s, "ack_frames": 1 if is_ours else ACK_FRAMES, **more,
            }  # fmt: skip
            devices = load(target, self.certs, "bench", **want)
            try:
                with self.viewers(target, self.size.viewers) as viewers:
                    run_load(server, devices, self.size.settle_s)
                    memory = server.rss_mib()
                    zeros = devices.report()["zeros"]
                    viewers.end()
                    seen = viewers.report()["alarms"]
            finally:
                devices.stop()
        receipts: Receipts = {}
        for alarms in seen:
            came: dict[str, list[float]] = {}
            for bed, at in alarms:
                came.setdefault(bed, []).append(at)
            for bed, written in zeros.items():
                if len(came.get(bed, ())) != len(written):
                    sys.exit(f"{bed}: {len(written)} alarms, seen {len(came.get(bed, ()))}")
                receipts.setdefault(bed, []).extend(
                    (begun, 1000 * (at - begun))
                    for begun, at in zip(written, came[bed], strict=True)
                )
        return receipts, memory

    def flood(self) -> tuple[float, float]:
        """The p99 of the other beds' alarms in ms, while one bed floods and while it does not.

        It floods and is still in turn: whatever else this machine does falls on both alike.
        """
        seconds, flood_s = 2 * self.size.house_s, self.size.flood_s
        floods, calm = [], []
        for number in range(self.size.rounds):
            receipts, _ = self.full_house(is_ours=True, seconds=seconds, flood=flood_s)
            began = min(written for written, _ in receipts.pop(FLOOD))
            for written, latency_ms in chain(*receipts.values()):
                is_calm = (written - began) // flood_s % 2
                (calm if is_calm else floods).append(latency_ms)
            ours, bare = percentile(floods, 99), percentile(calm, 99)
            self.say(f"flood, round {number + 1}: {ours:.1f} ms, calm {bare:.1f} ms")
        return percentile(floods, 99), percentile(calm, 99)

    # -- fan-out -------------------------------------------------------------------------

    def fanout(self) -> tuple[float, float, int]:
        """Median deliveries for each second of the server's CPU, ours and bare; bytes of one."""
        ours, bare, frame_bytes = [], [], 0
        for number in range(self.size.rounds):
            for kind, found in (("ours", ours), ("bare", bare)):
                deliveries, frame_bytes = self._fanout(kind, frame_bytes)
                found.append(deliveries)
            self.say(f"fan-out, round {number + 1}: {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s")
        return statistics.median(ours), statistics.median(bare), frame_bytes

    def _fanout(self, kind: str, frame_bytes: int) -> tuple[float, int]:
        target = f"127.0.0.1:{free_port()}"
        viewers, rounds = self.size.viewers, self.size.deliveries
        want = {"viewers": viewers, "rounds": rounds, "frame_bytes": frame_bytes}
        arguments = (kind, str(self.certs), target, json.dumps(want))
        with process("-m", "tests.benchmarks.fanout", *arguments) as server:
            server.wait_for("serving")
            with self.viewers(target, viewers):
                spent = server.report()
                server.say("end")
        return viewers * rounds / spent["cpu_s"], spent["frame_bytes"]

    # -- a page --------------------------------------------------------------------------

    def pages(self) -> tuple[float, float, float]:
        """Server CPU of a page and of a gRPC viewer, in ms a second; frames a second to a page."""
        size = self.size
        found = pages.measure(
            self.certs, self._directory / "data-pages", size.page_s,
            beds=size.beds, count=size.pages, settle_s=2 * size.settle_s,
        )  # fmt: skip
        self.say(f"pages: {found[0]:.1f} ms/s, over gRPC {found[1]:.1f} ms/s")
        return found


def percentile(latencies: list[float], percent: int) -> float:
    return statistics.quantiles(latencies, n=100, method="inclusive")[percent - 1]
