"""The tables, as SQLAlchemy sees them; migrations/ holds how they came to be.

Times are Unix seconds. Names of devices, beds and people are text as the core uses them; the
hot tables refer to a device by its number.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts by itself only in a column of type INTEGER."""

streams: Final = Table(
    "streams",
    METADATA,
    Column("stream_id", Text, primary_key=True),
    Column("epoch", BigInteger, nullable=False),
)

# What is on disk of the numbers of each spool (application/numbering.py): all up to the newest
# but for `holes`, a JSON list of [first, last]. `epoch` is that of the session that used it last.
spools: Final = Table(
    "spools",
    METADATA,
    Column("stream_id", Text, primary_key=True),
    Column("spool_id", BigInteger, primary_key=True, autoincrement=False),
    Column("newest", BigInteger, nullable=False),
    Column("holes", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
)

gaps: Final = Table(
    "gaps",
    METADATA,
    Column("stream_id", Text, primary_key=True),
    Column("from_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("noticed_at", Double, nullable=False),
    Column("spool_id", BigInteger, primary_key=True, autoincrement=False),
    Column("waveforms", Boolean, primary_key=True, autoincrement=False),
)

# A description is stored once, however many devices share it or come back to it.
descriptions: Final = Table(
    "descriptions",
    METADATA,
    Column("description_id", _NUMBER, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("content", Text, nullable=False),
)

devices: Final = Table(
    "devices",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("device_id", Text, nullable=False, unique=True),
    Column("description_id", ForeignKey(descriptions.c.description_id), nullable=False),
    Column("connection", Text, nullable=False),
)


def _blocks(name: str) -> Table:
    """Many rows of one device in each row of the table; blocks.py says how `data` is packed."""
    table = Table(
        name,
        METADATA,
        Column("block_id", _NUMBER, primary_key=True),
        Column("device_number", ForeignKey(devices.c.number), nullable=False),
        Column("description_id", ForeignKey(descriptions.c.description_id), nullable=False),
        Column("first_seq", BigInteger, nullable=False),
        Column("last_seq", BigInteger, nullable=False),
        Column("first_at", Double, nullable=False),
        Column("last_at", Double, nullable=False),
        Column("row_count", Integer, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )
    Index(None, table.c.device_number, table.c.last_at)
    Index(f"ix_{name}_newest", table.c.device_number, table.c.block_id)
    return table


def _tail(name: str) -> Table:
    """The newest commits, one a row, before their rows move into blocks (see tail.py).

    `places` has a device number, a description id and a number of rows (u64 each) for every
    device in `data`, where the rows are packed one device after the other.
    """
    return Table(
        name,
        METADATA,
        Column("entry_id", _NUMBER, primary_key=True),
        Column("places", LargeBinary, nullable=False),
        Column("data", LargeBinary, nullable=False),
    )


numerics: Final = _blocks("numerics")
numerics_tail: Final = _tail("numerics_tail")
waveforms: Final = _blocks("waveforms")
waveforms_tail: Final = _tail("waveforms_tail")

# Append-only, as acts is: `hash` covers the row and the hash before it (see ledger.py, which
# says why a column that is new must be the last one before it, and may be null).
journal: Final = Table(
    "journal",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("occurrence_id", BigInteger, nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("phase", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("device_id", Text, nullable=False),
    Column("bed", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("presence", Text, nullable=False),
    Column("latching", Boolean, nullable=False),
    Column("value", Double),
    Column("extreme", Double),
    Column("alarm_limit", Double),
    Column("raised_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("acknowledged_by", Text),
    Column("acknowledged_at", Double),
    Column("acknowledged_until", Double),
    Column("text", Text, nullable=False),
    Column("observed_at", Double, nullable=False),
    Column("received_at", Double, nullable=False, index=True),
    Column("answer_accepted", Boolean),
    Column("answered_by", Text),
    Column("answered_at", Double),
    Column("late_detected", Boolean),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("occurrence_id", "event_seq"),
)

# The newest event of each occurrence that has a signal, so that a restart need not read the
# whole journal.
standing: Final = Table(
    "standing",
    METADATA,
    Column("occurrence_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", ForeignKey(journal.c.number), nullable=False),
)

acts: Final = Table(
    "acts",
    METADATA,
    Column("number", _NUMBER, primary_key=True),
    Column("at", Double, nullable=False),
    Column("by", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("bed", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("at", "by", "act", "bed", "detail"),
)

beds: Final = Table(
    "beds",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("unit", Text, nullable=False),
)

stays: Final = Table(
    "stays",
    METADATA,
    Column("bed", Text, primary_key=True),
    Column("patient_id", Text, primary_key=True),
    Column("since", Double, primary_key=True),
    Column("age_class", Text, nullable=False),
    Column("until", Double, index=True),
)

associations: Final = Table(
    "associations",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("bed", Text, primary_key=True),
    Column("since", Double, primary_key=True),
    Column("until", Double, index=True),
)

# What holds at a device or a bed now, in the order that the core keeps it in.
inactivations: Final = Table(
    "inactivations",
    METADATA,
    Column("device_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),
    Column("metric", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double),
    Column("reason", Text, nullable=False),
)

overrides: Final = Table(
    "overrides",
    METADATA,
    Column("bed", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("metric", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("reason", Text, nullable=False),
)

assessments: Final = Table(
    "assessments",
    METADATA,
    Column("bed", Text, primary_key=True),
    Column("content", Text, nullable=False),
)

scores: Final = Table(
    "scores",
    METADATA,
    Column("patient_id", Text, primary_key=True),
    Column("bed", Text, primary_key=True),
    Column("at", Double, primary_key=True),
    Column("total", Integer),
    Column("band", Text),
    Column("sub_scores", Text, nullable=False),
    Column("missing", Text, nullable=False),
    Column("oxygen_scale", Text, nullable=False),
)

# One row for each event and viewer, so that its key is all that there is to look up.
deliveries: Final = Table(
    "deliveries",
    METADATA,
    Column("occurrence_id", BigInteger, primary_key=True, autoincrement=False),
    Column("event_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("viewer", Text, primary_key=True),
    Column("sent_at", Double, nullable=False),
    Column("confirmed_at", Double),
    sqlite_with_rowid=False,
)

# Calls by webhook; they wait here until they were taken at the other end or given up.
notices: Final = Table(
    "notices",
    METADATA,
    Column("notice_id", Text, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("content", Text, nullable=False),
    Column("sent_at", Double, index=True),
    Column("given_up_at", Double),
)

# What was kept of occurrences, and the rows themselves. Occurrences of one device that come
# close together share their rows, so that none is kept twice (see evidence.py). Times are
# those of receipt.
evidence: Final = Table(
    "evidence",
    METADATA,
    Column("occurrence_id", BigInteger, primary_key=True, autoincrement=False),
    Column("device_number", ForeignKey(devices.c.number), nullable=False),
    Column("since", Double, nullable=False),
    Column("until", Double, nullable=False),
)
Index(None, evidence.c.device_number, evidence.c.until)

evidence_rows: Final = Table(
    "evidence_rows",
    METADATA,
    Column("block_id", _NUMBER, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("device_number", ForeignKey(devices.c.number), nullable=False),
    Column("description_id", ForeignKey(descriptions.c.description_id), nullable=False),
    Column("first_received_at", Double, nullable=False),
    Column("last_received_at", Double, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
Index(None, evidence_rows.c.device_number, evidence_rows.c.last_received_at)
