"""Local accounts: the file, the check, and the page in front of them."""

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from argon2 import PasswordHasher

from rpm_service.adapters.web import accounts_file, passwords
from rpm_service.adapters.web.accounts import LocalAccounts, Password, _network
from rpm_service.adapters.web.accounts_file import Account, AccountsUnreadable
from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.passwords import Checker, TooBusy
from rpm_service.adapters.web.sessions import LOCK_S
from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.application.access import SHIFT_S, Part
from rpm_service.application.ways_in import SignInRefused
from tests.adapters.web.station import QUICK, SUBSCRIBE, Device, Station, closed, frame
from tests.adapters.web.test_gate import BODY
from tests.support.manual_clock import ManualClock

SECRET = "correct horse battery"
KIM = Account("kim", QUICK.hash(SECRET))


def keep(data: Path, *accounts: Account) -> None:
    """Puts these accounts, and no other, into the file."""

    def replace(known: dict[str, Account]) -> None:
        known.clear()
        known.update({each.name: each for each in accounts})

    accounts_file.change(data, replace)


@pytest.fixture
async def kim(ward: Station) -> Station:
    keep(ward.data, KIM)
    return ward


async def sign_in(
    browser: httpx2.AsyncClient, name: str = "kim", password: str = SECRET
) -> httpx2.Response:
    return await browser.post("/sign-in", data={"user": name, "password": password})


@pytest.mark.spec("SIGNIN-8")
async def test_a_name_and_its_password_sign_in(kim: Station) -> None:
    browser = kim.browser()
    answer = await sign_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE.lower())
    for attribute in ("secure", "httponly", "samesite=strict", "path=/"):
        assert attribute in cookie
    assert (await browser.get("/v1/session")).json() == {
        "user": "kim",
        "role": "clinician",
        "units": [],
        "locked": False,
        "unlocks_by": "password",
    }


@pytest.mark.spec("SIGNIN-8")
async def test_a_stranger_gets_a_form_that_sends_to_this_server_alone(kim: Station) -> None:
    await asyncio.sleep(0)
    browser = kim.browser()
    await sign_in(browser, "nobody")
    for path, status in (("/", 401), ("/sign-in", 200)):
        page = await browser.get(path)
        assert page.status_code == status
        assert '<form method="post" action="/sign-in">' in page.text
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; form-action 'self'")
        assert "script-src" not in policy
        # With `no-referrer` a browser would send the form with `Origin: null`.
        assert page.headers["referrer-policy"] == "same-origin"
    assert (await browser.get("/sign-in.css")).headers["content-type"].startswith("text/css")


@pytest.mark.spec("SIGNIN-8")
async def test_a_form_from_elsewhere_signs_nobody_in(kim: Station) -> None:
    fields = {"user": "kim", "password": SECRET}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        browser = kim.browser()
        answer = await browser.post("/sign-in", data=fields, headers=headers)
        assert answer.status_code == 403
        assert not browser.cookies
    assert (await kim.browser().post("/sign-in", json=fields)).status_code == 415


async def test_where_nobody_has_an_account_there_is_no_form(ward: Station) -> None:
    page = await ward.browser().get("/")
    assert "<form" not in page.text
    assert "rpm-service sign-in" in page.text


async def test_a_name_that_was_typed_comes_back_as_text(kim: Station) -> None:
    page = await sign_in(kim.browser(), '"><script>alert(1)</script>')
    assert "<script" not in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text


@pytest.mark.spec("SIGNIN-9")
async def test_every_fault_is_answered_in_the_same_words(ward: Station) -> None:
    keep(ward.data, KIM, Account("lee", KIM.password, disabled=True))
    tries = [("kim", "wrong"), ("nobody", SECRET), ("lee", SECRET), ("kim", ""), ("k" * 500, "x")]
    tries += [("kim", SECRET + "x" * 1000), ("", "")]
    seen = set()
    for name, password in tries:
        browser = ward.browser()
        answer = await sign_in(browser, name, password)
        assert not browser.cookies
        seen.add((answer.status_code, answer.text.replace(f'value="{name}"', "")))
        assert WORDS.wrong in answer.text
    assert len({status for status, _ in seen}) == 1


