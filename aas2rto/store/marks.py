"""What people said of candidates, kept with its time; see `aas2rto.tables.marks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, func, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities, names_of
from aas2rto.text.words import MJD_RANGE, iso

_UNREADABLE = schema.marks.c.until.is_not(None) & ~schema.marks.c.until.between(*MJD_RANGE)
"""Marks whose end is no time: each costs itself. Old versions took whatever was written."""


class Marks:
    """What people said.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    def save(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store what somebody said of candidates.

        Parameters
        ----------
        rows : sequence of mapping
            ``candidate_id, kind, at`` and, where they matter, ``until, until_mag,
            until_new_data, observatory, author, comment``; see `aas2rto.tables.marks`.
        """
        with self._access.transaction("marks") as connection:
            self.add(connection, rows)

    def add(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Do the same in a transaction that is open."""
        values = [
            {
                **{name: value for name, value in row.items() if name != "candidate_id"},
                "candidate": self._identities.key_of(row["candidate_id"]),
            }
            for row in rows
        ]
        if not values:
            return
        # Another program may have made it one with another since the names were read.
        gone = schema.merges.c
        query = select(gone.candidate, gone.into)
        keys = [value["candidate"] for value in values if value["candidate"] is not None]
        rows_into = connection.execute(query.where(gone.candidate.in_(keys))).all()
        into = {row.candidate: row.into for row in rows_into}
        for value in values:
            value["candidate"] = into.get(value["candidate"], value["candidate"])
        connection.execute(schema.marks.insert(), values)

    def newest(self) -> int:
        """Return the number of the newest mark; 0 before the first: who sees another reads anew."""
        with self._access.reading() as connection:
            return int(connection.execute(select(func.max(schema.marks.c.id))).scalar() or 0)

    def as_known(self, now: float) -> pd.DataFrame:
        """Return what people had said by `now` [d, MJD UTC], in the order in which they did."""
        table = schema.marks
        columns = [column for column in table.columns if column.name != "id"]
        known = (table.c.at <= now) & ~_UNREADABLE
        query = select(*columns).where(known).order_by(table.c.at, table.c.id)
        with self._access.reading() as connection:
            rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[column.name for column in columns])
        frame = names_of(frame, self._identities.names(now))
        return frame.astype({"until": "float64", "until_mag": "float64", "until_new_data": "bool"})

    def unreadable(self) -> list[str]:
        """Say of each mark that is left out which one it is, and why."""
        table = schema.marks
        query = select(table, schema.candidates.c.candidate_id).where(_UNREADABLE)
        query = query.join(schema.candidates, schema.candidates.c.id == table.c.candidate)
        with self._access.reading() as connection:
            rows = connection.execute(query.order_by(table.c.id)).all()
        return [
            f"{row.kind} of {row.candidate_id} by {row.author or 'somebody'} on {iso(row.at)} UTC "
            f"is left out: it ends at {row.until:.10g}, which is no MJD"
            for row in rows
        ]

    def drop_unreadable(self) -> int:
        """Remove the marks that are left out; return how many there were."""
        with self._access.transaction("marks") as connection:
            return connection.execute(delete(schema.marks).where(_UNREADABLE)).rowcount
