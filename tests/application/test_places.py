"""Where a device measured, and for whom."""

from math import inf

import pytest

from rpm_service.application.effects import Association, Bed, Stay
from rpm_service.application.places import Places, Scope, Stretch
from rpm_service.domain.limits import AgeClass

ADULT, NEONATAL = AgeClass.ADULT, AgeClass.NEONATAL


@pytest.mark.spec("ANALYSIS-6")
def test_a_device_is_a_bed_of_its_own_name_while_nobody_says_where_it_is() -> None:
    places = Places([Bed("B1", "ICU")], [], [Association("m1", "B1", 100, 200)])
    assert places.stretches("m1", Scope()) == [
        Stretch(-inf, 100, "m1", "", ADULT),
        Stretch(100, 200, "B1", "ICU", ADULT),
        Stretch(200, inf, "m1", "", ADULT),
    ]


@pytest.mark.spec("ANALYSIS-6")
def test_the_age_class_is_that_of_the_patient_who_lay_there() -> None:
    stays = [Stay("B1", "p1", NEONATAL, 50, 150), Stay("B1", "p2", ADULT, 180)]
    places = Places([Bed("B1")], stays, [Association("m1", "B1", 100)])
    assert [
        (each.since, each.until, each.age_class) for each in places.stretches("m1", Scope(100))
    ] == [(100, 150, NEONATAL), (150, 180, ADULT), (180, inf, ADULT)]


def test_only_the_part_that_is_meant_is_told() -> None:
    places = Places([Bed("B1", "ICU")], [], [Association("m1", "B1", 100)])
    icu = Scope(50, 150, units=frozenset({"ICU"}))
    assert places.stretches("m1", icu) == [Stretch(100, 150, "B1", "ICU", ADULT)]
    assert places.stretches("m2", icu) == []
    assert places.stretches("m2", Scope(50, 150, beds=frozenset({"m2"})))
