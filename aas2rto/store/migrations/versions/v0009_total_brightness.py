"""Total brightness: fluxes of templates, and light curves from data releases.

Of measurements that an older store holds the template's flux is not known; those of alerts that
come again bring it.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

metadata = MetaData()

Table("candidates", metadata, Column("id", Integer, primary_key=True))
templates = Table(
    "templates",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("flux", Float, nullable=False),
    Column("flux_err", Float, nullable=False),
)
histories = Table(
    "histories",
    metadata,
    Column("survey", String, primary_key=True),
    Column("curve_id", String, primary_key=True),
    Column("band", String, nullable=False),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    Column("source", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)


def upgrade() -> None:
    """Make the tables."""
    for table in (templates, histories):
        table.create(op.get_bind(), checkfirst=True)
