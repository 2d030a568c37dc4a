"""What the routes take and answer, as an OpenAPI document: made from the routes themselves.

A route's docstring says what it does: its first line is the summary. Pages, their parts and the
sign-in are for browsers and are not described.
"""

from importlib.metadata import version
from inspect import cleandoc
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from rpm_service.adapters.web.gate import COOKIE, OPEN

ABOUT: Final = (
    "What programs and the page ask of the server over https. Whoever signs in has a session, "
    "and its cookie goes along with each request; what changes something also names the server's "
    "own Origin and has a JSON body. Times are Unix seconds. The live feed over WebSocket and "
    "Socket.IO is described with the live messages, in docs/live-messages.md."
)
TAGS: Final = {
    "beds": "Beds",
    "alarms": "Alarms",
    "journal": "History",
    "burden": "History",
    "what-if": "History",
    "events": "Listening",
}
"""By the word after /v1/; what is not here is OTHER."""
OTHER: Final = "Session and server"
REFUSALS: Final = {
    400: "Something in the request is not right: `field` says what.",
    401: "Not signed in.",
    403: "Not from this server's own page, or not for this session to do.",
    404: "It is not there, or not for this session to see.",
    409: "Not as things stand.",
    411: "The request does not say how long its body is.",
    413: "The body is too long.",
    415: "The body is not JSON.",
    421: "This server has another name.",
    423: "The session is locked for writing: unlock it first.",
    429: "Too many at once from this session, or too many tries.",
    503: "Too much is being read at the moment, or the history cannot be read: ask again.",
}
_REFUSAL: Final = {
    "title": "Refusal",
    "description": "Why a request was refused.",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "One line for a person."},
        "field": {"type": "string", "description": "What of the request is at fault, if one is."},
    },
}
_ANSWERS: Final = {"200": "The answer.", "204": "Done."}


def document(app: FastAPI) -> dict[str, Any]:
    """Describes the routes of an application."""
    made: dict[str, Any] = get_openapi(
        title="Central station", version=version("rpm-service"), description=ABOUT,
        routes=app.routes,
    )  # fmt: skip
    made["paths"] = {path: made["paths"][path] for path in made["paths"] if _is_described(path)}
    for path, operations in made["paths"].items():
        for operation in operations.values():
            _describe(path, operation)
    components = made["components"]
    for ours_are_others in ("HTTPValidationError", "ValidationError"):
        del components["schemas"][ours_are_others]
    for schema in components["schemas"].values():
        schema["description"] = cleandoc(schema.get("description", ""))
    components["schemas"]["Refusal"] = _REFUSAL
    components["securitySchemes"] = {"session": {"type": "apiKey", "in": "cookie", "name": COOKIE}}
    made["security"] = [{"session": []}]
    return made


def _is_described(path: str) -> bool:
    return path.startswith("/v1/") or path in {"/healthz", "/sign-out"}


def _describe(path: str, operation: dict[str, Any]) -> None:
    summary, _, more = operation.get("description", "").partition("\n\n")
    operation["summary"] = summary
    operation["description"] = " ".join(more.split())
    operation["tags"] = [TAGS.get(path.removeprefix("/v1/").partition("/")[0], OTHER)]
    answers = operation["responses"]
    answers.pop("422", None)
    for status, answer in answers.items():
        answer["description"] = _ANSWERS[status]
    if path in OPEN:
        operation["security"] = []
        return
    refused = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    told = "\n".join(f"- {status}: {meaning}" for status, meaning in REFUSALS.items())
    answers["default"] = {"description": f"Refused.\n\n{told}", "content": refused}
