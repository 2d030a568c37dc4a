"""What several proofs measure: alarm latencies, memory, descriptors, and how fast a peer is served."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from tests.chaos.history import Record
from tests.chaos.ward import Ward

PATIENCE_S = 60.0


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def latencies(records: Sequence[Record], since: float, until: float) -> list[float]:
    """From each heart that stood still in a time until each viewer had the alarm; seconds.

    One that never came counts as if it took until the end of the history.
    """
    came: dict[tuple[str, str], list[float]] = defaultdict(list)
    viewers = {each["viewer"] for each in records if each["what"] == "snapshot"}
    for each in records:
        alarm = each["alarm"] if each["what"] == "event" else {"phase": ""}
        if alarm["phase"] == "start" and alarm["condition"] == "ASYSTOLE":
            came[each["viewer"], alarm["device_id"]].append(each["t"])
    end = max((each["t"] for each in records), default=until)
    found = []
    for each in records:
        if each["what"] == "began" and since <= each["t"] < until:
            for viewer in viewers:
                at = next((t for t in came[viewer, each["device"]] if t >= each["t"]), end)
                found.append(at - each["t"])
    return found


def rss_mib(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_s(pid: int) -> float:
    """Processor time of all threads of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    """Open descriptors of a process."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@asynccontextmanager
async def victim(ward: Ward) -> AsyncIterator[Callable[[], list[float]]]:
    """Calls the server all the time, as a good peer; gives how long each call took so far."""
    own = pki.ensure_client(ward.certs, Role.USER, "victim")
    credentials = grpc.ssl_channel_credentials(own.trust_pem, own.key_pem, own.chain_pem)
    taken: list[float] = []

    async def call() -> None:
        async with grpc.aio.secure_channel(ward.server.target, credentials) as channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            while True:
                began = time.monotonic()
                await check(b"", timeout=PATIENCE_S)
                taken.append(time.monotonic() - began)
                await asyncio.sleep(0.02)

    calling = asyncio.create_task(call())

    def so_far() -> list[float]:
        if calling.done():
            calling.result()
        found = taken.copy()
        taken.clear()
        return found

    yield so_far
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
