"""The alarm journal: every alarm event, as rows of a ledger and back."""

from collections.abc import Iterator, Sequence
from math import inf
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, select
from sqlalchemy.dialects import sqlite

from rpm_service.adapters.storage import tables
from rpm_service.adapters.storage.ledger import PAGE, Content, Ledger, head, number
from rpm_service.adapters.storage.tables import journal, standing, streams
from rpm_service.application.places import Scope
from rpm_service.domain.alarms import (
    Acknowledgement,
    Alarm,
    AlarmEvent,
    Answer,
    Condition,
    Kind,
    Phase,
    Priority,
)
from rpm_service.domain.signals import Presence

EVERYTHING: Final = Scope()
OWN_STREAM: Final = "server"
"""No device's or gateway's stream is called so; its epoch counts the starts of the server."""
RUN_NUMBERS: Final = 100_000
"""Occurrence numbers of one start."""


def events(engine: Engine, scope: Scope = EVERYTHING) -> Iterator[AlarmEvent]:
    """Alarm events in the order they were written, by when the service learnt of them.

    Beds are those of a unit that are in it now.
    """
    for _, event in numbered(engine, scope):
        yield event


def numbered(
    engine: Engine, scope: Scope = EVERYTHING, after: int = 0
) -> Iterator[tuple[int, AlarmEvent]]:
    """The same with their numbers in the journal, beginning after one of them."""
    query = select(journal).order_by(journal.c.number).limit(PAGE)
    if scope.beds:
        query = query.where(journal.c.bed.in_(scope.beds))
    if scope.units:
        there = select(tables.beds.c.name).where(tables.beds.c.unit.in_(scope.units))
        query = query.where(journal.c.bed.in_(there))
    if after == 0 and (scope.since, scope.until) != (-inf, inf):
        first, last = span(engine, scope)
        after = first - 1
        query = query.where(journal.c.number <= last)
    while True:
        # A page at a time: a reader that dawdles must not keep the log from being cut back.
        with engine.begin() as connection:
            rows = connection.execute(query.where(journal.c.number > after)).all()
        for row in rows:
            if scope.since <= row.received_at < scope.until:
                yield row.number, event_of(row)
        if len(rows) < PAGE:
            return
        after = rows[-1].number


def newest(engine: Engine) -> int:
    """The number of the newest row of the journal; 0 where there is none."""
    with engine.begin() as connection:
        return head(connection, journal).number


def span(engine: Engine, scope: Scope) -> tuple[int, int]:
    """Between which numbers the rows of a time are, and maybe few others: from an index alone."""
    ends = select(func.min(journal.c.number), func.max(journal.c.number))
    with engine.begin() as connection:
        found = connection.execute(
            ends.where(journal.c.received_at >= scope.since, journal.c.received_at < scope.until)
        ).one()
    return (1, 0) if found[0] is None else (found[0], found[1])


def record(ledger: Ledger, connection: Connection, happened: Sequence[AlarmEvent]) -> None:
    """Appends events, and notes which occurrences have a signal now."""
    newest: dict[int, int | None] = {}
    for event in happened:
        place = ledger.append(connection, _content(event))
        if place is not None:
            off = event.alarm.presence is Presence.OFF
            newest[event.alarm.occurrence_id] = None if off else place
    insert = sqlite.insert(standing)
    replace = insert.on_conflict_do_update(
        index_elements=[standing.c.occurrence_id], set_={"number": insert.excluded.number}
    )
    for occurrence_id, place in newest.items():
        if place is None:
            connection.execute(delete(standing).where(standing.c.occurrence_id == occurrence_id))
        else:
            connection.execute(replace, {"occurrence_id": occurrence_id, "number": place})


def standing_alarms(connection: Connection) -> list[Alarm]:
    """Every occurrence that has a signal, as its newest event left it."""
    query = select(journal).join(standing, standing.c.number == journal.c.number)
    rows = connection.execute(query.order_by(journal.c.number))
    return [event_of(row).alarm for row in rows]


def begin_run(connection: Connection) -> int:
    """Notes that a server begins, and gives the first occurrence number that is its own.

    Alarms are shown before they are on disk: a number that no row of the journal has may have
    been given all the same, by a server that was killed. So each start has numbers of its own.
    """
    newest: int = connection.execute(select(func.max(journal.c.occurrence_id))).scalar() or 0
    earlier = select(streams.c.epoch).where(streams.c.stream_id == OWN_STREAM)
    # A start that had used up its own numbers went on in those behind, and some of what it gave
    # last may not be on disk.
    used = (newest + RUN_NUMBERS // 2) // RUN_NUMBERS + 1 if newest else 0
    run = max(connection.execute(earlier).scalar() or 0, used) + 1
    note = sqlite.insert(streams).values(stream_id=OWN_STREAM, epoch=run)
    connection.execute(
        note.on_conflict_do_update(
            index_elements=[streams.c.stream_id], set_={"epoch": note.excluded.epoch}
        )
    )
    return (run - 1) * RUN_NUMBERS + 1


def _content(event: AlarmEvent) -> Content:
    alarm = event.alarm
    given, answer = alarm.acknowledgement, alarm.answer
    return (
        alarm.occurrence_id,
        alarm.event_seq,
        event.phase.value,
        alarm.condition.code,
        alarm.condition.kind.value,
        alarm.condition.metric,
        alarm.device_id,
        alarm.bed,
        alarm.priority.value,
        alarm.presence.value,
        alarm.latching,
        number(alarm.value),
        number(alarm.extreme),
        number(alarm.limit),
        number(alarm.raised_at),
        number(alarm.ended_at),
        given.by if given else None,
        number(given.at) if given else None,
        number(given.until) if given else None,
        alarm.text,
        number(event.observed_at),
        number(event.received_at),
        answer.accepted if answer else None,
        answer.by if answer else None,
        number(answer.at) if answer else None,
        event.late_detected or None,
    )


def event_of(row: Any) -> AlarmEvent:
    """The alarm event in a row of the journal."""
    given = None
    if row.acknowledged_by is not None:
        given = Acknowledgement(row.acknowledged_by, row.acknowledged_at, row.acknowledged_until)
    answer = None
    if row.answered_by is not None:
        answer = Answer(row.answer_accepted, row.answered_by, row.answered_at)
    alarm = Alarm(
        occurrence_id=row.occurrence_id,
        event_seq=row.event_seq,
        condition=Condition(row.condition, Kind(row.kind), row.metric),
        device_id=row.device_id,
        bed=row.bed,
        priority=Priority(row.priority),
        presence=Presence(row.presence),
        latching=row.latching,
        raised_at=row.raised_at,
        value=row.value,
        extreme=row.extreme,
        limit=row.alarm_limit,
        ended_at=row.ended_at,
        acknowledgement=given,
        text=row.text,
        answer=answer,
    )
    late = bool(row.late_detected)
    return AlarmEvent(Phase(row.phase), alarm, row.observed_at, row.received_at, late_detected=late)
