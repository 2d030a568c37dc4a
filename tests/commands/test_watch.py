"""`rpm-service watch --json` against a server in this process."""

import asyncio
import io
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, redirect_stdout, suppress
from math import nan
from pathlib import Path
from random import Random
from typing import Any

import pytest

from rpm_service.adapters import pki
from rpm_service.application.identity import Role
from rpm_service.application.monitoring import Feed
from rpm_service.application.units import Unit, Units
from rpm_service.commands import watch
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.sdk.credentials import Credentials
from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m
from rpm_service.viewer.feed import Replies, frames
from tests.support.loopback import PATIENCE_S, Device, LoopbackServer, hasten

BY_TYPE = {
    "snapshot": {"type", "revision", "server_clock", "beds", "alarms"},
    "numerics": {
        "type",
        "bed",
        "device_id",
        "unit",
        "connection",
        "values",
        "observed_at",
        "pending",
        "covered",
        "inactivations",
    },
    "alarm": {
        "type",
        "bed",
        "device_id",
        "metric",
        "condition",
        "kind",
        "priority",
        "phase",
        "presence",
        "occurrence_id",
        "event_seq",
        "value",
        "extreme",
        "limit",
        "raised_at",
        "ended_at",
        "observed_at",
        "received_at",
        "acknowledged_by",
        "acknowledged_at",
        "acknowledged_until",
        "latching",
        "no_new_burst",
        "late_detected",
        "responsibility",
        "responsible",
        "answered_at",
        "text",
    },
    "progress": {"type", "revision", "server_clock"},
    "closed": {"type", "reason"},
}


class Lines(io.TextIOBase):
    """Standard output of which each line arrives once it is flushed."""

    def __init__(self) -> None:
        self._written = ""
        self._arrived: asyncio.Queue[str] = asyncio.Queue()

    def write(self, text: str) -> int:
        self._written += text
        return len(text)

    def flush(self) -> None:
        *lines, self._written = self._written.split("\n")
        for line in lines:
            self._arrived.put_nowait(line)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            return parsed(await self._arrived.get())

    async def of(self, kind: str) -> dict[str, Any]:
        """The next object of one type."""
        while (each := await self.next())["type"] != kind:
            pass
        return each


def parsed(line: str) -> dict[str, Any]:
    def no_json(constant: str) -> float:
        raise AssertionError(f"{constant} is not JSON")

    each: dict[str, Any] = json.loads(line, parse_constant=no_json)
    assert set(each) == BY_TYPE[each["type"]]
    return each


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    hasten(monkeypatch)
    async with LoopbackServer(certs) as server:
        yield server


@pytest.fixture
async def device(server: LoopbackServer) -> AsyncIterator[Device]:
    async with server.streaming("bed-1") as device:
        yield device


def credentials(server: LoopbackServer, role: Role = Role.USER) -> Credentials:
    own = pki.ensure_client(server.certs, role, "x")
    return Credentials.from_pem(own.key_pem, own.chain_pem, own.trust_pem)


async def printed(target: str, feed: Any, replies: Replies | None = None) -> None:
    reached = watch.Reached(target, feed)
    await watch.until(watch.print_json(reached, replies or Replies()), reached, None)


@asynccontextmanager
async def watching(server: LoopbackServer, *beds: str) -> AsyncIterator[Lines]:
    server.publish()
    replies = Replies()
    feed = frames(server.target, credentials(server), m.Subscribe(beds=beds), Random(1), replies)
    lines = Lines()
    with redirect_stdout(lines):
        task = asyncio.create_task(printed(server.target, feed, replies))
        try:
            yield lines
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.mark.spec("WATCH-1")
async def test_first_comes_a_snapshot_with_beds_and_alarms_in_the_forms_of_the_rest(
    server: LoopbackServer, device: Device
) -> None:
    at = device.now()
    await device.observe(device.entry(0.0, nan))
    await device.acked(1)
    async with watching(server) as lines:
        snapshot = await lines.next()
    assert (snapshot["type"], snapshot["server_clock"]) == ("snapshot", at)
    (bed,) = snapshot["beds"]
    assert set(bed) == BY_TYPE["numerics"]
    assert (bed["bed"], bed["connection"]) == ("bed-1", "connected")
    assert bed["values"] == {"HR": 0.0, "SpO2": None}
    assert bed["observed_at"] == {"HR": at, "SpO2": at}
    (alarm,) = snapshot["alarms"]
    assert set(alarm) == BY_TYPE["alarm"]
    assert (alarm["condition"], alarm["phase"], alarm["value"]) == ("ASYSTOLE", "continue", 0.0)


