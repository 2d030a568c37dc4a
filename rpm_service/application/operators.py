"""What clinicians may do: acknowledge, answer, reset, hold back, and say who lies where.

Every act says who did it. An act repeated with the same key is done once; another act with
the same key is another act.
"""

from collections.abc import Callable
from typing import Final

from rpm_service.application import inactivation
from rpm_service.application.access import no_alarm
from rpm_service.application.acts import ActRefused, Once, check_duration, check_text
from rpm_service.application.bedside import SERVER, Bedside
from rpm_service.application.early_warning import Seen
from rpm_service.application.effects import Act, LimitOverride
from rpm_service.application.limit_overrides import MovableLimits, Proposal
from rpm_service.application.ports import Clock
from rpm_service.application.registered import Registered, registered
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
from rpm_service.domain.inactivation import Inactivation, InactivationState
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
            check_duration(lasts_s, ACKNOWLEDGEMENT_S_MIN, ACKNOWLEDGEMENT_S_MAX)
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
        what = (bed, duration_s, by)
        return self._once(
            lambda now: inactivation.pause_audio(self._ward, *what, now), key, "pause_audio", *what
        )

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
        what = (bed, metric, condition, state, duration_s, reason, by)
        return self._once(
            lambda now: inactivation.inactivate(self._ward, *what, now), key, "inactivate", *what
        )

    def reactivate(self, bed: str, metric: str, condition: str, by: str, key: str) -> None:
        """Ends all that is held back of exactly this scope. Raises ActRefused."""
        what = (bed, metric, condition, by)
        self._once(
            lambda now: inactivation.reactivate(self._ward, *what, now), key, "reactivate", *what
        )

    def assess(self, bed: str, seen: Seen, by: str, key: str) -> Score:
        """Records what no device measures; gives the early-warning score. Raises ActRefused."""
        return self._once(
            lambda now: self._ward.early_warning.assess(bed, seen, by, now),
            key, "assess", by, bed, seen,
        )  # fmt: skip

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

    def limits_of(self, bed: str) -> list[MovableLimits]:
        """Gives the preset's limits of what is measured, and their bounds. Raises ActRefused."""
        return self._ward.limit_overrides.movable(bed)

    def propose_limits(self, bed: str) -> list[Proposal]:
        """Proposes alarm limits around the values of now; sets none. Raises ActRefused."""
        return self._ward.limit_overrides.propose(bed, self._clock.now())

    # -- who lies where -----------------------------------------------------------------

    def admit(
        self, bed: str, unit: str, patient_id: str, age_class: AgeClass, by: str, key: str = ""
    ) -> float:
        """Puts a patient into a bed; tells since when. Raises ActRefused."""

        def act(now: float) -> float:
            _check_place("bed", bed)
            check_text("unit", unit or "-", NAME_MAX)
            check_text("patient_id", patient_id, PATIENT_ID_MAX)
            if self._ward.registry.stay(bed) is not None:
                reason = f"somebody lies in {bed!r}; discharge first"
                raise ActRefused("ALREADY_EXISTS", "bed", reason)
            elsewhere = self._ward.registry.stay_of(patient_id)
            if elsewhere is not None:
                reason = f"the patient lies in {elsewhere.bed!r}"
                raise ActRefused("ALREADY_EXISTS", "patient_id", reason)
            self._ward.stays.admit(bed, unit, patient_id, age_class, now)
            self._ward.batch.acts.append(Act(now, by, "admit", bed, age_class.value))
            return now

        return self._placed(act, key, "admit", by, bed, unit, patient_id, age_class)

    def associate(self, device_id: str, bed: str, by: str, key: str = "") -> float:
        """Says at which bed a device measures; tells since when. Raises ActRefused."""

        def act(now: float) -> float:
            _check_place("bed", bed or "-")
            _check_place("device_id", device_id, 2 * PATIENT_ID_MAX)
            self._ward.stays.associate(device_id, bed, now)
            self._ward.batch.acts.append(Act(now, by, "associate", bed, device_id))
            return now

        return self._placed(act, key, "associate", by, device_id, bed)

    def dissociate(self, device_id: str, bed: str, by: str, key: str = "") -> float:
        """Says that a device measures at a bed no more; tells since when. Raises ActRefused."""

        def act(_now: float) -> float:
            there = self._ward.registry.association_at(bed)
            if there is None or there.device_id != device_id:
                reason = f"{device_id!r} is not associated with {bed!r}"
                raise ActRefused("FAILED_PRECONDITION", "device_id", reason)
            return self.associate(device_id, "", by)

        return self._placed(act, key, "dissociate", by, device_id, bed)

    def where_is(self, device_id: str) -> str:
        """The bed that a device was associated with; empty where it was with none."""
        return self._ward.registry.bed_with(device_id)

    def transfer(self, from_bed: str, to_bed: str, by: str, key: str = "") -> float:
        """Moves a patient to a free bed; tells when. Raises ActRefused."""

        def act(now: float) -> float:
            _check_place("to_bed", to_bed)
            if self._ward.registry.stay(from_bed) is None:
                raise ActRefused("NOT_FOUND", "from_bed", f"nobody lies in {from_bed!r}")
            if self._ward.registry.stay(to_bed) is not None:
                raise ActRefused("ALREADY_EXISTS", "to_bed", f"somebody lies in {to_bed!r}")
            self._ward.stays.transfer(from_bed, to_bed, now)
            self._ward.batch.acts.append(Act(now, by, "transfer", from_bed, to_bed))
            return now

        return self._placed(act, key, "transfer", by, from_bed, to_bed)

    def discharge(self, bed: str, by: str, key: str = "") -> float:
        """Ends a stay; tells when. Raises ActRefused."""

        def act(now: float) -> float:
            if self._ward.registry.stay(bed) is None:
                raise ActRefused("NOT_FOUND", "bed", f"nobody lies in {bed!r}")
            self._ward.stays.discharge(bed, now)
            self._ward.batch.acts.append(Act(now, by, "discharge", bed))
            return now

        return self._placed(act, key, "discharge", by, bed)

    def registered(self, bed: str) -> Registered:
        """Tells who and what is at a bed, and since when. Raises ActRefused."""
        return registered(self._ward, bed)

    # -- inside -------------------------------------------------------------------------

    def _placed(self, act: Callable[[float], float], key: str, *what: object) -> float:
        """Carries out an act about places: with a key once, without one each time."""
        return self._once(act, key, *what) if key else act(self._clock.now())

    def _find(self, occurrence_id: int) -> tuple[Bedside, Alarm]:
        for bedside in self._ward.bedsides.values():
            try:
                return bedside, bedside.board.find(occurrence_id)
            except AlarmNotFound:
                continue
        raise no_alarm(occurrence_id)

    def _note(self, now: float, by: str, act: str, bedside: Bedside, detail: str) -> None:
        self._ward.batch.acts.append(Act(now, by, act, bedside.bed, detail))


def _check_place(field: str, name: str, most: int = NAME_MAX) -> None:
    """Raises ActRefused for what cannot be the name of a bed or a device."""
    check_text(field, name, most)
    if name == SERVER:
        reason = f"{name!r} is where the server's own alarms are; choose another name"
        raise ActRefused("INVALID_ARGUMENT", field, reason)
