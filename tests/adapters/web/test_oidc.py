"""Signing in by an identity provider, which runs beside the station over real TLS."""

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import ECKey, OctKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from rpm_service.adapters.web import oidc, oidc_file
from rpm_service.adapters.web.accounts import LocalAccounts
from rpm_service.adapters.web.accounts_file import Account
from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.oidc import IdentityProvider
from rpm_service.adapters.web.oidc_file import OidcRefused
from rpm_service.adapters.web.sessions import LOCK_S
from rpm_service.adapters.web.signing_in import OIDC_COOKIE, OIDC_COOKIE_S
from rpm_service.application.access import SHIFT_S, Part, Rights
from tests.adapters.web.provider import CLIENT, SECRET, FakeProvider, running
from tests.adapters.web.station import Station, station
from tests.adapters.web.test_accounts import KIM, keep
from tests.support.manual_clock import ManualClock

FILE = """
issuer = "{issuer}"
client_id = "{client}"
client_secret_file = "oidc.secret"
redirect_uri = "{origin}/sign-in/oidc/return"
name = "St. Elsewhere"
ca_file = "{ca}"

[[rights]]
group = "icu-nurses"
role = "clinician"
units = ["ICU"]

[[rights]]
group = "night-watch"
role = "clinician"
units = ["ward"]

[[rights]]
group = "doctors"
role = "clinician"

[[rights]]
group = "walls"
role = "wall"
"""


@pytest.fixture
async def provider(certs: Path) -> AsyncIterator[FakeProvider]:
    async with running(certs, ManualClock()) as provider:
        yield provider


@pytest.fixture
async def ward(
    certs: Path, static: Path, tmp_path: Path, provider: FakeProvider
) -> AsyncIterator[Station]:
    """A station whose people are known to the provider."""

    def made(
        origins: frozenset[str], accounts: LocalAccounts, clock: ManualClock
    ) -> IdentityProvider:
        path = written(tmp_path, certs, provider.issuer, f"https://localhost:{port(origins)}")
        return IdentityProvider(oidc_file.read(path, origins), clock, accounts.__contains__)

    async with station(certs, tmp_path, static, provider=made) as ward:
        provider.clock = ward.clock
        yield ward


def port(origins: frozenset[str]) -> int | None:
    return urlsplit(next(iter(origins))).port


def written(directory: Path, certs: Path, issuer: str, origin: str) -> Path:
    """The file of the provider, with its secret beside it."""
    secret = directory / "oidc.secret"
    secret.touch(0o600)
    secret.write_text(SECRET + "\n")
    path = directory / "oidc.toml"
    path.write_text(
        FILE.format(issuer=issuer, client=CLIENT, origin=origin, ca=certs / "server-trust.crt")
    )
    return path


async def sent_to_provider(browser: httpx2.AsyncClient) -> str:
    """Begins a sign-in; gives where the browser is sent."""
    going = await browser.get("/sign-in/oidc")
    assert going.status_code == 303, going.text
    return going.headers["location"]


async def sent_back(ward: Station, where: str) -> str:
    """The provider signs somebody in; gives where it sends the browser back to."""
    async with httpx2.AsyncClient(verify=ward.trust, trust_env=False) as elsewhere:
        return (await elsewhere.get(where)).headers["location"]


async def sign_in(ward: Station, browser: httpx2.AsyncClient) -> httpx2.Response:
    back = await sent_back(ward, await sent_to_provider(browser))
    return await browser.get(back)


@pytest.mark.spec("SIGNIN-16")
async def test_who_the_provider_knows_is_signed_in_with_what_their_groups_may(
    ward: Station, provider: FakeProvider
) -> None:
    browser = ward.browser()
    answer = await sign_in(ward, browser)
    assert "Signed in" in answer.text, answer.text
    assert not provider.wrong
    assert (await browser.get("/v1/session")).json() == {
        "user": "kim",
        "role": "clinician",
        "units": ["ICU"],
        "locked": False,
        "unlocks_by": "sign-in",
    }
    assert OIDC_COOKIE not in browser.cookies
    assert "Sign in with St. Elsewhere" in (await ward.browser().get("/")).text


