"""The first schema: candidates, photometry, fits, scores, feedback, sources, cycles.

The tables stand here as they were: a migration that read today's would make other ones tomorrow.
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

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, String, nullable=False)


def _candidate(**options: bool) -> Column[int]:
    return Column("candidate", ForeignKey("candidates.id"), **options)  # type: ignore[arg-type]


candidates = Table(
    "candidates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("candidate_id", String, nullable=False, unique=True),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    _text("name"),
    Column("too", Boolean, nullable=False),
    Column("base_score", Float),
    Column("redshift", Float),
    _text("redshift_source"),
    _text("spectral_type"),
    _text("host"),
    Column("comment", Text, nullable=False),
    Column("magnitude", Float),
    Column("valid_until", Float),
    _text("state"),
    Column("first_known", Float),
)
Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True),
    _candidate(nullable=False, index=True),
    _text("survey"),
)
Table(
    "photometry",
    metadata,
    _candidate(primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("mjd", Float, nullable=False),
    _text("band"),
    Column("flux", Float),
    Column("flux_err", Float),
    Column("limit", Float),
    _text("kind"),
    _text("source"),
    Column("known_at", Float, nullable=False),
    sqlite_with_rowid=False,
)
Table(
    "annotations",
    metadata,
    _candidate(primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("known_at", Float, nullable=False),
)
Table(
    "fits",
    metadata,
    _candidate(primary_key=True),
    Column("model", String, primary_key=True),
    _text("digest"),
    Column("fit", Text, nullable=False),
)
Table(
    "rejections",
    metadata,
    _candidate(primary_key=True),
    _text("factor"),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("row", Text, nullable=False),
)
scores = Table(
    "scores",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
    Column("score", Float),
    _text("decision"),
    _text("factor"),
)
Table(
    "ranks",
    metadata,
    _candidate(primary_key=True),
    Column("observatory", String, primary_key=True),
    Column("at", Float, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("site_score", Float, nullable=False),
)
Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False, index=True),
    _text("kind"),
    Column("at", Float, nullable=False),
    Column("until", Float),
    _text("observatory"),
    _text("author"),
    Column("comment", Text, nullable=False),
)
Table(
    "sources",
    metadata,
    Column("source", String, primary_key=True),
    Column("cursor", Text, nullable=False),
    Column("newest_alert", Float),
    Column("last_poll", Float),
    Column("last_success", Float),
    Column("last_error", Text, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("retry_at", Float),
)
Table(
    "cycles",
    metadata,
    Column("at", Float, primary_key=True),
    _text("version"),
    _text("config"),
    Column("report", Text, nullable=False),
)
Index("scores_by_time", scores.c.at)


def upgrade() -> None:
    """Create all tables."""
    metadata.create_all(op.get_bind())
    for table in metadata.sorted_tables:
        for index in table.indexes:  # a killed old program may have made the table only
            index.create(op.get_bind(), checkfirst=True)


def downgrade() -> None:
    """Drop all tables."""
    metadata.drop_all(op.get_bind())
