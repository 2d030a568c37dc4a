"""A server that dies in the midst of its work and is started again: nothing is lost."""

import asyncio
import signal
from collections.abc import Sequence
from typing import Final

from tests.chaos.history import Record
from tests.chaos.processes import Child, Run
from tests.chaos.proofs import Figure, proof
from tests.chaos.ward import Ward, after

AT_ANY_INSTANT: Final = "at a random instant"
WHILE_THEY_COME_BACK: Final = "while devices and viewers come back"
DEATHS: Final = (
    AT_ANY_INSTANT, "before_commit", "after_commit_before_ack", "after_ack", "before_fanout",
    WHILE_THEY_COME_BACK,
)  # fmt: skip
CYCLES, STREAMS, FPS, VIEWERS = 25, 50, 10.0, 4
BETWEEN_S: Final = (0.5, 2.0)
"""How long all is well between two deaths."""
SERVING_S_MAX, STREAMS_S_MAX, VIEWERS_S_MAX = 2.0, 3.0, 5.0


@proof("G1")
async def kill_loop(ward: Ward) -> list[Figure]:
    """kill -9 at random instants and at failpoints: nothing lost, nothing twice, no alarm gone."""
    return await killed(ward, [DEATHS[cycle % len(DEATHS)] for cycle in range(CYCLES)], STREAMS)


async def killed(ward: Ward, deaths: Sequence[str], streams: int) -> list[Figure]:
    """Kills the server under load in each of these ways in turn, and checks."""
    server, rng = ward.server, ward.rng
    server.failpoints = [death if death.isidentifier() else "" for death in deaths]
    await server.start()
    devices = await ward.devices(count=streams, fps=FPS, falters=True)
    viewers = await ward.viewers(count=VIEWERS)
    whole: list[Run] = []
    """Starts after which everybody had the time to come back."""
    for cycle, death in enumerate(deaths):
        ward.say(f"death {cycle + 1} of {len(deaths)}: {death}")
        run = server.runs[-1]
        await asyncio.sleep(rng.uniform(*BETWEEN_S))
        server.send(signal.SIGUSR1 if death.isidentifier() else signal.SIGKILL)
        await server.ended(run)
        again = await server.serving()
        for child in (devices, viewers):
            # That they were back after an earlier start.
            child.forget()
        if cycle + 1 < len(deaths) and deaths[cycle + 1] == WHILE_THEY_COME_BACK:
            continue
        whole.append(again)
        await all_back(devices, viewers)
    await asyncio.sleep(max(BETWEEN_S))
    await ward.finish(devices)
    return _figures(ward, whole, len(deaths))


async def all_back(*load: Child) -> None:
    """Waits until every device and viewer is there again."""
    for child in load:
        await child.wait_for("back")


def _figures(ward: Ward, whole: Sequence[Run], deaths: int) -> list[Figure]:
    verdict = ward.check()
    devices = ward.records("connected")
    viewers = ward.records("snapshot")
    serving = [run.serving_at - run.begun_at for run in ward.server.runs if run.serving_at]
    what = f"{deaths} deaths, {verdict.acked} acknowledged samples"
    return [
        Figure("G1", f"{what}: lost", len(verdict.lost), "", 0),
        Figure("G1", f"{verdict.stored} stored samples: stored twice", len(verdict.duplicated), "", 0),
        Figure("G1", f"{verdict.alarms} alarm conditions: lost", len(verdict.missed), "", 0),
        Figure("G1", "from restart until it serves again, longest", max(serving), "s", SERVING_S_MAX),
        Figure("G1", "until all streams are back, longest", _slowest(devices, whole, "device"), "s", STREAMS_S_MAX),
        Figure("G1", "until all viewers are back, longest", _slowest(viewers, whole, "viewer"), "s", VIEWERS_S_MAX),
    ]  # fmt: skip


def _slowest(records: Sequence[Record], runs: Sequence[Run], who: str) -> float:
    return max(max(after(records, run.begun_at, who).values()) for run in runs)
