"""The photometry of active candidates, kept in memory so that a quiet cycle reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.rows import chunks
from aas2rto.tables import outburst, photometry
from aas2rto.tables.evolving import Evolving
from aas2rto.tables.packed import Packed

FEW = 1000
"""Up to so many candidates are read by their keys; for more, the whole table is quicker."""

AT_ONCE = 100_000
"""Rows that are in memory as Python's objects at once."""


@dataclass(frozen=True)
class LightCurves:
    """What is known of a set of candidates at some time.

    Parameters
    ----------
    photometry : DataFrame
        One row per exposure, sorted by candidate and time: the present outbursts.
    summary : DataFrame
        One row per candidate, see :mod:`aas2rto.tables.summary`.
    content : ndarray of uint64
        A number for the photometry of each of them, see :mod:`aas2rto.tables.content`.
    """

    photometry: pd.DataFrame
    summary: pd.DataFrame
    content: NDArray[np.uint64]


class PhotometryCache:
    """Keeps the photometry of candidates, and what was last made of it."""

    def __init__(self) -> None:
        self._state = Evolving()
        self._changed: set[int] = set()
        self._last: tuple[NDArray[Any], LightCurves] | None = None

    def forget(self, keys: Iterable[int]) -> None:
        """Drop candidates whose photometry changed."""
        self._changed.update(int(key) for key in keys)

    def read(self, connection: Connection, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photometry of the candidates in `table`, reading what is not held.

        Parameters
        ----------
        connection : Connection
        table : DataFrame
            ``id, candidate_id`` of each candidate.
        """
        self._hold(connection, table)
        return self._state.rows.frame(self._state.owners, _names(table))

    def known(
        self,
        connection: Connection,
        table: pd.DataFrame,
        now: float,
        quiet: float | None = outburst.QUIET,
    ) -> LightCurves:
        """Return what is known at `now` [MJD, UTC] of the candidates in `table`.

        `quiet` [d] is what ends an outburst, see :func:`aas2rto.tables.outburst.present`. The same
        object as the last time if nothing became known, or unknown, since.
        """
        is_held = self._hold(connection, table)
        is_new = self._state.update(now, quiet)
        ids = table["candidate_id"].to_numpy(object)
        # At another time a candidate may have borne another name.
        if self._last is None or not is_held or is_new or not np.array_equal(self._last[0], ids):
            order = np.searchsorted(self._state.owners, table["id"].to_numpy())
            summary = self._state.summary(order)
            summary.insert(0, "candidate_id", ids)
            shown = self._state.present(_names(table))
            self._last = (ids, LightCurves(shown, summary, self._state.content[order]))
        return self._last[1]

    def _hold(self, connection: Connection, table: pd.DataFrame) -> bool:
        """Hold the candidates in `table` and no others; tell whether that was so already."""
        owners = np.sort(table["id"].to_numpy(np.int64))
        old = self._state.owners
        changed = np.array(sorted(self._changed), dtype=np.int64)
        missing = np.union1d(np.setdiff1d(owners, old), np.intersect1d(owners, changed))
        if not len(missing) and np.array_equal(owners, old):
            return True
        new = Packed.empty().merged(list(_read(connection, missing))).in_order()
        self._state.replace(owners, new, missing)
        self._changed.clear()
        return False


def _names(table: pd.DataFrame) -> pd.Index[str]:
    """Return the names of candidates in the order of their rows."""
    names: pd.Index[str] = pd.Index(table.sort_values("id")["candidate_id"])
    return names


def _read(connection: Connection, keys: NDArray[np.int64]) -> Iterator[Packed]:
    """Read the rows of candidates, some at a time, in the order of the table's key."""
    columns = list(schema.photometry.columns)
    query = select(*columns).order_by(*schema.photometry.primary_key)
    key = schema.photometry.c.candidate
    some = len(keys) <= FEW
    parts = [query.where(key.in_(p)) for p in chunks(keys.tolist())] if some else [query]
    for part in parts:
        # The driver's own tuples: a Row object for each would cost more than reading it.
        cursor = connection.execute(part).cursor
        while rows := cursor.fetchmany(AT_ONCE):
            read: dict[str, NDArray[Any]] = {
                column.name: np.array(values, dtype=_dtype(column.name))
                for column, values in zip(columns, zip(*rows, strict=True), strict=True)
            }
            wanted = np.isin(read["candidate"], keys)
            owner = read.pop("candidate")[wanted]
            yield Packed.of(owner, {name: values[wanted] for name, values in read.items()})


def _dtype(name: str) -> type:
    if name == "candidate":
        return np.int64
    return np.float64 if photometry.COLUMNS[name] == "float64" else np.object_
