"""A history: what each process of a proof did and saw, as lines of JSON.

Every record says `t` (Unix seconds; all processes are on one machine) and `what`:

    observed      device, n, values      it took values, to be delivered
    acked         device, first, last    the server has said that all from first to last are on disk
    connected     device                 it was welcomed
    disconnected  device, why
    coverage      device, covered        it was told whether somebody watches
    began, over   device, condition      from here on, or no more, its values violate a limit
    snapshot      viewer, clock, alarms  each alarm that has a signal, as in `event`
    event         viewer, alarm          an alarm event came
    confirmed     viewer, events         it told the server that it has shown these
    lost          viewer, why            its feed ended or fell quiet
    shown         viewer, device, metric, current   a value became current, or is no more
    server begun | serving | ended
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Notes:
    """Writes one process's part of a history. A process that is killed has written all."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")

    def __call__(self, what: str, **more: Any) -> None:
        self._file.write(json.dumps({"t": time.time(), "what": what, **more}) + "\n")

    def close(self) -> None:
        self._file.close()


def read(directory: Path) -> list[Record]:
    """Everything that the processes of a proof have written, in order of time."""
    records: Iterator[Record] = (
        json.loads(line)
        for path in sorted(directory.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return sorted(records, key=lambda record: record["t"])
