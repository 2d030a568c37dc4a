"""Frames of the live feed as JSON, for those who listen without protobuf.

The words are those of the contract: names as in the .proto files, enumerations by name, 64-bit
integers as strings, bytes as base64, and NaN (no value) as the string "NaN". A field without
presence is always there, so that 0 is a 0; one with presence that is not there is missing.
"""

import asyncio
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.json_format import MessageToJson

from rpm_service.v1 import monitoring_pb2

FRAMES_KEPT: Final = 16
"""Newest frames whose JSON is kept: listeners of the same view get the same bytes from the feed,
and all of them are served from one encoding."""
SHORT_BYTES: Final = 4 * 1024
"""A longer frame is put into JSON beside the event loop."""


class JsonFrame(NamedTuple):
    """One frame: its kind, its message, and where a listener is after it, if that is known."""

    kind: str
    """As in WatchResponse: snapshot, delta, progress or closing."""
    data: str
    """The message of that kind, in one line of JSON."""
    run: str
    """Of a snapshot; empty in others."""
    revision: int


def closing(reason: str) -> JsonFrame:
    """A goodbye that is not the feed's own."""
    frame = monitoring_pb2.WatchResponse(closing=monitoring_pb2.Closing(reason=reason))
    return _encoded(frame.SerializeToString())


async def as_json(frame: bytes) -> JsonFrame:
    """Puts a WatchResponse into JSON, once for everybody who gets these bytes."""
    if len(frame) <= SHORT_BYTES:
        return _encoded(frame)
    return await asyncio.to_thread(_encoded, frame)


@lru_cache(FRAMES_KEPT)
def _encoded(frame: bytes) -> JsonFrame:
    response = monitoring_pb2.WatchResponse.FromString(frame)
    kind = response.WhichOneof("frame")
    assert kind is not None, "the feed gives frames that the contract knows"
    message = getattr(response, kind)
    data = MessageToJson(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
        indent=None,
    )
    run = response.snapshot.run if kind == "snapshot" else ""
    return JsonFrame(kind, data, run, 0 if kind == "closing" else message.revision)
