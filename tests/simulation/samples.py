"""What devices measured, what of it they were told is safe, and what is on the disk.

I1: a sample that was acknowledged is stored, and no sample is stored twice.
I2: between two stored frames of a spool there is none missing that is neither reported as a gap
nor known to be on its way.
"""

from collections import defaultdict
from dataclasses import dataclass

from rpm_service.application.effects import Batch, NumericRow, Progress, SpoolKey
from rpm_service.sdk.ranges import minus
from tests.simulation.broken import Broken

STAMP = 2
"""Where the number of a sample is among its values."""


@dataclass(slots=True)
class Sample:
    """What one device measured at one instant of true time."""

    device: str
    stamp: int
    at: float
    heart_rate: float
    saturation: float
    times_stored: int = 0
    acked: bool = False
    life: int = 0
    """Which server had it last."""
    patient: str = ""
    """Who lay where it was measured when it reached that server."""


class Samples:
    """Everything that was ever measured."""

    def __init__(self) -> None:
        self.of: dict[str, list[Sample]] = defaultdict(list)
        self.acks = 0
        self.rows = 0
        self._progress: dict[SpoolKey, Progress] = {}
        """Up to which number all of a spool is accounted for, but for holes."""

    def observed(self, device: str, at: float, heart_rate: float, saturation: float) -> Sample:
        known = self.of[device]
        sample = Sample(device, len(known), at, heart_rate, saturation)
        known.append(sample)
        return sample

    def acked(self, sample: Sample) -> None:
        """A device was told that it need not keep this."""
        sample.acked = True
        self.acks += 1
        if sample.times_stored != 1:
            raise Broken("I1", f"{sample} was acknowledged")

    def committed(self, batch: Batch) -> None:
        """A batch is on the disk from now on."""
        numbers: dict[str, set[int]] = defaultdict(set)
        for earlier in batch.earlier:
            self._store(earlier.device_id, earlier.numerics, numbers)
        for device, rows in batch.numerics.items():
            self._store(device, rows, numbers)
        for gap in batch.gaps:
            numbers[gap.stream_id].update(range(gap.from_seq, gap.to_seq + 1))
        for key, progress in batch.progress.items():
            newest, holes, _ = self._progress.get(key) or self._begun(key)
            there = numbers[key.stream_id]
            dealt_with = minus([*holes, (newest + 1, progress.newest)], progress.holes)
            missing = [
                each
                for first, last in dealt_with
                for each in range(first, last + 1)
                if each not in there
            ]
            if missing:
                raise Broken("I2", f"{key} is stored to {progress} and lacks {missing}")
            self._progress[key] = progress

    def _begun(self, key: SpoolKey) -> Progress:
        """A new spool begins after all that its stream has used."""
        others = (each for known, each in self._progress.items() if known[0] == key.stream_id)
        return Progress(max((each.newest for each in others), default=0))

    def _store(self, device: str, rows: list[NumericRow], numbers: dict[str, set[int]]) -> None:
        known = self.of[device]
        for row in rows:
            self.rows += 1
            numbers[f"device/{device}"].add(row.seq)
            sample = known[int(row.values[STAMP])]
            sample.times_stored += 1
            if sample.times_stored > 1:
                raise Broken("I1", f"{sample} is stored {sample.times_stored} times")
