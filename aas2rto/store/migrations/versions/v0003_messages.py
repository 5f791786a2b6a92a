"""Messages: the outbox, its channels, what was said of whom, alarms, and answers."""

from __future__ import annotations

from alembic import op

from aas2rto.store import schema

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("outbox", "channels", "marks", "alarms", "answers")


def upgrade() -> None:
    """Create the tables."""
    tables = [schema.metadata.tables[name] for name in TABLES]
    schema.metadata.create_all(op.get_bind(), tables=tables)
    for table in tables:
        for index in table.indexes:  # a killed old program may have made the table only
            index.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop the tables."""
    tables = [schema.metadata.tables[name] for name in TABLES]
    schema.metadata.drop_all(op.get_bind(), tables=tables)
