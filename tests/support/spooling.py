"""A device with a spool on disk that observes five values and waits to be killed."""

import asyncio
import sys
from pathlib import Path

from rpm_service.sdk import Credentials, DiskSpool, Monitor, Numeric, TelemetryClient

MONITOR_NUMERICS = (Numeric(150456, 262688), Numeric(149530, 264864))


async def main(target: str, certs: str, name: str, path: str) -> None:
    credentials = Credentials.from_directory(Path(certs), name)
    monitor = Monitor(name, numerics=MONITOR_NUMERICS)
    spool = DiskSpool(Path(path))
    async with TelemetryClient(target, credentials, [monitor], spool=spool) as client:
        for value in range(1, 6):
            client.observe([float(value), 60.0])
        print("observed", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
