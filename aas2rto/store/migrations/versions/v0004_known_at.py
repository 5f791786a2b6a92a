"""Facts, names and rejections keep their history; objects stand beside candidates.

What an old store knew becomes history that is known since the candidate's first sight: when it
really became known was not kept. Annotations keep their times. What people said is now called
marks, and what messages remember, told.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

log = logging.getLogger("aas2rto.store")

metadata = MetaData()


def _candidate(**options: bool) -> Column[int]:
    return Column("candidate", ForeignKey("candidates.id"), **options)  # type: ignore[arg-type]


Table("candidates", metadata, Column("id", Integer, primary_key=True))
objects = Table(
    "objects",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False, index=True),
    Column("object_id", String, nullable=False),
    Column("survey", String, nullable=False),
    Column("ra", Float, nullable=False),
    Column("dec", Float, nullable=False),
    Column("known_at", Float, nullable=False),
)
aliases = Table(
    "aliases",
    metadata,
    Column("alias", String, primary_key=True),
    _candidate(primary_key=True, index=True),
    Column("survey", String, nullable=False),
    Column("known_at", Float, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False),
    Column("key", String, nullable=False),
    Column("value", Text, nullable=False),
    Column("known_at", Float, nullable=False),
    Column("source", String, nullable=False),
    Column("precedence", Integer, nullable=False),
    Column("origin", String, nullable=False),
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
generation = Table("generation", metadata, Column("number", Integer, primary_key=True))
rejections = Table(
    "rejections",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
    Column("factor", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("row", Text, nullable=False),
)
revivals = Table(
    "revivals",
    metadata,
    _candidate(primary_key=True),
    Column("at", Float, primary_key=True),
)
told = Table(
    "told",
    metadata,
    _candidate(primary_key=True),
    Column("topic", String, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", Float, nullable=False),
)
marks = Table(
    "marks",
    metadata,
    Column("id", Integer, primary_key=True),
    _candidate(nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float),
    Column("until_mag", Float),
    Column("until_new_data", Boolean, nullable=False, server_default=false()),
    Column("observatory", String, nullable=False),
    Column("author", String, nullable=False),
    Column("comment", Text, nullable=False),
)

TEXTS = ("name", "spectral_type", "host", "comment")
NUMBERS = ("base_score", "redshift", "magnitude", "valid_until")
DROPPED = (
    "ra",
    "dec",
    "name",
    "too",
    "base_score",
    "redshift",
    "redshift_source",
    "spectral_type",
    "host",
    "comment",
    "magnitude",
    "valid_until",
    "state",
    "first_known",
)
PERSON = 2
"""Precedence of a ToO's words."""

FIRST_SIGHT = """
CREATE TEMPORARY TABLE first_sight AS
SELECT c.id AS candidate, COALESCE(c.first_known, MIN(p.known_at), 0.0) AS at
FROM candidates AS c LEFT JOIN photometry AS p ON p.candidate = c.id AND c.first_known IS NULL
GROUP BY c.id, c.first_known
"""


def upgrade() -> None:
    """Move what there is into the new tables, and say how many facts became history."""
    bind = op.get_bind()
    run(bind, FIRST_SIGHT)
    _copy_objects(bind)
    _copy_rejections(bind)
    _copy_marks(bind)
    for table in (facts, generation, revivals):
        table.create(bind)
    bind.execute(generation.insert(), {"number": 0})
    count = _copy_facts(bind)
    run(bind, "DROP TABLE annotations", "DROP TABLE first_sight")
    run(bind, *(f"ALTER TABLE candidates DROP COLUMN {name}" for name in DROPPED))
    if count:
        log.warning(
            "the store keeps the history of facts now: %d facts that it held count as known since "
            "the first sight of their candidates",
            count,
        )


def run(bind: Connection, *statements: str) -> None:
    """Execute statements."""
    for statement in statements:
        bind.execute(text(statement))


def _copy_objects(bind: Connection) -> None:
    """Make each candidate's own id an object; all ids stay names."""
    objects.create(bind)
    run(
        bind,
        "INSERT INTO objects (candidate, object_id, survey, ra, dec, known_at) "
        "SELECT c.id, c.candidate_id, COALESCE(a.survey, ''), c.ra, c.dec, f.at "
        "FROM candidates AS c JOIN first_sight AS f ON f.candidate = c.id "
        "LEFT JOIN aliases AS a ON a.alias = c.candidate_id ORDER BY c.id",
        "DROP INDEX ix_aliases_candidate",
        "ALTER TABLE aliases RENAME TO old_aliases",
    )
    aliases.create(bind)
    run(
        bind,
        "INSERT INTO aliases (alias, candidate, survey, known_at) "
        "SELECT a.alias, a.candidate, a.survey, f.at FROM old_aliases AS a "
        "JOIN first_sight AS f ON f.candidate = a.candidate",
        "DROP TABLE old_aliases",
    )


def _copy_rejections(bind: Connection) -> None:
    run(bind, "ALTER TABLE rejections RENAME TO old_rejections")
    rejections.create(bind)
    run(
        bind,
        "INSERT INTO rejections (candidate, at, factor, reason, row) "
        "SELECT candidate, at, factor, reason, row FROM old_rejections",
        "DROP TABLE old_rejections",
    )


def _copy_marks(bind: Connection) -> None:
    told.create(bind)
    run(
        bind,
        "INSERT INTO told (candidate, topic, value, at) "
        "SELECT candidate, topic, value, at FROM marks",
        "DROP TABLE marks",
    )
    marks.create(bind)
    run(
        bind,
        "INSERT INTO marks (id, candidate, kind, at, until, until_mag, until_new_data, "
        "observatory, author, comment) "
        "SELECT id, candidate, kind, at, until, until_mag, until_new_data, observatory, author, "
        "comment FROM feedback",
        "DROP TABLE feedback",
    )
    if bind.dialect.name == "postgresql":
        run(
            bind,
            "SELECT setval(pg_get_serial_sequence('marks', 'id'), "
            "COALESCE(MAX(id), 0) + 1, false) FROM marks",
        )


def _copy_facts(bind: Connection) -> int:
    """Write down what rows and annotations say; return how many facts were without a time."""
    found = list(_told_by_rows(bind))
    notes = list(_told_by_brokers(bind))
    if rows := [*found, *notes]:
        bind.execute(facts.insert(), rows)
    return len(found)


def _told_by_rows(bind: Connection) -> Iterator[dict[str, Any]]:
    query = text(
        "SELECT c.*, f.at FROM candidates AS c JOIN first_sight AS f ON f.candidate = c.id "
        "ORDER BY c.id"
    )
    for row in bind.execute(query).mappings().all():
        known = {name: row[name] for name in TEXTS if row[name]}
        known |= {name: row[name] for name in NUMBERS if row[name] is not None}
        if row["too"]:
            known["too"] = True
        for key, value in known.items():
            yield {
                "candidate": row["id"],
                "key": key,
                "value": json.dumps(value),
                "known_at": row["at"],
                "source": "",
                "precedence": PERSON if row["too"] else 0,
                "origin": row["redshift_source"] if key == "redshift" else "",
            }


def _told_by_brokers(bind: Connection) -> Iterator[dict[str, Any]]:
    query = text("SELECT candidate, key, value, known_at FROM annotations ORDER BY candidate, key")
    for row in bind.execute(query).mappings().all():
        yield {**row, "source": "", "precedence": 0, "origin": ""}
