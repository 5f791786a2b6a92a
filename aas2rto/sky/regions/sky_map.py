"""HEALPix sky maps, such as those of gravitational-wave alerts: the region of a given probability.

Flat maps (one column of probability by pixel) and multi-order maps (UNIQ, PROBDENSITY) of LIGO,
Virgo & KAGRA, and of gamma-ray bursts.
"""

from __future__ import annotations

import functools
import io
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aas2rto.errors import InputError
from aas2rto.sky.regions import Mask, Vectors
from aas2rto.sky.regions.cells import Ints, place, runs, size

FLAT = ("PROB", "PROBABILITY", "PROBDENSITY", "T", "SIGNAL")
"""Names of the column of a flat map, the first that is there."""

GALACTIC = np.array(
    [
        [-0.0548755604, -0.8734370902, -0.4838350155],
        [0.4941094279, -0.4448296300, 0.7469822445],
        [-0.8676661490, -0.1980763734, 0.4559837762],
    ]
)
"""Axes of Galactic coordinates (rows) in ICRS: Hipparcos catalogue (ESA SP-1200),
Vol. 1, Eq. 1.5.11."""


@dataclass(frozen=True)
class SkyMap:
    """The smallest region that holds a share of the probability.

    Parameters
    ----------
    name : str
    begin, end : ndarray of int
        Its cells as runs of the finest order, see `aas2rto.sky.regions.cells.runs`.
    probability : ndarray of float
        Of each cell; together 1.
    areas : ndarray of float
        Of each cell [deg2].
    credible : float
        The share, 0 to 1.
    galactic : bool
        Whether cells are numbered in Galactic coordinates.
    layers : ndarray or None
        DISTMU and DISTSIGMA of each cell, shape (cells, 2) [Mpc]; None: the map has none.
    began : float
        When the event was, as its header says [d, MJD UTC]; NaN: it does not.
    """

    name: str
    begin: Ints
    end: Ints
    probability: NDArray[np.float64]
    areas: NDArray[np.float64]
    credible: float = 0.9
    galactic: bool = False
    layers: NDArray[np.float64] | None = None
    began: float = np.nan

    @functools.cached_property
    def level(self) -> NDArray[np.float64]:
        """The share that cells at least as dense hold before each cell: 0 for the densest."""
        order = np.argsort(-self.probability / self.areas, kind="stable")
        found = np.empty(len(order))
        found[order] = np.cumsum(self.probability[order]) - self.probability[order]
        return found

    @property
    def area(self) -> float:
        """What it covers [deg2]."""
        return float(self.areas[self.level < self.credible].sum())

    def levels(self, at: Vectors) -> NDArray[np.float64]:
        """Return in which credible region positions lie, 0 to 1; 1 where the map says nothing."""
        return self.level_of(self.cell(at))

    def cell(self, at: Vectors) -> Ints:
        """Return in which cell positions lie; -1: in none."""
        return place(at @ GALACTIC.T if self.galactic else at, self.begin, self.end)

    def level_of(self, cell: Ints) -> NDArray[np.float64]:
        """Return the credible region of cells, see `levels`."""
        return np.where(cell >= 0, np.append(self.level, 1.0)[cell], 1.0)

    def distance_of(self, cell: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return DISTMU and DISTSIGMA of cells [Mpc]; NaN where the map says nothing."""
        if self.layers is None:
            unknown = np.full(len(cell), np.nan)
            return unknown, unknown
        found = np.where((cell >= 0)[:, None], self.layers[cell], np.nan)
        return found[:, 0], found[:, 1]

    def contains(self, at: Vectors) -> Mask:
        """Tell which positions lie inside, see `aas2rto.sky.regions.Region`."""
        return np.asarray(self.levels(at) < self.credible)


def read(path: Path | io.BytesIO, credible: float = 0.9, *, name: str = "") -> SkyMap:
    """Read a sky map.

    Parameters
    ----------
    path : Path or BytesIO
        FITS, also compressed by gzip.
    credible : float
        The share of the probability, 0 to 1.
    name : str
        Of the map; by default that of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or is no sky map.
    """
    from astropy.io import fits  # noqa: PLC0415  slow to import
    from astropy.io.fits.verify import VerifyError  # noqa: PLC0415

    name = name or (path.name.partition(".")[0] if isinstance(path, Path) else "map")
    where = path if isinstance(path, Path) else name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about units that FITS does not know
            with fits.open(path, memmap=False) as file:
                table = next(one for one in file if isinstance(one, fits.BinTableHDU))
                found = _of_table(table, name)
    except StopIteration:
        raise InputError(f"{where}: holds no table, and so is no HEALPix sky map") from None
    except OSError as error:
        raise InputError(f"{where}: cannot be read ({error.strerror or error})") from error
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, VerifyError) as error:
        raise InputError(f"{where}: is no HEALPix sky map ({error})") from error
    return replace(found, credible=credible)


def _of_table(table: Any, name: str) -> SkyMap:
    columns = {column.upper(): column for column in table.columns.names}
    system = str(table.header.get("COORDSYS", "C")).strip().upper()
    if system[:1] not in {"C", "I", "E", "G"} or system.startswith("ECL"):
        raise ValueError(f"its coordinates are {system!r}, not ICRS or Galactic")
    if "UNIQ" in columns:
        uniq = np.asarray(table.data[columns["UNIQ"]], dtype=np.int64)
        # NUNIQ of order 0 is 4 ... 15, of order 29 below 2^62 (MOC 2.0, Sect. 4.3.1.1).
        if not len(uniq) or uniq.min() < 4 or uniq.max() >= 1 << 62:
            raise ValueError("a UNIQ of it numbers no cell")
        orders = (np.floor(np.log2(uniq.astype(float) / 4)) // 2).astype(np.int64)
        cells = uniq - (1 << (2 * orders + 2))
    else:
        cells, orders = _flat_cells(table)
    areas = np.array([size(int(order)) ** 2 for order in range(30)])[orders]
    density = columns.get("PROBDENSITY")
    if density is not None:
        weight = np.asarray(table.data[density], dtype=float).ravel() * areas
    else:
        named = next((columns[one] for one in FLAT if one in columns), None)
        if named is None:
            raise ValueError(f"it has none of the columns {', '.join(FLAT)}")
        weight = np.asarray(table.data[named], dtype=float).ravel()
    weight = np.where(np.isfinite(weight) & (weight > 0), weight, 0.0)
    if not weight.sum() > 0:
        raise ValueError("it holds no probability")
    shift = np.argsort(np.left_shift(cells, 2 * (29 - orders)))
    begin, end = runs(cells, orders)
    layers = _layers(table, columns)
    return SkyMap(
        name,
        begin,
        end,
        (weight / weight.sum())[shift],
        areas[shift],
        galactic=system[0] == "G",
        layers=None if layers is None else layers[shift],
        began=_began(table.header),
    )


def _layers(table: Any, columns: dict[str, str]) -> NDArray[np.float64] | None:
    """Return DISTMU and DISTSIGMA side by side; inf and NaN stand where nothing is known."""
    named = [columns.get(one) for one in ("DISTMU", "DISTSIGMA")]
    if None in named:
        return None
    return np.column_stack([np.asarray(table.data[one], dtype=float).ravel() for one in named])


def _began(header: Any) -> float:
    """Return the time of the event by a header: MJD-OBS (LIGO, Virgo & KAGRA)."""
    try:
        return float(header.get("MJD-OBS", np.nan))
    except (TypeError, ValueError):
        return np.nan


def _flat_cells(table: Any) -> tuple[Ints, Ints]:
    """Return the cells of a map without UNIQ: row after row, in the ordering of its header."""
    from astropy_healpix.core import ring_to_nested  # noqa: PLC0415

    rows = sum(np.asarray(table.data[name]).size for name in table.columns.names[:1])
    nside = round((rows / 12) ** 0.5)
    if 12 * nside**2 != rows or nside & (nside - 1):
        raise ValueError(f"{rows} pixels are not 12 nside^2 with nside a power of 2")
    cells = np.arange(rows, dtype=np.int64)
    if not str(table.header.get("ORDERING", "RING")).strip().upper().startswith("NEST"):
        cells = np.asarray(ring_to_nested(cells, nside), dtype=np.int64)
    return cells, np.full(rows, nside.bit_length() - 1, dtype=np.int64)
