"""Nightly means of a watched source: one number per night, band and site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LONGITUDES: Mapping[str, float] = {"ztf": -116.86, "lsst": -70.75}
"""East longitudes of surveys that are one site [deg]: Palomar and Cerro Pachon, as in the files of
observatories/. Others have several sites, or an unknown one, and count their nights by UTC."""


@dataclass(frozen=True)
class Nights:
    """Nightly means, sorted by series and night; a series is a source in one band at one site.

    Parameters
    ----------
    series : ndarray of int, shape (n,)
        What the caller numbered.
    night : ndarray of int, shape (n,)
        See `night_of`.
    mjd : ndarray of float, shape (n,)
        Weighted mean time [d].
    flux, flux_err : ndarray of float, shape (n,)
        In the units of the caller, uJy as a rule.
    n : ndarray of int, shape (n,)
        Points of the night.
    """

    series: Ints
    night: Ints
    mjd: Floats
    flux: Floats
    flux_err: Floats
    n: Ints

    def starts(self, n_series: int) -> Ints:
        """Return where each series begins, and where the last ends, shape (n_series + 1,)."""
        return np.searchsorted(self.series, np.arange(n_series + 1)).astype(np.int64)


def night_of(mjd: ArrayLike, longitude: ArrayLike = np.nan) -> Ints:
    """Return numbers of nights: the UTC date at local midnight; floor(mjd) without a longitude.

    Parameters
    ----------
    mjd : array_like
        [d, UTC]
    longitude : array_like
        East [deg]; NaN where it is not known. In Chile a night has two UTC dates, at Palomar one,
        so that there this is floor(mjd), too.

    Examples
    --------
    >>> night_of([60000.97, 60001.40], -70.75).tolist()
    [60001, 60001]
    >>> night_of([60000.10, 60000.55], -116.86).tolist()
    [60000, 60000]
    """
    east = np.asarray(longitude, dtype=float)
    shift = np.where(np.isfinite(east), east / 360.0 + 0.5, 0.0)
    nights: Ints = np.floor(np.nan_to_num(np.asarray(mjd, dtype=float)) + shift).astype(np.int64)
    return nights


def nightly(
    mjd: ArrayLike,
    flux: ArrayLike,
    flux_err: ArrayLike,
    series: ArrayLike | None = None,
    longitude: ArrayLike = np.nan,
) -> Nights:
    """Join the points of each night to one: their mean, weighted by 1 / error^2.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Points without a finite time, flux and positive error are left out.
    series : array_like of int, shape (n,), optional
        Numbers what must not be mixed: source, band and site.
    longitude : array_like
        See `night_of`; one for all, or one per point.

    Returns
    -------
    Nights
    """
    columns = [np.asarray(one, dtype=float) for one in (mjd, flux, flux_err)]
    good = np.isfinite(columns).all(axis=0) & (columns[2] > 0)
    t, f, e = (one[good] for one in columns)
    numbers = np.zeros(len(good), dtype=np.int64) if series is None else np.asarray(series)
    which = numbers.astype(np.int64)[good]
    night = night_of(*np.broadcast_arrays(columns[0], np.asarray(longitude, dtype=float)))[good]
    if not len(t):
        none, zero = np.zeros(0, dtype=np.int64), np.zeros(0)
        return Nights(none, none, zero, zero, zero, none)
    order = np.lexsort((t, night, which))
    which, night, t, f, e = which[order], night[order], t[order], f[order], e[order]
    new = np.concatenate([[True], (np.diff(which) != 0) | (np.diff(night) != 0)])
    first = np.flatnonzero(new)
    weight = e**-2.0
    total = np.add.reduceat(weight, first)
    return Nights(
        which[first],
        night[first],
        np.add.reduceat(weight * t, first) / total,
        np.add.reduceat(weight * f, first) / total,
        total**-0.5,
        np.diff(np.append(first, len(t))).astype(np.int64),
    )
