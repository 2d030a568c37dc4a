"""The gate: every request passes it, and nothing behind it is reached without a session.

It stands outside of all routes, so that a route that is added later, and a WebSocket, is shut
until somebody signs in. What is open is listed here.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rpm_service.adapters.web.address import is_loopback
from rpm_service.adapters.web.sessions import Session, Sessions
from rpm_service.adapters.web.sign_in_page import Front

COOKIE: Final = "__Host-rpm-session"
"""The prefix makes browsers refuse it unless it is Secure, of path / and of this host alone."""
OPEN: Final = frozenset(
    {
        "/healthz",
        "/favicon.ico",
        "/sign-in",
        "/sign-in.css",
        "/sign-in/oidc",
        "/sign-in/oidc/return",
    }
)
"""Paths that need no session."""
SAFE: Final = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
NOT_ACTS: Final = frozenset({"/sign-in", "/sign-out", "/v1/session/unlock", "/v1/what-if"})
"""What is sent without being an act: a wall display and a locked session may."""
FORMS: Final = frozenset({"/sign-in"})
"""Where a body is that of a form: the page that signs people in has no script."""
BODY_BYTES_MAX: Final = 4096
WALL_LOOKS: Final = "a wall display looks and does not act"

HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "font-src 'self'; media-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # The address of a sign-in link holds its token.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
HSTS: Final = "max-age=31536000"


def refusal(status: int, reason: str, field: str = "") -> JSONResponse:
    """A refusal in one line, and which field of the request is at fault where one is."""
    return JSONResponse({"error": reason} | ({"field": field} if field else {}), status)


def session_of(connection: HTTPConnection) -> Session:
    """The session that the gate found; only for routes that are not open."""
    session = connection.state.session
    assert isinstance(session, Session)
    return session


class Gate:
    """Lets requests through to `app` that may pass, and puts HEADERS on every answer."""

    def __init__(
        self, app: ASGIApp, sessions: Sessions, origins: frozenset[str], front: Front
    ) -> None:
        self.app = app
        self._front = front
        self.sessions = sessions
        self._origins = origins
        self._hosts = frozenset(origin.removeprefix("https://") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or refuses it."""
        connection = HTTPConnection(scope)
        headers = dict(HEADERS)
        if not is_loopback(connection.url.hostname or ""):
            headers["Strict-Transport-Security"] = HSTS

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                _add(headers, message)
            await send(message)

        refused = self._refusal(scope, connection)
        await (refused or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope, connection: HTTPConnection) -> Response | None:
        """Why a request may not pass, if so; the session is left in its state."""
        path = scope["path"]
        if path == "/healthz" and scope["type"] == "http":
            return None
        if connection.headers.get("host", "").lower() not in self._hosts:
            # A name that resolves to us without being ours would be somebody else's page.
            return refusal(421, f"this server is {' or '.join(sorted(self._origins))}")
        wrong = self._from_elsewhere(scope, connection) or _ill_formed(scope, connection)
        if wrong is not None:
            return wrong
        session = self.sessions.find(connection.cookies.get(COOKIE, ""))
        connection.state.session = session
        if session is None:
            return None if path in OPEN and scope["type"] == "http" else self._not_signed_in(path)
        is_act = scope["type"] == "http" and scope["method"] not in SAFE and path not in NOT_ACTS
        return self._may_not_act(session) if is_act else None

    def _not_signed_in(self, path: str) -> Response:
        return self._front.page(401) if path == "/" else refusal(401, "not signed in")

    def _may_not_act(self, session: Session) -> Response | None:
        """Refuses acts of a display that nobody sits at, and of a person who may have left."""
        if not session.rights.may_act:
            return refusal(403, WALL_LOOKS)
        if not self.sessions.take_act(session):
            return refusal(423, "locked: nobody was here for a while; unlock first")
        return None

    def _from_elsewhere(self, scope: Scope, connection: HTTPConnection) -> Response | None:
        """Refuses what a page of another site makes a signed-in browser do."""
        headers = connection.headers
        if scope["type"] == "websocket":
            is_ours = headers.get("origin") in self._origins
        elif scope["method"] in SAFE:
            # A browser names no origin of a navigation, or of a page that reads its own server.
            is_ours = headers.get("origin") in {None, *self._origins}
        else:
            is_ours = (
                headers.get("origin") in self._origins
                and headers.get("sec-fetch-site", "same-origin") == "same-origin"
            )
        return None if is_ours else refusal(403, "not from this server's own page")


def _ill_formed(scope: Scope, connection: HTTPConnection) -> Response | None:
    """Refuses bodies that are not JSON, and those that are long or do not say how long."""
    if scope["type"] == "websocket" or scope["method"] in SAFE:
        return None
    headers = connection.headers
    if "transfer-encoding" in headers:
        return refusal(411, "say Content-Length")
    length = int(headers.get("content-length", "0"))
    if length > BODY_BYTES_MAX:
        return refusal(413, f"a body has at most {BODY_BYTES_MAX} bytes")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    wanted = "application/x-www-form-urlencoded" if scope["path"] in FORMS else "application/json"
    if length and media_type != wanted:
        return refusal(415, f"a body is {wanted}")
    return None


def _add(headers: dict[str, str], message: MutableMapping[str, Any]) -> None:
    answered = MutableHeaders(scope=message)
    for name, value in headers.items():
        answered.setdefault(name, value)
