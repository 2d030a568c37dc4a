"""`acknowledge`, `accept`, `pause` and `resume`, as typed, against a server in this process."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rpm_service.commands.errors import ExitCode
from rpm_service.domain.alarms import Alarm, Answer
from rpm_service.domain.inactivation import InactivationState
from rpm_service.domain.signals import Presence
from tests.support.commands import run
from tests.support.loopback import LoopbackServer, hasten

AUDIO_PAUSED, AUDIO_OFF, ALARM_PAUSED, ALARM_OFF = InactivationState


@pytest.fixture
async def server(certs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoopbackServer]:
    """A server with an alarm of HIGH priority at bed-1."""
    hasten(monkeypatch)
    async with LoopbackServer(certs) as server, server.streaming("bed-1") as device:
        await device.observe(device.entry(0.0, 97.0))
        await device.acked(device.seq)
        yield server


def asystole(server: LoopbackServer) -> Alarm:
    (alarm,) = server.alarms("bed-1")
    return alarm


def held(server: LoopbackServer) -> list[tuple[InactivationState, str, str]]:
    here = server.bedside("bed-1").inactivations.held
    return [(each.state, each.metric, each.condition) for each in here]


async def ran(server: LoopbackServer, *arguments: str) -> tuple[int | None, str, str]:
    place = ("--server", server.target, "--certs", server.certs, "--viewer", "nurse-7")
    return await run(*arguments, *place)


@pytest.mark.spec("LIVE-25")
async def test_an_alarm_is_acknowledged_by_its_number(server: LoopbackServer) -> None:
    alarm = asystole(server)
    number, code_name = str(alarm.occurrence_id), alarm.condition.code
    code, out, err = await ran(server, "acknowledge", number, "--priority", "medium")
    assert (code, out) == (ExitCode.FAILED, "")
    assert err == "rpm-service: the server refused: the alarm is HIGH now, not MEDIUM\n"
    code, out, err = await ran(server, "acknowledge", number, "--for", "30")
    assert (code, err) == (0, "")
    assert out.startswith(f"bed-1: {code_name} HR HIGH: ACKNOWLEDGED by nurse-7 until ")
    given = asystole(server).acknowledgement
    assert given is not None
    assert given.until == server.clock.now() + 30
    code, out, err = await ran(server, "acknowledge", "77")
    assert (code, err) == (ExitCode.FAILED, "rpm-service: no alarm 77 has a signal\n")


@pytest.mark.spec("LIVE-25")
async def test_who_goes_says_so_and_who_cannot_too(server: LoopbackServer) -> None:
    alarm = asystole(server)
    number, now = str(alarm.occurrence_id), server.clock.now()
    said = f"bed-1: {alarm.condition.code} HR HIGH: accepted by nurse-7\n"
    assert await ran(server, "accept", number) == (0, said, "")
    assert asystole(server).answer == Answer(accepted=True, by="nurse-7", at=now)
    assert asystole(server).presence is Presence.ON
    code, out, err = await ran(server, "accept", number, "--reject", "--json")
    assert (code, err) == (0, "")
    answered = json.loads(out)
    assert (answered["responsibility"], answered["responsible"]) == ("rejected", "nurse-7")
    assert (answered["phase"], answered["presence"]) == ("responsibility", "ON")


@pytest.mark.spec("LIVE-25")
async def test_signals_are_held_back_and_released(server: LoopbackServer) -> None:
    assert (await ran(server, "pause", "bed-1"))[0] == 0
    assert held(server) == [(AUDIO_PAUSED, "", "")]
    only = ("--metric", "HR", "--condition", asystole(server).condition.code)
    code, out, err = await ran(
        server, "pause", "bed-1", *only, "--alarms", "--for", "900", "--reason", "suction", "--json"
    )
    assert (code, err) == (0, "")
    now = server.clock.now()
    assert json.loads(out) == {
        "bed": "bed-1",
        "metric": "HR",
        "condition": only[-1],
        "state": "ALARM_PAUSED",
        "by": "nurse-7",
        "reason": "suction",
        "since": now,
        "until": now + 900,
    }
    off = await ran(server, "pause", "bed-1", "--off", "--metric", "SpO2", "--reason", "no probe")
    assert off == (0, "bed-1: AUDIO_OFF SpO2 until `rpm-service resume`\n", "")
    assert held(server)[1:] == [(ALARM_PAUSED, "HR", only[-1]), (AUDIO_OFF, "SpO2", "")]
    assert await ran(server, "resume", "bed-1") == (0, "bed-1: everything signals again\n", "")
    assert await ran(server, "resume", "bed-1", *only) == (
        0,
        f"bed-1: HR {only[-1]} signals again\n",
        "",
    )
    assert held(server) == [(AUDIO_OFF, "SpO2", "")]


@pytest.mark.spec("LIVE-25")
async def test_what_cannot_be_is_one_line(server: LoopbackServer) -> None:
    for arguments, reason in (
        (("pause", "bed-9"), "there is no bed 'bed-9'"),
        (("pause", "bed-1", "--alarms"), "reason must be 1 to 128 printable characters"),
        (("pause", "bed-1", "--for", "121"), "121 s is not within 1 to 120 s"),
        (("resume", "bed-1"), "nothing is held back of the whole bed at 'bed-1'"),
        (("accept", "77"), "no alarm 77 has a signal any more"),
    ):
        found = await ran(server, *arguments)
        assert found == (ExitCode.FAILED, "", f"rpm-service: the server refused: {reason}\n")
    code, out, err = await ran(server, "acknowledge", "none")
    assert (code, out) == (ExitCode.USAGE, "")
    assert "OCCURRENCE" in err
