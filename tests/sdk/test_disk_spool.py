"""The spool on disk: what it keeps, for how long, and who may use it."""

import shutil
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from rpm_service.sdk import Credentials, DiskSpool, Monitor, SpoolUnusable, TelemetryClient
from rpm_service.sdk.disk_spool import READ_AHEAD
from rpm_service.sdk.spool import FRAME_OVERHEAD_BYTES, Frame
from rpm_service.sdk.wire import Numbered
from tests.support.fake_telemetry import FakeTelemetry
from tests.support.process import process

PATIENCE_S = 30.0
PAYLOAD = b"\x12\x00"


def numbers(spool: DiskSpool) -> list[int]:
    found, number = [], 0
    while (frame := spool.after(number)) is not None:
        number = frame.number
        found.append(number)
    return found


@pytest.mark.spec("SDK-20")
def test_what_was_kept_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "spool")
    for _ in range(3):
        spool.append(Numbered.OBSERVATIONS, PAYLOAD)
    spool.append(Numbered.DEVICE_ALARM, b"alarm")
    spool.base = 41
    assert spool.release(1, 1) == 1
    size = spool.size_bytes
    spool.close()
    again = DiskSpool(tmp_path / "spool")
    assert numbers(again) == [2, 3, 4]
    assert (again.first, again.last, again.base, len(again)) == (2, 4, 41, 3)
    assert again.size_bytes == size
    last = again.get(4)
    assert last is not None
    assert (last.kind, last.payload) == (Numbered.DEVICE_ALARM, b"alarm")
    assert again.release(1, 4) == 3
    again.close()
    empty = DiskSpool(tmp_path / "spool")
    assert (len(empty), empty.first, empty.last) == (0, 0, 4)
    assert empty.append(Numbered.OBSERVATIONS, PAYLOAD) == 5
    empty.close()


@pytest.mark.spec("SDK-21")
def test_what_is_too_old_is_given_up_and_counted(tmp_path: Path) -> None:
    times = iter((1000.0, 1030.0, 1061.0, 2000.0))
    spool = DiskSpool(tmp_path / "spool", age_s_max=60, clock=lambda: next(times))
    for _ in range(3):
        spool.append(Numbered.OBSERVATIONS, PAYLOAD)
    assert numbers(spool) == [2, 3]
    assert spool.frames_dropped == 1
    spool.append(Numbered.OBSERVATIONS, PAYLOAD)
    assert numbers(spool) == [4]
    assert spool.frames_dropped == 3
    spool.close()


@pytest.mark.spec("SDK-22")
def test_a_file_is_one_processs_and_its_owners_alone(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "spool")
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o600
    with pytest.raises(SpoolUnusable, match="database is locked"):
        DiskSpool(tmp_path / "spool")
    spool.close()
    DiskSpool(tmp_path / "spool").close()


@pytest.mark.spec("SDK-22")
def test_a_file_of_another_version_or_none_is_refused(tmp_path: Path) -> None:
    later = sqlite3.connect(tmp_path / "later")
    later.execute("PRAGMA user_version = 7")
    later.close()
    with pytest.raises(SpoolUnusable, match="of version 7; this program reads 3"):
        DiskSpool(tmp_path / "later")
    (tmp_path / "text").write_text("no spool at all " * 100)
    with pytest.raises(SpoolUnusable, match="file is not a database"):
        DiskSpool(tmp_path / "text")
    with pytest.raises(SpoolUnusable, match="unable to open"):
        DiskSpool(tmp_path / "nowhere" / "spool")


# -- files of earlier versions ---------------------------------------------------------------

VERSION_1 = """
CREATE TABLE frames (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    has_waveforms INTEGER NOT NULL,
    kept_at REAL NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX frames_with_waveforms ON frames (number) WHERE has_waveforms;
CREATE INDEX frames_observed ON frames (number) WHERE kind = 'observations';
CREATE TABLE spool (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL,
    base INTEGER
);
INSERT INTO spool VALUES (1, 0, NULL);
"""
"""As the first version made them: this must never be changed."""
NAME_OF_2 = 4711
VERSION_2 = f"""
ALTER TABLE spool ADD COLUMN spool_id INTEGER NOT NULL DEFAULT 0;
CREATE INDEX frames_alarms ON frames (number) WHERE kind = 'device_alarm';
UPDATE spool SET spool_id = {NAME_OF_2};
"""
"""What the second had more, with a name for the spool."""

