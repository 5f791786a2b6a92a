"""The tables on disk. A change here needs a migration beside it in ``migrations/versions``."""

from __future__ import annotations

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
    false,
)

metadata = MetaData()


def _candidate(**options: bool) -> Column[int]:
    return Column("candidate", ForeignKey("candidates.id"), **options)  # type: ignore[arg-type]


candidates = Table(
    "candidates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("candidate_id", String, nullable=False, unique=True),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    Column("name", String, nullable=False, default=""),
    Column("too", Boolean, nullable=False, default=False),
    Column("base_score", Float),
    Column("redshift", Float),
    Column("redshift_source", String, nullable=False, default=""),
    Column("spectral_type", String, nullable=False, default=""),
    Column("host", String, nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
    Column("magnitude", Float),
    Column("valid_until", Float),
    Column("state", String, nullable=False, default="active"),
    Column("first_known", Float),
)

aliases = Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True),
    _candidate(nullable=False, index=True),
    Column("survey", String, nullable=False, default=""),
)

# One row per measurement; the key makes an alert that comes twice, or from two brokers, one row.
photometry = Table(
    "photometry",
    metadata,
    _candidate(primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("mjd", Float, nullable=False),
    Column("band", String, nullable=False),
    Column("flux", Float),
    Column("flux_err", Float),
    Column("limit", Float),
    Column("kind", String, nullable=False),
    Column("source", String, nullable=False),
    Column("known_at", Float, nullable=False),
    sqlite_with_rowid=False,
)

# Not `annotations`: that name belongs to the __future__ import.
remarks = Table(
    "annotations",
    metadata,
    _candidate(primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", Text, nullable=False),  # JSON, so that a number stays a number
    Column("known_at", Float, nullable=False),
)

fits = Table(
    "fits",
    metadata,
    _candidate(primary_key=True),
    Column("model", String, primary_key=True),
    Column("digest", String, nullable=False),  # of the data and settings that were fitted
    Column("fit", Text, nullable=False),  # JSON of one row of a fit table
)

rejections = Table(
    "rejections",
    metadata,
    _candidate(primary_key=True),
    Column("factor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("row", Text, nullable=False),  # JSON of what rejected.csv shows
)

scores = Table(
    "scores",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
    Column("score", Float),
    Column("decision", String, nullable=False),
    Column("factor", String, nullable=False, default=""),
)

ranks = Table(
    "ranks",
    metadata,
    _candidate(primary_key=True),
    Column("observatory", String, primary_key=True),
    Column("at", Float, primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("site_score", Float, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("at", Float, nullable=False),
    # When it ends, whichever comes first: at a time, after a change [mag], at new data.
    Column("until", Float),
    Column("until_mag", Float),
    Column("until_new_data", Boolean, nullable=False, default=False, server_default=false()),
    Column("observatory", String, nullable=False, default=""),
    Column("author", String, nullable=False, default=""),
    Column("comment", Text, nullable=False, default=""),
)

sources = Table(
    "sources",
    metadata,
    Column("source", String, primary_key=True),
    Column("cursor", Text, nullable=False, default="{}"),
    Column("newest_alert", Float),
    Column("last_poll", Float),
    Column("last_success", Float),
    Column("last_error", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
    Column("retry_at", Float),
)

cycles = Table(
    "cycles",
    metadata,
    Column("at", Float, primary_key=True),
    Column("version", String, nullable=False),
    Column("config", String, nullable=False),
    Column("report", Text, nullable=False),
)

# One row per message and channel, in the order in which they are to arrive; figures are rows of
# their own that follow a text.
outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),  # what it is about: never posted twice
    Column("channel", String, nullable=False),
    Column("part", String, nullable=False),  # text | figures
    Column("follows", Integer),  # figures: their text; merged: what it was merged into
    _candidate(),
    Column("at", Float, nullable=False),
    Column("due", Float, nullable=False),
    Column("held", Boolean, nullable=False, default=False),
    Column("state", String, nullable=False),
    Column("message", Text, nullable=False),  # JSON, without any service's markup
    Column("attempts", Integer, nullable=False, default=0),
    Column("sent_at", Float),
    Column("receipt", Text, nullable=False, default="{}"),
    Column("error", Text, nullable=False, default=""),
    sqlite_autoincrement=True,
)

channels = Table(
    "channels",
    metadata,
    Column("channel", String, primary_key=True),
    Column("stopped", String, nullable=False, default=""),  # why; empty: it is not
    Column("since", Float),
    Column("pause_until", Float),
    Column("address", String, nullable=False, default=""),  # where the service says it moved
    Column("digest_at", Float),
    Column("offset", Integer),  # of the answers that were read
)

# What was seen or said of a candidate, so that it is said once.
marks = Table(
    "marks",
    metadata,
    _candidate(primary_key=True),
    Column("topic", String, primary_key=True),
    Column("value", Text, nullable=False, default=""),
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
    Column("told", Integer, nullable=False, default=0),
)

answers = Table(
    "answers",
    metadata,
    Column("key", String, primary_key=True),  # the service's own, so that none counts twice
    Column("channel", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("author", String, nullable=False),
    Column("text", Text, nullable=False),
    _candidate(),
    Column("result", Text, nullable=False, default=""),
)

Index("scores_by_time", scores.c.at)
Index("outbox_by_state", outbox.c.channel, outbox.c.state, outbox.c.id)
