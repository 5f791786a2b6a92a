"""When the measurements of a candidate last changed, and which snapshots are of this store.

Nothing is moved: what a store holds already is older than its first snapshot.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

metadata = MetaData()

Table("candidates", metadata, Column("id", Integer, primary_key=True))
changes = Table(
    "changes",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("generation", Integer, nullable=False),
)
Index("changes_by_generation", changes.c.generation)
snapshots = Table(
    "snapshots",
    metadata,
    Column("token", String, primary_key=True),
    Column("generation", Integer, nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    for table in (changes, snapshots):
        table.create(op.get_bind(), checkfirst=True)
