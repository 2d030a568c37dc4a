"""A call that is on disk is made, whatever becomes of the server meanwhile."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rpm_service.adapters.storage.delivery import waiting_notices
from rpm_service.adapters.storage.engine import open_reading
from tests.adapters.webhook.receiver import receiving
from tests.support.process import Process, free_port, rpm_service

PATIENCE_S = 30.0
UNITS = """
[other]
escalation = [{{ after_s = 1 }}]

[other.webhook]
url = "https://localhost:{port}/calls"
secret_file = "{directory}/secret"
ca_file = "{certs}/server-trust.crt"
"""


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "bed_Numerics.csv"
    rows = (f"{second}, 0, 97" for second in range(60))
    path.write_text("\n".join(("Time [s], HR, SpO2", *rows)) + "\n")
    return path


def waiting(data: Path) -> set[str]:
    engine = open_reading(data)
    try:
        with engine.begin() as connection:
            return {notice.notice_id for notice in waiting_notices(connection)}
    finally:
        engine.dispose()


async def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


async def ready(server: Process) -> None:
    await asyncio.to_thread(server.wait_for, "devices and viewers")


@pytest.mark.system
@pytest.mark.spec("HOOK-1")
@pytest.mark.promise("G1")
@pytest.mark.promise("G9")
async def test_a_server_killed_between_the_disk_and_the_call_makes_it_when_it_is_back(
    certs: Path, recording: Path, tmp_path: Path
) -> None:
    port, target, data = free_port(), f"127.0.0.1:{free_port()}", tmp_path / "data"
    units, secret = tmp_path / "units.toml", tmp_path / "secret"
    units.write_text(UNITS.format(port=port, directory=tmp_path, certs=certs))
    secret.write_text("a secret of 32 characters or more\n")
    secret.chmod(0o600)
    serve = ("serve", "--data", data, "--certs", certs, "--listen", target, "--units", units)
    replay = ("replay", recording, "--server", target, "--certs", certs, "--device", "bed-1")

    # Nobody looks, and nobody is there to be called.
    with rpm_service(*serve) as server:
        await ready(server)
        with rpm_service(*replay) as device:
            await until(lambda: bool(waiting(data)))
            server.kill()
            device.kill()
    on_disk = waiting(data)

    async with receiving(certs, port=port) as receiver:
        with rpm_service(*serve) as server:
            await ready(server)
            await until(lambda: on_disk <= set(receiver.ids))
            await until(lambda: not on_disk & waiting(data))
        assert all(call.notice["bed"] == "bed-1" for call in receiver.calls)

        # What is marked as sent is not sent by the next start.
        receiver.calls.clear()
        with rpm_service(*serve) as server:
            await ready(server)
            await asyncio.sleep(2)
        assert not on_disk & set(receiver.ids)
