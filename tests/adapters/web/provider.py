"""A small identity provider over real TLS, that can be wrong in every way that matters."""

import base64
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from starlette.responses import JSONResponse, RedirectResponse

from rpm_service.adapters.web.listening import listen
from rpm_service.adapters.web.server import WebServer
from tests.support.manual_clock import ManualClock

CLIENT, SECRET = "central-station", "a secret of the two"


@dataclass
class FakeProvider:
    """What it says of itself and of whoever signs in; tests change it."""

    issuer: str
    clock: ManualClock
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", auto_kid=True))
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over what is right; None takes a claim away."""
    sign: Callable[[dict[str, Any]], str] | None = None
    tokens: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: Callable[[], Response] | None = None
    """What the token endpoint answers instead."""
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What was wrong with requests to it."""

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(self.clock.now())
        claims = {
            "iss": self.issuer,
            "sub": "5e1f",
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            "preferred_username": "kim",
            "groups": ["icu-nurses"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def signed_with(self, key: ECKey | OctKey, **header: Any) -> None:
        """Signs with another key from here on."""
        self.sign = lambda claims: jwt.encode(header, claims, key, algorithms=[header["alg"]])


def app_of(provider: FakeProvider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        provider.asked.append("configuration")
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "jwks_uri": f"{provider.issuer}/keys",
            **provider.metadata,
        }

    @app.get("/keys")
    async def keys() -> dict[str, Any]:
        provider.asked.append("keys")
        return {"keys": [provider.key.as_dict(private=False)]}

    @app.get("/authorize")
    async def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe(8)
        provider.codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"], "iss": provider.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", 303)

    @app.post("/token")
    async def token(request: Request) -> Response:
        if provider.answer is not None:
            return provider.answer()
        sent = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        asked = provider.codes.pop(sent.get("code", ""), None)
        if asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        verifier = hashlib.sha256(sent["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        checks = {
            "client": request.headers.get("authorization") == f"Basic {basic}",
            "pkce": asked["code_challenge_method"] == "S256"
            and asked["code_challenge"] == challenge,
            "redirect_uri": sent["redirect_uri"] == asked["redirect_uri"],
            "grant": sent["grant_type"] == "authorization_code",
            "response_type": asked["response_type"] == "code",
            "scope": "openid" in asked["scope"].split(),
        }
        provider.wrong += [name for name, is_right in checks.items() if not is_right]
        if provider.wrong:
            return JSONResponse({"error": "invalid_request"}, 400)
        tokens = {
            "access_token": "access",
            "token_type": "Bearer",
            "id_token": provider.id_token(asked),
            **provider.tokens,
        }
        return JSONResponse({name: each for name, each in tokens.items() if each is not None})

    return app


@asynccontextmanager
async def running(certs: Path, clock: ManualClock) -> AsyncIterator[FakeProvider]:
    sock = listen("127.0.0.1", 0)
    provider = FakeProvider(f"https://localhost:{sock.getsockname()[1]}", clock)
    server = WebServer(
        app_of(provider), sock, certificate=certs / "server.crt", key=certs / "server.key"
    )
    await server.start()
    try:
        yield provider
    finally:
        await server.stop()
