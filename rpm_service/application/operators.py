"""What clinicians may do: acknowledge, answer, reset, hold back, and say who lies where.

Every act says who did it. An act repeated with the same key is done once; another act with
the same key is another act.
"""

from typing import Final

from rpm_service.application.acts import REASON_MAX, ActRefused, Once, check_text
from rpm_service.application.bedside import SERVER, Bedside
from rpm_service.application.early_warning import Seen
from rpm_service.application.effects import Act, LimitOverride
from rpm_service.application.limit_overrides import Proposal
from rpm_service.application.ports import Clock
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import (
    ACKNOWLEDGEMENT_S_MAX,
    ACKNOWLEDGEMENT_S_MIN,
    Alarm,
    AlarmEvent,
    AlarmNotFound,
    Priority,
    PriorityChanged,
)
from rpm_service.domain.early_warning import Score
from rpm_service.domain.inactivation import (
    HELD_MAX,
    NEVER_HELD_BACK,
    PAUSES,
    Inactivation,
    InactivationState,
)
from rpm_service.domain.limits import AgeClass, MetricLimits
from rpm_service.domain.ownership import CannotAnswer
from rpm_service.domain.signals import IllegalTransition

NAME_MAX: Final = 32
PATIENT_ID_MAX: Final = 64


class Operators:
    """Carries out the acts of clinicians."""

    def __init__(self, ward: Ward, clock: Clock) -> None:
        self._ward = ward
        self._clock = clock
        self._once = Once(clock)

    # -- alarms -------------------------------------------------------------------------

    def acknowledge(
        self, occurrence_id: int, priority: Priority, by: str, key: str, duration_s: float = 0
    ) -> AlarmEvent:
        """Acknowledges one occurrence at the priority the operator saw; 0 s: the longest.

        Raises ActRefused.
        """
        lasts_s = duration_s or ACKNOWLEDGEMENT_S_MAX

        def act(now: float) -> AlarmEvent:
            _check_duration(lasts_s, ACKNOWLEDGEMENT_S_MIN, ACKNOWLEDGEMENT_S_MAX)
            bedside, alarm = self._find(occurrence_id)
            try:
                event = bedside.board.acknowledge(occurrence_id, priority, by, now, lasts_s)
            except (IllegalTransition, PriorityChanged) as refusal:
                raise ActRefused("FAILED_PRECONDITION", "occurrence_id", str(refusal)) from None
            self._note(now, by, "acknowledge", bedside, alarm.condition.code)
            self._ward.settle(bedside, now)
            return event

        return self._once(act, key, "acknowledge", by, occurrence_id, priority, lasts_s)

    def answer(self, occurrence_id: int, by: str, key: str, *, accepted: bool) -> AlarmEvent:
        """Takes responsibility for one occurrence, or says that one cannot. Raises ActRefused."""

        def act(now: float) -> AlarmEvent:
            bedside, alarm = self._find(occurrence_id)
            try:
                event = bedside.board.answer(occurrence_id, by, now, accepted=accepted)
            except CannotAnswer:
                reason = "the condition has ended; there is nothing to answer for"
                raise ActRefused("FAILED_PRECONDITION", "occurrence_id", reason) from None
            self._note(now, by, "accept" if accepted else "reject", bedside, alarm.condition.code)
            self._ward.settle(bedside, now)
            return event

        return self._once(act, key, "answer", by, occurrence_id, accepted)

    def reset(self, occurrence_id: int, by: str, key: str) -> AlarmEvent:
        """Ends a latched signal. Raises ActRefused."""

        def act(now: float) -> AlarmEvent:
            bedside, alarm = self._find(occurrence_id)
            try:
                event = bedside.board.reset(occurrence_id, now)
            except IllegalTransition as refusal:
                raise ActRefused("FAILED_PRECONDITION", "occurrence_id", str(refusal)) from None
            self._note(now, by, "reset", bedside, alarm.condition.code)
            self._ward.settle(bedside, now)
            return event

        return self._once(act, key, "reset", by, occurrence_id)

    def pause_audio(self, bed: str, duration_s: float, by: str, key: str) -> float | None:
        """Pauses the sound of a bed, or with 0 ends the pause; tells until when.

        Raises ActRefused.
        """
        state = InactivationState.AUDIO_PAUSED

        def act(now: float) -> float | None:
            lasts_s = _duration_of(state, duration_s) if duration_s else 0
            bedside = self._at_bed(bed)
            until = now + lasts_s if lasts_s else None
            if until is None:
                bedside.inactivations.end("", "", state)
            else:
                bedside.inactivations.begin(Inactivation(state, "", "", by, now, until))
            self._note(now, by, "pause_audio", bedside, f"{duration_s:g} s")
            self._ward.settle(bedside, now)
            return until

        return self._once(act, key, "pause_audio", by, bed, duration_s)

    def assess(self, bed: str, seen: Seen, by: str, key: str) -> Score:
        """Records what no device measures; gives the early-warning score. Raises ActRefused."""
        return self._once(
            lambda now: self._ward.early_warning.assess(bed, seen, by, now),
            key, "assess", by, bed, seen,
        )  # fmt: skip

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
    ) -> Inactivation:
        """Holds back signals of one alarm, one metric or one bed; 0 s: as long as is usual.

        Raises ActRefused.
        """

        def act(now: float) -> Inactivation:
            lasts_s = _duration_of(state, duration_s)
            if reason or state is not InactivationState.AUDIO_PAUSED:
                check_text("reason", reason, REASON_MAX)
            bedside = self._at_bed(bed)
            until = None if lasts_s is None else now + lasts_s
            new = Inactivation(state, metric, condition, by, now, until, reason)
            _check_scope(bedside, new)
            bedside.inactivations.begin(new)
            lasts = "" if lasts_s is None else f"for {lasts_s:g} s"
            detail = " ".join(filter(None, (state, metric, condition, lasts, reason)))
            self._note(now, by, "inactivate", bedside, detail)
            self._ward.settle(bedside, now)
            return new

        what = (by, bed, metric, condition, state, duration_s, reason)
        return self._once(act, key, "inactivate", *what)

    def reactivate(self, bed: str, metric: str, condition: str, by: str, key: str) -> None:
        """Ends all that is held back of exactly this scope. Raises ActRefused."""

        def act(now: float) -> None:
            bedside = self._at_bed(bed)
            if not bedside.inactivations.end(metric, condition):
                field = "condition" if condition else "metric" if metric else "bed"
                what = " ".join(filter(None, (metric, condition))) or "the whole bed"
                raise ActRefused("NOT_FOUND", field, f"nothing is held back of {what} at {bed!r}")
            self._note(now, by, "reactivate", bedside, " ".join(filter(None, (metric, condition))))
            self._ward.settle(bedside, now)

        self._once(act, key, "reactivate", by, bed, metric, condition)

    # -- limits -------------------------------------------------------------------------

    def set_limits(
        self,
        bed: str,
        metric: str,
        limits: MetricLimits,
        reason: str,
        duration_s: float,
        by: str,
        key: str,
    ) -> LimitOverride:
        """Sets alarm limits of a patient's own. Raises ActRefused."""
        overrides = self._ward.limit_overrides
        return self._once(
            lambda now: overrides.set(bed, metric, limits, reason, duration_s, by, now),
            key, "set_limits", by, bed, metric, limits, reason, duration_s,
        )  # fmt: skip

    def clear_limits(self, bed: str, metric: str, by: str, key: str) -> MetricLimits | None:
        """Puts the preset into force again; gives its limits. Raises ActRefused."""
        return self._once(
            lambda now: self._ward.limit_overrides.clear(bed, metric, by, now),
            key, "clear_limits", by, bed, metric,
        )  # fmt: skip

    def propose_limits(self, bed: str) -> list[Proposal]:
        """Proposes alarm limits around the values of now; sets none. Raises ActRefused."""
        return self._ward.limit_overrides.propose(bed, self._clock.now())

    # -- who lies where -----------------------------------------------------------------

    def admit(self, bed: str, unit: str, patient_id: str, age_class: AgeClass, by: str) -> float:
        """Puts a patient into a bed; tells since when. Raises ActRefused."""
        _check_place("bed", bed)
        check_text("unit", unit or "-", NAME_MAX)
        check_text("patient_id", patient_id, PATIENT_ID_MAX)
        if self._ward.stay(bed) is not None:
            raise ActRefused("ALREADY_EXISTS", "bed", f"somebody lies in {bed!r}; discharge first")
        elsewhere = self._ward.stay_of(patient_id)
        if elsewhere is not None:
            raise ActRefused(
                "ALREADY_EXISTS", "patient_id", f"the patient lies in {elsewhere.bed!r}"
            )
        now = self._clock.now()
        self._ward.admit(bed, unit, patient_id, age_class, now)
        self._ward.batch.acts.append(Act(now, by, "admit", bed, age_class.value))
        return now

    def associate(self, device_id: str, bed: str, by: str) -> float:
        """Says at which bed a device measures; tells since when. Raises ActRefused."""
        _check_place("bed", bed or "-")
        _check_place("device_id", device_id, 2 * PATIENT_ID_MAX)
        now = self._clock.now()
        self._ward.associate(device_id, bed, now)
        self._ward.batch.acts.append(Act(now, by, "associate", bed, device_id))
        return now

    def transfer(self, from_bed: str, to_bed: str, by: str) -> float:
        """Moves a patient to a free bed; tells when. Raises ActRefused."""
        _check_place("to_bed", to_bed)
        if self._ward.stay(from_bed) is None:
            raise ActRefused("NOT_FOUND", "from_bed", f"nobody lies in {from_bed!r}")
        if self._ward.stay(to_bed) is not None:
            raise ActRefused("ALREADY_EXISTS", "to_bed", f"somebody lies in {to_bed!r}")
        now = self._clock.now()
        self._ward.transfer(from_bed, to_bed, now)
        self._ward.batch.acts.append(Act(now, by, "transfer", from_bed, to_bed))
        return now

    def discharge(self, bed: str, by: str) -> float:
        """Ends a stay; tells when. Raises ActRefused."""
        if self._ward.stay(bed) is None:
            raise ActRefused("NOT_FOUND", "bed", f"nobody lies in {bed!r}")
        now = self._clock.now()
        self._ward.discharge(bed, now)
        self._ward.batch.acts.append(Act(now, by, "discharge", bed))
        return now

    # -- inside -------------------------------------------------------------------------

    def _find(self, occurrence_id: int) -> tuple[Bedside, Alarm]:
        for bedside in self._ward.bedsides.values():
            try:
                return bedside, bedside.board.find(occurrence_id)
            except AlarmNotFound:
                continue
        raise ActRefused(
            "NOT_FOUND", "occurrence_id", f"no alarm {occurrence_id} has a signal any more"
        )

    def _at_bed(self, bed: str) -> Bedside:
        bedside = self._ward.at_bed(bed)
        if bedside is None:
            raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
        return bedside

    def _note(self, now: float, by: str, act: str, bedside: Bedside, detail: str) -> None:
        self._ward.batch.acts.append(Act(now, by, act, bedside.bed, detail))


