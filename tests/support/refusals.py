"""How a call was refused, as its status details say it."""

from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str, str]:
    """Status, field and reason of a refused call, as its details say them."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    trailing = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == (error.code().name, "rpm-service")
    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
        bad = error_details_pb2.BadRequest()
        assert status.details[1].Unpack(bad)
        (violation,) = bad.field_violations
        assert (violation.field, violation.description) == (info.metadata["field"], error.details())
    return error.code(), info.metadata["field"], error.details() or ""
