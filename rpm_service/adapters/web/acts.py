"""What a clinician does in the page: one POST each, answered with 204 or one line that says why.

The effect is seen through the live socket, like everybody else's.
"""

from typing import Annotated, Final, Literal, Protocol

from fastapi import FastAPI, Path, Request, Response

from rpm_service.adapters.web.body import Body
from rpm_service.adapters.web.gate import refusal, session_of
from rpm_service.adapters.web.limits import LimitActs, add_limit_acts
from rpm_service.adapters.web.places import PlaceActs, add_place_acts
from rpm_service.application.acts import ActRefused, RefusalCode
from rpm_service.application.early_warning import Seen
from rpm_service.domain.alarms import Priority
from rpm_service.domain.early_warning import Consciousness, InspiredGas, OxygenScale
from rpm_service.domain.inactivation import InactivationState

STATUS: Final[dict[RefusalCode, int]] = {
    "NOT_FOUND": 404,
    "FAILED_PRECONDITION": 409,
    "ALREADY_EXISTS": 409,
    "INVALID_ARGUMENT": 400,
}

OccurrenceId = Annotated[int, Path(ge=1, lt=2**64)]


class Acts(LimitActs, PlaceActs, Protocol):
    """Carries out acts, in the turn of the event loop in which they come. Raises ActRefused."""

    def acknowledge(
        self, occurrence_id: int, priority: Priority, by: str, key: str, duration_s: float = 0
    ) -> object:
        """Acknowledges one occurrence at the priority the operator saw; 0 s: the longest."""
        ...

    def answer(self, occurrence_id: int, by: str, key: str, *, accepted: bool) -> object:
        """Takes responsibility for one occurrence, or says that one cannot."""
        ...

    def reset(self, occurrence_id: int, by: str, key: str) -> object:
        """Ends a latched signal."""
        ...

    def pause_audio(self, bed: str, duration_s: float, by: str, key: str) -> object:
        """Pauses the sound of a bed, or with 0 ends the pause."""
        ...

    def inactivate(
        self,
        bed: str,
        metric: str,
        condition: str,
        state: InactivationState,
        duration_s: float,
        reason: str,
        by: str,
        key: str,
    ) -> object:
        """Holds back signals of one alarm, one metric or one bed; 0 s: as long as is usual."""
        ...

    def reactivate(self, bed: str, metric: str, condition: str, by: str, key: str) -> object:
        """Ends all that is held back of exactly this scope."""
        ...

    def assess(self, bed: str, seen: Seen, by: str, key: str) -> object:
        """Records what no device measures, for the early-warning score."""
        ...


class Acknowledge(Body):
    """The priority that the operator saw: an acknowledgement does not cover a higher one.

    It counts for 10 to 120 s while the condition holds; 0: 120 s.
    """

    priority: Literal["LOW", "MEDIUM", "HIGH"]
    duration_s: float = 0


class Answer(Body):
    """Whether somebody goes, or says that they cannot."""

    accepted: bool


class Reset(Body):
    """Nothing more to say."""


class PauseAudio(Body):
    """For how long, in seconds; 0 ends a pause."""

    duration_s: float


class Reactivate(Body):
    """The scope whose signals are held back no more."""

    metric: str = ""
    condition: str = ""


class Inactivate(Reactivate):
    """What is held back of a scope, for how long (0: as long as is usual), and why."""

    state: Literal["AUDIO_PAUSED", "AUDIO_OFF", "ALARM_PAUSED", "ALARM_OFF"]
    duration_s: float = 0
    reason: str = ""


class Assess(Body):
    """What a clinician has seen or decided; what is left out stays as it was."""

    inspired_gas: Literal["air", "oxygen"] | None = None
    consciousness: Literal["alert", "confusion", "voice", "pain", "unresponsive"] | None = None
    oxygen_scale: Literal["1", "2"] | None = None
    reason: str = ""

    def seen(self) -> Seen:
        """The same in the words of the core."""
        return Seen(
            self.inspired_gas and InspiredGas(self.inspired_gas),
            self.consciousness and Consciousness(self.consciousness),
            self.oxygen_scale and OxygenScale(self.oxygen_scale),
            self.reason,
        )


def add_acts(app: FastAPI, acts: Acts) -> None:
    """Adds the routes of acts. Who acts is whose session it is."""

    @app.post("/v1/alarms/{occurrence_id}/acknowledge", status_code=204)
    async def acknowledge(occurrence_id: OccurrenceId, body: Acknowledge, request: Request) -> None:
        """Acknowledges one occurrence."""
        user, key = session_of(request).user, body.idempotency_key
        acts.acknowledge(occurrence_id, Priority[body.priority], user, key, body.duration_s)

    @app.post("/v1/alarms/{occurrence_id}/responsibility", status_code=204)
    async def answer(occurrence_id: OccurrenceId, body: Answer, request: Request) -> None:
        """Takes responsibility for one occurrence ("I am going"), or says that one cannot."""
        user, key = session_of(request).user, body.idempotency_key
        acts.answer(occurrence_id, user, key, accepted=body.accepted)

    @app.post("/v1/alarms/{occurrence_id}/reset", status_code=204)
    async def reset(occurrence_id: OccurrenceId, body: Reset, request: Request) -> None:
        """Ends a latched signal whose condition is over."""
        acts.reset(occurrence_id, session_of(request).user, body.idempotency_key)

    # The bed of a gateway's monitor is named "gateway/monitor".
    @app.post("/v1/beds/{bed:path}/pause-audio", status_code=204)
    async def pause_audio(bed: str, body: PauseAudio, request: Request) -> None:
        """Pauses the sound of a bed for 120 s at most, or ends the pause."""
        acts.pause_audio(bed, body.duration_s, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/inactivate", status_code=204)
    async def inactivate(bed: str, body: Inactivate, request: Request) -> None:
        """Holds back signals of one alarm, one metric or one bed."""
        state = InactivationState(body.state)
        what = (bed, body.metric, body.condition, state, body.duration_s, body.reason)
        acts.inactivate(*what, session_of(request).user, body.idempotency_key)

    @app.post("/v1/beds/{bed:path}/reactivate", status_code=204)
    async def reactivate(bed: str, body: Reactivate, request: Request) -> None:
        """Ends what is held back of exactly this scope."""
        user, key = session_of(request).user, body.idempotency_key
        acts.reactivate(bed, body.metric, body.condition, user, key)

    @app.post("/v1/beds/{bed:path}/assess", status_code=204)
    async def assess(bed: str, body: Assess, request: Request) -> None:
        """Records what no device measures, for the early-warning score."""
        acts.assess(bed, body.seen(), session_of(request).user, body.idempotency_key)

    add_limit_acts(app, acts)
    add_place_acts(app, acts)
    app.add_exception_handler(ActRefused, _act_refused)


async def _act_refused(_request: Request, refused: Exception) -> Response:
    """Answers for an act that was not possible."""
    assert isinstance(refused, ActRefused)
    return refusal(STATUS[refused.code], refused.reason, refused.field)