@pytest.mark.spec("WATCH-2")
async def test_then_values_and_alarms_come_as_they_happen(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    async with watching(server) as lines, server.clinician() as clinician:
        await lines.of("snapshot")
        await device.observe(device.entry(81.0, 96.5))
        numerics = await lines.of("numerics")
        assert (numerics["bed"], numerics["values"]) == ("bed-1", {"HR": 81.0, "SpO2": 96.5})
        assert numerics["pending"] == []
        await device.observe(device.entry(81.0, 88.0))
        assert (await lines.of("numerics"))["pending"] == ["SpO2"]
        at = device.now()
        await device.observe(device.entry(0.0, 97.0))
        started = await lines.of("alarm")
        assert {name: started[name] for name in ("bed", "metric", "condition", "kind")} == {
            "bed": "bed-1",
            "metric": "HR",
            "condition": "ASYSTOLE",
            "kind": "physiological",
        }
        assert {name: started[name] for name in ("priority", "phase", "presence")} == {
            "priority": "HIGH",
            "phase": "start",
            "presence": "ON",
        }
        assert (started["event_seq"], started["value"], started["limit"]) == (1, 0.0, None)
        assert (started["observed_at"], started["received_at"]) == (at, at)
        assert started["ended_at"] is None
        request = m.AcknowledgeAlarmRequest(
            occurrence_id=started["occurrence_id"], priority=a.ALARM_PRIORITY_HIGH,
            idempotency_key="k",
        )  # fmt: skip
        await clinician.monitoring.AcknowledgeAlarm(request)
        acknowledged = await lines.of("alarm")
        assert (acknowledged["phase"], acknowledged["presence"]) == ("acknowledge", "ACKNOWLEDGED")
        assert acknowledged["acknowledged_by"] == "nurse-7"
        assert acknowledged["occurrence_id"] == started["occurrence_id"]
        assert acknowledged["acknowledged_until"] == acknowledged["acknowledged_at"] + 120
        pause = m.PauseAudioRequest(bed="bed-1", duration_s=60, idempotency_key="p")
        until = (await clinician.monitoring.PauseAudio(pause)).paused_until
        (held,) = (await lines.of("numerics"))["inactivations"]
        assert held == {
            "state": "AUDIO_PAUSED",
            "metric": None,
            "condition": None,
            "by": "nurse-7",
            "since": until - 60,
            "until": until,
            "reason": None,
        }
        await device.half_close()
        lost = await lines.of("alarm")
        assert (lost["condition"], lost["kind"], lost["metric"]) == (
            "CONNECTION_LOST",
            "technical",
            None,
        )
        assert (lost["value"], lost["limit"]) == (None, None)


@pytest.mark.spec("WATCH-3")
async def test_a_value_that_is_not_there_or_not_current_is_null_and_never_0(
    server: LoopbackServer, device: Device
) -> None:
    async with watching(server) as lines:
        snapshot = await lines.of("snapshot")
        assert snapshot["beds"][0]["values"] == {"HR": None, "SpO2": None}
        assert snapshot["beds"][0]["observed_at"] == {"HR": None, "SpO2": None}
        await device.observe(device.entry(0.0, 0.0))
        assert (await lines.of("numerics"))["values"] == {"HR": 0.0, "SpO2": 0.0}
        await device.observe(device.entry(0.0, 12.0, validity=[1, 3]))
        assert (await lines.of("numerics"))["values"] == {"HR": 0.0, "SpO2": None}
        server.clock.advance(6.0)
        await device.observe(device.entry(97.0, indices=[1]))
        assert (await lines.of("numerics"))["values"] == {"HR": None, "SpO2": 97.0}
        await device.half_close()
        lost = await lines.of("numerics")
        assert (lost["connection"], lost["values"]) == ("lost", {"HR": None, "SpO2": None})


@pytest.mark.spec("WATCH-4")
async def test_progress_says_that_the_link_lives(server: LoopbackServer, device: Device) -> None:
    await device.lives()
    async with watching(server) as lines:
        snapshot = await lines.next()
        server.clock.advance(1.0)
        progress = await lines.next()
    assert progress == {
        "type": "progress",
        "revision": snapshot["revision"],
        "server_clock": snapshot["server_clock"] + 1.0,
    }


@pytest.mark.spec("WATCH-5")
async def test_a_feed_that_ends_says_closed_once_and_comes_back_with_a_snapshot(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with watching(server) as lines:
        await lines.of("snapshot")
        tries = 0
        let_in = server.monitoring.watch

        def counted(viewer: str) -> Feed:
            nonlocal tries
            tries += 1
            return let_in(viewer)

        monkeypatch.setattr(server.monitoring, "watch", counted)
        await server.monitoring.drain("the server is stopping")
        assert await lines.next() == {"type": "closed", "reason": "the server is stopping"}
        await server.until(lambda: tries >= 2)
        # As if another server had taken the place of the one that stopped.
        server.monitoring._stopping = None
        assert (await lines.next())["type"] == "snapshot"


@pytest.mark.spec("WATCH-6")
async def test_only_the_beds_asked_for_are_shown(server: LoopbackServer, device: Device) -> None:
    async with server.streaming("bed-2") as other, watching(server, "bed-2") as lines:
        snapshot = await lines.of("snapshot")
        assert [bed["bed"] for bed in snapshot["beds"]] == ["bed-2"]
        await device.lives()
        await other.lives()
        assert (await lines.of("numerics"))["bed"] == "bed-2"


@pytest.mark.spec("WATCH-7")
async def test_an_identity_that_is_refused_ends_the_command_in_one_line(
    server: LoopbackServer,
) -> None:
    feed = frames(server.target, credentials(server, Role.DEVICE), m.Subscribe(), Random(1))
    with pytest.raises(CommandError) as caught:
        await printed(server.target, feed)
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert str(caught.value).startswith("the server refused: PERMISSION_DENIED: a device may not")


@pytest.mark.spec("WATCH-7")
async def test_a_server_that_is_never_reached_ends_the_command_in_one_line(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "CONNECT_S", 0.0)
    # Nothing listens on the discard port.
    feed = frames("localhost:9", credentials(server), m.Subscribe(), Random(1))
    with pytest.raises(CommandError) as caught:
        await printed("localhost:9", feed)
    assert caught.value.exit_code is ExitCode.UNREACHABLE
    assert str(caught.value).startswith("localhost:9 cannot be reached: ")
    assert "\n" not in str(caught.value)


@pytest.mark.spec("WATCH-8")
async def test_the_command_ends_by_itself_after_the_seconds_given(
    server: LoopbackServer, device: Device
) -> None:
    await device.lives()
    server.publish()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rpm_service", "watch", "--server", server.target,
        "--certs", str(server.certs), "--viewer", "nurse-7", "--json", "--seconds", "0.5",
        stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate()
    assert (process.returncode, error) == (0, b"")
    first, *_ = map(parsed, out.decode().splitlines())
    assert first["type"] == "snapshot"
    assert first["beds"][0]["values"] == {"HR": 80.0, "SpO2": 97.0}


@pytest.mark.spec("DELIVERY-21")
async def test_what_is_printed_is_confirmed_and_covers_nothing(certs: Path) -> None:
    units = Units(other=Unit())
    async with LoopbackServer(certs, units) as server, server.streaming("bed-1") as device:
        await device.observe(device.entry(0.0, 97.0))
        await device.acked(1)

        def confirmed() -> set[tuple[str, int]]:
            deliveries = [each for batch in server.recorder.batches for each in batch.deliveries]
            return {(each.viewer, each.occurrence_id) for each in deliveries if each.confirmed_at}

        async with watching(server) as lines:
            (alarm,) = (await lines.of("snapshot"))["alarms"]
            await server.until(lambda: confirmed() == {("x", alarm["occurrence_id"])})
            assert server.bedside("bed-1").covered is False


@pytest.mark.spec("DELIVERY-21")
async def test_an_armed_terminal_covers_what_it_shows(certs: Path) -> None:
    async with LoopbackServer(certs) as server, server.streaming("bed-1"):
        feed = frames(
            server.target, credentials(server), m.Subscribe(), Random(1), Replies(armed=True)
        )
        async with aclosing(feed):
            assert isinstance(await anext(feed), m.WatchResponse)
            await server.until(lambda: server.bedside("bed-1").covered is True)
        await server.until(lambda: server.bedside("bed-1").covered is False)


@pytest.mark.spec("DELIVERY-21")
def test_to_be_armed_a_watch_needs_a_terminal() -> None:
    with pytest.raises(CommandError, match="--armed needs a terminal") as refused:
        watch.watch(armed=True)
    assert refused.value.exit_code is ExitCode.USAGE