@pytest.mark.spec("SIGNIN-16")
async def test_what_goes_to_the_provider_is_the_browsers_alone(
    ward: Station, provider: FakeProvider
) -> None:
    browser = ward.browser()
    going = await browser.get("/sign-in/oidc")
    asked = {k: v[0] for k, v in parse_qs(urlsplit(going.headers["location"]).query).items()}
    assert asked["redirect_uri"] == f"{ward.origin}/sign-in/oidc/return"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    secrets = [asked[each] for each in ("state", "nonce", "code_challenge")]
    assert len({*secrets, browser.cookies[OIDC_COOKIE]}) == 4
    cookie = going.headers["set-cookie"].lower()
    for attribute in ("secure", "httponly", "samesite=lax", "path=/", f"max-age={OIDC_COOKIE_S}"):
        assert attribute in cookie
    assert await sent_to_provider(ward.browser()) != going.headers["location"]


Wrong = Callable[[FakeProvider], object]
ANOTHER = ECKey.generate_key("P-256", auto_kid=True)


def without_signature(provider: FakeProvider) -> None:
    def sign(claims: dict[str, Any]) -> str:
        head, payload = (
            urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
            for part in ({"alg": "none", "kid": provider.key.kid}, claims)
        )
        return f"{head}.{payload}."

    provider.sign = sign


@pytest.mark.spec("SIGNIN-17")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda p: p.claims.update(iss="https://evil.example"),
        lambda p: p.claims.update(iss=None),
        lambda p: p.claims.update(aud="another-client"),
        lambda p: p.claims.update(aud=[CLIENT, "another-client"]),
        lambda p: p.claims.update(aud=None),
        lambda p: p.claims.update(azp="another-client"),
        lambda p: p.claims.update(exp=int(p.clock.now()) - oidc.LEEWAY_S),
        lambda p: p.claims.update(exp=None),
        lambda p: p.claims.update(iat=int(p.clock.now()) + oidc.LEEWAY_S + 1),
        lambda p: p.claims.update(nonce="another"),
        lambda p: p.claims.update(nonce=None),
        lambda p: p.claims.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
        lambda p: p.signed_with(ANOTHER, alg="ES256", kid=p.key.kid),
        lambda p: p.signed_with(ANOTHER, alg="ES256", kid=ANOTHER.kid),
        lambda p: p.signed_with(OctKey.import_key(SECRET), alg="HS256"),
        without_signature,
        lambda p: p.tokens.update(id_token=None),
        lambda p: p.tokens.update(id_token=7),
        lambda p: p.tokens.update(id_token="a.b.c"),
        lambda p: setattr(p, "answer", lambda: JSONResponse({"error": "invalid_grant"}, 400)),
        lambda p: setattr(p, "answer", lambda: Response("<html>", 200)),
        lambda p: setattr(p, "answer", lambda: Response("[]", 502)),
        lambda p: setattr(p, "answer", lambda: RedirectResponse("https://evil.example", 307)),
        lambda p: p.claims.update(preferred_username="two words"),
        lambda p: p.claims.update(preferred_username=None),
    ],
)
async def test_what_the_provider_does_not_vouch_for_signs_nobody_in(
    ward: Station, provider: FakeProvider, wrong: Wrong
) -> None:
    wrong(provider)
    browser = ward.browser()
    answer = await sign_in(ward, browser)
    assert answer.status_code == 403
    assert "St. Elsewhere did not sign you in" in answer.text
    assert not browser.cookies


@pytest.mark.spec("SIGNIN-17")
async def test_a_token_is_judged_by_our_clock(ward: Station, provider: FakeProvider) -> None:
    provider.clock = ManualClock(ward.clock.now() - 300 - oidc.LEEWAY_S)
    assert (await sign_in(ward, ward.browser())).status_code == 403
    provider.clock = ManualClock(ward.clock.now() - 300)
    assert (await sign_in(ward, ward.browser())).status_code == 200


@pytest.mark.spec("SIGNIN-18")
async def test_an_answer_that_another_browser_asked_for_signs_nobody_in(ward: Station) -> None:
    mine, other = ward.browser(), ward.browser()
    back = await sent_back(ward, await sent_to_provider(mine))
    await sent_to_provider(other)
    for browser in (ward.browser(), other):
        answer = await browser.get(back)
        assert answer.status_code == 403
        assert "began elsewhere" in answer.text
        assert COOKIE not in browser.cookies
    assert (await mine.get(back)).status_code == 200


@pytest.mark.spec("SIGNIN-18")
async def test_an_answer_is_good_once(ward: Station) -> None:
    browser = ward.browser()
    going = await browser.get("/sign-in/oidc")
    cookie = browser.cookies[OIDC_COOKIE]
    back = await sent_back(ward, going.headers["location"])
    assert (await browser.get(back)).status_code == 200
    # Whoever kept both gets nothing: the provider knows the code no more.
    again = ward.browser(Cookie=f"{OIDC_COOKIE}={cookie}")
    assert (await again.get(back)).status_code == 403


