"""HEALPix cells: positions to cells of the finest order, and regions to cells of several orders.

Cells are numbered as in the nested scheme, Gorski et al. (2005), ApJ 622, 759. A cell of order k
holds a contiguous run of the cells of the finest order, so that looking a position up is a search
in sorted numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aas2rto.sky.regions import Vectors, positions
from aas2rto.tables.candidates import unit_vectors

FINEST = 29
"""Cells of 0.0004", the finest that 64 bits can number (IVOA MOC 2.0)."""

FIRST = 3
"""Order at which a search begins: 768 cells of 7.3 deg."""

RADIUS = 1.2
"""Largest distance from a cell's centre to its corners, in units of the square root of its area; at
most 1.12 at order 3 (at the poles), 0.92 on average."""

POINTS = 16
"""Points on the border of a cell that are looked at."""

Ints = NDArray[np.int64]


def finest(at: Vectors) -> Ints:
    """Return the cell of the finest order of each position, shape (n,)."""
    from astropy import units as u  # noqa: PLC0415  half a second at import
    from astropy_healpix import lonlat_to_healpix  # noqa: PLC0415

    ra, dec = positions(at)
    cell = lonlat_to_healpix(ra * u.deg, dec * u.deg, 2**FINEST, order="nested")
    return np.asarray(cell, dtype=np.int64)


def size(order: int) -> float:
    """Return the square root of the area of a cell [deg]: 51.5" at order 12."""
    return float(np.degrees(np.sqrt(np.pi / 3)) / 2**order)


def centres(cells: Ints, order: int) -> Vectors:
    """Return unit vectors to the centres of cells."""
    from astropy import units as u  # noqa: PLC0415
    from astropy_healpix import healpix_to_lonlat  # noqa: PLC0415

    ra, dec = healpix_to_lonlat(cells, 2**order, order="nested")
    return unit_vectors(ra.to_value(u.deg), dec.to_value(u.deg))


def borders(cells: Ints, order: int) -> Vectors:
    """Return unit vectors to points on the borders of cells, `POINTS` of each, cell by cell."""
    from astropy import units as u  # noqa: PLC0415
    from astropy_healpix import boundaries_lonlat  # noqa: PLC0415

    if not len(cells):
        return np.empty((0, 3))
    ra, dec = boundaries_lonlat(cells, POINTS // 4, 2**order, order="nested")
    return unit_vectors(ra.to_value(u.deg).ravel(), dec.to_value(u.deg).ravel())


def covering(
    margin: Callable[[Vectors], NDArray[np.float64]], order: int, *, touched: bool = False
) -> tuple[Ints, Ints]:
    """Return the cells of a region: large ones inside, small ones along its border.

    Parameters
    ----------
    margin : callable
        How far inside positions lie [deg]; negative outside.
    order : int
        Of the smallest cells, up to 29.
    touched : bool
        Take cells that the region touches: of which any of 16 points on the border lies inside.
        Otherwise those whose centre does, so that the area is right on average.

    Returns
    -------
    cells, orders : ndarray of int
    """
    first = min(FIRST, order)
    waiting = np.arange(12 * 4**first, dtype=np.int64)
    cells, orders = [], []
    for level in range(first, order + 1):
        depth = margin(centres(waiting, level))
        reach = RADIUS * size(level)
        taken = depth > (0.0 if level == order else reach)
        if level == order and touched:
            near = np.flatnonzero(~taken & (depth > -reach))
            taken[near] = margin(borders(waiting[near], level)).reshape(-1, POINTS).max(axis=1) > 0
        cells.append(waiting[taken])
        orders.append(np.full(int(taken.sum()), level, dtype=np.int64))
        open_ = waiting[~taken & (depth > -reach)]
        waiting = (4 * open_[:, None] + np.arange(4)).ravel()
        if not len(waiting):
            break
    return np.concatenate(cells), np.concatenate(orders)


def runs(cells: Ints, orders: Ints) -> tuple[Ints, Ints]:
    """Return where cells begin and end among those of the finest order, sorted."""
    shift = 2 * (FINEST - orders)
    begin = np.left_shift(cells, shift)
    by_number = np.argsort(begin)
    return begin[by_number], (begin + np.left_shift(1, shift))[by_number]


def place(at: Vectors, begin: Ints, end: Ints) -> Ints:
    """Return in which run each position lies; -1 in none.

    Parameters
    ----------
    at : ndarray, shape (n, 3)
    begin, end : ndarray of int
        Sorted runs that do not overlap, see `runs`.
    """
    known = np.isfinite(at).all(axis=1)
    found = np.full(len(at), -1, dtype=np.int64)
    number = finest(at[known])
    row = np.searchsorted(begin, number, side="right") - 1
    inside = (row >= 0) & (number < end[np.maximum(row, 0)]) if len(begin) else row < -1
    found[known] = np.where(inside, row, -1)
    return found
