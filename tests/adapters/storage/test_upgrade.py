"""A database of the first version, with alarms and a pause in it, meets this server."""

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from alembic import command
from alembic.config import Config

from rpm_service.adapters.storage import archive, ledger, schema
from rpm_service.adapters.storage.blocks import pack_numerics
from rpm_service.adapters.storage.engine import DirectoryLock, open_writing
from rpm_service.adapters.storage.tables import acts, journal
from rpm_service.adapters.storage.writer import SqliteRecorder
from rpm_service.application.effects import Batch, Connection, Description, StoredDevice
from rpm_service.domain.alarms import Acknowledgement, Answer, Phase
from rpm_service.domain.inactivation import Inactivation, InactivationState
from rpm_service.domain.signals import Presence
from tests.support.batches import T0, alarm_event, numeric_row, write

ALARM = alarm_event(1, bed="B1")
ACKNOWLEDGED = alarm_event(
    1, 2, Phase.ACKNOWLEDGE, Presence.ACKNOWLEDGED, bed="B1",
    acknowledgement=Acknowledgement("nurse", T0 + 2, T0 + 122),
)  # fmt: skip
ENDED = alarm_event(
    2, 1, Phase.END, Presence.OFF, value=None, extreme=None, limit=None, ended_at=T0
)
ROW = numeric_row(1, 0.0, 97.0)


def row_of_version_1(event) -> tuple:
    alarm, given = event.alarm, event.alarm.acknowledgement
    return (
        alarm.occurrence_id, alarm.event_seq, event.phase, alarm.condition.code,
        alarm.condition.kind, alarm.condition.metric, alarm.device_id, alarm.bed,
        alarm.priority.value, alarm.presence, alarm.latching, alarm.value, alarm.extreme,
        alarm.limit, alarm.raised_at, alarm.ended_at,
        *((given.by, given.at, given.until) if given else (None, None, None)),
        alarm.text, event.observed_at, event.received_at,
    )  # fmt: skip


def append(connection, table: str, rows: list[tuple]) -> None:
    """Writes a ledger as the first version did."""
    digest = bytes(32)
    for number, row in enumerate(rows, 1):
        content = (number, *row)
        packed = json.dumps(content, separators=(",", ":")).encode("ascii")
        digest = sha256(digest + packed).digest()
        places = ",".join("?" * (len(content) + 1))
        connection.exec_driver_sql(f"INSERT INTO {table} VALUES ({places})", (*content, digest))


@pytest.fixture
def first_version(tmp_path):
    """Device m1 is at bed B1 and paused, m2 at none and paused, m3 was never paused."""
    lock = DirectoryLock(tmp_path)
    engine = open_writing(tmp_path)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(schema.MIGRATIONS))
        command.upgrade(config, "0001")
        append(connection, "journal", list(map(row_of_version_1, (ALARM, ACKNOWLEDGED, ENDED))))
        append(
            connection,
            "acts",
            [
                (T0 - 9.0, "somebody else", "pause_audio", "B1", "60 s"),
                (T0 + 5.0, "nurse", "pause_audio", "B1", "60 s"),
                (T0 + 6.0, "nurse", "pause_audio", "B2", "60 s"),
            ],
        )
        content = json.dumps({"numerics": [], "sample_arrays": []}, separators=(",", ":"))
        for statement, *values in (
            ("INSERT INTO standing VALUES (1, 2)",),
            (
                "INSERT INTO descriptions VALUES (1, ?, ?)",
                sha256(content.encode()).digest(),
                content,
            ),
            ("INSERT INTO devices VALUES (1, 'm1', 1, 'connected', ?)", T0 + 65.0),
            ("INSERT INTO devices VALUES (2, 'm2', 1, 'lost', ?)", T0 + 70.0),
            ("INSERT INTO devices VALUES (3, 'm3', 1, 'away', NULL)",),
            ("INSERT INTO associations VALUES ('m1', 'B1', ?, NULL)", T0 - 50.0),
            ("INSERT INTO streams VALUES ('device/m1', 4, 1)",),
            ("INSERT INTO numerics VALUES (1, 1, 1, ?, ?, ?, ?, ?, ?)", *pack_numerics([ROW])),
        ):
            connection.exec_driver_sql(statement, tuple(values))
    engine.dispose()
    lock.release()
    return tmp_path


@pytest.mark.spec("STORE-21")
@pytest.mark.promise("G22")
async def test_a_journal_from_before_verifies_and_goes_on_in_the_same_chain(first_version):
    recorder = SqliteRecorder(first_version)
    restored = recorder.load()
    assert (restored.next_occurrence, restored.alarms) == (100_001, [ACKNOWLEDGED.alarm])
    answered = replace(
        ACKNOWLEDGED.alarm, event_seq=3, answer=Answer(accepted=False, by="nurse", at=T0 + 9)
    )
    event = replace(ACKNOWLEDGED, phase=Phase.RESPONSIBILITY, alarm=answered)
    await write(recorder, Batch(events=[event]))
    assert recorder.load().alarms == [answered]
    with recorder._engine.begin() as connection:
        assert ledger.verify(connection, journal).number == 4
        assert ledger.verify(connection, acts).number == 3
        connection.exec_driver_sql("UPDATE journal SET answer_accepted = 1 WHERE number = 4")
        with pytest.raises(ledger.LedgerBroken, match="journal 4"):
            ledger.verify(connection, journal)
    recorder.close()


@pytest.mark.spec("STORE-21")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_answer_written_into_a_row_from_before_shows(first_version, number):
    recorder = SqliteRecorder(first_version)
    with recorder._engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE journal SET answered_at = 0 WHERE number = {number}")
        with pytest.raises(ledger.LedgerBroken, match=f"journal {number}"):
            ledger.verify(connection, journal)
    recorder.close()


@pytest.mark.spec("STORE-22")
def test_a_pause_from_before_lasts_as_long_as_it_would_have(first_version):
    recorder = SqliteRecorder(first_version)
    restored = recorder.load()
    assert restored.inactivations == {
        "m1": [Inactivation(InactivationState.AUDIO_PAUSED, "", "", "nurse", T0 + 5, T0 + 65)],
        # Nothing tells who paused it, nor when: it began no earlier.
        "m2": [Inactivation(InactivationState.AUDIO_PAUSED, "", "", "", T0 - 50, T0 + 70)],
    }
    assert restored.devices == [
        StoredDevice("m1", Description(), Connection.CONNECTED),
        StoredDevice("m2", Description(), Connection.LOST),
        StoredDevice("m3", Description(), Connection.AWAY),
    ]
    assert [row for _, row in archive.numerics(recorder._engine, "m1")] == [ROW]
    recorder.close()
