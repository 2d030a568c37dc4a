"""`rpm-service`, but it counts its tasks, peers and objects at SIGUSR1, into the file RPM_COUNTS.

What it keeps for viewers that lag is bounded as in the product, and sooner: a soak is too short
to fill the product's bound, and what fills a bound is no leak.
"""

import asyncio
import gc
import json
import os
import signal
from pathlib import Path

from rpm_service import cli
from rpm_service.application import live
from rpm_service.application.ingest import TelemetrySession
from rpm_service.application.monitoring import Feed

ALARM_EVENTS_MAX = 50
PEERS = (Feed, TelemetrySession)
"""What there is one of for each viewer and each device that is there, and no more."""


def count(*_: object) -> None:
    """Counts, on the thread of the event loop, and tells it at once."""
    gc.collect()
    objects = gc.get_objects()
    counts = {
        "tasks": len(asyncio.all_tasks()),
        "peers": sum(type(each) in PEERS for each in objects),
        "objects": len(objects),
    }
    path = Path(os.environ["RPM_COUNTS"])
    path.with_suffix(".new").write_text(json.dumps(counts))
    path.with_suffix(".new").replace(path)


def main() -> None:
    live.ALARM_EVENTS_MAX = ALARM_EVENTS_MAX
    signal.signal(signal.SIGUSR1, count)
    cli.main()


if __name__ == "__main__":
    main()
