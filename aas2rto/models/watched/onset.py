"""When a change began, how long it took to its peak, and whether it rose all the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.watched.blocks import PENALTY, blocks, levels

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEP = 3.0
"""A block differs from the baseline by more than so many of its error, the scatter and the error
of the baseline's mean, in quadrature."""

LEAST = 2
"""Nights of a block that counts."""

FALL, NOISE, SEEN = 0.25, 3.0, 5.0
"""A night is a reversal if it is below the maximum so far by more than 25 % of it and 3 errors,
where that maximum is at least 5 errors: 99 % of real tidal disruptions have at most one
(measured)."""

REVERSALS = 1
"""So many are allowed of a rise."""


@dataclass(frozen=True)
class Onset:
    """The beginning of a change.

    Parameters
    ----------
    t_on : float
        First night of the first block beside the baseline [d].
    t_0 : float
        Last night before it [d]; NaN if there is none.
    t_peak : float
        Night that differs most from the baseline, from `t_on` on [d].
    sign : int
        1 brighter, -1 fainter.
    rise : float
        t_peak - t_on [d].
    rise_most : float
        t_peak - t_0, its upper limit [d]; NaN where t_0 is.
    reversals : int
        Of the rise, see `FALL`.
    status : str
        ``ok``; ``no block``, ``no nights``, or ``no baseline`` where that is not known.
    """

    t_on: float
    t_0: float
    t_peak: float
    sign: int
    rise: float
    rise_most: float
    reversals: int
    status: str

    @property
    def monotonic(self) -> bool:
        """Whether it rose, or fell, all the way to the peak."""
        return self.status == "ok" and self.reversals <= REVERSALS


def changed(
    flux: Floats,
    flux_err: Floats,
    mean: float,
    scatter: float,
    penalty: float = PENALTY,
    mean_err: float = 0.0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Return the blocks of a light curve, and by how much each differs from the baseline.

    Parameters
    ----------
    flux, flux_err : ndarray of float, shape (n,)
        Sorted by time.
    mean, scatter, mean_err : float
        Of the baseline.
    penalty : float
        Of the blocks.

    Returns
    -------
    starts, counts : ndarray of int
        First night and number of nights of each block.
    steps : ndarray of float
        (level - mean) / sqrt(variance of the level + scatter^2 + mean_err^2); 0 where a block has
        fewer nights than `LEAST`.
    """
    error = np.hypot(flux_err, scatter)
    starts = blocks(flux, error, penalty)
    level, level_err, count = levels(flux, error, starts)
    width = np.sqrt(level_err**2 + scatter**2 + mean_err**2)
    return starts, count, np.where(count >= LEAST, (level - mean) / width, 0)


def reversals(flux: ArrayLike, flux_err: ArrayLike) -> int:
    """Count the nights of a rise that are clearly below the maximum before them.

    Parameters
    ----------
    flux, flux_err : array_like, shape (n,)
        Above the baseline, positive where it changed; sorted by time, to the peak.
    """
    flux, flux_err = np.asarray(flux, dtype=float), np.asarray(flux_err, dtype=float)
    if len(flux) < 2:
        return 0
    top = np.maximum.accumulate(flux)
    error = flux_err[[int(np.argmax(flux[: i + 1])) for i in range(len(flux))]]
    falls = np.maximum(FALL * top[:-1], NOISE * flux_err[1:])
    return int(((flux[1:] < top[:-1] - falls) & (top[:-1] >= SEEN * error[:-1])).sum())


def onset(
    mjd: ArrayLike,
    flux: ArrayLike,
    flux_err: ArrayLike,
    mean: float,
    scatter: float,
    after: float = -np.inf,
    penalty: float = PENALTY,
    sign: int = 0,
    mean_err: float = 0.0,
) -> Onset:
    """Find when a series left its baseline.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Nightly means, baseline and change together; what is not finite is left out.
    mean, scatter : float
        Of the baseline, such as `aas2rto.models.watched.baseline.baseline` measures them.
    after : float
        Blocks that end before this do not count: the end of the baseline [d].
    penalty : float
        See `aas2rto.models.watched.blocks.PENALTY`.
    sign : int
        1 or -1: only brighter or only fainter ones count; 0: any.
    mean_err : float
        Error of the baseline's mean.
    """
    t, f, e = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (mjd, flux, flux_err))
    good = np.isfinite(t) & np.isfinite(f) & np.isfinite(e) & (e > 0)
    order = np.argsort(t[good], kind="stable")
    t, f, e = t[good][order], f[good][order], e[good][order]
    if not len(t) or not (np.isfinite(mean) and np.isfinite(scatter)):
        return _none("no baseline" if len(t) else "no nights")
    starts, counts, steps = changed(f, e, mean, scatter, penalty, mean_err)
    ends = t[starts + counts - 1]
    fits = (np.abs(steps) > STEP) & (ends > after) & ((sign == 0) | (np.sign(steps) == sign))
    if not fits.any():
        return _none("no block")
    first = int(np.flatnonzero(fits)[0])
    at = int(starts[first])
    way = int(np.sign(steps[first]))
    # The baseline's end cuts a block that began within it.
    at = max(at, int(np.searchsorted(t, after, side="right")))
    return since(t, f, e, mean, scatter, float(t[at]), way)


def since(
    mjd: Floats,
    flux: Floats,
    flux_err: Floats,
    mean: float,
    scatter: float,
    t_on: float,
    sign: int,
) -> Onset:
    """Describe a change that began on a night that is known.

    Parameters
    ----------
    mjd, flux, flux_err : ndarray of float, shape (n,)
        Finite, sorted by time.
    mean, scatter : float
        Of the baseline.
    t_on : float
        One of the times [d].
    sign : int
        1 brighter, -1 fainter.
    """
    at = int(np.searchsorted(mjd, t_on))
    height = sign * (flux - mean)
    top = at + int(np.argmax(height[at:]))
    t_0 = float(mjd[at - 1]) if at else np.nan
    return Onset(
        float(mjd[at]),
        t_0,
        float(mjd[top]),
        sign,
        float(mjd[top] - mjd[at]),
        float(mjd[top] - t_0),
        reversals(height[at : top + 1], np.hypot(flux_err, scatter)[at : top + 1]),
        "ok",
    )


def _none(status: str) -> Onset:
    return Onset(np.nan, np.nan, np.nan, 0, np.nan, np.nan, 0, status)
