"""What viewers get, as values: nothing is encoded, and each part says whose it was when it was made.

`patient` is whom the encoder was told of, for the checker to compare; a page does not look at it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rpm_service.application.bedside import Bedside, stale_after_s
from rpm_service.application.effects import Connection
from rpm_service.domain.alarms import Alarm, AlarmEvent
from rpm_service.domain.inactivation import Inactivation


class BedPart(NamedTuple):
    """A bed as it is described."""

    number: int
    device_id: str
    bed: str
    patient: str
    connected: bool
    held: tuple[Inactivation, ...]
    stale_after_s: tuple[float, ...]


class NumericsPart(NamedTuple):
    """The newest values of a bed."""

    number: int
    device_id: str
    patient: str
    values: tuple[float, ...]
    observed_at: tuple[float, ...]


class AlarmPart(NamedTuple):
    """An alarm as it stands."""

    alarm: Alarm


class Frame(NamedTuple):
    """One whole frame."""

    kind: str
    revision: int
    now: float
    parts: Sequence[Any] = ()
    text: str = ""
    """The run of a snapshot, or why a feed ends."""


class ValueEncoder:
    """The port `Encoder`, without bytes: the core does not look into what it joins."""

    def bed(self, bedside: Bedside) -> Any:
        return BedPart(
            bedside.number,
            bedside.device_id,
            bedside.bed,
            bedside.patient_id,
            bedside.connection is Connection.CONNECTED,
            bedside.inactivations.held,
            tuple(stale_after_s(each.period_s) for each in bedside.description.numerics),
        )

    def numerics(self, bedside: Bedside) -> Any:
        return NumericsPart(
            bedside.number,
            bedside.device_id,
            bedside.patient_id,
            tuple(bedside.values),
            tuple(bedside.observed_at),
        )

    def alarm(self, event: AlarmEvent) -> Any:
        return AlarmPart(event.alarm)

    def waveform(self, number: int, waveform: int, start_at: float, samples: bytes) -> Any:
        raise AssertionError("no waveforms here")

    def snapshot(self, run: str, revision: int, now: float, parts: Sequence[Any]) -> Any:
        return Frame("snapshot", revision, now, parts, run)

    def delta(self, revision: int, now: float, parts: Sequence[Any]) -> Any:
        return Frame("delta", revision, now, parts)

    def progress(self, revision: int, now: float) -> Any:
        return Frame("progress", revision, now)

    def closing(self, reason: str) -> Any:
        return Frame("closing", 0, 0.0, (), reason)
