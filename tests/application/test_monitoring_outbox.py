"""Notices between the disk and whoever sends them, on virtual time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from rpm_service.application.bedside import SERVER
from rpm_service.application.effects import Notice, Restored
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.outbox import FAILING_S
from rpm_service.domain.alarms import Alarm, Priority
from tests.support.memory_recorder import MemoryRecorder
from tests.support.plain_encoder import PlainEncoder
from tests.support.virtual_time import LoopClock, run


def notice(number: int, at: float) -> Notice:
    return Notice(f"n{number}", at, "icu", "bed-7", 1, number, 1, "SPO2_LOW", "HIGH", at)


@asynccontextmanager
async def server(recorder: MemoryRecorder) -> AsyncIterator[Monitoring]:
    monitoring = Monitoring(LoopClock(), recorder, PlainEncoder())
    keeper = asyncio.create_task(monitoring.run())
    yield monitoring
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper


def due(monitoring: Monitoring) -> list[Notice]:
    return monitoring.outbox.due(monitoring.clock.now())


def marked(recorder: MemoryRecorder) -> dict[str, float]:
    return {key: at for batch in recorder.batches for key, at in batch.notices_sent.items()}


@pytest.mark.spec("HOOK-5")
def test_what_was_given_up_is_marked_so() -> None:
    async def story() -> None:
        recorder = MemoryRecorder(Restored(notices=[notice(1, LoopClock().now())]))
        async with server(recorder) as monitoring:
            (call,) = due(monitoring)
            monitoring.outbox.give_up(call, monitoring.clock.now())
            at = monitoring.clock.now()
            await asyncio.sleep(1)
            assert [dict(each.notices_given_up) for each in recorder.batches] == [{"n1": at}]
            assert marked(recorder) == {}

    run(story())


@pytest.mark.spec("HOOK-1")
def test_a_notice_is_not_sent_before_it_is_on_disk_and_is_marked_once_it_was_taken() -> None:
    async def story() -> None:
        recorder = MemoryRecorder()
        async with server(recorder) as monitoring:
            recorder.error = OSError("the disk is full")
            call = notice(1, monitoring.clock.now())
            monitoring.ward.batch.notices.append(call)
            await asyncio.sleep(5)
            assert due(monitoring) == []
            recorder.error = None
            await asyncio.sleep(1)
            assert due(monitoring) == [call]
            monitoring.outbox.taken(call, monitoring.clock.now())
            at = monitoring.clock.now()
            await asyncio.sleep(1)
            assert marked(recorder) == {"n1": at}

    run(story())


@pytest.mark.spec("HOOK-1")
def test_what_was_not_marked_is_sent_again_after_a_restart() -> None:
    async def story() -> None:
        clock = LoopClock()
        waiting = [notice(1, clock.now()), notice(2, clock.now())]
        async with server(MemoryRecorder(Restored(notices=waiting))) as monitoring:
            assert due(monitoring) == waiting[:1]
            assert len(monitoring.outbox) == 2

    run(story())


@pytest.mark.spec("HOOK-8")
def test_a_webhook_that_fails_is_an_alarm_of_the_servers_own_until_it_works() -> None:
    async def story() -> None:
        recorder = MemoryRecorder(Restored(notices=[notice(1, LoopClock().now())]))
        async with server(recorder) as monitoring:

            def own() -> dict[str, Alarm]:
                bedside = monitoring.ward.bedsides.get(SERVER)
                board = () if bedside is None else bedside.board
                return {alarm.condition.code: alarm for alarm in board}

            (call,) = due(monitoring)
            monitoring.outbox.refused(call, monitoring.clock.now(), 0.0)
            await asyncio.sleep(FAILING_S - 1)
            assert own() == {}
            await asyncio.sleep(1.5)
            assert own()["WEBHOOK_FAILING"].priority is Priority.MEDIUM
            (call,) = due(monitoring)
            monitoring.outbox.taken(call, monitoring.clock.now())
            await asyncio.sleep(1)
            assert own() == {}

    run(story())
