"""The web application: the page, the sign-in, the acts and the live socket, behind the gate."""

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from rpm_service.adapters.web import live_socket
from rpm_service.adapters.web.acts import Acts, add_acts
from rpm_service.adapters.web.gate import COOKIE, Gate, refusal, session_of
from rpm_service.adapters.web.live_socket import Feed, Patience
from rpm_service.adapters.web.pages import Pages, notice, signed_in
from rpm_service.adapters.web.rights import guard
from rpm_service.adapters.web.sessions import SOCKETS_MAX, Sessions, TooManySessions
from rpm_service.adapters.web.sign_in import LinkRefused, redeem
from rpm_service.application.access import Access, Person, Rights
from rpm_service.application.ports import Clock

_log = logging.getLogger(__name__)


def web_app(
    *,
    clock: Clock,
    data: Path,
    origins: frozenset[str],
    open_feed: Callable[[str, Rights], Feed],
    access: Access,
    acts: Acts,
    pages: Pages,
    patience: Patience | None = None,
) -> ASGIApp:
    """Puts the web side together.

    `data` is where sign-in links wait, `origins` are those of the page (see `address.origins`),
    `open_feed` lets one viewer in, by name and rights, `access` tells of beds by name who may see
    them, and `acts` carries out what clinicians do. `patience` is shortened by tests.
    """
    sessions = Sessions(clock)
    # No OpenAPI pages: they load scripts from elsewhere.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(guard(access))],
    )
    app.state.access = access
    _add_pages(app, pages)
    _add_sign_in(app, sessions, data)
    add_acts(app, acts)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)

    @app.websocket("/v1/watch")
    async def watch(websocket: WebSocket) -> None:
        session = session_of(websocket)
        if len(session.feeds) >= SOCKETS_MAX:
            reason = f"{SOCKETS_MAX} pages of this session watch already"
            await websocket.send_denial_response(refusal(429, reason))
            return
        await live_socket.watch(websocket, session, sessions, open_feed, patience or Patience())

    return Gate(app, sessions, origins)


def _add_pages(app: FastAPI, pages: Pages) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/favicon.ico", status_code=204)
    async def no_icon() -> None:
        """Browsers ask for one beside each line that we show a stranger; the page has its own."""

    @app.get("/")
    async def index() -> Response:
        return pages.index()

    @app.get("/assets/{name:path}")
    async def asset(name: str) -> Response:
        return pages.asset(name) or refusal(404, "no such file")


def _add_sign_in(app: FastAPI, sessions: Sessions, data: Path) -> None:
    @app.get("/sign-in")
    async def sign_in(token: str = "") -> Response:
        try:
            if sessions.is_full():
                raise TooManySessions
            # Links are made by other processes too: the wall clock is what all of them have.
            user = await asyncio.to_thread(redeem, data, token, now=time.time())
            session = sessions.open(Person(user))
        except LinkRefused:
            line = "This link has been used or is too old. Run `rpm-service sign-in` for another."
            return notice(403, line)
        except TooManySessions:
            return notice(503, "Too many people are signed in. Try again when one has left.")
        _log.info("%s signed in", user)
        response = signed_in()
        response.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="strict")
        return response

    @app.post("/sign-out", status_code=204)
    async def sign_out(request: Request, response: Response) -> None:
        session = session_of(request)
        sessions.end(session)
        _log.info("%s signed out", session.user)
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")

    @app.get("/v1/session")
    async def session(request: Request) -> dict[str, object]:
        session = session_of(request)
        return {
            "user": session.user,
            "role": session.rights.role,
            "units": sorted(session.rights.units),
            "locked": sessions.is_locked(session),
        }

    @app.post("/v1/session/active", status_code=204)
    async def active() -> None:
        """A person is there, and does not act just now: the gate has noted it."""


async def _invalid(_request: Request, error: Exception) -> Response:
    """Answers for a request whose path or body is not what the act needs: the first fault."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return refusal(400, f"{where}: {first['msg']}")


async def _refused(_request: Request, error: Exception) -> Response:
    """Answers for a path that is not there, and a method that it has not."""
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, HTTPStatus(error.status_code).phrase.lower())
