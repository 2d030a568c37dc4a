"""`rpm-service`, but the server dies at a named point: the product itself has no such points.

RPM_FAILPOINT names the point. From SIGUSR1 on the server ends at once, as if killed, the next
time that it comes there while something is at stake. Empty: it is the server as it is.

    before_commit            everything of a batch is written, and not committed
    after_commit_before_ack  a batch is on disk, and nobody has been told
    after_ack                devices have been told that their samples are on disk
    before_fanout            alarm events were decided, and no viewer has been sent them
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import event

from rpm_service import app, cli
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application import monitoring
from rpm_service.application.effects import Batch
from rpm_service.application.monitoring import ACK_TICKS, TICK_S
from rpm_service.application.reception import ACK_S
from rpm_service.commands import serve

EXIT_CODE: Final = 70
ACKED_S: Final = 0.02
"""So long after the server has written acknowledgements they are with the devices."""
OWED_S: Final = ACK_S + ACK_TICKS * TICK_S + 0.25
"""So long after samples are on disk, or are taken for it, every acknowledgement has been written."""


class Failpoint:
    """The point at which the server ends, once it is armed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._armed = False

    def arm(self) -> None:
        self._armed = True

    def reached(self, name: str) -> bool:
        """Whether the server is to end here."""
        return self._armed and name == self._name

    def pass_by(self, name: str) -> None:
        """Ends the server here, where it is to."""
        if self.reached(name):
            end()


def end() -> None:
    """No handler runs, nothing is flushed."""
    os._exit(EXIT_CODE)


FAILPOINT: Final = Failpoint(os.environ.get("RPM_FAILPOINT", ""))


class FailingRecorder(SqliteRecorder):
    """The recorder of the product, with its failpoints. Batches that hold samples count."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._writes_samples = False
        event.listen(self._engine, "commit", lambda _: self._before_commit())

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        has_samples = bool(batch.progress)

        def tell(error: Exception | None) -> None:
            if error is None and has_samples:
                FAILPOINT.pass_by("after_commit_before_ack")
            done(error)
            if error is None and has_samples and FAILPOINT.reached("after_ack"):
                asyncio.get_running_loop().call_later(ACKED_S, end)

        self._writes_samples = has_samples
        super().submit(batch, tell)

    def _before_commit(self) -> None:
        if self._writes_samples and FAILPOINT.reached("before_commit"):
            # This is the writer's thread: whatever the server would say too early is said.
            time.sleep(OWED_S)
            end()


class FailingServer(app.Server):
    """The server of the product, with its failpoints."""

    def __init__(self, settings: app.Settings) -> None:
        super().__init__(settings)
        monitoring = self.monitoring
        publish = monitoring._publish

        def publish_or_end() -> None:
            if monitoring._publishes_soon:
                FAILPOINT.pass_by("before_fanout")
            publish()

        monitoring._publish = publish_or_end  # type: ignore[method-assign]


def main() -> None:
    signal.signal(signal.SIGUSR1, lambda *_: FAILPOINT.arm())
    app.SqliteRecorder = FailingRecorder  # type: ignore[misc]
    # A proof has no time to fill what a server holds by itself.
    monitoring.ROWS_MAX = int(os.environ.get("RPM_ROWS_MAX", monitoring.ROWS_MAX))  # type: ignore[misc]
    serve.Server = FailingServer  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
