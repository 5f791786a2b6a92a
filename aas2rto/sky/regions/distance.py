"""How far an event is in a direction, by the distance layers of a sky map.

Singer et al. (2016), ApJL 829, L15, Eq. 1: along a line of sight p(r) is proportional to
r^2 N(r; DISTMU, DISTSIGMA), so that DISTMU is not the mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STEPS = 60
"""Of the iteration to the most consistent distance; it gains a digit in each."""


def moments(mu: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the distance; NaN where the layers say nothing.

    Parameters
    ----------
    mu, sigma : ndarray
        DISTMU, DISTSIGMA [Mpc].

    Notes
    -----
    The integral runs over all r: exact where mu is several sigma.

    Examples
    --------
    >>> [round(float(one), 1) for one in moments(np.array(180.0), np.array(40.0))]
    [196.9, 37.1]
    """
    known = _is_known(mu, sigma)
    m, s2 = np.where(known, mu, np.nan), np.where(known, sigma, np.nan) ** 2
    norm = m**2 + s2
    mean = (m**3 + 3 * m * s2) / norm
    square = (m**4 + 6 * m**2 * s2 + 3 * s2**2) / norm
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def consistency(mu: Floats, sigma: Floats, distance: Floats, error: Floats) -> Floats:
    """Return how well a distance agrees with the map, 1 at the distance that agrees best.

    Parameters
    ----------
    mu, sigma : ndarray
        DISTMU, DISTSIGMA [Mpc] where the candidate is.
    distance, error : ndarray
        Of the host: a Gaussian [Mpc].

    Returns
    -------
    ndarray
        Integral of p(r) times the host's likelihood, over its largest value for any distance with
        that error; 1 where either is not known.

    Notes
    -----
    The product of the Gaussians is one of mean m and variance v, times N(d; mu, sigma^2 + s^2);
    the integral of r^2 over it is m^2 + v.
    """
    known = _is_known(mu, sigma) & np.isfinite(distance) & (error > 0) & (distance > 0)
    some = np.where(known, mu, 1.0), np.where(known, sigma, 1.0) ** 2
    d, s2 = np.where(known, distance, 1.0), np.where(known, error, 1.0) ** 2
    best = np.maximum(some[0], 0.0) + np.sqrt(some[1] + s2)
    for _ in range(STEPS):
        mean, spread = _product(*some, best, s2)
        best = some[0] + 2 * some[1] * mean / (mean**2 + spread)
        best = np.where(best > 0, best, np.sqrt(some[1]))
    ratio = np.exp(_log_agreement(*some, d, s2) - _log_agreement(*some, best, s2))
    return np.where(known, np.minimum(ratio, 1.0), 1.0)


def _product(mu: Floats, var: Floats, d: Floats, s2: Floats) -> tuple[Floats, Floats]:
    return (mu * s2 + d * var) / (var + s2), var * s2 / (var + s2)


def _log_agreement(mu: Floats, var: Floats, d: Floats, s2: Floats) -> Floats:
    mean, spread = _product(mu, var, d, s2)
    return np.asarray(np.log(mean**2 + spread) - (d - mu) ** 2 / (2 * (var + s2)))


def _is_known(mu: Floats, sigma: Floats) -> NDArray[np.bool_]:
    return np.isfinite(mu) & np.isfinite(sigma) & (np.nan_to_num(sigma) > 0)
