"""What a watched source is like while nothing happens: level, own scatter, time scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.compiled.jit import compiled, entry
from aas2rto.tables.photometry import POGSON

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MIN_NIGHTS = 30
"""Least nights of a baseline: the error of a mean of 20 alone cuts the run length of a CUSUM to a
third, and a scatter of 20 makes 5 sigma as frequent as 3.9 (measured)."""

MIN_SPAN = 60.0
"""Least time from its first night to its last [d]."""

HALF_CHISQ_95 = 1.92
"""By how much ln L falls at the limits of 95 %: half of 3.841, the quantile of chi2 of one
degree."""

OF_MEDIAN = 0.4549
"""Median of the square of a unit Gaussian, of which the mean is 1."""

THRESHOLDS: Mapping[str, float] = {
    "star": 0.005,
    "galaxy": 0.02,
    "tde": 0.05,
    "agn": 0.15,
}
"""Own scatter below which a source counts as quiescent [mag], by what it is; `tde` is what a host
of a tidal disruption must be. The project's document, Sects. 2.1 and 3.3."""


class Quiescence(StrEnum):
    """Whether a source is quiescent; not knowing is an answer, and excludes nothing."""

    QUIESCENT = "quiescent"
    VARIABLE = "variable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Baseline:
    """Level and own scatter, by restricted maximum likelihood.

    Parameters
    ----------
    mean, mean_err : float
        In the units of the flux.
    scatter, scatter_low, scatter_high : float
        Standard deviation beyond the errors, and its limits of 95 %.
    n : int
        Nights.
    span : float
        From the first to the last [d].
    status : str
        ``ok``; or why it is not good enough, or not there at all.
    """

    mean: float
    mean_err: float
    scatter: float
    scatter_low: float
    scatter_high: float
    n: int
    span: float
    status: str


@compiled
def restricted(flux: Floats, square: Floats, scatter: float) -> tuple[float, float, float]:
    """Return ln L less a constant, the mean and its information at a scatter.

    `square` are the errors' squares. Logarithms are taken of products of eight.
    """
    mass, moment, second, logs, product = 0.0, 0.0, 0.0, 0.0, 1.0
    extra = scatter * scatter
    unit = square[0]
    for i in range(len(flux)):
        v = square[i] + extra
        d = flux[i] - flux[0]
        w = 1.0 / v
        mass += w
        moment += d * w
        second += d * d * w
        product *= v / unit
        if i % 8 == 7:
            logs += np.log(product)
            product = 1.0
    logs += np.log(product)
    chisq = second - moment * moment / mass
    return -0.5 * (logs + chisq + np.log(mass)), flux[0] + moment / mass, mass


@compiled
def crossing(flux: Floats, square: Floats, low: float, high: float, level: float) -> float:
    """Return the scatter between `low` and `high` at which ln L is `level`: regula falsi.

    The Illinois variant, which halves the value at an end that stays a second time.
    """
    f_low = restricted(flux, square, low)[0] - level
    f_high = restricted(flux, square, high)[0] - level
    at, side = low, 0
    for _ in range(60):
        at = (low * f_high - high * f_low) / (f_high - f_low)
        f_at = restricted(flux, square, at)[0] - level
        if abs(f_at) < 1e-6:
            break
        if (f_at > 0.0) == (f_high > 0.0):
            high, f_high = at, f_at
            f_low *= 0.5 if side > 0 else 1.0
            side = 1
        else:
            low, f_low = at, f_at
            f_high *= 0.5 if side < 0 else 1.0
            side = -1
    return at


@compiled
def peak(flux: Floats, square: Floats, top: float) -> float:
    """Return the scatter of greatest ln L: the best of a grid, then golden section about it."""
    steps, best, at = 24, -np.inf, 0
    for i in range(steps + 1):
        # Quadratic steps: a scatter far below the errors is as good as none.
        found = restricted(flux, square, top * (i / steps) ** 2)[0]
        if found > best:
            best, at = found, i
    low, high = top * (max(at - 1, 0) / steps) ** 2, top * ((at + 1) / steps) ** 2
    ratio = 0.6180339887498949
    a, b = high - ratio * (high - low), low + ratio * (high - low)
    fa, fb = restricted(flux, square, a)[0], restricted(flux, square, b)[0]
    for _ in range(20):
        if fa > fb:
            high, b, fb = b, a, fa
            a = high - ratio * (high - low)
            fa = restricted(flux, square, a)[0]
        else:
            low, a, fa = a, b, fb
            b = low + ratio * (high - low)
            fb = restricted(flux, square, b)[0]
    middle = 0.5 * (low + high)
    # At the border itself golden section only comes close.
    return (
        0.0 if restricted(flux, square, 0.0)[0] >= restricted(flux, square, middle)[0] else middle
    )


