"""What grows old is thinned, in pieces that a cycle does not feel.

The history of scores and ranks is thinned as :mod:`aas2rto.store.history` says. Of the cycles'
reports all stay as long as all of the history does, then the last of each hour, then of each day,
and the first of all. Of a message that was settled long ago the words go, which are most of it; its
key, title and times stay, so that nothing is ever told twice.
"""

from __future__ import annotations

import json

import numpy as np
from sqlalchemy import Connection, delete, select, update

from aas2rto.config.sections import Retention
from aas2rto.store import history, schema
from aas2rto.store.outbox import OPEN
from aas2rto.store.rows import chunks

PIECE = 500
"""Most reports, and most messages, that are pruned at a time."""

WORDS = '"lines"'
"""What a message has as long as its words are there."""


class Pruning:
    """Prunes; remembers the hour in which cycles and messages were last looked through."""

    def __init__(self) -> None:
        self._hour = -np.inf

    def forget(self) -> None:
        """Look through everything again."""
        self._hour = -np.inf

    def piece(self, connection: Connection, now: float, retention: Retention) -> bool:
        """Prune a bounded piece of what is due at `now` [d, MJD UTC]; True: there may be more."""
        more = history.age(connection, now, retention)
        hour = np.floor(now * 24.0)
        if hour > self._hour:
            reports = prune_cycles(connection, now, retention)
            messages = prune_messages(connection, now - retention.messages)
            if reports or messages:
                return True
            self._hour = hour
        return more


def prune_cycles(connection: Connection, now: float, retention: Retention) -> int:
    """Drop reports of cycles, the oldest first; return how many."""
    table = schema.cycles
    query = select(table.c.at).where(table.c.at < now - retention.all).order_by(table.c.at)
    at = np.array(connection.execute(query).scalars().all(), dtype=float)
    if not len(at):
        return 0
    days = at < np.floor(now - retention.hourly)
    part = np.where(days, np.floor(at), np.floor(at * 24.0) / 24.0)
    stays = np.append(part[1:] != part[:-1], True)
    stays[0] = True
    dropped = at[~stays][:PIECE].tolist()
    for some in chunks(dropped):
        connection.execute(delete(table).where(table.c.at.in_(some)))
    return len(dropped)


def prune_messages(connection: Connection, before: float) -> int:
    """Drop the words of messages that were settled before a time; return of how many."""
    table = schema.outbox
    query = select(table.c.id, table.c.message).where(
        table.c.at < before, table.c.state.not_in(OPEN), table.c.message.contains(WORDS)
    )
    rows = connection.execute(query.order_by(table.c.id).limit(PIECE)).all()
    for key, message in rows:
        said = json.loads(message)
        left = {name: said[name] for name in ("kind", "title", "candidate_id") if name in said}
        connection.execute(update(table).where(table.c.id == key).values(message=json.dumps(left)))
    return len(rows)
