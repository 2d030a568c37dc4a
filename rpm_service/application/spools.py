"""The spools that devices number their frames in, and what the server has of each.

A stream has one at a time. A process without a spool on disk begins a new one with every start,
and two processes of one identity have one each: their numbers are kept apart, so that neither
takes the other's frames for duplicates of its own.
"""

from collections.abc import Mapping
from typing import Final

from rpm_service.application.effects import Batch, Progress, SpoolKey
from rpm_service.application.numbering import Numbering

SPOOLS_MAX: Final = 8
"""Spools of one stream that are remembered; the one that was used longest ago is forgotten."""


class Spools:
    """What is known of all of them."""

    def __init__(self, progress: Mapping[SpoolKey, Progress]) -> None:
        self._known = {key: Numbering(key, each) for key, each in progress.items()}

    def open(
        self, stream_id: str, spool_id: int, epoch: int, batch: Batch, *, is_new: bool
    ) -> Numbering:
        """The numbers of the spool that a session speaks from.

        A new one, that has given out no numbers, begins after all that the stream has used. One
        that has, and was never heard of, goes on with the numbers of the spool without a name:
        that is a device from before spools had one.
        """
        key = SpoolKey(stream_id, spool_id)
        known = self._of(stream_id)
        numbering = self._known.pop(key, None)
        nameless = SpoolKey(stream_id)
        if numbering is None and not is_new and nameless in known:
            numbering = self._known.pop(nameless)
            numbering.key = key
            batch.progress.pop(nameless, None)
            batch.spools_forgotten.append(nameless)
        elif numbering is None:
            newest = max((each.newest for each in known.values()), default=0) if is_new else 0
            numbering = Numbering(key, Progress(newest))
            self._forget(known, batch)
        # Last in order, as the one used last.
        self._known[key] = numbering
        numbering.epoch = epoch
        if nameless in batch.spools_forgotten:
            batch.progress[key] = numbering.evaluated
        return numbering

    def others(self, numbering: Numbering) -> list[Numbering]:
        """The other spools of the same stream."""
        return [each for each in self._of(numbering.key.stream_id).values() if each != numbering]

    def knows(self, numbering: Numbering) -> bool:
        """Whether a spool was not forgotten meanwhile."""
        return self._known.get(numbering.key) is numbering

    def written(self, batch: Batch) -> None:
        """What a batch has of them is on disk."""
        for key, progress in batch.progress.items():
            if key in self._known:
                self._known[key].durable = progress

    def forget(self, waiting: Batch, writing: Batch) -> None:
        """Samples that wait behind a batch are not written: their numbers are missing again."""
        for key, progress in waiting.progress.items():
            numbering = self._known.get(key)
            if numbering is not None:
                numbering.forget_since(writing.progress.get(key, numbering.durable))
                waiting.progress[key] = Progress(numbering.newest, numbering.holes, progress.epoch)

    def durable(self, stream_id: str, spool_id: int = 0) -> Progress:
        """What is on disk of a spool."""
        known = self._known.get(SpoolKey(stream_id, spool_id))
        return known.durable if known else Progress()

    def _of(self, stream_id: str) -> dict[SpoolKey, Numbering]:
        return {key: each for key, each in self._known.items() if key.stream_id == stream_id}

    def _forget(self, known: dict[SpoolKey, Numbering], batch: Batch) -> None:
        for key in list(known)[: max(0, len(known) - SPOOLS_MAX + 1)]:
            del self._known[key]
            batch.progress.pop(key, None)
            batch.spools_forgotten.append(key)
