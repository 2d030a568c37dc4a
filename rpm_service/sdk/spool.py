"""Frames that the server does not have on disk yet, in memory and bounded.

A frame stays from the moment it is observed until it is acknowledged or refused. When the
spool is full it gives up, oldest first, waveforms, then observations, and the device's own
alarms last. A frame that was given up leaves a hole in the sequence, which the server
records as a gap. `disk_spool` keeps them in a file, and this is what both offer.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import randbits
from typing import Protocol

from rpm_service.sdk import wire
from rpm_service.sdk.wire import Numbered

SPOOL_BYTES_MAX = 8 * 1024 * 1024
"""Unless told otherwise: about six hours of numerics each second, or forty minutes with
four waveforms of 250 Hz."""
FRAME_OVERHEAD_BYTES = 256
"""What keeping a frame costs beside its payload, so that tiny frames are bounded too."""


SPOOL_ID_BITS = 62


def new_spool_id() -> int:
    """Makes the name of a new spool, by which a server keeps its numbers apart from others'."""
    return randbits(SPOOL_ID_BITS) + 1


@dataclass(slots=True)
class Frame:
    """One frame, numbered from 1 by this process."""

    number: int
    kind: Numbered
    payload: bytes
    has_waveforms: bool
    refusals: int = 0
    """How often the server asked to try this frame again later."""
    partly_refused: bool = False

    @property
    def size_bytes(self) -> int:
        """What it costs to keep this frame."""
        return len(self.payload) + FRAME_OVERHEAD_BYTES


class Spool(Protocol):
    """Keeps frames in the order of their numbers."""

    bytes_max: int
    size_bytes: int
    last: int
    """Highest number that was ever given out; 0 where none was."""
    frames_dropped: int
    waveforms_dropped: int
    """Frames that lost their waveforms and kept their numerics."""
    base: int | None
    """What the server's sequence numbers are ahead of ours; None before the first Welcome."""
    spool_id: int
    outlives_its_process: bool

    def __len__(self) -> int: ...

    @property
    def first(self) -> int:
        """Lowest number held; 0 where the spool is empty."""
        ...

    def append(self, kind: Numbered, payload: bytes, *, has_waveforms: bool = False) -> int:
        """Keeps a frame, giving up older ones if it must, and returns its number."""
        ...

    def get(self, number: int) -> Frame | None:
        """Returns the frame of this number, if it is still held."""
        ...

    def after(self, number: int, through: int | None = None) -> Frame | None:
        """Returns the first frame held beyond this number, up to another one."""
        ...

    def alarms(self, number: int) -> Iterator[Frame]:
        """Gives the device's own alarms that are held from this number on, in order."""
        ...

    def release(self, first: int, last: int) -> int:
        """Lets go of all frames from one number to another; returns how many."""
        ...

    def discard(self, number: int) -> bool:
        """Lets go of one frame; returns whether it was held."""
        ...

    def close(self) -> None:
        """Lets go of what it is kept in."""
        ...


class MemorySpool:
    """Keeps frames for as long as the process lives."""

    def __init__(self, bytes_max: int = SPOOL_BYTES_MAX) -> None:
        assert bytes_max >= wire.FRAME_BYTES_MAX + FRAME_OVERHEAD_BYTES
        self.bytes_max = bytes_max
        self.size_bytes = 0
        self.last = 0
        self.frames_dropped = 0
        self.waveforms_dropped = 0
        self.base: int | None = None
        self.spool_id = new_spool_id()
        self.outlives_its_process = False
        self._frames: OrderedDict[int, Frame] = OrderedDict()
        self._with_waveforms: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def first(self) -> int:
        """Lowest number held; 0 where the spool is empty."""
        return next(iter(self._frames), 0)

    def append(self, kind: Numbered, payload: bytes, *, has_waveforms: bool = False) -> int:
        """Keeps a frame, giving up older ones if it must, and returns its number."""
        frame = Frame(self.last + 1, kind, payload, has_waveforms)
        while self.size_bytes + frame.size_bytes > self.bytes_max:
            self._give_up()
        self.last = frame.number
        self._frames[frame.number] = frame
        self.size_bytes += frame.size_bytes
        if has_waveforms:
            self._with_waveforms.append(frame.number)
        return frame.number

    def get(self, number: int) -> Frame | None:
        """Returns the frame of this number, if it is still held."""
        return self._frames.get(number)

    def after(self, number: int, through: int | None = None) -> Frame | None:
        """Returns the first frame held beyond this number, up to another one."""
        last = self.last if through is None else through
        for candidate in range(max(number + 1, self.first), last + 1):
            if (frame := self._frames.get(candidate)) is not None:
                return frame
        return None

    def alarms(self, number: int) -> Iterator[Frame]:
        """Gives the device's own alarms that are held from this number on, in order."""
        for frame in list(self._frames.values()):
            if frame.kind is Numbered.DEVICE_ALARM and frame.number >= number:
                yield frame

    def release(self, first: int, last: int) -> int:
        """Lets go of all frames from one number to another; returns how many."""
        count = 0
        if first > self.first:
            return sum(self.discard(number) for number in range(first, last + 1))
        while self._frames and self.first <= last:
            self.discard(self.first)
            count += 1
        return count

    def discard(self, number: int) -> bool:
        """Lets go of one frame; returns whether it was held."""
        frame = self._frames.pop(number, None)
        if frame is None:
            return False
        self.size_bytes -= frame.size_bytes
        while self._with_waveforms and (not self or self._with_waveforms[0] < self.first):
            self._with_waveforms.popleft()
        return True

    def close(self) -> None:
        """Forgets all."""
        self._frames.clear()

    def _give_up(self) -> None:
        """Frees some room: the oldest waveforms, else the oldest observations, else an alarm."""
        while self._with_waveforms:
            frame = self._frames.get(self._with_waveforms.popleft())
            if frame is not None:
                self.size_bytes -= frame.size_bytes
                frame.payload = wire.without_waveforms(frame.payload)
                frame.has_waveforms = False
                self.size_bytes += frame.size_bytes
                self.waveforms_dropped += 1
                return
        oldest = next(
            (n for n, frame in self._frames.items() if frame.kind is Numbered.OBSERVATIONS),
            self.first,
        )
        self.discard(oldest)
        self.frames_dropped += 1
