"""Two candidates that turn out to be one: what is known of both becomes that of the first.

An object between two candidates, or a name that both bear, may come in any poll after both are
stored. Then the one that was stored later goes into the other, with all that belongs to it, in the
transaction of the report: at no time are there two rows for one thing in the sky. Like every
decision on who belongs to whom it holds for all times, also those that are asked for later.

Its own row stays, so that its number, which packed columns hold, is never given to anybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Table, delete, select, update

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.facts import Facts
from aas2rto.store.identities import Identities
from aas2rto.store.photometry import Photometry
from aas2rto.store.rejections import Rejections
from aas2rto.store.rows import chunks

RENAMED = (schema.objects, schema.marks, schema.outbox, schema.answers)
"""Tables of which the rows simply change hands."""

JOINED = (
    schema.rejections,
    schema.revivals,
    schema.suspicions,
    schema.daily_best,
    schema.templates,
)
"""Tables of which a row stays where it is if the other candidate has one with its key."""

DROPPED = (schema.fits, schema.changes)
"""Tables of which the rows say nothing of the light curve that both have together."""

OTHERWISE = (schema.aliases, schema.photometry, schema.facts, schema.told, schema.merges)
"""Tables that are merged each in its own way."""


class Merging:
    """Makes two candidates one.

    Parameters
    ----------
    access : Access
    identities : Identities
    facts : Facts
    measurements : Photometry
    rejections : Rejections
    """

    def __init__(
        self,
        access: Access,
        identities: Identities,
        facts: Facts,
        measurements: Photometry,
        rejections: Rejections,
    ) -> None:
        self._access = access
        self._identities = identities
        self._facts = facts
        self._photometry = measurements
        self._rejections = rejections

    def merge(
        self, connection: Connection, pairs: Iterable[tuple[int, int]], now: float
    ) -> dict[int, int]:
        """Make candidates one.

        Parameters
        ----------
        connection : Connection
            In the transaction of a report that has raised the generation.
        pairs : iterable of (int, int)
            Rows of candidates that are one.
        now : float
            [d, MJD UTC]; who was rejected is judged anew from then on, by what both have.

        Returns
        -------
        dict of int to int
            Who is no candidate of its own any more, and whose it is now.
        """
        into = _roots(pairs)
        for key, root in sorted(into.items()):
            self._move(connection, key, root)
        if into:
            self._identities.load(connection)
            self._facts.forget()
            self._rejections.moved(connection, sorted(set(into.values())), now)
        return into

    def _move(self, connection: Connection, key: int, root: int) -> None:
        for table in RENAMED:
            column = table.c.candidate
            connection.execute(update(table).where(column == key).values(candidate=root))
        for table in JOINED:
            self._put(connection, table, _taken(connection, table, key), root)
        for table in DROPPED:
            connection.execute(delete(table).where(table.c.candidate == key))
        # Of a name that both have, the earlier time counts; of what was said of both, the later.
        names = _taken(connection, schema.aliases, key)
        self._join(connection, names, schema.aliases, root, lambda a, b: a.known_at < b.known_at)
        said = _taken(connection, schema.told, key)
        self._join(connection, said, schema.told, root, lambda a, b: a.at > b.at)
        facts = _taken(connection, schema.facts, key)
        # With new keys: who holds the facts in memory reads on where he was.
        self._put(connection, schema.facts, facts.drop(columns="id"), root)
        points = _taken(connection, schema.photometry, key)
        self._photometry.add(connection, points.assign(candidate=root))
        table = schema.merges
        connection.execute(update(table).where(table.c.into == key).values(into=root))
        connection.execute(table.insert(), {"candidate": key, "into": root})

    def _put(self, connection: Connection, table: Table, rows: pd.DataFrame, root: int) -> None:
        """Add rows under another candidate; those that it has already are not added again."""
        insert = self._access.insert(table).on_conflict_do_nothing()
        for part in chunks(_records(rows.assign(candidate=root))):
            connection.execute(insert, part)

    def _join(
        self,
        connection: Connection,
        rows: pd.DataFrame,
        table: Table,
        root: int,
        replaces: Callable[[Any, Any], ColumnElement[bool]],
    ) -> None:
        """Add rows under another candidate; of two with one key the new one counts if it replaces.

        Parameters
        ----------
        connection, rows, table, root
            See `_put`.
        replaces : callable
            Takes the columns of the new row and of the one that is held.
        """
        insert = self._access.insert(table)
        statement = insert.on_conflict_do_update(
            index_elements=[column.name for column in table.primary_key],
            set_={c.name: insert.excluded[c.name] for c in table.columns if not c.primary_key},
            where=replaces(insert.excluded, table.c),
        )
        for part in chunks(_records(rows.assign(candidate=root))):
            connection.execute(statement, part)


def _roots(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return of all but the first of each group whose it is: the first that was stored."""
    parents: dict[int, int] = {}

    def root(key: int) -> int:
        while key in parents:
            key = parents[key]
        return key

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        if low != high:
            parents[high] = low
    return {key: root(key) for key in parents}


def _taken(connection: Connection, table: Table, key: int) -> pd.DataFrame:
    """Take the rows of a candidate out of a table."""
    mine = table.c.candidate == key
    rows = connection.execute(select(table).where(mine)).all()
    connection.execute(delete(table).where(mine))
    return pd.DataFrame(rows, columns=[column.name for column in table.columns])


def _records(rows: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(k): v for k, v in row.items()} for row in rows.astype(object).to_dict("records")]
