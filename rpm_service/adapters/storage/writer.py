"""Writes batches, each in one transaction, and reads back what outlives a restart.

Writing has a thread of its own, which shares the interpreter with the event loop. So little
happens for every frame: all rows of a commit are packed into one entry (see tail.py), and
sequence numbers go to the driver as tuples.
"""

import logging
import time
from asyncio import get_running_loop
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from rpm_service.adapters.storage import (
    bedsides,
    delivery,
    evidence,
    journal,
    numbering,
    registry,
)
from rpm_service.adapters.storage.engine import (
    DirectoryLock,
    check,
    fold,
    open_reading,
    open_writing,
)
from rpm_service.adapters.storage.errors import (
    DataDirectoryUnusable,
    NotRecorded,
    StorageError,
    in_one_line,
    read_back,
)
from rpm_service.adapters.storage.ledger import Ledger, number
from rpm_service.adapters.storage.retention import FOR_EVER, Forgetting, Retention
from rpm_service.adapters.storage.schema import upgrade
from rpm_service.adapters.storage.tables import acts
from rpm_service.adapters.storage.tables import journal as journal_table
from rpm_service.adapters.storage.tail import NUMERICS, WAVEFORMS, Tail
from rpm_service.application.effects import Batch, Restored
from rpm_service.application.refusals import CannotGoOn
from rpm_service.domain.early_warning import Score

FOLD_S: Final = 4.0
"""The log is folded into the database this often: about as often as it has a few MB."""

Rows = TypeVar("Rows")
_log = logging.getLogger(__name__)


