"""The spool on disk: what it keeps, for how long, and who may use it."""

import sqlite3
import stat
from pathlib import Path

import pytest

from rpm_service.sdk import Credentials, DiskSpool, Monitor, SpoolUnusable, TelemetryClient
from rpm_service.sdk.wire import Numbered
from tests.support.fake_telemetry import FakeTelemetry
from tests.support.process import process

PATIENCE_S = 10.0
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
    with pytest.raises(SpoolUnusable, match="of version 7; this program reads 2"):
        DiskSpool(tmp_path / "later")
    (tmp_path / "text").write_text("no spool at all " * 100)
    with pytest.raises(SpoolUnusable, match="file is not a database"):
        DiskSpool(tmp_path / "text")
    with pytest.raises(SpoolUnusable, match="unable to open"):
        DiskSpool(tmp_path / "nowhere" / "spool")


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
