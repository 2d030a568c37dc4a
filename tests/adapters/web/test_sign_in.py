import re
import stat
import time
from pathlib import Path

import pytest

from rpm_service.adapters.web import sessions as bounds
from rpm_service.adapters.web.gate import COOKIE
from rpm_service.adapters.web.sessions import Sessions, TooManySessions
from rpm_service.adapters.web.sign_in import (
    LINK_S_MAX,
    LinkRefused,
    TooManyLinks,
    issue_link,
    redeem,
)
from rpm_service.application.access import SHIFT_S, Person, Rights
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.sign_in import sign_in
from tests.adapters.web.station import Station
from tests.support.manual_clock import ManualClock


class Unlimited:
    """What a session watches through, that does not care."""

    def limit(self, rights: Rights) -> None:
        raise AssertionError


PAGE = "https://localhost:8443"


@pytest.mark.spec("WEB-2")
async def test_a_link_signs_in_once(ward: Station) -> None:
    link = ward.link()
    first, second = ward.browser(), ward.browser()
    assert "Signed in" in (await first.get(link)).text
    refused = await second.get(link)
    assert refused.status_code == 403
    assert "rpm-service sign-in" in refused.text
    assert not second.cookies
    assert (await first.get("/")).status_code == 200


@pytest.mark.spec("WEB-2")
async def test_old_forged_and_used_links_are_refused_in_the_same_words(ward: Station) -> None:
    used = ward.link()
    browser = ward.browser()
    await browser.get(used)
    old = ward.link(now=time.time() - LINK_S_MAX)
    links = [used, old, f"/sign-in?token={'A' * 22}", "/sign-in?token=../../x", "/sign-in?token="]
    answers = [await ward.browser().get(link) for link in links]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.spec("WEB-2")
def test_who_reads_the_directory_cannot_sign_in(tmp_path: Path) -> None:
    link = issue_link(tmp_path, "nurse", PAGE, now=0.0)
    (file,) = (tmp_path / "sign-in").iterdir()
    assert link.rpartition("=")[2] not in file.name + file.read_text()
    with pytest.raises(LinkRefused):
        redeem(tmp_path, file.name, now=1.0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.spec("WEB-2")
def test_a_link_is_good_until_its_ten_minutes_are_over(tmp_path: Path) -> None:
    token = issue_link(tmp_path, "nurse", PAGE, now=0.0).rpartition("=")[2]
    assert redeem(tmp_path, token, now=LINK_S_MAX - 0.001) == "nurse"


@pytest.mark.spec("WEB-3")
async def test_the_cookie_is_bound_to_this_page_and_hidden_from_scripts(ward: Station) -> None:
    answer = await ward.browser().get(ward.link())
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, *attributes = (part.strip().lower() for part in rest.split(";"))
    assert name == COOKIE == "__Host-rpm-session"
    assert re.fullmatch(r"[a-z0-9_-]{43}", value)
    assert set(attributes) == {"secure", "httponly", "samesite=strict", "path=/"}


@pytest.mark.spec("WEB-8")
async def test_signing_out_ends_the_session_for_the_server_too(ward: Station) -> None:
    browser = await ward.signed_in()
    session_id = browser.cookies[COOKIE]
    assert (await browser.post("/sign-out")).status_code == 204
    assert COOKIE not in browser.cookies
    kept = ward.browser(Cookie=f"{COOKIE}={session_id}")
    assert (await kept.get("/v1/session")).status_code == 401


@pytest.mark.spec("WEB-8")
def test_an_idle_session_ends_and_one_that_watches_does_not() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    idle, watching, busy = (sessions.open(Person(user)) for user in "abc")
    with sessions.watching(watching, Unlimited()):
        clock.advance(bounds.IDLE_S_MAX - 1)
        assert sessions.find(busy.id) is busy
        clock.advance(1)
        assert sessions.find(idle.id) is None
        assert sessions.find(busy.id) is busy
        assert sessions.is_live(watching)
    clock.advance(bounds.IDLE_S_MAX - 1)
    assert sessions.is_live(watching), "idle begins when the last page closes"


@pytest.mark.spec("WEB-8")
def test_a_session_ends_after_a_shift_whatever_happens_in_it() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    session = sessions.open(Person("nurse"))
    with sessions.watching(session, Unlimited()):
        clock.advance(SHIFT_S - 1)
        assert sessions.find(session.id) is session
        clock.advance(1)
        assert sessions.find(session.id) is None


@pytest.mark.spec("WEB-16")
def test_sessions_are_bounded_and_an_ended_one_makes_room() -> None:
    clock = ManualClock()
    sessions = Sessions(clock)
    for _ in range(bounds.SESSIONS_MAX):
        sessions.open(Person("nurse"))
    with pytest.raises(TooManySessions):
        sessions.open(Person("one-more"))
    clock.advance(bounds.IDLE_S_MAX)
    sessions.open(Person("one-more"))


@pytest.mark.spec("WEB-16")
async def test_who_cannot_come_in_keeps_the_link(
    ward: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await ward.signed_in()
    monkeypatch.setattr(bounds, "SESSIONS_MAX", 1)
    link = ward.link()
    second = ward.browser()
    assert (await second.get(link)).status_code == 503
    await first.post("/sign-out")
    assert (await second.get(link)).status_code == 200


@pytest.mark.spec("WEB-16")
def test_links_that_wait_are_bounded_and_old_ones_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rpm_service.adapters.web.sign_in.LINKS_MAX", 1)
    now = time.time()
    issue_link(tmp_path, "nurse", PAGE, now=now)
    with pytest.raises(TooManyLinks):
        issue_link(tmp_path, "nurse", PAGE, now=now)
    issue_link(tmp_path, "nurse", PAGE, now=now + LINK_S_MAX + 60)


# -- the command --------------------------------------------------------------------------


@pytest.mark.spec("WEB-17")
async def test_the_command_makes_a_link_beside_a_running_server(
    ward: Station, capsys: pytest.CaptureFixture[str]
) -> None:
    sign_in(ward.data, "dr.who", f"localhost:{ward.port}")
    browser = ward.browser()
    await browser.get(capsys.readouterr().out.strip())
    assert (await browser.get("/v1/session")).json()["user"] == "dr.who"


@pytest.mark.spec("WEB-17")
@pytest.mark.parametrize(
    ("user", "web", "code"),
    [
        ("", "localhost:8443", ExitCode.USAGE),
        ("a b", "localhost:8443", ExitCode.USAGE),
        ("nurse", "localhost", ExitCode.USAGE),
        ("nurse", "::1:8443", ExitCode.USAGE),
        ("nurse", "localhost:65536", ExitCode.USAGE),
    ],
)
def test_the_command_says_what_is_wrong(
    tmp_path: Path, user: str, web: str, code: ExitCode
) -> None:
    with pytest.raises(CommandError) as error:
        sign_in(tmp_path, user, web)
    assert error.value.exit_code is code


@pytest.mark.spec("WEB-17")
def test_the_command_needs_the_data_directory_of_a_server(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no data directory") as error:
        sign_in(tmp_path / "none", "nurse", "localhost:8443")
    assert error.value.exit_code is ExitCode.INPUT
