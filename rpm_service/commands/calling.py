"""One call to a running server, and what is said when it does not come about."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import grpc
import grpc.aio
import typer

from rpm_service.application.identity import Role
from rpm_service.commands.address import address, unreachable
from rpm_service.commands.errors import CommandError, ExitCode
from rpm_service.commands.streaming import credentials_of
from rpm_service.sdk.channel import open_channel

CALL_S: Final = 10.0
"""A server that has not answered within this time is not reached."""

Certs = Annotated[Path, typer.Option("--certs", metavar="DIR", help="Certificates.")]
User = Annotated[
    str, typer.Option("--viewer", metavar="NAME", help="Who acts: whose certificate to use.")
]

T = TypeVar("T")
_UNREACHABLE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_NOT_LET_IN: Final = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def call(server: str, certs: Path, user: str, ask: Callable[[grpc.aio.Channel], Awaitable[T]]) -> T:
    """Makes one call as a user; `ask` gets the channel. Raises CommandError."""
    credentials = credentials_of(certs, Role.USER, user)

    async def asked() -> T:
        async with open_channel(address(server), credentials) as channel:
            async with asyncio.timeout(CALL_S):
                return await ask(channel)

    try:
        return asyncio.run(asked())
    except TimeoutError:
        raise unreachable(server, f"no answer within {CALL_S:g} s") from None
    except grpc.aio.AioRpcError as error:
        raise _refused(server, error) from None


def _refused(server: str, error: grpc.aio.AioRpcError) -> CommandError:
    code, details = error.code(), error.details() or ""
    if code in _UNREACHABLE:
        # What stands before these words holds for every failure.
        return unreachable(server, details.rpartition("last error: ")[2])
    exit_code = ExitCode.UNREACHABLE if code in _NOT_LET_IN else ExitCode.FAILED
    return CommandError(f"the server refused: {details}", exit_code)
