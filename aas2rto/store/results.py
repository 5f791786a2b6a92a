"""What cycles found: scores, ranks and reports; and where a candidate has ranked."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Table, delete, func, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities
from aas2rto.store.rows import chunks, plain, records

COLUMNS = ["candidate_id", "observatory", "at", "rank"]


class Results:
    """What cycles found.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities

    def add(
        self,
        connection: Connection,
        now: float,
        *,
        scores: pd.DataFrame,
        ranks: pd.DataFrame,
        report: Mapping[str, Any],
    ) -> None:
        """Store what a cycle found, in place of what an earlier one at this time did.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        now : float
            [d, MJD UTC]
        scores, ranks, report
            See `Store.save_cycle`.
        """
        for table in (schema.scores, schema.ranks, schema.cycles):
            connection.execute(delete(table).where(table.c.at == now))
        self._insert(connection, schema.scores, scores, now)
        self._insert(connection, schema.ranks, ranks, now)
        connection.execute(
            schema.cycles.insert().values(
                at=now,
                version=report["version"],
                config=report["config"],
                report=json.dumps(report, default=plain),
            )
        )

    def amend(self, now: float, report: Mapping[str, Any]) -> None:
        """Put the last version of a cycle's report in the place of that it was stored with."""
        table = schema.cycles
        with self._access.transaction("the report of the cycle") as connection:
            statement = table.update().where(table.c.at == now)
            connection.execute(statement.values(report=json.dumps(report, default=plain)))

    def _insert(
        self, connection: Connection, table: Table, frame: pd.DataFrame, now: float
    ) -> None:
        if frame.empty:
            return
        keys = self._identities.keys_of(frame["candidate_id"].unique())
        frame = frame.assign(candidate=frame["candidate_id"].map(keys), at=now)
        names = [column.name for column in table.columns if column.name in frame]
        connection.execute(table.insert(), records(frame, names))

    def newest_cycle(self) -> float | None:
        """Return when the newest cycle was [d, MJD UTC]; None before the first."""
        with self._access.reading() as connection:
            return newest_cycle(connection, math.inf)

    def last_scores(self, now: float = math.inf) -> pd.Series:
        """Return the newest score of each candidate by `now` [d, MJD UTC], by candidate_id."""
        table = schema.scores
        newest = (
            select(table.c.candidate, func.max(table.c.at).label("at"))
            .where(table.c.at <= now)
            .group_by(table.c.candidate)
            .subquery()
        )
        query = select(table.c.candidate, table.c.score).join(
            newest, (newest.c.candidate == table.c.candidate) & (newest.c.at == table.c.at)
        )
        with self._access.reading() as connection:
            pairs = connection.execute(query).all()
        names = self._identities.names(now)
        found = {names[row.candidate]: row.score for row in pairs if row.candidate in names}
        return pd.Series(found, dtype=float)

    def rank_history(
        self,
        candidate_ids: Iterable[str],
        observatories: Sequence[str],
        *,
        since: float,
        until: float,
    ) -> pd.DataFrame:
        """Return where candidates have ranked, see :func:`rank_history`."""
        ids = self._identities.keys_of(candidate_ids)
        with self._access.reading() as connection:
            return rank_history(connection, ids, observatories, since, until)

    def before(
        self, candidate_ids: Iterable[str], observatories: Sequence[str], now: float
    ) -> Before:
        """Return what the cycle before `now` [d, MJD UTC] said of some candidates."""
        ids = self._identities.keys_of(candidate_ids)
        with self._access.reading() as connection:
            return before(connection, ids, observatories, now)


def rank_history(
    connection: Connection,
    ids: Mapping[str, int],
    observatories: Sequence[str],
    since: float,
    until: float,
) -> pd.DataFrame:
    """Return the ranks of some candidates over time.

    Parameters
    ----------
    connection : Connection
    ids : mapping
        From candidate_id to the key of its row.
    observatories : sequence of str
    since, until : float
        [d, MJD UTC], both included.

    Returns
    -------
    DataFrame
        ``candidate_id, observatory, at, rank``, sorted; one row for each cycle after a
        candidate first ranked at a site, with a rank of NaN where it did not.
    """
    table, cycles = schema.ranks, schema.cycles
    names = {key: name for name, key in ids.items()}
    query = select(table.c.candidate, table.c.observatory, table.c.at, table.c.rank)
    # With all three columns of its key given, the database reads no other rows.
    query = query.where(table.c.observatory.in_(list(observatories)))
    query = query.where(table.c.at >= since, table.c.at <= until)
    rows = [
        (names[key], site, at, rank)
        for part in chunks(sorted(names))
        for key, site, at, rank in connection.execute(query.where(table.c.candidate.in_(part)))
    ]
    ranked = pd.DataFrame(rows, columns=COLUMNS).astype({"at": float, "rank": float})
    times = connection.execute(
        select(cycles.c.at).where(cycles.c.at >= since, cycles.c.at <= until).order_by(cycles.c.at)
    ).scalars()
    return _with_gaps(ranked, np.array(list(times), dtype=float))


def _with_gaps(
    ranked: pd.DataFrame, times: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> pd.DataFrame:
    """Add a row for each cycle that did not rank a candidate where an earlier one did."""
    if ranked.empty:
        return ranked
    parts = []
    for (name, site), rows in ranked.groupby(["candidate_id", "observatory"], sort=True):
        found = rows.set_index("at")["rank"]
        seen = times[times >= found.index.min()]
        every = found.reindex(np.union1d(seen, found.index.to_numpy()))
        parts.append(
            pd.DataFrame(
                {"candidate_id": name, "observatory": site, "at": every.index, "rank": every.array}
            )
        )
    return pd.concat(parts, ignore_index=True)


def newest_cycle(connection: Connection, before: float) -> float | None:
    """Return when the newest cycle before some time was [d, MJD UTC]; None if there is none."""
    query = select(func.max(schema.cycles.c.at)).where(schema.cycles.c.at < before)
    found = connection.execute(query).scalar_one()
    return None if found is None else float(found)


@dataclass(frozen=True)
class Before:
    """What the cycle before said of some candidates.

    Parameters
    ----------
    at : float or None
        When it was [d, MJD UTC]; None if there was none.
    ranks : mapping
        From candidate_id to its rank at each observatory that ranked it.
    scores : mapping
        From candidate_id to its score, -1 where it was excluded.
    """

    at: float | None = None
    ranks: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)


def before(
    connection: Connection, ids: Mapping[str, int], observatories: Sequence[str], now: float
) -> Before:
    """Return what the newest cycle before `now` [d, MJD UTC] said of some candidates."""
    at = newest_cycle(connection, now)
    if at is None:
        return Before()
    names = {key: name for name, key in ids.items()}
    ranks: dict[str, dict[str, int]] = {}
    scores: dict[str, float] = {}
    table = schema.ranks
    for part in chunks(sorted(names)):
        query = select(table.c.candidate, table.c.observatory, table.c.rank).where(
            table.c.candidate.in_(part),
            table.c.observatory.in_(list(observatories)),
            table.c.at == at,
        )
        for key, site, rank in connection.execute(query):
            ranks.setdefault(names[key], {})[site] = rank
        of_score = schema.scores
        chosen = select(of_score.c.candidate, of_score.c.score).where(
            of_score.c.candidate.in_(part), of_score.c.at == at
        )
        for key, score in connection.execute(chosen):
            scores[names[key]] = float("nan") if score is None else score
    return Before(at, ranks, scores)
