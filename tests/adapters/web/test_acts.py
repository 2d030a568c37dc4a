from typing import Any

import pytest

from rpm_service.domain.alarms import Priority
from rpm_service.domain.limits import AgeClass
from rpm_service.v1 import alarm_pb2, early_warning_pb2
from tests.adapters.web.station import SUBSCRIBE, Device, Station, frame


@pytest.mark.spec("WEB-10")
async def test_an_acknowledgement_is_seen_at_the_socket_with_the_users_name(ward: Station) -> None:
    device = Device(ward)
    browser = await ward.signed_in("nurse.ratched")
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        device.alarm()
        (raised,) = (await frame(socket)).delta.alarms

        body = {"priority": "HIGH", "idempotency_key": "1"}
        path = f"/v1/alarms/{raised.occurrence_id}/acknowledge"
        answer = await browser.post(path, json=body)
        assert (answer.status_code, answer.content) == (204, b"")
        (acknowledged,) = (await frame(socket)).delta.alarms
        assert acknowledged.presence == alarm_pb2.ALARM_PRESENCE_ACKNOWLEDGED
        assert acknowledged.acknowledged_by == "nurse.ratched"

        again = await browser.post(path, json=body)
        assert again.status_code == 204, "the same key is the same act"


@pytest.mark.spec("WEB-10")
async def test_a_pause_of_the_sound_is_seen_at_the_socket(ward: Station) -> None:
    Device(ward, "gateway/monitor 7")
    browser = await ward.signed_in()
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        answer = await browser.post(
            "/v1/beds/gateway%2Fmonitor%207/pause-audio",
            json={"duration_s": 120, "idempotency_key": "1"},
        )
        assert answer.status_code == 204
        (bed,) = (await frame(socket)).delta.beds
        assert bed.audio_paused_until == ward.clock.now() + 120


@pytest.mark.spec("NEWS-17")
async def test_an_assessment_is_recorded_under_the_name_of_who_is_signed_in(ward: Station) -> None:
    Device(ward, "gateway/monitor 7")
    ward.monitoring.operators.admit("gateway/monitor 7", "", "4711", AgeClass.ADULT, "nurse")
    browser = await ward.signed_in("nurse.ratched")
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        answer = await browser.post(
            "/v1/beds/gateway%2Fmonitor%207/assess",
            json={
                "inspired_gas": "oxygen", "consciousness": "voice",
                "oxygen_scale": "2", "reason": "COPD", "idempotency_key": "1",
            },
        )  # fmt: skip
        assert answer.status_code == 204, answer.text
        (bed,) = (await frame(socket)).delta.beds
    score = bed.early_warning
    assert [(each.input, each.score) for each in score.sub_scores] == [
        ("oxygen", 2), ("consciousness", 3),
    ]  # fmt: skip
    assert score.oxygen_scale == early_warning_pb2.OXYGEN_SCALE_TWO
    patient = ward.monitoring.ward.early_warning._patients["gateway/monitor 7"]
    assert patient.assessment.oxygen_scale_by == "nurse.ratched"


@pytest.mark.spec("WEB-10")
async def test_who_goes_is_seen_at_the_socket_and_the_alarm_sounds_on(ward: Station) -> None:
    Device(ward).alarm()
    browser = await ward.signed_in("nurse.ratched")
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        for number, accepted in enumerate((True, False)):
            body = {"accepted": accepted, "idempotency_key": str(number)}
            answer = await browser.post("/v1/alarms/1/responsibility", json=body)
            assert answer.status_code == 204
            (answered,) = (await frame(socket)).delta.alarms
            assert answered.responsible == "nurse.ratched"
            assert answered.presence == alarm_pb2.ALARM_PRESENCE_ON
            assert answered.responsibility == (
                alarm_pb2.RESPONSIBILITY_ACCEPTED if accepted else alarm_pb2.RESPONSIBILITY_REJECTED
            )


@pytest.mark.spec("WEB-10")
async def test_what_is_held_back_and_its_end_are_seen_at_the_socket(ward: Station) -> None:
    Device(ward, "gateway/monitor 7").alarm()
    browser = await ward.signed_in("nurse.ratched")
    bed, scope = "/v1/beds/gateway%2Fmonitor%207", {"condition": "DEVICE_APNOEA"}
    async with ward.watch(browser) as socket:
        await socket.send(SUBSCRIBE)
        await frame(socket)
        body = {**scope, "state": "ALARM_PAUSED", "duration_s": 60, "reason": "suction"}
        answer = await browser.post(f"{bed}/inactivate", json={**body, "idempotency_key": "1"})
        assert answer.status_code == 204
        (held,) = (await frame(socket)).delta.beds[0].inactivations
        assert held.state == alarm_pb2.INACTIVATION_ALARM_PAUSED
        assert (held.metric, held.condition, held.reason) == ("", "DEVICE_APNOEA", "suction")
        assert (held.by, held.until) == ("nurse.ratched", ward.clock.now() + 60)

        answer = await browser.post(f"{bed}/reactivate", json={**scope, "idempotency_key": "2"})
        assert answer.status_code == 204
        assert not (await frame(socket)).delta.beds[0].inactivations


