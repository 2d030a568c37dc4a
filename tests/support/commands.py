"""Commands as they are typed: processes of their own, where libraries could write lines too."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from tests.support.loopback import PATIENCE_S


async def run(*arguments: object) -> tuple[int | None, str, str]:
    """Runs `rpm-service ARGUMENTS`; gives its exit code and what it wrote to either stream."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rpm_service", *map(str, arguments), stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
