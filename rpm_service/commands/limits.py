"""`rpm-service limits`: the alarm limits of one patient, shown, set, cleared and proposed."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rpm_service.commands.address import ServerAddress
from rpm_service.commands.calling import Certs, User, call
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.domain.metrics import named

if TYPE_CHECKING:
    import grpc.aio

    from rpm_service.v1 import alarm_limits_pb2 as li
    from rpm_service.v1 import monitoring_pb2 as m
    from rpm_service.v1 import telemetry_pb2 as t

limits_app = typer.Typer(
    no_args_is_help=True, help="Show, set, clear and propose the alarm limits of one patient."
)

Bed = Annotated[str, typer.Argument(metavar="BED", help="Name of the bed.")]
MetricName = Annotated[str, typer.Argument(metavar="METRIC", help="HR, SpO2, RR, ...")]
Limit = Annotated[float | None, typer.Option(metavar="VALUE", help="In the metric's unit.")]
Seconds = Annotated[float | None, typer.Option(metavar="SECONDS", help="0 to 30, and as bounded.")]
AsJson = Annotated[bool, typer.Option("--json", help="One object a line.")]

SERVER: Final = "127.0.0.1:50051"
CERTS: Final = Path("certs/dev")
LADDER: Final = ("extreme_low", "low", "high", "extreme_high")
OTHERS: Final = ("delay_s", "extreme_delay_s", "hysteresis", "hold_s", "latching")


@limits_app.command("show")
def show_limits(
    bed: Bed,
    server: ServerAddress = SERVER,
    certs: Certs = CERTS,
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Show the alarm limits in force at a bed, and which of them are the patient's own."""
    for metric in call(server, certs, viewer, lambda channel: _metrics(channel, bed)):
        override = metric.override if metric.HasField("override") else None
        limits = metric.limits if metric.HasField("limits") else None
        _print(_in_force(bed, metric.name, limits, override), as_json=as_json)


