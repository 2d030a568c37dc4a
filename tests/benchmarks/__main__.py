"""`make bench`: each figure beside its baseline of the same run, as a table and as JSON."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.benchmarks import pages, what_if
from tests.benchmarks.bench import Bench, Size, percentile
from tests.support.process import ROOT


class Figure(NamedTuple):
    name: str
    ours: float
    baseline: float
    bound: str
    held: bool
    what: str


def ingest(bench: Bench) -> Iterator[Figure]:
    streams = {"streams": bench.size.streams, "fps": 25, "zero_every": 0}
    ours, bare = bench.cost("ingest", streams, lambda report: report["sent"])
    yield Figure(
        "ingest_cpu_us_per_frame", ours, bare, "≤ 2.0 x", ours <= 2.0 * bare,
        f"server CPU of one frame of 8 values: {bench.size.streams} streams, durable acks, 1 viewer",
    )  # fmt: skip


def gateways(bench: Bench) -> Iterator[Figure]:
    beds = bench.size.beds
    for streams, fps in bench.size.gateways:
        name, bound = ("_at_1_hz", None) if fps == 1 else ("", 20)
        shape = {"streams": streams, "fps": fps, "beds": beds, "zero_every": 0}
        ours, bare = bench.cost(f"gateway{name}", shape, lambda report: beds * report["sent"])
        yield Figure(
            f"gateway_cpu_us_per_bed_second{name}", ours, bare, f"≤ {bound}" if bound else "",
            bound is None or ours <= bound,
            f"server CPU of a bed and second: 8 values in a frame of {beds} beds, {streams} gateways at {fps} Hz, 1 viewer",
        )  # fmt: skip


def house(bench: Bench) -> Iterator[Figure]:
    size = bench.size
    receipts, memory = bench.full_house(is_ours=True)
    bare_receipts, bare_memory = bench.full_house(is_ours=False)
    latencies, bare_latencies = (
        [latency_ms for _, latency_ms in chain(*found.values())]
        for found in (receipts, bare_receipts)
    )
    bench.say(f"alarms: {len(latencies)} receipts of {len(latencies) // size.viewers} alarms")
    for percent, bound in ((50, None), (99, 250)):
        ours, bare = percentile(latencies, percent), percentile(bare_latencies, percent)
        yield Figure(
            f"alarm_latency_ms_p{percent}", ours, bare, f"≤ {bound}" if bound else "",
            bound is None or ours <= bound,
            f"device's write to viewer's receipt: {size.devices} devices at {size.fps} Hz, {size.viewers} viewers",
        )  # fmt: skip
    yield Figure(
        "server_rss_mib", memory, bare_memory, "≤ 200", memory <= 200,
        f"resident memory of the server with {size.devices} devices and {size.viewers} viewers",
    )  # fmt: skip


def flood(bench: Bench) -> Iterator[Figure]:
    ours, calm = bench.flood()
    yield Figure(
        "alarm_latency_in_flood_ms", ours, calm, "≤ 1.2 x", ours <= 1.2 * calm,
        "p99 as above, while one more bed raises and ends an alarm 50 times a second; while not",
    )  # fmt: skip


def fanout(bench: Bench) -> Iterator[Figure]:
    ours, bare, frame_bytes = bench.fanout()
    yield Figure(
        "fanout_deliveries_per_s", ours, bare, "≥ 0.7 x", ours >= 0.7 * bare,
        f"frames of {frame_bytes} bytes to {bench.size.viewers} viewers for each second of server CPU",
    )  # fmt: skip


def page(bench: Bench) -> Iterator[Figure]:
    ours, bare, frames = bench.pages()
    yield Figure(
        "page_cpu_ms_per_s", ours, bare, "", True,
        f"server CPU of one page: {bench.size.beds} beds, 2 waveforms at {pages.RATE_HZ} Hz, {frames:.0f} frames/s, {bench.size.pages} pages; bare: gRPC viewers of the same",
    )  # fmt: skip


def trial(bench: Bench) -> Iterator[Figure]:
    took = what_if.measure(bench.size.beds, bench.size.day_s)
    yield Figure(
        f"what_if_s_for_{took.beds}_bed_days", took.seconds, took.plain_s, "≤ 30", took.seconds <= 30,
        f"{took.values:,} stored values read, replayed as it was and as tried, on one core; bare: every instant played",
    )  # fmt: skip


BENCHES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    bench.__name__: bench for bench in (ingest, gateways, house, flood, fanout, page, trial)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benches", nargs="*", help=f"all, or some of {', '.join(BENCHES)}")
    parser.add_argument("--rounds", type=int, default=Size().rounds, help="the median counts")
    parser.add_argument("--seconds", type=float, default=Size().seconds, help="of load in a round")
    wanted = parser.parse_args()
    console = Console(width=max(100, Console().width))
    table = Table("figure", "ours", "bare", "ratio", "bound", "", "what it is", box=None)
    found = []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory), console, Size(wanted.rounds, wanted.seconds))
        for figure in chain(*(BENCHES[name](bench) for name in wanted.benches or BENCHES)):
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
