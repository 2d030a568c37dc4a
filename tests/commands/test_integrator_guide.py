"""What the integrator guide shows is what runs."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.domain.signals import Presence
from tests.support.loopback import PATIENCE_S, LoopbackServer, hasten

GUIDE = (Path(__file__).parents[2] / "docs" / "integrator-guide.md").read_text()


@pytest.mark.spec("LIVE-13")
async def test_the_example_admits_acknowledges_and_discharges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasten(monkeypatch)
    pki.ensure_server(tmp_path)
    pki.ensure_client(tmp_path, Role.USER, "nurse-7")
    async with LoopbackServer(tmp_path) as server, server.streaming("bed-01") as device:
        program, *_ = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
        for shown, here in (("certs/dev", str(tmp_path)), ("localhost:50051", server.target)):
            assert shown in program
            program = program.replace(shown, here)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", program, stdout=PIPE, stderr=PIPE
        )
        bedside = server.bedside("bed-01")
        await server.until(lambda: bedside.patient_id == "4711")
        assert (bedside.bed, bedside.unit) == ("bed 12", "ICU")
        await device.observe(device.entry(0.0, 97.0))
        server.clock.advance(5.0)
        await device.observe(device.entry(0.0, 97.0))
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
        assert (process.returncode, out, err) == (
            0, b"bed 12: ASYSTOLE, HR at 0\n", b"",
        )  # fmt: skip
        said = [(event.phase.name, event.alarm.presence) for event in server.events]
        assert ("ACKNOWLEDGE", Presence.ACKNOWLEDGED) in said
        assert bedside.patient_id == ""
        assert bedside.bed == "bed 12"
