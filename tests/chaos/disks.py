"""A disk that is full, slow, locked, broken or damaged under a server: alarms go on, nothing is lost."""

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import datetime
from math import inf
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from rpm_service.adapters.storage.copies import check_copy
from rpm_service.adapters.storage.errors import StorageError
from rpm_service.adapters.storage.retention import USUAL, Forgetting
from rpm_service.adapters.storage.tail import WAVEFORMS
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import WaveformRow
from tests.chaos.history import Record
from tests.chaos.processes import Child
from tests.chaos.proofs import Figure, proof
from tests.chaos.stored import DATABASE
from tests.chaos.ward import Ward, after
from tests.support.older import make_older
from tests.support.power_cuts import every_cut

DEVICES, FPS, VIEWERS = 50, 10.0, 4
FULL_S: Final = float(os.environ.get("RPM_CHAOS_FULL_S", "60"))
"""How long the disk is full; ten minutes by hand."""
LONG_S, ROWS_MAX, SENT_AGAIN_S_MAX = 20.0, 5_000, 45.0
"""So that in this time samples are let go of twice; they come at the rate of backfill."""
DISK: Final = f"size={int(max(48, FULL_S / 2.5))}m,mode=700"
WELL_S: Final = 3.0
"""How long all is well before and after."""
LOCKED_S: Final = 8.0
ALARM_P99_S_MAX, ACKS_S_MAX, TOLD_S_MAX, CAUGHT_UP_S_MAX = 0.5, 1.0, 5.0, 10.0
STORAGE: Final = "STORAGE_DEGRADED"
EXIT_CODE: Final = 8
STALLS_S: Final = 10.0
STALLS: Final = "delay_enter=5000000:when=150..151"
BROKEN: Final = "error=EIO:when=150"
STOP_S_MAX, GAP_S_MAX = 10.0, 10.0
TRANSACTIONS, BLOCKS = 60, 1000
FEW, FLIPS = 8, 100
KEPT: Final = ("numerics", "numerics_tail", "waveforms", "waveforms_tail", "journal", "acts")
OLDER: Final = "0002"
"""The version of the database that an upgrade begins with."""


@proof("G18", needs=("mount",))
async def full_disk(ward: Ward) -> list[Figure]:
    """A disk that is full for a while: alarms in time, nothing acknowledged, all caught up with."""
    return await full(ward, FULL_S, DEVICES)


@proof("G18", needs=("mount",))
async def full_for_long(ward: Ward) -> list[Figure]:
    """A disk that is full for longer than a server can hold: what it let go of is sent again."""
    return await full(ward, LONG_S, DEVICES, ROWS_MAX, SENT_AGAIN_S_MAX)


async def full(
    ward: Ward,
    seconds: float,
    count: int,
    rows_max: int | None = None,
    caught_up_s_max: float = CAUGHT_UP_S_MAX,
) -> list[Figure]:
    """Fills the disk under load for so long; with `rows_max` the server lets go beyond these."""
    data = ward.server.data
    if rows_max is not None:
        ward.server.environment["RPM_ROWS_MAX"] = str(rows_max)
    with small_disk(data) as is_there:
        if not is_there:
            note = "not run: may not mount"
            return [Figure("G18", "a disk that is full", None, "", 0, note=note)]
        async with _load(ward, count) as devices:
            since = time.time()
            filler = data / "filler"
            _fill(filler)
            ward.say(f"full for {seconds:g} s")
            await asyncio.sleep(seconds)
            filler.unlink()
            until = time.time()
            await asyncio.sleep(WELL_S)
            await ward.finish(devices)
        what, refused_at = f"full for {seconds:g} s", _refused_at(ward, since, until)
        return _figures("G18", what, ward, refused_at, until, caught_up_s_max)


@contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """A disk of little room at a place, gone afterwards; tells whether it may be mounted.

    A server that still runs there keeps it until it has ended, and nobody else sees it.
    """
    place.mkdir(mode=0o700, exist_ok=True)
    while place.is_mount() and _ran("umount", "-l", str(place)):
        # Of a run that was killed.
        continue
    is_there = _ran("mount", "-t", "tmpfs", "-o", DISK, "none", str(place))
    try:
        yield is_there
    finally:
        if is_there:
            _ran("umount", "-l", str(place))