RESET, ACKNOWLEDGE = "/v1/alarms/1/reset", "/v1/alarms/1/acknowledge"
ASSESS = "/v1/beds/bed-1/assess"
ANSWER, PAUSE = "/v1/alarms/1/responsibility", "/v1/beds/bed-1/pause-audio"
LIMITS = "/v1/beds/bed-1/set-limits"
INACTIVATE, REACTIVATE = "/v1/beds/bed-1/inactivate", "/v1/beds/bed-1/reactivate"
REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (ACKNOWLEDGE, {"priority": "LOW"}, 409, "HIGH"),
    (ACKNOWLEDGE, {}, 400, "body.priority"),
    (ACKNOWLEDGE, {"priority": "high"}, 400, "body.priority"),
    (RESET, {}, 409, "ON"),
    ("/v1/alarms/77/reset", {}, 404, "no alarm 77"),
    ("/v1/alarms/0/reset", {}, 400, "path.occurrence_id"),
    ("/v1/alarms/abc/reset", {}, 400, "path.occurrence_id"),
    (RESET, {"idempotency_key": None}, 400, "body.idempotency_key"),
    (RESET, {"idempotency_key": ""}, 400, "body.idempotency_key"),
    (RESET, {"idempotency_key": "\n"}, 400, "printable"),
    (RESET, {"by": "somebody else"}, 400, "body.by"),
    (ASSESS, {"inspired_gas": "helium"}, 400, "body.inspired_gas"),
    (ASSESS, {"inspired_gas": "air"}, 409, "nobody lies in"),
    (ASSESS, {}, 400, "say what is breathed"),
    (PAUSE, {"duration_s": 121}, 400, "121 s is not within 1 to 120 s"),
    (PAUSE, {"duration_s": "60"}, 400, "body.duration_s"),
    (ACKNOWLEDGE, {"priority": "HIGH", "duration_s": 9}, 400, "9 s is not within 10 to 120 s"),
    (ANSWER, {}, 400, "body.accepted"),
    (ANSWER, {"accepted": 1}, 400, "body.accepted"),
    ("/v1/alarms/77/responsibility", {"accepted": True}, 404, "no alarm 77"),
    (INACTIVATE, {}, 400, "body.state"),
    (INACTIVATE, {"state": "MUTED"}, 400, "body.state"),
    (INACTIVATE, {"state": "ALARM_OFF"}, 400, "must be 1 to 128 printable characters"),
    (INACTIVATE, {"state": "AUDIO_PAUSED", "metric": "RR"}, 404, "'RR' is not measured there"),
    (LIMITS, {"metric": "SpO2", "low": 85, "reason": "COPD"}, 409, "nobody lies in 'bed-1'"),
    (LIMITS, {"metric": "SpO2", "low": "85", "reason": "COPD"}, 400, "body.low"),
    (LIMITS, {"metric": "SpO2"}, 400, "body.reason"),
    (LIMITS, {"low": 85, "reason": "COPD"}, 400, "body.metric"),
    ("/v1/beds/none/clear-limits", {"metric": "SpO2"}, 404, "there is no bed 'none'"),
    (REACTIVATE, {}, 404, "nothing is held back of the whole bed"),
    ("/v1/beds/none/pause-audio", {"duration_s": 60}, 404, "'none'"),
]


@pytest.mark.spec("WEB-11")
async def test_a_refusal_names_what_is_wrong(ward: Station) -> None:
    Device(ward).alarm(priority=Priority.HIGH)
    browser = await ward.signed_in()
    for path, body, status, says in REFUSED:
        answer = await browser.post(path, json={"idempotency_key": "1", **body})
        assert answer.status_code == status, (path, body)
        assert says in answer.json()["error"]


@pytest.mark.spec("WEB-11")
async def test_a_body_that_is_not_an_act_is_refused_in_one_line(ward: Station) -> None:
    browser = await ward.signed_in()
    headers = {"Content-Type": "application/json"}
    for content in (b"", b"{", b"[]", b'{"idempotency_key": NaN}', b"\xff"):
        answer = await browser.post(RESET, content=content, headers=headers)
        assert answer.status_code == 400, content
        assert "\n" not in answer.json()["error"]


@pytest.mark.spec("WEB-11")
async def test_a_wrong_method_is_refused(ward: Station) -> None:
    answer = await (await ward.signed_in()).get("/sign-out")
    assert (answer.status_code, answer.json()) == (405, {"error": "method not allowed"})
