"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Makes every table of the first version."""
    op.create_table(
        "acts",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_acts")),
        sa.UniqueConstraint("at", "by", "act", "bed", "detail", name=op.f("uq_acts_at")),
    )
    op.create_table(
        "associations",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("device_id", "bed", "since", name=op.f("pk_associations")),
    )
    op.create_index(op.f("ix_associations_until"), "associations", ["until"])
    op.create_table(
        "beds",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_beds")),
    )
    op.create_table(
        "descriptions",
        sa.Column("description_id", _NUMBER, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("description_id", name=op.f("pk_descriptions")),
        sa.UniqueConstraint("digest", name=op.f("uq_descriptions_digest")),
    )
    op.create_table(
        "gaps",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=False),
        sa.Column("noticed_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "from_seq", name=op.f("pk_gaps")),
    )
    op.create_table(
        "journal",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("occurrence_id", sa.BigInteger(), nullable=False),
        sa.Column("event_seq", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("presence", sa.Text(), nullable=False),
        sa.Column("latching", sa.Boolean(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("extreme", sa.Double(), nullable=True),
        sa.Column("alarm_limit", sa.Double(), nullable=True),
        sa.Column("raised_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.Double(), nullable=True),
        sa.Column("acknowledged_until", sa.Double(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.Double(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal")),
        sa.UniqueConstraint("occurrence_id", "event_seq", name=op.f("uq_journal_occurrence_id")),
    )
    op.create_table(
        "stays",
        sa.Column("bed", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("age_class", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("bed", "patient_id", "since", name=op.f("pk_stays")),
    )
    op.create_index(op.f("ix_stays_until"), "stays", ["until"])
    op.create_table(
        "streams",
        sa.Column("stream_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("durable_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_streams")),
    )
    op.create_table(
        "devices",
        sa.Column("number", _NUMBER, nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("description_id", _NUMBER, nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("audio_paused_until", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["description_id"],
            ["descriptions.description_id"],
            name=op.f("fk_devices_description_id"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_devices")),
        sa.UniqueConstraint("device_id", name=op.f("uq_devices_device_id")),
    )
    op.create_table(
        "standing",
        sa.Column("occurrence_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", _NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["number"], ["journal.number"], name=op.f("fk_standing_number")),
        sa.PrimaryKeyConstraint("occurrence_id", name=op.f("pk_standing")),
    )
    op.create_table(
        "numerics",
        sa.Column("block_id", _NUMBER, nullable=False),
        sa.Column("device_number", _NUMBER, nullable=False),
        sa.Column("description_id", _NUMBER, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["description_id"],
            ["descriptions.description_id"],
            name=op.f("fk_numerics_description_id"),
        ),
        sa.ForeignKeyConstraint(
            ["device_number"], ["devices.number"], name=op.f("fk_numerics_device_number")
        ),
        sa.PrimaryKeyConstraint("block_id", name=op.f("pk_numerics")),
    )
    op.create_index(op.f("ix_numerics_device_number"), "numerics", ["device_number", "last_at"])
    op.create_table(
        "waveforms",
        sa.Column("block_id", _NUMBER, nullable=False),
        sa.Column("device_number", _NUMBER, nullable=False),
        sa.Column("description_id", _NUMBER, nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["description_id"],
            ["descriptions.description_id"],
            name=op.f("fk_waveforms_description_id"),
        ),
        sa.ForeignKeyConstraint(
            ["device_number"], ["devices.number"], name=op.f("fk_waveforms_device_number")
        ),
        sa.PrimaryKeyConstraint("block_id", name=op.f("pk_waveforms")),
    )
    op.create_index(op.f("ix_waveforms_device_number"), "waveforms", ["device_number", "last_at"])
    op.create_table(
        "numerics_tail",
        sa.Column("entry_id", _NUMBER, nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_numerics_tail")),
    )
    op.create_table(
        "waveforms_tail",
        sa.Column("entry_id", _NUMBER, nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_waveforms_tail")),
    )
