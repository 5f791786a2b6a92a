"""What was said of candidates, with its time: redshifts, types, names, and brokers' annotations.

A fact is a row that is never changed: who said what of whom, and since when it was known. What
stands at a time follows from the rows alone, not from the order in which they came:

- of each source, the newest word counts; null takes its word back;
- of several sources, the higher precedence counts, then the newest: what a ToO says is not
  overwritten by others, nor TNS's name;
- a name stays once it is given, unless one of higher precedence comes;
- what an older store knew, from whom it did not, is taken back by whoever takes back the like.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.identities import Identities
from aas2rto.store.rows import insert_many, plain
from aas2rto.tables.report import FACTS

OTHERS, TNS, PERSON = 0, 1, 2
"""Precedence of who says something: a person's ToO, TNS of names, everybody else."""

NULL = "null"
"""How JSON writes that a source takes back what it said."""

RESERVED = frozenset({"candidate_id"})
"""Keys that no annotation may have."""

COLUMNS = ("id", "candidate", "key", "value", "known_at", "source", "precedence", "origin")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """All facts as columns, sorted so that of each group the last one counts.

    Parameters
    ----------
    candidate, source, precedence, key : ndarray of int
        `key` and `source` are places in `keys` and in the sources' names, sorted.
    known_at : ndarray of float
        [d, MJD UTC]
    value, origin : ndarray of str
    of_nobody : ndarray of bool
        Whose source is not known.
    keys : ndarray of str
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
    of_nobody: NDArray[np.bool_]
    keys: NDArray[np.object_]
    times: NDArray[np.float64]


class Facts:
    """Facts with their history.

    Parameters
    ----------
    access : Access
    identities : Identities
    """

    def __init__(self, access: Access, identities: Identities) -> None:
        self._access = access
        self._identities = identities
        access.when_lost.append(self.forget)
        self.forget()

    def forget(self) -> None:
        """Hold nothing in memory: what is there may be another's by now."""
        self._generation = -1
        self._rows: list[NDArray[Any]] | None = None
        self._history: History | None = None
        self._told: dict[str, tuple[tuple[int, int], pd.DataFrame]] = {}

    # -- writing ------------------------------------------------------------------------------

    def add(self, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add facts; one that is there already is not added again.

        Parameters
        ----------
        connection : Connection
            In a transaction.
        rows : iterable of tuple
            Candidate's row, key, value, known_at [d, MJD UTC], source, precedence, origin.
        """
        values = sorted({(c, k, as_json(v), t, s, p, o) for c, k, v, t, s, p, o in rows})
        names = COLUMNS[1:]
        table = schema.facts
        insert = self._access.insert(table).on_conflict_do_nothing()
        statement = insert.values(dict.fromkeys(names))
        insert_many(connection, statement, values)

    # -- reading ------------------------------------------------------------------------------

    def as_known(self, now: float) -> pd.DataFrame:
        """Return what brokers had said by `now`: one row per candidate, one column per key.

        Parameters
        ----------
        now : float
            [d, MJD UTC]

        Returns
        -------
        DataFrame
            ``candidate_id`` and the keys, sorted; missing where nobody said anything.
        """
        return self._as_known("annotations", now).copy()

    def words(self, key: str, now: float) -> pd.DataFrame:
        """Return what stands of one key, and since when it is known.

        Parameters
        ----------
        key : str
        now : float
            [d, MJD UTC]

        Returns
        -------
        DataFrame
            ``value`` and ``known_at`` [d, MJD UTC] by the candidate's row (the index).
        """
        history = self._read()
        rows = _standing(history, now)
        rows = rows[history.keys[history.key[rows]] == key] if len(rows) else rows
        values = [json.loads(one) for one in history.value[rows].tolist()]
        told = {"value": values, "known_at": history.known_at[rows]}
        return pd.DataFrame(told, index=history.candidate[rows])

    def of_candidates(self, now: float) -> pd.DataFrame:
        """Return the facts that have a column of their own, by the candidate's row (the index)."""
        return self._as_known("candidates", now)

    def _as_known(self, kind: str, now: float) -> pd.DataFrame:
        history = self._read()
        facts = int(np.searchsorted(history.times, now, side="right"))
        seen = (facts, self._identities.count(now))
        held = self._told.get(kind)
        # Nothing became known, or unknown, between that time and this.
        if held is not None and held[0] == seen:
            return held[1]
        standing = _standing(history, now)
        if kind == "annotations":
            table = _annotations(history, standing, self._identities.names(now))
        else:
            table = _columns(history, standing)
        self._told[kind] = (seen, table)
        return table

    def _read(self) -> History:
        """Return the whole history, reading only what was added since the last time."""
        with self._access.reading() as connection:
            generation = self._access.generation(connection)
            if self._history is None or generation != self._generation:
                held = 0 if self._rows is None else len(self._rows[0])
                new = _read(connection, int(self._rows[0][-1]) if self._rows and held else 0)
                if self._rows is None or len(new[0]):
                    old = self._rows
                    self._rows = new if old is None else _joined(old, new)
                    self._history = _sorted(self._rows)
                # Also without new facts: an object may have become known.
                self._told = {}
                self._generation = generation
        if self._history is None:
            raise AssertionError("read above")
        return self._history


def as_json(value: Any) -> str:
    """Write a value as JSON; NaN, as None, takes back."""
    if type(value) is float and value - value == 0:  # finite, as nearly all; what json does
        return repr(value)
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return NULL
    return json.dumps(value, default=plain)


def _read(connection: Connection, after: int) -> list[NDArray[Any]]:
    table = schema.facts
    query = select(*(table.c[name] for name in COLUMNS)).order_by(table.c.id)
    rows = connection.execute(query.where(table.c.id > after)).cursor.fetchall()
    types = (np.int64, np.int64, object, object, np.float64, object, np.int64, object)
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    return [np.array(values, dtype) for values, dtype in zip(columns, types, strict=True)]


def _joined(old: Sequence[NDArray[Any]], new: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    return [np.concatenate(pair) for pair in zip(old, new, strict=True)]


def _sorted(rows: Sequence[NDArray[Any]]) -> History:
    """Sort by candidate, key, precedence, source and time; what is alike, by its words."""
    _, candidate, key, value, known_at, source, precedence, origin = rows
    key_code, keys = pd.factorize(key, sort=True)
    source_code, _ = pd.factorize(source, sort=True)
    # A name stays once it is given: of two, the earlier is the last in this order.
    names = np.flatnonzero(keys == "name")
    stays = np.isin(key_code, names) & (precedence == OTHERS)
    kept = ~(stays & (value == NULL))
    time = np.where(stays, -known_at, known_at)
    place = _places(candidate, key_code, precedence, source_code, time, value, origin)
    order = place[kept[place]]
    return History(
        candidate[order],
        key_code[order].astype(np.int64),
        precedence[order],
        source_code[order].astype(np.int64),
        known_at[order],
        value[order],
        origin[order],
        source[order] == "",
        np.asarray(keys, dtype=object),
        np.sort(known_at),
    )


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


def _standing(history: History, now: float) -> NDArray[np.intp]:
    """Return the rows that stand at `now`: at most one for each candidate and key."""
    seen = np.flatnonzero(history.known_at <= now)
    # The newest word of each source counts; those that take back say nothing.
    last = seen[_is_last(history, seen, (history.source, history.precedence))]
    last = last[(history.value[last] != NULL) & ~_is_given_up(history, last)]
    stays = np.isin(history.key[last], np.flatnonzero(history.keys == "name"))
    stays &= history.precedence[last] == OTHERS
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
    unknown = history.of_nobody[rows]
    taken_back = history.value[rows] == NULL
    if not (unknown.any() and taken_back.any()):
        return given_up
    group = pd.Series(history.candidate[rows] * len(history.keys) + history.key[rows])
    until = pd.Series(history.known_at[rows])[taken_back].groupby(group[taken_back]).max()
    later = group.map(until).to_numpy(float) > history.known_at[rows]
    given_up[:] = unknown & later & (history.precedence[rows] == OTHERS)
    return given_up


def _is_last(history: History, rows: NDArray[np.intp], more: tuple[Ints, ...]) -> NDArray[np.bool_]:
    """Tell which rows are the last of their candidate and key, and of what else is given."""
    is_last = np.ones(len(rows), dtype=bool)
    if len(rows):
        differs = np.zeros(len(rows) - 1, dtype=bool)
        for column in (history.candidate, history.key, *more):
            differs |= column[rows[1:]] != column[rows[:-1]]
        is_last[:-1] = differs
    return is_last


def _annotations(
    history: History, standing: NDArray[np.intp], names: Mapping[int, str]
) -> pd.DataFrame:
    """Put the annotations that stand into a table, of those candidates that are known."""
    own = np.array([key not in FACTS and key not in RESERVED for key in history.keys], dtype=bool)
    rows = standing[own[history.key[standing]]] if len(own) else standing[:0]
    known = pd.Index(np.array(list(names), dtype=np.int64))
    labels = np.array(list(names.values()), dtype=object)
    owner = known.get_indexer(pd.Index(history.candidate[rows]))
    rows, owner = rows[owner >= 0], owner[owner >= 0]
    present, place = np.unique(owner, return_inverse=True)
    columns: dict[str, Any] = {"candidate_id": labels[present]}
    for code in np.flatnonzero(np.bincount(history.key[rows], minlength=len(own))):
        here = history.key[rows] == code
        columns[str(history.keys[code])] = _column(
            history.value[rows[here]], place[here], len(present)
        )
    table = pd.DataFrame(columns)
    return table.sort_values("candidate_id", kind="stable", ignore_index=True)


def _column(texts: NDArray[np.object_], place: NDArray[np.intp], n: int) -> NDArray[Any]:
    """Read JSON values, all at once, into a column; numbers where all of them are."""
    values = json.loads(f"[{','.join(texts)}]")
    if all(type(value) is float for value in values):
        numbers = np.full(n, np.nan)
        numbers[place] = values
        return numbers
    column = np.full(n, np.nan, dtype=object)
    filled = np.empty(len(values), dtype=object)
    filled[:] = values
    column[place] = filled
    return column


def _columns(history: History, standing: NDArray[np.intp]) -> pd.DataFrame:
    """Put the facts that have a column of their own into a table, by the candidate's row."""
    codes = {str(key): code for code, key in enumerate(history.keys) if key in FACTS}
    rows = standing[np.isin(history.key[standing], list(codes.values()))]
    present, place = np.unique(history.candidate[rows], return_inverse=True)
    table: dict[str, Any] = {"redshift_source": np.full(len(present), "", dtype=object)}
    for key, dtype in FACTS.items():
        column = np.full(len(present), "" if dtype == "str" else np.nan, dtype=object)
        here = history.key[rows] == codes.get(key, -1)
        if here.any():
            filled = np.empty(int(here.sum()), dtype=object)
            filled[:] = json.loads(f"[{','.join(history.value[rows[here]])}]")
            column[place[here]] = filled
            if key == "redshift":
                table["redshift_source"][place[here]] = history.origin[rows[here]]
        table[key] = column == True if dtype == "bool" else column.astype(_TYPES[dtype])  # noqa: E712
    return pd.DataFrame(table, index=present)


_TYPES = {"str": object, "float64": np.float64}
