"""Limits of a patient's own: set, refused, in force, over."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from rpm_service.application.acts import ActRefused
from rpm_service.application.effects import (
    Association,
    Bed,
    Connection,
    LimitOverride,
    Restored,
    Stay,
    StoredDevice,
)
from rpm_service.application.limit_overrides import Proposal
from rpm_service.application.units import BUILT_IN, Unit, Units
from rpm_service.domain.alarms import Presence, Priority
from rpm_service.domain.limits import AgeClass, Bounds, MetricLimits, RateOfChange
from rpm_service.domain.presets import PRESETS
from tests.support.scene import Device, Scene
from tests.support.vital_signs import description

PRESET = PRESETS[AgeClass.ADULT]
LOWER = replace(PRESET.limits["SpO2"], low=85.0)
"""SpO2 of 85 is low, not 90, as for many with COPD."""
HOUR = 3600.0
KEYS = count()


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.operators.admit("bed 3", "ICU", "Jane Doe 1970", AgeClass.ADULT, "clerk")
    scene.operators.associate("oximeter-1", "bed 3", "nurse")
    return scene


@pytest.fixture
def device(scene: Scene) -> Device:
    return scene.device().begins().streams(5, 80, 97)


def set_limits(scene: Scene, limits: MetricLimits = LOWER, **what: Any) -> LimitOverride:
    standard = {"bed": "bed 3", "metric": "SpO2", "reason": "COPD", "duration_s": 0, "by": "nurse"}
    given = standard | {"key": f"key {next(KEYS)}"} | what
    return scene.operators.set_limits(limits=limits, **given)


def in_force(scene: Scene, metric: str = "SpO2", device_id: str = "oximeter-1") -> Any:
    bedside = scene.bedside(device_id)
    found = {
        numeric.name: (bedside.limits_of(numeric), bedside.override_of(numeric))
        for numeric in bedside.description.numerics
    }
    return found[metric]


# -- in force -----------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-5")
def test_lower_limits_for_a_patient_who_is_always_low(scene: Scene, device: Device) -> None:
    device.streams(11, 80, 88)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.MEDIUM
    override = set_limits(scene, duration_s=HOUR)
    assert (override.since, override.until) == (scene.now, scene.now + HOUR)
    assert in_force(scene) == (LOWER, override)
    device.streams(5, 80, 88)
    assert "SPO2_LOW" not in scene.alarms(), "88 is within the patient's own limits"
    device.streams(11, 80, 84)
    assert scene.alarms()["SPO2_LOW"].limit == 85
    device.streams(1, 80, 79)
    assert scene.alarms()["SPO2_LOW"].priority is Priority.HIGH, "the extreme limit stays"


@pytest.mark.spec("LIMIT-5")
@pytest.mark.usefixtures("device")
def test_limits_last_for_twelve_hours_unless_said_otherwise(scene: Scene) -> None:
    assert set_limits(scene).until == scene.now + 12 * HOUR
    for lasts_s in (60, 86_400):
        assert set_limits(scene, duration_s=lasts_s).until == scene.now + lasts_s


@pytest.mark.spec("LIMIT-5")
def test_limits_of_a_kind_hold_for_each_of_its_numerics(scene: Scene) -> None:
    two = description("SpO2", "SpO2")
    second = replace(two.numerics[1], name="SpO2 2")
    device = scene.device()
    device.hello()
    what = replace(two, numerics=(two.numerics[0], second))
    device.session.describe([("oximeter-1", what)], scene.now)
    override = set_limits(scene)
    assert in_force(scene) == in_force(scene, "SpO2 2") == (LOWER, override)
    own = set_limits(scene, replace(LOWER, low=88.0), metric="SpO2 2")
    assert in_force(scene) == (LOWER, override)
    assert in_force(scene, "SpO2 2") == (replace(LOWER, low=88.0), own)


@pytest.mark.spec("LIMIT-5")
def test_a_rate_of_change_stays_that_of_the_preset() -> None:
    rate = RateOfChange(10, 60)
    falling = replace(PRESET.limits["SpO2"], rate=rate)
    settings = replace(PRESET, limits={**PRESET.limits, "SpO2": falling})
    scene = Scene(units=Units(other=Unit(presets={AgeClass.ADULT: settings})))
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    scene.device().begins()
    set_limits(scene, bed="oximeter-1")
    assert in_force(scene)[0] == replace(LOWER, rate=rate)


@pytest.mark.spec("LIMIT-5")
@pytest.mark.usefixtures("device")
def test_an_act_repeated_with_its_key_is_done_once(scene: Scene) -> None:
    first = set_limits(scene, key="same")
    scene.passes(5)
    assert set_limits(scene, key="same") is first
    assert len([act for act in scene.ward.batch.acts if act.act == "set_limits"]) == 1


@pytest.mark.spec("LIMIT-5")
def test_limits_may_be_set_before_a_device_is_there(scene: Scene) -> None:
    set_limits(scene)
    scene.device().begins()
    assert in_force(scene)[0] == LOWER


# -- refused ------------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-6")
@pytest.mark.parametrize(
    ("what", "code", "field"),
    [
        ({"limits": replace(LOWER, low=79)}, "INVALID_ARGUMENT", "limits.extreme_low"),
        ({"limits": replace(LOWER, low=99)}, "INVALID_ARGUMENT", "limits.low"),
        ({"limits": replace(LOWER, extreme_low=70)}, "INVALID_ARGUMENT", "limits.extreme_low"),
        ({"limits": replace(LOWER, high=101)}, "INVALID_ARGUMENT", "limits.high"),
        ({"limits": replace(LOWER, low=None)}, "INVALID_ARGUMENT", "limits.low"),
        ({"limits": replace(LOWER, extreme_low=None)}, "INVALID_ARGUMENT", "limits.extreme_low"),
        ({"limits": replace(LOWER, delay_s=31)}, "INVALID_ARGUMENT", "limits.delay_s"),
        ({"limits": replace(LOWER, extreme_delay_s=6)}, "INVALID_ARGUMENT", "limits.extreme_delay_s"),
        ({"limits": replace(LOWER, hysteresis=11)}, "INVALID_ARGUMENT", "limits.hysteresis"),
        ({"limits": replace(LOWER, hold_s=61)}, "INVALID_ARGUMENT", "limits.hold_s"),
        ({"limits": replace(LOWER, low=float("nan"))}, "INVALID_ARGUMENT", "limits.low"),
        ({"metric": "spo2"}, "INVALID_ARGUMENT", "limits.metric"),
        ({"metric": "SpO2 2"}, "INVALID_ARGUMENT", "limits.metric"),
        ({"metric": ""}, "INVALID_ARGUMENT", "limits.metric"),
        ({"metric": "Batt", "limits": MetricLimits(low=1)}, "INVALID_ARGUMENT", "limits.metric"),
        ({"metric": "CVP", "limits": MetricLimits()}, "INVALID_ARGUMENT", "limits.low"),
        ({"reason": ""}, "INVALID_ARGUMENT", "reason"),
        ({"reason": "r" * 129}, "INVALID_ARGUMENT", "reason"),
        ({"duration_s": 59}, "INVALID_ARGUMENT", "duration_s"),
        ({"duration_s": 86_401}, "INVALID_ARGUMENT", "duration_s"),
        ({"duration_s": -1}, "INVALID_ARGUMENT", "duration_s"),
        ({"duration_s": float("nan")}, "INVALID_ARGUMENT", "duration_s"),
        ({"key": ""}, "INVALID_ARGUMENT", "idempotency_key"),
        ({"bed": "bed 9"}, "NOT_FOUND", "bed"),
        ({"bed": "oximeter-2"}, "FAILED_PRECONDITION", "bed"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("device")
def test_a_change_that_may_not_be_is_refused_and_changes_nothing(
    scene: Scene, what: dict[str, Any], code: str, field: str
) -> None:
    scene.device("oximeter-2").begins()
    scene.commit()
    before = scene.bedside().settings
    with pytest.raises(ActRefused) as refused:
        set_limits(scene, **what)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert scene.bedside().settings is before
    assert not scene.ward.batch.acts
    assert not scene.ward.batch.overrides


@pytest.mark.spec("LIMIT-6")
def test_latching_stays_where_the_preset_latches() -> None:
    settings = PRESET.with_latching(latching=True)
    scene = Scene(units=Units(other=Unit(presets={AgeClass.ADULT: settings})))
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    scene.device().begins()
    with pytest.raises(ActRefused, match="the preset latches") as refused:
        set_limits(scene, bed="oximeter-1")
    assert refused.value.field == "limits.latching"
    set_limits(scene, replace(LOWER, latching=True), bed="oximeter-1")


@pytest.mark.spec("LIMIT-6")
@pytest.mark.usefixtures("device")
def test_a_refused_change_leaves_the_earlier_one(scene: Scene) -> None:
    override = set_limits(scene)
    with pytest.raises(ActRefused):
        set_limits(scene, replace(LOWER, low=79))
    assert in_force(scene) == (LOWER, override)


def test_a_metric_that_the_preset_has_no_limits_of_may_have_any(scene: Scene) -> None:
    scene.device().begins("CVP")
    set_limits(scene, MetricLimits(high=15), metric="CVP")
    assert in_force(scene, "CVP")[0] == MetricLimits(high=15)


# -- over ---------------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-7")
def test_limits_run_out_and_the_preset_is_in_force_again(scene: Scene, device: Device) -> None:
    set_limits(scene, duration_s=60)
    set_limits(scene, replace(PRESET.limits["HR"], high=130), metric="HR", duration_s=120)
    device.streams(59, 80, 88)
    assert in_force(scene)[0] == LOWER
    assert "SPO2_LOW" not in scene.alarms()
    scene.commit()
    device.streams(1, 80, 88)
    assert in_force(scene) == (PRESET.limits["SpO2"], None)
    assert [each.metric for each in scene.ward.batch.overrides["bed 3"]] == ["HR"]
    device.streams(10, 80, 88)
    assert "SPO2_LOW" in scene.alarms()
    device.streams(50, 80, 97)
    assert in_force(scene, "HR") == (PRESET.limits["HR"], None)
    assert scene.bedside().settings is PRESET


@pytest.mark.spec("LIMIT-7")
def test_limits_set_again_last_from_then_on(scene: Scene, device: Device) -> None:
    set_limits(scene, duration_s=60)
    device.streams(30, 80, 97)
    override = set_limits(scene, duration_s=60)
    device.streams(59, 80, 97)
    assert in_force(scene) == (LOWER, override)
    device.streams(1, 80, 97)
    assert in_force(scene)[1] is None


@pytest.mark.spec("LIMIT-7")
@pytest.mark.usefixtures("device")
def test_limits_are_cleared_by_whoever_wants_the_preset_back(scene: Scene) -> None:
    set_limits(scene)
    scene.commit()
    assert scene.operators.clear_limits("bed 3", "SpO2", "doctor", "1") == PRESET.limits["SpO2"]
    assert in_force(scene) == (PRESET.limits["SpO2"], None)
    assert scene.ward.batch.overrides == {"bed 3": ()}
    with pytest.raises(ActRefused) as refused:
        scene.operators.clear_limits("bed 3", "SpO2", "doctor", "2")
    assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "metric")
    with pytest.raises(ActRefused) as refused:
        scene.operators.clear_limits("bed 9", "SpO2", "doctor", "3")
    assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "bed")


@pytest.mark.spec("LIMIT-7")
def test_a_discharge_ends_them_for_the_next_patient(scene: Scene, device: Device) -> None:
    set_limits(scene)
    scene.commit()
    scene.operators.discharge("bed 3", "clerk")
    assert scene.ward.batch.overrides == {"bed 3": ()}
    assert scene.bedside().settings is PRESET
    scene.operators.admit("bed 3", "", "p2", AgeClass.NEONATAL, "clerk")
    assert in_force(scene) == (PRESETS[AgeClass.NEONATAL].limits["SpO2"], None)
    device.streams(1, 140, 90)


# -- the journal --------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-8")
def test_every_change_is_journalled_with_who_what_why_and_until_when(
    scene: Scene, device: Device
) -> None:
    since = scene.now
    set_limits(scene, replace(LOWER, delay_s=20), duration_s=60)
    set_limits(scene, replace(LOWER, high=99), duration_s=60)
    device.streams(60, 80, 97)
    set_limits(scene)
    scene.operators.clear_limits("bed 3", "SpO2", "doctor", "c")
    set_limits(scene)
    scene.operators.discharge("bed 3", "clerk")
    acts = [act for act in scene.ward.batch.acts if act.act.endswith("_limits")]
    assert [(act.by, act.act, act.bed) for act in acts] == [
        ("nurse", "set_limits", "bed 3"),
        ("nurse", "set_limits", "bed 3"),
        ("server", "clear_limits", "bed 3"),
        ("nurse", "set_limits", "bed 3"),
        ("doctor", "clear_limits", "bed 3"),
        ("nurse", "set_limits", "bed 3"),
        ("server", "clear_limits", "bed 3"),
    ]
    first, second, over, _, cleared, _, left = (act.detail for act in acts)
    assert first.startswith("SpO2 low 90 -> 85, delay_s 10 -> 20; until 20")
    assert first.endswith("+00:00: COPD")
    assert second.startswith("SpO2 high none -> 99, delay_s 20 -> 10; until ")
    assert over == "SpO2 low 85 -> 90, high 99 -> none: their time is over"
    assert cleared == "SpO2 low 85 -> 90"
    assert left == "SpO2 low 85 -> 90: the patient has left"
    assert acts[0].at == since
    assert not any("Jane" in act.detail for act in acts)


# -- who moves where ----------------------------------------------------------------------


@pytest.mark.spec("LIMIT-9")
@pytest.mark.usefixtures("device")
def test_they_go_along_with_the_patient(scene: Scene) -> None:
    override = set_limits(scene)
    scene.commit()
    scene.operators.transfer("bed 3", "bed 4", "nurse")
    assert scene.bedside().bed == "bed 4"
    assert in_force(scene) == (LOWER, override)
    assert scene.ward.batch.overrides == {"bed 3": (), "bed 4": (override,)}
    assert scene.ward.limit_overrides.of("bed 3") == {}
    scene.operators.discharge("bed 4", "clerk")
    assert scene.bedside().settings is PRESET


@pytest.mark.spec("LIMIT-9")
def test_they_end_in_a_unit_whose_bounds_do_not_allow_them() -> None:
    narrow = replace(PRESET, bounds={**PRESET.bounds, "SpO2": Bounds((88, 95), (95, 100), 30)})
    narrow = replace(narrow, limits={**PRESET.limits, "SpO2": MetricLimits(low=90)})
    units = Units({"CCU": Unit("CCU", {AgeClass.ADULT: narrow})})
    scene = Scene(Restored(beds=(Bed("bed 4", "CCU"),)), units=units)
    scene.operators.admit("bed 3", "ICU", "p", AgeClass.ADULT, "clerk")
    scene.operators.associate("oximeter-1", "bed 3", "nurse")
    scene.device().begins()
    heart = set_limits(scene, replace(PRESET.limits["HR"], high=130), metric="HR")
    set_limits(scene)
    scene.operators.transfer("bed 3", "bed 4", "nurse")
    assert in_force(scene) == (MetricLimits(low=90), None)
    assert in_force(scene, "HR") == (heart.limits, heart)
    assert scene.ward.batch.overrides == {"bed 3": (), "bed 4": (heart,)}
    act = scene.ward.batch.acts[-2]
    assert (act.by, act.act, act.bed) == ("server", "clear_limits", "bed 4")
    assert "not allowed here" in act.detail


@pytest.mark.spec("LIMIT-9")
@pytest.mark.usefixtures("device")
def test_a_device_that_is_moved_leaves_them_with_the_patient(scene: Scene) -> None:
    override = set_limits(scene)
    scene.operators.associate("oximeter-1", "bed 5", "nurse")
    assert scene.bedside().settings is PRESET
    scene.device("oximeter-2").begins()
    scene.operators.associate("oximeter-2", "bed 3", "nurse")
    assert in_force(scene, device_id="oximeter-2") == (LOWER, override)


# -- a restart ----------------------------------------------------------------------------


def after_restart(*overrides: LimitOverride, stays: bool = True, **fields: Any) -> Scene:
    stay = Stay("bed 3", "p", AgeClass.ADULT, 0)
    device = StoredDevice("oximeter-1", description("HR", "SpO2"), Connection.CONNECTED)
    restored = Restored(
        beds=(Bed("bed 3"),),
        stays=(stay,) if stays else (),
        associations=(Association("oximeter-1", "bed 3", 0),),
        devices=(device,),
        overrides={"bed 3": overrides},
    )
    return Scene(restored, **fields)


def made_at(now: float, **fields: Any) -> LimitOverride:
    standard = {
        "metric": "SpO2", "limits": LOWER, "by": "nurse", "since": now - 100, "until": now + 100,
        "reason": "COPD",
    }  # fmt: skip
    return LimitOverride(**(standard | fields))


@pytest.mark.spec("LIMIT-10")
def test_after_a_restart_they_are_in_force_before_the_first_value() -> None:
    now = Scene().now
    override = made_at(now)
    scene = after_restart(override)
    assert in_force(scene) == (LOWER, override)
    assert not scene.ward.batch.acts
    scene.passes(100)
    assert in_force(scene) == (PRESET.limits["SpO2"], None)
    assert scene.ward.batch.overrides == {"bed 3": ()}


@pytest.mark.spec("LIMIT-10")
@pytest.mark.parametrize(
    ("fields", "stays", "why"),
    [
        ({"until": 1.0}, True, "their time is over"),
        ({"limits": replace(LOWER, low=81, extreme_low=70)}, True, "not allowed here: 70 is beyond"),
        ({}, False, "the patient has left"),
    ],
)  # fmt: skip
def test_what_may_not_be_any_more_is_not_in_force_after_a_restart(
    fields: dict[str, Any], stays: bool, why: str
) -> None:
    scene = after_restart(made_at(Scene().now, **fields), stays=stays)
    assert scene.bedside().settings is PRESET
    assert scene.ward.batch.overrides == {"bed 3": ()}
    (act,) = scene.ward.batch.acts
    assert (act.by, act.act, act.bed) == ("server", "clear_limits", "bed 3")
    assert why in act.detail


# -- nothing is disabled ------------------------------------------------------------------


@pytest.mark.spec("LIMIT-11")
def test_an_alarm_goes_on_until_the_next_value(scene: Scene, device: Device) -> None:
    device.streams(11, 80, 88)
    number = scene.alarms()["SPO2_LOW"].occurrence_id
    set_limits(scene)
    scene.passes(0.5)
    alarm = scene.alarms()["SPO2_LOW"]
    assert (alarm.occurrence_id, alarm.presence) == (number, Presence.ON)
    device.streams(1, 80, 84)
    assert scene.alarms()["SPO2_LOW"].occurrence_id == number, "beyond the new limit too"


@pytest.mark.spec("LIMIT-11")
def test_a_delay_that_runs_goes_on(scene: Scene, device: Device) -> None:
    device.streams(9, 80, 84)
    set_limits(scene)
    device.streams(2, 80, 84)
    assert "SPO2_LOW" in scene.alarms(), "the first low value was ten seconds ago"


@pytest.mark.spec("LIMIT-11")
def test_other_metrics_notice_nothing(scene: Scene, device: Device) -> None:
    for _ in range(11):
        device.streams(1, 80, 88)
        set_limits(scene, replace(PRESET.limits["HR"], high=130), metric="HR")
    assert "SPO2_LOW" in scene.alarms()


@pytest.mark.spec("LIMIT-11")
def test_a_signal_that_is_gone_is_noticed_however_often_limits_change(
    scene: Scene, device: Device
) -> None:
    for number in range(4):
        device.streams(1, 80, float("nan"))
        set_limits(scene, replace(LOWER, low=84.0 + number))
    assert "METRIC_MISSING" in scene.alarms()


@pytest.mark.spec("LIMIT-11")
def test_a_fall_is_judged_by_what_was_seen_before_limits_changed() -> None:
    falling = replace(PRESET.limits["SpO2"], rate=RateOfChange(4, 60))
    settings = replace(PRESET, limits={**PRESET.limits, "SpO2": falling})
    scene = Scene(units=Units(other=Unit(presets={AgeClass.ADULT: settings})))
    scene.operators.admit("oximeter-1", "", "p", AgeClass.ADULT, "clerk")
    device = scene.device().begins().streams(5, 80, 97)
    set_limits(scene, bed="oximeter-1")
    device.streams(1, 80, 92)
    assert "SPO2_FALLING" in scene.alarms()


# -- told ---------------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-12")
def test_the_device_is_told_each_change_and_nothing_else(scene: Scene, device: Device) -> None:
    neighbour = scene.device("oximeter-2").begins()
    set_limits(scene)
    ((mds, settings),) = device.told
    assert (mds, settings.limits["SpO2"]) == (0, LOWER)
    set_limits(scene, duration_s=60)
    assert len(device.told) == 1, "until when is not its business"
    device.streams(60, 80, 97)
    assert device.told[1:] == [(0, PRESET)]
    scene.operators.discharge("bed 3", "clerk")
    scene.operators.admit("bed 3", "", "p2", AgeClass.NEONATAL, "clerk")
    assert device.told[2:] == [(0, PRESETS[AgeClass.NEONATAL])]
    assert neighbour.told == []


@pytest.mark.spec("LIMIT-12")
def test_a_gateway_is_told_of_the_monitor_that_it_is_about(scene: Scene) -> None:
    gateway = scene.gateway()
    gateway.hello()
    gateway.describes_monitors("a", "b")
    scene.operators.admit("ward-3/b", "", "p", AgeClass.ADULT, "clerk")
    set_limits(scene, bed="ward-3/b")
    assert [mds for mds, _ in gateway.told] == [1]


# -- proposals ----------------------------------------------------------------------------


@pytest.mark.spec("LIMIT-4")
def test_limits_are_proposed_around_the_values_of_now_and_none_is_set(
    scene: Scene, device: Device
) -> None:
    scene.commit()
    proposals = scene.operators.propose_limits("bed 3")
    assert proposals == [
        Proposal("HR", replace(PRESET.limits["HR"], low=64, high=100), 80),
        Proposal("SpO2", replace(PRESET.limits["SpO2"], low=92), 97),
    ]
    assert scene.bedside().settings is PRESET
    assert not scene.ward.batch.acts
    for each in proposals:
        set_limits(scene, each.limits, metric=each.metric)


@pytest.mark.spec("LIMIT-4")
def test_no_limits_are_made_of_what_is_not_certain(scene: Scene, device: Device) -> None:
    device.sends(80, 97, validity=(2, 1))
    assert [each.metric for each in scene.operators.propose_limits("bed 3")] == ["SpO2"]
    device.sends(float("nan"), 97)
    assert [each.metric for each in scene.operators.propose_limits("bed 3")] == ["SpO2"]
    device.sends(80, indices=(0,))
    device.streams(4, 80, 97)
    scene.passes(5.5)
    assert scene.operators.propose_limits("bed 3") == []
    device.streams(1, 80, 97)
    device.breaks()
    assert scene.operators.propose_limits("bed 3") == []


@pytest.mark.spec("LIMIT-4")
def test_a_proposal_is_for_the_age_of_the_patient_and_for_a_bed_that_there_is(
    scene: Scene,
) -> None:
    scene.operators.admit("oximeter-2", "", "p", AgeClass.NEONATAL, "clerk")
    scene.device("oximeter-2").begins().streams(1, 140, 92)
    heart, _ = scene.operators.propose_limits("oximeter-2")
    assert (heart.limits.low, heart.limits.high) == (110, 180)
    assert scene.operators.propose_limits("bed 3") == [], "no device measures there"
    with pytest.raises(ActRefused) as refused:
        scene.operators.propose_limits("bed 9")
    assert (refused.value.code, refused.value.field) == ("NOT_FOUND", "bed")


# -- what units decide --------------------------------------------------------------------


@pytest.mark.spec("LIMIT-17")
def test_a_bed_has_the_presets_of_its_unit() -> None:
    deaf = replace(PRESET, limits={**PRESET.limits, "SpO2": LOWER})
    units = Units({"ICU": Unit("ICU", {**PRESETS, AgeClass.ADULT: deaf})})
    scene = Scene(units=units)
    scene.device().begins().streams(1, 80, 97)
    assert in_force(scene)[0] == PRESET.limits["SpO2"], "a bed without a unit"
    scene.operators.admit("oximeter-1", "ICU", "p", AgeClass.ADULT, "clerk")
    assert in_force(scene)[0] == LOWER


@pytest.mark.spec("LIMIT-20")
@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (BUILT_IN, BUILT_IN, []),
        (BUILT_IN, "0123", [("server", "units", "0123")]),
        ("0123", "0123", []),
        ("0123", "4567", [("server", "units", "4567")]),
        ("0123", BUILT_IN, [("server", "units", BUILT_IN)]),
    ],
)
def test_a_start_with_other_decisions_than_the_last_one_is_journalled(
    before: str, now: str, expected: list[tuple[str, str, str]]
) -> None:
    scene = Scene(Restored(units=before), units=Units(digest=now))
    acts = scene.ward.batch.acts
    assert [(act.by, act.act, act.detail) for act in acts] == expected
