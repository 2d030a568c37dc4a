"""The ward as one viewer knows it, put together from what the server sends.

No alarm is decided here. What is current, and what is too old to be shown as such, follows
from the server's clock and the staleness that the server states for each metric.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final

from rpm_service.v1 import alarm_pb2 as a
from rpm_service.v1 import monitoring_pb2 as m

_ANSWERS: Final = {
    a.RESPONSIBILITY_UNSPECIFIED: None,
    a.RESPONSIBILITY_ACCEPTED: "accepted",
    a.RESPONSIBILITY_REJECTED: "rejected",
}

NEVER_HELD_BACK: Final = frozenset({"ALARMS_OFF", "BED_NOT_COVERED", "NOT_DELIVERED"})
"""What tells that alarms may reach nobody (see BedInactivation)."""


@dataclass(slots=True)
class ShownBed:
    """A bed, what is measured there, and the newest values."""

    description: m.BedDescription
    numerics: m.BedNumerics = field(default_factory=m.BedNumerics)

    def current(self, server_clock: float) -> Iterator[tuple[m.MetricDescription, float | None]]:
        """Each metric with its value, or None where there is none that is current."""
        connected = self.description.connection == m.CONNECTION_CONNECTED
        numerics = self.numerics
        for place, metric in enumerate(self.description.metrics):
            value = numerics.values[place] if place < len(numerics.values) else float("nan")
            usable = (
                connected
                and not isnan(value)
                and server_clock - numerics.observed_at[place] <= metric.stale_after_s
                and (not numerics.validity or numerics.validity[place] != a.VALIDITY_INVALID)
            )
            yield metric, value if usable else None


class ShownWard:
    """Beds by number and alarms by occurrence."""

    def __init__(self) -> None:
        self.server_clock = 0.0
        self.revision = 0
        self.beds: dict[int, ShownBed] = {}
        self.alarms: dict[int, a.AlarmEvent] = {}

    def take(self, response: m.WatchResponse) -> Iterator[dict[str, Any]]:
        """Takes one frame; gives what it says, as plain objects ready for JSON."""
        match response.WhichOneof("frame"):
            case "snapshot":
                snapshot = response.snapshot
                self._clock(snapshot.revision, snapshot.server_clock)
                self.beds.clear()
                self.alarms.clear()
                self._beds(snapshot.beds, snapshot.numerics)
                for event in snapshot.alarms:
                    self._alarm(event)
                yield {
                    "type": "snapshot",
                    **self._when(),
                    "beds": [self._numerics(bed) for bed in self.beds.values()],
                    "alarms": [alarm_object(event) for event in snapshot.alarms],
                }
            case "delta":
                delta = response.delta
                self._clock(delta.revision, delta.server_clock)
                for number in self._beds(delta.beds, delta.numerics):
                    yield self._numerics(self.beds[number])
                for event in delta.alarms:
                    if self._alarm(event):
                        yield alarm_object(event)
            case "progress":
                progress = response.progress
                self._clock(progress.revision, progress.server_clock)
                yield {"type": "progress", **self._when()}
            case "closing":
                yield {"type": "closed", "reason": response.closing.reason}

    def is_held(self, event: a.AlarmEvent) -> bool:
        """Whether sound of an alarm is held back at its bed."""
        return event.condition not in NEVER_HELD_BACK and any(
            held.metric in ("", event.metric) and held.condition in ("", event.condition)
            for bed in self.beds.values()
            if bed.description.bed == event.bed
            for held in bed.description.inactivations
        )

    def alarms_in_order(self) -> list[a.AlarmEvent]:
        """Alarms that have a signal, by priority, then by the time they were raised."""
        return sorted(self.alarms.values(), key=lambda each: (-each.priority, each.raised_at))

    def _clock(self, revision: int, server_clock: float) -> None:
        self.revision = revision
        self.server_clock = server_clock

    def _when(self) -> dict[str, Any]:
        return {"revision": self.revision, "server_clock": self.server_clock}

    def _beds(self, described: Any, measured: Any) -> list[int]:
        changed: dict[int, None] = {}
        for description in described:
            self.beds[description.number] = ShownBed(description)
            changed[description.number] = None
        for numerics in measured:
            self.beds[numerics.number].numerics = numerics
            changed[numerics.number] = None
        return list(changed)

    def _alarm(self, event: a.AlarmEvent) -> bool:
        """Takes an event unless it is known already: delivery is at least once."""
        known = self.alarms.get(event.occurrence_id)
        if known is not None and known.event_seq >= event.event_seq:
            return False
        if event.presence == a.ALARM_PRESENCE_OFF:
            self.alarms.pop(event.occurrence_id, None)
        else:
            self.alarms[event.occurrence_id] = event
        return True

    def _numerics(self, bed: ShownBed) -> dict[str, Any]:
        description, observed_at = bed.description, bed.numerics.observed_at
        return {
            "type": "numerics",
            "bed": description.bed,
            "device_id": description.device_id,
            "unit": description.unit,
            "connection": m.Connection.Name(description.connection)
            .removeprefix("CONNECTION_")
            .lower(),
            "values": {metric.name: value for metric, value in bed.current(self.server_clock)},
            "observed_at": {
                metric.name: observed_at[place] or None
                for place, metric in enumerate(description.metrics)
                if place < len(observed_at)
            },
            "pending": [description.metrics[place].name for place in bed.numerics.pending],
            "covered": description.covered if description.HasField("covered") else None,
            "inactivations": [_inactivation_object(each) for each in description.inactivations],
        }


def _inactivation_object(held: m.BedInactivation) -> dict[str, Any]:
    return {
        "state": a.Inactivation.Name(held.state).removeprefix("INACTIVATION_"),
        "metric": held.metric or None,
        "condition": held.condition or None,
        "by": held.by,
        "since": held.since,
        "until": held.until if held.HasField("until") else None,
        "reason": held.reason or None,
    }


def alarm_object(event: a.AlarmEvent) -> dict[str, Any]:
    """An alarm event as a plain object, with the words of the contract and without prefixes."""
    present = {descriptor.name for descriptor, _ in event.ListFields()}

    def optional(name: str) -> float | None:
        return getattr(event, name) if name in present else None

    return {
        "type": "alarm",
        "bed": event.bed,
        "device_id": event.device_id,
        "metric": event.metric or None,
        "condition": event.condition,
        "kind": a.AlarmKind.Name(event.kind).removeprefix("ALARM_KIND_").lower(),
        "priority": a.AlarmPriority.Name(event.priority).removeprefix("ALARM_PRIORITY_"),
        "phase": a.AlarmPhase.Name(event.phase).removeprefix("ALARM_PHASE_").lower(),
        "presence": a.AlarmPresence.Name(event.presence).removeprefix("ALARM_PRESENCE_"),
        "occurrence_id": event.occurrence_id,
        "event_seq": event.event_seq,
        "value": optional("value"),
        "extreme": optional("extreme"),
        "limit": optional("limit"),
        "raised_at": event.raised_at,
        "ended_at": optional("ended_at"),
        "observed_at": event.observed_at,
        "received_at": event.received_at,
        "acknowledged_by": event.acknowledged_by or None,
        "acknowledged_at": optional("acknowledged_at"),
        "acknowledged_until": optional("acknowledged_until"),
        "latching": event.latching,
        "no_new_burst": event.no_new_burst,
        "late_detected": event.late_detected,
        "responsibility": _ANSWERS[event.responsibility],
        "responsible": event.responsible or None,
        "answered_at": optional("answered_at"),
        "text": event.text or None,
    }
