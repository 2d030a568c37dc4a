"""`make chaos` that is told to end leaves no process and no mount behind."""

import signal
from pathlib import Path

import pytest

from tests.support.process import ROOT, Process

PROOF = """
import asyncio, sys
from pathlib import Path
from tests.chaos import ending
from tests.chaos.disks import small_disk
from tests.chaos.ward import Ward

async def main():
    async with Ward(Path(sys.argv[1]), Path(sys.argv[2]), seed=1) as ward:
        with small_disk(ward.server.data):
            await ward.server.start()
            devices = await ward.devices(count=1, fps=1.0)
            devices.send(int(sys.argv[3]))
            print("under way", ward.server.pid, devices.pid, flush=True)
            await asyncio.sleep(600)

sys.exit(ending.run(main()))
"""
ENDED_S = 10.0


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_it_began_is_gone(certs: Path, tmp_path: Path, number: int) -> None:
    place = tmp_path / "ward"
    # Devices that are frozen would not hear of it.
    arguments = ("-c", PROOF, str(place), str(certs), str(int(signal.SIGSTOP)))
    proof = Process(*arguments, PYTHONPATH=str(ROOT))
    try:
        pids = proof.wait_for("under way").split()[2:]
        proof.end(number)
        proof.end(number)
        assert proof.wait(ENDED_S) == 128 + number
        assert [pid for pid in pids if Path("/proc", pid).exists()] == []
        assert not (place / "data").is_mount()
    finally:
        proof.stop()