@pytest.mark.spec("SIGNIN-18")
async def test_an_answer_that_took_too_long_signs_nobody_in(ward: Station) -> None:
    browser = ward.browser()
    where = await sent_to_provider(browser)
    ward.clock.advance(OIDC_COOKIE_S - 1)
    back = await sent_back(ward, where)
    ward.clock.advance(2)
    answer = await browser.get(back)
    assert (answer.status_code, "took too long" in answer.text) == (403, True)


@pytest.mark.spec("SIGNIN-18")
@pytest.mark.parametrize(
    "change",
    [
        lambda back: back.replace("state=", "state=x"),
        lambda back: back.partition("?")[0],
        lambda back: back.replace("code=", "error=access_denied&x="),
        lambda back: back.replace("iss=https", "iss=http"),
    ],
)
async def test_an_answer_that_was_changed_signs_nobody_in(
    ward: Station, change: Callable[[str], str]
) -> None:
    browser = ward.browser()
    back = await sent_back(ward, await sent_to_provider(browser))
    assert (await browser.get(change(back))).status_code == 403
    assert not browser.cookies


@pytest.mark.spec("SIGNIN-19")
@pytest.mark.parametrize(
    ("groups", "rights"),
    [
        (["icu-nurses"], Rights(units=frozenset({"ICU"}))),
        (["icu-nurses", "night-watch"], Rights(units=frozenset({"ICU", "ward"}))),
        (["icu-nurses", "doctors"], Rights()),
        (["doctors", "icu-nurses"], Rights()),
        (["walls"], Rights(Part.WALL)),
        (["walls", "icu-nurses"], Rights(units=frozenset({"ICU"}))),
        (["something else", "icu-nurses", 7], Rights(units=frozenset({"ICU"}))),
        ("icu-nurses", Rights(units=frozenset({"ICU"}))),
        ([], None),
        (["something else"], None),
        (None, None),
        ({"icu-nurses": True}, None),
    ],
)
def test_groups_are_mapped_to_rights(
    tmp_path: Path, certs: Path, groups: object, rights: Rights | None
) -> None:
    path = written(tmp_path, certs, "https://id.example", "https://station.example")
    settings = oidc_file.read(path, {"https://station.example"})
    assert settings.rights_of({"groups": groups}) == rights


@pytest.mark.spec("SIGNIN-19")
async def test_who_is_in_no_group_is_told_so(ward: Station, provider: FakeProvider) -> None:
    provider.claims["groups"] = ["kitchen"]
    browser = ward.browser()
    answer = await sign_in(ward, browser)
    assert (answer.status_code, "none of your groups" in answer.text) == (403, True)


@pytest.mark.spec("SIGNIN-19")
async def test_a_name_that_has_a_local_account_is_not_the_providers(ward: Station) -> None:
    keep(ward.data, KIM)
    await ward.browser().post("/sign-in", data={"user": "x", "password": "x"})
    answer = await sign_in(ward, ward.browser())
    assert (answer.status_code, "kim has a local account" in answer.text) == (403, True)
    keep(ward.data, Account("lee", KIM.password))
    await ward.browser().post("/sign-in", data={"user": "x", "password": "x"})
    assert (await sign_in(ward, ward.browser())).status_code == 200


@pytest.mark.spec("SIGNIN-19")
async def test_a_wall_of_the_provider_ends_after_a_shift(
    ward: Station, provider: FakeProvider
) -> None:
    provider.claims["groups"] = ["walls"]
    browser = ward.browser()
    await sign_in(ward, browser)
    ward.clock.advance(SHIFT_S - 1)
    assert (await browser.get("/v1/session")).json()["role"] == "wall"
    ward.clock.advance(1)
    assert (await browser.get("/v1/session")).status_code == 401


@pytest.mark.spec("SIGNIN-14")
async def test_a_locked_session_is_unlocked_by_signing_in_again(ward: Station) -> None:
    browser = ward.browser()
    await sign_in(ward, browser)
    async with ward.watch(browser):
        ward.clock.advance(LOCK_S)
        answer = await browser.post("/v1/session/unlock", json={"password": "x"})
        assert answer.status_code == 409
        await sign_in(ward, browser)
        assert (await browser.post("/v1/session/active")).status_code == 204


