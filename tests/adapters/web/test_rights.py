"""Rights as the page meets them: roles, units, locks, and what is taken away."""

import pytest
from starlette.routing import Route, WebSocketRoute

from rpm_service.adapters.web.gate import COOKIE, NOT_ACTS, OPEN, SAFE
from rpm_service.adapters.web.sessions import IDLE_S_MAX, LOCK_S, SESSIONS_MAX, Sessions
from rpm_service.application.access import SHIFT_S, Part, Person, Rights
from rpm_service.domain.limits import AgeClass
from rpm_service.domain.signals import Presence
from tests.adapters.web.station import SUBSCRIBE, Device, Station, closed, frame
from tests.adapters.web.test_gate import BODY, filled
from tests.support.manual_clock import ManualClock

ICU = Rights(units=frozenset({"ICU"}))
WALL = Person("wall-1", Rights(Part.WALL), None)


@pytest.fixture
async def beds(ward: Station) -> tuple[Device, Device]:
    """bed-1 in ICU and bed-2 on the ward, an alarm at each: occurrences 1 and 2."""
    devices = Device(ward, "bed-1"), Device(ward, "bed-2")
    for bed, unit in (("bed-1", "ICU"), ("bed-2", "ward")):
        ward.monitoring.operators.admit(bed, unit, f"patient of {bed}", AgeClass.ADULT, "clerk")
    for device in devices:
        device.alarm()
    ward.monitoring.live.publish()
    return devices


@pytest.mark.spec("SIGNIN-3")
async def test_no_route_tells_anything_of_a_bed_or_an_alarm_outside_of_rights(
    ward: Station, beds: tuple[Device, Device]
) -> None:
    browser = await ward.signed_in(person=Person("kim", ICU))
    for route in ward.gate.app.routes:
        if not isinstance(route, Route) or "{" not in route.path or "{name" in route.path:
            continue
        path = filled(route.path, bed="bed-2", occurrence="2")
        for method in route.methods or ():
            answer = await browser.request(method, path, json=BODY)
            assert answer.status_code == 404, path
            if method != "HEAD":
                assert answer.json()["error"] in {
                    "there is no bed 'bed-2'",
                    "no alarm 2 has a signal any more",
                }


@pytest.mark.spec("SIGNIN-3")
async def test_a_bed_or_a_unit_in_the_query_is_within_rights_too(ward: Station) -> None:
    browser = await ward.signed_in(person=Person("kim", ICU))
    for query, what in (("bed=bed-2", "bed 'bed-2'"), ("unit=ICU&unit=ward", "unit 'ward'")):
        answer = await browser.get(f"/v1/session?{query}")
        assert (answer.status_code, answer.json()["error"]) == (404, f"there is no {what}")


@pytest.mark.spec("SIGNIN-3")
async def test_acts_within_rights_are_done(ward: Station, beds: tuple[Device, Device]) -> None:
    browser = await ward.signed_in(person=Person("kim", ICU))
    answer = await browser.post("/v1/alarms/1/acknowledge", json=BODY)
    assert answer.status_code == 204
    pause = {"duration_s": 60, "idempotency_key": "b"}
    assert (await browser.post("/v1/beds/bed-1/pause-audio", json=pause)).status_code == 204


@pytest.mark.spec("SIGNIN-5")
async def test_a_wall_display_looks_and_never_acts(
    ward: Station, beds: tuple[Device, Device]
) -> None:
    browser = await ward.signed_in(person=WALL)
    assert (await browser.get("/")).status_code == 200
    known = (await browser.get("/v1/session")).json()
    assert (known["role"], known["locked"]) == ("wall", False)
    async with ward.watch(browser) as live:
        await live.send(SUBSCRIBE)
        assert len((await frame(live)).snapshot.beds) == 2
    for path, methods in acts(ward):
        for method in methods:
            answer = await browser.request(method, filled(path), json=BODY)
            assert answer.status_code == 403, path
            assert answer.json()["error"] == "a wall display looks and does not act"
    assert presence(ward) is Presence.ON
    assert (await browser.post("/sign-out")).status_code == 204


@pytest.mark.spec("SIGNIN-7")
async def test_a_locked_session_acts_on_nothing_and_watches_on(
    ward: Station, beds: tuple[Device, Device]
) -> None:
    browser = await ward.signed_in()
    async with ward.watch(browser) as live:
        await live.send(SUBSCRIBE)
        await frame(live)
        ward.clock.advance(LOCK_S)
        for path, methods in acts(ward):
            for method in methods:
                answer = await browser.request(method, filled(path), json=BODY)
                assert answer.status_code == 423, path
                assert answer.json()["error"].startswith("locked")
        assert (await browser.get("/v1/session")).json()["locked"] is True
        assert presence(ward) is Presence.ON
        beds[0].alarm(present=False)
        while not (seen := await frame(live)).delta.alarms:
            pass
        assert seen.delta.alarms[0].bed == "bed-1"


