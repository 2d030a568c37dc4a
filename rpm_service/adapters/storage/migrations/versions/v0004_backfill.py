"""Numbers by spool and with holes, gaps of waveforms, and what was detected late."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_SPOOLS = """
INSERT INTO spools SELECT stream_id, 0, durable_seq, '[]', epoch FROM streams WHERE durable_seq > 0
"""
_GAPS = """
INSERT INTO gaps SELECT stream_id, from_seq, to_seq, noticed_at, 0, 0 FROM gaps_before
"""


def upgrade() -> None:
    """What was known is that of a spool without a name."""
    op.add_column("journal", sa.Column("late_detected", sa.Boolean(), nullable=True))
    op.create_table(
        "spools",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("spool_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("holes", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "spool_id", name=op.f("pk_spools")),
    )
    op.execute(_SPOOLS)
    op.drop_column("streams", "durable_seq")
    op.rename_table("gaps", "gaps_before")
    op.create_table(
        "gaps",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.Double(), nullable=False),
        sa.Column("spool_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("waveforms", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "stream_id", "from_seq", "spool_id", "waveforms", name=op.f("pk_gaps")
        ),
    )
    op.execute(_GAPS)
    op.drop_table("gaps_before")
