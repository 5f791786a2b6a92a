"""Messages: the outbox, its channels, what was said of whom, alarms, and answers.

The tables stand here as they were, see v0001_first.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

metadata = MetaData()
Table("candidates", metadata, Column("id", Integer, primary_key=True))
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("channel", String, nullable=False),
    Column("part", String, nullable=False),
    Column("follows", Integer),
    Column("candidate", ForeignKey("candidates.id")),
    Column("at", Float, nullable=False),
    Column("due", Float, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_at", Float),
    Column("receipt", Text, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_autoincrement=True,
)
channels = Table(
    "channels",
    metadata,
    Column("channel", String, primary_key=True),
    Column("stopped", String, nullable=False),
    Column("since", Float),
    Column("pause_until", Float),
    Column("address", String, nullable=False),
    Column("digest_at", Float),
    Column("offset", Integer),
)
marks = Table(
    "marks",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("topic", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Float, nullable=False),
)
alarms = Table(
    "alarms",
    metadata,
    Column("part", String, primary_key=True),
    Column("error", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("last", Float, nullable=False),
    Column("told_at", Float),
    Column("told", Integer, nullable=False),
)
answers = Table(
    "answers",
    metadata,
    Column("key", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("author", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("candidate", ForeignKey("candidates.id")),
    Column("result", Text, nullable=False),
)
Index("outbox_by_state", outbox.c.channel, outbox.c.state, outbox.c.id)
TABLES = (outbox, channels, marks, alarms, answers)


def upgrade() -> None:
    """Create the tables."""
    metadata.create_all(op.get_bind(), tables=list(TABLES))
    for table in TABLES:
        for index in table.indexes:  # a killed old program may have made the table only
            index.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop the tables."""
    metadata.drop_all(op.get_bind(), tables=list(TABLES))
