"""The damped random walk of active nuclei: its likelihood, and how a point surprises it.

A Gaussian process of covariance sigma^2 exp(-|dt| / tau) about a mean; Kelly, Bechtold &
Siemiginowska (2009), ApJ 698, 895. Its Kalman filter takes one step per point (their Eqs. 7 to
12), so that the likelihood costs N steps in place of N^3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.compiled.jit import entry

Floats = NDArray[np.float64]

SHORTEST, LONGEST = 1.0, 3000.0
"""Time scales that `fit` looks at [d]: below a cadence it is white noise, above a survey a
trend."""

STEPS = 16
"""Points of the grid by which `fit` begins, for each of sigma and tau."""

CLOSER = 5
"""How often it looks at a grid a third as wide about the best point: ln sigma and ln tau then are
known to better than 0.01, a tenth of their errors on a hundred nights."""


@dataclass(frozen=True)
class Walk:
    """A damped random walk fitted to a light curve.

    Parameters
    ----------
    sigma : float
        Standard deviation, in the units of the flux; 0 if the likelihood asks for none.
    tau : float
        Time scale [d].
    mean, mean_err : float
        By generalised least squares.
    ln_l : float
        Logarithm of the likelihood; NaN where there was nothing to fit.
    status : str
        ``ok``; or why not all of this is known.
    """

    sigma: float
    tau: float
    mean: float
    mean_err: float
    ln_l: float
    status: str


@entry
def _filter(
    mjd: Floats,
    flux: Floats,
    flux_err: Floats,
    sigma: float,
    tau: float,
    mean: float,
    out: Floats,
    var: Floats,
) -> None:
    """Write the innovation of each point and its variance."""
    state, left = 0.0, sigma * sigma
    for i in range(len(mjd)):
        if i > 0:
            decay = np.exp(-(mjd[i] - mjd[i - 1]) / tau)
            state *= decay
            left = decay * decay * left + sigma * sigma * (1.0 - decay * decay)
        var[i] = left + flux_err[i] * flux_err[i]
        out[i] = flux[i] - mean - state
        gain = left / var[i]
        state += gain * out[i]
        left *= 1.0 - gain


@entry
def sums(
    mjd: Floats, flux: Floats, flux_err: Floats, sigmas: Floats, taus: Floats, out: Floats
) -> None:
    """Write ln L, mean and information of the mean for each sigma and tau: out (3, n, m)."""
    n = len(mjd)
    for j in range(len(taus)):
        for i in range(len(sigmas)):
            power = sigmas[i] * sigmas[i]
            of_flux, of_one, left = 0.0, 0.0, power
            ff, f1, oo, logs = 0.0, 0.0, 0.0, 0.0
            for k in range(n):
                if k > 0:
                    decay = np.exp(-(mjd[k] - mjd[k - 1]) / taus[j])
                    of_flux *= decay
                    of_one *= decay
                    left = decay * decay * left + power * (1.0 - decay * decay)
                var = left + flux_err[k] * flux_err[k]
                gain = left / var
                # The filter is linear, so the same gains serve the fluxes and a row of ones.
                r, u = flux[k] - flux[0] - of_flux, 1.0 - of_one
                ff += r * r / var
                f1 += r * u / var
                oo += u * u / var
                logs += np.log(2.0 * np.pi * var)
                of_flux += gain * r
                of_one += gain * u
                left *= 1.0 - gain
            out[0, i, j] = -0.5 * (ff - f1 * f1 / oo + logs)
            out[1, i, j] = flux[0] + f1 / oo
            out[2, i, j] = oo


def cleaned(mjd: ArrayLike, flux: ArrayLike, flux_err: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Return finite points with positive errors, sorted by time."""
    t, f, e = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (mjd, flux, flux_err))
    good = np.isfinite(t) & np.isfinite(f) & np.isfinite(e) & (e > 0)
    order = np.argsort(t[good], kind="stable")
    return t[good][order], f[good][order], e[good][order]