OLD_FRAMES = [
    Frame(3, Numbered.OBSERVATIONS, PAYLOAD, has_waveforms=False),
    Frame(4, Numbered.OBSERVATIONS, bytes(range(256)) * 40, has_waveforms=True),
    Frame(5, Numbered.DEVICE_ALARM, b"alarm", has_waveforms=False),
    Frame(7, Numbered.OBSERVATIONS, b"\0", has_waveforms=False),
]
"""Up to 2 was acknowledged, and 6 given up."""


def make(path: Path, version: int, *, killed: bool = False) -> None:
    """A file as a process of that version left it, in order or by a kill -9."""
    made = path.with_name("made") if killed else path
    file = sqlite3.connect(made, isolation_level=None)
    file.execute("PRAGMA locking_mode = EXCLUSIVE")
    file.execute("PRAGMA journal_mode = WAL")
    file.execute("PRAGMA synchronous = NORMAL")
    tables = (VERSION_1, VERSION_2)[:version]
    file.executescript(f"BEGIN EXCLUSIVE; {' '.join(tables)} COMMIT")
    file.execute(f"PRAGMA user_version = {version}")
    rows = [
        (each.number, each.kind.value, each.has_waveforms, 1000.0 + each.number, each.payload)
        for each in OLD_FRAMES
    ]
    file.executemany("INSERT INTO frames VALUES (?, ?, ?, ?, ?)", rows)
    file.execute("UPDATE spool SET last = 7, base = 100")
    if killed:
        # What it had written is in the log still.
        shutil.copy(made, path)
        shutil.copy(f"{made}-wal", f"{path}-wal")
    file.close()


@pytest.mark.spec("SDK-29")
@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_is_taken_up_whole(
    tmp_path: Path, version: int, *, killed: bool
) -> None:
    path = tmp_path / "spool"
    make(path, version, killed=killed)
    spool = DiskSpool(path, clock=lambda: 1100.0)
    assert [spool.get(number) for number in numbers(spool)] == OLD_FRAMES
    assert list(spool.alarms(1)) == [OLD_FRAMES[2]]
    assert (spool.first, spool.last, spool.base, len(spool)) == (3, 7, 100, 4)
    assert spool.size_bytes == sum(each.size_bytes for each in OLD_FRAMES)
    assert spool.append(Numbered.DEVICE_ALARM, b"more") == 8
    name = spool.spool_id
    assert name > 0
    assert (name == NAME_OF_2) == (version == 2)
    spool.close()
    again = DiskSpool(path, clock=lambda: 1100.0)
    assert (numbers(again), again.spool_id) == ([3, 4, 5, 7, 8], name)
    assert [each.number for each in again.alarms(1)] == [5, 8]
    assert again.release(3, 5) == 3
    again.close()


@pytest.mark.spec("SDK-29")
def test_a_file_of_an_earlier_version_keeps_its_bounds(tmp_path: Path) -> None:
    make(tmp_path / "spool", 1)
    # What was kept at 1003 is too old by now, and not more.
    spool = DiskSpool(tmp_path / "spool", age_s_max=60, clock=lambda: 1063.5)
    spool.append(Numbered.OBSERVATIONS, PAYLOAD)
    assert (numbers(spool), spool.frames_dropped) == ([4, 5, 7, 8], 1)
    spool.close()


@pytest.mark.spec("SDK-29")
def test_a_file_of_an_earlier_version_that_is_in_use_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    make(path, 1)
    user = sqlite3.connect(path)
    user.execute("BEGIN IMMEDIATE")
    with pytest.raises(SpoolUnusable, match="database is locked"):
        DiskSpool(path)
    user.rollback()
    assert user.execute("PRAGMA user_version").fetchone() == (1,)
    user.close()
    DiskSpool(path).close()


# -- files that are damaged -----------------------------------------------------------------


@pytest.fixture
def whole(tmp_path: Path) -> dict[int, bytes]:
    """The file "whole" with frames of all sizes, some over several pages; gives their payloads."""
    spool, rng = DiskSpool(tmp_path / "whole", clock=lambda: 1000.0), Random(1)
    kept = {}
    for place in range(80):
        payload = rng.randbytes(60 if place % 4 else 6000)
        kept[spool.append(Numbered.OBSERVATIONS, payload, has_waveforms=not place % 4)] = payload
    spool.close()
    return kept


def held(path: Path) -> dict[int, bytes]:
    """What is read of a spool, as if it was sent. Raises SpoolUnusable."""
    spool = DiskSpool(path, clock=lambda: 1000.0)
    try:
        found, number = {}, 0
        while (frame := spool.after(number)) is not None:
            number = frame.number
            found[number] = frame.payload
        return found
    finally:
        spool.close()