def presence(ward: Station) -> Presence:
    """How the alarm at bed-1 stands."""
    return ward.monitoring.ward.bedsides["bed-1"].board.find(1).presence


def acts(ward: Station) -> list[tuple[str, set[str]]]:
    """Every route that is an act, and its methods."""
    found = [
        (route.path, set(route.methods or ()) - SAFE)
        for route in ward.gate.app.routes
        if isinstance(route, Route) and route.path not in OPEN | NOT_ACTS
    ]
    assert all(isinstance(route, Route | WebSocketRoute) for route in ward.gate.app.routes)
    return [(path, methods) for path, methods in found if methods]


@pytest.mark.spec("SIGNIN-7")
async def test_an_act_or_a_key_says_that_a_person_is_there(
    ward: Station, beds: tuple[Device, Device]
) -> None:
    browser = await ward.signed_in()
    for path, body in (("/v1/session/active", None), ("/v1/alarms/1/acknowledge", BODY)):
        ward.clock.advance(LOCK_S - 1)
        assert (await browser.post(path, json=body)).status_code == 204
    ward.clock.advance(LOCK_S - 1)
    assert (await browser.get("/v1/session")).json()["locked"] is False
    ward.clock.advance(1)
    # To look is not to be there, and what is locked is not unlocked by a key.
    assert (await browser.post("/v1/session/active")).status_code == 423
    ward.clock.advance(1)
    assert (await browser.post("/v1/session/active")).status_code == 423


@pytest.mark.spec("SIGNIN-4")
async def test_rights_taken_away_are_gone_from_a_page_that_watches(
    ward: Station, beds: tuple[Device, Device]
) -> None:
    known: list[Person | None] = [Person("kim")]
    browser = await ward.signed_in(person=Person("kim"), stands=lambda: known[0])
    async with ward.watch(browser) as live:
        await live.send(SUBSCRIBE)
        assert len((await frame(live)).snapshot.beds) == 2
        known[0] = Person("kim", ICU)
        while not (seen := await frame(live)).HasField("snapshot"):
            pass
        assert [bed.bed for bed in seen.snapshot.beds] == ["bed-1"]
        assert {alarm.bed for alarm in seen.snapshot.alarms} == {"bed-1"}
        known[0] = None
        assert (await closed(live))[0] == 4401
    assert (await browser.get("/v1/session")).status_code == 401


@pytest.mark.spec("SIGNIN-6")
def test_a_wall_display_is_never_idle_or_locked_and_has_no_end() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    wall = sessions.open(WALL)
    clock.advance(30 * SHIFT_S)
    assert sessions.find(wall.id) is wall
    assert not sessions.is_locked(wall)


@pytest.mark.spec("SIGNIN-6")
def test_a_wall_display_ends_when_that_was_configured() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    wall = sessions.open(Person("wall-1", Rights(Part.WALL), 7 * SHIFT_S))
    clock.advance(7 * SHIFT_S - 1)
    assert sessions.find(wall.id) is wall
    clock.advance(1)
    assert sessions.find(wall.id) is None


class Shown:
    """What a display watches through."""

    def limit(self, rights: Rights) -> None:
        raise AssertionError


@pytest.mark.spec("SIGNIN-6")
def test_a_wall_display_that_is_gone_gives_way_and_one_that_watches_does_not() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    gone, later, watching = (sessions.open(WALL) for _ in range(3))
    with sessions.watching(watching, Shown()):
        clock.advance(1)
        sessions.find(later.id)
        clock.advance(IDLE_S_MAX)
        for _ in range(SESSIONS_MAX - 3):
            sessions.open(Person("nurse"))
        assert not gone.ended
        sessions.open(Person("one more"))
        assert (gone.ended, later.ended, watching.ended) == (True, False, False)


async def test_the_cookie_is_what_a_session_is_known_by(ward: Station) -> None:
    browser = await ward.signed_in(person=Person("kim", ICU))
    assert (await browser.get("/v1/session")).json() == {
        "user": "kim",
        "role": "clinician",
        "units": ["ICU"],
        "locked": False,
        "unlocks_by": "sign-in",
    }
    assert browser.cookies[COOKIE]
