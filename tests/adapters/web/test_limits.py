from typing import Any

import pytest

from rpm_service.domain.limits import AgeClass
from rpm_service.domain.presets import PRESETS
from tests.adapters.web.station import SUBSCRIBE, Device, Station, frame
from tests.support.vital_signs import description

LIMITS: dict[str, Any] = {
    "metric": "SpO2", "low": 85, "extreme_low": 80, "delay_s": 10, "hysteresis": 1, "hold_s": 3,
    "reason": "COPD",
}  # fmt: skip
PRESET = PRESETS[AgeClass.ADULT]


@pytest.mark.spec("LIMIT-16")
async def test_limits_are_set_and_cleared_and_seen_at_the_socket(ward: Station) -> None:
    Device(ward, what=description("SpO2"))
    ward.monitoring.operators.admit("bed-1", "", "4711", AgeClass.ADULT, "clerk")
    browser = await ward.signed_in("nurse.ratched")
    ward.monitoring.live.publish()
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        path, body = "/v1/beds/bed-1/set-limits", {**LIMITS, "idempotency_key": "1"}
        answer = await browser.post(path, json={**body, "duration_s": 60})
        assert (answer.status_code, answer.content) == (204, b"")
        (bed,) = (await frame(socket)).delta.beds
        (metric,) = bed.metrics
        assert (metric.limits.low, metric.limits.delay_s) == (85, 10)
        assert (metric.override.by, metric.override.reason) == ("nurse.ratched", "COPD")
        assert metric.override.until == ward.clock.now() + 60

        body = {"metric": "SpO2", "idempotency_key": "2"}
        answer = await browser.post("/v1/beds/bed-1/clear-limits", json=body)
        assert answer.status_code == 204
        (bed,) = (await frame(socket)).delta.beds
        (metric,) = bed.metrics
        assert (metric.limits.low, metric.HasField("override")) == (90, False)


@pytest.mark.spec("LIMIT-16")
async def test_proposed_limits_are_what_may_be_posted(ward: Station) -> None:
    device = Device(ward, "gateway/monitor 7", what=description("SpO2"))
    ward.monitoring.operators.admit("gateway/monitor 7", "", "4711", AgeClass.ADULT, "clerk")
    device.measure(97)
    browser = await ward.signed_in()
    answer = await browser.get("/v1/beds/gateway%2Fmonitor%207/proposed-limits")
    assert answer.status_code == 200
    (proposal,) = answer.json()
    assert proposal.pop("value") == 97
    assert (proposal["metric"], proposal["low"], proposal["high"]) == ("SpO2", 92, None)
    body = {**proposal, "reason": "around now", "idempotency_key": "1"}
    answer = await browser.post("/v1/beds/gateway%2Fmonitor%207/set-limits", json=body)
    assert answer.status_code == 204, answer.text
    answer = await browser.get("/v1/beds/none/proposed-limits")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "there is no bed 'none'", "field": "bed"},
    )


@pytest.mark.spec("LIMIT-16")
async def test_a_refusal_names_the_limit(ward: Station) -> None:
    Device(ward, what=description("SpO2"))
    ward.monitoring.operators.admit("bed-1", "", "4711", AgeClass.ADULT, "clerk")
    browser = await ward.signed_in()
    for wrong, field, says in (
        ({"low": 79}, "limits.extreme_low", "SpO2 extreme_low: 80 is not below low 79"),
        ({"reason": ""}, "reason", "reason must be 1 to 128 printable characters"),
        ({"duration_s": 1}, "duration_s", "1 s is not within 60 to 86400 s"),
    ):
        body = {**LIMITS, **wrong, "idempotency_key": "1"}
        answer = await browser.post("/v1/beds/bed-1/set-limits", json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": says, "field": field})
    assert ward.monitoring.ward.bedsides["bed-1"].settings == PRESET
