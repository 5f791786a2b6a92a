"""The first schema: candidates, photometry, fits, scores, feedback, sources, cycles."""

from __future__ import annotations

from alembic import op

from aas2rto.store import schema

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "candidates", "aliases", "photometry", "annotations", "fits", "rejections",
    "scores", "ranks", "feedback", "sources", "cycles",
)  # fmt: skip


def upgrade() -> None:
    """Create all tables."""
    tables = [schema.metadata.tables[name] for name in TABLES]
    schema.metadata.create_all(op.get_bind(), tables=tables)
    for table in tables:
        for index in table.indexes:  # a killed old program may have made the table only
            index.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop all tables."""
    tables = [schema.metadata.tables[name] for name in TABLES]
    schema.metadata.drop_all(op.get_bind(), tables=tables)
