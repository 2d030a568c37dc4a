"""Acts of clinicians from the command line: `acknowledge`, `accept`, `pause` and `resume`."""

import json
import secrets
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from rpm_service.commands.address import ServerAddress
from rpm_service.commands.calling import Certs, User, call
from rpm_service.commands.errors import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import grpc.aio

    from rpm_service.v1 import alarm_pb2 as a
    from rpm_service.v1.monitoring_pb2_grpc import MonitoringServiceAsyncStub

Occurrence = Annotated[
    int,
    typer.Argument(metavar="OCCURRENCE", min=1, max=2**64 - 1, help="As `watch --json` has it."),
]
Bed = Annotated[str, typer.Argument(metavar="BED", help="Name of the bed.")]
Metric = Annotated[str, typer.Option(metavar="NAME", help="Only the alarms of this metric.")]
Condition = Annotated[str, typer.Option(metavar="NAME", help="Only this alarm, as SPO2_LOW.")]
Lasts = Annotated[float, typer.Option("--for", metavar="SECONDS", help="0: as long as is usual.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object.")]
T = TypeVar("T")


class Seen(StrEnum):
    """Priorities, as a person types them."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


def acknowledge(
    occurrence: Occurrence,
    priority: Annotated[
        Seen | None, typer.Option(help="What was seen: it does not cover more. Else as it is now.")
    ] = None,
    lasts_s: Lasts = 0,
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Acknowledge one alarm, for 10 to 120 s while it holds."""
    from rpm_service.v1 import alarm_pb2 as a
    from rpm_service.v1 import monitoring_pb2 as m

    async def act(stub: "MonitoringServiceAsyncStub") -> "a.AlarmEvent":
        if priority is None:
            standing = (await stub.ListAlarms(m.ListAlarmsRequest())).alarms
            seen = next((x.priority for x in standing if x.occurrence_id == occurrence), None)
            if seen is None:
                raise CommandError(f"no alarm {occurrence} has a signal", ExitCode.FAILED)
        else:
            seen = a.AlarmPriority.Value(f"ALARM_PRIORITY_{priority.name}")
        request = m.AcknowledgeAlarmRequest(
            occurrence_id=occurrence, priority=seen, idempotency_key=_key(), duration_s=lasts_s
        )
        return (await stub.AcknowledgeAlarm(request)).alarm

    _print_alarm(_ask(server, certs, viewer, act), as_json=as_json)


def accept(
    occurrence: Occurrence,
    reject: Annotated[bool, typer.Option("--reject", help="Say that one cannot.")] = False,
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Take responsibility for one alarm, or reject it; it sounds on either way."""
    from rpm_service.v1 import alarm_pb2 as a
    from rpm_service.v1 import monitoring_pb2 as m

    async def act(stub: "MonitoringServiceAsyncStub") -> "a.AlarmEvent":
        request = m.SetResponsibilityRequest(
            occurrence_id=occurrence,
            responsibility=a.RESPONSIBILITY_REJECTED if reject else a.RESPONSIBILITY_ACCEPTED,
            idempotency_key=_key(),
        )
        return (await stub.SetResponsibility(request)).alarm

    _print_alarm(_ask(server, certs, viewer, act), as_json=as_json)


def pause(
    bed: Bed,
    metric: Metric = "",
    condition: Condition = "",
    alarms: Annotated[
        bool, typer.Option("--alarms", help="Every signal, not the sound alone.")
    ] = False,
    off: Annotated[bool, typer.Option("--off", help="Until `resume`.")] = False,
    lasts_s: Lasts = 0,
    reason: Annotated[
        str, typer.Option(help="Why; names no patient. The sound alone is paused without one.")
    ] = "",
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Hold back the sound of a bed's alarms, or every signal of them, for a time."""
    from rpm_service.v1 import alarm_pb2 as a
    from rpm_service.v1 import monitoring_pb2 as m

    state = f"{'ALARM' if alarms else 'AUDIO'}_{'OFF' if off else 'PAUSED'}"
    request = m.InactivateAlarmsRequest(
        bed=bed,
        metric=metric,
        condition=condition,
        state=a.Inactivation.Value(f"INACTIVATION_{state}"),
        duration_s=lasts_s,
        reason=reason,
        idempotency_key=_key(),
    )

    async def act(stub: "MonitoringServiceAsyncStub") -> m.BedInactivation:
        return (await stub.InactivateAlarms(request)).inactivation

    held = _ask(server, certs, viewer, act)
    until = held.until if held.HasField("until") else None
    if as_json:
        scope = {"bed": bed, "metric": metric or None, "condition": condition or None}
        times = {"since": held.since, "until": until}
        said = {"state": state, "by": held.by, "reason": held.reason or None}
        print(json.dumps({**scope, **said, **times}))
    else:
        end = "until `rpm-service resume`" if until is None else f"until {_time(until)}"
        print(f"{bed}: {_words(state, metric, condition, end)}")


def resume(
    bed: Bed,
    metric: Metric = "",
    condition: Condition = "",
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
) -> None:
    """End all that `pause` holds back of the same bed, metric and alarm."""
    from rpm_service.v1 import monitoring_pb2 as m

    request = m.ReactivateAlarmsRequest(
        bed=bed, metric=metric, condition=condition, idempotency_key=_key()
    )

    async def act(stub: "MonitoringServiceAsyncStub") -> None:
        await stub.ReactivateAlarms(request)

    _ask(server, certs, viewer, act)
    print(f"{bed}: {_words(metric, condition) or 'everything'} signals again")


def _ask(
    server: str,
    certs: Path,
    viewer: str,
    act: "Callable[[MonitoringServiceAsyncStub], Awaitable[T]]",
) -> T:
    async def ask(channel: "grpc.aio.Channel") -> T:
        from rpm_service.v1.monitoring_pb2_grpc import MonitoringServiceStub

        return await act(MonitoringServiceStub(channel))

    return call(server, certs, viewer, ask)


def _print_alarm(event: "a.AlarmEvent", *, as_json: bool) -> None:
    from rpm_service.viewer.ward import alarm_object

    alarm: dict[str, Any] = alarm_object(event)
    if as_json:
        print(json.dumps(alarm, allow_nan=False))
        return
    said = alarm["presence"]
    if alarm["phase"] == "responsibility":
        said = f"{alarm['responsibility']} by {alarm['responsible']}"
    elif event.HasField("acknowledged_until"):
        said += f" by {alarm['acknowledged_by']} until {_time(event.acknowledged_until)}"
    print(
        f"{alarm['bed']}: {_words(alarm['condition'], alarm['metric'], alarm['priority'])}: {said}"
    )


def _words(*each: str | None) -> str:
    return " ".join(filter(None, each))


def _key() -> str:
    return secrets.token_hex(16)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC).astimezone():%H:%M:%S}"
