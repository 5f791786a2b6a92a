"""The best score of each candidate on each day: what a snapshot is drawn from.

The history of scores will not do: it keeps no small changes, and thins what is old. Here each
score that is above all earlier ones of its day is a row, exact and for ever, so that a day that is
replayed, or asked for a year later, gives the same. Only cycles of a config that asks for snapshots
write here, and only what they keep.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities

COLUMNS = ("day", "candidate_id", "at", "score", "newest")


class DailyBest:
    """The best scores of days.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    def add(self, connection: Connection, kept: pd.DataFrame, now: float) -> None:
        """Store the scores of a cycle that are above all earlier ones of its day.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        kept : DataFrame
            ``candidate_id, score, newest``: of its newest alert [d, MJD UTC], NaN if unknown.
        now : float
            [d, MJD UTC]; what an earlier run of the cycle at this time stored gives way.
        """
        table, day = schema.daily_best, math.floor(now)
        connection.execute(delete(table).where(table.c.at == now))
        query = select(table.c.candidate, table.c.score)
        before: dict[int, float] = {}
        for key, score in connection.execute(query.where(table.c.day == day, table.c.at < now)):
            before[key] = max(score, before.get(key, -math.inf))
        keys = self._identities.rows_of(kept["candidate_id"].to_numpy(object)).tolist()
        values = zip(keys, kept["score"].tolist(), kept["newest"].tolist(), strict=True)
        rows = [
            {
                "day": day,
                "candidate": key,
                "at": now,
                "score": float(score),
                "newest": float(newest) if math.isfinite(newest) else None,
            }
            for key, score, newest in values
            if score > before.get(key, -math.inf)
        ]
        if rows:
            connection.execute(table.insert(), rows)

    def as_known(self, now: float) -> pd.DataFrame:
        """Return all rows that were known at `now` [d, MJD UTC], see `COLUMNS`, in their order."""
        table = schema.daily_best
        names = self._identities.names(now)
        query = select(table.c.day, table.c.candidate, table.c.at, table.c.score, table.c.newest)
        with self._access.reading() as connection:
            rows = connection.execute(query.where(table.c.at <= now)).all()
        found = [(d, names[key], at, s, n) for d, key, at, s, n in rows if key in names]
        told = pd.DataFrame(found, columns=list(COLUMNS))
        told["newest"] = told["newest"].astype(float).fillna(-np.inf)
        return told.sort_values(["day", "candidate_id", "at"], ignore_index=True)
