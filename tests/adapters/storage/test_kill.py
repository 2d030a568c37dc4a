import signal
import subprocess
import sys

import pytest

from rpm_service.adapters.storage import archive, ledger
from rpm_service.adapters.storage.tables import journal
from rpm_service.adapters.storage.writer import SqliteRecorder
from tests.support.numbers import newest

KILLS = 3
DONE_BEFORE_A_KILL = 40

WRITER = """
import asyncio, sys
from pathlib import Path
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch
from tests.support.batches import HR_AND_SPO2, alarm_event, numeric_row, observed, write
from tests.support.numbers import newest

async def main():
    recorder = SqliteRecorder(Path(sys.argv[1]))
    restored = recorder.load()
    seq = newest(restored.progress)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    while True:
        seq += 1
        batch = observed("m1", numeric_row(seq, 80.0, 97.0))
        batch.events.append(alarm_event(1, seq, value=float(seq)))
        await write(recorder, batch)
        print(seq, flush=True)

asyncio.run(main())
"""


@pytest.mark.system
@pytest.mark.spec("STORE-1")
@pytest.mark.promise("G1")
def test_a_server_killed_while_it_writes_has_all_that_was_done_once(tmp_path):
    done = 0
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(DONE_BEFORE_A_KILL):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        told = process.communicate()[0].split()
        done = int(told[-1]) if told else done + DONE_BEFORE_A_KILL

        recorder = SqliteRecorder(tmp_path)
        restored = recorder.load()
        durable = newest(restored.progress)
        # One batch may have been on its way: on disk, and not yet told.
        assert durable in (done, done + 1)
        engine = recorder._engine
        assert [row.seq for _, row in archive.numerics(engine, "m1")] == [*range(1, durable + 1)]
        assert [alarm.value for alarm in restored.alarms] == [durable]
        with engine.begin() as connection:
            assert ledger.verify(connection, journal).number == durable
        recorder.close()
        done = durable
