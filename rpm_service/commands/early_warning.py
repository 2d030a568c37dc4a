"""`rpm-service assess` and `rpm-service scores`: NEWS2 at a running server."""

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rpm_service.commands.address import ServerAddress
from rpm_service.commands.calling import Certs, User, call
from rpm_service.commands.scope import Since, scope

if TYPE_CHECKING:
    import grpc.aio

    from rpm_service.v1 import early_warning_pb2 as w

Bed = Annotated[str, typer.Argument(metavar="BED", help="Name of the bed.")]
AsJson = Annotated[bool, typer.Option("--json", help="One object a line.")]


class Acvpu(StrEnum):
    """Consciousness."""

    ALERT = "alert"
    CONFUSION = "confusion"
    VOICE = "voice"
    PAIN = "pain"
    UNRESPONSIVE = "unresponsive"


class Scale(StrEnum):
    """Scales of SpO2."""

    ONE = "1"
    TWO = "2"


def assess(
    bed: Bed,
    oxygen: Annotated[bool | None, typer.Option("--oxygen/--air", help="What is breathed.")] = None,
    consciousness: Annotated[Acvpu | None, typer.Option(help="Consciousness.")] = None,
    scale: Annotated[Scale | None, typer.Option(help="Which scale of SpO2 applies.")] = None,
    reason: Annotated[str, typer.Option(help="Why scale 2; names no patient.")] = "",
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Record what no device measures, and print the early-warning score; what is left out stays."""
    from rpm_service.v1 import early_warning_pb2 as w
    from rpm_service.v1 import early_warning_pb2_grpc
    from rpm_service.viewer.scores import in_words, score_object

    request = w.RecordAssessmentRequest(
        bed=bed,
        inspired_gas={
            None: w.INSPIRED_GAS_UNSPECIFIED,
            True: w.INSPIRED_GAS_OXYGEN,
            False: w.INSPIRED_GAS_AIR,
        }[oxygen],
        consciousness=w.Consciousness.Value(
            f"CONSCIOUSNESS_{consciousness.name if consciousness else 'UNSPECIFIED'}"
        ),
        oxygen_scale=w.OxygenScale.Value(f"OXYGEN_SCALE_{scale.name if scale else 'UNSPECIFIED'}"),
        reason=reason,
        idempotency_key=secrets.token_hex(16),
    )

    async def ask(channel: "grpc.aio.Channel") -> "w.RecordAssessmentResponse":
        return await early_warning_pb2_grpc.EarlyWarningServiceStub(channel).RecordAssessment(
            request
        )

    score = score_object(call(server, certs, viewer, ask).score)
    print(json.dumps(score, allow_nan=False) if as_json else f"{bed}: {in_words(score)}")


def scores(
    bed: Bed,
    since: Since = None,
    server: ServerAddress = "127.0.0.1:50051",
    certs: Certs = Path("certs/dev"),
    viewer: User = "viewer",
    as_json: AsJson = False,
) -> None:
    """Print the early-warning scores of whoever lies in a bed, oldest first, one for each change."""
    from rpm_service.v1 import early_warning_pb2 as w
    from rpm_service.v1 import early_warning_pb2_grpc
    from rpm_service.viewer.scores import score_object

    begin = max(0.0, scope(since, None, None, None).since)

    async def ask(channel: "grpc.aio.Channel") -> "list[w.EarlyWarningScore]":
        stub = early_warning_pb2_grpc.EarlyWarningServiceStub(channel)
        pages: list[Sequence[w.EarlyWarningScore]] = []
        oldest = inf
        while True:
            # 0 asks for the newest.
            before = 0.0 if oldest == inf else oldest
            request = w.ListEarlyWarningScoresRequest(bed=bed, since=begin, before=before)
            page = (await stub.ListEarlyWarningScores(request)).scores
            # A server that knows nothing of `before` gives the same again.
            if not page or page[0].at >= oldest:
                return [score for page in reversed(pages) for score in page]
            pages.append(page)
            oldest = page[0].at

    found = [score_object(each) for each in call(server, certs, viewer, ask)]
    for each in found:
        print(json.dumps(each, allow_nan=False) if as_json else _line(each))
    if not found and not as_json:
        print(f"{bed}: no score yet")


def _line(score: dict[str, Any]) -> str:
    from rpm_service.viewer.scores import in_words

    at = f"{datetime.fromtimestamp(score['at'], UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    points = [f"{name} {each['score']}" for name, each in score["sub_scores"].items()]
    return f"{at}  {in_words(score)}  ({', '.join(points)})"