@compiled
def reml(flux: Floats, error: Floats, out: Floats) -> None:
    """Write mean, its error, scatter, and its limits of 95 % to `out`; at least 2 points."""
    square = error * error
    lowest, highest, smallest = flux[0], flux[0], error[0]
    for i in range(len(flux)):
        lowest, highest = min(lowest, flux[i]), max(highest, flux[i])
        smallest = min(smallest, error[i])
    # No scatter larger than the range is more likely than the range itself.
    top = max(highest - lowest, smallest)
    scatter = peak(flux, square, top)
    best, mean, mass = restricted(flux, square, scatter)
    level = best - 1.92
    low = 0.0
    if scatter > 0.0 and restricted(flux, square, 0.0)[0] < level:
        low = crossing(flux, square, 0.0, scatter, level)
    high = 2.0 * top
    while restricted(flux, square, high)[0] > level and high < 1e6 * top:
        high *= 2.0
    out[0], out[1], out[2] = mean, mass**-0.5, scatter
    out[3], out[4] = low, crossing(flux, square, scatter, high, level)


@entry
def _reml(flux: Floats, error: Floats, starts: Ints, out: Floats) -> None:
    for s in range(len(starts) - 1):
        if starts[s + 1] - starts[s] >= 2:
            reml(flux[starts[s] : starts[s + 1]], error[starts[s] : starts[s + 1]], out[s])


def many(flux: ArrayLike, flux_err: ArrayLike, starts: ArrayLike) -> Floats:
    """Measure the baselines of many series at once.

    Parameters
    ----------
    flux, flux_err : array_like, shape (n,)
        Finite, with positive errors, series after series.
    starts : array_like of int, shape (s + 1,)
        Where each series begins, and where the last ends.

    Returns
    -------
    ndarray of float, shape (s, 5)
        Mean, its error, scatter, its lower and upper limit; NaN for fewer than 2 nights.
    """
    f, e = (np.ascontiguousarray(one, dtype=float) for one in (flux, flux_err))
    first = np.ascontiguousarray(starts, dtype=np.int64)
    out = np.full((max(len(first) - 1, 0), 5), np.nan)
    _reml(f, e, first, out)
    return out


def baseline(
    mjd: ArrayLike,
    flux: ArrayLike,
    flux_err: ArrayLike,
    *,
    min_nights: int = MIN_NIGHTS,
    min_span: float = MIN_SPAN,
) -> Baseline:
    """Measure level and own scatter of one series.

    L(scatter) = -1/2 sum[ln v + (F - mean)^2 / v] - 1/2 ln sum(1 / v), v = error^2 + scatter^2:
    restricted maximum likelihood, Harville (1977), JASA 72, 320; unlike a difference of variances
    it is not biased low where errors differ.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Nightly means [d], flux in any unit; points that are not finite or have no positive error
        are left out.
    min_nights, min_span : int, float
        See `MIN_NIGHTS` and `MIN_SPAN`.
    """
    t, f, e = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (mjd, flux, flux_err))
    good = np.isfinite(t) & np.isfinite(f) & np.isfinite(e) & (e > 0)
    n = int(good.sum())
    span = float(np.ptp(t[good])) if n else 0.0
    if n < 2:
        nan = float("nan")
        return Baseline(nan, nan, nan, nan, nan, n, span, "too few nights")
    mean, mean_err, scatter, low, high = many(f[good], e[good], [0, n])[0].tolist()
    short = n < min_nights or span < min_span
    status = "too few nights" if short else "ok"
    return Baseline(mean, mean_err, scatter, low, high, n, span, status)


def in_magnitudes(
    scatter: ArrayLike, level: ArrayLike, level_err: ArrayLike, reference: ArrayLike = 0.0
) -> Floats:
    """Convert a scatter in flux to one in magnitudes.

    Parameters
    ----------
    scatter, level, level_err : array_like
        Own scatter, baseline's mean and its error [uJy].
    reference : array_like
        Flux of the template, where the baseline is one of differences [uJy].

    Returns
    -------
    ndarray of float
        1.0857 scatter / (reference + level) [mag]; NaN unless that flux is above 5 of its errors:
        in difference flux alone there is no magnitude to scatter about.
    """
    scatter, level, level_err, reference = (
        np.asarray(one, dtype=float) for one in (scatter, level, level_err, reference)
    )
    total = reference + level
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(total > 5 * level_err, POGSON * scatter / total, np.nan))


