"""A recorder that keeps batches in memory, and can be told to fail or to wait."""

import asyncio
from collections.abc import Callable

from rpm_service.application.effects import Batch, Restored


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

    def close(self) -> None:
        pass
