import os
import stat
import subprocess
import sys

import pytest

from rpm_service.adapters.storage import engine as engine_module
from rpm_service.adapters.storage.engine import DATABASE, DirectoryLock, open_reading
from rpm_service.adapters.storage.errors import (
    DatabaseDamaged,
    DataDirectoryBusy,
    DataDirectoryUnusable,
    NoData,
    StorageError,
)
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch, Bed, Connection
from tests.support.batches import HR_AND_SPO2, alarm_event, numeric_row, observed, write

HOLDER = """
import sys
from pathlib import Path
from rpm_service.adapters.storage.writer import SqliteRecorder
recorder = SqliteRecorder(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another_server(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.spec("STORE-11")
@pytest.mark.system
@pytest.mark.promise("A6")
def test_a_directory_that_another_server_holds_is_refused_until_that_one_has_gone(
    another_server, tmp_path
):
    with pytest.raises(DataDirectoryBusy, match=rf"pid {another_server.pid}\) holds"):
        SqliteRecorder(tmp_path)
    another_server.kill()
    another_server.wait()
    SqliteRecorder(tmp_path).close()


@pytest.mark.spec("STORE-11")
async def test_an_attempt_to_take_a_held_directory_leaves_its_holder_alone(recorder, tmp_path):
    with pytest.raises(DataDirectoryBusy, match=f"pid {os.getpid()}"):
        SqliteRecorder(tmp_path)
    await write(recorder, Batch(events=[alarm_event()]))
    assert len(recorder.load().alarms) == 1


@pytest.mark.spec("STORE-12")
@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_directory_that_cannot_be_made_is_refused_in_one_line(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryUnusable, match="choose another --data") as refusal:
        DirectoryLock(tmp_path / place)
    assert "\n" not in str(refusal.value)


@pytest.mark.spec("STORE-12")
@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_is_not_to_be_written_in_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DataDirectoryUnusable, match="Permission denied"):
        SqliteRecorder(tmp_path)


@pytest.mark.spec("STORE-13")
def test_nobody_else_may_read_what_is_kept(tmp_path):
    recorder = SqliteRecorder(tmp_path / "data")
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "data").iterdir()}
    recorder.close()
    assert set(modes.values()) == {0o600}
    assert {DATABASE, f"{DATABASE}-wal"} <= modes.keys()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.spec("STORE-14")
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"no database at all, but long enough " * 100)
    with pytest.raises(DatabaseDamaged, match=r"file is not a database.*restore it from a copy"):
        SqliteRecorder(tmp_path)
    assert (tmp_path / DATABASE).read_bytes().startswith(b"no database")
    DirectoryLock(tmp_path).release()


@pytest.mark.spec("STORE-14")
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.promise("G19")
async def test_a_database_with_damaged_pages_is_refused_at_the_start(tmp_path, monkeypatch, whole):
    if not whole:
        monkeypatch.setattr(engine_module, "CHECK_BYTES_MAX", 0)
    recorder = SqliteRecorder(tmp_path)
    events = [alarm_event(number) for number in range(1, 100)]
    await write(recorder, Batch(events=events))
    recorder.close()
    path = tmp_path / DATABASE
    pages = path.read_bytes()
    where = pages.index(b"SPO2_LOW") // 4096 * 4096
    path.write_bytes(pages[:where] + b"\xff" * 4096 + pages[where + 4096 :])
    with pytest.raises(StorageError, match="damaged") as refusal:
        SqliteRecorder(tmp_path)
    assert "\n" not in str(refusal.value)


@pytest.mark.spec("STORE-15")
async def test_a_reader_sees_what_is_done_while_the_server_writes(recorder, tmp_path):
    reading = open_reading(tmp_path)
    for number in range(1, 4):
        await write(recorder, Batch(events=[alarm_event(number)]))
        with reading.begin() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar() == number
            # A reader keeps nobody from writing.
            await write(recorder, observed("m1", numeric_row(number, 80.0)))
    reading.dispose()


@pytest.mark.spec("STORE-15")
async def test_a_reader_reads_after_the_server_has_gone(tmp_path):
    recorder = SqliteRecorder(tmp_path)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}, events=[alarm_event()]))
    recorder.close()
    reading = open_reading(tmp_path)
    with reading.begin() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM journal").scalar() == 1
    reading.dispose()


def test_a_reader_makes_nothing_where_there_is_nothing(tmp_path):
    with pytest.raises(NoData, match="is it the --data of a server"):
        open_reading(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.spec("STORE-14")
@pytest.mark.promise("G19")
@pytest.mark.parametrize(
    ("was", "becomes"), [(b"unit-of-B1", b"unit\xffof-B1"), (b"connected", b"connectet")]
)
async def test_a_database_with_words_that_were_never_written_is_refused(tmp_path, was, becomes):
    recorder = SqliteRecorder(tmp_path)
    batch = Batch(connections={"m1": Connection.CONNECTED}, beds=[Bed("B1", "unit-of-B1")])
    await write(recorder, batch)
    recorder.close()
    path = tmp_path / DATABASE
    content = path.read_bytes()
    assert was in content
    path.write_bytes(content.replace(was, becomes))
    again = SqliteRecorder(tmp_path)
    with pytest.raises(DatabaseDamaged, match=r"never written.*db restore"):
        again.load()
    again.close()
