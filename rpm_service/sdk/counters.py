"""What has become of the frames of a device."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """What has become of the frames. frames = acked + refused + dropped + still in the spool."""

    frames: int = 0
    """Frames observed."""
    frames_sent: int = 0
    """Frames written to the network; more than frames where some were sent again."""
    frames_backfilled: int = 0
    """Those of them that were sent late, marked as backfill."""
    frames_acked: int = 0
    """Frames that the server has on disk."""
    frames_refused: int = 0
    """Frames that the server will not take."""
    frames_partly_refused: int = 0
    """Frames of which the server will not take some entries or values. It takes what is left,
    so these are acknowledged like any other."""
    frames_dropped: int = 0
    """Frames that the full spool gave up before they were acknowledged."""
    waveforms_dropped: int = 0
    """Frames whose waveforms the full spool gave up."""
    heartbeats: int = 0
    connects: int = 0
    """How often the server has said Welcome."""
    renumbered: int = 0
    """How often somebody else had used this device's sequence numbers meanwhile."""

    @property
    def reconnects(self) -> int:
        """Welcomes after the first."""
        return max(0, self.connects - 1)
