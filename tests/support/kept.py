"""What a ward has decided and kept, put on disk at once, for programs that read it there."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch, NumericRow
from rpm_service.application.history import NumericColumns
from tests.support.batches import write
from tests.support.numbers import through
from tests.support.scene import Scene

BATCH_ROWS = 2_000


def keep(scene: Scene, directory: Path) -> None:
    """Everything that a scene has handed to the disk so far."""
    scene.commit()
    _keep(scene.written, directory)


def keep_columns(stored: Iterable[tuple[str, NumericColumns]], directory: Path) -> None:
    """What devices have sent, without anything that was decided on it."""
    _keep((batch for name, columns in stored for batch in _batches(name, columns)), directory)


def _keep(batches: Iterable[Batch], directory: Path) -> None:
    recorder = SqliteRecorder(directory)

    async def submit() -> None:
        for batch in batches:
            if batch:
                await write(recorder, batch)

    try:
        # A loop of its own, so that a test which has one may keep too.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(submit())).result()
    finally:
        recorder.close()


def _batches(device_id: str, columns: NumericColumns) -> Iterable[Batch]:
    count = len(columns)
    for begin in range(0, count, BATCH_ROWS):
        rows = [
            NumericRow(
                place + 1,
                float(columns.observed_at[place]),
                float(columns.received_at[place]),
                *columns.row(place),
            )
            for place in np.arange(begin, min(begin + BATCH_ROWS, count))
        ]
        yield Batch(
            descriptions={device_id: columns.description} if begin == 0 else {},
            numerics={device_id: rows},
            progress=through(f"device/{device_id}", rows[-1].seq),
        )
