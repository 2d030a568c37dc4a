"""What operators hold back of alarm signals, and what of it is refused."""

from rpm_service.application.acts import REASON_MAX, ActRefused, check_duration, check_text
from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Act
from rpm_service.application.ward import Ward
from rpm_service.domain.inactivation import (
    HELD_MAX,
    NEVER_HELD_BACK,
    PAUSES,
    Inactivation,
    InactivationState,
)


def pause_audio(ward: Ward, bed: str, duration_s: float, by: str, now: float) -> float | None:
    """Pauses the sound of a bed, or with 0 ends the pause; tells until when. Raises ActRefused."""
    state = InactivationState.AUDIO_PAUSED
    lasts_s = _duration_of(state, duration_s) if duration_s else 0
    bedside = _at_bed(ward, bed)
    until = now + lasts_s if lasts_s else None
    if until is None:
        bedside.inactivations.end("", "", state)
    else:
        bedside.inactivations.begin(Inactivation(state, "", "", by, now, until))
    _note(ward, bedside, "pause_audio", by, now, f"{duration_s:g} s")
    return until


def inactivate(
    ward: Ward,
    bed: str,
    metric: str,
    condition: str,
    state: InactivationState,
    duration_s: float,
    reason: str,
    by: str,
    now: float,
) -> Inactivation:
    """Holds back signals of one alarm, one metric or one bed; 0 s: as long as is usual.

    Raises ActRefused.
    """
    lasts_s = _duration_of(state, duration_s)
    if reason or state is not InactivationState.AUDIO_PAUSED:
        check_text("reason", reason, REASON_MAX)
    bedside = _at_bed(ward, bed)
    until = None if lasts_s is None else now + lasts_s
    new = Inactivation(state, metric, condition, by, now, until, reason)
    _check_scope(bedside, new)
    bedside.inactivations.begin(new)
    lasts = "" if lasts_s is None else f"for {lasts_s:g} s"
    _note(ward, bedside, "inactivate", by, now, state, metric, condition, lasts, reason)
    return new


def reactivate(ward: Ward, bed: str, metric: str, condition: str, by: str, now: float) -> None:
    """Ends all that is held back of exactly this scope. Raises ActRefused."""
    bedside = _at_bed(ward, bed)
    if not bedside.inactivations.end(metric, condition):
        field = "condition" if condition else "metric" if metric else "bed"
        what = " ".join(filter(None, (metric, condition))) or "the whole bed"
        raise ActRefused("NOT_FOUND", field, f"nothing is held back of {what} at {bed!r}")
    _note(ward, bedside, "reactivate", by, now, metric, condition)


def _at_bed(ward: Ward, bed: str) -> Bedside:
    bedside = ward.at_bed(bed)
    if bedside is None:
        raise ActRefused("NOT_FOUND", "bed", f"there is no bed {bed!r}")
    return bedside


def _note(ward: Ward, bedside: Bedside, act: str, by: str, now: float, *detail: str) -> None:
    """An act is done: it is journalled and shown."""
    words = " ".join(filter(None, detail))
    ward.batch.acts.append(Act(now, by, act, bedside.bed, words))
    ward.settle(bedside, now)


def _duration_of(state: InactivationState, duration_s: float) -> float | None:
    """How long something is held back, in seconds; None for what is off."""
    pause = PAUSES.get(state)
    if pause is not None:
        check_duration(duration_s or pause.standard, pause.least, pause.most)
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
