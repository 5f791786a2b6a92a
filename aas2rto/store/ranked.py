"""Where candidates have ranked over time, from the history and the newest cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from aas2rto.store import history
from aas2rto.store.standings import CHANGED, FIRST, RETURNED, Ints, Rows, Standings

COLUMNS = ["candidate_id", "observatory", "at", "rank"]


def rank_history(
    connection: Connection,
    ids: Mapping[str, int],
    observatories: Sequence[str],
    span: tuple[float, float],
    newest: Standings | None,
    merged: Mapping[int, int] | None = None,
) -> pd.DataFrame:
    """Return the ranks of some candidates over time.

    Parameters
    ----------
    connection : Connection
    ids : mapping
        From candidate_id to the key of its row.
    observatories : sequence of str
    span : tuple of float
        From when until when [d, MJD UTC], both included.
    newest : Standings or None
        Of the newest cycle that is there as a whole, if it is not after the end.
    merged : mapping, optional
        From the keys of candidates that went into these to theirs: before one of these was in a
        list itself, it stood where they did.

    Returns
    -------
    DataFrame
        ``candidate_id, observatory, at, rank``, sorted: one row at the beginning of the span for
        who was in a list before, one for each change that was kept, with a rank of NaN where
        a candidate was not in the list, and one for the newest cycle. Nothing is said of the time
        before a candidate first ranked at a site.
    """
    keys = np.array(sorted(set(ids.values())), dtype=np.int64)
    (since, until), into = span, dict(merged or {})
    every_key = np.array(sorted({*keys.tolist(), *into}), dtype=np.int64)
    rows = history.read(connection, since=since, until=until, candidates=every_key)
    rows = _as_one(rows.take(np.isin(rows.list, list(observatories))), into)
    now = _newest_rows(newest, keys, observatories, since)
    wanted = _in_a_list_before(rows, now)
    wanted |= {(site, key) for key, root in into.items() for site, one in wanted if one == root}
    earlier = _as_one(history.last_before(connection, since, wanted), into)
    earlier = _said_at(earlier.sorted(), since)
    earlier = earlier.take(earlier.is_last())
    # The newest cycle's place is the exact one: it stands for a row of the same time.
    every = Rows.joined([earlier, rows, now]).sorted()
    every = every.take(every.is_last(every.at))
    return _as_frame(every, {key: name for name, key in ids.items()})


def _as_one(rows: Rows, into: Mapping[int, int]) -> Rows:
    """Give rows of candidates that went into another to that one, until it has rows of its own."""
    if not into or not len(rows):
        return rows
    owner = np.array([into.get(key, key) for key in rows.candidate.tolist()], dtype=np.int64)
    own = owner == rows.candidate
    pairs = list(zip(rows.list.tolist(), owner.tolist(), strict=True))
    first: dict[tuple[str, int], float] = {}
    for pair, at, is_own in zip(pairs, rows.at.tolist(), own.tolist(), strict=True):
        if is_own:
            first[pair] = min(at, first.get(pair, np.inf))
    begun = np.array([first.get(pair, np.inf) for pair in pairs])
    kept = own | (rows.at < begun)
    return Rows(**{**rows.columns(), "candidate": owner}).take(kept)


def _newest_rows(
    newest: Standings | None, keys: Ints, observatories: Sequence[str], since: float
) -> Rows:
    """Return the newest cycle as rows of the history: who is in the lists, and who is not."""
    if newest is None or newest.at < since:
        return Rows.joined([])
    where = newest.where(keys)
    parts = []
    for site in observatories:
        place = newest.places.get(site)
        rank = np.zeros(len(keys), dtype=np.int64)
        if place is not None:
            rank[where >= 0] = place.rank[where[where >= 0]]
        n, word = len(keys), np.full(len(keys), "", dtype=object)
        kind = np.full(n, CHANGED, dtype=np.int64)
        at, score = np.full(n, newest.at), np.full(n, np.nan)
        site_name = np.full(n, site, dtype=object)
        parts.append(Rows(site_name, keys, at, kind, rank, score, word, word))
    return Rows.joined(parts)


def _in_a_list_before(rows: Rows, now: Rows) -> set[tuple[str, int]]:
    """Return whose first word in a span says that it was in the list before: list, candidate."""
    ordered = rows.sorted()
    pairs = list(zip(ordered.list.tolist(), ordered.candidate.tolist(), strict=True))
    first = dict(zip(reversed(pairs), reversed(ordered.kind.tolist()), strict=True))
    found = {pair for pair, kind in first.items() if kind not in {FIRST, RETURNED}}
    listed = now.take(now.rank > 0)
    still = set(zip(listed.list.tolist(), listed.candidate.tolist(), strict=True))
    return found | (still - first.keys())


def _said_at(rows: Rows, at: float) -> Rows:
    return Rows(**{**rows.columns(), "at": np.full(len(rows), at)})


def _as_frame(rows: Rows, names: Mapping[int, str]) -> pd.DataFrame:
    """Return the rows since each candidate first ranked at a site, by their names."""
    frame = pd.DataFrame(
        {
            "candidate_id": [names[key] for key in rows.candidate.tolist()],
            "observatory": rows.list,
            "at": rows.at,
            "rank": np.where(rows.rank > 0, rows.rank, np.nan),
        },
        columns=COLUMNS,
    )
    frame = frame.astype({"at": float, "rank": float})
    ranked = frame["rank"].notna().groupby([frame["candidate_id"], frame["observatory"]])
    frame = frame[ranked.cummax().astype(bool)] if len(frame) else frame
    return frame.sort_values(COLUMNS[:3], kind="stable", ignore_index=True)