def _check_duration(duration_s: float, least: float, most: float) -> None:
    # NaN is within no bounds.
    if not least <= duration_s <= most:
        reason = f"{duration_s:g} s is not within {least:g} to {most:g} s"
        raise ActRefused("INVALID_ARGUMENT", "duration_s", reason)


def _duration_of(state: InactivationState, duration_s: float) -> float | None:
    """How long something is held back, in seconds; None for what is off."""
    pause = PAUSES.get(state)
    if pause is not None:
        _check_duration(duration_s or pause.standard, pause.least, pause.most)
        return duration_s or pause.standard
    if duration_s != 0:
        reason = f"{state} lasts until somebody ends it; give no duration"
        raise ActRefused("INVALID_ARGUMENT", "duration_s", reason)
    return None


def _check_scope(bedside: Bedside, new: Inactivation) -> None:
    """Refuses what cannot be held back at a bed, or is not there."""
    if new.condition in NEVER_HELD_BACK:
        reason = f"{new.condition} tells that alarms may reach nobody, and is never held back"
        raise ActRefused("INVALID_ARGUMENT", "condition", reason)
    if new.metric and new.metric not in (each.name for each in bedside.description.numerics):
        raise ActRefused("NOT_FOUND", "metric", f"{new.metric!r} is not measured there")
    held = bedside.inactivations.held
    if new.condition and not (
        any(new.covers(alarm.condition) for alarm in bedside.board)
        or any((each.metric, each.condition) == (new.metric, new.condition) for each in held)
    ):
        raise ActRefused("NOT_FOUND", "condition", f"no alarm {new.condition!r} has a signal there")
    if len(held) >= HELD_MAX:
        reason = f"{len(held)} things are held back there already; end some"
        raise ActRefused("FAILED_PRECONDITION", "bed", reason)


def _check_place(field: str, name: str, most: int = NAME_MAX) -> None:
    """Raises ActRefused for what cannot be the name of a bed or a device."""
    check_text(field, name, most)
    if name == SERVER:
        reason = f"{name!r} is where the server's own alarms are; choose another name"
        raise ActRefused("INVALID_ARGUMENT", field, reason)