@limits_app.command("set")
def set_limits(
    bed: Bed,
    metric: MetricName,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; names no patient.")],
    low: Limit = None,
    high: Limit = None,
    extreme_low: Limit = None,
    extreme_high: Limit = None,
    delay: Seconds = None,
    extreme_delay: Seconds = None,
    hysteresis: Limit = None,
    hold: Annotated[float | None, typer.Option(metavar="SECONDS", help="0 to 60.")] = None,
    latching: Annotated[
        bool | None, typer.Option("--latching/--no-latching", help="Until somebody resets it.")
    ] = None,
    lasts_s: Annotated[
        float, typer.Option("--for", metavar="SECONDS", help="60 to 86400; else 43200.")
    ] = 0,
    server: ServerAddress = SERVER,
    certs: Certs = CERTS,
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Set limits of one metric for this patient; what is left out stays as it is in force."""
    from rpm_service.v1 import alarm_limits_pb2 as li
    from rpm_service.v1.alarm_limits_pb2_grpc import AlarmLimitsServiceStub

    given = {
        "low": low,
        "high": high,
        "extreme_low": extreme_low,
        "extreme_high": extreme_high,
        "delay_s": delay,
        "extreme_delay_s": extreme_delay,
        "hysteresis": hysteresis,
        "hold_s": hold,
        "latching": latching,
    }
    if all(value is None for value in given.values()):
        raise CommandError("say what to set: --low, --high, ... see --help", ExitCode.USAGE)

    async def ask(channel: "grpc.aio.Channel") -> "li.SetAlarmLimitsResponse":
        limits = _found(await _metrics(channel, bed), metric)
        for name, value in given.items():
            if value is not None:
                setattr(limits, name, value)
        request = li.SetAlarmLimitsRequest(
            bed=bed, limits=limits, reason=reason, duration_s=lasts_s, idempotency_key=_key()
        )
        return await AlarmLimitsServiceStub(channel).SetAlarmLimits(request)

    answer = call(server, certs, viewer, ask)
    said = _in_force(bed, answer.limits.metric, answer.limits, answer.override)
    _print(said, as_json=as_json)


@limits_app.command("clear")
def clear_limits(
    bed: Bed,
    metric: MetricName,
    server: ServerAddress = SERVER,
    certs: Certs = CERTS,
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Put the preset into force again."""
    from rpm_service.v1 import alarm_limits_pb2 as li
    from rpm_service.v1.alarm_limits_pb2_grpc import AlarmLimitsServiceStub

    name = _name(metric)
    request = li.ClearAlarmLimitsRequest(bed=bed, metric=name, idempotency_key=_key())

    async def ask(channel: "grpc.aio.Channel") -> "li.ClearAlarmLimitsResponse":
        return await AlarmLimitsServiceStub(channel).ClearAlarmLimits(request)

    answer = call(server, certs, viewer, ask)
    limits = answer.limits if answer.HasField("limits") else None
    _print(_in_force(bed, name, limits, None), as_json=as_json)


@limits_app.command("propose")
def propose_limits(
    bed: Bed,
    server: ServerAddress = SERVER,
    certs: Certs = CERTS,
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Propose limits around the values of now. None is set: `limits set` does that."""
    from rpm_service.v1 import alarm_limits_pb2 as li
    from rpm_service.v1.alarm_limits_pb2_grpc import AlarmLimitsServiceStub

    async def ask(channel: "grpc.aio.Channel") -> "li.ProposeAlarmLimitsResponse":
        request = li.ProposeAlarmLimitsRequest(bed=bed)
        return await AlarmLimitsServiceStub(channel).ProposeAlarmLimits(request)

    for each in call(server, certs, viewer, ask).proposals:
        metric, limits = each.limits.metric, _object(each.limits)
        if as_json:
            print(json.dumps({"bed": bed, "metric": metric, "limits": limits, "value": each.value}))
        else:
            print(f"{bed} {metric}: {_words(limits)}; now {each.value:g}")


# -- what is in force ---------------------------------------------------------------------


async def _metrics(channel: "grpc.aio.Channel", bed: str) -> "list[m.MetricDescription]":
    """What is measured at a bed, as a viewer sees it. Raises CommandError."""
    from rpm_service.v1 import monitoring_pb2 as m
    from rpm_service.v1.monitoring_pb2_grpc import MonitoringServiceStub

    watching = MonitoringServiceStub(channel).Watch()
    await watching.write(m.WatchRequest(subscribe=m.Subscribe(beds=[bed])))
    async for frame in watching:
        if frame.HasField("snapshot"):
            watching.cancel()
            if not frame.snapshot.beds:
                raise CommandError(f"nothing measures at {bed!r}", ExitCode.FAILED)
            return list(frame.snapshot.beds[0].metrics)
        if frame.HasField("closing"):
            raise CommandError(f"the server refused: {frame.closing.reason}", ExitCode.UNREACHABLE)
    raise CommandError("the server ended the stream", ExitCode.UNREACHABLE)


def _found(metrics: "list[m.MetricDescription]", name: str) -> "t.MetricLimits":
    """The limits in force for a metric; none where it is not measured at this time."""
    from rpm_service.v1 import telemetry_pb2 as t

    wanted = _name(name)
    limits = t.MetricLimits()
    for metric in metrics:
        if metric.name == wanted:
            limits.CopyFrom(metric.limits)
    limits.metric = wanted
    return limits


def _name(text: str) -> str:
    """A metric's name as the service has it: any case will do."""
    metric = named(text)
    return metric.name if metric else text


def _in_force(
    bed: str, metric: str, limits: "t.MetricLimits | None", override: "m.LimitOverride | None"
) -> dict[str, Any]:
    return {
        "bed": bed,
        "metric": metric,
        "limits": None if limits is None else _object(limits),
        "override": None
        if override is None
        else {
            "by": override.by,
            "since": override.since,
            "until": override.until,
            "reason": override.reason,
        },
    }


def _object(limits: "t.MetricLimits") -> dict[str, Any]:
    ladder = {name: getattr(limits, name) if limits.HasField(name) else None for name in LADDER}
    return {**ladder, **{name: getattr(limits, name) for name in OTHERS}}


def _print(said: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(said, allow_nan=False))
        return
    line = f"{said['bed']} {said['metric']}: "
    line += _words(said["limits"]) if said["limits"] else "no limits"
    if override := said["override"]:
        until = datetime.fromtimestamp(override["until"], UTC).astimezone()
        line += f"; {override['by']} until {until:%Y-%m-%d %H:%M}: {override['reason']}"
    print(line)


def _words(limits: dict[str, Any]) -> str:
    words = [f"{name} {limits[name]:g}" for name in LADDER if limits[name] is not None]
    words += [f"{name} {limits[name]:g}" for name in OTHERS[:-1] if limits[name]]
    return ", ".join(words + ["latching"] * limits["latching"])


def _key() -> str:
    return secrets.token_hex(16)
