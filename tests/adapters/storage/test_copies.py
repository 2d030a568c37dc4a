"""Copies of a database: whole, checked, and put back."""

import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from rpm_service.adapters.storage import copies
from rpm_service.adapters.storage.copies import check_against, check_copy, copy, put_back
from rpm_service.adapters.storage.engine import DATABASE
from rpm_service.adapters.storage.errors import (
    CopyUnusable,
    DatabaseDamaged,
    DataDirectoryBusy,
    StorageError,
)
from rpm_service.adapters.storage.journal import events
from rpm_service.adapters.storage.ledger import LedgerBroken
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Act, Batch
from rpm_service.application.places import Scope
from tests.support.batches import T0, alarm_event, write


def ignored(_done: float) -> None:
    """Nobody looks at how far it is."""


def batch(number: int) -> Batch:
    return Batch(
        events=[alarm_event(number)], acts=[Act(T0 + number, "nurse", "admit", "B12", str(number))]
    )


async def filled(directory: Path, count: int = 3) -> SqliteRecorder:
    recorder = SqliteRecorder(directory)
    for number in range(1, count + 1):
        await write(recorder, batch(number))
    return recorder


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def stored(directory: Path) -> list[int]:
    from rpm_service.adapters.storage.engine import open_reading

    engine = open_reading(directory)
    try:
        return [event.alarm.occurrence_id for event in events(engine, Scope())]
    finally:
        engine.dispose()


@pytest.mark.spec("STORE-33")
@pytest.mark.spec("STORE-36")
async def test_a_copy_is_the_database_of_one_moment_while_the_server_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await filled(tmp_path / "data", 20)
    monkeypatch.setattr(copies, "PAGES", 1)
    begun, go_on = threading.Event(), threading.Event()
    told: list[float] = []

    def progress(done: float) -> None:
        told.append(done)
        begun.set()
        assert go_on.wait(30)

    found: list[copies.Heads] = []
    target = tmp_path / "copy"
    copying = threading.Thread(
        target=lambda: found.append(copy(tmp_path / "data", target, progress))
    )
    copying.start()
    assert begun.wait(30)
    assert not target.exists()
    for number in range(21, 30):
        await write(recorder, batch(number))
    go_on.set()
    copying.join()
    recorder.close()
    assert (found[0].journal.number, found[0].acts.number) == (20, 20)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert check_copy(target) == found[0]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(tmp_path) == ["copy", "data"]
    check_against(tmp_path / "data" / DATABASE, found[0])


@pytest.mark.spec("STORE-33")
async def test_a_copy_that_was_not_finished_has_no_name(tmp_path: Path) -> None:
    recorder = await filled(tmp_path / "data")

    def stops(_done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(tmp_path / "data", tmp_path / "copy", stops)
    assert names(tmp_path) == ["data"]
    copy(tmp_path / "data", tmp_path / "copy", ignored)
    with pytest.raises(CopyUnusable, match="is there already"):
        copy(tmp_path / "data", tmp_path / "copy", ignored)
    with pytest.raises(CopyUnusable, match="cannot write"):
        copy(tmp_path / "data", tmp_path / "nowhere" / "copy", ignored)
    recorder.close()


def changes_a_row(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE journal SET priority = 1 WHERE number = 2")
    connection.close()


def takes_an_act_out(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM acts WHERE number = 1")
    connection.close()


def damages_a_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # The second half of the file: pages of rows.
    for place in range(len(data) // 2, len(data), 4096):
        data[place : place + 200] = bytes(200)
    path.write_bytes(data)


@pytest.mark.spec("STORE-34")
@pytest.mark.parametrize(
    ("harm", "error"),
    [
        (changes_a_row, LedgerBroken),
        (takes_an_act_out, LedgerBroken),
        (damages_a_page, DatabaseDamaged),
        (lambda path: path.write_text("nothing of ours" * 100), DatabaseDamaged),
        (lambda path: path.write_bytes(b""), CopyUnusable),
        (lambda path: path.unlink(), CopyUnusable),
    ],
)
async def test_what_is_not_as_it_was_written_is_found_and_not_put_back(
    tmp_path: Path, harm: Callable[[Path], object], error: type[StorageError]
) -> None:
    recorder = await filled(tmp_path / "data", 50)
    recorder.close()
    copy(tmp_path / "data", tmp_path / "copy", ignored)
    harm(tmp_path / "copy")
    with pytest.raises(error):
        check_copy(tmp_path / "copy")
    with pytest.raises(error):
        put_back(tmp_path / "copy", tmp_path / "other", replace=False, progress=ignored)
    assert not (tmp_path / "other").exists()


@pytest.mark.spec("STORE-34")
async def test_what_was_cut_off_at_the_end_shows_against_an_earlier_head(tmp_path: Path) -> None:
    recorder = await filled(tmp_path / "data", 5)
    recorder.close()
    heads = copy(tmp_path / "data", tmp_path / "copy", ignored)
    with sqlite3.connect(tmp_path / "copy") as connection:
        connection.execute("DELETE FROM acts WHERE number = 5")
    connection.close()
    assert check_copy(tmp_path / "copy").acts.number == 4
    with pytest.raises(LedgerBroken, match="acts 5 is not as it was then"):
        check_against(tmp_path / "copy", heads)


@pytest.mark.spec("STORE-35")
async def test_a_server_goes_on_from_a_copy_and_what_was_there_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "data"
    recorder = await filled(data)
    copy(data, tmp_path / "copy", ignored)
    await write(recorder, batch(4))
    with pytest.raises(DataDirectoryBusy):
        put_back(tmp_path / "copy", data, replace=True, progress=ignored)
    recorder.close()
    with pytest.raises(CopyUnusable, match="--replace"):
        put_back(tmp_path / "copy", data, replace=False, progress=ignored)
    assert stored(data) == [1, 2, 3, 4]
    aside = put_back(tmp_path / "copy", data, replace=True, progress=ignored)
    assert aside is not None
    assert check_copy(aside).journal.number == 4
    assert stored(data) == [1, 2, 3]
    recorder = SqliteRecorder(data)
    assert recorder.load().next_occurrence == 100_001
    await write(recorder, batch(9))
    recorder.close()
    assert stored(data) == [1, 2, 3, 9]
    assert check_copy(data / DATABASE).acts.number == 4


@pytest.mark.spec("STORE-35")
async def test_a_copy_is_put_back_where_nothing_was(tmp_path: Path) -> None:
    recorder = await filled(tmp_path / "data")
    recorder.close()
    copy(tmp_path / "data", tmp_path / "copy", ignored)
    assert put_back(tmp_path / "copy", tmp_path / "new", replace=False, progress=ignored) is None
    assert stored(tmp_path / "new") == [1, 2, 3]
    assert stat.S_IMODE((tmp_path / "new" / DATABASE).stat().st_mode) == 0o600
