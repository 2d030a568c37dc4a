"""Whatever batches come, and whatever befalls the disk: what was done is there, once."""

import asyncio
import sqlite3
import tempfile
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select

from rpm_service.adapters.storage import archive, bedsides, delivery, journal, ledger, tail
from rpm_service.adapters.storage.engine import open_reading
from rpm_service.adapters.storage.errors import NotRecorded
from rpm_service.adapters.storage.evidence import evidence
from rpm_service.adapters.storage.tables import acts, gaps
from rpm_service.adapters.storage.tables import journal as journal_table
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Gap
from tests.support.batches import (
    DEVICES,
    Remembered,
    batches,
    in_any_order,
    like,
    write,
)


class Disk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.directory = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        # So few rows that tails move into blocks all the time.
        self.stack.enter_context(patch.object(tail, "BLOCK_ROWS", 3))
        self.loop = asyncio.new_event_loop()
        self.stack.callback(self.loop.close)
        self.remembered = Remembered()
        self.first_occurrence = 0
        self._start()
        self.reading = open_reading(self.directory)

    def _start(self) -> None:
        self.recorder = SqliteRecorder(self.directory)
        first = self.recorder.load().next_occurrence
        given = {event.alarm.occurrence_id for event in self.remembered.events}
        assert first > max(self.first_occurrence, *given, 0)
        self.first_occurrence = first

    def teardown(self) -> None:
        self.reading.dispose()
        self.recorder.close()
        self.stack.close()

    def _write(self, batch) -> None:
        self.loop.run_until_complete(write(self.recorder, batch))

    @rule(batch=batches)
    def a_batch_is_written(self, batch):
        batch = self.remembered.numbered(batch)
        self._write(batch)
        self.remembered.take(batch)

    @rule(batch=batches)
    def the_disk_fails_for_a_while(self, batch):
        batch = self.remembered.numbered(batch)
        engine = self.recorder._engine

        def fail(_connection):
            raise sqlite3.OperationalError("database or disk is full")

        with patch.object(engine.dialect, "do_commit", fail), pytest.raises(NotRecorded):
            self._write(batch)
        self.nothing_is_lost_and_nothing_is_there_twice()
        self._write(batch)
        self.remembered.take(batch)

    @rule(batch=batches)
    def an_error_comes_back_although_the_batch_is_on_disk(self, batch):
        batch = self.remembered.numbered(batch)
        engine = self.recorder._engine
        commit = engine.dialect.do_commit

        def commit_and_fail(connection):
            commit(connection)
            raise sqlite3.OperationalError("disk I/O error")

        with patch.object(engine.dialect, "do_commit", commit_and_fail), pytest.raises(NotRecorded):
            self._write(batch)
        self._write(batch)
        self.remembered.take(batch)

    @rule()
    def the_server_starts_anew(self):
        self.recorder.close()
        self._start()

    @invariant()
    def nothing_is_lost_and_nothing_is_there_twice(self):
        remembered = self.remembered
        expected = remembered.restored(self.first_occurrence)
        assert in_any_order(self.recorder.load()) == in_any_order(expected)
        assert list(journal.events(self.reading)) == remembered.events
        for device_id in DEVICES:
            numerics = archive.numerics(self.reading, device_id)
            assert like(numerics) == like(remembered.numerics.get(device_id, ()))
            waveforms = archive.waveforms(self.reading, device_id)
            assert like(waveforms) == like(remembered.waveforms.get(device_id, ()))
        with self.reading.begin() as connection:
            assert ledger.verify(connection, journal_table).number == len(remembered.events)
            assert ledger.verify(connection, acts).number == len(remembered.acts)
            kept = [Gap(*row) for row in connection.execute(select(gaps))]
            assert like(kept) == like(remembered.gaps.values())

    @invariant()
    def what_the_alarm_system_keeps_is_read_back(self):
        remembered = self.remembered
        rows = sorted(remembered.scores.values(), key=lambda row: (row.score.at, row.bed))
        with self.reading.begin() as connection:
            for patient_id in {row.patient_id for row in rows}:
                trend = bedsides.scores(connection, patient_id)
                assert trend == [row.score for row in rows if row.patient_id == patient_id]
        for occurrence_id, event_seq, _ in remembered.deliveries:
            assert delivery.deliveries(self.reading, occurrence_id, event_seq) == [
                told
                for key, told in sorted(remembered.deliveries.items())
                if key[:2] == (occurrence_id, event_seq)
            ]
        for occurrence_id, (what, numerics, waveforms) in remembered.evidence.items():
            kept = evidence(self.reading, occurrence_id)
            assert kept.what == what
            assert like(kept.numerics) == like(numerics)
            assert like(kept.waveforms) == like(waveforms)


# Not shrunk: each step starts from the disk, and to shrink would take minutes.
Disk.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=10,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
test_whatever_befalls_the_disk = pytest.mark.spec("STORE-1")(Disk.TestCase)