class Counted(PasswordHasher):
    """Counts how often a hash was worked out, and with how much work."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str] = []

    def verify(self, known: str | bytes, password: str | bytes) -> bool:
        self.verified.append(str(known).rpartition("$")[0].rpartition("$")[0])
        return super().verify(known, password)


@pytest.mark.spec("SIGNIN-9")
async def test_every_fault_costs_the_same_work(tmp_path: Path) -> None:
    keep(tmp_path, KIM, Account("lee", KIM.password, disabled=True))
    hasher = Counted()
    accounts = LocalAccounts(tmp_path, ManualClock(), Checker(hasher))
    for name, password in (("kim", "x"), ("nobody", "x"), ("lee", SECRET), ("kim", "x" * 999)):
        with pytest.raises(SignInRefused):
            await accounts.person(Password(name, password, "a"))
    assert len(hasher.verified) == 4
    assert len(set(hasher.verified)) == 1, "the same parameters for a decoy"


@pytest.mark.spec("SIGNIN-10")
@pytest.mark.parametrize("name", ["kim", "nobody"])
async def test_who_guesses_is_locked_out_whether_or_not_the_name_is_known(
    kim: Station, name: str
) -> None:
    browser = kim.browser()
    for _ in range(3):
        assert (await sign_in(browser, name, "wrong")).status_code == 403
    answer = await sign_in(browser, name, "wrong")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "Too many tries. Wait 1 s." in answer.text
    for pause_s in (1, 2, 4, 8, 16, 32, 64):
        kim.clock.advance(pause_s)
        assert (await sign_in(browser, name, "wrong")).status_code == 403
    answer = await sign_in(kim.browser(), name, SECRET)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")
    assert "Wait 15 minutes." in answer.text
    assert not browser.cookies


@pytest.mark.spec("SIGNIN-10")
async def test_after_a_lock_out_the_right_password_is_right_again(kim: Station) -> None:
    for _ in range(3):
        await sign_in(kim.browser(), "kim", "wrong")
    assert (await sign_in(kim.browser())).status_code == 429
    kim.clock.advance(1)
    assert (await sign_in(kim.browser())).status_code == 303


@pytest.mark.spec("SIGNIN-10")
def test_an_ipv6_host_is_one_address() -> None:
    assert _network("2001:db8::1") == _network("2001:db8::ffff:1") != _network("2001:db8:0:1::1")
    assert _network("192.0.2.1") != _network("192.0.2.2")
    assert _network("") == ""


@pytest.mark.spec("SIGNIN-11")
def test_the_file_is_the_owners_alone_and_holds_no_password(tmp_path: Path) -> None:
    keep(tmp_path, Account("kim", passwords.hashed(SECRET)))
    path = tmp_path / accounts_file.NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert SECRET not in text
    assert "$argon2id$v=19$m=65536,t=3,p=1$" in text
    before = path.stat().st_ino
    keep(tmp_path, KIM)
    assert path.stat().st_ino != before, "replaced, not written over"
    assert {each.name for each in tmp_path.iterdir()} == {"users.json", "users.lock"}


@pytest.mark.spec("SIGNIN-11")
async def test_a_check_holds_up_nothing(tmp_path: Path) -> None:
    """While a password is checked, the event loop goes on turning."""
    keep(tmp_path, Account("kim", passwords.hashed(SECRET)))
    accounts = LocalAccounts(tmp_path, ManualClock())
    checking = asyncio.create_task(accounts.person(Password("kim", SECRET, "a")))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await checking).user == "kim"
    assert turns > 10


@pytest.mark.spec("SIGNIN-11")
async def test_checks_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 2)
    checker = Checker(QUICK)
    checks = [asyncio.create_task(checker.check("x", None)) for _ in range(3)]
    answers = await asyncio.gather(*checks, return_exceptions=True)
    assert [type(each) for each in answers] == [bool, bool, TooBusy]
    assert await checker.check("x", QUICK.hash("x")) is True


@pytest.mark.spec("SIGNIN-11")
def test_letters_are_the_same_however_they_were_typed() -> None:
    composed, combined = "na\u00efve pass phrase", "nai\u0308ve pass phrase"
    assert Checker(QUICK)._check(combined, QUICK.hash(passwords._bytes(composed)))


@pytest.mark.parametrize("password", ["short", "x" * 257, "\N{SNOWMAN}" * 100])
def test_a_password_is_neither_short_nor_endless(password: str) -> None:
    assert passwords.fault_of(password)
    assert passwords.fault_of(SECRET) is None


@pytest.mark.spec("SIGNIN-13")
@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"users": [{}]}', '{"users": 7}', '{"users": [{"name": "a b"}]}',
     '{"users": [{"name": "a", "password": "x", "role": "king", "units": []}]}',
     '{"users": [{"name": "a", "password": "x", "role": "wall", "units": [], "disabled": 1}]}'],
)  # fmt: skip
def test_a_file_that_is_none_keeps_a_server_from_starting(tmp_path: Path, text: str) -> None:
    path = tmp_path / accounts_file.NAME
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(AccountsUnreadable, match=r"users\.json is not a file of accounts"):
        LocalAccounts(tmp_path, ManualClock())


@pytest.mark.spec("SIGNIN-13")
def test_a_file_that_others_may_read_is_named_with_the_remedy(tmp_path: Path) -> None:
    keep(tmp_path, KIM)
    (tmp_path / accounts_file.NAME).chmod(0o640)
    with pytest.raises(AccountsUnreadable, match="run `chmod 600 "):
        LocalAccounts(tmp_path, ManualClock())


@pytest.mark.spec("SIGNIN-13")
async def test_a_running_server_keeps_the_accounts_of_a_file_that_broke(
    kim: Station, caplog: pytest.LogCaptureFixture
) -> None:
    browser = kim.browser()
    await sign_in(browser)
    path = kim.data / accounts_file.NAME
    path.write_text("{")
    assert (await sign_in(kim.browser())).status_code == 303
    assert (await browser.get("/v1/session")).status_code == 200
    assert "accounts stay as they were" in caplog.text


Change = Callable[[Path], None]


@pytest.mark.spec("SIGNIN-4")
@pytest.mark.parametrize(
    "take_away",
    [
        keep,
        lambda data: (data / accounts_file.NAME).unlink(),
        lambda data: keep(data, Account("kim", KIM.password, disabled=True)),
        lambda data: keep(data, Account("kim", QUICK.hash("another password"))),
    ],
    ids=["removed", "no file", "disabled", "another password"],
)
async def test_an_account_that_is_taken_away_ends_its_pages_within_a_second(
    kim: Station, take_away: Change
) -> None:
    browser = kim.browser()
    await sign_in(browser)
    async with kim.watch(browser) as live:
        await live.send(SUBSCRIBE)
        await frame(live)
        take_away(kim.data)
        async with asyncio.timeout(1):
            assert (await closed(live))[0] == 4401
    assert (await browser.get("/v1/session")).status_code == 401


@pytest.mark.spec("SIGNIN-4")
async def test_an_account_that_is_limited_loses_its_other_beds_within_a_second(
    kim: Station,
) -> None:
    Device(kim, "bed-2")
    browser = kim.browser()
    await sign_in(browser)
    async with kim.watch(browser) as live:
        await live.send(SUBSCRIBE)
        assert len((await frame(live)).snapshot.beds) == 1
        keep(kim.data, Account("kim", KIM.password, units=("ICU",)))
        async with asyncio.timeout(1):
            while not (seen := await frame(live)).HasField("snapshot"):
                pass
        assert not seen.snapshot.beds
        keep(kim.data, Account("kim", KIM.password, role=Part.WALL))
        async with asyncio.timeout(1):
            while len((await frame(live)).snapshot.beds) != 1:
                pass
    assert (await browser.post("/v1/session/active")).status_code == 403


@pytest.mark.spec("SIGNIN-14")
async def test_the_password_unlocks_and_nothing_else_does(kim: Station) -> None:
    browser = kim.browser()
    await sign_in(browser)
    async with kim.watch(browser):
        kim.clock.advance(LOCK_S)
        assert (await browser.post("/v1/session/active")).status_code == 423
        wrong = await browser.post("/v1/session/unlock", json={"password": "wrong"})
        assert (wrong.status_code, wrong.json()["error"]) == (403, WORDS.wrong)
        assert (await browser.get("/v1/session")).json()["locked"] is True
        right = await browser.post("/v1/session/unlock", json={"password": SECRET})
        assert right.status_code == 204
        assert (await browser.get("/v1/session")).json()["locked"] is False
        assert (await browser.post("/v1/session/active")).status_code == 204


@pytest.mark.spec("SIGNIN-14")
async def test_who_guesses_at_a_locked_session_is_locked_out(kim: Station) -> None:
    browser = kim.browser()
    await sign_in(browser)
    for _ in range(3):
        await browser.post("/v1/session/unlock", json={"password": "wrong"})
    answer = await browser.post("/v1/session/unlock", json={"password": SECRET})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


@pytest.mark.spec("SIGNIN-14")
async def test_the_session_of_a_link_is_unlocked_by_another_link(ward: Station) -> None:
    Device(ward).alarm()
    browser = await ward.signed_in()
    async with ward.watch(browser):
        ward.clock.advance(LOCK_S)
        answer = await browser.post("/v1/session/unlock", json={"password": SECRET})
        assert (answer.status_code, "sign in again" in answer.json()["error"]) == (409, True)
        assert (await browser.post("/v1/alarms/1/acknowledge", json=BODY)).status_code == 423
        await browser.get(ward.link())
        assert (await browser.post("/v1/alarms/1/acknowledge", json=BODY)).status_code == 204


@pytest.mark.spec("SIGNIN-5")
async def test_a_wall_display_has_nothing_to_unlock(ward: Station) -> None:
    keep(ward.data, Account("wall-1", KIM.password, Part.WALL))
    browser = ward.browser()
    await sign_in(browser, "wall-1")
    answer = await browser.post("/v1/session/unlock", json={"password": SECRET})
    assert answer.status_code == 403


@pytest.mark.spec("SIGNIN-15")
async def test_who_signs_in_again_gets_another_session_and_the_old_one_ends(kim: Station) -> None:
    browser = kim.browser()
    await sign_in(browser)
    before = browser.cookies[COOKIE]
    async with kim.watch(browser) as live:
        await live.send(SUBSCRIBE)
        await sign_in(browser)
        assert browser.cookies[COOKIE] != before
        assert (await closed(live))[0] == 4401
    old = kim.browser(Cookie=f"{COOKIE}={before}")
    assert (await old.get("/v1/session")).status_code == 401
    assert (await browser.get("/v1/session")).status_code == 200


@pytest.mark.spec("SIGNIN-15")
async def test_a_try_that_fails_ends_no_session(kim: Station) -> None:
    browser = kim.browser()
    await sign_in(browser)
    assert (await sign_in(browser, password="wrong")).status_code == 403
    assert (await browser.get("/v1/session")).status_code == 200


@pytest.mark.spec("SIGNIN-6")
@pytest.mark.parametrize(
    ("account", "lasts_s"),
    [
        (Account("a", "x"), SHIFT_S),
        (Account("a", "x", hours=1), 3600),
        (Account("a", "x", Part.WALL), None),
        (Account("a", "x", Part.WALL, hours=48), 48 * 3600),
    ],
)
def test_how_long_an_account_is_signed_in(account: Account, lasts_s: float | None) -> None:
    assert account.person().lasts_s == lasts_s


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"name": "a b"}, "is not a user name"),
        ({"units": ("",)}, "is not a unit"),
        ({"units": ("x\n",)}, "is not a unit"),
        ({"hours": 13.0}, "at most 12"),
        ({"hours": 0.0}, "more than 0"),
        ({"units": tuple(map(str, range(33)))}, "more than 32 units"),
    ],
)
def test_an_account_that_cannot_be_is_refused(wrong: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        Account(**{"name": "a", "password": "x", **wrong})
