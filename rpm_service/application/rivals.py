"""Two devices of one identity, told from one device that comes back.

A device whose connection broke may be back before the server has seen the end of the old one:
that is no second device. Two devices of one identity supersede each other in turn: the one
that was cut comes back, because it is alive. So there are two where a spool takes over from
another that had itself taken over from it a short while ago. Of devices that do not say which
spool they speak from, there are two where a session takes over from one that was heard just
now, twice in a short while.
"""

from collections import deque
from typing import Final

RIVAL_S: Final = 60.0
"""A spool that is superseded and comes back within this time is alive."""
HEARD_S: Final = 2.0
"""A session that was heard so short a time ago is most likely not one whose connection broke."""
REMEMBERED: Final = 8
"""Take-overs of one stream that are remembered."""


class Rivals:
    """The take-overs of all streams."""

    def __init__(self) -> None:
        self._overs: dict[str, deque[tuple[float, int]]] = {}

    def took_over(self, stream_id: str, older: int, newer: int, now: float, *, heard: bool) -> bool:
        """A session of a spool takes over from one that lives; tells whether both are alive.

        `heard`: whether the older one was heard within HEARD_S.
        """
        if older == newer != 0:
            return False
        overs = self._overs.setdefault(stream_id, deque(maxlen=REMEMBERED))
        recent = {spool_id for at, spool_id in overs if now - at <= RIVAL_S}
        if newer == 0 or older == 0:
            if not heard:
                return False
            # Nobody can be told by a name.
            newer = older = 0
        overs.append((now, older))
        return newer in recent
