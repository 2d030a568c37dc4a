import pytest
import websockets.asyncio.client as ws
from starlette.routing import Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from rpm_service.adapters.web.gate import BODY_BYTES_MAX, OPEN
from tests.adapters.web.station import Device, Station

ACKNOWLEDGE = "/v1/alarms/1/acknowledge"
BODY = {"priority": "HIGH", "idempotency_key": "a"}


def filled(path: str, *, bed: str = "bed-1", occurrence: str = "1") -> str:
    """A route's path as a request would name it."""
    places = {
        "{occurrence_id}": occurrence,
        "{bed:path}": bed,
        "{name:path}": "app-1a2b.js",
    }
    for place, word in places.items():
        path = path.replace(place, word)
    assert "{" not in path, "a new route: say what a request to it looks like"
    return path


async def refused_status(connecting: ws.connect) -> int:
    with pytest.raises(InvalidStatus) as refused:
        async with connecting:
            pass
    return refused.value.response.status_code


@pytest.mark.spec("WEB-1")
async def test_no_route_answers_without_a_session(ward: Station) -> None:
    browser = ward.browser()
    shut = set()
    for route in ward.gate.app.routes:
        match route:
            case WebSocketRoute():
                assert await refused_status(ward.watch(browser, filled(route.path))) == 401
                shut.add(route.path)
            case Route() if route.path not in OPEN:
                for method in route.methods or ():
                    answer = await browser.request(method, filled(route.path), json=BODY)
                    assert answer.status_code == 401, route.path
                shut.add(route.path)
            case _:
                assert route.path in OPEN
    assert shut == {
        "/",
        "/assets/{name:path}",
        "/sign-out",
        "/v1/session",
        "/v1/session/active",
        "/v1/session/unlock",
        "/v1/burden",
        "/v1/what-if",
        "/v1/watch",
        "/v1/events",
        "/socket.io/",
        "/docs",
        "/docs.css",
        "/openapi.json",
        "/v1/alarms/{occurrence_id}/acknowledge",
        "/v1/alarms/{occurrence_id}/reset",
        "/v1/alarms/{occurrence_id}/responsibility",
        "/v1/beds/{bed:path}/admit",
        "/v1/beds/{bed:path}/assess",
        "/v1/beds/{bed:path}/associate",
        "/v1/beds/{bed:path}/discharge",
        "/v1/beds/{bed:path}/dissociate",
        "/v1/beds/{bed:path}/limits",
        "/v1/beds/{bed:path}/registered",
        "/v1/beds/{bed:path}/transfer",
        "/v1/beds/{bed:path}/set-limits",
        "/v1/beds/{bed:path}/clear-limits",
        "/v1/beds/{bed:path}/proposed-limits",
        "/v1/beds/{bed:path}/inactivate",
        "/v1/beds/{bed:path}/pause-audio",
        "/v1/beds/{bed:path}/reactivate",
        "/v1/beds/{bed:path}/trend",
        "/v1/beds/{bed:path}/numerics.csv",
        "/v1/beds/{bed:path}/scores",
        "/v1/journal",
        "/v1/alarms/{occurrence_id}/evidence",
    }


@pytest.mark.spec("WEB-1")
async def test_a_path_that_is_not_there_says_nothing_to_strangers(ward: Station) -> None:
    assert (await ward.browser().get("/v1/secret")).status_code == 401
    assert (await (await ward.signed_in()).get("/v1/secret")).status_code == 404


@pytest.mark.spec("WEB-1")
async def test_who_is_signed_in_gets_the_page_and_its_assets(ward: Station) -> None:
    browser = await ward.signed_in()
    page = await browser.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Central station" in page.text
    script = await browser.get("/assets/app-1a2b.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await browser.get("/v1/session")).json()["user"] == "nurse"


@pytest.mark.spec("WEB-1")
async def test_only_assets_are_assets(ward: Station) -> None:
    browser = await ward.signed_in()
    for name in ("..%2Findex.html", "%2e%2e%2Findex.html", "", "app"):
        assert (await browser.get(f"/assets/{name}")).status_code == 404


@pytest.mark.spec("WEB-4")
async def test_an_act_from_another_origin_is_refused(ward: Station) -> None:
    Device(ward).alarm()
    browser = await ward.signed_in()
    for elsewhere in (
        "https://evil.example",
        "null",
        "",
        f"http://localhost:{ward.port}",
        f"https://localhost:{ward.port}.evil.example",
        f"https://localhost:{ward.port + 1}",
    ):
        answer = await browser.post(ACKNOWLEDGE, json=BODY, headers={"Origin": elsewhere})
        assert answer.status_code == 403, elsewhere
    assert (await browser.post(ACKNOWLEDGE, json=BODY)).status_code == 204


@pytest.mark.spec("WEB-4")
async def test_an_act_without_an_origin_is_refused(ward: Station) -> None:
    browser = await ward.signed_in()
    del browser.headers["Origin"]
    assert (await browser.post("/sign-out")).status_code == 403


@pytest.mark.spec("WEB-4")
async def test_an_act_that_the_browser_calls_cross_site_is_refused(ward: Station) -> None:
    browser = await ward.signed_in()
    answer = await browser.post("/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.spec("WEB-4")
async def test_a_live_socket_from_another_origin_is_refused(ward: Station) -> None:
    browser = await ward.signed_in()
    assert await refused_status(ward.watch(browser, origin="https://evil.example")) == 403


@pytest.mark.spec("WEB-4")
async def test_another_host_is_refused_and_told_the_right_ones(ward: Station) -> None:
    browser = ward.browser()
    for host in ("evil.example", "localhost", "localhost:1", f"localhost:{ward.port}.evil.example"):
        answer = await browser.get("/sign-in", headers={"Host": host})
        assert answer.status_code == 421, host
        assert ward.origin in answer.json()["error"]


@pytest.mark.spec("WEB-6")
async def test_every_answer_forbids_what_the_page_does_not_need(ward: Station) -> None:
    stranger, known = ward.browser(), await ward.signed_in()
    answers = [await stranger.get(path) for path in ("/", "/sign-in", "/healthz", "/nothing")]
    answers += [await known.get(path) for path in ("/", "/v1/session", "/nothing")]
    for headers in (answer.headers for answer in answers):
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        # A form that is sent without any would say that it comes from nowhere.
        own = "same-origin" if "form-action 'self'" in policy else "no-referrer"
        assert headers["referrer-policy"] == own
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


@pytest.mark.spec("WEB-6")
async def test_an_asset_may_be_kept(ward: Station) -> None:
    asset = await (await ward.signed_in()).get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]


@pytest.mark.spec("WEB-7")
async def test_a_long_body_is_refused(ward: Station) -> None:
    browser = await ward.signed_in()
    body = {**BODY, "idempotency_key": "a" * BODY_BYTES_MAX}
    answer = await browser.post(ACKNOWLEDGE, json=body)
    assert (answer.status_code, answer.json()["error"]) == (413, "a body has at most 4096 bytes")


@pytest.mark.spec("WEB-7")
async def test_a_body_of_no_stated_length_is_refused(ward: Station) -> None:
    async def pieces():
        yield b"{}"

    browser = await ward.signed_in()
    headers = {"Content-Type": "application/json"}
    answer = await browser.post(ACKNOWLEDGE, content=pieces(), headers=headers)
    assert answer.status_code == 411


@pytest.mark.spec("WEB-7")
async def test_a_body_that_is_not_json_is_refused(ward: Station) -> None:
    browser = await ward.signed_in()
    answer = await browser.post(ACKNOWLEDGE, data={"priority": "HIGH"})
    assert answer.status_code == 415
