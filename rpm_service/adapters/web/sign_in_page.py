"""The page that signs people in: a form without a script, for whoever is not known yet."""

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, Response

from rpm_service.adapters.web.sign_in_words import WORDS

POLICY: Final = (
    "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
"""Stricter than the page's, but for the form, which goes to this server alone."""
STYLE: Final = (Path(__file__).parent / "sign_in.css").read_bytes()


class Front:
    """What a stranger is shown.

    `has_accounts` tells whether anybody has a local account; `provider` names the identity
    provider, where there is one.
    """

    def __init__(self, has_accounts: Callable[[], bool], provider: str | None) -> None:
        self._has_accounts = has_accounts
        self._provider = provider

    def page(self, status: int, line: str = "", name: str = "") -> Response:
        """The ways to sign in that there are, what went wrong, and the name as it was typed."""
        parts = [f"<h1>{WORDS.station}</h1>"]
        if line:
            parts.append(f'<p class="wrong" role="alert">{escape(line)}</p>')
        if self._has_accounts():
            parts.append(_form(name))
        if self._provider is not None:
            words = WORDS.sign_in_with.format(provider=self._provider)
            parts.append(f'<a class="provider" href="/sign-in/oidc">{escape(words)}</a>')
        only_link = len(parts) == 1 + bool(line)
        by_link = WORDS.only_by_link if only_link else WORDS.or_by_link
        parts.append(f'<p class="small">{by_link}</p>')
        # Not `no-referrer`, with which a browser says that its form comes from nowhere.
        headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"}
        return HTMLResponse(_document("".join(parts)), status, headers)


def style() -> Response:
    """The style of the page."""
    return Response(STYLE, media_type="text/css; charset=utf-8")


def _form(name: str) -> str:
    # Whoever comes for the first time types the name, whoever was wrong the password.
    on_name, on_password = ("", " autofocus") if name else (" autofocus", "")
    return (
        '<form method="post" action="/sign-in">'
        f'<label for="user">{WORDS.asks_name}</label>'
        f'<input id="user" name="user" value="{escape(name)}" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" maxlength="63" required{on_name}>'
        f'<label for="password">{WORDS.asks_proof}</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" '
        f"required{on_password}>"
        f"<button>{WORDS.sign_in}</button></form>"
    )


def _document(body: str) -> str:
    return (
        f'<!doctype html><html lang="{WORDS.tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="dark light">'
        '<link rel="stylesheet" href="/sign-in.css">'
        f"<title>{WORDS.sign_in} · {WORDS.station}</title></head><body><main>{body}</main></body></html>"
    )
