"""A recorder that keeps batches in memory, and can be told to fail or to wait."""

import asyncio
from collections.abc import Callable, Sequence

from rpm_service.application.effects import Batch, Restored
from rpm_service.application.records import SCORES_MAX
from rpm_service.domain.early_warning import Score


class MemoryRecorder:
    def __init__(self, restored: Restored | None = None) -> None:
        self.batches: list[Batch] = []
        self.restored = restored or Restored()
        self.error: Exception | None = None

    def load(self) -> Restored:
        return self.restored

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        if self.error is None:
            self.batches.append(batch)
        asyncio.get_running_loop().call_soon(done, self.error)

    def scores(self, patient_id: str, since: float, before: float) -> Sequence[Score]:
        rows = [row for batch in self.batches for row in batch.scores]
        return [
            row.score
            for row in rows
            if row.patient_id == patient_id and since <= row.score.at < before
        ][-SCORES_MAX:]

    def close(self) -> None:
        pass
