"""Sky maps as LIGO, Virgo & KAGRA send them, of a Gaussian whose answers are known."""

from __future__ import annotations

import io

import numpy as np
from astropy import units as u
from astropy.io import fits
from astropy_healpix import healpix_to_lonlat

from aas2rto.tables.candidates import unit_vectors

CENTRE = (150.0, -20.0)
SIGMA = 5.0
"""[deg]"""


def gaussian(
    *,
    centre: tuple[float, float] = CENTRE,
    sigma: float = SIGMA,
    distance: tuple[float, float] | None = (180.0, 40.0),
    mjd: float | None = None,
) -> bytes:
    """Return a multi-order map of 4,467 cells: order 4, and 6 where it is densest."""
    cells, orders = [], []
    far = _apart(np.arange(12 * 4**4), 4, centre)
    near = set(np.argsort(far)[:93].tolist())  # out to 19 deg
    for cell in range(12 * 4**4):
        if cell in near:
            cells += list(range(16 * cell, 16 * cell + 16))
            orders += [6] * 16
        else:
            cells.append(cell)
            orders.append(4)
    number, order = np.array(cells), np.array(orders)
    density = np.zeros(len(number))
    for level in (4, 6):
        rows = order == level
        density[rows] = np.exp(-((_apart(number[rows], level, centre) / sigma) ** 2) / 2)
    density /= (density * (np.pi / 3) / 4.0**order).sum()
    columns = [
        fits.Column("UNIQ", "K", array=number + 4 ** (order + 1)),
        fits.Column("PROBDENSITY", "D", array=density),
    ]
    if distance is not None:
        near = density > density.max() * 1e-6
        for name, value in zip(("DISTMU", "DISTSIGMA"), distance, strict=True):
            columns.append(fits.Column(name, "D", array=np.where(near, value, np.inf)))
        columns.append(fits.Column("DISTNORM", "D", array=np.where(near, 1e-5, 0.0)))
    table = fits.BinTableHDU.from_columns(columns)
    table.header["ORDERING"] = "NUNIQ"
    table.header["COORDSYS"] = "C"
    if mjd is not None:
        table.header["MJD-OBS"] = mjd
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(file)
    return file.getvalue()


def _apart(cells: np.ndarray, order: int, centre: tuple[float, float]) -> np.ndarray:
    ra, dec = healpix_to_lonlat(cells, 2**order, order="nested")
    at = unit_vectors(ra.to_value(u.deg), dec.to_value(u.deg))
    (axis,) = unit_vectors(np.array([centre[0]]), np.array([centre[1]]))
    return np.asarray(np.degrees(np.arccos(np.clip(at @ axis, -1, 1))))
