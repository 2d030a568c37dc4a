"""The web application: the page, the sign-in, the acts and the live socket, behind the gate."""

from collections.abc import Callable
from http import HTTPStatus

from fastapi import Depends, FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from rpm_service.adapters.web import live_socket
from rpm_service.adapters.web.acts import Acts, add_acts
from rpm_service.adapters.web.analyses import add_analyses
from rpm_service.adapters.web.api_page import add_api_page
from rpm_service.adapters.web.events import add_events
from rpm_service.adapters.web.gate import Gate, refusal, session_of
from rpm_service.adapters.web.live_socket import Feed, Patience
from rpm_service.adapters.web.pages import Pages
from rpm_service.adapters.web.records import add_records
from rpm_service.adapters.web.rights import guard
from rpm_service.adapters.web.sessions import SOCKETS_MAX, Sessions
from rpm_service.adapters.web.sessions_file import SessionsFile
from rpm_service.adapters.web.sign_in_page import Front
from rpm_service.adapters.web.signing_in import Ways, add_signing_in
from rpm_service.adapters.web.socket_io import add_socket_io
from rpm_service.application.access import Access, Rights
from rpm_service.application.analyses import Analyst
from rpm_service.application.ports import Clock
from rpm_service.application.records import Records


def web_app(
    *,
    clock: Clock,
    origins: frozenset[str],
    open_feed: Callable[[str, Rights], Feed],
    access: Access,
    acts: Acts,
    records: Records,
    pages: Pages,
    ways: Ways,
    analyst: Analyst,
    kept: SessionsFile | None = None,
    patience: Patience | None = None,
) -> ASGIApp:
    """Puts the web side together.

    `ways` are those to sign in, `origins` are those of the page (see `address.origins`),
    `open_feed` lets one viewer in, by name and rights, `access` tells of beds by name who may see
    them, `acts` carries out what clinicians do, `records` reads what is stored, and `analyst`
    makes analyses of it. `kept` is
    where sessions outlive the process. `patience` is shortened by tests.
    """
    sessions = Sessions(clock, kept, {way.name: way.stands for way in ways.all()})
    # Not FastAPI's own OpenAPI pages, which load scripts from elsewhere: see `api_page`.
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(guard(access))],
    )
    app.state.access = access
    _add_pages(app, pages)
    front = Front(lambda: len(ways.accounts) > 0, ways.provider.name if ways.provider else None)
    add_signing_in(app, sessions, front, ways)
    add_acts(app, acts)
    add_records(app, records, clock)
    add_analyses(app, analyst, sessions, clock)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)

    add_events(app, sessions, open_feed, patience or Patience())
    add_api_page(app)
    add_socket_io(app, sessions, open_feed, patience or Patience())

    @app.websocket("/v1/watch")
    async def watch(websocket: WebSocket) -> None:
        session = session_of(websocket)
        if len(session.feeds) >= SOCKETS_MAX:
            reason = f"{SOCKETS_MAX} pages of this session watch already"
            await websocket.send_denial_response(refusal(429, reason))
            return
        await live_socket.watch(websocket, session, sessions, open_feed, patience or Patience())

    return Gate(app, sessions, origins, front)


def _add_pages(app: FastAPI, pages: Pages) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Says that the server serves; open to strangers."""
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


async def _invalid(_request: Request, error: Exception) -> Response:
    """Answers for a request whose path or body is not what the act needs: the first fault."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return refusal(400, f"{where}: {first['msg']}", str(first["loc"][-1]))


async def _refused(_request: Request, error: Exception) -> Response:
    """Answers for a path that is not there, and a method that it has not."""
    assert isinstance(error, HTTPException)
    return refusal(error.status_code, HTTPStatus(error.status_code).phrase.lower())
