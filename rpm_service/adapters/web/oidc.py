"""An identity provider as a way to sign in: OpenID Connect, authorisation code with PKCE.

A sign-in that is under way is known to its browser alone, by a cookie with a random number and
the time. State, nonce and PKCE verifier are derived from that cookie with a key of this process:
nothing waits here that strangers could fill up, and what comes back with another cookie, from
another server or too late is not ours.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
import ssl
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from math import inf
from typing import Any, Final

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from rpm_service.adapters.web.oidc_file import OidcRefused, OidcSettings
from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.adapters.web.signing_in import OIDC_COOKIE_S, Returned
from rpm_service.application.access import Person
from rpm_service.application.ports import Clock
from rpm_service.application.ways_in import SignInRefused

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures that are taken: none that are made with a shared secret, and not `none`."""
LEEWAY_S: Final = 60
"""How far the provider's clock may be from ours."""
REQUEST_S_MAX: Final = 5.0
KNOWN_S: Final = 3600.0
"""What the provider says of itself is asked for again after this time."""
ASK_S: Final = 10.0
"""It is not asked more often than this, whether it did not answer or a key is unknown."""
RETURNS_MAX: Final = 8
"""Sign-ins that may be looked at at once."""
ANSWER_BYTES_MAX: Final = 256 * 1024

_log = logging.getLogger(__name__)


class ProviderFailed(Exception):
    """The provider did not answer, or not as a provider does."""


FAULTS: Final = (ProviderFailed, JoseError, AuthlibBaseError, httpx2.HTTPError, ValueError)
"""What a provider, or whoever stands in for it, may answer with."""


