"""Which test made a point suspect, and which candidates turned out to be one.

What an older store holds says neither: its suspect points stay without a reason, and its candidates
that an object lies between stay two, until a further object comes there.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

metadata = MetaData()

Table("candidates", metadata, Column("id", Integer, primary_key=True))
suspicions = Table(
    "suspicions",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("why", String, nullable=False),
)
merges = Table(
    "merges",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("into", ForeignKey("candidates.id"), nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    for table in (suspicions, merges):
        table.create(op.get_bind(), checkfirst=True)