class SqliteRecorder:
    """Keeps everything in one directory, which no other process may write in meanwhile."""

    def __init__(
        self,
        data_dir: Path,
        retention: Retention = FOR_EVER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Takes the directory, making it where there is none, and brings its database up to date.

        `clock` gives the server's time, by which samples get too old for the retention.

        Raises DataDirectoryBusy, DataDirectoryUnusable, DatabaseDamaged, MediumFailed or
        DatabaseOfAnotherVersion.
        """
        self._lock = DirectoryLock(data_dir)
        self._engine = open_writing(data_dir)
        try:
            check(self._engine, data_dir)
            self._fold_if_possible()
            upgrade(self._engine)
            self._first_occurrence = self._begin_run(clock())
            self._reading = open_reading(data_dir)
        except BaseException:
            self._let_go()
            raise
        self._thread = ThreadPoolExecutor(1, "recorder")
        self._forgetting = Forgetting(retention)
        self._clock = clock
        self._books: _Books | None = None
        self._failure: StorageError | None = None
        self._folds_at = clock() + FOLD_S

    def _begin_run(self, now: float) -> int:
        try:
            with in_one_line(NotRecorded), self._engine.begin() as connection:
                return journal.begin_run(connection)
        except NotRecorded:
            # A full disk keeps no server from watching over patients: the first batch makes an
            # alarm of it. Numbers of this second are beyond those of every other start.
            return int(now) * journal.RUN_NUMBERS + 1

    def load(self) -> Restored:
        """Reads back what the core needs from before a restart. Raises DatabaseDamaged."""
        with (
            in_one_line(DataDirectoryUnusable),
            read_back(),
            self._engine.begin() as connection,
        ):
            return Restored(
                next_occurrence=self._first_occurrence,
                alarms=journal.standing_alarms(connection),
                devices=registry.stored_devices(connection),
                progress=numbering.progress(connection),
                epochs=numbering.epochs(connection),
                beds=registry.known_beds(connection),
                stays=registry.lasting_stays(connection),
                associations=registry.lasting_associations(connection),
                vacated=registry.vacated(connection),
                removed=registry.removed(connection),
                inactivations=bedsides.inactivations(connection),
                overrides=bedsides.overrides(connection),
                assessments=bedsides.assessments(connection),
                notices=delivery.waiting_notices(connection),
                evidence=evidence.unkept(connection),
                units=registry.units_in_force(connection),
            )

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        """Writes a batch in one transaction, elsewhere, and calls `done` in the event loop.

        What is dealt with of a spool's numbers grows from batch to batch, and rows come with
        the progress of their spool. Errors: NotRecorded, which may pass, so that the batch may
        be submitted again; DatabaseDamaged and MediumFailed, after which nothing more is written.
        """
        loop = get_running_loop()

        def tell(written: Future[None]) -> None:
            error = written.exception()
            assert error is None or isinstance(error, Exception)
            loop.call_soon_threadsafe(done, error)

        self._thread.submit(self._write, batch).add_done_callback(tell)
        now = self._clock()
        if self._forgetting.is_due(now):
            self._thread.submit(self._between, self._forget)
        if now >= self._folds_at:
            self._folds_at = now + FOLD_S
            self._thread.submit(self._between, self._fold_if_possible)

    def scores(self, patient_id: str, since: float, before: float) -> Sequence[Score]:
        """Reads the newest of a patient's early-warning scores, oldest first; in any thread."""
        with self._reading.begin() as connection:
            admitted_at = registry.admitted_at(connection, patient_id)
            return bedsides.scores(connection, patient_id, max(since, admitted_at), before)

    def close(self) -> None:
        """Waits for the batch under way and lets go of the directory."""
        self._thread.shutdown()
        self._reading.dispose()
        self._let_go()

    def _let_go(self) -> None:
        self._engine.dispose()
        self._lock.release()

    # -- in the writer's thread ---------------------------------------------------------

    def _write(self, batch: Batch) -> None:
        if self._failure is not None:
            raise type(self._failure)(str(self._failure))
        # What is known of the database holds only if the transaction does.
        books, self._books = self._books, None
        try:
            with in_one_line(NotRecorded), self._engine.begin() as connection:
                if books is None:
                    books = _Books(connection)
                    if _is_on_disk(connection, batch):
                        return
                books.write(connection, batch)
        except StorageError as error:
            self._remember(error)
            raise
        self._books = books

    def _between(self, step: Callable[[], None]) -> None:
        """Takes a step between two batches. The next batch tells what ends the server."""
        if self._failure is None:
            try:
                step()
            except StorageError as error:
                self._remember(error)

    def _remember(self, error: StorageError) -> None:
        """Whatever ends the server is the answer to every batch from now on."""
        if isinstance(error, CannotGoOn):
            self._failure = error

    def _forget(self) -> None:
        """Forgets a few of the oldest samples, once their batch is written."""
        try:
            with in_one_line(NotRecorded), self._engine.begin() as connection:
                self._forgetting.step(connection, self._clock(), time.perf_counter)
        except NotRecorded as error:
            # The next batch meets the same disk, and its error is an alarm.
            _log.warning("storage: nothing was forgotten: %s", error)

    def _fold_if_possible(self) -> None:
        try:
            fold(self._engine)
        except NotRecorded as error:
            # It is all in the log, which is on the medium; a full disk has no room for it twice.
            _log.warning("storage: the log was not folded: %s", error)


def _is_on_disk(connection: Connection, batch: Batch) -> bool:
    """Whether a batch was written although an error came back.

    Rows are the only part that could be there twice, and they come with progress.
    """
    known = numbering.progress(connection)
    return any(known.get(key) == progress for key, progress in batch.progress.items())


class _Books:
    """What the writer knows of the database while nobody else writes."""

    def __init__(self, connection: Connection) -> None:
        self.devices = registry.Devices(connection)
        self.numerics = Tail(NUMERICS, connection)
        self.waveforms = Tail(WAVEFORMS, connection)
        self.journal = Ledger(journal_table, connection)
        self.acts = Ledger(acts, connection)

    def write(self, connection: Connection, batch: Batch) -> None:
        """Writes a batch within the connection's transaction."""
        registry.keep_beds(connection, batch.beds)
        registry.keep_stays(connection, batch.stays)
        registry.keep_associations(connection, batch.associations)
        bedsides.keep_inactivations(connection, batch.inactivations)
        bedsides.keep_overrides(connection, batch.overrides)
        bedsides.keep_assessments(connection, batch.assessments)
        bedsides.keep_scores(connection, batch.scores)
        delivery.keep_deliveries(connection, batch.deliveries)
        delivery.keep_notices(connection, batch.notices, batch.notices_sent, batch.notices_given_up)
        self.devices.describe(connection, batch.descriptions)
        self.devices.connect(connection, batch.connections)
        for device_id, description, measured, sampled in batch.earlier:
            place = self.devices.place_under(connection, device_id, description)
            self.numerics.append(connection, [(place, measured)])
            self.waveforms.append(connection, [(place, sampled)])
        self.numerics.append(connection, self._placed(connection, batch.numerics))
        self.waveforms.append(connection, self._placed(connection, batch.waveforms))
        for act in batch.acts:
            content = (number(act.at), act.by, act.act, act.bed, act.detail)
            self.acts.append(connection, content)
        if batch.events:
            journal.record(self.journal, connection, batch.events)
        if batch.evidence:
            evidence.keep(connection, batch.evidence, self.devices, self.numerics, self.waveforms)
        numbering.keep(connection, batch)

    def _placed(
        self, connection: Connection, by_device: Mapping[str, Rows]
    ) -> list[tuple[registry.Place, Rows]]:
        place = self.devices.place
        return [(place(connection, device_id), rows) for device_id, rows in by_device.items()]
