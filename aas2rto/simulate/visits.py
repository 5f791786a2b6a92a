"""Visits of a survey: when, where, in which band, how deep; and which of them see a position."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.guard import attempt
from aas2rto.tables.candidates import unit_vectors
from aas2rto.text.words import iso

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

COLUMNS = {
    "mjd": ("observationStartMJD", "MJD", "mjd", "expMJD"),
    "ra": ("fieldRA", "ra", "RA"),
    "dec": ("fieldDec", "dec", "Dec"),
    "band": ("filter", "band"),
    "depth": ("fiveSigmaDepth", "depth", "limit"),
}
"""What a table of visits must have, and how OpSim and others call it; the first is read. Times are
taken as UTC; positions are degrees."""

TABLES = ("observations", "SummaryAllProps", "Summary")
"""Where the SQLite files of OpSim keep visits, by version."""

_KEY = 1.0e6
"""Above any MJD, so that a cell and a time make one number that sorts by both."""


@dataclass(frozen=True)
class Visits:
    """Exposures of a survey, sorted by cell and time.

    Parameters
    ----------
    mjd : ndarray
        [d, UTC]
    band : ndarray of int
        Which of `bands`.
    depth : ndarray
        Five-sigma limit of a point source [mag, AB].
    latency : ndarray
        Days until alerts of the exposure are known.
    ra, dec : ndarray
        Centre [deg].
    bands : tuple of str
        sncosmo names.
    radius : float
        A disc of this radius [deg] lies in the field of view.
    cell : ndarray of int
        Which field of a fixed grid; all 0 where fields may lie anywhere.
    cell_of : callable or None
        Cell of positions (ra, dec); -1 between detectors. None: the disc decides.
    """

    mjd: Floats
    band: Ints
    depth: Floats
    latency: Floats
    ra: Floats
    dec: Floats
    bands: tuple[str, ...]
    radius: float
    cell: Ints
    cell_of: Callable[[Floats, Floats], Ints] | None = None

    def __len__(self) -> int:
        return self.mjd.size

    def pairs(self, ra: Floats, dec: Floats, first: Floats, last: Floats) -> tuple[Ints, Ints]:
        """Return which visits see which positions between two times.

        Parameters
        ----------
        ra, dec : ndarray, shape (n,)
            [deg]
        first, last : ndarray, shape (n,)
            [d, MJD UTC]

        Returns
        -------
        owner, visit : ndarray of int, shape (m,)
            Sorted by owner and time.
        """
        if self.cell_of is None:
            return self._by_discs(ra, dec, first, last)
        cell = self.cell_of(ra, dec)
        key = self.cell * _KEY + self.mjd
        begin = np.searchsorted(key, cell * _KEY + first)
        count = np.searchsorted(key, cell * _KEY + last, side="right") - begin
        count = np.where(cell >= 0, np.maximum(count, 0), 0)
        owner = np.repeat(np.arange(ra.size), count)
        step = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
        return owner, np.repeat(begin, count) + step

    @functools.cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree  # noqa: PLC0415  only who needs it pays for it

        return cKDTree(unit_vectors(self.ra, self.dec))

    def _by_discs(self, ra: Floats, dec: Floats, first: Floats, last: Floats) -> tuple[Ints, Ints]:
        if not len(self) or not ra.size:
            return np.empty(0, np.intp), np.empty(0, np.intp)
        reach = 2 * np.sin(np.radians(self.radius) / 2)
        found = self._tree.query_ball_point(unit_vectors(ra, dec), reach, return_sorted=True)
        count = np.fromiter(map(len, found), np.intp, ra.size)
        owner = np.repeat(np.arange(ra.size), count)
        visit = np.concatenate([np.asarray(one, dtype=np.intp) for one in found])
        seen = (self.mjd[visit] >= first[owner]) & (self.mjd[visit] <= last[owner])
        return owner[seen], visit[seen]


def latencies(rng: np.random.Generator, n: int, minutes: float) -> Floats:
    """Draw how long exposures take to become alerts [d]: lognormal, 2 minutes to 8 hours.

    The median is given; one in six takes twice as long or more, as when a broker lags.
    """
    drawn = np.exp(rng.normal(np.log(minutes), 0.7, n))
    return np.asarray(np.clip(drawn, 2.0, 480.0) / 1440.0)


def read_visits(
    path: Path,
    *,
    survey: str,
    between: tuple[float, float],
    radius: float,
    rng: np.random.Generator,
    latency: float,
) -> Visits:
    """Read visits from a Parquet, SQLite (OpSim) or CSV file.

    Parameters
    ----------
    path : Path
    survey : str
        ``ztf`` or ``lsst``: what a band ``g`` is called.
    between : (float, float)
        Visits outside are left out [d, MJD UTC].
    radius : float
        Of the field of view [deg].
    rng : numpy.random.Generator
        Draws latencies.
    latency : float
        Median time to an alert [min].

    Raises
    ------
    InputError
        If it cannot be read, misses columns, or has no visit between the dates.
    """
    table = _columns(path)
    values = {
        name: pd.to_numeric(table[name], errors="coerce").to_numpy(float)
        for name in ("mjd", "ra", "dec", "depth")
    }
    good = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    words = table["band"].astype(str).str.lower().str[-1]
    known = {"ztf": "gri", "lsst": "ugrizy"}[survey]
    band = pd.Index(list(known)).get_indexer(pd.Index(words))
    good &= band >= 0
    if not good.any():
        raise InputError(
            f"{path}: none of its {len(table)} visits can be used; each needs a time, a position, "
            f"a depth, and a band of {survey} ({', '.join(known)})"
        )
    first, last = values["mjd"][good].min(), values["mjd"][good].max()
    good &= (values["mjd"] >= between[0]) & (values["mjd"] <= between[1])
    if not good.any():
        raise InputError(
            f"{path}: has no visit between the dates asked for; it covers {iso(first)[:10]} to "
            f"{iso(last)[:10]}: choose --from and --to in it"
        )
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(values["mjd"][rows], kind="stable")]
    return Visits(
        mjd=values["mjd"][rows],
        band=band[rows],
        depth=values["depth"][rows],
        latency=latencies(rng, rows.size, latency),
        ra=values["ra"][rows] % 360.0,
        dec=values["dec"][rows],
        bands=tuple(f"{survey}{letter}" for letter in known),
        radius=radius,
        cell=np.zeros(rows.size, dtype=np.intp),
    )


def _columns(path: Path) -> pd.DataFrame:
    """Return the five columns of a file of visits, by our names."""
    names, load = _open(path)
    chosen = {
        role: next((name for name in spellings if name in names), None)
        for role, spellings in COLUMNS.items()
    }
    missing = [
        f"{role} ({', '.join(COLUMNS[role][:3])})" for role, name in chosen.items() if name is None
    ]
    if missing:
        raise InputError(
            f"{path}: is no table of visits: it misses {', '.join(missing)}; its columns are "
            f"{', '.join(names[:12]) or 'none'}"
        )
    back = {str(name): role for role, name in chosen.items()}
    done = attempt("visits", lambda: load(list(back)))
    if done.value is None:
        raise InputError(f"{path}: cannot be read ({getattr(done.failure, 'error', '')})")
    return done.value.rename(columns=back)


def _open(path: Path) -> tuple[list[str], Callable[[list[str]], pd.DataFrame]]:
    """Return the columns of a file, and what reads some of them."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise InputError(f"{path}: cannot be opened ({error.strerror})") from error
    done = attempt("visits", lambda: _opened(path, start))
    if done.value is None:
        raise InputError(
            f"{path}: cannot be read as Parquet, SQLite or CSV "
            f"({getattr(done.failure, 'error', '')})"
        )
    return done.value


def _opened(path: Path, start: bytes) -> tuple[list[str], Callable[[list[str]], pd.DataFrame]]:
    if start.startswith(b"PAR1"):
        import pyarrow.parquet as pq  # noqa: PLC0415

        names = list(pq.read_schema(path).names)
        return names, lambda some: pd.read_parquet(path, columns=some)
    if start.startswith(b"SQLite format 3"):
        return _sqlite(path)
    names = list(map(str, pd.read_csv(path, nrows=0, comment="#").columns))
    return names, lambda some: pd.read_csv(path, usecols=some, comment="#")


def _sqlite(path: Path) -> tuple[list[str], Callable[[list[str]], pd.DataFrame]]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        rows = file.execute("select name from sqlite_master where type = 'table'").fetchall()
        there = [str(name) for (name,) in rows]
        table = next((name for name in TABLES if name in there), None)
        if table is None:
            return [], lambda _: pd.DataFrame()
        info = file.execute(f'pragma table_info("{table}")').fetchall()
    names = [str(row[1]) for row in info]

    def load(some: list[str]) -> pd.DataFrame:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
            chosen = ", ".join(f'"{name}"' for name in some)
            return pd.read_sql_query(f"select {chosen} from {table}", file)  # noqa: S608  ours

    return names, load
