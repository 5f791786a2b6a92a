"""What cycles found: scores, ranks and reports; and where a candidate has ranked.

Of the newest cycle everything is kept, of those before it only what changed. A cycle of an earlier
time than the newest adds to the history alone; one of the same time as another replaces it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, func, select

from aas2rto.errors import StoreError
from aas2rto.store import history, schema
from aas2rto.store.access import Access
from aas2rto.store.current import Current
from aas2rto.store.identities import Identities
from aas2rto.store.ranked import rank_history
from aas2rto.store.recommended import recommended, versions
from aas2rto.store.rows import plain
from aas2rto.store.standings import (
    CHANGED,
    LEFT,
    RETURNED,
    SCORES,
    Rows,
    Standings,
    changes,
    place_of,
    standing,
    union,
)


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
        self._current = Current()
        access.when_lost.append(self._current.forget)

    # -- writing ------------------------------------------------------------------------------

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
        found = self._standings(now, scores, ranks)
        newest = max(self._current.times(connection), default=-math.inf)
        if now < newest:
            self._add_to_the_past(connection, found)
        else:
            if now == newest:
                history.drop(connection, now)
            rows, found = changes(self._before(connection, now), found)
            history.add(connection, rows)
            self._current.take(connection, found)
        table = schema.cycles
        connection.execute(delete(table).where(table.c.at == now))
        connection.execute(
            table.insert().values(
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

    def _standings(self, now: float, scores: pd.DataFrame, ranks: pd.DataFrame) -> Standings:
        """Put scores and ranks beside each other, by the candidates' rows."""
        of_scores, of_ranks = self._keys(scores), self._keys(ranks)
        candidate = union(of_scores, of_ranks)
        found = Standings(now, candidate)
        score = np.full(len(candidate), np.nan)
        decision, factor = (np.full(len(candidate), "", dtype=object) for _ in range(2))
        if len(of_scores):
            at = found.where(of_scores)
            score[at] = scores["score"].to_numpy(float)
            decision[at] = scores["decision"].to_numpy(object)
            factor[at] = scores["factor"].to_numpy(object)
        places = {}
        if len(of_ranks):
            code, sites = pd.factorize(ranks["observatory"].to_numpy(object), sort=True)
            rank = ranks["rank"].to_numpy(np.int64)
            site_score = ranks["site_score"].to_numpy(float)
            for number, site in enumerate(sites.tolist()):
                here = np.flatnonzero(code == number)
                at = found.where(of_ranks[here])
                places[site] = place_of(len(candidate), at, rank[here], site_score[here])
        return Standings(now, candidate, score, decision, factor, score, places)

    def _keys(self, frame: pd.DataFrame) -> NDArray[np.int64]:
        if frame.empty:
            return np.empty(0, dtype=np.int64)
        names = frame["candidate_id"].to_numpy(object)
        keys = self._identities.rows_of(names)
        if (keys < 0).any():
            nobody = names[int(np.argmin(keys))]
            raise StoreError(
                f"results of the cycle: the store did not take it: there is no candidate {nobody!r}"
            )
        return keys

    def _before(self, connection: Connection, now: float) -> Standings:
        """Return what stood before the cycle at `now`, with the scores that were kept last."""
        times = [at for at in self._current.times(connection) if at < now]
        low = times[-1] if times else -math.inf
        # A cycle in between that was run late knows better, but of it only the news are kept.
        if history.lies_between(connection, low, now):
            return standing(history.read(connection, until=now), np.nextafter(now, -math.inf))
        return self._current.of(connection, low) if times else Standings(-math.inf)

    def _add_to_the_past(self, connection: Connection, found: Standings) -> None:
        """Add an earlier cycle's news; what stood at the next cycle stands there as before."""
        now, table = found.at, schema.cycles
        after = select(func.min(table.c.at)).where(table.c.at > now)
        later = connection.execute(after).scalar_one()
        old = history.read(connection)
        kept = old.take(old.at != now)
        history.drop(connection, now)
        self._current.drop(connection, now)
        rows, _ = changes(standing(kept, now), found)
        history.add(connection, rows)
        if later is not None:
            touched = np.union1d(old.candidate[old.at == now], rows.candidate)
            new = Rows.joined([kept, rows])
            old, new = (one.take(np.isin(one.candidate, touched)) for one in (old, new))
            history.add(connection, restored(old, new, float(later)))

    # -- reading ------------------------------------------------------------------------------

    def newest_cycle(self) -> float | None:
        """Return when the newest cycle was [d, MJD UTC]; None before the first."""
        with self._access.reading() as connection:
            return newest_cycle(connection, math.inf)

    def report(self, now: float) -> dict[str, Any]:
        """Return what the newest cycle by `now` [d, MJD UTC] told; empty before the first."""
        return next(iter(self.reports(now, 1)), {})

    def reports(self, now: float, most: int) -> list[dict[str, Any]]:
        """Return what the newest cycles by `now` [d, MJD UTC] told, the newest first."""
        table = schema.cycles
        query = select(table.c.report).where(table.c.at <= now).order_by(table.c.at.desc())
        with self._access.reading() as connection:
            return [json.loads(one) for one in connection.execute(query.limit(most)).scalars()]

    def last_scores(self, now: float = math.inf) -> pd.Series:
        """Return the scores of the newest cycle by `now` [d, MJD UTC], by candidate_id.

        Of a cycle before the newest two, each score is the one that the history kept last, from
        which it had not moved by more than a tenth.
        """
        with self._access.reading() as connection:
            found = self._at(connection, newest_cycle(connection, math.nextafter(now, math.inf)))
        names = self._identities.names(now)
        scored = found.decision != ""
        pairs = zip(found.candidate[scored].tolist(), found.score[scored].tolist(), strict=True)
        return pd.Series({names[key]: score for key, score in pairs if key in names}, dtype=float)

    def _at(self, connection: Connection, at: float | None) -> Standings:
        """Return what the cycle at `at` found; of an older one what the history kept."""
        if at is None:
            return Standings(-math.inf)
        if at in self._current.times(connection):
            return self._current.of(connection, at)
        return standing(history.read(connection, until=at), at)

    def rank_history(
        self,
        candidate_ids: Iterable[str],
        observatories: Sequence[str],
        *,
        since: float,
        until: float,
    ) -> pd.DataFrame:
        """Return where candidates have ranked, see :func:`aas2rto.store.ranked.rank_history`."""
        ids = self._identities.keys_of(candidate_ids)
        with self._access.reading() as connection:
            times = [at for at in self._current.times(connection) if at <= until]
            newest = self._current.of(connection, times[-1]) if times else None
            merged = self._identities.merged(ids.values())
            return rank_history(connection, ids, observatories, (since, until), newest, merged)

    def times(self, since: float, until: float) -> list[float]:
        """Return when cycles were, both ends included [d, MJD UTC], the oldest first."""
        at = schema.cycles.c.at
        query = select(at).where(at >= since, at <= until).order_by(at)
        with self._access.reading() as connection:
            return [float(one) for one in connection.execute(query).scalars()]

    def list_at(self, at: float, observatory: str = "") -> pd.DataFrame:
        """Return a list as the newest cycle by some time had it.

        Parameters
        ----------
        at : float
            [d, MJD UTC]
        observatory : str
            Empty: all that were kept, by their scores.

        Returns
        -------
        DataFrame
            ``candidate_id, rank, score``, by rank. Of a cycle before the newest two, places below
            the first twenty and scores are those that the history kept last.
        """
        with self._access.reading() as connection:
            newest = newest_cycle(connection, math.nextafter(at, math.inf))
            found = self._at(connection, newest)
        names = self._identities.names(at)
        if observatory:
            place = found.places.get(observatory)
            empty = np.zeros(len(found.candidate), dtype=np.int64)
            rank = empty if place is None else place.rank
            score = found.score if place is None else place.site_score
            rows = np.flatnonzero(rank > 0)
            rows = rows[np.argsort(rank[rows], kind="stable")]
            ranks = rank[rows]
        else:
            score = found.score
            rows = np.flatnonzero((found.decision == "keep") & np.isfinite(score))
            rows = rows[np.argsort(-score[rows], kind="stable")]
            ranks = np.arange(1, len(rows) + 1)
        ids = [names.get(key, "") for key in found.candidate[rows].tolist()]
        frame = pd.DataFrame({"candidate_id": ids, "rank": ranks, "score": score[rows]})
        return frame[frame["candidate_id"] != ""].reset_index(drop=True)

    def recommended(self, now: float, top: int) -> pd.DataFrame:
        """Return who was high in a list, see :func:`aas2rto.store.recommended.recommended`."""
        with self._access.reading() as connection:
            names = self._identities.names(now)
            merged = self._identities.merged(names)
            return recommended(connection, now, top, names, merged)

    def versions(self, now: float) -> pd.DataFrame:
        """Return from when on which config ran: ``at`` [d, MJD UTC] and ``config``."""
        with self._access.reading() as connection:
            at, config = versions(connection, now)
        return pd.DataFrame({"at": at, "config": config})

    def leaders(self, now: float, n: int) -> dict[str, frozenset[str]]:
        """Return who was among the first `n` of each site's list in the cycle before `now`.

        Parameters
        ----------
        now : float
            [d, MJD UTC]
        n : int
            Up to 20: lower places the history need not know.
        """
        with self._access.reading() as connection:
            found = self._at(connection, newest_cycle(connection, now))
        names = self._identities.names(now)
        return {
            site: frozenset(
                names[key]
                for key in found.candidate[(place.rank > 0) & (place.rank <= n)].tolist()
                if key in names
            )
            for site, place in found.places.items()
        }

    def before(
        self, candidate_ids: Iterable[str], observatories: Sequence[str], now: float
    ) -> Before:
        """Return what the cycle before `now` [d, MJD UTC] said of some candidates.

        Of a cycle before the newest two, scores and low places are those that the history kept.
        """
        ids = self._identities.keys_of(candidate_ids)
        with self._access.reading() as connection:
            at = newest_cycle(connection, now)
            if at is None:
                return Before()
            found = self._at(connection, at)
        names = list(ids)
        where = found.where(np.array([ids[name] for name in names], dtype=np.int64))
        scores = {
            name: float(found.score[row])
            for name, row in zip(names, where.tolist(), strict=True)
            if row >= 0 and found.decision[row]
        }
        ranks: dict[str, dict[str, int]] = {}
        for site in (site for site in observatories if site in found.places):
            rank = found.places[site].rank
            for name, row in zip(names, where.tolist(), strict=True):
                if row >= 0 and rank[row]:
                    ranks.setdefault(name, {})[site] = int(rank[row])
        return Before(at, ranks, scores)


