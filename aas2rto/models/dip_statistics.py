"""Two samples of magnitudes of one star: how they differ, and how quiet the older one is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OF_MEDIAN = float(np.sqrt(np.pi / 2))
"""Error of a median in units of that of a mean, of many Gaussian points: 1.2533."""

OF_HODGES_LEHMANN = float(np.sqrt(np.pi / 3))
"""The same of the median of all means of pairs, Hodges & Lehmann (1963), Ann. Math. Stat. 34, 598:
1.0233. It stands outliers nearly as well as a median, and is as sharp as a mean."""

MANY = 1000
"""Of more points the pairs are too many, and a median is sharp enough."""


@dataclass(frozen=True)
class Sample:
    """Magnitudes of one star in one band.

    Parameters
    ----------
    mjd, mag, magerr : ndarray of float
        [d], [mag], [mag]
    """

    mjd: Floats
    mag: Floats
    magerr: Floats


def chisq(mag: Floats, magerr: Floats) -> float:
    """Return the mean of ((m - median) / error)^2, Gallay et al. (2025), Eq. 1."""
    return float((((mag - np.median(mag)) / magerr) ** 2).mean())


def chisq_90(mag: Floats, magerr: Floats) -> float:
    """Return the same of what lies between the 5th and the 95th percentile, about its own median.

    Strictly between, as the paper's published script has it. Of Gaussian points with right errors
    it is 0.623, not 1.
    """
    low, high = np.percentile(mag, [5, 95])
    inside = (mag > low) & (mag < high)
    return chisq(mag[inside], magerr[inside]) if inside.any() else 0.0


def hodges_lehmann(mag: Floats) -> float:
    """Return the median of the means of all pairs, each point with itself too."""
    if len(mag) > MANY:
        return float(np.median(mag))
    first, second = np.triu_indices(len(mag))
    return float(np.median((mag[first] + mag[second]) / 2))


def ks_p(first: Floats, second: Floats) -> float:
    """Return the p-value of the two-sample Kolmogorov-Smirnov test, two-sided."""
    from scipy.stats import ks_2samp  # noqa: PLC0415  slow to import

    return float(ks_2samp(first, second).pvalue)


def compared(
    history: Sample, alerts: Sample, percentile: float, least: int, *, sharp: bool = True
) -> dict[str, float]:
    """Return what is measured of a star in one band.

    Parameters
    ----------
    history, alerts : Sample
    percentile : float
        Of the history, with which alerts are compared.
    least : int
        Fewer alerts, and they are counted only.
    sharp : bool
        Take `hodges_lehmann` for the middle of the alerts; otherwise their median.

    Returns
    -------
    dict
        See `aas2rto.models.dip.STATISTICS`.
    """
    median, std = float(np.median(history.mag)), float(history.mag.std(ddof=1))
    limit = float(np.percentile(history.mag, percentile))
    found = {
        "n_history": float(len(history.mag)),
        "n_alert": float(len(alerts.mag)),
        "median": median,
        "std": std,
        "chisq": chisq(history.mag, history.magerr),
        "chisq_90": chisq_90(history.mag, history.magerr),
        "limit": limit,
        "nights": float(len(np.unique(np.floor(alerts.mjd[alerts.mag > limit])))),
    }
    if len(alerts.mag) < least:
        return found
    middle = hodges_lehmann(alerts.mag) if sharp else float(np.median(alerts.mag))
    width = OF_HODGES_LEHMANN if sharp else OF_MEDIAN
    n, m = len(history.mag), len(alerts.mag)
    scatter = max(float(alerts.mag.std(ddof=1)) if m > 1 else 0.0, float(np.median(alerts.magerr)))
    error = float(np.hypot(OF_MEDIAN * std / np.sqrt(n), width * scatter / np.sqrt(m)))
    depth = middle - median
    # The error of a standard deviation is std / sqrt(2 n).
    relative = np.hypot(error / max(std, 1e-9), depth / max(std, 1e-9) / np.sqrt(2 * n))
    return {
        **found,
        "alert": middle,
        "p": ks_p(history.mag, alerts.mag),
        "depth": depth,
        "depth_err": error,
        "sigmas": depth / max(std, 1e-9),
        "sigmas_err": float(relative),
    }
