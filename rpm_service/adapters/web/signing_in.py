"""The routes by which people come in, go, and show that they are still there."""

import logging
from functools import partial
from math import ceil
from typing import Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.responses import RedirectResponse

from rpm_service.adapters.web.accounts import LocalAccounts, Password
from rpm_service.adapters.web.gate import COOKIE, WALL_LOOKS, refusal, session_of
from rpm_service.adapters.web.pages import notice, signed_in
from rpm_service.adapters.web.sessions import Session, Sessions, TooManySessions
from rpm_service.adapters.web.sign_in import Links
from rpm_service.adapters.web.sign_in_page import Front, style
from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.application.ways_in import SignInRefused, WayIn

OIDC_COOKIE: Final = "__Host-rpm-sign-in"
"""Holds a sign-in that has gone to the identity provider; what comes back from there is a
navigation from another site, on which a browser sends no SameSite=Strict cookie."""
OIDC_COOKIE_S: Final = 600

Proof = TypeVar("Proof")
_log = logging.getLogger(__name__)


class Returned(NamedTuple):
    """What a browser brings back from the identity provider."""

    began: str
    """The cookie that it was given when it went there."""
    answer: dict[str, str]


class Provider(WayIn[Returned], Protocol):
    """An identity provider: where to send a browser, and what it must bring back."""

    name: str

    async def begin(self) -> tuple[str, str]:
        """Where to send a browser, and the cookie to give it. Raises SignInRefused."""
        ...


class Ways(NamedTuple):
    """All ways to sign in."""

    links: Links
    accounts: LocalAccounts
    provider: Provider | None = None

    def all(self) -> list[WayIn[Any]]:
        """Each that there is."""
        return [way for way in self if way is not None]


class Unlock(BaseModel):
    """The password of whose session it is."""

    model_config = ConfigDict(strict=True, extra="forbid")

    password: str


def add_signing_in(app: FastAPI, sessions: Sessions, front: Front, ways: Ways) -> None:
    """Adds the routes."""
    _add_form(app, sessions, front, ways)
    if ways.provider is not None:
        _add_provider(app, sessions, front, ways.provider)
    _add_session(app, sessions, ways.accounts)


def _add_form(app: FastAPI, sessions: Sessions, front: Front, ways: Ways) -> None:
    @app.get("/sign-in.css")
    async def sign_in_style() -> Response:
        return style()

    @app.get("/sign-in")
    async def sign_in(request: Request, token: str | None = None) -> Response:
        if token is None:
            return front.page(200)
        try:
            session = await _let_in(request, sessions, ways.links, token)
        except SignInRefused as refused:
            return notice(403, refused.line)
        except TooManySessions:
            return notice(503, WORDS.full)
        return _with_cookie(signed_in(), session)

    @app.post("/sign-in")
    async def sign_in_by_password(request: Request) -> Response:
        fields = parse_qs((await request.body()).decode(errors="replace"), max_num_fields=8)
        name, password = (fields.get(each, [""])[0] for each in ("user", "password"))
        try:
            proof = Password(name, password, _address(request))
            session = await _let_in(request, sessions, ways.accounts, proof)
        except SignInRefused as refused:
            answer = front.page(429 if refused.wait_s else 403, refused.line, name)
            return _with_wait(answer, refused)
        except TooManySessions:
            return front.page(503, WORDS.full, name)
        return _with_cookie(RedirectResponse("/", 303), session)


def _add_provider(app: FastAPI, sessions: Sessions, front: Front, provider: Provider) -> None:
    @app.get("/sign-in/oidc")
    async def sign_in_elsewhere() -> Response:
        try:
            where, began = await provider.begin()
        except SignInRefused as refused:
            return front.page(503, refused.line)
        going = RedirectResponse(where, 303)
        going.set_cookie(
            OIDC_COOKIE, began, OIDC_COOKIE_S, secure=True, httponly=True, samesite="lax"
        )
        return going

    @app.get("/sign-in/oidc/return")
    async def back_from_elsewhere(request: Request) -> Response:
        proof = Returned(request.cookies.get(OIDC_COOKIE, ""), dict(request.query_params))
        try:
            answer = _with_cookie(signed_in(), await _let_in(request, sessions, provider, proof))
        except SignInRefused as refused:
            answer = front.page(403, refused.line)
        except TooManySessions:
            answer = front.page(503, WORDS.full)
        answer.delete_cookie(OIDC_COOKIE, secure=True, httponly=True, samesite="lax")
        return answer


def _add_session(app: FastAPI, sessions: Sessions, accounts: LocalAccounts) -> None:
    @app.post("/sign-out", status_code=204)
    async def sign_out(request: Request, response: Response) -> None:
        """Ends the session."""
        session = session_of(request)
        sessions.end(session)
        _log.info("%s signed out", session.user)
        response.delete_cookie(COOKIE, secure=True, httponly=True, samesite="strict")

    @app.get("/v1/session")
    async def session(request: Request) -> dict[str, object]:
        """Who is signed in, with which role and units, and whether writing is locked."""
        session = session_of(request)
        return {
            "user": session.user,
            "role": session.rights.role,
            "units": sorted(session.rights.units),
            "locked": sessions.is_locked(session),
            "unlocks_by": "password" if session.by_password else "sign-in",
        }

    @app.post("/v1/session/active", status_code=204)
    async def active() -> None:
        """Says that a person is there who does not act just now: the gate has noted it."""

    @app.post("/v1/session/unlock", status_code=204)
    async def unlock(body: Unlock, request: Request) -> Response:
        """Unlocks a session that was locked for writing, by the password."""
        session = session_of(request)
        if not session.rights.may_act:
            return refusal(403, WALL_LOOKS)
        if not session.by_password:
            return refusal(409, "this session has no password: sign in again")
        try:
            await accounts.person(Password(session.user, body.password, _address(request)))
        except SignInRefused as refused:
            wrong = refusal(429 if refused.wait_s else 403, refused.line)
            return _with_wait(wrong, refused)
        sessions.unlock(session)
        return Response(status_code=204)


async def _let_in(request: Request, sessions: Sessions, way: WayIn[Proof], proof: Proof) -> Session:
    """Begins the session of whoever proves who they are. Raises SignInRefused, TooManySessions."""
    if sessions.is_full():
        # Said before a link is used up.
        raise TooManySessions
    person = await way.person(proof)
    session = sessions.open(
        person, partial(way.stands, person), by_password=way.by_password, way=way.name
    )
    _log.info("%s signed in", person.user)
    before = request.state.session
    if before is not None:
        sessions.end(before)
    return session


def _with_cookie(answer: Response, session: Session) -> Response:
    answer.set_cookie(COOKIE, session.id, secure=True, httponly=True, samesite="strict")
    return answer


def _with_wait(answer: Response, refused: SignInRefused) -> Response:
    if refused.wait_s:
        answer.headers["Retry-After"] = str(ceil(refused.wait_s))
    return answer


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else ""
