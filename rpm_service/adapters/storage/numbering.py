"""Epochs of streams, and how far the numbers of their spools are on disk: written and read back."""

import json
from dataclasses import asdict
from typing import Final

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage.journal import OWN_STREAM
from rpm_service.adapters.storage.tables import gaps, spools, streams
from rpm_service.application.effects import Batch, Progress, SpoolKey

_NO_HOLES: Final = "[]"
_spool = sqlite.insert(spools)
_epoch = sqlite.insert(streams)
_PROGRESS: Final = str(
    _spool.on_conflict_do_update(
        index_elements=[spools.c.stream_id, spools.c.spool_id],
        set_={name: _spool.excluded[name] for name in ("newest", "holes", "epoch")},
    ).compile(dialect=sqlite.dialect())
)
_EPOCH: Final = str(
    _epoch.on_conflict_do_update(
        index_elements=[streams.c.stream_id], set_={"epoch": _epoch.excluded.epoch}
    ).compile(dialect=sqlite.dialect())
)
_GAP: Final = sqlite.insert(gaps).on_conflict_do_nothing()


def keep(connection: Connection, batch: Batch) -> None:
    """Writes what a batch has of numbers."""
    if batch.gaps:
        connection.execute(_GAP, [asdict(gap) for gap in batch.gaps])
    if batch.epochs:
        connection.exec_driver_sql(_EPOCH, list(batch.epochs.items()))
    for stream_id, spool_id in batch.spools_forgotten:
        connection.execute(
            delete(spools).where(spools.c.stream_id == stream_id, spools.c.spool_id == spool_id)
        )
    if batch.progress:
        rows = [
            (*key, newest, json.dumps(holes) if holes else _NO_HOLES, epoch)
            for key, (newest, holes, epoch) in batch.progress.items()
        ]
        connection.exec_driver_sql(_PROGRESS, rows)


def progress(connection: Connection) -> dict[SpoolKey, Progress]:
    """How far each spool is on disk; of one stream, the one used last comes last."""
    return {
        SpoolKey(row.stream_id, row.spool_id): Progress(
            row.newest, tuple((begin, end) for begin, end in json.loads(row.holes)), row.epoch
        )
        for row in connection.execute(select(spools).order_by(spools.c.epoch))
    }


def epochs(connection: Connection) -> dict[str, int]:
    """The newest epoch of each device's and gateway's stream."""
    of_peers = select(streams).where(streams.c.stream_id != OWN_STREAM)
    return {row.stream_id: row.epoch for row in connection.execute(of_peers)}
