"""The tables on disk. A change here needs a migration beside it in ``migrations/versions``."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()


def _candidate(**options: bool) -> Column[int]:
    return Column("candidate", ForeignKey("candidates.id"), **options)  # type: ignore[arg-type]


# A candidate is a name for objects of surveys that are one thing in the sky.
candidates = Table(
    "candidates",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("candidate_id", String, nullable=False, unique=True),  # of the object that came first
)

# Candidates that turned out to be another: their row stays, so that its number is never given anew.
merges = Table(
    "merges",
    metadata,
    _candidate(primary_key=True),
    Column("into", ForeignKey("candidates.id"), nullable=False),
)

# The objects of surveys, in the order in which they came (the key): where each was first seen. One
# that turns out to have been known earlier has a further row.
objects = Table(
    "objects",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False, index=True),
    Column("object_id", String, nullable=False),
    Column("survey", String, nullable=False, default=""),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    Column("known_at", Float, nullable=False),
)

# Further names. Two candidates may have been called alike: the first to be known by it keeps it.
aliases = Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True),
    _candidate(primary_key=True, index=True),
    Column("survey", String, nullable=False, default=""),
    Column("known_at", Float, nullable=False),
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

# Which test made a point suspect, for those who ask; most points are not.
suspicions = Table(
    "suspicions",
    metadata,
    _candidate(primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("why", String, nullable=False),
)

# The flux of the template below a measurement, for total brightness; most have none.
templates = Table(
    "templates",
    metadata,
    _candidate(primary_key=True),
    Column("survey", String, primary_key=True),
    Column("measurement_id", String, primary_key=True),
    Column("flux", Float, nullable=False),  # [uJy]
    Column("flux_err", Float, nullable=False),
)

# Light curves from data releases, by position: see histories.py.
histories = Table(
    "histories",
    metadata,
    Column("survey", String, primary_key=True),
    Column("curve_id", String, primary_key=True),  # the release's own
    Column("band", String, nullable=False),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    Column("source", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # mjd, mag, magerr, see packed.py
)

# What was said of a candidate, never changed: what stands at a time follows from the rows.
facts = Table(
    "facts",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False),
    Column("key", String, nullable=False),
    Column("value", Text, nullable=False),  # JSON, so that a number stays a number; null takes back
    Column("known_at", Float, nullable=False),
    Column("source", String, nullable=False),  # in whose report it came
    Column("precedence", Integer, nullable=False, default=0),  # see facts.py
    Column("origin", String, nullable=False, default=""),
    UniqueConstraint(
        "candidate",
        "key",
        "known_at",
        "source",
        "precedence",
        "value",
        "origin",
        name="facts_once",
    ),
)

# One row: raised whenever something comes in, and whenever somebody is rejected or comes back.
generation = Table(
    "generation",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("rejections", Integer, nullable=False, default=0, server_default="0"),
)

# In which generation the measurements of a candidate last changed.
changes = Table(
    "changes",
    metadata,
    _candidate(primary_key=True),
    Column("generation", Integer, nullable=False),
)

# Which snapshots are of this store, see snapshot.py.
snapshots = Table(
    "snapshots",
    metadata,
    Column("token", String, primary_key=True),
    Column("generation", Integer, nullable=False),
)

# What the numbers of fits mean: each set of names once.
fit_layouts = Table(
    "fit_layouts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("layout", Text, nullable=False, unique=True),  # JSON, see fit_rows.py
)

fits = Table(
    "fits",
    metadata,
    _candidate(primary_key=True),
    Column("model", String, primary_key=True),
    Column("digest", String, nullable=False),  # of the data and settings that were fitted
    Column("status", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("bands", String, nullable=False),
    Column("layout", ForeignKey("fit_layouts.id"), nullable=False),
    Column("numbers", LargeBinary, nullable=False),  # float64
)

rejections = Table(
    "rejections",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
    Column("factor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("row", Text, nullable=False),  # JSON of what rejected.csv shows
)

# When new evidence brought a rejected candidate back.
revivals = Table(
    "revivals",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
)

# Scores above all earlier ones of their day, where a config asks for snapshots, see daily_best.py.
daily_best = Table(
    "daily_best",
    metadata,
    Column("day", Integer, primary_key=True),  # MJD (UTC), whole
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
    Column("score", Float, nullable=False),
    Column("newest", Float),  # time of the newest alert
)

# Columns of numbers and words, see packed.py.
packed = Table(
    "packed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # a key names the same columns for ever
)

# What the newest cycles found of everybody, see current.py.
current = Table(
    "current",
    metadata,
    Column("at", Float, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("list", String, primary_key=True),
    Column("packed", ForeignKey("packed.id"), nullable=False),
)

# What changed in scores and ranks, in packed segments of time, see history.py.
history = Table(
    "history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("start", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("level", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

# What people said, in the order in which they did (the key).
marks = Table(
    "marks",
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
told = Table(
    "told",
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

Index("changes_by_generation", changes.c.generation)
Index("history_by_level", history.c.level, history.c.start)
Index("history_by_time", history.c.until, history.c.start)
Index("outbox_by_state", outbox.c.channel, outbox.c.state, outbox.c.id)
