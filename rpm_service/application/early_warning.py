"""Early-warning scores of the ward: when they are computed, what is kept, and their alarm.

The scores are those of NEWS2, and only of adults who lie in a bed. They are computed every few
seconds and at each assessment, never for a sample; one is stored when it says something else
than the one before. What clinicians have entered, and the newest score, belong to the patient
in the bed: they move with a transfer and end with the discharge.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from rpm_service.application.acts import REASON_MAX, ActRefused, check_text
from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Act, Connection, ScoreRow, Stay
from rpm_service.application.sifting import VALID
from rpm_service.domain.alarms import AlarmBoard, Condition, Kind, Priority
from rpm_service.domain.early_warning import (
    ENTERED_S_MAX,
    KINDS,
    METRIC,
    Assessment,
    Band,
    Consciousness,
    InspiredGas,
    OxygenScale,
    Reading,
    Score,
    score,
)
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.metrics import kind_of

if TYPE_CHECKING:
    from rpm_service.application.ward import Ward

SCORE_S: Final = 10.0
"""Scores are computed this often."""
HOLD_S: Final = 60.0
"""A band must have fallen for so long before its alarm does: vitals move to and fro at an edge."""
OPEN_S_MAX: Final = ENTERED_S_MAX
"""An alarm that no score could confirm or end for so long rests on nothing that still counts."""

NEWS2_HIGH: Final = Condition("NEWS2_HIGH", Kind.PHYSIOLOGICAL, METRIC)
PRIORITIES: Final = {
    Band.LOW_MEDIUM: Priority.LOW,
    Band.MEDIUM: Priority.MEDIUM,
    Band.HIGH: Priority.HIGH,
}
LIMITS: Final = {Band.MEDIUM: 5.0, Band.HIGH: 7.0}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a clinician has seen or decided; None is not stated, and stays as it was."""

    inspired_gas: InspiredGas | None = None
    consciousness: Consciousness | None = None
    oxygen_scale: OxygenScale | None = None
    reason: str = ""

    def check(self) -> None:
        """Raises ActRefused."""
        if self == Seen():
            what = "say what is breathed, how conscious the patient is, or which scale applies"
            raise ActRefused("INVALID_ARGUMENT", "inspired_gas", what)
        if self.oxygen_scale is OxygenScale.TWO:
            check_text("reason", self.reason, REASON_MAX)
        elif self.reason:
            raise ActRefused("INVALID_ARGUMENT", "reason", "is for the decision for scale 2 only")

    def __str__(self) -> str:
        words = [each.value for each in (self.inspired_gas, self.consciousness) if each]
        if self.oxygen_scale:
            words.append(f"SpO2 scale {self.oxygen_scale.value}")
        return ", ".join(words) + (f": {self.reason}" if self.reason else "")


