import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect

from rpm_service.adapters.storage import schema
from rpm_service.adapters.storage.engine import DirectoryLock, open_reading, open_writing
from rpm_service.adapters.storage.errors import DatabaseOfAnotherVersion, DataDirectoryUnusable
from rpm_service.adapters.storage.tables import METADATA


@pytest.fixture
def empty(tmp_path):
    lock = DirectoryLock(tmp_path)
    engine = open_writing(tmp_path)
    yield engine
    engine.dispose()
    lock.release()


@pytest.mark.spec("STORE-9")
def test_migrations_make_exactly_the_tables_that_the_code_uses(empty):
    schema.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert schema.revision(connection) == schema.HEAD


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
def test_a_migration_that_fails_leaves_nothing(empty):
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
