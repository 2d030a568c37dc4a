"""Compares a history with what is stored, and knows nothing of the code that is under test.

    python -m tests.chaos.checker HISTORY DATA

prints what was lost, duplicated, missed or late, one line each, and ends with 1 where there is
anything. What a history holds is said in history.py; what is compared:

lost        a device was told that a sample is on disk, and it is not; or it is another
duplicated  a sample is stored twice; or one that nobody sent; or an occurrence's number means
            two things
missed      a condition that held was not raised, or an alarm does not stay raised until an
            event ends it, or a viewer that was there did not get it
late        an alarm took longer than the bound to a viewer that was there
"""

import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

from tests.chaos.history import Record, read
from tests.chaos.stored import Event, Stored, stored_in

RAISED_S: Final = 0.6
"""How far `raised_at` may be from when a device says that a condition began."""
NOTICED_S: Final = 1.0
"""A condition that held for so long on a connection that stood is seen."""
DELIVERED_S: Final = 2.0
"""A viewer that is there for so long after an event has got it."""
IN_FLIGHT_S: Final = 0.5
"""Around the instant of a snapshot: what happens then may be in it or not."""
OVER_S: Final = 5.0
"""So long after a condition was over its alarm has ended."""
OFF: Final = "OFF"


@dataclass(slots=True)
class Verdict:
    """What a history shows."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    observed: int = 0
    acked: int = 0
    stored: int = 0
    alarms: int = 0
    """Conditions that began, as the devices tell."""
    latencies: list[float] = field(default_factory=list)
    """Seconds from the value to each viewer that was there."""

    def lines(self) -> Iterator[str]:
        """Everything that is wrong."""
        for name in ("lost", "duplicated", "missed", "late"):
            for text in getattr(self, name):
                yield f"{name}: {text}"

    def __bool__(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.lines())


@dataclass(frozen=True, slots=True)
class Held:
    """A condition that held at a device."""

    device: str
    condition: str
    since: float
    until: float


class Presences:
    """When somebody was there: intervals, in order."""

    def __init__(self) -> None:
        self._changes: list[tuple[float, bool]] = []

    def change(self, at: float, there: bool) -> None:
        self._changes.append((at, there))

    def throughout(self, since: float, until: float) -> bool:
        """Whether it was there from one time to another without a break."""
        place = bisect_right(self._changes, (since, True))
        began = place > 0 and self._changes[place - 1][1]
        return began and all(there for at, there in self._changes[place:] if at <= until)

    def longest(self, since: float, until: float) -> float:
        """The longest time without a break within an interval."""
        there, began, longest = False, since, 0.0
        for at, now_there in (*self._changes, (inf, False)):
            if at > since and there:
                longest = max(longest, min(at, until) - max(began, since))
            if not there or not now_there:
                began = at
            there = now_there
        return longest


def check(
    history: Sequence[Record], stored: Stored, late_s: float = inf, identity: str | None = None
) -> Verdict:
    """Compares. `late_s` bounds an alarm's way from the value to a viewer that is there.

    `identity` is the name under which all devices are stored, where they share one.
    """
    verdict = Verdict()
    _samples(history, stored, verdict, identity)
    _journal(stored, verdict)
    connected, watching = _presences(history)
    conditions = _held(history)
    verdict.alarms = len(conditions)
    _raised(conditions, connected, stored, verdict, identity)
    _kept(history, stored, verdict)
    _delivered(history, watching, stored, verdict)
    _in_time(history, conditions, connected, watching, late_s, verdict, identity)
    return verdict


# -- samples ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Sent:
    """What one device observed, and what it was told of it."""

    frames: dict[int, tuple[float, ...]] = field(default_factory=dict)
    acked: list[tuple[int, int]] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)

    def is_acked(self, number: int) -> bool:
        """Whether it is in a range that was acknowledged; ranges of one device never overlap."""
        return number not in self.refused and any(
            first <= number <= last for first, last in self.acked
        )


def _sent(history: Iterable[Record]) -> dict[str, _Sent]:
    found: dict[str, _Sent] = defaultdict(_Sent)
    for record in history:
        match record["what"]:
            case "observed":
                found[record["device"]].frames[record["n"]] = tuple(record["values"])
            case "acked":
                found[record["device"]].acked.append((record["first"], record["last"]))
            case "refused":
                found[record["device"]].refused.add(record["n"])
    return found


def _samples(
    history: Iterable[Record], stored: Stored, verdict: Verdict, identity: str | None
) -> None:
    found: dict[str, Counter[tuple[float, ...]]] = defaultdict(Counter)
    for sample in stored.samples:
        found[sample.device][sample.values] += 1
    verdict.stored = len(stored.samples)
    known: dict[str, set[tuple[float, ...]]] = defaultdict(set)
    for device, sent in _sent(history).items():
        own = found[identity or device]
        known[identity or device].update(sent.frames.values())
        verdict.observed += len(sent.frames)
        for number, values in sent.frames.items():
            is_acked = sent.is_acked(number)
            verdict.acked += is_acked
            if is_acked and not own[values]:
                verdict.lost.append(f"{device} was told that its sample {number} is on disk")
            if own[values] > 1:
                verdict.duplicated.append(
                    f"{device}: sample {number} is stored {own[values]} times"
                )
    for device, own in found.items():
        for values in own.keys() - known[device]:
            if own[values]:
                verdict.duplicated.append(f"{device}: {values} is stored and nobody sent it")


# -- alarms, as they are stored -----------------------------------------------------------


def _journal(stored: Stored, verdict: Verdict) -> None:
    """Every occurrence has all its events, one meaning, and stands where it has a signal."""
    newest: dict[int, Event] = {}
    for event in stored.journal:
        before = newest.get(event.occurrence_id)
        expected = before.event_seq + 1 if before else 1
        if event.event_seq != expected:
            verdict.missed.append(
                f"occurrence {event.occurrence_id} has event {event.event_seq} after {expected - 1}"
            )
        if before and _meaning(before) != _meaning(event):
            verdict.duplicated.append(
                f"occurrence {event.occurrence_id} is {_meaning(before)} and {_meaning(event)}"
            )
        newest[event.occurrence_id] = event
    standing = {each: event.event_seq for each, event in newest.items() if event.presence != OFF}
    for occurrence in standing.keys() ^ stored.standing.keys():
        verdict.missed.append(f"occurrence {occurrence}: its signal and its row of standing differ")


def _meaning(event: Event) -> tuple[str, str]:
    return event.device_id, event.condition


def _held(history: Iterable[Record]) -> list[Held]:
    """Every condition that held, from the devices' own words."""
    since: dict[tuple[str, str], float] = {}
    found = []
    for record in history:
        if record["what"] not in ("began", "over"):
            continue
        key = (record["device"], record["condition"])
        if record["what"] == "began":
            since[key] = record["t"]
        else:
            found.append(Held(*key, since.pop(key), record["t"]))
    found += [Held(*key, began, inf) for key, began in since.items()]
    return found


