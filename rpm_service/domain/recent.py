"""Technical conditions made of moments: present because something happened a short while ago."""

from typing import Final

from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority

RECENT_S: Final = 60.0
"""So long after the last time it is over."""
REFUSED_TIMES: Final = 3
"""So many refused parts within that time are data that cannot be relied on."""


class RecentCondition:
    """Present once something has happened `times` within RECENT_S, until it is over."""

    def __init__(self, board: AlarmBoard, code: str, priority: Priority, *, times: int = 1) -> None:
        self.condition = Condition(code, Kind.TECHNICAL)
        self._board = board
        self._priority = priority
        self._times = times
        self._moments: list[float] = []
        """The last of them. A list: an empty one costs next to nothing, at every bed."""

    def happened(self, now: float) -> None:
        """It has happened, once more."""
        moments = self._moments
        moments.append(now)
        del moments[: -self._times]
        if (
            len(moments) == self._times
            and now - moments[0] <= RECENT_S
            and not self._board.holds(self.condition)
        ):
            self._board.start(self.condition, self._priority, now, now)

    def expire(self, now: float) -> float | None:
        """Ends the condition where it is over; tells when it will be."""
        if not self._board.holds(self.condition):
            return None
        if not self._moments:
            # Present from before a restart: nobody knows since when.
            self._moments.append(now)
        over_at = self._moments[-1] + RECENT_S
        if over_at > now:
            return over_at
        self._board.end(self.condition, now, now)
        return None


class RecentConditions:
    """All of one bedside."""

    def __init__(self, board: AlarmBoard) -> None:
        self.sequence_gap = RecentCondition(board, "SEQUENCE_GAP", Priority.LOW)
        self.invalid_data = RecentCondition(
            board, "INVALID_DATA", Priority.LOW, times=REFUSED_TIMES
        )
        self.duplicate_device = RecentCondition(board, "DUPLICATE_DEVICE", Priority.MEDIUM)
        self.too_many_frames = RecentCondition(board, "TOO_MANY_FRAMES", Priority.LOW)

    def expire(self, now: float) -> list[float]:
        """Ends what is over; tells when the others will be."""
        conditions = (
            self.sequence_gap,
            self.invalid_data,
            self.duplicate_device,
            self.too_many_frames,
        )
        return [due for each in conditions if (due := each.expire(now)) is not None]