@pytest.mark.spec("SIGNIN-20")
async def test_a_provider_that_does_not_answer_is_asked_again_later(
    ward: Station, provider: FakeProvider
) -> None:
    provider.metadata["issuer"] = "https://evil.example"
    browser = ward.browser()
    for _ in range(3):
        answer = await browser.get("/sign-in/oidc")
        assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    assert provider.asked == ["configuration"], "not at every click"
    provider.metadata.clear()
    ward.clock.advance(oidc.ASK_S)
    assert (await sign_in(ward, browser)).status_code == 200
    # What it said of itself is kept, and does where it does not answer any more.
    provider.metadata["token_endpoint"] = "http://plain.example"
    ward.clock.advance(oidc.KNOWN_S)
    assert (await sign_in(ward, browser)).status_code == 200
    assert (await ward.browser().get(ward.link())).status_code == 200


@pytest.mark.spec("SIGNIN-20")
async def test_a_key_that_the_provider_has_changed_is_asked_for(
    ward: Station, provider: FakeProvider
) -> None:
    assert (await sign_in(ward, ward.browser())).status_code == 200
    provider.key = ECKey.generate_key("P-256", auto_kid=True)
    ward.clock.advance(oidc.ASK_S)
    assert (await sign_in(ward, ward.browser())).status_code == 200
    asked = provider.asked.count("keys")
    assert asked == 2
    provider.key = ECKey.generate_key("P-256", auto_kid=True)
    assert (await sign_in(ward, ward.browser())).status_code == 403
    assert provider.asked.count("keys") == asked, "not at every forged token"


WRONG_FILES = {
    "issuer must be an https": ('issuer = "https', 'issuer = "http'),
    "client_id must be a text": ('client_id = "central-station"', "client_id = 7"),
    "redirect_uri must be the page's own": ("/sign-in/oidc/return", "/sign-in/oidc/back"),
    "name must be a text": ('name = "St. Elsewhere"', ""),
    "colour is not known": ("ca_file", "colour"),
    "rights[0].role must be clinician or wall": ('role = "clinician"', 'role = "king"'),
    "rights[0].units must be a list": ('units = ["ICU"]', 'units = "ICU"'),
    "is there twice": ('"walls"', '"doctors"'),
    "rights[0].unit is not known": ('units = ["ICU"]', 'unit = ["ICU"]'),
    "is not TOML": ("[[rights]]", "[[rights"),
    "scopes must be": ("ca_file", 'scopes = ["profile"]\nca_file'),
    "client_secret_file": ("oidc.secret", "no.secret"),
}


@pytest.mark.spec("SIGNIN-21")
@pytest.mark.parametrize("line", WRONG_FILES)
def test_a_file_that_is_wrong_is_refused_by_the_name_of_the_key(
    tmp_path: Path, certs: Path, line: str
) -> None:
    path = written(tmp_path, certs, "https://id.example", "https://station.example")
    path.write_text(path.read_text().replace(*WRONG_FILES[line]))
    with pytest.raises(OidcRefused) as refused:
        oidc_file.read(path, {"https://station.example"})
    assert line in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.spec("SIGNIN-21")
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, certs: Path) -> None:
    path = written(tmp_path, certs, "https://id.example", "https://station.example")
    (tmp_path / "oidc.secret").chmod(0o644)
    with pytest.raises(OidcRefused, match="run `chmod 600"):
        oidc_file.read(path, {"https://station.example"})


@pytest.mark.spec("SIGNIN-21")
def test_a_trust_that_cannot_be_read_is_refused(tmp_path: Path, certs: Path) -> None:
    path = written(tmp_path, tmp_path, "https://id.example", "https://station.example")
    settings = oidc_file.read(path, {"https://station.example"})
    with pytest.raises(OidcRefused, match="ca_file"):
        IdentityProvider(settings, ManualClock(), lambda _: False)


@pytest.mark.spec("SIGNIN-21")
def test_a_secret_is_not_shown_with_the_settings(tmp_path: Path, certs: Path) -> None:
    path = written(tmp_path, certs, "https://id.example", "https://station.example")
    settings = oidc_file.read(path, {"https://station.example"})
    assert settings.client_secret == SECRET
    assert SECRET not in repr(settings)


@pytest.mark.spec("SIGNIN-21")
def test_the_example_is_a_file_of_a_provider(tmp_path: Path) -> None:
    example = Path(__file__).parents[3] / "docs" / "oidc.example.toml"
    path = tmp_path / "oidc.toml"
    path.write_text(example.read_text())
    secret = tmp_path / "oidc.secret"
    secret.touch(0o600)
    secret.write_text(SECRET)
    settings = oidc_file.read(path, {"https://station.hospital.example:8443"})
    assert set(settings.rights) == {"icu-nurses", "doctors"}
