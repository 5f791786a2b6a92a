"""All facts as columns in one order, and which of them stand at a time.

The order is by candidate first, so what is new is put between what is there: only the rows of those
candidates of whom something new was said are sorted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OTHERS, TNS, PERSON = 0, 1, 2
"""Precedence of who says something: a person's ToO, TNS of names, everybody else."""

NULL = "null"
"""How JSON writes that a source takes back what it said."""

NAME = "name"
"""The key of a candidate's name, which stays once it is given."""

COLUMNS = ("candidate", "key", "precedence", "source", "known_at", "value", "origin", "is_null")
"""Of a history, in the order in which rows are sorted."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """All facts as columns, sorted so that of each group the last one counts.

    Parameters
    ----------
    candidate, source, precedence, key : ndarray of int
        `key` and `source` are places in `keys` and `sources`.
    known_at : ndarray of float
        [d, MJD UTC]
    value, origin : ndarray of str
    is_null : ndarray of bool
        Whether the word takes back another.
    keys, sources : ndarray of str
        Sorted.
    times : ndarray of float
        When something became known, sorted.
    """

    candidate: Ints
    key: Ints
    precedence: Ints
    source: Ints
    known_at: NDArray[np.float64]
    value: NDArray[np.object_]
    origin: NDArray[np.object_]
    is_null: NDArray[np.bool_]
    keys: NDArray[np.object_]
    sources: NDArray[np.object_]
    times: NDArray[np.float64]

    def with_rows(self, rows: Sequence[NDArray[Any]]) -> History | None:
        """Return the history with further rows, as `of_rows` takes them.

        None if they bring a key or a source that was not there: its place is among all others.
        """
        key, source = (_codes(*pair) for pair in ((rows[2], self.keys), (rows[5], self.sources)))
        if key is None or source is None:
            return None
        touched = np.isin(self.candidate, rows[1])
        old = [column[touched] for column in self._columns()]
        new = [rows[1], key, rows[6], source, rows[4], rows[3], rows[7], rows[3] == NULL]
        both = [np.concatenate(pair) for pair in zip(old, new, strict=True)]
        order = _order(both, self.keys)
        rest = [column[~touched] for column in self._columns()]
        place = np.searchsorted(rest[0], both[0][order])
        columns = [np.insert(one, place, more[order]) for one, more in zip(rest, both, strict=True)]
        known_at = np.sort(rows[4])
        times = np.insert(self.times, np.searchsorted(self.times, known_at), known_at)
        return replace(self, times=times, **dict(zip(COLUMNS, columns, strict=True)))

    def _columns(self) -> list[NDArray[Any]]:
        return [getattr(self, name) for name in COLUMNS]

    def code_of(self, key: str) -> int:
        """Return the place of a key in `keys`; -1 if nobody ever used it."""
        found = np.flatnonzero(self.keys == key)
        return int(found[0]) if len(found) else -1


def of_rows(rows: Sequence[NDArray[Any]]) -> History:
    """Sort by candidate, key, precedence, source and time; what is alike, by its words.

    Parameters
    ----------
    rows : sequence of ndarray
        ``id, candidate, key, value, known_at, source, precedence, origin``.
    """
    _, candidate, key, value, known_at, source, precedence, origin = rows
    key_code, keys = pd.factorize(key, sort=True)
    source_code, sources = pd.factorize(source, sort=True)
    codes = (key_code.astype(np.int64), precedence, source_code.astype(np.int64))
    columns: list[NDArray[Any]] = [candidate, *codes, known_at, value, origin, value == NULL]
    keys, sources = np.asarray(keys, dtype=object), np.asarray(sources, dtype=object)
    order = _order(columns, keys)
    ordered = {name: one[order] for name, one in zip(COLUMNS, columns, strict=True)}
    return History(**ordered, keys=keys, sources=sources, times=np.sort(known_at))


def _codes(words: NDArray[np.object_], known: NDArray[np.object_]) -> Ints | None:
    codes = pd.Index(known).get_indexer(pd.Index(words))
    return None if (codes < 0).any() else codes.astype(np.int64)


def _order(columns: Sequence[NDArray[Any]], keys: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return the order of rows, without those that cannot count."""
    _, key, precedence, _, known_at, *_, is_null = columns
    # A name stays once it is given: of two, the earlier is the last in this order.
    stays = np.isin(key, np.flatnonzero(keys == NAME)) & (precedence == OTHERS)
    time = np.where(stays, -known_at, known_at)
    place = _places(*columns[:4], time, *columns[5:7])
    kept: NDArray[np.intp] = place[~(stays & is_null)[place]]
    return kept


def _places(*columns: NDArray[Any]) -> NDArray[np.intp]:
    """Return the order of rows; words are compared only where all numbers before are alike."""
    numbers = columns[:5]
    order = np.lexsort(numbers[::-1])
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for column in numbers:
        same &= column[order[1:]] == column[order[:-1]]
    if not same.any():
        return order
    words = [pd.factorize(column, sort=True)[0] for column in columns[5:]]
    return np.lexsort([*words[::-1], *numbers[::-1]])


def standing(history: History, now: float) -> NDArray[np.intp]:
    """Return the rows that stand at `now` [d, MJD UTC]: one at most for each candidate and key."""
    seen = np.flatnonzero(history.known_at <= now)
    # The newest word of each source counts; those that take back say nothing.
    last = seen[_is_last(history, seen, (history.source, history.precedence))]
    last = last[~history.is_null[last] & ~_is_given_up(history, last)]
    stays = (history.key[last] == history.code_of(NAME)) & (history.precedence[last] == OTHERS)
    time = np.where(stays, -history.known_at[last], history.known_at[last])
    order = np.lexsort(
        [
            history.source[last],
            time,
            history.precedence[last],
            history.key[last],
            history.candidate[last],
        ]
    )
    ranked = last[order]
    return np.sort(ranked[_is_last(history, ranked, ())])


def _is_given_up(history: History, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which words of nobody in particular, from an older store, were taken back since."""
    given_up = np.zeros(len(rows), dtype=bool)
    unknown = history.source[rows] == _place_of_nobody(history)
    taken_back = history.is_null[rows]
    if not (unknown.any() and taken_back.any()):
        return given_up
    group = pd.Series(history.candidate[rows] * len(history.keys) + history.key[rows])
    until = pd.Series(history.known_at[rows])[taken_back].groupby(group[taken_back]).max()
    later = group.map(until).to_numpy(float) > history.known_at[rows]
    given_up[:] = unknown & later & (history.precedence[rows] == OTHERS)
    return given_up


def _place_of_nobody(history: History) -> int:
    return 0 if len(history.sources) and history.sources[0] == "" else -1


def _is_last(history: History, rows: NDArray[np.intp], more: tuple[Ints, ...]) -> NDArray[np.bool_]:
    """Tell which rows are the last of their candidate and key, and of what else is given."""
    is_last = np.ones(len(rows), dtype=bool)
    if len(rows):
        differs = np.zeros(len(rows) - 1, dtype=bool)
        for column in (history.candidate, history.key, *more):
            differs |= column[rows[1:]] != column[rows[:-1]]
        is_last[:-1] = differs
    return is_last
