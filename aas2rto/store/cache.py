"""The photometry of active candidates, kept in memory so that a quiet cycle reads nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from aas2rto.store import schema, snapshot
from aas2rto.store.access import Access
from aas2rto.store.rows import chunks
from aas2rto.tables import outburst, photometry
from aas2rto.tables.evolving import Evolving
from aas2rto.tables.packed import Packed

FEW, MANY = 1000, 0.2
"""Up to so many candidates, or this share of all, are read by their keys; for more, the whole table
is quicker. Where more changed since the last snapshot, a new one is worth writing."""

WORTH_A_FILE = 100
"""Fewer candidates are read as quickly from the store itself."""

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
    """Keeps the photometry of candidates, and what was last made of it.

    Parameters
    ----------
    access : Access
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._path = snapshot.path_of(access.engine)
        self._state = Evolving()
        self._generation = -1
        self._last: tuple[NDArray[Any], LightCurves] | None = None
        self._is_read = False
        self._unwritten = 0

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

    def keep_snapshot(self, *, last: bool) -> bool:
        """Write the snapshot, if enough changed since; see `Photometry.keep_snapshot`."""
        n = len(self._state.owners)
        least = 1 if last else max(FEW, int(MANY * n))
        if self._path is None or n < WORTH_A_FILE or self._unwritten < least:
            return False
        done = snapshot.write(self._path, self._access, self._generation, self._state)
        self._unwritten = 0  # also where it cannot be written: not at every cycle again
        return done

    def _hold(self, connection: Connection, table: pd.DataFrame) -> bool:
        """Hold the candidates in `table` and no others; tell whether that was so already."""
        owners = np.sort(table["id"].to_numpy(np.int64))
        generation = self._access.generation(connection)  # first: what comes in later is news then
        missing = self._missing(connection, owners)
        if len(missing) >= WORTH_A_FILE and self._path is not None and not self._is_read:
            self._is_read = True
            if (found := snapshot.read(self._path, connection)) is not None:
                self._generation, self._state = found
                missing = self._missing(connection, owners)
        self._generation = generation
        if not len(missing) and np.array_equal(owners, self._state.owners):
            return True
        new = Packed.empty().merged(list(_read(connection, missing, len(owners)))).in_order()
        self._state.replace(owners, new, missing)
        self._unwritten += len(missing)
        return False

    def _missing(self, connection: Connection, owners: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return which of some candidates are not held, or not as the store has them now."""
        new = np.setdiff1d(owners, self._state.owners)
        if len(new) == len(owners) or self._access.generation(connection) == self._generation:
            return new
        table = schema.changes
        query = select(table.c.candidate).where(table.c.generation > self._generation)
        changed = np.array(connection.execute(query).scalars().all(), dtype=np.int64)
        return np.union1d(new, np.intersect1d(owners, changed))


def _names(table: pd.DataFrame) -> pd.Index[str]:
    """Return the names of candidates in the order of their rows."""
    names: pd.Index[str] = pd.Index(table.sort_values("id")["candidate_id"])
    return names


def _read(connection: Connection, keys: NDArray[np.int64], n: int) -> Iterator[Packed]:
    """Read the rows of some of `n` candidates in the order of the table's key, part by part."""
    columns = list(schema.photometry.columns)
    query = select(*columns).order_by(*schema.photometry.primary_key)
    key = schema.photometry.c.candidate
    some = len(keys) <= max(FEW, MANY * n)
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
