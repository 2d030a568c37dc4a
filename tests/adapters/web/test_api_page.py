"""The OpenAPI document and the page of the routes."""

import json
import re
from typing import Any

import pytest
from fastapi.routing import APIRoute

from rpm_service.adapters.web.api_document import REFUSALS
from rpm_service.adapters.web.gate import HEADERS
from tests.adapters.web.station import Device, Station

NOT_DESCRIBED = {
    "/",
    "/assets/{name}",
    "/docs",
    "/docs.css",
    "/favicon.ico",
    "/openapi.json",
    "/sign-in",
    "/sign-in.css",
    "/sign-in/oidc",
    "/sign-in/oidc/return",
    "/socket.io/",
}
"""Pages and their parts, and what is no request and answer."""


async def document(ward: Station) -> Any:
    answer = await (await ward.signed_in()).get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def routes(ward: Station) -> set[tuple[str, str]]:
    return {
        (method.lower(), route.path_format.replace(":path}", "}"))
        for route in ward.gate.app.routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }


@pytest.mark.spec("LISTEN-21")
async def test_every_route_is_described(ward: Station) -> None:
    described = await document(ward)
    told = {
        (method, path): operation
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert {each for each in routes(ward) if each[1] not in NOT_DESCRIBED} == set(told)
    for where, operation in told.items():
        assert operation["summary"].endswith("."), f"{where} says what it does in its docstring"
        assert len(operation["summary"]) <= 120
    journal = told["get", "/v1/journal"]
    assert {each["name"] for each in journal["parameters"]} >= {"bed", "since", "before"}
    pause = told["post", "/v1/beds/{bed}/pause-audio"]["requestBody"]["content"]
    assert pause["application/json"]["schema"] == {"$ref": "#/components/schemas/PauseAudio"}


@pytest.mark.spec("LISTEN-21")
async def test_every_reference_leads_somewhere(ward: Station) -> None:
    described = await document(ward)
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(described)))
    assert referred == set(described["components"]["schemas"])


@pytest.mark.spec("LISTEN-21")
async def test_a_refusal_is_as_described(ward: Station) -> None:
    described = await document(ward)
    refusal = described["components"]["schemas"]["Refusal"]
    for methods in described["paths"].values():
        for operation in methods.values():
            assert "422" not in operation["responses"], "FastAPI's own, which is not ours"
            assert ("default" in operation["responses"]) == (operation.get("security") != [])
    browser = await ward.signed_in()
    Device(ward)
    where = "/v1/beds/bed-1/pause-audio"
    bodies: list[tuple[dict[str, object], str | None]] = [
        ({"idempotency_key": "1", "duration_s": "x"}, "duration_s"),
        ({"idempotency_key": "1", "duration_s": 5000}, "duration_s"),
        ({"idempotency_key": "1"}, "duration_s"),
    ]
    for body, field in bodies:
        answer = await browser.post(where, json=body)
        told = answer.json()
        assert answer.status_code in REFUSALS
        assert told.keys() <= refusal["properties"].keys()
        assert set(refusal["required"]) <= told.keys()
        assert (told.get("field"), "\n" in told["error"]) == (field, False)
    missing = await browser.post("/v1/beds/no/pause-audio", json={**bodies[2][0], "duration_s": 9})
    assert (missing.status_code, missing.json()["field"]) == (404, "bed")


@pytest.mark.spec("LISTEN-22")
async def test_a_page_shows_every_route_and_needs_nothing_from_elsewhere(ward: Station) -> None:
    browser = await ward.signed_in()
    answer = await browser.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == HEADERS["Content-Security-Policy"]
    page = answer.text
    described = await document(ward)
    for path, methods in described["paths"].items():
        for method in methods:
            assert f"<b>{method.upper()}</b> <code>{path}</code>" in page
    for status in REFUSALS:
        assert f"<td>{status}</td>" in page
    assert not re.findall(r"<script|style=|\son\w+=|https?://", page)
    for link in re.findall(r'(?:href|src)="([^"#]+)"', page):
        assert (await browser.get(link)).status_code == 200, link
    anchors = re.findall(r'href="#([^"]+)"', page)
    assert {f'id="{each}"' in page for each in anchors} == {True}
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


@pytest.mark.spec("LISTEN-22")
async def test_the_page_of_the_routes_is_behind_the_gate(ward: Station) -> None:
    for path in ("/docs", "/docs.css", "/openapi.json"):
        assert (await ward.browser().get(path)).status_code == 401
