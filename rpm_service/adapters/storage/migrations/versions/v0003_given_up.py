"""Calls that were given up say so, and are not read again at each start."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Notes since when a call is sent no more."""
    op.add_column("notices", sa.Column("given_up_at", sa.Double(), nullable=True))
