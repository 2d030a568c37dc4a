"""`rpm-service assess` and `rpm-service scores`: NEWS2 at a running server."""

import json
import secrets
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpm_service.commands.address import ServerAddress
from rpm_service.commands.calling import Certs, User, call

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
