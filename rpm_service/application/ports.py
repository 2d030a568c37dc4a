"""What the core needs of its surroundings."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from rpm_service.application.effects import Batch, Restored
from rpm_service.domain.early_warning import Score

if TYPE_CHECKING:
    from rpm_service.application.bedside import Bedside
    from rpm_service.domain.alarms import AlarmEvent


class Clock(Protocol):
    """The server's one clock."""

    rate: float
    """Seconds that pass in one; anything but 1 is for tests."""

    def now(self) -> float:
        """Unix seconds; never goes back within a process, whatever the wall clock does."""
        ...


class Recorder(Protocol):
    """Puts batches on disk, one at a time, in order."""

    def load(self) -> Restored:
        """Reads back what the core needs from before a restart."""
        ...

    def submit(self, batch: Batch, done: Callable[[Exception | None], None]) -> None:
        """Writes a batch in one transaction, elsewhere, and calls `done` in the event loop.

        `done(None)` means that it is on disk; `done(error)` that none of it is known to be, and
        that the same batch may be submitted again; after CannotGoOn nothing may be, ever. The
        next batch is submitted only after that.
        """
        ...

    def scores(self, patient_id: str, since: float, before: float) -> Sequence[Score]:
        """Reads the newest early-warning scores of a patient who is here, oldest first.

        At most SCORES_MAX from admission on, at or after `since` and before `before`; to be
        called in a thread of its own.
        """
        ...

    def close(self) -> None:
        """Waits for the batch under way and lets go of the disk."""
        ...


class DevicePeer(Protocol):
    """The device at the other end of a session."""

    def acknowledge(self, durable_through: int, beyond: Sequence[tuple[int, int]]) -> None:
        """Tells the device what is on disk: everything up to a number, and ranges beyond it."""
        ...

    def heartbeat(self, now: float) -> None:
        """Tells the device that the server lives, and what its clock shows."""
        ...

    def cover(self, mds: int, *, covered: bool) -> None:
        """Tells the device whether somebody can be called to one of its monitors."""
        ...

    def show_limits(self, mds: int, bedside: "Bedside") -> None:
        """Tells the device the alarm limits in force for one of its monitors."""
        ...

    def supersede(self) -> None:
        """Cuts the stream: a newer one of the same identity has taken over."""
        ...

    def come_back(self) -> None:
        """Ends the stream so that the device opens another and sends what is missing."""
        ...

    def drain(self) -> None:
        """Tells the device that the server stops, and then ends the stream."""
        ...


class Encoder(Protocol):
    """Makes the bytes that viewers get; parts are joined, so each is encoded once."""

    def bed(self, bedside: "Bedside") -> bytes:
        """Encodes the description of a bed as a part of a snapshot or delta."""
        ...

    def numerics(self, bedside: "Bedside") -> bytes:
        """Encodes the newest values of a bed as a part of a snapshot or delta."""
        ...

    def alarm(self, event: "AlarmEvent") -> bytes:
        """Encodes an alarm event as a part of a snapshot or delta."""
        ...

    def waveform(self, number: int, waveform: int, start_at: float, samples: bytes) -> bytes:
        """Encodes waveform samples as a part of a delta."""
        ...

    def snapshot(self, run: str, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        """Joins parts to a whole frame: everything as it stands."""
        ...

    def delta(self, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        """Joins parts to a whole frame: what changed."""
        ...

    def progress(self, revision: int, now: float) -> bytes:
        """Encodes a whole frame: nothing changed, and the link lives."""
        ...

    def closing(self, reason: str) -> bytes:
        """Encodes a whole frame: the server ends the stream."""
        ...
