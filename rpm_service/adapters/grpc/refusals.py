"""How a call is refused: a gRPC status with google.rpc details, and nothing of our insides."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeAlias

import grpc
from google.rpc import error_details_pb2, status_pb2

DOMAIN: Final = "rpm-service"
GOODBYE_S_MAX: Final = 30.0
"""A peer that reads nothing is told so long why its call has ended."""

_log = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


async def refuse(context: Context, code: grpc.StatusCode, field: str, reason: str) -> NoReturn:
    """Ends the call with a status whose details name the field at fault."""
    status = status_pb2.Status(code=code.value[0], message=reason)
    status.details.add().Pack(
        error_details_pb2.ErrorInfo(reason=code.name, domain=DOMAIN, metadata={"field": field})
    )
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=reason)
        status.details.add().Pack(error_details_pb2.BadRequest(field_violations=[violation]))
    trailing = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, reason, trailing)


async def cut(context: Context, code: grpc.StatusCode, reason: str) -> NoReturn:
    """Ends a call whose peer may read nothing, and so not why it has ended either.

    The status waits behind what is on its way; a peer that takes neither is let go without it.
    """
    try:
        async with asyncio.timeout(GOODBYE_S_MAX):
            await context.abort(code, reason)
    except TimeoutError:
        # Nothing else makes grpcio forget a call without its status.
        raise asyncio.CancelledError from None


async def carried_out(context: Context, act: Callable[[], Awaitable[Any]]) -> Any:
    """Runs a handler. An error in it reaches the peer as a number, and the log as a traceback.

    grpcio would otherwise send the exception's text, which may hold anything.
    """
    try:
        return await act()
    except grpc.aio.AbortError:
        raise
    except Exception:  # noqa: BLE001 - the last frame of a call: logged whole, told as a number
        incident = secrets.token_hex(4)
        _log.exception("incident %s", incident)
        await context.abort(
            grpc.StatusCode.INTERNAL, f"internal error, incident {incident}; see the server's log"
        )
