"""What a person is shown before they are known comes from one catalogue."""

import re
from dataclasses import fields
from html import unescape
from pathlib import Path

import pytest

from rpm_service.adapters.web import accounts, pages, sign_in, sign_in_page
from rpm_service.adapters.web.accounts import LocalAccounts, Password
from rpm_service.adapters.web.passwords import Checker
from rpm_service.adapters.web.sign_in_page import Front
from rpm_service.adapters.web.sign_in_words import ENGLISH, Words
from rpm_service.application.ways_in import SignInRefused
from tests.adapters.web.station import QUICK
from tests.support.manual_clock import ManualClock

BRACKETED = Words(**{each.name: f"[{getattr(ENGLISH, each.name)}]" for each in fields(Words)})
"""A language that nobody speaks: whatever is said outside of brackets is not of the catalogue."""
SAYING = (accounts, pages, sign_in, sign_in_page)


def outside(page: bytes | memoryview) -> str:
    """The words that a page says outside of brackets, its title too."""
    said = unescape(re.sub(r"<[^>]*>", "\n", bytes(page).decode()))
    return re.sub(r"\[[^\]]*\]", "", said).replace("·", "").strip()


@pytest.fixture(autouse=True)
def bracketed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in SAYING:
        monkeypatch.setattr(module, "WORDS", BRACKETED)


@pytest.mark.spec("SIGNIN-27")
@pytest.mark.parametrize("has_accounts", [True, False])
@pytest.mark.parametrize("provider", ["7", None])
def test_every_word_of_the_form_is_of_the_catalogue(
    has_accounts: bool, provider: str | None
) -> None:
    page = Front(lambda: has_accounts, provider).page(200).body
    assert outside(page) == ""
    assert f'<html lang="{BRACKETED.tag}">'.encode() in page


@pytest.mark.spec("SIGNIN-27")
def test_every_word_on_the_way_in_is_of_the_catalogue() -> None:
    assert outside(pages.signed_in().body) == ""
    assert outside(pages.notice(403, BRACKETED.link_used).body) == ""


@pytest.mark.spec("SIGNIN-27")
async def test_every_word_of_a_refused_password_is_of_the_catalogue(tmp_path: Path) -> None:
    known = LocalAccounts(tmp_path, ManualClock(), Checker(QUICK))
    lines = []
    for _ in range(4):
        with pytest.raises(SignInRefused) as refused:
            await known.person(Password("nobody", "wrong", "127.0.0.1"))
        lines.append(refused.value.line)
    assert set(lines) == {
        BRACKETED.wrong,
        BRACKETED.too_many_tries.format(time=BRACKETED.seconds.format(number=1)),
    }
