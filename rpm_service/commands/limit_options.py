"""Options that say which alarm limits to try, and the settings that come of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final

import typer

from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.domain.limits import AlarmSettings, LimitsRefused, MetricLimits, RateOfChange
from rpm_service.domain.metrics import METRICS, named

SIDES: Final = ("low", "high")
TIERS: Final = (*SIDES, "extreme_low", "extreme_high")

Limit = Annotated[
    list[str] | None,
    typer.Option("--limit", metavar="METRIC.low|high=VALUE", help="An alarm limit; repeatable."),
]
Delay = Annotated[
    list[str] | None,
    typer.Option("--delay", metavar="METRIC=SECONDS", help="How long a violation must last."),
]
Hysteresis = Annotated[
    list[str] | None,
    typer.Option("--hysteresis", metavar="METRIC=VALUE", help="How far back ends an alarm."),
]
Hold = Annotated[
    list[str] | None,
    typer.Option("--hold", metavar="METRIC=SECONDS", help="How long back ends an alarm."),
]
Rate = Annotated[
    list[str] | None,
    typer.Option(
        "--rate",
        metavar="METRIC=CHANGE/SECONDS",
        help="How far a value may fall or rise within a time; repeatable.",
    ),
]
Combined = Annotated[
    bool, typer.Option("--combined", help="Warnings on two vitals at once are an alarm.")
]  # fmt: skip
Latching = Annotated[
    str | None,
    typer.Option("--latching", metavar="on|off", help="Whether alarms stay until reset."),
]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be changed, by metric and field of its limits.

    Latching is of all, or as it is; the combined condition is put in force, or is as it is.
    """

    fields: Mapping[str, Mapping[str, Any]]
    latching: bool | None = None
    combined: bool = False

    @classmethod
    def parsed(
        cls,
        limit: Sequence[str] | None,
        delay: Sequence[str] | None,
        hysteresis: Sequence[str] | None,
        hold: Sequence[str] | None,
        latching: str | None,
        *,
        rate: Sequence[str] | None = None,
        combined: bool = False,
        sides: Sequence[str] = SIDES,
    ) -> "Changes":
        """Reads options. Raises CommandError."""
        fields: dict[str, dict[str, Any]] = {}
        for text in limit or ():
            metric, side, value = _limit(text, sides)
            fields.setdefault(metric, {})[side] = value
        for option, texts, names in (
            ("--delay", delay, ("delay_s", "extreme_delay_s")),
            ("--hysteresis", hysteresis, ("hysteresis",)),
            ("--hold", hold, ("hold_s",)),
        ):
            for text in texts or ():
                metric, value = _assignment(option, text)
                fields.setdefault(metric, {}).update(dict.fromkeys(names, value))
        for text in rate or ():
            metric, found = _rate(text)
            fields.setdefault(metric, {})["rate"] = found
        if latching not in (None, "on", "off"):
            raise _usage(f"--latching {latching}: on or off")
        return cls(fields, None if latching is None else latching == "on", combined)

    def made_to(self, base: AlarmSettings, *, only: bool) -> AlarmSettings:
        """The settings with the changes; `only`: nothing else is in force. Raises CommandError."""
        settings = AlarmSettings() if only else base
        limits = dict(settings.limits)
        for metric, fields in self.fields.items():
            if metric not in limits and not any(name in (*TIERS, "rate") for name in fields):
                raise _usage(f"{metric} has no limit in force: give one with --limit")
            limits[metric] = replace(limits.get(metric, MetricLimits()), **fields)
        settings = replace(settings, limits=limits)
        if self.combined:
            settings = replace(settings, combined=True)
        if self.latching is not None:
            settings = settings.with_latching(latching=self.latching)
        try:
            settings.check()
        except LimitsRefused as refusal:
            raise _usage(str(refusal)) from refusal
        return settings


def _limit(text: str, sides: Sequence[str]) -> tuple[str, str, float]:
    target, _, value = text.partition("=")
    name, _, side = target.rpartition(".")
    if side not in sides or not name:
        written = " or ".join(f"METRIC.{side}=VALUE" for side in sides)
        raise _usage(f"--limit {text}: write {written}")
    return _metric(name), side, _number("--limit", text, value)


def _rate(text: str) -> tuple[str, RateOfChange]:
    name, equals, value = text.partition("=")
    change, per, window_s = value.partition("/")
    if not equals or not per:
        raise _usage(f"--rate {text}: write METRIC=CHANGE/SECONDS")
    numbers = (_number("--rate", text, each) for each in (change, window_s))
    return _metric(name), RateOfChange(*numbers)


def _assignment(option: str, text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise _usage(f"{option} {text}: write METRIC=VALUE")
    return _metric(name), _number(option, text, value)


def _metric(name: str) -> str:
    metric = named(name)
    if metric is None:
        known = ", ".join(each.name for each in METRICS)
        raise _usage(f"unknown metric {name!r}: use one of {known}")
    return metric.name


def _number(option: str, text: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _usage(f"{option} {text}: {value!r} is not a number") from None


def _usage(message: str) -> CommandError:
    return CommandError(message, ExitCode.USAGE)
