"""However limits are changed, no alarm is lost by it, none goes beyond its bounds, and all end."""

from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import Connection
from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass, MetricLimits
from rpm_service.domain.presets import PRESETS
from tests.support.scene import Scene

PRESET = PRESETS[AgeClass.ADULT]
OWN = PRESET.limits["SpO2"]
BEDS = ("bed 3", "bed 4")


@dataclass
class Run:
    """For how long each value has been beyond the limit of its time."""

    since: float | None = None

    def take(self, value: float, limit: float | None, at: float) -> None:
        if limit is None or value >= limit:
            self.since = None
        elif self.since is None:
            self.since = at

    def has_lasted(self, delay_s: float, at: float) -> bool:
        return self.since is not None and at - self.since >= delay_s


class Limits(RuleBasedStateMachine):
    """A patient whose limits are changed all the time, and what an onlooker expects of it."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.keys = count(1)
        self.bed = BEDS[0]
        self.limits: MetricLimits | None = None
        """The patient's own, as long as they count."""
        self.until = 0.0
        self.is_in = False
        self.changes = 0
        self.low, self.extreme = Run(), Run()

    @initialize()
    def begins(self) -> None:
        self.scene.operators.associate("oximeter-1", self.bed, "nurse")
        self.device = self.scene.device().begins("SpO2")

    def passes(self, seconds: float) -> None:
        self.scene.passes(seconds)
        if self.limits is not None and self.until <= self.scene.now:
            self.limits = None
            self.changes += 1

    # -- what happens ---------------------------------------------------------------------

    @rule(values=st.lists(st.sampled_from([97, 89, 86, 83, 79]), min_size=1, max_size=12))
    def measures(self, values: list[float]) -> None:
        for value in values:
            self.passes(1)
            if self.scene.bedside().connection is Connection.LOST:
                # Nobody knows what was between: a delay begins anew.
                self.low, self.extreme = Run(), Run()
            self.device.sends(value)
            self.judge(value)

    @precondition(lambda self: self.is_in)
    @rule(
        value=st.sampled_from([97, 89, 86, 83, 79]),
        lows=st.lists(st.sampled_from([82, 85, 88, 90, 93]), min_size=1, max_size=12),
    )
    def are_changed_with_every_value(self, value: float, lows: list[float]) -> None:
        for low in lows:
            self.sets(low, 80, 10, 60)
            self.measures([value])

    @rule(
        low=st.sampled_from([79, 81, 85, 88, 93, 98, 99, None]),
        extreme_low=st.sampled_from([70, 80, 82, 88, None]),
        delay_s=st.sampled_from([0, 5, 10, 30, 31]),
        duration_s=st.sampled_from([0, 60, 61, 90, 59, 86_401]),
    )
    def sets(
        self, low: float | None, extreme_low: float | None, delay_s: float, duration_s: float
    ) -> None:
        limits = replace(OWN, low=low, extreme_low=extreme_low, delay_s=delay_s)
        may = (
            self.is_in
            and low is not None
            and extreme_low is not None
            and 80 <= extreme_low < low <= 98
            and delay_s <= 30
            and duration_s in (0, 60, 61, 90)
        )
        what = (self.bed, "SpO2", limits, "why", duration_s, "nurse", f"key {next(self.keys)}")
        if not may:
            with pytest.raises(ActRefused):
                self.scene.operators.set_limits(*what)
            return
        self.until = self.scene.operators.set_limits(*what).until
        assert self.until == self.scene.now + (duration_s or 43_200)
        self.limits = limits
        self.changes += 1

    @precondition(lambda self: self.limits is not None)
    @rule()
    def are_cleared(self) -> None:
        self.scene.operators.clear_limits(self.bed, "SpO2", "nurse", f"key {next(self.keys)}")
        self.limits = None
        self.changes += 1

    @rule(seconds=st.integers(1, 9))
    def nothing_happens(self, seconds: int) -> None:
        self.passes(seconds)
        self.device.session.heartbeat(self.scene.now, self.scene.now)

    @precondition(lambda self: not self.is_in)
    @rule()
    def somebody_comes(self) -> None:
        self.scene.operators.admit(self.bed, "", "p", AgeClass.ADULT, "clerk")
        self.is_in = True

    @precondition(lambda self: self.is_in)
    @rule()
    def moves(self) -> None:
        to = BEDS[self.bed == BEDS[0]]
        self.scene.operators.transfer(self.bed, to, "nurse")
        self.bed = to

    @precondition(lambda self: self.is_in)
    @rule()
    def leaves(self) -> None:
        self.scene.operators.discharge(self.bed, "clerk")
        self.is_in = False
        self.low, self.extreme = Run(), Run()
        if self.limits is not None:
            self.limits = None
            self.changes += 1

    # -- what holds -----------------------------------------------------------------------

    def judge(self, value: float) -> None:
        """An alarm that has held its delay is on, whatever was changed meanwhile."""
        limits, now = self.limits or OWN, self.scene.now
        self.low.take(value, limits.low, now)
        self.extreme.take(value, limits.extreme_low, now)
        alarm = self.scene.alarms().get("SPO2_LOW")
        holds = alarm.priority if alarm is not None else Priority.LOW
        if self.low.has_lasted(limits.delay_s, now):
            assert holds >= Priority.MEDIUM
        if self.extreme.has_lasted(limits.extreme_delay_s, now):
            assert holds is Priority.HIGH

    @invariant()
    def what_is_in_force_is_the_patients_or_the_presets_and_within_bounds(self) -> None:
        bedside = self.scene.bedside()
        assert bedside.settings.limits["SpO2"] == (self.limits or OWN)
        PRESET.check_own("SpO2", bedside.settings.limits["SpO2"])
        (numeric,) = bedside.description.numerics
        assert (bedside.override_of(numeric) is None) == (self.limits is None)
        if self.limits is None:
            assert bedside.settings == PRESET

    @invariant()
    def every_change_is_journalled_once(self) -> None:
        acts = [act for act in self.scene.ward.batch.acts if act.act.endswith("_limits")]
        assert len(acts) == self.changes

    @invariant()
    def what_would_be_restored_is_what_is_in_force(self) -> None:
        kept = self.scene.ward.batch.overrides
        assert [each.limits for each in kept.get(self.bed, ())] == (
            [] if self.limits is None else [self.limits]
        )
        assert not any(kept.get(bed) for bed in BEDS if bed != self.bed)


Limits.TestCase.settings = settings(max_examples=60, stateful_step_count=40)


@pytest.mark.spec("LIMIT-7")
@pytest.mark.spec("LIMIT-11")
class TestLimits(Limits.TestCase):
    pass
