import asyncio
import sqlite3
import threading
from shutil import copyfile

import pytest
from sqlalchemy import event

from rpm_service.adapters.storage import archive, journal, writer
from rpm_service.adapters.storage.engine import DATABASE
from rpm_service.adapters.storage.errors import (
    DatabaseDamaged,
    MediumFailed,
    NotRecorded,
    in_one_line,
)
from rpm_service.adapters.storage.writer import FOLD_S, SqliteRecorder
from rpm_service.application.effects import Act, Batch, Connection, Description, Stay
from rpm_service.application.refusals import CannotGoOn
from rpm_service.domain.limits import AgeClass
from tests.support.batches import (
    HR,
    HR_AND_SPO2,
    SPO2,
    T0,
    alarm_event,
    numeric_row,
    observed,
    write,
)
from tests.support.manual_clock import ManualClock
from tests.support.numbers import through

PATIENT = "canary-4711"


@pytest.mark.spec("STORE-1")
async def test_done_is_told_in_the_event_loop_once_another_connection_sees_the_batch(
    recorder, tmp_path
):
    told = asyncio.get_running_loop().create_future()

    def done(error):
        seen = sqlite3.connect(tmp_path / "rpm.sqlite3")
        count = seen.execute("SELECT count(*) FROM journal").fetchone()
        seen.close()
        told.set_result((error, threading.current_thread(), count))

    recorder.submit(Batch(events=[alarm_event()]), done)
    assert not told.done()
    assert await told == (None, threading.main_thread(), (1,))


@pytest.mark.spec("STORE-1")
@pytest.mark.promise("G21")
def test_a_commit_waits_for_the_disk(recorder):
    with recorder._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL


@pytest.mark.spec("STORE-2")
@pytest.mark.promise("G18")
async def test_a_full_disk_takes_nothing_of_a_batch_and_all_of_it_once_there_is_room(recorder):
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    engine = recorder._engine
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no more than there are
    much = [numeric_row(seq, 80.0, 97.0) for seq in range(1, 2_000)]
    batch = observed("m1", *much)
    batch.events.append(alarm_event())
    batch.acts.append(Act(T0, "nurse", "acknowledge", "B12"))
    for _ in range(2):
        with pytest.raises(NotRecorded, match="disk is full"):
            await write(recorder, batch)
        assert recorder.load().alarms == []
        assert recorder.load().progress == {}
        assert list(archive.numerics(engine, "m1")) == []
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    await write(recorder, batch)
    assert recorder.load().progress == through("device/m1", 1_999)
    assert [row for _, row in archive.numerics(engine, "m1")] == much
    assert recorder.load().alarms == [alarm_event().alarm]


@pytest.mark.spec("STORE-4")
async def test_a_batch_under_way_is_finished_before_the_directory_is_let_go(tmp_path):
    recorder = SqliteRecorder(tmp_path)
    told = asyncio.get_running_loop().create_future()
    recorder.submit(Batch(events=[alarm_event()]), told.set_result)
    recorder.close()
    assert await told is None
    again = SqliteRecorder(tmp_path)
    assert len(again.load().alarms) == 1
    again.close()


@pytest.mark.spec("STORE-16")
@pytest.mark.promise("G19")
async def test_nothing_is_written_any_more_once_the_database_proved_damaged(recorder):
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))

    def damage(connection, cursor, statement, *rest):
        if "journal" in statement:
            error = sqlite3.DatabaseError("database disk image is malformed")
            error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise error

    event.listen(recorder._engine, "before_cursor_execute", damage)
    with pytest.raises(DatabaseDamaged, match="restore it from a copy"):
        await write(recorder, Batch(events=[alarm_event()]))
    event.remove(recorder._engine, "before_cursor_execute", damage)
    with pytest.raises(DatabaseDamaged):
        await write(recorder, observed("m1", numeric_row(1, 80.0, 97.0)))
    assert recorder.load().progress == {}


def fails_at_fsync(*_: object) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    raise error


@pytest.mark.spec("FAULT-2")
@pytest.mark.promise("G19")
async def test_an_fsync_that_failed_is_not_tried_again(recorder):
    await write(recorder, observed("m1", numeric_row(1, 80.0, 97.0)))
    event.listen(recorder._engine, "commit", fails_at_fsync)
    with pytest.raises(MediumFailed, match="look after the disk") as refusal:
        await write(recorder, observed("m1", numeric_row(2, 80.0, 97.0)))
    assert isinstance(refusal.value, CannotGoOn)
    event.remove(recorder._engine, "commit", fails_at_fsync)
    with pytest.raises(MediumFailed):
        await write(recorder, observed("m1", numeric_row(2, 80.0, 97.0)))
    assert recorder.load().progress == through("device/m1", 1)


@pytest.mark.spec("FAULT-3")
@pytest.mark.promise("G19")
async def test_an_fsync_that_failed_while_the_log_was_folded_ends_it_too(tmp_path, monkeypatch):
    clock = ManualClock(T0)
    recorder = SqliteRecorder(tmp_path, clock=clock.now)
    clock.advance(FOLD_S)
    monkeypatch.setattr(writer, "fold", lambda _: in_terms_of_ours())
    await write(recorder, observed("m1", numeric_row(1, 80.0, 97.0)))
    with pytest.raises(MediumFailed):
        await write(recorder, observed("m1", numeric_row(2, 80.0, 97.0)))
    recorder.close()


def in_terms_of_ours() -> None:
    with in_one_line(NotRecorded):
        fails_at_fsync()