@pytest.mark.spec("SDK-42")
def test_of_a_file_that_was_changed_anywhere_nothing_else_is_sent(
    tmp_path: Path, whole: dict[int, bytes]
) -> None:
    content, path, rng = (tmp_path / "whole").read_bytes(), tmp_path / "spool", Random(2)
    given_up = 0
    for _ in range(60):
        changed = bytearray(content)
        changed[rng.randrange(len(changed))] ^= rng.randrange(1, 256)
        path.write_bytes(changed)
        with suppress(SpoolUnusable):
            found = held(path)
            assert found.items() <= whole.items()
            given_up += len(found) < len(whole)
    assert given_up > 20


@pytest.mark.spec("SDK-42")
def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, whole: dict[int, bytes]) -> None:
    content, path = (tmp_path / "whole").read_bytes(), tmp_path / "spool"
    for length in (100, 4095, 4096, 4097, *range(8192, len(content), 10_007), len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(SpoolUnusable, match="malformed; move it away, and a new one begins"):
            held(path)
    path.write_bytes(content)
    assert held(path) == whole


@pytest.mark.spec("SDK-42")
def test_frames_that_are_damaged_are_given_up_counted_and_passed_over(tmp_path: Path) -> None:
    spool = DiskSpool(tmp_path / "spool", bytes_max=300_000, clock=lambda: 1000.0)
    for _ in range(READ_AHEAD + 10):
        spool.append(Numbered.OBSERVATIONS, PAYLOAD)
    spool.append(Numbered.DEVICE_ALARM, b"alarm")
    spool.append(Numbered.DEVICE_ALARM, b"alarm")
    spool.close()
    with closing(sqlite3.connect(tmp_path / "spool")) as file, file:
        # More than are read at once; and an alarm, and a kind that there is not.
        file.execute(f"UPDATE frames SET payload = x'1203' WHERE number <= {READ_AHEAD + 5}")
        file.execute(f"UPDATE frames SET payload = x'00' WHERE number = {READ_AHEAD + 12}")
        file.execute(f"UPDATE frames SET kind = x'ff' WHERE number = {READ_AHEAD + 6}")
    spool = DiskSpool(tmp_path / "spool", clock=lambda: 1000.0)
    assert [each.number for each in spool.alarms(1)] == [READ_AHEAD + 11]
    assert numbers(spool) == [READ_AHEAD + place for place in (7, 8, 9, 10, 11)]
    assert (len(spool), spool.frames_dropped) == (5, READ_AHEAD + 7)
    assert spool.size_bytes == 5 * FRAME_OVERHEAD_BYTES + 4 * len(PAYLOAD) + len(b"alarm")
    spool.close()


@pytest.mark.spec("SDK-42")
def test_a_frame_that_is_damaged_makes_room_like_any_other(tmp_path: Path) -> None:
    room = 300_000
    spool = DiskSpool(tmp_path / "spool", bytes_max=room, clock=lambda: 1000.0)
    for _ in range(3):
        spool.append(Numbered.OBSERVATIONS, bytes(90_000), has_waveforms=True)
    spool.close()
    with closing(sqlite3.connect(tmp_path / "spool")) as file, file:
        file.execute("UPDATE frames SET payload = zeroblob(90001) WHERE number = 1")
    spool = DiskSpool(tmp_path / "spool", bytes_max=room, clock=lambda: 1000.0)
    assert spool.append(Numbered.OBSERVATIONS, bytes(90_000)) == 4
    assert (numbers(spool), spool.frames_dropped) == ([2, 3, 4], 1)
    spool.close()


@pytest.mark.system
@pytest.mark.spec("SDK-20")
async def test_what_a_killed_process_had_taken_is_sent_by_the_next(
    server: FakeTelemetry,
    certs: Path,
    credentials: Credentials,
    monitor: Monitor,
    tmp_path: Path,
) -> None:
    path = tmp_path / "spool"
    arguments = (server.target, str(certs), monitor.id, str(path))
    with process("-m", "tests.support.spooling", *arguments) as device:
        session = await server.session()
        await session.open(resume_from_seq=101)
        await session.observations_of(101, 102, 103, 104, 105)
        device.kill()
    spool = DiskSpool(path)
    async with TelemetryClient(server.target, credentials, [monitor], spool=spool) as client:
        client.observe([99.0, 60.0])
        session = await server.session()
        hello = await session.open(resume_from_seq=103)
        # Its process was killed before it could hear of an acknowledgement.
        assert (hello.spool_first_seq, hello.spool_last_seq) == (101, 106)
        frames = await session.observations_of(103, 104, 105, 106)
        assert [frame.entries[0].values[0] for frame in frames] == [3.0, 4.0, 5.0, 99.0]
        await session.ack(106)
        await client.drained(PATIENCE_S)
