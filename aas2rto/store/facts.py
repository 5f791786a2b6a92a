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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.access import Access
from aas2rto.store.facts_history import NULL, History, of_rows, standing
from aas2rto.store.identities import Identities
from aas2rto.store.rows import insert_many, plain
from aas2rto.tables.report import FACTS

RESERVED = frozenset({"candidate_id"})
"""Keys that no annotation may have."""

COLUMNS = ("id", "candidate", "key", "value", "known_at", "source", "precedence", "origin")

TRUE = "true"
"""How JSON writes it."""


@dataclass(frozen=True)
class _Made:
    """A table, with what was known when it was made, and of whom."""

    seen: tuple[int, int]
    of: NDArray[np.int64] | None
    table: pd.DataFrame

    def is_of(self, seen: tuple[int, int], of: NDArray[np.int64] | None) -> bool:
        """Tell whether nothing became known, or unknown, since."""
        if self.seen != seen or self.of is None or of is None:
            return self.seen == seen and self.of is of
        return np.array_equal(self.of, of)


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
        self._last = 0
        self._history: History | None = None
        self._standing: tuple[int, NDArray[np.intp]] | None = None
        self._tables: dict[str, _Made] = {}

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

    def as_known(self, now: float, of: NDArray[np.int64] | None = None) -> pd.DataFrame:
        """Return what brokers had said by `now`: one row per candidate, one column per key.

        Parameters
        ----------
        now : float
            [d, MJD UTC]
        of : ndarray of int, optional
            The rows of some candidates; by default everybody, of whom a season knows many.

        Returns
        -------
        DataFrame
            ``candidate_id`` and the keys that some of them have, sorted; missing where nobody
            said anything.
        """
        history = self._read()
        seen = (_seen(history, now), self._identities.count(now))
        held = self._tables.get("annotations")
        if held is None or not held.is_of(seen, of):
            table = _annotations(history, self._standing_at(now), self._identities.names(now), of)
            held = self._tables["annotations"] = _Made(seen, of, table)
        return held.table.copy()

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
        rows = self._standing_at(now)
        rows = rows[history.key[rows] == history.code_of(key)]
        values = [json.loads(one) for one in history.value[rows].tolist()]
        told = {"value": values, "known_at": history.known_at[rows]}
        return pd.DataFrame(told, index=history.candidate[rows])

    def true_of(self, key: str, now: float) -> NDArray[np.int64]:
        """Return the rows of those candidates of whom a key is true at `now`, sorted."""
        history = self._read()
        rows = self._standing_at(now)
        rows = rows[history.key[rows] == history.code_of(key)]
        found: NDArray[np.int64] = history.candidate[rows[history.value[rows] == TRUE]]
        return found

    def of_candidates(self, now: float, of: NDArray[np.int64]) -> pd.DataFrame:
        """Return the facts that have a column of their own.

        Parameters
        ----------
        now : float
            [d, MJD UTC]
        of : ndarray of int
            The rows of the candidates that are asked for.

        Returns
        -------
        DataFrame
            A row for each of them of whom there is any, by the candidate's row (the index).
        """
        history = self._read()
        seen = (_seen(history, now), 0)
        held = self._tables.get("candidates")
        if held is None or not held.is_of(seen, of):
            rows = self._standing_at(now)
            table = _columns(history, rows[np.isin(history.candidate[rows], of)])
            held = self._tables["candidates"] = _Made(seen, of, table)
        return held.table

    def _standing_at(self, now: float) -> NDArray[np.intp]:
        """Return the rows of the history that stand, from memory if nothing else was known."""
        history = self._read()
        seen = _seen(history, now)
        if self._standing is None or self._standing[0] != seen:
            self._standing = (seen, standing(history, now))
        return self._standing[1]

    def _read(self) -> History:
        """Return the whole history, reading only what was added since the last time."""
        with self._access.reading() as connection:
            generation = self._access.generation(connection)
            if self._history is None or generation != self._generation:
                new = _read(connection, self._last)
                if self._history is None or len(new[0]):
                    self._history = self._with(connection, new)
                    self._standing = None
                # Also without new facts: an object may have become known.
                self._tables = {}
                self._generation = generation
        if self._history is None:
            raise AssertionError("read above")
        return self._history

    def _with(self, connection: Connection, new: list[NDArray[Any]]) -> History:
        if len(new[0]):
            self._last = int(new[0][-1])
        history = None if self._history is None else self._history.with_rows(new)
        return of_rows(_read(connection, 0)) if history is None else history


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


def _seen(history: History, now: float) -> int:
    """Return how many facts were known: the same number, the same facts."""
    return int(np.searchsorted(history.times, now, side="right"))


def _annotations(
    history: History,
    standing: NDArray[np.intp],
    names: Mapping[int, str],
    of: NDArray[np.int64] | None,
) -> pd.DataFrame:
    """Put the annotations that stand into a table, of those candidates that are known.

    Also of some there is a column of each key that anybody has.
    """
    own = np.array([key not in FACTS and key not in RESERVED for key in history.keys], dtype=bool)
    rows = standing[own[history.key[standing]]] if len(own) else standing[:0]
    codes = np.flatnonzero(np.bincount(history.key[rows], minlength=len(own)))
    if of is not None:
        rows = rows[np.isin(history.candidate[rows], of)]
    known = pd.Index(np.array(list(names), dtype=np.int64))
    labels = np.array(list(names.values()), dtype=object)
    owner = known.get_indexer(pd.Index(history.candidate[rows]))
    rows, owner = rows[owner >= 0], owner[owner >= 0]
    present, place = np.unique(owner, return_inverse=True)
    columns: dict[str, Any] = {"candidate_id": labels[present]}
    for code in codes:
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
