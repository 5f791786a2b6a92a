"""What a cycle found of all candidates, and which of it is news since the cycle before.

A row is kept in the history where a candidate's decision or its deciding factor changed, where its
place in a list changed and one of both places is among the first `FIRST_PLACES`, where it entered
or left a list, and where its score moved by more than `SHARE` since the row that was kept last.
What only moves with the clock, such as a place farther down, is no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FIRST_PLACES = 20
"""Changes of a place are kept down to here."""

SHARE = 0.1
"""A score that moved by more than this part of the one kept last is news."""

CHANGED, FIRST, LEFT, RETURNED = range(4)
"""Kinds of rows: something changed; the first of a candidate in a list; it left the list, which is
the row's only word; it came back."""

SCORES = ""
"""The list of all scores among the names of the observatories' lists."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Words = NDArray[np.object_]


@dataclass(frozen=True)
class Place:
    """Where candidates stand in the list of an observatory; in the order of its `Standings`.

    Parameters
    ----------
    rank : ndarray of int
        0: not in the list.
    site_score : ndarray of float
    ever : ndarray of bool
        Whether it was in the list since it is judged.
    """

    rank: Ints
    site_score: Floats
    ever: Bools


@dataclass(frozen=True)
class Standings:
    """What was found of the candidates at some time.

    Parameters
    ----------
    at : float
        [d, MJD UTC]
    candidate : ndarray of int
        Their rows, sorted, each once.
    score : ndarray of float
        -1: excluded.
    decision, factor : ndarray of str
        An empty decision: ranked, but without a score.
    kept : ndarray of float
        The score of the row that the history kept last.
    places : mapping of str to Place
        By observatory.
    """

    at: float
    candidate: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    score: Floats = field(default_factory=lambda: np.empty(0))
    decision: Words = field(default_factory=lambda: np.empty(0, dtype=object))
    factor: Words = field(default_factory=lambda: np.empty(0, dtype=object))
    kept: Floats = field(default_factory=lambda: np.empty(0))
    places: Mapping[str, Place] = field(default_factory=dict)

    def where(self, candidates: Ints) -> NDArray[np.intp]:
        """Return where candidates stand in the columns; -1 for those that do not."""
        at = np.searchsorted(self.candidate, candidates)
        at[at == len(self.candidate)] = 0
        if not len(self.candidate):
            return np.full(len(candidates), -1, dtype=np.intp)
        return np.where(self.candidate[at] == candidates, at, -1)


@dataclass(frozen=True)
class Rows:
    """Rows of the history, as columns.

    Parameters
    ----------
    list : ndarray of str
        `SCORES` or an observatory.
    candidate : ndarray of int
    at : ndarray of float
        [d, MJD UTC]
    kind : ndarray of int
    rank : ndarray of int
        0 for a score, and for who left.
    score : ndarray of float
        The score, or in the list of an observatory the site score; NaN for who left.
    decision, factor : ndarray of str
        Of scores.
    """

    list: Words
    candidate: Ints
    at: Floats
    kind: Ints
    rank: Ints
    score: Floats
    decision: Words
    factor: Words

    def __len__(self) -> int:
        return len(self.candidate)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    def take(self, chosen: NDArray[Any]) -> Rows:
        """Return some rows: by a mask, or in another order."""
        return Rows(**{name: values[chosen] for name, values in self.columns().items()})

    @staticmethod
    def joined(parts: Iterable[Rows]) -> Rows:
        """Return the rows of several, one after the other."""
        held = [part.columns() for part in parts]
        if not held:
            return _no_rows()
        return Rows(**{name: np.concatenate([one[name] for one in held]) for name in held[0]})

    def sorted(self) -> Rows:
        """Return them by list, candidate and time."""
        return self.take(np.lexsort((self.at, self.candidate, self._codes())))

    def _codes(self) -> Ints:
        return np.asarray(pd.factorize(self.list, sort=True)[0], dtype=np.int64)

    def is_last(self, *more: NDArray[Any]) -> Bools:
        """Tell of sorted rows which are the last of their list and candidate, and of `more`."""
        last = np.ones(len(self), dtype=bool)
        if len(self) > 1:
            differs = np.zeros(len(self) - 1, dtype=bool)
            for column in (self._codes(), self.candidate, *more):
                differs |= column[1:] != column[:-1]
            last[:-1] = differs
        return last


def _no_rows() -> Rows:
    words, numbers = np.empty(0, dtype=object), np.empty(0, dtype=np.int64)
    floats = np.empty(0)
    return Rows(words, numbers, floats, numbers, numbers, floats, words, words)


def place_of(n: int, at: NDArray[np.intp], rank: Ints, site_score: Floats) -> Place:
    """Return the list of an observatory: of `n` candidates those at some places are in it."""
    ranks, scores = np.zeros(n, dtype=np.int64), np.full(n, np.nan)
    ranks[at], scores[at] = rank, site_score
    return Place(ranks, scores, ranks > 0)


def union(one: Ints, other: Ints) -> Ints:
    """Return the different candidates of both, sorted."""
    if len(one) == len(other) and np.array_equal(one, other) and (one[1:] > one[:-1]).all():
        return one  # as in most cycles
    every = np.sort(np.concatenate([one, other]))
    kept = np.ones(len(every), dtype=bool)
    kept[1:] = every[1:] != every[:-1]
    return every[kept]


# -- what is news ----------------------------------------------------------------------------------


def changes(old: Standings, new: Standings) -> tuple[Rows, Standings]:
    """Compare a cycle with the one before.

    Parameters
    ----------
    old, new : Standings
        `new` need not say which scores are kept.

    Returns
    -------
    rows : Rows
        What the history keeps of it.
    standings : Standings
        `new` with ``kept`` and ``ever`` filled in.
    """
    keys = union(old.candidate, new.candidate)
    before, after = old.where(keys), new.where(keys)
    found, kept = _score_changes(old, new, keys, before, after)
    rows = [found]
    places = {}
    for site in sorted({*old.places, *new.places}):
        was, now = old.places.get(site), new.places.get(site)
        found, ever = _place_changes(was, now, site, (keys, before, after), new.at)
        rows.append(found)
        ever = ever[after >= 0]
        if now is not None:
            places[site] = replace(now, ever=ever)
        elif ever.any():  # nobody tonight: who was there before is not there for the first time
            places[site] = Place(np.zeros(len(ever), np.int64), np.full(len(ever), np.nan), ever)
    return Rows.joined(rows), replace(new, kept=kept[after >= 0], places=places)


def _score_changes(
    old: Standings, new: Standings, keys: Ints, before: NDArray[np.intp], after: NDArray[np.intp]
) -> tuple[Rows, Floats]:
    decision, was_decision = _words(new.decision, after), _words(old.decision, before)
    factor, was_factor = _words(new.factor, after), _words(old.factor, before)
    score, kept = _floats(new.score, after), _floats(old.kept, before)
    now, was = decision != "", was_decision != ""
    moved = (decision != was_decision) | (factor != was_factor) | moved_much(score, kept)
    kind = np.full(len(keys), -1, dtype=np.int64)
    kind[now & was & moved] = CHANGED
    kind[now & ~was] = FIRST
    kind[was & ~now] = LEFT
    news = np.flatnonzero(kind >= 0)
    n = len(news)
    rows = Rows(
        _all(SCORES, n),
        keys[news],
        np.full(n, new.at),
        kind[news],
        np.zeros(n, dtype=np.int64),
        np.where(now, score, np.nan)[news],
        decision[news],
        factor[news],
    )
    return rows, np.where((kind == CHANGED) | (kind == FIRST), score, kept)


def moved_much(score: Floats, kept: Floats) -> Bools:
    """Tell which scores moved by more than `SHARE` of the kept ones; NaN and NaN are alike."""
    with np.errstate(invalid="ignore"):
        near = np.abs(score - kept) <= SHARE * np.abs(kept)
    same = (score == kept) | (np.isnan(score) & np.isnan(kept))
    # An infinite score is near nothing but itself.
    alike: Bools = same | (near & np.isfinite(score) & np.isfinite(kept))
    return ~alike


def _place_changes(
    was: Place | None,
    now: Place | None,
    site: str,
    keys: tuple[Ints, NDArray[np.intp], NDArray[np.intp]],
    at: float,
) -> tuple[Rows, Bools]:
    candidate, before, after = keys
    n = len(candidate)
    none = np.zeros(n, dtype=np.int64)
    old = none if was is None else _ints(was.rank, before)
    ever = none.astype(bool) if was is None else _ints(was.ever, before).astype(bool)
    new = none if now is None else _ints(now.rank, after)
    site_score = np.full(n, np.nan) if now is None else _floats(now.site_score, after)
    kind = np.full(n, -1, dtype=np.int64)
    high = np.minimum(old, new) <= FIRST_PLACES
    kind[(old > 0) & (new > 0) & (old != new) & high] = CHANGED
    kind[(old == 0) & (new > 0)] = FIRST
    kind[(old == 0) & (new > 0) & ever] = RETURNED
    kind[(old > 0) & (new == 0)] = LEFT
    news = np.flatnonzero(kind >= 0)
    rows = Rows(
        _all(site, len(news)),
        candidate[news],
        np.full(len(news), at),
        kind[news],
        new[news],
        np.where(new > 0, site_score, np.nan)[news],
        _all("", len(news)),
        _all("", len(news)),
    )
    return rows, ever | (new > 0)


def _all(word: str, n: int) -> Words:
    return np.full(n, word, dtype=object)


def _words(values: Words, at: NDArray[np.intp]) -> Words:
    return np.append(values, np.array([""], dtype=object))[at]  # -1 is the last


def _floats(values: Floats, at: NDArray[np.intp]) -> Floats:
    return np.append(values, np.nan)[at]


def _ints(values: NDArray[Any], at: NDArray[np.intp]) -> Ints:
    return np.append(values.astype(np.int64), 0)[at]


# -- reading history -------------------------------------------------------------------------------


def standing(rows: Rows, at: float) -> Standings:
    """Return what stood at some time [d, MJD UTC] by the rows of the history."""
    seen = rows.take(rows.at <= at).sorted()
    last = seen.take(seen.is_last())
    last = last.take(last.kind != LEFT)
    keys = np.unique(last.candidate)
    scored = last.take(last.list == SCORES)
    at_scores = Standings(at, scored.candidate).where(keys)
    score = _floats(scored.score, at_scores)
    places = {}
    for site in sorted(set(last.list.tolist()) - {SCORES}):
        here = last.take(last.list == site)
        place = Standings(at, here.candidate).where(keys)
        ever = np.isin(keys, seen.candidate[seen.list == site])
        places[site] = Place(_ints(here.rank, place), _floats(here.score, place), ever)
    return Standings(
        at,
        keys,
        score,
        _words(scored.decision, at_scores),
        _words(scored.factor, at_scores),
        score,
        places,
    )


def thinned(rows: Rows, per_day: float) -> Rows:
    """Return fewer rows, sorted: of each candidate and list the last in each part of a day.

    Parameters
    ----------
    rows : Rows
    per_day : float
        24 keeps one an hour, 1 one a day (UTC).

    Notes
    -----
    The first row of a candidate in a list and all that say that it left stay. What follows a
    candidate's departure within the same part of a day does not hide where it had stood.
    """
    rows = rows.sorted()
    stays = np.flatnonzero(rows.kind != LEFT)
    told = rows.take(stays)
    kept = (rows.kind == FIRST) | (rows.kind == LEFT)
    kept[stays] |= told.is_last(np.floor(told.at * per_day))
    return rows.take(kept)
