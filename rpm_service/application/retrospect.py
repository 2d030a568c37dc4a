"""What would have been an alarm in values that came too late to alarm: for the record alone.

Late values go through a bedside of their own, on the time of their observation, with the limits
that are in force now. What it finds about the patient is journalled as late detected, without a
signal: no viewer is told, nobody is called, and nothing of it is present. Late values of one
device come in the order of their times, oldest first; what is older than what was judged is
stored only, and so is what was observed before the present stay and association began or the
last ones ended, for these limits are another patient's then.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from rpm_service.application.bedside import Bedside
from rpm_service.application.evaluation import Evaluation
from rpm_service.domain.alarms import AlarmEvent, Kind, Phase, Priority
from rpm_service.domain.signals import Presence

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward

STRETCH_S_MAX: Final = 60.0
"""Values further apart are judged as if nothing was known before."""
IDLE_S: Final = 30.0
"""When nothing late has come for so long, what still holds has ended as far as is known."""

_TOLD: Final = (Phase.START, Phase.ESCALATE, Phase.DEESCALATE, Phase.END)


class Retrospects:
    """The late values of all bedsides."""

    def __init__(self, ward: "Ward") -> None:
        self._ward = ward
        self._open: dict[str, _Retrospect] = {}

    def take(
        self,
        bedside: Bedside,
        at: float,
        values: Sequence[float],
        indices: Sequence[int],
        validity: Sequence[int],
        now: float,
    ) -> None:
        """Judges values of one instant, as `sift` leaves them; `at` is on the server's clock."""
        retrospect = self._of(bedside, at, now)
        if retrospect is not None:
            retrospect.instant(at, values, indices, validity)
            self._keep(retrospect)

    def take_device_alarm(
        self,
        bedside: Bedside,
        code: str,
        kind: Kind,
        priority: Priority,
        at: float,
        now: float,
        *,
        present: bool,
        text: str,
    ) -> None:
        """A condition that the device itself raised or ended then. Raises Refused."""
        retrospect = self._of(bedside, at, now)
        if retrospect is None or (present and _is_known(bedside, code, at)):
            return
        retrospect.reach(at)
        retrospect.bedside.take_device_alarm(
            code, kind, priority, at, now, present=present, text=text
        )
        retrospect.take_events()
        self._keep(retrospect)

    def tick(self, now: float) -> None:
        """Ends what nothing more has come of."""
        for device_id, retrospect in list(self._open.items()):
            if now - retrospect.now >= IDLE_S:
                self._close(device_id, now)

    def _of(self, bedside: Bedside, at: float, now: float) -> "_Retrospect | None":
        device_id = bedside.device_id
        if at < self._ward.registry.here_since(device_id):
            return None
        retrospect = self._open.get(device_id)
        if retrospect is not None and not retrospect.goes_on(bedside, at):
            self._close(device_id, now)
            retrospect = None
        if retrospect is None:
            retrospect = _Retrospect(bedside, self._ward.hidden_bedside(bedside, at), at)
            self._open[device_id] = retrospect
        if at < retrospect.reached:
            return None
        retrospect.now = now
        return retrospect

    def _close(self, device_id: str, now: float) -> None:
        retrospect = self._open.pop(device_id)
        retrospect.now = now
        retrospect.close()
        self._keep(retrospect)

    def _keep(self, retrospect: "_Retrospect") -> None:
        self._ward.batch.events += retrospect.found
        retrospect.found.clear()


class _Retrospect(Evaluation):
    """The late values of one bedside, without a break."""

    def __init__(self, live: Bedside, own: Bedside, began: float) -> None:
        super().__init__(live.settings, began, bedside=own)
        self.now = began
        """When the newest of them was received."""
        self.found: list[AlarmEvent] = []
        self._settings = live.settings
        self.describe(live.description, began)

    def goes_on(self, live: Bedside, at: float) -> bool:
        """Whether what was observed then is judged with what was before it."""
        return (
            self.reached - STRETCH_S_MAX <= at <= self.reached + STRETCH_S_MAX
            and live.settings is self._settings
            and live.description == self.bedside.description
            and live.bed == self.bedside.bed
        )

    def close(self) -> None:
        """What holds is not known to go on."""
        for alarm in list(self.bedside.board):
            if alarm.ended_at is None:
                self.bedside.board.end(alarm.condition, self.reached, self.reached)
        self.take_events()

    def take_events(self) -> None:
        """Takes what is about the patient, without a signal."""
        board = self.bedside.board
        if not board.events:
            return
        self.bedside.conclude()
        for event in board.events:
            alarm = event.alarm
            if alarm.condition.kind is Kind.PHYSIOLOGICAL and event.phase in _TOLD:
                silent = replace(alarm, presence=Presence.OFF, latching=False)
                self.found.append(
                    AlarmEvent(event.phase, silent, event.observed_at, self.now, late_detected=True)
                )
        board.events.clear()


def _is_known(bedside: Bedside, code: str, at: float) -> bool:
    """Whether the device has told live that this condition of its own holds since then."""
    return any(
        alarm.condition.code == f"DEVICE_{code}" and alarm.raised_at == at
        for alarm in bedside.board
    )
