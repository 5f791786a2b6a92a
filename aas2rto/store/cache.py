"""The photometry of active candidates, kept in memory so that a quiet cycle reads nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from aas2rto.store import schema
from aas2rto.store.rows import chunks
from aas2rto.tables import outburst, photometry

FEW = 1000
"""Up to so many candidates are read by their keys; for more, the whole table is quicker."""

REPEATED = ("band", "kind", "survey", "source")
"""Columns with few different texts, kept as categories."""


@dataclass(frozen=True)
class LightCurves:
    """What is known of a set of candidates at some time.

    Parameters
    ----------
    photometry : DataFrame
        One row per exposure, sorted by candidate and time: the present outbursts.
    summary : DataFrame
        One row per candidate, see :mod:`aas2rto.tables.summary`.
    """

    photometry: pd.DataFrame
    summary: pd.DataFrame


@dataclass(frozen=True)
class _Made:
    """What was made last: from what, for when, and until when it holds."""

    frame: pd.DataFrame
    quiet: float | None
    now: float
    until: float
    light_curves: LightCurves


class PhotometryCache:
    """Keeps the photometry of candidates, and what was last made of it."""

    def __init__(self) -> None:
        self._frame: pd.DataFrame | None = None
        self._held: set[int] = set()
        self._ids = np.empty(0, dtype=np.int64)  # of the frame's categories
        self._stale = False  # the frame has rows of candidates that are not held any more
        self._last: _Made | None = None

    def forget(self, keys: Iterable[int]) -> None:
        """Drop candidates whose photometry changed."""
        changed = {int(key) for key in keys} & self._held
        self._held -= changed
        self._stale = self._stale or bool(changed)

    def read(self, connection: Connection, table: pd.DataFrame) -> pd.DataFrame:
        """Return the photometry of the candidates in `table`, reading what is not held.

        Parameters
        ----------
        connection : Connection
        table : DataFrame
            ``id, candidate_id`` of each candidate.
        """
        wanted = set(table["id"].tolist())
        if self._frame is None or self._stale or wanted != self._held:
            self._frame = self._updated(connection, table, wanted)
            self._held, self._stale = wanted, False
        names = _names(table)
        held = self._frame["candidate_id"].cat
        # At another time a candidate may have borne another name.
        if not names.equals(held.categories):
            self._frame = self._frame.assign(candidate_id=held.rename_categories(list(names)))
        return self._frame

    def known(
        self,
        connection: Connection,
        table: pd.DataFrame,
        now: float,
        quiet: float | None = outburst.QUIET,
    ) -> LightCurves:
        """Return what is known at `now` [MJD, UTC] of the candidates in `table`.

        `quiet` [d] is what ends an outburst, see :func:`aas2rto.tables.outburst.present`.
        """
        frame = self.read(connection, table)
        newest = float(np.nanmax([frame["known_at"].max(), frame["mjd"].max(), -np.inf]))
        last = self._last
        if last is not None and last.frame is frame and last.quiet == quiet:
            same = len(last.light_curves.summary) == len(table)
            if same and last.until >= now >= last.now >= newest:
                return last.light_curves
        seen = photometry.one_per_exposure(photometry.as_known_at(frame, now))
        seen = seen.reset_index(drop=True)
        found, columns = outburst.summarise(seen, table["candidate_id"], now, quiet)
        columns.insert(0, "candidate_id", table["candidate_id"].to_numpy(object))
        light_curves = LightCurves(found.photometry, columns)
        self._last = _Made(frame, quiet, now, found.until, light_curves)
        return light_curves

    def _updated(
        self, connection: Connection, table: pd.DataFrame, wanted: set[int]
    ) -> pd.DataFrame:
        """Put together what is held and what is read anew."""
        still_good = wanted & self._held
        rows = _read_photometry(connection, wanted - still_good)
        if self._frame is not None and still_good:
            old = self._frame
            ids = self._ids[old["candidate_id"].cat.codes]
            kept = np.isin(ids, list(still_good))
            held = {name: _values(old, name)[kept] for name in rows if name != "candidate"}
            held["candidate"] = ids[kept]
            rows = {name: np.concatenate([held[name], values]) for name, values in rows.items()}
        self._ids = np.sort(table["id"].to_numpy())
        return _as_frame(rows, table)


def _names(table: pd.DataFrame) -> pd.Index[str]:
    """Return the names of candidates in the order of their rows."""
    names: pd.Index[str] = pd.Index(table.sort_values("id")["candidate_id"])
    return names


def _values(frame: pd.DataFrame, name: str) -> np.ndarray[Any, Any]:
    dtype = float if photometry.COLUMNS[name] == "float64" else object
    return np.asarray(frame[name].to_numpy(dtype))


def _read_photometry(connection: Connection, keys: set[int]) -> dict[str, np.ndarray[Any, Any]]:
    """Read rows as columns, in the order of the table's key."""
    columns = list(schema.photometry.columns)
    query = select(*columns).order_by(*schema.photometry.primary_key)
    key = schema.photometry.c.candidate
    parts = [query] if len(keys) > FEW else [query.where(key.in_(p)) for p in chunks(sorted(keys))]
    rows: list[tuple[Any, ...]] = []
    for part in parts:
        # The driver's own tuples: a Row object for each would cost more than reading it.
        rows.extend(connection.execute(part).cursor.fetchall())
    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    read: dict[str, np.ndarray[Any, Any]] = {
        column.name: np.array(values, dtype=_dtype(column.name))
        for column, values in zip(columns, by_column, strict=True)
    }
    wanted = np.isin(read["candidate"], list(keys)) if len(keys) > FEW else slice(None)
    return {name: values[wanted] for name, values in read.items()}


def _dtype(name: str) -> type:
    if name == "candidate":
        return np.int64
    return np.float64 if photometry.COLUMNS[name] == "float64" else np.object_


def _as_frame(rows: dict[str, np.ndarray[Any, Any]], table: pd.DataFrame) -> pd.DataFrame:
    """Sort by candidate and time; rows of one time stay in the order of the table's key."""
    order = np.lexsort((rows["mjd"], rows["candidate"]))
    ids = np.sort(table["id"].to_numpy())
    names = _names(table)
    columns: dict[str, Any] = {
        "candidate_id": pd.Categorical.from_codes(
            np.searchsorted(ids, rows["candidate"][order]), categories=names
        )
    }
    for name in photometry.COLUMNS:
        if name in REPEATED:
            columns[name] = pd.Categorical(rows[name][order])
        elif name != "candidate_id":
            columns[name] = rows[name][order]
    return pd.DataFrame(columns)
