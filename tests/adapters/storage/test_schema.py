import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, event, inspect

from rpm_service.adapters.storage import schema
from rpm_service.adapters.storage.engine import DirectoryLock, open_reading, open_writing
from rpm_service.adapters.storage.errors import DatabaseOfAnotherVersion, DataDirectoryUnusable
from rpm_service.adapters.storage.tables import METADATA
from tests.support.older import migrate


@pytest.fixture
def empty(tmp_path):
    lock = DirectoryLock(tmp_path)
    engine = open_writing(tmp_path)
    yield engine
    engine.dispose()
    lock.release()


def words(engine):
    """What there is, each with the words of its definition in no order."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    return {
        (kind, name): sorted(re.findall(r"\w+|[()]", sql)) if sql else None
        for kind, name, sql in found
    }


@pytest.mark.spec("STORE-9")
@pytest.mark.parametrize("from_version", [None, "base", "0001"])
def test_new_or_migrated_a_database_has_exactly_the_tables_that_the_code_uses(empty, from_version):
    if from_version == "base":
        migrate(empty, schema.HEAD)
    elif from_version is not None:
        migrate(empty, from_version)
    schema.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert schema.revision(connection) == schema.HEAD


@pytest.mark.spec("STORE-9")
def test_a_new_database_is_what_the_migrations_would_have_made(empty, tmp_path):
    schema.upgrade(empty)
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated'}", poolclass=NullPool)
    migrate(migrated, schema.HEAD)
    assert words(empty) == words(migrated)


def test_the_head_that_the_code_names_is_the_newest_migration():
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert scripts.get_heads() == [schema.HEAD]


@pytest.mark.spec("STORE-9")
def test_a_database_of_this_version_is_left_alone(empty):
    schema.upgrade(empty)
    with empty.connect() as connection:
        before = connection.exec_driver_sql("PRAGMA schema_version").scalar()
    schema.upgrade(empty)
    with empty.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA schema_version").scalar() == before


@pytest.mark.spec("STORE-9")
def test_tables_that_cannot_be_made_leave_nothing(empty):
    def fail_at_stays(connection, cursor, statement, *rest):
        if "CREATE TABLE stays" in statement:
            raise RuntimeError

    event.listen(empty, "before_cursor_execute", fail_at_stays)
    with pytest.raises(RuntimeError):
        schema.upgrade(empty)
    assert inspect(empty).get_table_names() == []
    event.remove(empty, "before_cursor_execute", fail_at_stays)
    schema.upgrade(empty)
    assert set(inspect(empty).get_table_names()) == {*METADATA.tables, "alembic_version"}


@pytest.mark.spec("STORE-9")
def test_a_migration_that_fails_leaves_the_earlier_version(empty):
    def fail_at_spools(connection, cursor, statement, *rest):
        if "CREATE TABLE spools" in statement:
            raise RuntimeError

    migrate(empty, "0001")
    before = words(empty)
    event.listen(empty, "before_cursor_execute", fail_at_spools)
    with pytest.raises(RuntimeError):
        schema.upgrade(empty)
    assert words(empty) == before
    event.remove(empty, "before_cursor_execute", fail_at_spools)
    schema.upgrade(empty)
    assert set(inspect(empty).get_table_names()) == {*METADATA.tables, "alembic_version"}


@pytest.mark.spec("STORE-10")
def test_a_database_of_a_later_version_is_refused_by_server_and_reader(empty, tmp_path):
    schema.upgrade(empty)
    with empty.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseOfAnotherVersion, match=r"version 9999.*start the newer server"):
        schema.upgrade(empty)
    reading = open_reading(tmp_path)
    with pytest.raises(DatabaseOfAnotherVersion, match=r"version 9999.*reads version 0004"):
        schema.require_current(reading)
    reading.dispose()


@pytest.mark.spec("STORE-10")
def test_a_database_of_some_other_program_is_refused(empty):
    with empty.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE journal (day TEXT)")
    with pytest.raises(DataDirectoryUnusable, match="table journal already exists"):
        schema.upgrade(empty)
