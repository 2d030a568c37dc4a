"""A server whose event loop is blocked: `python -m tests.system.blocked_server DATA CERTS LIMIT`.

It begins to be when a line comes on standard input, and is for as many seconds as that says;
LIMIT is how long its watchdog bears it, in seconds.
"""

import asyncio
import sys
import time
from pathlib import Path

from rpm_service.app import Settings
from rpm_service.commands import watchdog
from rpm_service.commands.serve import run


async def main() -> None:
    data, certs = map(Path, sys.argv[1:3])
    watchdog.BLOCKED_S_MAX = float(sys.argv[3])
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin, lambda: time.sleep(float(sys.stdin.readline())))
    await run(Settings(data, certs, "127.0.0.1:0"))


if __name__ == "__main__":
    asyncio.run(main())
