"""What viewers get, as plain Python: an encoder, and a viewer that reads it."""

import pickle
from collections.abc import Sequence
from typing import Any

from rpm_service.application.bedside import Bedside
from rpm_service.application.live import LeftOff
from rpm_service.domain.alarms import Alarm, AlarmEvent
from rpm_service.domain.signals import Presence


def _part(*what: object) -> bytes:
    return pickle.dumps(what)


def described(bedside: Bedside) -> tuple[object, ...]:
    return (
        bedside.bed,
        bedside.unit,
        bedside.connection,
        bedside.inactivations.held,
        bedside.covered,
        tuple(numeric.name for numeric in bedside.description.numerics),
    )


def measured(bedside: Bedside) -> tuple[str, ...]:
    # As text, so that NaN equals NaN.
    return (*map(str, bedside.values), *(f"{each} is pending" for each in bedside.pending))


class PlainEncoder:
    def __init__(self) -> None:
        self.encoded: list[str] = []

    def bed(self, bedside: Bedside) -> bytes:
        self.encoded.append("bed")
        return _part("bed", bedside.number, described(bedside))

    def numerics(self, bedside: Bedside) -> bytes:
        self.encoded.append("numerics")
        return _part("numerics", bedside.number, measured(bedside))

    def alarm(self, event: AlarmEvent) -> bytes:
        self.encoded.append("alarm")
        return _part("alarm", event.alarm)

    def waveform(self, number: int, waveform: int, start_at: float, samples: bytes) -> bytes:
        self.encoded.append("waveform")
        return _part("waveform", number, waveform, start_at, samples)

    def snapshot(self, run: str, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        return pickle.dumps(("snapshot", revision, [pickle.loads(part) for part in parts], run))

    def delta(self, revision: int, now: float, parts: Sequence[bytes]) -> bytes:
        return pickle.dumps(("delta", revision, [pickle.loads(part) for part in parts]))

    def progress(self, revision: int, now: float) -> bytes:
        return pickle.dumps(("progress", revision, []))

    def closing(self, reason: str) -> bytes:
        return pickle.dumps(("closing", reason, []))


def read(frame: bytes) -> tuple[str, Any, list[tuple[Any, ...]]]:
    """A frame's kind, its revision (or reason), and its parts."""
    kind, revision, parts, *_ = pickle.loads(frame)
    return kind, revision, parts


def run_of(frame: bytes) -> str:
    """What a snapshot names itself by."""
    run = pickle.loads(frame)[3]
    assert isinstance(run, str)
    return run


class PlainViewer:
    """Puts together what the ward is, from frames alone."""

    def __init__(self) -> None:
        self.revision = 0
        self.run = ""
        self.beds: dict[int, tuple[object, ...]] = {}
        self.numerics: dict[int, tuple[str, ...]] = {}
        self.alarms: dict[int, Alarm] = {}
        self.told: list[tuple[int, int]] = []
        self.waveforms: list[bytes] = []
        self.kinds: list[str] = []

    def take(self, frame: bytes) -> None:
        kind, revision, parts = read(frame)
        self.kinds.append(kind)
        if kind == "snapshot":
            self.run = run_of(frame)
            self.beds.clear()
            self.numerics.clear()
            self.alarms.clear()
        assert revision >= self.revision
        self.revision = revision
        for name, *what in parts:
            if name == "bed":
                self.beds[what[0]] = what[1]
            elif name == "numerics":
                self.numerics[what[0]] = what[1]
            elif name == "waveform":
                self.waveforms.append(what[3])
            else:
                self._alarm(what[0])

    @property
    def left_off(self) -> LeftOff:
        """Where it is, for a feed that goes on from there."""
        return LeftOff(self.run, self.revision)

    def _alarm(self, alarm: Alarm) -> None:
        self.told.append((alarm.occurrence_id, alarm.event_seq))
        known = self.alarms.get(alarm.occurrence_id)
        if known is not None and known.event_seq >= alarm.event_seq:
            return
        if alarm.presence is Presence.OFF:
            self.alarms.pop(alarm.occurrence_id, None)
        else:
            self.alarms[alarm.occurrence_id] = alarm
