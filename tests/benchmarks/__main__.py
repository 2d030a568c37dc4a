"""`make bench`: each figure beside its baseline of the same run, as a table and as JSON.

Server and load share this machine's cores, so what is compared is the CPU time that the
kernel counts for the server's process alone; rounds of ours and of the baseline alternate.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

from rich.console import Console
from rich.table import Table

from rpm_service.adapters.pki.credentials import ensure_server
from tests.benchmarks import pages, what_if
from tests.benchmarks.bare import ACK_FRAMES
from tests.benchmarks.load import FLOOD
from tests.support.process import ROOT, Process, free_port, process, rpm_service

FLOOD_S = 2
Receipts: TypeAlias = dict[str, list[tuple[float, float]]]
"""By bed: when each alarm was written, and how many ms later a viewer had it."""
LISTENING = "devices and viewers"
SETTLE_S = 2


class Figure(NamedTuple):
    name: str
    ours: float
    baseline: float
    bound: str
    held: bool
    what: str


def load(target: str, certs: Path, name: str, **want) -> Process:
    want = {"target": target, "certs": str(certs), "name": name, "beds": 0, **want}
    return Process("-m", "tests.benchmarks.load", json.dumps(want))


def run_load(server: Process, devices: Process) -> float:
    """Lets devices stream; gives the server's CPU seconds over the time they did."""
    devices.wait_for("ready")
    # What is described and measured for the first time is judged, drawn and written by then.
    time.sleep(SETTLE_S)
    before = server.cpu_s()
    devices.say("go")
    devices.wait_for("sent")
    time.sleep(0.3)
    spent = server.cpu_s() - before
    devices.say("end")
    return spent


class Bench:
    def __init__(self, directory: Path, console: Console, rounds: int, seconds: float) -> None:
        self.certs = directory / "certs"
        ensure_server(self.certs)
        self._directory = directory
        self._console = console
        self._rounds = rounds
        self._seconds = seconds
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

    # -- (a) and (b): what a frame costs ------------------------------------------------

    def cost(self, what: str, want: dict, unit: Callable[[dict], float]) -> tuple[float, float]:
        """Median CPU of ours and of the baseline, in µs for each unit of the load."""
        ours, bare = [], []
        for number in range(self._rounds):
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
        want = {**want, "seconds": self._seconds, "ack_frames": ack_frames}
        devices = load(target, self.certs, "bench", **want)
        try:
            with self.viewers(target, 1):
                spent = run_load(server, devices)
            report = devices.report()
        finally:
            devices.stop()
        if is_ours and report["sent"] != report["acked"]:
            sys.exit(f"{report['sent']} frames sent and {report['acked']} acknowledged")
        return spent / unit(report) * 1e6

    # -- (c) and (e): alarms in a full house --------------------------------------------

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
                "streams": 200, "fps": 1, "zero_every": 10, "seconds": 20,
                "ack_frames": 1 if is_ours else ACK_FRAMES, **more,
            }  # fmt: skip
            devices = load(target, self.certs, "bench", **want)
            try:
                with self.viewers(target, 20) as viewers:
                    run_load(server, devices)
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

        It floods for some seconds and is still for as many, in turn: whatever else this machine
        does falls on both alike.
        """
        floods, calm = [], []
        for number in range(self._rounds):
            receipts, _ = self.full_house(is_ours=True, seconds=40, flood=FLOOD_S)
            began = min(written for written, _ in receipts.pop(FLOOD))
            for written, latency_ms in chain(*receipts.values()):
                is_calm = (written - began) // FLOOD_S % 2
                (calm if is_calm else floods).append(latency_ms)
            self.say(f"flood, round {number + 1}: {p99(floods):.1f} ms, calm {p99(calm):.1f} ms")
        return p99(floods), p99(calm)

    # -- (d): fan-out -------------------------------------------------------------------

    def fanout(self) -> tuple[float, float, int]:
        """Median deliveries for each second of the server's CPU, ours and bare; bytes of one."""
        ours, bare, frame_bytes = [], [], 0
        for number in range(self._rounds):
            for kind, found in (("ours", ours), ("bare", bare)):
                deliveries, frame_bytes = self._fanout(kind, frame_bytes)
                found.append(deliveries)
            self.say(f"fan-out, round {number + 1}: {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s")
        return statistics.median(ours), statistics.median(bare), frame_bytes

    def _fanout(self, kind: str, frame_bytes: int) -> tuple[float, int]:
        target, viewers, rounds = f"127.0.0.1:{free_port()}", 20, 1000
        want = {"viewers": viewers, "rounds": rounds, "frame_bytes": frame_bytes}
        arguments = (kind, str(self.certs), target, json.dumps(want))
        with process("-m", "tests.benchmarks.fanout", *arguments) as server:
            server.wait_for("serving")
            with self.viewers(target, viewers):
                spent = server.report()
                server.say("end")
        return viewers * rounds / spent["cpu_s"], spent["frame_bytes"]

    # -- (f): a page ---------------------------------------------------------------------

    def pages(self) -> tuple[float, float, float]:
        """Server CPU of a page and of a gRPC viewer, in ms a second; frames a second to a page."""
        found = pages.measure(self.certs, self._directory / "data-pages", 3 * self._seconds)
        self.say(f"pages: {found[0]:.1f} ms/s, over gRPC {found[1]:.1f} ms/s")
        return found


