"""The file that says which identity provider signs people in, and what its groups may do."""

import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from rpm_service.application.access import Part, Rights
from rpm_service.application.refusals import CannotStart

RETURN: Final = "/sign-in/oidc/return"
"""Where the provider sends browsers back to."""
FILE_BYTES_MAX: Final = 64 * 1024
_KEYS: Final = {
    "issuer", "client_id", "client_secret_file", "redirect_uri", "name", "ca_file", "scopes",
    "claims", "rights",
}  # fmt: skip
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}")


class OidcRefused(CannotStart):
    """The file is not as it should be; one line names the key and what is wrong with it."""


class _Wrong(Exception):
    """What is wrong, without the name of the file."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An identity provider. `name` is what people call it."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    name: str
    ca_file: Path | None
    scopes: tuple[str, ...]
    user_claim: str
    groups_claim: str
    rights: Mapping[str, Rights]
    """By group."""

    def user_of(self, claims: Mapping[str, Any]) -> str | None:
        """The name that acts bear; None where the claim is none."""
        user = claims.get(self.user_claim)
        return user if isinstance(user, str) and _USER.fullmatch(user) else None

    def rights_of(self, claims: Mapping[str, Any]) -> Rights | None:
        """What all the groups of somebody give together; None where none gives anything."""
        groups = claims.get(self.groups_claim)
        if not isinstance(groups, list):
            groups = [groups]
        mine = {each for each in groups if isinstance(each, str)}
        given = [rights for group, rights in self.rights.items() if group in mine]
        # Who may act does not lose it by also being allowed to look.
        acting = [each for each in given if each.may_act]
        return _together(acting or given)


def _together(given: Iterable[Rights]) -> Rights | None:
    found: Rights | None = None
    for each in given:
        if found is None:
            found = each
        else:
            everything = not found.units or not each.units
            units = frozenset[str]() if everything else found.units | each.units
            found = Rights(found.role, units)
    return found


def read(path: Path, origins: Iterable[str]) -> OidcSettings:
    """Reads the file. `origins` are the page's own. Raises OidcRefused."""
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise _refused(path, f"more than {FILE_BYTES_MAX} bytes")
        known = tomllib.loads(text.decode())
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _refused(path, f"is not TOML: {error}") from error
    try:
        return _settings(path, known, frozenset(origins))
    except _Wrong as error:
        raise _refused(path, str(error)) from error


def _settings(path: Path, known: Mapping[str, Any], origins: frozenset[str]) -> OidcSettings:
    _only(known, _KEYS, "")
    claims = _table(known, "claims")
    _only(claims, {"user", "groups"}, "claims.")
    issuer = _https(known, "issuer")
    redirect_uri = _https(known, "redirect_uri")
    if redirect_uri not in {origin + RETURN for origin in origins}:
        first = min(origins, default="https://HOST:PORT")
        raise _Wrong(f"redirect_uri must be the page's own, such as {first}{RETURN}")
    scopes = known.get("scopes", ["openid", "profile"])
    if not _are_words(scopes) or "openid" not in scopes:
        raise _Wrong('scopes must be a list of words with "openid" among them')
    ca_file = path.parent / _text(known, "ca_file") if "ca_file" in known else None
    return OidcSettings(
        issuer=issuer,
        client_id=_text(known, "client_id"),
        client_secret=_secret(path.parent / _text(known, "client_secret_file")),
        redirect_uri=redirect_uri,
        name=_text(known, "name"),
        ca_file=ca_file,
        scopes=tuple(scopes),
        user_claim=_text(claims, "user", "preferred_username", "claims."),
        groups_claim=_text(claims, "groups", "groups", "claims."),
        rights=_rights(known.get("rights")),
    )


def _rights(listed: object) -> Mapping[str, Rights]:
    if not isinstance(listed, list) or not listed:
        raise _Wrong("rights must say for at least one group what it may do")
    found: dict[str, Rights] = {}
    for place, each in enumerate(listed):
        where = f"rights[{place}]."
        if not isinstance(each, dict):
            raise _Wrong(f"rights[{place}] must be a table")
        _only(each, {"group", "role", "units"}, where)
        group = _text(each, "group", None, where)
        if group in found:
            raise _Wrong(f"{where}group: {group!r} is there twice")
        role = _text(each, "role", None, where)
        if role not in set(Part):
            raise _Wrong(f"{where}role must be {' or '.join(Part)}")
        units = each.get("units", [])
        if not _are_words(units):
            raise _Wrong(f"{where}units must be a list of names")
        found[group] = Rights(Part(role), frozenset(units))
    return found


def _secret(path: Path) -> str:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise _Wrong(f"client_secret_file {path} cannot be read: {error}") from error
    if mode & 0o077:
        raise _Wrong(f"client_secret_file {path} can be read by others: run `chmod 600 {path}`")
    if not text:
        raise _Wrong(f"client_secret_file {path} is empty")
    return text


def _only(known: Mapping[str, Any], keys: set[str], where: str) -> None:
    unknown = sorted(set(known) - keys)
    if unknown:
        raise _Wrong(f"{where}{unknown[0]} is not known; there are {', '.join(sorted(keys))}")


def _table(known: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = known.get(key, {})
    if not isinstance(value, dict):
        raise _Wrong(f"{key} must be a table")
    return value


def _text(known: Mapping[str, Any], key: str, usual: str | None = None, where: str = "") -> str:
    value = known.get(key, usual)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _Wrong(f"{where}{key} must be a text")
    return value


def _https(known: Mapping[str, Any], key: str) -> str:
    address = _text(known, key)
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise _Wrong(f"{key} must be an https address")
    return address


def _are_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)


def _refused(path: Path, reason: str) -> OidcRefused:
    return OidcRefused(f"{path}: {reason}")