def _raised(
    conditions: Iterable[Held],
    connected: dict[str, Presences],
    stored: Stored,
    verdict: Verdict,
    identity: str | None,
) -> None:
    """Whatever held on a connection that stood was raised, and ended once it was over."""
    stood = _stood(stored)
    last_over: dict[tuple[str, str], float] = {}
    for held in conditions:
        key = (identity or held.device, held.condition)
        last_over[key] = max(last_over.get(key, 0.0), held.until)
        there = connected[held.device].longest(held.since, held.until)
        if there >= NOTICED_S and not any(_covers(each, held) for each in stood[key]):
            verdict.missed.append(
                f"{held.device} {held.condition} held from {held.since:.3f}"
                f" for {held.until - held.since:.1f} s and was not raised"
            )
    end = max((event.received_at for event in stored.journal), default=0.0)
    for key, intervals in stood.items():
        over = last_over.get(key, inf)
        if over < end - OVER_S and any(until == inf for _, until in intervals):
            verdict.missed.append(f"{key} is over since {over:.3f} and still ON")


def _stood(stored: Stored) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """From when to when each condition was an alarm; infinite where it still is."""
    first: dict[int, Event] = {}
    until: dict[int, float] = {}
    for event in stored.journal:
        first.setdefault(event.occurrence_id, event)
        until[event.occurrence_id] = event.received_at if event.presence == OFF else inf
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for occurrence, event in first.items():
        found[_meaning(event)].append((event.raised_at, until[occurrence]))
    return found


def _covers(stood: tuple[float, float], held: Held) -> bool:
    """Whether an alarm is that of a condition: it began with it, or stood throughout.

    The latter is so after a restart, where nobody saw in between that it was over for a while.
    """
    since, until = stood
    return (
        held.since - RAISED_S <= since <= held.until + RAISED_S
        or since <= held.since <= held.until <= until + RAISED_S
    )


# -- alarms, as viewers have them ---------------------------------------------------------


def _presences(
    history: Iterable[Record],
) -> tuple[dict[str, Presences], dict[str, Presences]]:
    """When each device was connected, and when each viewer had a feed."""
    connected: dict[str, Presences] = defaultdict(Presences)
    watching: dict[str, Presences] = defaultdict(Presences)
    for record in history:
        match record["what"]:
            case "connected" | "disconnected":
                connected[record["device"]].change(record["t"], record["what"] == "connected")
            case "snapshot" | "lost":
                watching[record["viewer"]].change(record["t"], record["what"] == "snapshot")
    return connected, watching


