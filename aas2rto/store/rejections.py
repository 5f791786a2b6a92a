"""Who was rejected, when and why, and who came back: a history, so that the past can be asked.

A candidate is out at a time if it was rejected by then, and since then no new evidence has brought
it back. A ToO is never out: who asks for a candidate knows more than the factor that rejected it.

Over a season the rejected become many more than the active. So who is out since when, by which
factor, is held in memory and read anew only after another program has changed it; the long words
are read of those that are asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, delete, func, or_, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.facts import Facts
from aas2rto.store.identities import Identities, names_of
from aas2rto.store.outs import Comings, Out, out_at
from aas2rto.store.rows import chunks, plain
from aas2rto.tables import photometry

COLUMNS = ["candidate_id", "factor", "reason", "at", "row"]

MANY = 5000
"""Of more candidates than this, reading the whole table is quicker than asking for each."""


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
        access.when_lost.append(self._forget)
        self._forget()

    def _forget(self) -> None:
        self._comings: Comings | None = None
        self._number = -1
        self._out: Out | None = None
        self._doubtful: set[int] | None = None
        self._checked = (-1, -1, np.inf, np.nan)

    # -- writing ------------------------------------------------------------------------------

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
                "row": json.dumps(_known(row["row"]), default=plain),
            }
            for row in rejected.to_dict("records")
        ]
        if not rows:
            return
        comings = self._read(connection)
        connection.execute(self._access.insert(schema.rejections).on_conflict_do_nothing(), rows)
        outs = [(row["candidate"], row["at"], row["factor"]) for row in rows]
        self._take(connection, comings.with_outs(outs))

    def revive(self, connection: Connection, rows: list[tuple[int, float]]) -> None:
        """Store that candidates came back: the candidate's row, and when [d, MJD UTC]."""
        comings = self._read(connection)
        statement = self._access.insert(schema.revivals).on_conflict_do_nothing()
        connection.execute(statement, [{"candidate": key, "at": at} for key, at in rows])
        self._take(connection, comings.with_backs(rows))

    def moved(self, connection: Connection, keys: Iterable[int], now: float) -> None:
        """Take note that rows of the tables changed hands; their candidates are judged anew."""
        self._forget()
        self._access.raise_rejections(connection)
        out = {int(key) for key in out_at(self._read(connection), now).candidate}
        if back := [(key, now) for key in keys if key in out]:
            self.revive(connection, back)

    def _take(self, connection: Connection, comings: Comings) -> None:
        """Hold what was just written; other programs see by the number that it was."""
        self._comings, self._out = comings, None
        self._number = self._access.raise_rejections(connection)

    # -- reading ------------------------------------------------------------------------------

    def _read(self, connection: Connection) -> Comings:
        number = self._access.rejections(connection)
        if self._comings is None or number != self._number:
            outs, backs = schema.rejections.c, schema.revivals.c
            out = connection.execute(select(outs.candidate, outs.at, outs.factor)).cursor
            found = out.fetchall()
            back = connection.execute(select(backs.candidate, backs.at)).cursor.fetchall()
            self._comings, self._out = Comings.of(found, back), None
            self._number = number
        return self._comings

    def out(self, now: float) -> Out:
        """Return who is out at `now` [d, MJD UTC], since when, and by which factor."""
        with self._access.reading() as connection:
            comings = self._read(connection)
        if self._out is None or not self._out.since <= now < self._out.until:
            self._out = out_at(comings, now)
        too = self._facts.true_of("too", now)
        return self._out.without(too) if len(too) else self._out

    def keys(self, now: float) -> set[int]:
        """Return the rows of the candidates that are out at `now` [d, MJD UTC]."""
        return set(self.out(now).candidate.tolist())

    def as_known(self, now: float, *, only: Iterable[str] | None = None) -> pd.DataFrame:
        """Return who is out at `now`: ``candidate_id, factor, reason, at, row``, sorted by id.

        The reason is the first since the candidate was last in.

        Parameters
        ----------
        now : float
            [d, MJD UTC]
        only : iterable of str, optional
            Candidates by their ids at that time; by default all that are out.
        """
        out, names = self.out(now), self._identities.names(now)
        since = dict(zip(out.candidate.tolist(), out.at.tolist(), strict=True))
        if only is not None:
            wanted = set(only)
            since = {key: at for key, at in since.items() if names.get(key) in wanted}
        table = schema.rejections
        query = select(table.c.candidate, *(table.c[name] for name in COLUMNS[1:]))
        parts = [query]
        if len(since) <= MANY:
            parts = [query.where(table.c.candidate.in_(part)) for part in chunks(sorted(since))]
        with self._access.reading() as connection:
            rows = [
                tuple(row)
                for part in parts
                for row in connection.execute(part)
                if since.get(row.candidate) == row.at
            ]
        frame = names_of(pd.DataFrame(rows, columns=["candidate", *COLUMNS[1:]]), names)
        frame["row"] = frame["row"].map(json.loads)
        return frame.sort_values("candidate_id", kind="stable").reset_index(drop=True)

    def times(self, now: float) -> pd.Series:
        """Return since when who is out at `now` is so [d, MJD UTC], by candidate_id, sorted."""
        out, names = self.out(now), self._identities.names(now)
        pairs = zip(map(names.get, out.candidate.tolist()), out.at.tolist(), strict=True)
        found = sorted((name, at) for name, at in pairs if name is not None)
        index = pd.Index([name for name, _ in found], dtype=object)
        return pd.Series([at for _, at in found], index=index, dtype=float)

    def counts(self, now: float) -> dict[str, int]:
        """Return how many of the candidates that are out at `now` each factor has rejected."""
        return dict(Counter(self.out(now).factor.tolist()))

    def by(self, now: float, factors: Collection[str]) -> list[str]:
        """Return who is out at `now` [d, MJD UTC] by some factors, sorted."""
        out, names = self.out(now), self._identities.names(now)
        chosen = out.candidate[np.isin(out.factor, list(factors))].tolist()
        return sorted(names[key] for key in chosen if key in names)

    def state(self, now: float) -> str:
        """Say how many candidates are out and since when the last one is; changes with them."""
        at = self.out(now).at
        return f"{len(at)} rejected" + (f", the last at MJD {at.max():.5f}" if len(at) else "")

    # -- coming back --------------------------------------------------------------------------

    def doubt(self, keys: Iterable[int]) -> None:
        """Take note of candidates with new measurements: they may have to come back."""
        if self._doubtful is not None:
            self._doubtful |= set(keys)

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
        out = self.out(now)
        with self._access.transaction("reconsidering") as connection:
            chosen = self._to_check(connection, now, after_days)
            # Who is rejected at this very time has just been judged.
            could = (out.at < now) & (out.at + after_days <= now)
            if chosen is not None:
                could &= np.isin(out.candidate, np.array(sorted(chosen), dtype=np.int64))
            since = dict(zip(out.candidate[could].tolist(), out.at[could].tolist(), strict=True))
            newest = _newest_detections(connection, sorted(since), now)
            found = sorted(key for key, mjd in newest.items() if mjd >= since[key] + after_days)
            if found:
                self.revive(connection, [(key, now) for key in found])
            later = _known_later(connection, chosen, now)
            self._checked = (*self._access.raised(connection), now, after_days)
        self._doubtful = later
        names = self._identities.names(now)
        return sorted(names[key] for key in found if key in names)

    def judge_anew(self, now: float, factors: Collection[str]) -> int:
        """Bring back all whom some factors have rejected; return how many.

        Parameters
        ----------
        now : float
            MJD (UTC). A rejection of this very time is taken back: the cycle that follows
            replaces the one that found it.
        factors : collection of str
        """
        out = self.out(now)
        chosen = np.isin(out.factor, list(factors))
        if not chosen.any():
            return 0
        same = chosen & (out.at == now)
        back = out.candidate[chosen & ~same].tolist()
        table = schema.rejections
        with self._access.transaction("judging anew") as connection:
            for part in chunks(out.candidate[same].tolist()):
                gone = table.c.candidate.in_(part) & (table.c.at == now)
                connection.execute(delete(table).where(gone))
            if same.any():
                self._comings = None
                self._access.raise_rejections(connection)
            if back:
                self.revive(connection, [(key, now) for key in back])
        return int(chosen.sum())

    def _to_check(self, connection: Connection, now: float, after_days: float) -> set[int] | None:
        """Return who has new measurements since the last time; None if that may be anybody."""
        number, own, checked, after = self._checked
        number_now, own_now = self._access.raised(connection)
        by_others = number_now - number != own_now - own
        if self._doubtful is None or by_others or now < checked or after_days != after:
            return None
        return self._doubtful


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is not known: three quarters of what a season's rejections would weigh.

    Factors stay, for the order in which lists have them.
    """
    return {
        name: value
        for name, value in row.items()
        if name.startswith("factor_") or not (isinstance(value, float) and np.isnan(value))
    }


def _newest_detections(connection: Connection, keys: Sequence[int], now: float) -> dict[int, float]:
    """Return when candidates were last detected, as known at `now` [d, MJD UTC]."""
    table = schema.photometry
    query = (
        select(table.c.candidate, func.max(table.c.mjd))
        .where(table.c.kind == photometry.DETECTION)
        .where(table.c.known_at <= now, table.c.mjd <= now)
        .group_by(table.c.candidate)
    )
    parts = [query.where(table.c.candidate.in_(part)) for part in chunks(keys)]
    wanted = set(keys)
    rows = [
        (int(key), float(mjd))
        for part in ([query] if len(keys) > MANY else parts)
        for key, mjd in connection.execute(part)
    ]
    return {key: mjd for key, mjd in rows if key in wanted}


def _known_later(connection: Connection, chosen: set[int] | None, now: float) -> set[int]:
    """Return who of the chosen, or of all, has a detection that is not known at `now` yet."""
    table = schema.photometry
    query = select(table.c.candidate).distinct().where(table.c.kind == photometry.DETECTION)
    query = query.where(or_(table.c.known_at > now, table.c.mjd > now))
    parts = [query]
    if chosen is not None:
        parts = [query.where(table.c.candidate.in_(part)) for part in chunks(sorted(chosen))]
    return {int(key) for part in parts for key in connection.execute(part).scalars()}
