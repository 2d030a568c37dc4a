"""Reads the file of units: what each unit of care has decided, and its care groups.

What a file does not say is as it is built in, for every unit alone: nothing is inherited from
one unit by another. docs/units.example.toml shows every field.
"""

import os
import ssl
import stat
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from rpm_service.adapters.units.table import Table, UnitsRefused
from rpm_service.application.units import (
    DEFAULT_ESCALATION,
    EscalationLevel,
    Unit,
    Units,
    Webhook,
)
from rpm_service.domain.limits import (
    SIGNAL_DELAY_S_MAX,
    AgeClass,
    AlarmSettings,
    Bounds,
    LimitsRefused,
    MetricLimits,
    RateOfChange,
    known_metric,
)
from rpm_service.domain.presets import PRESETS

NAME: Final = "units.toml"
"""The file that is read where none was given and the data directory has one."""
FILE_BYTES_MAX: Final = 1_048_576
UNITS_MAX: Final = 256
UNIT_NAME_MAX: Final = 32
CARE_GROUPS_MAX: Final = 32
"""In one unit. A bed is described with all of its own."""
CARE_GROUP_NAME_MAX: Final = 32
CARE_GROUP_BEDS_MAX: Final = 256
BED_NAME_MAX: Final = 32
METRICS_MAX: Final = 64
LEVELS_MAX: Final = 8
AFTER_S: Final = (1.0, 600.0)
"""When a level of escalation may come: nobody answers sooner, and later is too late."""
VIEWERS_MAX: Final = 64
VIEWER_NAME_MAX: Final = 64
URL_MAX: Final = 2048
PATH_MAX: Final = 255
SECRET_BYTES: Final = (32, 4096)
"""A shorter key can be guessed."""
DIGEST_DIGITS: Final = 16


def units_in(data: Path, file: Path | None) -> Units:
    """Reads the file that was given, or else that of the data directory where it has one."""
    if file is not None:
        return read_units(file)
    own = data / NAME
    return read_units(own) if own.exists() else Units()


def read_units(file: Path) -> Units:
    """Reads a file of units. Raises UnitsRefused."""
    content = _content(file, FILE_BYTES_MAX)
    try:
        values = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UnitsRefused(f"{file}: {error}") from error
    whole = Table(file, "", values)
    other = _unit("", whole.table("other"))
    units = {}
    for name, table in whole.tables("units", UNITS_MAX):
        if not 1 <= len(name) <= UNIT_NAME_MAX or not name.isprintable():
            whole.refuse(
                f"units.{name}", f"a unit has a name of 1 to {UNIT_NAME_MAX} printable characters"
            )
        units[name] = _unit(name, table)
    whole.end()
    return Units(units, other, sha256(content).hexdigest()[:DIGEST_DIGITS])


