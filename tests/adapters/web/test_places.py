from typing import Any

import pytest

from rpm_service.application.access import Person, Rights
from rpm_service.application.effects import Act
from rpm_service.domain.early_warning import OxygenScale
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.presets import PRESETS
from tests.adapters.web.station import SUBSCRIBE, Device, Station, frame
from tests.support.memory_recorder import MemoryRecorder
from tests.support.vital_signs import description

ADMIT: dict[str, Any] = {"patient_id": "4711", "age_class": "adult", "unit": "ICU"}


def acts(ward: Station) -> list[tuple[str, str, str, str]]:
    """What is in the journal: on disk and still on its way."""
    recorder, batch = ward.monitoring._recorder, ward.monitoring.ward.batch
    assert isinstance(recorder, MemoryRecorder)
    found: list[Act] = [each for written in recorder.batches for each in written.acts]
    return [(each.by, each.act, each.bed, each.detail) for each in (*found, *batch.acts)]


@pytest.mark.spec("BED-1")
async def test_a_stay_is_seen_at_the_socket_and_is_in_the_journal(ward: Station) -> None:
    Device(ward, what=description("SpO2"))
    browser = await ward.signed_in("nurse.ratched")
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        answer = await browser.post(
            "/v1/beds/bed-1/admit", json={**ADMIT, "age_class": "neonatal", "idempotency_key": "1"}
        )
        assert (answer.status_code, answer.content) == (204, b"")
        (bed,) = (await frame(socket)).delta.beds
        assert (bed.bed, bed.unit, bed.patient_id) == ("bed-1", "ICU", "4711")

        answer = await browser.post(
            "/v1/beds/bed-1/transfer", json={"to_bed": "bed-2", "idempotency_key": "2"}
        )
        assert answer.status_code == 204, answer.text
        (bed,) = (await frame(socket)).delta.beds
        assert (bed.bed, bed.patient_id) == ("bed-2", "4711")

        answer = await browser.post("/v1/beds/bed-2/discharge", json={"idempotency_key": "3"})
        assert answer.status_code == 204, answer.text
        (bed,) = (await frame(socket)).delta.beds
        assert (bed.bed, bed.patient_id) == ("bed-2", "")
    journal = acts(ward)
    assert journal[-3:] == [
        ("nurse.ratched", "admit", "bed-1", "neonatal"),
        ("nurse.ratched", "transfer", "bed-1", "bed-2"),
        ("nurse.ratched", "discharge", "bed-2", ""),
    ]


@pytest.mark.spec("BED-1")
async def test_a_device_comes_to_a_bed_and_leaves_it(ward: Station) -> None:
    Device(ward, "gateway/monitor 7", what=description("SpO2"))
    browser = await ward.signed_in("nurse.ratched")
    body = {"device_id": "gateway/monitor 7", "idempotency_key": "1"}
    answer = await browser.post("/v1/beds/bed%201/associate", json=body)
    assert answer.status_code == 204, answer.text
    bedside = ward.monitoring.ward.bedsides["gateway/monitor 7"]
    assert bedside.bed == "bed 1"
    answer = await browser.post("/v1/beds/bed%202/dissociate", json=body)
    assert (answer.status_code, answer.json()["field"]) == (409, "device_id")
    answer = await browser.post("/v1/beds/bed%201/dissociate", json=body)
    assert answer.status_code == 204, answer.text
    assert bedside.bed == "gateway/monitor 7"


@pytest.mark.spec("BED-2")
async def test_a_repeated_act_is_done_once(ward: Station) -> None:
    Device(ward, what=description("SpO2"))
    browser = await ward.signed_in()
    body = {**ADMIT, "idempotency_key": "1"}
    for _ in range(2):
        answer = await browser.post("/v1/beds/bed-1/admit", json=body)
        assert answer.status_code == 204, answer.text
    # The patient has gone since, and a page that never got its answer asks once more.
    leave = {"idempotency_key": "1"}
    for _ in range(2):
        answer = await browser.post("/v1/beds/bed-1/discharge", json=leave)
        assert answer.status_code == 204, answer.text
    answer = await browser.post("/v1/beds/bed-1/admit", json=body)
    assert answer.status_code == 204
    assert ward.monitoring.ward.registry.stay("bed-1") is None


