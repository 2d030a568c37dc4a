"""People: they answer alarms they see, hold them back, move limits, and say who lies where."""

from contextlib import suppress
from random import Random
from typing import Final

from rpm_service.application.acts import ActRefused
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.operators import Operators
from rpm_service.domain.inactivation import InactivationState
from rpm_service.domain.limits import AgeClass, MetricLimits
from tests.simulation.checker import Checker
from tests.simulation.places import Places
from tests.simulation.viewer import Viewer

NURSES: Final = ("nurse-1", "nurse-2", "nurse-3")
UNITS: Final = ("A", "B")
OWN_LIMITS: Final = {
    "HR": MetricLimits(45, 140, 35, 160, delay_s=3, hysteresis=2, hold_s=3),
    "SpO2": MetricLimits(low=84, extreme_low=80, delay_s=5, hysteresis=1, hold_s=3),
}


class People:
    """Everybody who acts. Acts are carried out where a request would reach the server."""

    def __init__(self, rng: Random, checker: Checker, viewers: list[Viewer], devices: int) -> None:
        self._rng = rng
        self._checker = checker
        self._viewers = viewers
        self._devices = [f"device-{number}" for number in range(devices)]
        self._beds = [f"bed-{number}" for number in range(devices + 2)]
        self._patients = 0
        self._keys = 0

    def settle_in(self, monitoring: Monitoring) -> None:
        """The beginning of the shift: most beds have a device and a patient."""
        for device_id, bed in zip(self._devices, self._beds, strict=False):
            with suppress(ActRefused):
                if self._rng.random() < 0.8:
                    self._associate(monitoring.operators, device_id, bed)
                if self._rng.random() < 0.8:
                    self._admit(monitoring.operators, bed)

    def act(self, monitoring: Monitoring) -> None:
        """Somebody does something."""
        operators, rng = monitoring.operators, self._rng
        what = rng.choices(
            (self._answer, self._hold_back, self._move_limits, self._move_somebody), (6, 3, 2, 2)
        )[0]
        try:
            what(operators)
        except ActRefused:
            # What people saw is a little old, and not everything can be done.
            return

    # -- alarms -----------------------------------------------------------------------------

    def _answer(self, operators: Operators) -> None:
        seen = [alarm for each in self._viewers for alarm in each.page.alarms.values()]
        if not seen:
            return
        rng, alarm, by = self._rng, self._rng.choice(seen), self._rng.choice(NURSES)
        how = rng.choice(("acknowledge", "acknowledge", "reset", "accept", "reject"))
        key, lasts_s = self._key(), rng.choice((10.0, 30.0, 120.0))
        for _ in range(rng.choice((1, 1, 2))):
            # An answer that was lost on its way is asked for again, with the same key.
            if how == "acknowledge":
                event = operators.acknowledge(alarm.occurrence_id, alarm.priority, by, key, lasts_s)
                self._checker.acknowledged(alarm, lasts_s)
            elif how == "reset":
                event = operators.reset(alarm.occurrence_id, by, key)
            else:
                event = operators.answer(alarm.occurrence_id, by, key, accepted=how == "accept")
            self._checker.answered(alarm, event.alarm)

    def _hold_back(self, operators: Operators) -> None:
        rng, bed, by = self._rng, self._somewhere(), self._rng.choice(NURSES)
        how = rng.randrange(3)
        if how == 0:
            operators.pause_audio(bed, lasts_s := rng.choice((5.0, 60.0, 120.0)), by, self._key())
            self._checker.held_back(by, lasts_s)
        elif how == 1:
            lasts_s = rng.choice((5.0, 60.0, 600.0))
            metric = rng.choice(("", "HR", "SpO2"))
            operators.inactivate(
                bed, metric, "", InactivationState.ALARM_PAUSED, lasts_s, "care", by, self._key()
            )
            self._checker.held_back(by, lasts_s)
        else:
            operators.reactivate(bed, "", "", by, self._key())

    # -- limits -----------------------------------------------------------------------------

    def _move_limits(self, operators: Operators) -> None:
        rng, bed, by = self._rng, self._somewhere(), self._rng.choice(NURSES)
        metric = rng.choice(list(OWN_LIMITS))
        if rng.random() < 0.7:
            limits, lasts_s = OWN_LIMITS[metric], rng.choice((60.0, 120.0, 3600.0))
            own = operators.set_limits(bed, metric, limits, "known", lasts_s, by, self._key())

            def set_own(places: Places) -> None:
                places.limits[bed, metric] = (limits, own.since + lasts_s)

            self._checker.said(by, "set_limits", set_own)
        else:
            operators.clear_limits(bed, metric, by, self._key())
            self._checker.said(
                by, "clear_limits", lambda places: places.limits.pop((bed, metric), None)
            )

    # -- who lies where -----------------------------------------------------------------------

    def _move_somebody(self, operators: Operators) -> None:
        rng, by = self._rng, self._rng.choice(NURSES)
        bed = rng.choice(self._beds)
        places = self._checker.sayings.places
        how = rng.randrange(4)
        if how == 0:
            self._admit(operators, bed)
        elif how == 1:
            operators.discharge(bed, by, self._key())
            self._checker.said(by, "discharge", lambda places: places.discharge(bed))
        elif how == 2 and places.patients:
            from_bed = rng.choice(list(places.patients))
            operators.transfer(from_bed, bed, by, self._key())
            self._checker.said(by, "transfer", lambda places: places.transfer(from_bed, bed))
        else:
            self._associate(operators, rng.choice(self._devices), rng.choice((bed, "")))

    def _admit(self, operators: Operators, bed: str) -> None:
        by, unit = self._rng.choice(NURSES), self._rng.choice((*UNITS, ""))
        self._patients += 1
        patient = f"patient-{self._patients}"
        operators.admit(bed, unit, patient, AgeClass.ADULT, by, self._key())
        self._checker.said(by, "admit", lambda places: places.admit(bed, unit, patient))

    def _associate(self, operators: Operators, device_id: str, bed: str) -> None:
        by = self._rng.choice(NURSES)
        operators.associate(device_id, bed, by, self._key())
        self._checker.said(by, "associate", lambda places: places.associate(device_id, bed))

    # -- inside -------------------------------------------------------------------------------

    def _somewhere(self) -> str:
        beds = [part.bed for each in self._viewers for part in each.page.beds.values()]
        return self._rng.choice(beds) if beds else "bed-0"

    def _key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"
