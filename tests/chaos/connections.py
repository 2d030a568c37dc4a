"""2,000 devices on one process, each with mutual TLS of its own, at 1 Hz.

    python -m tests.chaos.connections [--count COUNT] [--seconds SECONDS]

Devices, viewers and the server share the processors of one machine, and that is most of the
cost. Writes build/connections.json.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import time
from typing import Final

from rpm_service.adapters.pki.credentials import ensure_server
from tests.chaos.__main__ import BUILD, KEPT, table
from tests.chaos.abuse import gather, welcomed
from tests.chaos.measures import cpu_s, descriptors, latencies, percentile, rss_mib
from tests.chaos.proofs import Figure
from tests.chaos.ward import Ward

SETTLE_S: Final = 10.0
STILL_S: Final = 100.0
"""A heart stands still about so often, for one value: twenty alarms a second of 2,000."""


async def connections(ward: Ward, count: int, seconds: float) -> list[Figure]:
    """Connects them all at once, and measures while they go on."""
    await ward.server.start()
    pid = ward.server.pid
    await ward.viewers(count=2)
    crowd = await gather(ward, count=count, fps=1.0, still_s=STILL_S)
    ready_s = await welcomed(crowd)
    ward.say(f"connected within {ready_s:.1f} s")
    await asyncio.sleep(SETTLE_S)
    began, spent = time.time(), cpu_s(pid)
    await asyncio.sleep(seconds)
    share = (cpu_s(pid) - spent) / seconds
    found = latencies(ward.records(), began, time.time() - 3)
    rss, fds = rss_mib(pid), descriptors(pid)
    crowd.say("end")
    await crowd.wait()
    shared = f"with its clients on the same {len(os.sched_getaffinity(0))} cores"
    return [
        Figure("A1", f"{count} devices connect", ready_s, "s", 30, note=shared),
        Figure("G4", f"alarms among {count} devices at 1 Hz, p50 of {len(found)}", percentile(found, 0.5), "s", 0.1, note=shared),
        Figure("G4", f"alarms among {count} devices at 1 Hz, p99", percentile(found, 0.99), "s", 0.5, note=shared),
        Figure("A1", f"memory of the server with {count} devices", rss * 2**20 / 1e6, "MB", 400),
        Figure("A1", "descriptors beyond one for each device", max(0, fds - count), "", 50),
        Figure("A1", "of one core that the server takes", share * 100, "%", 100, note=shared),
    ]  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.connections", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    directory = KEPT / "connections"
    shutil.rmtree(directory, ignore_errors=True)
    ensure_server(KEPT / "certs")
    async with Ward(directory, KEPT / "certs", options.seed) as ward:
        found = await connections(ward, options.count, options.seconds)
    report = json.dumps([each.row() for each in found], indent=1)
    (BUILD / "connections.json").write_text(report + "\n")
    print(table(found))
    sys.exit(any(each.held is False for each in found))


if __name__ == "__main__":
    asyncio.run(main())
