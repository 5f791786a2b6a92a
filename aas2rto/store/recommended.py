"""Who was high in a list, under which version of the config, from the history and the cycles."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import history, schema
from aas2rto.store.standings import FIRST_PLACES, Floats, Rows

COLUMNS = ("candidate_id", "config", "first", "last", "rank", "observatory")


def versions(connection: Connection, now: float) -> tuple[Floats, NDArray[np.object_]]:
    """Return from when on which config ran: the first cycle of each stretch [d, MJD UTC]."""
    table = schema.cycles
    query = select(table.c.at, table.c.config).where(table.c.at <= now).order_by(table.c.at)
    rows = connection.execute(query).all()
    firsts = [next(run) for _, run in itertools.groupby(rows, key=lambda row: row.config)]
    at = np.array([row.at for row in firsts], dtype=float)
    return at, np.array([row.config for row in firsts], dtype=object)


def recommended(
    connection: Connection,
    now: float,
    top: int,
    names: Mapping[int, str],
    merged: Mapping[int, int] | None = None,
) -> pd.DataFrame:
    """Return who stood among the first of a list, by version of the config.

    Parameters
    ----------
    connection : Connection
    now : float
        [d, MJD UTC]
    top : int
        So many places count, 1 to 20: of lower ones the history does not keep every change.
    names : mapping
        From the keys of candidates to their ids.
    merged : mapping, optional
        From the keys of candidates that went into others to theirs.

    Returns
    -------
    DataFrame
        One row for each candidate and config: ``candidate_id, config``, when it ``first`` and
        ``last`` stood there [d, MJD UTC], its best ``rank`` and the ``observatory`` of that list.

    Notes
    -----
    Of days that were thinned (``store: retention``), a place counts that was the last in an hour,
    or a day.
    """
    if not 1 <= top <= FIRST_PLACES:
        raise ValueError(f"top {top}: the history keeps places 1 to {FIRST_PLACES}")
    starts, configs = versions(connection, now)
    rows = history.read(connection, until=now, places=True).sorted()
    until = np.where(rows.is_last(), now, np.append(rows.at[1:], now))
    high = (rows.rank > 0) & (rows.rank <= top)
    rows, until = rows.take(high), until[high]
    if not len(rows) or not len(starts):
        return pd.DataFrame(columns=list(COLUMNS))
    return _by_version(_spread(rows, until, starts, configs), names, dict(merged or {}))


def _spread(
    rows: Rows, until: Floats, starts: Floats, configs: NDArray[np.object_]
) -> pd.DataFrame:
    """Cut each stay at the top where the config changed."""
    first = np.maximum(np.searchsorted(starts, rows.at, side="right") - 1, 0)
    last = np.maximum(np.searchsorted(starts, until, side="left") - 1, first)
    count = last - first + 1
    row = np.repeat(np.arange(len(rows)), count)
    step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    version = first[row] + step
    ends = np.append(starts[1:], np.inf)
    return pd.DataFrame(
        {
            "key": rows.candidate[row],
            "config": configs[version],
            "first": np.maximum(rows.at[row], np.where(step > 0, starts[version], -np.inf)),
            "last": np.minimum(until[row], ends[version]),
            "rank": rows.rank[row],
            "observatory": rows.list[row],
        }
    )


def _by_version(
    stays: pd.DataFrame, names: Mapping[int, str], merged: Mapping[int, int]
) -> pd.DataFrame:
    owner = stays["key"].map(lambda key: merged.get(key, key))
    stays = stays.assign(candidate_id=owner.map(names)).dropna(subset=["candidate_id"])
    # The best place, of equal ones the earliest, says where.
    stays = stays.sort_values(["rank", "first", "observatory"], kind="stable")
    groups = stays.groupby(["candidate_id", "config"], sort=True)
    found = groups.agg(
        first=("first", "min"),
        last=("last", "max"),
        rank=("rank", "first"),
        observatory=("observatory", "first"),
    )
    return found.reset_index()[list(COLUMNS)]