def p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100, method="inclusive")[98]


def figures(bench: Bench) -> Iterator[Figure]:
    streams = {"streams": 40, "fps": 25, "zero_every": 0}
    ours, bare = bench.cost("ingest", streams, lambda report: report["sent"])
    yield Figure(
        "ingest_cpu_us_per_frame", ours, bare, "≤ 2.0 x", ours <= 2.0 * bare,
        "server CPU of one frame of 8 values: 40 streams, durable acks, 1 viewer",
    )  # fmt: skip
    for name, gateway, bound, what in (
        ("", {"streams": 4, "fps": 25}, 20, "of 64 beds, 4 gateways at 25 frames/s"),
        ("_at_1_hz", {"streams": 16, "fps": 1}, None, "of 64 beds, 16 gateways at 1 Hz"),
    ):
        shape = {**gateway, "beds": 64, "zero_every": 0}
        ours, bare = bench.cost(f"gateway{name}", shape, lambda report: 64 * report["sent"])
        yield Figure(
            f"gateway_cpu_us_per_bed_second{name}", ours, bare, f"≤ {bound}" if bound else "",
            bound is None or ours <= bound, f"server CPU of a bed and second: 8 values in a frame {what}, 1 viewer",
        )  # fmt: skip
    receipts, memory = bench.full_house(is_ours=True)
    bare_receipts, bare_memory = bench.full_house(is_ours=False)
    latencies, bare_latencies = (
        [latency_ms for _, latency_ms in chain(*found.values())]
        for found in (receipts, bare_receipts)
    )
    bench.say(f"alarms: {len(latencies)} receipts of {len(latencies) // 20} alarms")
    for name, percentile, bound in (("p50", 50, None), ("p99", 99, 250)):
        ours, bare = (
            statistics.quantiles(found, n=100, method="inclusive")[percentile - 1]
            for found in (latencies, bare_latencies)
        )
        yield Figure(
            f"alarm_latency_ms_{name}", ours, bare, f"≤ {bound}" if bound else "",
            bound is None or ours <= bound,
            "device's write to viewer's receipt: 200 devices at 1 Hz, 20 viewers",
        )  # fmt: skip
    flood, calm = bench.flood()
    yield Figure(
        "alarm_latency_in_flood_ms", flood, calm, "≤ 1.2 x", flood <= 1.2 * calm,
        "p99 as above, while one more bed raises and ends an alarm 50 times a second; while not",
    )  # fmt: skip
    ours, bare, frame_bytes = bench.fanout()
    yield Figure(
        "fanout_deliveries_per_s", ours, bare, "≥ 0.7 x", ours >= 0.7 * bare,
        f"frames of {frame_bytes} bytes to 20 viewers for each second of server CPU",
    )  # fmt: skip
    yield Figure(
        "server_rss_mib", memory, bare_memory, "≤ 200", memory <= 200,
        "resident memory of the server with 200 devices and 20 viewers",
    )  # fmt: skip
    ours, bare, frames = bench.pages()
    yield Figure(
        "page_cpu_ms_per_s", ours, bare, "", True,
        f"server CPU of one page: {pages.BEDS} beds, 2 waveforms at {pages.RATE_HZ} Hz, {frames:.0f} frames/s, {pages.PAGES} pages; bare: gRPC viewers of the same",
    )  # fmt: skip
    took = what_if.measure()
    yield Figure(
        f"what_if_s_for_{took.beds}_bed_days", took.seconds, took.plain_s, "≤ 30", took.seconds <= 30,
        f"{took.values:,} stored values read, replayed as it was and as tried, on one core; bare: every instant played",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of ingest; the median counts")
    parser.add_argument("--seconds", type=float, default=8, help="of load in a round")
    wanted = parser.parse_args()
    console = Console(width=max(100, Console().width))
    table = Table("figure", "ours", "bare", "ratio", "bound", "", "what it is", box=None)
    found = []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), console, wanted.rounds, wanted.seconds)
        for figure in figures(bench):
            found.append(figure)
            table.add_row(
                figure.name, f"{figure.ours:.1f}", f"{figure.baseline:.1f}",
                f"{figure.ours / figure.baseline:.2f}", figure.bound,
                "" if figure.held else "[red]missed[/red]", figure.what,
            )  # fmt: skip
    console.print(table)
    _write(found)
    sys.exit(0 if all(figure.held for figure in found) else 1)


def _write(found: list[Figure]) -> None:
    report: dict[str, float] = {}
    for figure in found:
        report[figure.name] = round(figure.ours, 2)
        report[_baseline_of(figure.name)] = round(figure.baseline, 2)
        report[f"{figure.name}_ratio"] = round(figure.ours / figure.baseline, 3)
    path = ROOT / "build" / "bench.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


def _baseline_of(name: str) -> str:
    return f"bare_{name.removeprefix('ingest_')}"


if __name__ == "__main__":
    main()