@pytest.mark.spec("BED-3")
async def test_a_refusal_names_the_field(ward: Station) -> None:
    Device(ward, what=description("SpO2"))
    operators = ward.monitoring.operators
    operators.admit("bed-1", "", "4711", AgeClass.ADULT, "clerk")
    operators.admit("bed-2", "", "4712", AgeClass.ADULT, "clerk")
    browser = await ward.signed_in()
    for path, body, status, field in (
        ("bed-1/admit", ADMIT, 409, "bed"),
        ("bed-3/admit", ADMIT, 409, "patient_id"),
        ("bed-3/admit", {**ADMIT, "patient_id": ""}, 400, "patient_id"),
        ("bed-3/admit", {**ADMIT, "patient_id": "1", "unit": "x" * 33}, 400, "unit"),
        ("bed-3/admit", {**ADMIT, "age_class": "old"}, 400, "age_class"),
        ("bed-1/transfer", {"to_bed": "bed-2"}, 409, "to_bed"),
        ("bed-3/transfer", {"to_bed": "bed-4"}, 404, "from_bed"),
        ("bed-3/discharge", {}, 404, "bed"),
        ("bed-3/associate", {"device_id": ""}, 400, "device_id"),
        ("bed-3/discharge", {"idempotency_key": ""}, 400, "idempotency_key"),
    ):
        sent = {"idempotency_key": "1", **body}
        answer = await browser.post(f"/v1/beds/{path}", json=sent)
        assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert {each.bed for each in ward.monitoring.ward.registry._stays.values()} == {
        "bed-1",
        "bed-2",
    }


@pytest.mark.spec("BED-4")
async def test_what_is_known_of_a_bed(ward: Station) -> None:
    Device(ward, what=description("SpO2", "Batt"))
    browser = await ward.signed_in("nurse.ratched")
    answer = await browser.get("/v1/beds/bed-1/registered")
    assert answer.json() == {
        "bed": "bed-1", "unit": "", "admitted_at": None, "age_class": None,
        "device_id": "", "associated_at": None,
        "oxygen_scale": None, "oxygen_scale_by": None, "oxygen_scale_reason": None,
    }  # fmt: skip
    now = ward.clock.now()
    await browser.post("/v1/beds/bed-1/admit", json={**ADMIT, "idempotency_key": "1"})
    body = {"device_id": "bed-1", "idempotency_key": "1"}
    await browser.post("/v1/beds/bed-1/associate", json=body)
    body = {"oxygen_scale": "2", "reason": "COPD", "idempotency_key": "1"}
    await browser.post("/v1/beds/bed-1/assess", json=body)
    answer = await browser.get("/v1/beds/bed-1/registered")
    assert "4711" not in answer.text
    assert answer.json() == {
        "bed": "bed-1", "unit": "ICU", "admitted_at": now, "age_class": "adult",
        "device_id": "bed-1", "associated_at": now,
        "oxygen_scale": OxygenScale.TWO, "oxygen_scale_by": "nurse.ratched",
        "oxygen_scale_reason": "COPD",
    }  # fmt: skip
    for path in ("registered", "limits"):
        answer = await browser.get(f"/v1/beds/none/{path}")
        assert (answer.status_code, answer.json()["field"]) == (404, "bed")


@pytest.mark.spec("BED-4")
async def test_the_preset_and_how_far_it_may_be_moved(ward: Station) -> None:
    Device(ward, what=description("SpO2", "Batt"))
    browser = await ward.signed_in()
    answer = await browser.get("/v1/beds/bed-1/limits")
    spo2, battery = answer.json()
    preset = PRESETS[AgeClass.ADULT]
    assert spo2["metric"] == "SpO2"
    assert spo2["preset"]["low"] == preset.limits["SpO2"].low
    assert spo2["bounds"]["low"] == list(preset.bounds["SpO2"].low)
    assert spo2["bounds"]["delay_s_max"] == preset.bounds["SpO2"].delay_s_max
    assert (battery["metric"], battery["bounds"]) == ("Batt", None)


@pytest.mark.spec("SIGNIN-3")
async def test_places_that_a_body_names_are_within_rights_too(ward: Station) -> None:
    for bed, unit in (("bed-1", "ICU"), ("bed-2", "ward")):
        Device(ward, bed, what=description("SpO2"))
        ward.monitoring.operators.admit(bed, unit, f"patient of {bed}", AgeClass.ADULT, "clerk")
        ward.monitoring.operators.associate(bed, bed, "clerk")
    browser = await ward.signed_in(person=Person("kim", Rights(units=frozenset({"ICU"}))))
    for act, body, field in (
        ("transfer", {"to_bed": "bed-3"}, "bed"),
        ("admit", {**ADMIT, "unit": "ward"}, "unit"),
        ("associate", {"device_id": "bed-2"}, "device_id"),
    ):
        sent = {"idempotency_key": "1", **body}
        answer = await browser.post(f"/v1/beds/bed-1/{act}", json=sent)
        assert (answer.status_code, answer.json()["field"]) == (404, field), answer.text
    assert ward.monitoring.operators.where_is("bed-2") == "bed-2"
    # A device that measures for nobody yet is for whoever brings it.
    body = {"device_id": "bed-9", "idempotency_key": "1"}
    assert (await browser.post("/v1/beds/bed-1/associate", json=body)).status_code == 204
