"""Run by Alembic, within the transaction that schema.py has begun."""

from alembic import context

from rpm_service.adapters.storage.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
