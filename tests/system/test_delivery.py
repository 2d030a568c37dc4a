"""Delivery and coverage in real time, between processes of their own."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import aclosing
from random import Random

import pytest

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.sdk import AlarmPriority, Coverage, Credentials, Monitor, Numeric, TelemetryClient
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import Replies, frames
from tests.support.process import ROOT, free_port, rpm_service

OXIMETER = Monitor("oximeter-1", numerics=(Numeric(code=150456, unit=262688),))


def credentials(certs, role: Role, who: str) -> Credentials:
    own = pki.ensure_client(certs, role, who)
    return Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)


def journal(data) -> dict[tuple[str, str], float]:
    """When the server learnt of each condition and phase."""
    command = [sys.executable, "-m", "rpm_service", "alarms", "--data", str(data), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return {(each["condition"], each["phase"]): each["received_at"] for each in events}


@pytest.mark.system
@pytest.mark.spec("DELIVERY-3")
@pytest.mark.spec("DELIVERY-16")
@pytest.mark.promise("G9")
async def test_nobody_confirms_and_everybody_leaves(certs, tmp_path):
    target, data = f"127.0.0.1:{free_port()}", tmp_path / "data"
    told: list[tuple[bool, float]] = []

    def on_coverage(coverage: Coverage) -> None:
        told.append((coverage.covered, time.time()))

    with rpm_service("serve", "--data", data, "--certs", certs, "--listen", target) as server:
        server.wait_for("devices and viewers")
        device = credentials(certs, Role.DEVICE, "oximeter-1")
        async with TelemetryClient(target, device, [OXIMETER], on_coverage=on_coverage) as client:
            measuring = asyncio.create_task(measure(client))
            viewer = credentials(certs, Role.USER, "nurse-7")
            # One that is heard and seen, and that never confirms.
            feed = frames(target, viewer, m.Subscribe(), Random(1), Replies(armed=True))
            async with aclosing(feed):
                await anext(feed)
                client.raise_alarm("ASYSTOLE", AlarmPriority.HIGH)
                async for frame in feed:
                    events = frame.delta.alarms if isinstance(frame, m.WatchResponse) else ()
                    if any(event.condition == "NOT_DELIVERED" for event in events):
                        break
            left = time.time()
            await asyncio.sleep(2)
            measuring.cancel()
        raised = journal(data)
    waited = raised["NOT_DELIVERED", "start"] - raised["DEVICE_ASYSTOLE", "start"]
    assert 10 <= waited <= 12
    (covered, _), (gone, gone_at) = told[-2:]
    assert (covered, gone) == (True, False)
    assert gone_at - left <= 2
    assert raised["BED_NOT_COVERED", "start"] - left <= 2


async def measure(client: TelemetryClient) -> None:
    while True:
        client.observe([97.0])
        await asyncio.sleep(0.5)
