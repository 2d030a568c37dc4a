"""A device with a spool on disk, as a process of its own: `fill` it and be killed, or go on `live`.

fill N    connects, says `connected`, and when told so keeps N values of the last minutes,
          says `observed`, and waits to be killed
live      measures five times a second; says when it was connected and when all was on disk
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from rpm_service.sdk import Credentials, DiskSpool, Monitor, Numeric, TelemetryClient

NUMERICS = (Numeric(147842, 264864), Numeric(150456, 262688))
EVERY_S = 0.1
"""How far apart the values are that were kept."""
FEW = 50
"""Frames that wait for their acknowledgement at any time."""
PAST, LIVE = (72.0, 96.0), (73.0, 97.0)


async def main(target: str, certs: str, name: str, path: str, what: str, count: str) -> None:
    credentials = Credentials.from_directory(Path(certs), name)
    connected = asyncio.Event()
    async with TelemetryClient(
        target, credentials, [Monitor(name, NUMERICS)], spool=DiskSpool(Path(path)),
        on_connected=connected.set,
    ) as client:  # fmt: skip
        if what == "fill":
            client.observe(PAST)
            await client.drained()
            print("connected", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            begun = time.time() - int(count) * EVERY_S
            for number in range(int(count)):
                client.observe(PAST, observed_at=begun + number * EVERY_S)
            print("observed", flush=True)
            await asyncio.Event().wait()
        measuring = asyncio.create_task(_measure(client))
        await connected.wait()
        connected_at, waiting = time.time(), client.pending
        # On the way back nothing tells that few are left.
        while client.pending > FEW:
            await asyncio.wait((measuring,), timeout=0.05)
        measuring.cancel()
        await client.drained()
        drained_at = time.time()
        print(json.dumps([connected_at, drained_at, waiting, client.counters.frames_backfilled]))


async def _measure(client: TelemetryClient) -> None:
    while True:
        client.observe(LIVE)
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