class IdentityProvider:
    """Signs people in by what an identity provider says of them."""

    by_password = False

    def __init__(
        self, settings: OidcSettings, clock: Clock, is_taken: Callable[[str], bool]
    ) -> None:
        """Takes whether a name is that of a local account. Raises OidcRefused."""
        self.name = settings.name
        self._settings = settings
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._is_taken = is_taken
        try:
            self._trust = ssl.create_default_context(cafile=settings.ca_file)
        except OSError as error:
            raise OidcRefused(f"ca_file {settings.ca_file} cannot be used: {error}") from error
        self._asking = asyncio.Lock()
        self._asked_at = -inf
        self._known: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._returns = 0

    async def begin(self) -> tuple[str, str]:
        """Where to send a browser, and the cookie to give it. Raises SignInRefused."""
        known = await self._provider()
        began = f"{self._clock.now():.0f}.{secrets.token_urlsafe(24)}"
        async with self._client() as client:
            where, _ = client.create_authorization_url(
                known["authorization_endpoint"],
                state=self._derived(began, "state"),
                code_verifier=self._derived(began, "verifier"),
                nonce=self._derived(began, "nonce"),
            )
        return str(where), began

    async def person(self, proof: Returned) -> Person:
        """Judges what a browser brought back. Raises SignInRefused."""
        answer = proof.answer
        self._check_began(proof.began, answer.get("state", ""))
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:
            # RFC 9207, section 2.4: the answer of another provider.
            raise self._refusal("the answer is of another issuer")
        if "code" not in answer:
            raise self._refusal(f"no code: {answer.get('error', '')[:64]!r}")
        if self._returns >= RETURNS_MAX:
            raise SignInRefused(WORDS.busy, 1.0)
        self._returns += 1
        try:
            claims = await self._claims(answer["code"], proof.began)
        except FAULTS as error:
            raise self._refusal(f"{type(error).__name__}: {error}") from error
        finally:
            self._returns -= 1
        return self._person(claims)

    def stands(self, person: Person) -> Person | None:
        """As the provider said at sign-in: it is asked again after a shift at the latest."""
        return person

    # -- inside -------------------------------------------------------------------------

    def _person(self, claims: Mapping[str, Any]) -> Person:
        user, rights = self._settings.user_of(claims), self._settings.rights_of(claims)
        if user is None:
            raise self._refusal(f"{self._settings.user_claim} is no user name")
        if rights is None:
            _log.warning("sign-in refused: %s is in no group that may", user)
            raise SignInRefused(WORDS.in_no_group.format(provider=self.name))
        if self._is_taken(user):
            _log.warning("sign-in refused: %s has a local account", user)
            raise SignInRefused(WORDS.has_account.format(user=user))
        # A shift also for a wall: rights that nobody can take away must come to an end.
        return Person(user, rights)

    def _check_began(self, began: str, state: str) -> None:
        if not hmac.compare_digest(self._derived(began, "state").encode(), state.encode()):
            raise SignInRefused(WORDS.began_elsewhere)
        # Nobody but us could have made a state of another time.
        if self._clock.now() - float(began.partition(".")[0]) >= OIDC_COOKIE_S:
            raise SignInRefused(WORDS.took_too_long)

    def _derived(self, began: str, what: str) -> str:
        digest = hmac.digest(self._key, f"{what} {began}".encode(), hashlib.sha256)
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    async def _claims(self, code: str, began: str) -> Mapping[str, Any]:
        known = await self._provider()
        async with self._client() as client:
            # Follows no redirect, with which the code would go somewhere else.
            tokens = await client.fetch_token(
                known["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=self._derived(began, "verifier"),
            )
        id_token = tokens.get("id_token")
        if not isinstance(id_token, str):
            raise ProviderFailed("no id_token")
        token = await self._token(id_token)
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": self._settings.issuer},
                "aud": {"essential": True, "value": self._settings.client_id},
            },
            params={
                "nonce": self._derived(began, "nonce"),
                "client_id": self._settings.client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        claims.validate(now=int(self._clock.now()), leeway=LEEWAY_S)
        return dict(claims)

    async def _token(self, id_token: str) -> jwt.Token:
        """The token, once its signature is found right. Keys may be newer than those we know."""
        try:
            return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            await self._provider(anew=True)
            return jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)

    async def _provider(self, *, anew: bool = False) -> Mapping[str, Any]:
        """What the provider says of itself. Raises SignInRefused."""
        async with self._asking:
            age_s = self._clock.now() - self._asked_at
            is_due = not self._known or anew or age_s >= KNOWN_S
            if is_due and age_s >= ASK_S:
                self._asked_at = self._clock.now()
                try:
                    self._known, self._keys = await self._ask()
                except FAULTS as error:
                    # What was known before may still do.
                    _log.warning("%s: %s: %s", self.name, type(error).__name__, error)
        if not self._known:
            raise SignInRefused(WORDS.provider_silent.format(provider=self.name))
        return self._known

    async def _ask(self) -> tuple[Mapping[str, Any], KeySet]:
        issuer = self._settings.issuer
        async with httpx2.AsyncClient(**self._connection()) as client:
            known = await _json(client, f"{issuer.rstrip('/')}/.well-known/openid-configuration")
            if known.get("issuer") != issuer:
                raise ProviderFailed(f"says that it is {known.get('issuer')!r}, not {issuer}")
            for endpoint in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if not str(known.get(endpoint, "")).startswith("https://"):
                    raise ProviderFailed(f"{endpoint} is no https address")
            keys = await _json(client, known["jwks_uri"])
        return known, KeySet.import_key_set(keys)  # type: ignore[arg-type]

    def _client(self) -> AsyncOAuth2Client:
        settings = self._settings
        return AsyncOAuth2Client(
            settings.client_id,
            settings.client_secret,
            scope=" ".join(settings.scopes),
            redirect_uri=settings.redirect_uri,
            code_challenge_method="S256",
            **self._connection(),
        )

    def _connection(self) -> dict[str, Any]:
        return {
            "verify": self._trust,
            "timeout": REQUEST_S_MAX,
            "follow_redirects": False,
            "trust_env": False,
        }

    def _refusal(self, reason: str) -> SignInRefused:
        _log.warning("sign-in refused: %s: %s", self.name, reason)
        return SignInRefused(WORDS.provider_refused.format(provider=self.name))


async def _json(client: httpx2.AsyncClient, address: str) -> Mapping[str, Any]:
    answer = await client.get(address)
    if answer.status_code != 200 or len(answer.content) > ANSWER_BYTES_MAX:
        raise ProviderFailed(f"{address} answers {answer.status_code}")
    found = answer.json()
    if not isinstance(found, dict):
        raise ProviderFailed(f"{address} answers with no object")
    return found
