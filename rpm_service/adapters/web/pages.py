"""What the browser is given: the built page with its assets, and a few words without it."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from starlette.responses import HTMLResponse, Response

from rpm_service.adapters.web.sign_in_words import WORDS
from rpm_service.application.refusals import NotBuilt

STATIC: Final = Path(__file__).parent / "static"
"""Where `npm run build` in clinician_ui/ puts the page."""

# Not the `mimetypes` module: what that answers depends on the machine, and a script of the
# wrong type is not run under nosniff.
_MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".woff2": "font/woff2",
}
_ASSET_CACHE: Final = "private, max-age=31536000, immutable"
"""An asset's name holds a hash of what is in it."""


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    media_type: str


class Pages:
    """The built page, read once: no request reaches the disk, or a path outside of it.

    Raises NotBuilt.
    """

    def __init__(self, static: Path = STATIC) -> None:
        try:
            self._index = _read(static / "index.html")
        except FileNotFoundError:
            raise NotBuilt("the page is not built: run `make ui`, or serve without --web") from None
        self._assets = {
            path.relative_to(static / "assets").as_posix(): _read(path)
            for path in sorted((static / "assets").rglob("*"))
            if path.is_file()
        }

    def index(self) -> Response:
        """The page of the central station."""
        return Response(self._index.body, media_type=self._index.media_type)

    def asset(self, name: str) -> Response | None:
        """A script, style or picture of the page, if there is one of that name."""
        file = self._assets.get(name)
        if file is None:
            return None
        headers = {"Cache-Control": _ASSET_CACHE}
        return Response(file.body, media_type=file.media_type, headers=headers)


def _read(path: Path) -> _File:
    return _File(path.read_bytes(), _MEDIA_TYPES.get(path.suffix, "application/octet-stream"))


def notice(status: int, line: str) -> HTMLResponse:
    """One line for a person, needing nothing that a stranger may not have."""
    return HTMLResponse(_document(f"<p>{escape(line)}</p>"), status)


def signed_in() -> HTMLResponse:
    """Sends a browser that was just signed in on to the page.

    This is a page of our own that goes on by itself, not a redirect: a link that was opened
    from elsewhere is a cross-site navigation, its redirects belong to it, and a SameSite=Strict
    cookie is not sent along. What this page opens is our own site's doing.
    """
    going = '<meta http-equiv="refresh" content="0; url=/">'
    on = f'<p>{WORDS.signed_in} <a href="/">{WORDS.station}</a></p>'
    return HTMLResponse(_document(on, going))


def _document(body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="{WORDS.tag}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="color-scheme" content="dark light">{head}'
        f"<title>{WORDS.station}</title></head><body>{body}</body></html>"
    )
