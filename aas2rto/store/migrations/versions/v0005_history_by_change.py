"""Scores and ranks are kept where something changed; fits are numbers, not JSON.

The rows of each cycle are compared with those of the cycle before, in the order of time, as the
program does since; the newest two stay whole. What is packed says itself in which form it is.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
from alembic import op
from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from aas2rto.store import current as cycles
from aas2rto.store import fit_rows
from aas2rto.store.packed import pack
from aas2rto.store.standings import Rows, Standings, changes, place_of

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

log = logging.getLogger("aas2rto.store")

metadata = MetaData()

Table("candidates", metadata, Column("id", Integer, primary_key=True))
fit_layouts = Table(
    "fit_layouts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("layout", Text, nullable=False, unique=True),
)
fits = Table(
    "fits",
    metadata,
    Column("candidate", ForeignKey("candidates.id"), primary_key=True),
    Column("model", String, primary_key=True),
    Column("digest", String, nullable=False),
    Column("status", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("bands", String, nullable=False),
    Column("layout", ForeignKey("fit_layouts.id"), nullable=False),
    Column("numbers", LargeBinary, nullable=False),
)
packed = Table(
    "packed",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
current = Table(
    "current",
    metadata,
    Column("at", Float, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("list", String, primary_key=True),
    Column("packed", ForeignKey("packed.id"), nullable=False),
)
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
Index("history_by_level", history.c.level, history.c.start)
Index("history_by_time", history.c.until, history.c.start)

HOUR = 1
"""The level of a segment that holds all news of an hour."""
CHUNK = 500


def upgrade() -> None:
    """Turn rows of every cycle into what changed, and fits into numbers; tell how many."""
    bind = op.get_bind()
    for table in (fit_layouts, packed, current, history):
        table.create(bind)
    old, kept = _copy_results(bind)
    count = _copy_fits(bind)
    for name in ("scores", "ranks"):
        bind.execute(text(f"DROP TABLE {name}"))
    bind.execute(text("ALTER TABLE generation ADD COLUMN rejections INTEGER DEFAULT '0' NOT NULL"))
    if old or count:
        log.warning(
            "the store keeps scores and ranks where they changed, and fits as numbers now: %d "
            "rows of each cycle became %d of history; %d fits were packed",
            old,
            kept,
            count,
        )


def _copy_results(bind: Connection) -> tuple[int, int]:
    """Write the news of all cycles; return how many rows there were, and how many are kept."""
    old = kept = 0
    before = Standings(-np.inf)
    last: list[Standings] = []
    by_hour = itertools.groupby(_cycles(bind), lambda one: np.floor(one[0].at * 24.0))
    for _, found in by_hour:
        news = []
        for standings, count in found:
            rows, before = changes(before, standings)
            news.append(rows)
            last = [*last[-1:], before]
            old += count
        kept += _add_segment(bind, Rows.joined(news).sorted())
    held = None
    for standings in last:
        pieces = cycles.to_pieces(standings)
        ids = cycles.write(bind, current, packed, standings.at, pieces, held)
        held = cycles.Held(standings, pieces, ids)
    return old, kept


def _add_segment(bind: Connection, rows: Rows) -> int:
    if len(rows):
        values = {
            "start": float(rows.at.min()),
            "until": float(rows.at.max()),
            "level": HOUR,
            "n": len(rows),
            "data": pack(rows.columns()),
        }
        bind.execute(history.insert(), values)
    return len(rows)


def _cycles(bind: Connection) -> Iterator[tuple[Standings, int]]:
    """Yield what each cycle found, in the order of time, and of how many rows; one at a time."""
    scores = _by_time(bind, "SELECT at, candidate, score, decision, factor FROM scores")
    ranks = _by_time(bind, "SELECT at, candidate, rank, site_score, observatory FROM ranks")
    query = text("SELECT at FROM cycles UNION SELECT at FROM scores UNION SELECT at FROM ranks")
    ahead = [next(scores, None), next(ranks, None)]
    for at in sorted(bind.execute(query).scalars()):
        found: list[list[Any]] = [[], []]
        for which, stream in enumerate((scores, ranks)):
            here = ahead[which]
            if here is not None and here[0] == at:
                found[which] = here[1]
                ahead[which] = next(stream, None)
        yield _standings(float(at), *found), sum(map(len, found))


def _by_time(bind: Connection, query: str) -> Iterator[tuple[float, list[Any]]]:
    # Of the statement: as an option of the connection it would hold for all that follow.
    statement = text(f"{query} ORDER BY at").execution_options(stream_results=True)
    rows = bind.execute(statement).yield_per(10_000)
    for at, found in itertools.groupby(rows, lambda row: row[0]):
        yield float(at), list(found)


def _standings(at: float, scores: list[Any], ranks: list[Any]) -> Standings:
    candidate = np.array(sorted({row[1] for row in (*scores, *ranks)}), dtype=np.int64)
    found, n = Standings(at, candidate), len(candidate)
    score = np.full(n, np.nan)
    decision, factor = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    if scores:
        where = found.where(np.array([row[1] for row in scores], dtype=np.int64))
        score[where] = np.array([row[2] for row in scores], dtype=float)
        decision[where] = np.array([row[3] for row in scores], dtype=object)
        factor[where] = np.array([row[4] for row in scores], dtype=object)
    places = {}
    for site in sorted({row[4] for row in ranks}):
        here = [row for row in ranks if row[4] == site]
        where = found.where(np.array([row[1] for row in here], dtype=np.int64))
        rank = np.array([row[2] for row in here], dtype=np.int64)
        site_score = np.array([row[3] for row in here], dtype=float)
        places[site] = place_of(n, where, rank, site_score)
    return Standings(at, candidate, score, decision, factor, score, places)


def _copy_fits(bind: Connection) -> int:
    """Pack all fits; return how many there were."""
    bind.execute(text("ALTER TABLE fits RENAME TO old_fits"))
    fits.create(bind)
    keys: dict[str, int] = {}
    query = text("SELECT candidate, model, digest, fit FROM old_fits ORDER BY candidate, model")
    rows = bind.execute(query).all()
    for start in range(0, len(rows), CHUNK):
        new = []
        for row in rows[start : start + CHUNK]:
            fit = fit_rows.stored(json.loads(row.fit))
            layout = fit["layout"]
            if layout not in keys:
                keys[layout] = len(keys) + 1
                bind.execute(fit_layouts.insert(), {"id": keys[layout], "layout": layout})
            told = {"candidate": row.candidate, "model": row.model, "digest": row.digest}
            new.append({**fit, **told, "layout": keys[layout]})
        bind.execute(fits.insert(), new)
    bind.execute(text("DROP TABLE old_fits"))
    if bind.dialect.name == "postgresql":
        bind.execute(
            text(
                "SELECT setval(pg_get_serial_sequence('fit_layouts', 'id'), "
                "COALESCE(MAX(id), 0) + 1, false) FROM fit_layouts"
            )
        )
    return len(rows)
