"""How far the numbers of a stream are dealt with, in the plain case: no holes, no named spool."""

from collections.abc import Mapping

from rpm_service.application.effects import Progress, SpoolKey


def through(stream_id: str, seq: int) -> dict[SpoolKey, Progress]:
    return {SpoolKey(stream_id): Progress(seq)}


def newest(progress: Mapping[SpoolKey, Progress], stream_id: str = "device/m1") -> int:
    return progress.get(SpoolKey(stream_id), Progress()).newest