def restored(old: Rows, new: Rows, at: float) -> Rows:
    """Return the rows that make stand at `at` [d, MJD UTC] in `new` what stood there in `old`.

    Parameters
    ----------
    old, new : Rows
        A history before and after a cycle of an earlier time was added to it.
    at : float
        Of the next cycle.
    """
    was, now = (_last_rows(rows, at) for rows in (old, new))
    there = {pair for pair, row in now.items() if row.at[0] == at}
    rows = []
    for pair in sorted(was.keys() | now.keys()):
        before, after = was.get(pair), now.get(pair)
        if pair in there or _say_the_same(before, after):
            continue
        if before is None or before.kind[0] == LEFT:
            rows.append(_said_at(after or before, at, LEFT))
        else:
            is_new = after is None or after.kind[0] == LEFT
            rows.append(_said_at(before, at, RETURNED if is_new else CHANGED))
    return Rows.joined(rows)


def _last_rows(rows: Rows, at: float) -> dict[tuple[str, int], Rows]:
    seen = rows.take(rows.at <= at).sorted()
    last = seen.take(seen.is_last())
    pairs = zip(last.list.tolist(), last.candidate.tolist(), strict=True)
    return {pair: last.take(np.array([row])) for row, pair in enumerate(pairs)}


def _say_the_same(one: Rows | None, other: Rows | None) -> bool:
    gone = [row is None or row.kind[0] == LEFT for row in (one, other)]
    if any(gone) or one is None or other is None:
        return all(gone)
    score = np.array_equal(one.score, other.score, equal_nan=True) or one.list[0] != SCORES
    return bool(
        score
        and one.rank[0] == other.rank[0]
        and one.decision[0] == other.decision[0]
        and one.factor[0] == other.factor[0]
    )


def _said_at(row: Rows | None, at: float, kind: int) -> Rows:
    if row is None:
        raise AssertionError("one of both is there")
    one = row.columns() | {"at": np.array([at]), "kind": np.array([kind])}
    if kind == LEFT:
        word = np.array([""], dtype=object)
        one |= {"rank": np.array([0]), "score": np.array([np.nan])}
        one |= {"decision": word, "factor": word}
    return Rows(**one)


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