def _ran(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@proof("G20", needs=("strace",))
async def slow_disk(ward: Ward) -> list[Figure]:
    """Syncs of 5 s, then a database that another program locks: alarms in time, nothing lost."""
    ward.server.before = _faults(ward, STALLS)
    async with _load(ward, DEVICES) as devices:
        ward.say(f"stalled for {STALLS_S:g} s")
        while not _storage_alarms(ward.records("event"), 0.0):
            await asyncio.sleep(0.5)
        await asyncio.sleep(STALLS_S + WELL_S)
        since = time.time()
        ward.say(f"locked for {LOCKED_S:g} s")
        with closing(sqlite3.connect(ward.server.data / DATABASE, timeout=30)) as another:
            another.execute("BEGIN EXCLUSIVE")
            await asyncio.sleep(LOCKED_S)
            another.rollback()
        until = time.time()
        await asyncio.sleep(WELL_S)
        await ward.finish(devices)
    return _figures("G20", f"stalled, then locked for {LOCKED_S:g} s", ward, since, until)


@proof("G19", needs=("strace",))
async def broken_disk(ward: Ward) -> list[Figure]:
    """An fsync that fails: the server ends and says so, and what was acknowledged is there."""
    return await broken(ward, BROKEN, DEVICES)


async def broken(ward: Ward, inject: str, count: int) -> list[Figure]:
    """Makes an fsync fail under load; the next start has a disk that works."""
    ward.server.before = _faults(ward, inject)
    async with _load(ward, count) as devices:
        ward.server.before = ()
        run = ward.server.runs[-1]
        await ward.server.ended(run)
        ward.say(f"ended with {run.code}")
        await ward.server.serving()
        await devices.wait_for("back")
        await asyncio.sleep(WELL_S)
        await ward.finish(devices)
    said = (ward.directory / "server.log").read_text().count("failed to keep what was written")
    verdict = ward.check()
    return [
        Figure("G19", "an fsync fails: exit code of the server", run.code, "", EXIT_CODE, EXIT_CODE),
        Figure("G19", "lines that say so and what to do", said, "", 1, 1),
        Figure("G19", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
        Figure("G19", "stored twice", len(verdict.duplicated), "", 0),
    ]  # fmt: skip


@proof("G20")
async def stop_without_a_disk(ward: Ward) -> list[Figure]:
    """A stop while another program locks the database: in time, and said."""
    async with _load(ward, DEVICES) as devices:
        with closing(sqlite3.connect(ward.server.data / DATABASE, timeout=30)) as another:
            another.execute("BEGIN EXCLUSIVE")
            begun = time.monotonic()
            code = await ward.server.stop()
            took = time.monotonic() - begun
        await ward.server.start()
        await devices.wait_for("back")
        await ward.finish(devices)
    verdict = ward.check()
    return [
        Figure("G20", "a stop with a locked database", took, "s", STOP_S_MAX),
        Figure("G20", "its exit code", code, "", EXIT_CODE, EXIT_CODE),
        Figure("G20", f"{verdict.acked} acknowledged samples: lost", len(verdict.lost), "", 0),
        Figure("G20", "stored twice", len(verdict.duplicated), "", 0),
    ]


@proof("G21", needs=("strace",))
async def power_cuts(ward: Ward) -> list[Figure]:
    """Power that is lost at every instant of a writer's life: what was called done is there."""
    found = await asyncio.to_thread(every_cut, ward.directory, TRANSACTIONS, "FULL", ward.seed)
    what = f"{TRANSACTIONS} transactions, {found.cuts} cuts"
    return [
        Figure("G21", f"{what}: lost", len(found.lost), "", 0),
        Figure("G21", f"{what}: unreadable, in part or twice", len(found.wrong), "", 0),
    ]


@proof("G22")
async def upgrade(ward: Ward) -> list[Figure]:
    """A newer version takes over under load, with a database of an earlier one."""
    async with _load(ward, DEVICES) as devices:
        begun = time.time()
        await ward.server.stop()
        make_older(ward.server.data, OLDER)
        await ward.server.start()
        await devices.wait_for("back")
        await asyncio.sleep(WELL_S)
        await ward.finish(devices)
    verdict = ward.check()
    gap = max(after(ward.records("acked"), ward.server.runs[-1].begun_at, "device").values())
    gap += ward.server.runs[-1].begun_at - begun
    return [
        Figure("G22", f"{verdict.acked} acknowledged samples, from {OLDER}: lost", len(verdict.lost), "", 0),
        Figure("G22", "stored twice", len(verdict.duplicated), "", 0),
        Figure("G22", "from SIGTERM until all are acknowledged again", gap, "s", GAP_S_MAX),
        Figure("G22", "a step of forgetting holds the writer, median", _step_s() * 1000, "ms", 50),
    ]  # fmt: skip


def _step_s() -> float:
    """How long steps of forgetting take, with their commits: the median."""
    with TemporaryDirectory() as place:
        recorder = SqliteRecorder(Path(place))
        rows = [WaveformRow(seq, 0, seq, seq, bytes(500)) for seq in range(96)]
        block = {"device_number": 1, "description_id": 1, **WAVEFORMS.pack(rows)._asdict()}
        engine = recorder._engine
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO descriptions VALUES (1, x'00', '{}')")
            connection.exec_driver_sql("INSERT INTO devices VALUES (1, 'm1', 1, 'connected')")
            connection.execute(WAVEFORMS.blocks.insert(), [block] * BLOCKS)
        forgetting, took = Forgetting(USUAL), []
        while forgetting.forgotten < BLOCKS:
            begun = time.perf_counter()
            with engine.begin() as connection:
                forgetting.step(connection, 1e9, time.perf_counter)
            took.append(time.perf_counter() - begun)
        recorder.close()
    return median(took)


def _faults(ward: Ward, inject: str) -> Sequence[str]:
    """Makes the syncs of each thread fail; the server stays the child of whoever starts it."""
    return (
        "strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", str(ward.directory / "strace"),
        "-e", "trace=fdatasync", "-e", f"inject=fdatasync:{inject}",
    )  # fmt: skip


@asynccontextmanager
async def _load(ward: Ward, count: int) -> AsyncIterator[Child]:
    await ward.server.start()
    devices = await ward.devices(count=count, fps=FPS, falters=True)
    await ward.viewers(count=VIEWERS)
    await asyncio.sleep(WELL_S)
    yield devices


def _fill(filler: Path) -> None:
    """Takes all the room that is left, to the last byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def _figures(
    promise: str,
    what: str,
    ward: Ward,
    since: float,
    until: float,
    caught_up_s_max: float = CAUGHT_UP_S_MAX,
) -> list[Figure]:
    verdict = ward.check()
    told = min(_storage_alarms(ward.records("event"), since), default=inf) - since
    acks = [each["t"] for each in ward.records("acked") if since <= each["t"] < until]
    lasted = max((at - since for at in acks), default=0.0)
    latencies = sorted(verdict.latencies)
    p99 = latencies[int(0.99 * (len(latencies) - 1))] if latencies else inf
    rows = f"{verdict.acked} acknowledged samples, {what}"
    return [
        Figure(promise, f"{rows}: lost", len(verdict.lost), "", 0),
        Figure(promise, f"{verdict.stored} stored samples: stored twice", len(verdict.duplicated), "", 0),
        Figure(promise, f"{verdict.alarms} alarm conditions: lost", len(verdict.missed), "", 0),
        Figure(promise, f"{len(latencies)} alarms at viewers, p99", p99, "s", ALARM_P99_S_MAX),
        Figure(promise, "acknowledged although the disk fails, for", lasted, "s", ACKS_S_MAX),
        Figure(promise, f"until {STORAGE} is at a viewer", told, "s", TOLD_S_MAX),
        Figure(promise, "until all is caught up with", _caught_up(ward, until), "s", caught_up_s_max),
    ]  # fmt: skip


def _refused_at(ward: Ward, since: float, until: float) -> float:
    """When the server last began to say that its disk refuses.

    It may still find some room at first, in what it folds: then it says that it writes again.
    """
    found = since
    for line in (ward.directory / "server.log").read_text().splitlines():
        if " ERROR storage: the database refuses" in line:
            at = datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()  # noqa: DTZ007 - as logged
            if since <= at < until:
                found = at
    return found


def _storage_alarms(events: Sequence[Record], since: float) -> list[float]:
    return [
        each["t"]
        for each in events
        if each["t"] >= since
        and (each["alarm"]["condition"], each["alarm"]["phase"]) == (STORAGE, "start")
    ]


def _caught_up(ward: Ward, at: float) -> float:
    """How long until everything that each device had observed by then was acknowledged."""
    waiting: dict[str, set[int]] = {}
    longest = 0.0
    for each in ward.records("observed", "acked"):
        frames = waiting.setdefault(each["device"], set())
        if each["what"] == "observed" and each["t"] <= at:
            frames.add(each["n"])
        elif each["what"] == "acked" and frames:
            frames.difference_update(range(each["first"], each["last"] + 1))
            if not frames and each["t"] > at:
                longest = max(longest, each["t"] - at)
    return inf if any(waiting.values()) else longest


@proof("G19")
async def flipped_bytes(ward: Ward) -> list[Figure]:
    """Bytes of a database that have changed: refused, found by verify, or of no consequence."""
    async with _load(ward, FEW) as devices:
        await ward.finish(devices)
    whole, place = ward.server.data / DATABASE, ward.directory / "flipped"
    await asyncio.to_thread(_fold, whole)
    told, silent = 0, 0
    known, content = _kept(whole), whole.read_bytes()
    for _ in range(FLIPS):
        changed = bytearray(content)
        changed[ward.rng.randrange(len(changed))] ^= ward.rng.randrange(1, 256)
        place.write_bytes(changed)
        try:
            check_copy(place)
        except StorageError:
            told += 1
            continue
        silent += _kept(place) != known
    what = f"{FLIPS} bytes changed, one at a time, in {len(content) >> 10} KiB: {told} told"
    return [Figure("G19", f"{what}; samples and journal wrong and not told", silent, "", 0)]


def _fold(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")


def _kept(database: Path) -> list[list[tuple[Any, ...]]]:
    """Everything of the tables that hold what was measured, alarmed and done."""
    with closing(sqlite3.connect(database)) as connection:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in KEPT]
