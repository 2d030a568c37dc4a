import pytest

from rpm_service.adapters.storage import ledger
from rpm_service.adapters.storage.tables import acts, journal
from rpm_service.application.effects import Act, Batch
from rpm_service.domain.signals import Presence
from tests.support.batches import T0, alarm_event, write

TAMPERINGS = {
    "a priority that was lowered": "UPDATE journal SET priority = 1 WHERE number = 2",
    "an end that was made earlier": "UPDATE journal SET observed_at = observed_at - 60 WHERE number = 3",
    "an alarm taken out": "DELETE FROM journal WHERE number = 2",
    "an alarm taken out and the rest moved up": (
        "DELETE FROM journal WHERE number = 2; UPDATE journal SET number = 2 WHERE number = 3"
    ),
    "two alarms exchanged": (
        "UPDATE journal SET number = 9 WHERE number = 1;"
        "UPDATE journal SET number = 1 WHERE number = 2;"
        "UPDATE journal SET number = 2 WHERE number = 9"
    ),
    "a hash made up": "UPDATE journal SET hash = zeroblob(32) WHERE number = 3",
}


@pytest.fixture
async def connection(recorder):
    """A journal of three alarms; what is done to it stays within one transaction."""
    # Nothing refers to the rows, so that the database itself does not mind the tampering.
    await write(
        recorder, Batch(events=[alarm_event(n, presence=Presence.OFF) for n in range(1, 4)])
    )
    with recorder._engine.begin() as connection:
        yield connection


@pytest.mark.spec("STORE-8")
async def test_what_was_written_verifies(connection):
    assert ledger.verify(connection, journal) == ledger.head(connection, journal)
    assert ledger.verify(connection, journal).number == 3
    assert ledger.verify(connection, acts) == ledger.Head(0, ledger.BEGINNING)


@pytest.mark.spec("STORE-8")
@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
async def test_a_tampered_journal_does_not_verify(connection, tampering):
    for statement in tampering.split(";"):
        connection.exec_driver_sql(statement)
    with pytest.raises(ledger.LedgerBroken, match=r"journal [123] is not as it was written"):
        ledger.verify(connection, journal)


@pytest.mark.spec("STORE-8")
async def test_a_journal_cut_at_its_end_has_another_head(connection):
    kept_elsewhere = ledger.head(connection, journal)
    connection.exec_driver_sql("DELETE FROM journal WHERE number = 3")
    assert ledger.verify(connection, journal) != kept_elsewhere


@pytest.mark.spec("STORE-8")
async def test_the_chain_goes_on_after_a_restart_and_is_longer_than_a_page(recorder, monkeypatch):
    monkeypatch.setattr(ledger, "PAGE", 2)
    for each in range(5):
        recorder._books = None  # as after a restart
        await write(recorder, Batch(acts=[Act(T0 + each, "nurse", "reset", "B12")]))
    with recorder._engine.begin() as connection:
        assert ledger.verify(connection, acts).number == 5
        connection.exec_driver_sql("UPDATE acts SET by = 'nobody' WHERE number = 5")
        with pytest.raises(ledger.LedgerBroken, match="acts 5"):
            ledger.verify(connection, acts)