def _kept(history: Iterable[Record], stored: Stored, verdict: Verdict) -> None:
    """What a viewer was shown is in the journal, or was decided anew after a restart."""
    meanings = {event.occurrence_id: _meaning(event) for event in stored.journal}
    lasted = _lasted(stored.journal)
    shown: dict[int, tuple[str, str]] = {}
    told: set[int] = set()
    for _, alarm in _shown(history):
        occurrence, meaning = alarm["occurrence_id"], (alarm["device_id"], alarm["condition"])
        before = shown.setdefault(occurrence, meanings.get(occurrence, meaning))
        if occurrence in told:
            continue
        if before != meaning:
            told.add(occurrence)
            verdict.duplicated.append(f"occurrence {occurrence} is {before} and {meaning}")
        elif occurrence not in meanings and not any(
            since - RAISED_S <= alarm["raised_at"] <= until + RAISED_S
            for since, until in lasted[meaning]
        ):
            told.add(occurrence)
            verdict.missed.append(f"{meaning} of {alarm['raised_at']:.3f} was shown and is gone")
    for record in history:
        if record["what"] == "snapshot":
            have = {alarm["occurrence_id"] for alarm in record["alarms"]}
            for occurrence in _standing_at(stored.journal, record["clock"]) - have:
                verdict.missed.append(
                    f"{record['viewer']} has no occurrence {occurrence} in its snapshot"
                    f" of {record['t']:.3f}"
                )


def _shown(history: Iterable[Record]) -> Iterator[tuple[Record, Record]]:
    """Every alarm that a viewer was shown, with the record that says so."""
    for record in history:
        if record["what"] == "event":
            yield record, record["alarm"]
        elif record["what"] == "snapshot":
            for alarm in record["alarms"]:
                yield record, alarm


def _lasted(journal: Iterable[Event]) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """From when to when each condition held, by the times of the values."""
    spans: dict[int, tuple[Event, float]] = {}
    for event in journal:
        first = spans.get(event.occurrence_id, (event,))[0]
        spans[event.occurrence_id] = (first, inf if event.ended_at is None else event.ended_at)
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for first, until in spans.values():
        found[_meaning(first)].append((first.raised_at, until))
    return found


def _standing_at(journal: Iterable[Event], at: float) -> set[int]:
    """The occurrences that had a signal for certain."""
    had: dict[int, bool] = {}
    for event in journal:
        if event.received_at <= at - IN_FLIGHT_S:
            had[event.occurrence_id] = event.presence != OFF
        elif event.received_at <= at + IN_FLIGHT_S:
            had[event.occurrence_id] = False
    return {occurrence for occurrence, has in had.items() if has}


def _delivered(
    history: Iterable[Record], watching: dict[str, Presences], stored: Stored, verdict: Verdict
) -> None:
    """Every alarm that was raised is at every viewer that was there.

    What is only found in values that come late signals to nobody.
    """
    got: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for record, alarm in _shown(history):
        got[record["viewer"]].add((alarm["occurrence_id"], alarm["event_seq"]))
    for event in stored.journal:
        if event.phase not in ("start", "escalate") or event.presence == OFF:
            continue
        for viewer, presences in watching.items():
            wanted = (event.occurrence_id, event.event_seq)
            was_there = presences.throughout(event.received_at, event.received_at + DELIVERED_S)
            if was_there and wanted not in got[viewer]:
                verdict.missed.append(f"{viewer} did not get {_meaning(event)} {wanted}")


def _in_time(
    history: Iterable[Record],
    conditions: Iterable[Held],
    connected: dict[str, Presences],
    watching: dict[str, Presences],
    late_s: float,
    verdict: Verdict,
    identity: str | None,
) -> None:
    """How long an alarm took to each viewer, where device and viewer were there all the while."""
    came: dict[tuple[str, str, str], list[tuple[float, float]]] = defaultdict(list)
    for record in history:
        if record["what"] == "event" and record["alarm"]["phase"] == "start":
            alarm = record["alarm"]
            key = (record["viewer"], alarm["device_id"], alarm["condition"])
            came[key].append((alarm["raised_at"], record["t"]))
    for held in conditions:
        for viewer, presences in watching.items():
            key = (viewer, identity or held.device, held.condition)
            at = next(
                (at for raised, at in came[key] if abs(raised - held.since) <= RAISED_S), None
            )
            if at is None or not (
                presences.throughout(held.since, at)
                and connected[held.device].throughout(held.since, at)
            ):
                continue
            verdict.latencies.append(at - held.since)
            if at - held.since > late_s:
                verdict.late.append(
                    f"{held.device} {held.condition} of {held.since:.3f} was at {viewer}"
                    f" after {at - held.since:.3f} s"
                )


def main() -> int:
    history, data = map(Path, sys.argv[1:3])
    verdict = check(read(history), stored_in(data))
    for line in verdict.lines():
        print(line)
    print(
        f"{verdict.observed} samples observed, {verdict.acked} acknowledged,"
        f" {verdict.stored} stored; {verdict.alarms} conditions held"
    )
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main())