class EarlyWarningAlarm:
    """What becomes of the alarm of one patient's score.

    A score raises it, or its priority, at once; an incomplete one only where what is there makes
    5 or 7 already, for a single 3 is one vital sign, whose limits call. It falls or ends once
    whole scores have asked for less for HOLD_S. An incomplete score that asks for less tells
    nothing: what it lacks may be what is wrong. So it changes nothing, for OPEN_S_MAX at most.
    """

    __slots__ = ("_confirmed_at", "_less_since")

    def __init__(self, now: float) -> None:
        self._confirmed_at = now
        self._less_since: float | None = None

    def judge(self, board: AlarmBoard, newest: Score, now: float) -> None:
        """Takes the newest score to the board."""
        alarm = board.get(NEWS2_HIGH)
        held = alarm.priority if alarm is not None and alarm.ended_at is None else None
        wanted = _wanted(newest)
        if wanted == held:
            self._confirmed_at, self._less_since = now, None
            if held is not None and newest.total is not None:
                self._note_highest(board, newest.total)
                board.update(NEWS2_HIGH, float(newest.total), now, now)
        elif held is None or (wanted is not None and wanted > held):
            self._confirmed_at, self._less_since = now, None
            self._put(board, held, newest, now)
        elif newest.total is None and now - self._confirmed_at < OPEN_S_MAX:
            self._less_since = None
        else:
            if newest.total is not None:
                self._confirmed_at = now
            if self._less_since is None:
                self._less_since = now
            if now - self._less_since >= HOLD_S:
                self._less_since = None
                self._put(board, held, newest, now)

    def _put(self, board: AlarmBoard, held: Priority | None, newest: Score, now: float) -> None:
        wanted = _wanted(newest)
        value = None if newest.total is None else float(newest.total)
        if wanted is None:
            board.end(NEWS2_HIGH, now, now, value=value)
            return
        assert newest.band is not None
        limit = LIMITS.get(newest.band)
        if held is None:
            board.start(NEWS2_HIGH, wanted, now, now, value=value, limit=limit)
        else:
            if newest.total is not None:
                self._note_highest(board, newest.total)
            board.change_priority(NEWS2_HIGH, wanted, now, now, value=value, limit=limit)

    def _note_highest(self, board: AlarmBoard, total: int) -> None:
        alarm = board.get(NEWS2_HIGH)
        assert alarm is not None
        if alarm.extreme is None or total > alarm.extreme:
            board.note_extreme(NEWS2_HIGH, float(total))


@dataclass(slots=True)
class _Patient:
    """Whose scores these are: the one who lies in a bed."""

    alarm: EarlyWarningAlarm
    assessment: Assessment = field(default_factory=Assessment)
    newest: Score | None = None