def _content(file: Path, most: int) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise UnitsRefused(f"{file} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise UnitsRefused(f"{file} has more than {most} bytes")
    return content


def _unit(name: str, table: Table) -> Unit:
    unit = Unit(
        name,
        _presets(table.table("presets")),
        _escalation(table) if table.has("escalation") else DEFAULT_ESCALATION,
        _webhook(table.table("webhook")) if table.has("webhook") else None,
        table.flag("covers", otherwise=True),
        _care_groups(table) if name else {},
    )
    table.end()
    return unit


def _care_groups(table: Table) -> Mapping[str, frozenset[str]]:
    groups = table.table("care_groups")
    if len(groups.values) > CARE_GROUPS_MAX:
        table.refuse("care_groups", f"must be at most {CARE_GROUPS_MAX}")
    for name in groups.values:
        if not 1 <= len(name) <= CARE_GROUP_NAME_MAX or not name.isprintable():
            most = CARE_GROUP_NAME_MAX
            groups.refuse(name, f"a care group has a name of 1 to {most} printable characters")
    return {
        name: frozenset(groups.texts(name, BED_NAME_MAX, CARE_GROUP_BEDS_MAX))
        for name in groups.values
    }


# -- who is called ------------------------------------------------------------------------


def _escalation(table: Table) -> tuple[EscalationLevel, ...]:
    levels: list[EscalationLevel] = []
    for each in table.list_of_tables("escalation", LEVELS_MAX):
        if not each.has("after_s"):
            each.refuse("after_s", "say after how many seconds")
        after_s = each.number_within("after_s", *AFTER_S, otherwise=0)
        if levels and after_s <= levels[-1].after_s:
            each.refuse("after_s", f"{after_s:g} is not after the level before it")
        viewers = frozenset(each.texts("viewers", VIEWER_NAME_MAX, VIEWERS_MAX))
        levels.append(EscalationLevel(after_s, viewers, each.flag("webhook", otherwise=True)))
        each.end()
    return tuple(levels)


def _webhook(table: Table) -> Webhook:
    url = table.text("url", URL_MAX)
    try:
        parts = urlsplit(url)
        usable = parts.hostname and parts.port != 0
    except ValueError:
        table.refuse("url", "is no address")
    if parts.scheme != "https" or not usable:
        table.refuse("url", "must be https://HOST/...")
    if parts.username is not None or parts.fragment:
        table.refuse("url", "must have neither a user nor a fragment")
    secret = _secret(table)
    ca_file = _authorities(table) if table.has("ca_file") else None
    table.end()
    return Webhook(url, secret, ca_file)


def _secret(table: Table) -> bytes:
    """The key that bodies are signed with: in a file of its own, for its owner's eyes only."""
    file = table.file.parent / table.text("secret_file", PATH_MAX)
    least, most = SECRET_BYTES
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            secret = opened.read(most + 1).strip()
    except OSError as error:
        table.refuse("secret_file", f"{file} cannot be read: {error.strerror}")
    if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
        table.refuse("secret_file", f"{file} is open to others: chmod 600 it")
    if not least <= len(secret) <= most:
        table.refuse("secret_file", f"{file} must hold {least} to {most} bytes")
    return secret


def _authorities(table: Table) -> Path:
    file = table.file.parent / table.text("ca_file", PATH_MAX)
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        # What is no certificate is an OSError too, with less to read in it.
        reason = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        table.refuse("ca_file", f"{file}: {reason}")
    return file


# -- presets ------------------------------------------------------------------------------


def _presets(table: Table) -> Mapping[AgeClass, AlarmSettings]:
    presets = {
        age_class: _preset(table.table(age_class.value), PRESETS[age_class])
        for age_class in AgeClass
    }
    table.end()
    return presets


def _preset(table: Table, base: AlarmSettings) -> AlarmSettings:
    if table.has("latching"):
        base = base.with_latching(latching=table.flag("latching", otherwise=False))
    limits, bounds = dict(base.limits), dict(base.bounds)
    for metric, each in table.tables("limits", METRICS_MAX):
        known = known_metric(metric)
        if known is None:
            table.refuse(f"limits.{metric}", "is no metric that this service knows")
        limits[metric] = _limits(each, base.limits_of(metric, known.name) or MetricLimits())
    for metric, each in table.tables("bounds", METRICS_MAX):
        known = known_metric(metric)
        if known is None:
            table.refuse(f"bounds.{metric}", "is no metric that this service knows")
        span = (known.low, known.high)
        bounds[metric] = _bounds(each, base.bounds_of(metric, known.name) or Bounds(span, span))
    settings = AlarmSettings(
        limits,
        table.number_within("signal_delay_s", 0, SIGNAL_DELAY_S_MAX, base.signal_delay_s),
        standstill=table.flag("standstill", otherwise=base.standstill),
        combined=table.flag("combined", otherwise=base.combined),
        bounds=bounds,
    )
    table.end()
    try:
        settings.check_preset()
    except LimitsRefused as refused:
        table.refuse(f"limits.{refused.field}", refused.reason)
    return settings


def _limits(table: Table, base: MetricLimits) -> MetricLimits:
    limits = MetricLimits(
        table.number_or_none("low", base.low),
        table.number_or_none("high", base.high),
        table.number_or_none("extreme_low", base.extreme_low),
        table.number_or_none("extreme_high", base.extreme_high),
        table.number("delay_s", base.delay_s),
        table.number("extreme_delay_s", base.extreme_delay_s),
        table.number("hysteresis", base.hysteresis),
        table.number("hold_s", base.hold_s),
        table.flag("latching", otherwise=base.latching),
        _rate(table, base.rate),
    )
    table.end()
    return limits


def _rate(table: Table, base: RateOfChange | None) -> RateOfChange | None:
    if not table.has("rate"):
        return base
    inner = table.table("rate")
    for name in ("change", "window_s"):
        if not inner.has(name):
            inner.refuse(name, "say by how much, and within how many seconds")
    rate = RateOfChange(inner.number("change", 0), inner.number("window_s", 0))
    inner.end()
    return rate


def _bounds(table: Table, base: Bounds) -> Bounds:
    bounds = Bounds(
        table.pair("low", base.low),
        table.pair("high", base.high),
        table.number("delay_s_max", base.delay_s_max),
        table.number("extreme_delay_s_max", base.extreme_delay_s_max),
    )
    table.end()
    return bounds
