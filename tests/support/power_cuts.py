"""Power is lost at every instant of the life of a writer of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from rpm_service.adapters.storage import archive, ledger
from rpm_service.adapters.storage.engine import DATABASE, open_reading
from rpm_service.adapters.storage.errors import StorageError
from rpm_service.adapters.storage.tables import journal
from rpm_service.adapters.storage.writer import SqliteRecorder
from tests.support import power

WRITER = """
import asyncio, os, sys
from itertools import count
from pathlib import Path
from rpm_service.adapters.storage import engine, tail
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch
from tests.support.batches import HR_AND_SPO2, alarm_event, numeric_row, observed, write

directory, transactions, synchronous = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
engine._WRITING = tuple(
    pragma.replace("synchronous = FULL", f"synchronous = {synchronous}")
    for pragma in engine._WRITING
)
tail.BLOCK_ROWS = 3

async def main():
    # Time passes with every look at the clock, so that the log is folded every now and then.
    recorder = SqliteRecorder(directory, clock=count().__next__)
    await write(recorder, Batch(descriptions={"m1": HR_AND_SPO2}))
    for seq in range(1, transactions + 1):
        batch = observed("m1", numeric_row(seq, 80.0, 97.0))
        batch.events.append(alarm_event(1, seq, value=float(seq)))
        await write(recorder, batch)
        os.write(1, b"done %d\\n" % seq)
    os._exit(0)

asyncio.run(main())
"""


MEMORY = Path("/dev/shm")
"""Images need no medium: there are thousands."""


@dataclass(slots=True)
class Found:
    cuts: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """What cannot be read, or is not what was written."""


def every_cut(directory: Path, transactions: int, synchronous: str, seed: int) -> Found:
    """Cuts the power after each step of a writer, and looks at what a server would find."""
    data = directory / "data"
    SqliteRecorder(data).close()
    before = {str(path): path.read_bytes() for path in data.iterdir()}
    arguments = ("-c", WRITER, str(data), str(transactions), synchronous)
    steps = power.traced(data, directory / "trace", *arguments)
    assert [step.what for step in steps].count("said") == transactions
    found, rng, done, medium = Found(), Random(seed), 0, power.Medium(before)
    known: dict[bytes, int | str] = {}
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        (Path(place) / DATABASE).touch()
        engine = open_reading(Path(place))
        for cut, step in enumerate(steps, 1):
            medium.take(step)
            if step.what == "said":
                done = int(step.data.split()[1])
            for left in ("nothing", "everything", "some", "some"):
                found.cuts += 1
                files = medium.image(left, rng)
                digest = sha256(b"".join(files[path] for path in sorted(files))).digest()
                if digest not in known:
                    known[digest] = _durable(Path(place), files, engine)
                durable, when = known[digest], f"after step {cut}, {left} else was written"
                if isinstance(durable, str):
                    found.wrong.append(f"{when}: {durable}")
                elif durable < done:
                    found.lost.append(f"{when}: {done} were done, {durable} are there")
    return found


def _durable(place: Path, files: Mapping[str, bytes], engine: Engine) -> int | str:
    """How many transactions are there, each whole and once; or what is wrong."""
    for path, content in files.items():
        (place / Path(path).name).write_bytes(content)
    # Of memory, of which nothing is left.
    (place / f"{DATABASE}-shm").unlink(missing_ok=True)
    try:
        with engine.begin() as connection:
            whole = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
            chained = ledger.verify(connection, journal).number
        rows = [row.seq for _, row in archive.numerics(engine, "m1")]
    except (DBAPIError, StorageError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        engine.dispose()
    if whole != "ok" or rows != [*range(1, chained + 1)]:
        return f"{whole}: rows {rows}, {chained} alarm events"
    return chained
