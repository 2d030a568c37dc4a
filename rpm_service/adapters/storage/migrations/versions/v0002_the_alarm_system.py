"""What the alarm system keeps: who answered, what is held back, limits, scores, delivery, evidence.

The journal stays as it is: its new columns are null in old rows, and nulls at the end of a row
are no part of its hash (see ledger.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_PAUSES = """
INSERT INTO inactivations
SELECT device_id, 0, 'AUDIO_PAUSED', '', '', coalesce(acts.by, ''),
       coalesce(acts.at, audio_paused_until - 120), audio_paused_until, ''
FROM devices LEFT JOIN acts ON acts.number = (
    SELECT max(number) FROM acts
    WHERE act = 'pause_audio' AND at <= audio_paused_until AND bed = coalesce(
        (SELECT bed FROM associations
         WHERE associations.device_id = devices.device_id AND until IS NULL),
        devices.device_id))
WHERE audio_paused_until IS NOT NULL
"""
"""By whom, and since when, is in the journal of acts; a pause lasted 120 s at most."""


def upgrade() -> None:
    """Makes the tables of the second version, and moves the pauses into theirs."""
    op.add_column("journal", sa.Column("answer_accepted", sa.Boolean(), nullable=True))
    op.add_column("journal", sa.Column("answered_by", sa.Text(), nullable=True))
    op.add_column("journal", sa.Column("answered_at", sa.Double(), nullable=True))
    op.create_index(op.f("ix_journal_received_at"), "journal", ["received_at"])
    op.create_index("ix_numerics_newest", "numerics", ["device_number", "block_id"])
    op.create_index("ix_waveforms_newest", "waveforms", ["device_number", "block_id"])
    op.create_table(
        "inactivations",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("device_id", "position", name=op.f("pk_inactivations")),
    )
    op.execute(_PAUSES)
    op.drop_column("devices", "audio_paused_until")
    op.create_table(
        "overrides",
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bed", "position", name=op.f("pk_overrides")),
    )
    op.create_table(
        "assessments",
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bed", name=op.f("pk_assessments")),
    )
    op.create_table(
        "scores",
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("band", sa.Text(), nullable=True),
        sa.Column("sub_scores", sa.Text(), nullable=False),
        sa.Column("missing", sa.Text(), nullable=False),
        sa.Column("oxygen_scale", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("patient_id", "bed", "at", name=op.f("pk_scores")),
    )
    op.create_table(
        "deliveries",
        sa.Column("occurrence_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("viewer", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("confirmed_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("occurrence_id", "event_seq", "viewer", name=op.f("pk_deliveries")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notices")),
    )
    op.create_index(op.f("ix_notices_sent_at"), "notices", ["sent_at"])
    op.create_table(
        "evidence",
        sa.Column("occurrence_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_number", _NUMBER, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_number"], ["devices.number"], name=op.f("fk_evidence_device_number")
        ),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_device_number"), "evidence", ["device_number", "until"])
    op.create_table(
        "evidence_rows",
        sa.Column("block_id", _NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("device_number", _NUMBER, nullable=False),
        sa.Column("description_id", _NUMBER, nullable=False),
        sa.Column("first_received_at", sa.Double(), nullable=False),
        sa.Column("last_received_at", sa.Double(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_number"], ["devices.number"], name=op.f("fk_evidence_rows_device_number")
        ),
        sa.ForeignKeyConstraint(
            ["description_id"],
            ["descriptions.description_id"],
            name=op.f("fk_evidence_rows_description_id"),
        ),
        sa.PrimaryKeyConstraint("block_id", name=op.f("pk_evidence_rows")),
    )
    op.create_index(
        op.f("ix_evidence_rows_device_number"),
        "evidence_rows",
        ["device_number", "last_received_at"],
    )
