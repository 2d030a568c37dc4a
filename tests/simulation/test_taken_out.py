"""A checker that cannot fail proves nothing: without a mechanism, one of the first seeds goes wrong.

No seed is named here. A seed is a world of one version: with a frame more or less it is another.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf

import pytest

from rpm_service.application import bedside as bedside_module
from rpm_service.application.bedside import Bedside
from rpm_service.application.effects import Batch, Connection, Restored
from rpm_service.application.live import Live, Scope, _Over
from rpm_service.application.monitoring import Monitoring
from rpm_service.application.reception import Reception
from rpm_service.application.units import Units
from rpm_service.application.ward import Ward
from rpm_service.domain.alarms import Alarm, AlarmBoard
from rpm_service.domain.conditions import Tier
from rpm_service.domain.inactivation import Inactivation
from tests.simulation.broken import Broken
from tests.simulation.seeds import play

SEEDS = range(60)
"""Of which the first that goes wrong is enough: most mechanisms are missed within five."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def the_wait_for_the_disk(patch: pytest.MonkeyPatch) -> None:
    write = Monitoring._write

    def too_early(self: Monitoring, batch: Batch) -> None:
        write(self, batch)
        self.ward.written(batch, self.clock.now())

    patch.setattr(Monitoring, "_write", too_early)


def the_record_of_a_gap(patch: pytest.MonkeyPatch) -> None:
    lose = Reception._lose

    def silently(self: Reception, from_seq: int, to_seq: int, now: float) -> bool:
        gaps = self._ward.batch.gaps
        before = len(gaps)
        lost = lose(self, from_seq, to_seq, now)
        del gaps[before:]
        return lost

    patch.setattr(Reception, "_lose", silently)


def a_delay_that_goes_on_over_a_lost_connection(patch: pytest.MonkeyPatch) -> None:
    def begin_anew(self: Tier) -> None:
        since = -inf if self.present else None
        self.lapse()
        self._since = since

    patch.setattr(Tier, "rearm", begin_anew)


def alarms_that_are_over_before_a_new_snapshot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Live, "over", lambda self, *_: _Over(b"", self.revision, ()))


def the_units_that_a_viewer_may_see(patch: pytest.MonkeyPatch) -> None:
    shows = Scope.shows
    everything = frozenset[str]()
    patch.setattr(Scope, "shows", lambda self, bed: shows(replace(self, within=everything), bed))


def that_a_value_is_stale_after_five_seconds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bedside_module, "STALE_S_MIN", 15.0)


def the_bound_of_an_acknowledgement_from_before(patch: pytest.MonkeyPatch) -> None:
    restore = AlarmBoard.restore

    def for_ever(alarm: Alarm) -> Alarm:
        given = alarm.acknowledgement
        return replace(alarm, acknowledgement=given and replace(given, until=inf))

    patch.setattr(AlarmBoard, "restore", lambda self, old: restore(self, map(for_ever, old)))


def the_bound_of_a_pause_from_before(patch: pytest.MonkeyPatch) -> None:
    resume = Bedside.resume

    def for_ever(self: Bedside, connection: Connection, held: list[Inactivation]) -> None:
        resume(self, connection, [replace(each, until=inf) for each in held])

    patch.setattr(Bedside, "resume", for_ever)


def the_numbers_of_each_start(patch: pytest.MonkeyPatch) -> None:
    begin = Ward.__init__

    def after_what_stands(
        self: Ward, live: Live, restored: Restored, now: float, units: Units | None = None
    ) -> None:
        newest = max((each.occurrence_id for each in restored.alarms), default=0)
        begin(self, live, replace(restored, next_occurrence=newest + 1), now, units)

    patch.setattr(Ward, "__init__", after_what_stands)


TAKEN_OUT: dict[Callable[[pytest.MonkeyPatch], None], str] = {
    the_wait_for_the_disk: "I1",
    the_record_of_a_gap: "I2",
    a_delay_that_goes_on_over_a_lost_connection: "I3",
    alarms_that_are_over_before_a_new_snapshot: "I4",
    the_units_that_a_viewer_may_see: "I5",
    that_a_value_is_stale_after_five_seconds: "I6",
    the_bound_of_an_acknowledgement_from_before: "I7",
    the_bound_of_a_pause_from_before: "I7",
    the_numbers_of_each_start: "I8",
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mechanism", TAKEN_OUT, ids=lambda each: each.__name__)
def test_without_a_mechanism_one_of_the_first_seeds_goes_wrong(
    mechanism: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mechanism(monkeypatch)
    broken = first_broken()
    assert broken is not None
    assert broken.invariant == TAKEN_OUT[mechanism]


def first_broken() -> Broken | None:
    for seed in SEEDS:
        try:
            play(seed)
        except Broken as broken:
            return broken
    return None