@pytest.mark.spec("FAULT-3")
@pytest.mark.promise("G19")
async def test_the_log_is_folded_now_and_then_and_before_anything_at_the_start(tmp_path):
    clock = ManualClock(T0)
    recorder = SqliteRecorder(tmp_path, clock=clock.now)
    written = b"m1 was here"

    def is_folded() -> bool:
        return written in (tmp_path / DATABASE).read_bytes()

    await write(recorder, Batch(acts=[Act(T0, "nurse", "say", "B1", written.decode())]))
    await write(recorder, Batch(acts=[Act(T0 + 1, "nurse", "say", "B1", "")]))
    assert not is_folded()
    clock.advance(FOLD_S)
    await write(recorder, Batch(acts=[Act(T0 + 2, "nurse", "say", "B1", "")]))
    await write(recorder, Batch(acts=[Act(T0 + 3, "nurse", "say", "B1", "")]))
    assert is_folded()

    written = b"m2 came later"
    await write(recorder, Batch(acts=[Act(T0 + 4, "nurse", "say", "B1", written.decode())]))
    assert not is_folded()
    # As after a crash: what is on disk, without the process that wrote it.
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for suffix in ("", "-wal"):
        copyfile(tmp_path / f"{DATABASE}{suffix}", crashed / f"{DATABASE}{suffix}")
    recorder.close()
    again = SqliteRecorder(crashed, clock=clock.now)
    assert written in (crashed / DATABASE).read_bytes()
    again.close()


@pytest.mark.spec("STORE-17")
async def test_no_error_names_a_patient(recorder):
    engine = recorder._engine

    def fail(connection, cursor, statement, *rest):
        if "INTO stays" in statement:
            cursor.execute("INSERT INTO stays VALUES (?)", rest[0])

    event.listen(engine, "before_cursor_execute", fail)
    stay = Stay("B12", PATIENT, AgeClass.ADULT, T0)
    with pytest.raises(NotRecorded) as refusal:
        await write(recorder, Batch(stays=[stay]))
    seen: BaseException | None = refusal.value
    while seen is not None:
        assert PATIENT not in f"{seen} {seen!r}"
        seen = seen.__cause__


async def test_a_device_that_measures_nothing_is_remembered(recorder):
    await write(recorder, Batch(connections={"m1": Connection.CONNECTED}))
    (device,) = recorder.load().devices
    assert (device.device_id, device.description) == ("m1", Description())
    assert device.connection is Connection.CONNECTED


@pytest.mark.spec("STORE-7")
async def test_values_keep_the_description_that_they_were_sent_under(recorder):
    spo2_and_hr = Description((SPO2, HR))
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    await write(recorder, observed("m1", numeric_row(1, 80.0, 97.0)))
    await write(recorder, Batch(descriptions={"m1": spo2_and_hr}))
    await write(recorder, observed("m1", numeric_row(2, 96.0, 81.0)))
    assert list(archive.numerics(recorder._engine, "m1")) == [
        (HR_AND_SPO2, numeric_row(1, 80.0, 97.0)),
        (spo2_and_hr, numeric_row(2, 96.0, 81.0)),
    ]


@pytest.mark.spec("STORE-7")
async def test_values_keep_their_description_when_a_new_one_comes_in_the_same_batch(recorder):
    spo2_and_hr = Description((SPO2, HR))
    batch = observed("m1", numeric_row(1, 80.0, 97.0))
    batch.set_apart("m1", HR_AND_SPO2)
    batch.descriptions["m1"] = spo2_and_hr
    batch.numerics["m1"] = [numeric_row(2, 96.0, 81.0)]
    await write(recorder, batch)
    assert list(archive.numerics(recorder._engine, "m1")) == [
        (HR_AND_SPO2, numeric_row(1, 80.0, 97.0)),
        (spo2_and_hr, numeric_row(2, 96.0, 81.0)),
    ]


@pytest.mark.spec("STORE-39")
@pytest.mark.promise("G1")
async def test_no_start_gives_a_number_that_an_earlier_one_may_have_given(tmp_path):
    """Shown to viewers and killed before it was on disk, it is known to nobody here."""
    begun = []
    for _ in range(3):
        recorder = SqliteRecorder(tmp_path)
        begun.append(recorder.load().next_occurrence)
        recorder.close()
    assert begun == [1, 1 + journal.RUN_NUMBERS, 1 + 2 * journal.RUN_NUMBERS]


@pytest.mark.spec("STORE-39")
@pytest.mark.promise("G1")
@pytest.mark.parametrize(("newest", "first"), [(7, 100_001), (49_999, 100_001), (50_000, 200_001)])
async def test_a_start_stays_away_from_the_newest_number_on_disk(tmp_path, newest, first):
    recorder = SqliteRecorder(tmp_path)
    await write(recorder, Batch(events=[alarm_event(newest)]))
    recorder.close()
    recorder = SqliteRecorder(tmp_path)
    assert recorder.load().next_occurrence == first
    assert recorder.load().epochs == {}
    recorder.close()


@pytest.mark.spec("STORE-40")
async def test_a_full_disk_keeps_no_server_from_starting(tmp_path, monkeypatch):
    recorder = SqliteRecorder(tmp_path)
    await write(recorder, Batch(events=[alarm_event(7)]))
    recorder.close()

    def full(_connection):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(journal, "begin_run", full)
    begun = []
    for now in (T0, T0 + 1):
        recorder = SqliteRecorder(tmp_path, clock=lambda now=now: now)
        begun.append(recorder.load().next_occurrence)
        recorder.close()
    assert 100_000 < begun[0] < begun[1] < 2**53, "exact also where numbers are doubles"
