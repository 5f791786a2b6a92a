"""Who was rejected, when and why, and who came back: a history, so that the past can be asked.

A candidate is out at a time if it was rejected by then, and since then no new evidence has brought
it back. A ToO is never out: who asks for a candidate knows more than the factor that rejected it.
"""

from __future__ import annotations

import json
from collections import Counter

import pandas as pd
from sqlalchemy import Connection, Select, and_, func, or_, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.facts import Facts
from aas2rto.store.identities import Identities, names_of
from aas2rto.store.rows import plain
from aas2rto.tables import photometry

COLUMNS = ["candidate_id", "factor", "reason", "at", "row"]


class Rejections:
    """Rejections and revivals.

    Parameters
    ----------
    access : Access
    identities : Identities
    facts : Facts
    """

    def __init__(self, access: Access, identities: Identities, facts: Facts) -> None:
        self._access = access
        self._identities = identities
        self._facts = facts

    def add(self, connection: Connection, rejected: pd.DataFrame, now: float) -> None:
        """Store that candidates were rejected at `now` [d, MJD UTC].

        Parameters
        ----------
        connection : Connection
            In a transaction.
        rejected : DataFrame
            ``candidate_id, factor, reason, row``.
        now : float
        """
        rows = [
            {
                "candidate": self._identities.key_of(row["candidate_id"]),
                "at": now,
                "factor": row["factor"],
                "reason": row["reason"],
                "row": json.dumps(row["row"], default=plain),
            }
            for row in rejected.to_dict("records")
        ]
        if rows:
            connection.execute(
                self._access.insert(schema.rejections).on_conflict_do_nothing(), rows
            )

    def keys(self, now: float) -> set[int]:
        """Return the rows of the candidates that are out at `now` [d, MJD UTC]."""
        with self._access.reading() as connection:
            found = {int(key) for key, _ in connection.execute(_standing(now))}
        return found - self._too(now)

    def _too(self, now: float) -> set[int]:
        known = self._facts.of_candidates(now)
        return set(known.index[known["too"].to_numpy(bool)].tolist())

    def as_known(self, now: float) -> pd.DataFrame:
        """Return who is out at `now`: ``candidate_id, factor, reason, at, row``, sorted by id.

        The reason is the first since the candidate was last in.
        """
        table, standing = schema.rejections, _standing(now).subquery()
        here = and_(table.c.candidate == standing.c.candidate, table.c.at == standing.c.at)
        columns = (table.c.candidate, *(table.c[name] for name in COLUMNS[1:]))
        with self._access.reading() as connection:
            rows = connection.execute(select(*columns).join(standing, here)).all()
        frame = pd.DataFrame(rows, columns=["candidate", *COLUMNS[1:]])
        frame = names_of(
            frame[~frame["candidate"].isin(self._too(now))], self._identities.names(now)
        )
        frame["row"] = frame["row"].map(json.loads)
        return frame.sort_values("candidate_id", kind="stable").reset_index(drop=True)

    def counts(self, now: float) -> dict[str, int]:
        """Return how many of the candidates that are out at `now` each factor has rejected."""
        return dict(Counter(factor for _, factor, _ in self._brief(now)))

    def state(self, now: float) -> str:
        """Say how many candidates are out and since when the last one is; changes with them."""
        times = [at for _, _, at in self._brief(now)]
        return f"{len(times)} rejected" + (f", the last at MJD {max(times):.5f}" if times else "")

    def _brief(self, now: float) -> list[tuple[int, str, float]]:
        """Return candidate, factor and time, without the long words."""
        table, standing = schema.rejections, _standing(now).subquery()
        here = and_(table.c.candidate == standing.c.candidate, table.c.at == standing.c.at)
        query = select(table.c.candidate, table.c.factor, table.c.at).join(standing, here)
        too = self._too(now)
        with self._access.reading() as connection:
            return [tuple(row) for row in connection.execute(query) if row.candidate not in too]

    def reconsider(self, now: float, after_days: float) -> list[str]:
        """Bring back the candidates whose newest detection came long enough after.

        Parameters
        ----------
        now : float
            MJD (UTC); later measurements do not count.
        after_days : float
            Smallest time between the rejection and the detection [day].

        Returns
        -------
        list of str
            The candidates that start afresh, sorted.
        """
        rejection, table = _standing(now).subquery(), schema.photometry
        query = (
            select(rejection.c.candidate)
            .join(table, table.c.candidate == rejection.c.candidate)
            .where(table.c.kind == photometry.DETECTION, table.c.known_at <= now)
            # Who is rejected at this very time has just been judged.
            .where(rejection.c.at < now)
            .group_by(rejection.c.candidate, rejection.c.at)
            .having(func.max(table.c.mjd) >= rejection.c.at + after_days)
        )
        with self._access.transaction("reconsidering") as connection:
            found = sorted(set(connection.execute(query).scalars()) - self._too(now))
            if found:
                revive(self._access, connection, [(key, now) for key in found])
        names = self._identities.names(now)
        return sorted(names[key] for key in found if key in names)


def revive(access: Access, connection: Connection, rows: list[tuple[int, float]]) -> None:
    """Store that candidates came back: the candidate's row, and when [d, MJD UTC]."""
    statement = access.insert(schema.revivals).on_conflict_do_nothing()
    connection.execute(statement, [{"candidate": key, "at": at} for key, at in rows])


def _standing(now: float) -> Select[tuple[int, float]]:
    """Return a query for candidate and time of the rejections that stand at `now`.

    What is rejected at the time at which it came back was judged again in the same cycle.
    """
    out, back = schema.rejections.c, schema.revivals.c
    last = (
        select(back.candidate, func.max(back.at).label("at"))
        .where(back.at <= now)
        .group_by(back.candidate)
        .subquery()
    )
    return (
        select(out.candidate, func.min(out.at).label("at"))
        .join_from(schema.rejections, last, last.c.candidate == out.candidate, isouter=True)
        .where(out.at <= now, or_(last.c.at.is_(None), out.at >= last.c.at))
        .group_by(out.candidate)
    )