def innovations(
    mjd: ArrayLike, flux: ArrayLike, flux_err: ArrayLike, sigma: float, tau: float, mean: float
) -> tuple[Floats, Floats]:
    """Return by how much each point differs from what those before it foretell.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Finite, sorted by time, with positive errors; repeated times are allowed.
    sigma, tau, mean : float
        Of the walk; `sigma` 0 is white noise.

    Returns
    -------
    innovations, variances : ndarray of float, shape (n,)
        Their ratio ``innovations / sqrt(variances)`` is white and of unit variance, if the walk is.
    """
    t, f, e = (np.ascontiguousarray(one, dtype=float) for one in (mjd, flux, flux_err))
    out, var = np.empty(len(t)), np.empty(len(t))
    _filter(t, f, e, float(sigma), float(tau), float(mean), out, var)
    return out, var


def profile(
    mjd: ArrayLike, flux: ArrayLike, flux_err: ArrayLike, sigmas: ArrayLike, taus: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return ln L over a grid, and for each of its points the mean and its error.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)
        Points that are not finite or have no positive error are left out.
    sigmas, taus : array_like, shape (p,) and (q,)
        In the units of the flux, and [d].

    Returns
    -------
    ln_l, mean, mean_err : ndarray of float, shape (p, q)
        The mean is that by generalised least squares, at which ln L is greatest. NaN without
        points.
    """
    t, f, e = cleaned(mjd, flux, flux_err)
    s, q = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (sigmas, taus))
    out = np.full((3, len(s), len(q)), np.nan)
    if len(t):
        sums(t, f, e, s, q, out)
    return out[0], out[1], out[2] ** -0.5


def log_likelihood(
    mjd: ArrayLike, flux: ArrayLike, flux_err: ArrayLike, sigmas: ArrayLike, taus: ArrayLike
) -> Floats:
    """Return ln L over a grid of sigma and tau, the mean by generalised least squares.

    See `profile`; shape (p, q).
    """
    return profile(mjd, flux, flux_err, sigmas, taus)[0]


def fit(mjd: ArrayLike, flux: ArrayLike, flux_err: ArrayLike) -> Walk:
    """Find the sigma and tau of greatest likelihood.

    Parameters
    ----------
    mjd, flux, flux_err : array_like, shape (n,)

    Returns
    -------
    Walk
        ``status`` is ``too few points`` (fewer than 3), ``white`` if no walk is more likely than
        the errors alone, ``time scale not constrained`` at a border of what is looked at, else
        ``ok``.
    """
    t, f, e = cleaned(mjd, flux, flux_err)
    if len(t) < 3:
        level = float(np.average(f, weights=e**-2)) if len(t) else np.nan
        err = float((e**-2).sum() ** -0.5) if len(t) else np.nan
        return Walk(np.nan, np.nan, level, err, np.nan, "too few points")
    spread = max(float(np.std(f)), float(np.median(e)))
    low, high = np.log([spread * 0.03, SHORTEST]), np.log([spread * 30.0, LONGEST])
    middle, half = (low + high) / 2, (high - low) / 2
    for _ in range(CLOSER + 1):
        axes = [
            np.exp(np.clip(np.linspace(m - h, m + h, STEPS), a, b))
            for m, h, a, b in zip(middle, half, low, high, strict=True)
        ]
        ln_l, mean, mean_err = profile(t, f, e, *axes)
        i, j = np.unravel_index(int(np.argmax(ln_l)), ln_l.shape)
        middle, half = np.log([axes[0][i], axes[1][j]]), half / 3
    white, flat, flat_err = (one[0, 0] for one in profile(t, f, e, [0.0], [1.0]))
    if white >= ln_l[i, j]:
        return Walk(0.0, np.nan, float(flat), float(flat_err), float(white), "white")
    at_border = bool((middle[1] - low[1] < 0.02) | (high[1] - middle[1] < 0.02))
    return Walk(
        float(axes[0][i]),
        float(axes[1][j]),
        float(mean[i, j]),
        float(mean_err[i, j]),
        float(ln_l[i, j]),
        "time scale not constrained" if at_border else "ok",
    )