class EarlyWarning:
    """Computes the scores of all adults in the ward."""

    def __init__(self, ward: "Ward", assessments: Mapping[str, Assessment], now: float) -> None:
        self._ward = ward
        self._patients = {
            bed: _Patient(EarlyWarningAlarm(now), assessment)
            for bed, assessment in assessments.items()
        }
        self._due = now + SCORE_S

    def tick(self, now: float) -> None:
        """Computes every score anew where it is time."""
        if now < self._due:
            return
        self._due = now + SCORE_S
        at_beds: dict[str, Bedside | None] = dict.fromkeys(self._patients)
        for bedside in self._ward.bedsides.values():
            if at_beds.get(bedside.bed) is None:
                at_beds[bedside.bed] = bedside
        for bed, each in at_beds.items():
            self._compute(bed, each, now)

    def assess(self, bed: str, seen: Seen, by: str, now: float) -> Score:
        """Takes what a clinician has seen; gives the score with it. Raises ActRefused."""
        seen.check()
        stay, bedside = self.stay(bed), self._ward.at_bed(bed)
        if stay is None:
            raise ActRefused("FAILED_PRECONDITION", "bed", f"nobody lies in {bed!r}")
        if stay.age_class is not AgeClass.ADULT:
            reason = f"NEWS2 is for adults; a {stay.age_class} patient lies in {bed!r}"
            raise ActRefused("FAILED_PRECONDITION", "bed", reason)
        patient = self._patient(bed, now)
        patient.assessment = _merged(patient.assessment, seen, by, now)
        self._ward.batch.assessments[bed] = patient.assessment
        self._ward.batch.acts.append(Act(now, by, "assess", bed, str(seen)))
        newest = self._compute(bed, bedside, now)
        assert newest is not None
        return newest

    def stay(self, bed: str) -> Stay | None:
        """Who lies in a bed. Raises ActRefused where there is no such bed."""
        stay = self._ward.registry.stay(bed)
        if stay is None and self._ward.at_bed(bed) is None and not self._ward.registry.has_bed(bed):
            raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
        return stay

    def assessment(self, bed: str) -> Assessment | None:
        """What clinicians have entered for whoever lies in a bed."""
        patient = self._patients.get(bed)
        return patient.assessment if patient else None

    def discharge(self, bed: str) -> None:
        """The patient has left: nothing of theirs is known of the next."""
        if self._patients.pop(bed, None) is not None:
            self._ward.batch.assessments[bed] = None
        self._show(self._ward.at_bed(bed), None)

    def transfer(self, bed: str, to: str) -> None:
        """The patient has moved to a free bed, with all that was entered and found."""
        patient = self._patients.pop(bed, None)
        self._show(self._ward.at_bed(bed), None)
        if patient is not None:
            self._patients[to] = patient
            self._ward.batch.assessments[bed] = None
            self._ward.batch.assessments[to] = patient.assessment
            self._show(self._ward.at_bed(to), patient.newest)

    # -- inside -------------------------------------------------------------------------

    def _compute(self, bed: str, bedside: Bedside | None, now: float) -> Score | None:
        stay = self._ward.registry.stay(bed)
        if stay is None or stay.age_class is not AgeClass.ADULT:
            if bed in self._patients:
                self.discharge(bed)
            self._clear(bedside, now)
            return None
        patient = self._patient(bed, now)
        newest = score(list(_readings(bedside)), patient.assessment, now)
        if patient.newest is None or _gist(newest) != _gist(patient.newest):
            self._ward.batch.scores.append(ScoreRow(bed, stay.patient_id, newest))
            self._show(bedside, newest)
        elif bedside is not None and bedside.early_warning is None:
            # The device has come to this bed since.
            self._show(bedside, newest)
        patient.newest = newest
        if bedside is not None:
            bedside.early_warning = newest
            if bedside.connection is not Connection.AWAY:
                patient.alarm.judge(bedside.board, newest, now)
                self._ward.collect(bedside)
        return newest

    def _patient(self, bed: str, now: float) -> _Patient:
        return self._patients.setdefault(bed, _Patient(EarlyWarningAlarm(now)))

    def _show(self, bedside: Bedside | None, newest: Score | None) -> None:
        if bedside is not None:
            bedside.early_warning = newest
            self._ward.live.describe(bedside)

    def _clear(self, bedside: Bedside | None, now: float) -> None:
        """No score applies here: what came with a device from another bed ends."""
        if bedside is None:
            return
        if bedside.early_warning is not None:
            self._show(bedside, None)
        if bedside.board.holds(NEWS2_HIGH):
            bedside.board.end(NEWS2_HIGH, now, now)
            self._ward.collect(bedside)


def _wanted(newest: Score) -> Priority | None:
    """Which priority a score asks for."""
    if newest.band is None or (newest.total is None and newest.band is Band.LOW_MEDIUM):
        return None
    return PRIORITIES.get(newest.band)


def _merged(earlier: Assessment, seen: Seen, by: str, now: float) -> Assessment:
    if seen.inspired_gas is not None:
        earlier = replace(earlier, inspired_gas=seen.inspired_gas, inspired_gas_at=now)
    if seen.consciousness is not None:
        earlier = replace(earlier, consciousness=seen.consciousness, consciousness_at=now)
    if seen.oxygen_scale is not None:
        earlier = replace(
            earlier,
            oxygen_scale=seen.oxygen_scale,
            oxygen_scale_by=by,
            oxygen_scale_reason=seen.reason,
        )
    return earlier


def _readings(bedside: Bedside | None) -> Iterator[Reading]:
    """The newest values of a bedside that may be used; questionable ones are, as for limits."""
    if bedside is None:
        return
    for index, numeric in enumerate(bedside.description.numerics):
        kind = kind_of(numeric.code)
        if kind in KINDS and (not bedside.validity or bedside.validity[index] in VALID):
            yield Reading(kind, bedside.values[index], bedside.observed_at[index])


def _gist(each: Score) -> tuple[object, ...]:
    """What makes one score another: not its values, which move all the time."""
    points = [(sub_score.name, sub_score.score) for sub_score in each.sub_scores]
    return each.total, each.band, points, each.missing, each.oxygen_scale