def quiescence(low: float, high: float, threshold: float) -> Quiescence:
    """Tell whether a source is quiescent from the limits of 95 % of its own scatter.

    Parameters
    ----------
    low, high : float
        [mag]; NaN where they are not known.
    threshold : float
        Such as those of `THRESHOLDS` [mag].

    Examples
    --------
    >>> quiescence(0.0, 0.01, 0.02).value, quiescence(0.0, 0.03, 0.02).value
    ('quiescent', 'unknown')
    """
    if high < threshold:
        return Quiescence.QUIESCENT
    return Quiescence.VARIABLE if low > threshold else Quiescence.UNKNOWN


@dataclass(frozen=True)
class StructureFunction:
    """How much a source changes over a lag.

    Parameters
    ----------
    lag : ndarray of float
        Geometric middles of the bins that have enough pairs [d].
    power : ndarray of float
        median(dF^2) / 0.4549 less the two errors' squares; 2 sigma^2 (1 - exp(-lag / tau)) of a
        damped random walk, 0 of constant sources.
    n : ndarray of int
        Pairs.
    tau : float
        First lag at which the power exceeds scatter^2 [d], ln 2 times that of a damped random walk;
        NaN if not constrained.
    status : str
        ``ok``; ``shorter than the lags``, if the first lag exceeds it already, as white scatter
        does; ``not constrained``, if none does.
    """

    lag: Floats
    power: Floats
    n: Ints
    tau: float
    status: str


def structure_function(
    mjd: ArrayLike,
    flux: ArrayLike,
    flux_err: ArrayLike,
    scatter: float | None = None,
    *,
    bins: int = 12,
    least: int = 20,
) -> StructureFunction:
    """Measure the structure function of one series.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Nightly means.
    scatter : float, optional
        Own scatter; measured if it is not given.
    bins : int
        Of lags from 1 to 365 days, equal in their logarithm.
    least : int
        Bins with fewer pairs tell nothing.

    Notes
    -----
    The median of squared Gaussian differences is 0.4549 of their mean; without that, pure noise
    has a power of -1.09 of its variance.
    """
    t, f, e = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (mjd, flux, flux_err))
    good = np.isfinite(t) & np.isfinite(f) & np.isfinite(e) & (e > 0)
    t, f, e = t[good], f[good], e[good]
    if scatter is None:
        scatter = baseline(t, f, e).scatter
    i, j = np.triu_indices(len(t), 1)
    lag, square, noise = np.abs(t[j] - t[i]), (f[j] - f[i]) ** 2, e[i] ** 2 + e[j] ** 2
    borders = np.geomspace(1.0, 365.0, bins + 1)
    where = np.digitize(lag, borders) - 1
    kept = [k for k in range(bins) if np.count_nonzero(where == k) >= least]
    middle = np.sqrt(borders[kept] * borders[[k + 1 for k in kept]])
    power = np.array(
        [np.median(square[where == k]) / OF_MEDIAN - noise[where == k].mean() for k in kept]
    )
    count = np.array([np.count_nonzero(where == k) for k in kept], dtype=np.int64)
    above = np.flatnonzero(power > scatter**2) if scatter > 0 else np.zeros(0, dtype=np.int64)
    if not len(above):
        return StructureFunction(middle, power, count, np.nan, "not constrained")
    first = int(above[0])
    if first == 0:
        return StructureFunction(middle, power, count, np.nan, "shorter than the lags")
    return StructureFunction(middle, power, count, float(middle[first]), "ok")


CALM_NIGHTS = 3
"""A frozen baseline thaws after so many nights in a row with |z| < 3, once both sums were at 0."""

CALM = 3.0
"""Such a night deviates by less [sigma]."""


def thaws(z: ArrayLike, plus: ArrayLike, minus: ArrayLike) -> int:
    """Return the number of the night on which a frozen baseline thaws; -1 if it stays frozen.

    Parameters
    ----------
    z, plus, minus : array_like, shape (n,)
        Deviations and both cumulative sums of the nights since it was frozen.

    Notes
    -----
    Each sum must have come back to 0 on some night since. Both at 0 on each of the calm nights is
    what one night in three of pure noise fulfils, and three in a row one in twenty: it would never
    thaw.
    """
    z, plus, minus = (np.asarray(one, dtype=float) for one in (z, plus, minus))
    back = np.logical_or.accumulate(plus == 0) & np.logical_or.accumulate(minus == 0)
    run = 0
    for i, calm in enumerate((np.abs(z) < CALM).tolist()):
        run = run + 1 if calm else 0
        if run >= CALM_NIGHTS and back[i]:
            return i
    return -1
