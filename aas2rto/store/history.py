"""What earlier cycles found, read back: where a candidate has ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sqlalchemy import Connection, func, select

from aas2rto.store import schema
from aas2rto.store.rows import chunks

COLUMNS = ["candidate_id", "observatory", "at", "rank"]


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
