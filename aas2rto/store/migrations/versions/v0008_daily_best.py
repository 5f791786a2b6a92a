"""The best score of each candidate on each day, of which snapshots are drawn.

An older store has none: its snapshots begin with the first cycle of this program.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, Table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

metadata = MetaData()

Table("candidates", metadata, Column("id", Integer, primary_key=True))
daily_best = Table(
    "daily_best",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("at", Float, primary_key=True),
    Column("score", Float, nullable=False),
    Column("newest", Float),
)


def upgrade() -> None:
    """Make the table."""
    daily_best.create(op.get_bind(), checkfirst=True)
