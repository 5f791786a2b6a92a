"""The first filter's statistics as the project's document writes them, to be compared with ours.

Sects. 3.1, 3.2, 4.1, 4.2 and 5.4: the first 20 observations are the baseline, in magnitudes; a
source passes by one |S| > 5, or by a cumulative sum above 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.models.watched import blocks, cusum

Floats = NDArray[np.float64]

BASELINE = 20
"""Observations of its baseline."""

S_MIN, H = 5.0, 5.0
"""Its thresholds; the second has an average run length of 465 nights, not of 700."""

NCP = 6.0
"""Its penalty of Bayesian blocks."""


@dataclass(frozen=True)
class Written:
    """What the document's statistics say of one series.

    Parameters
    ----------
    mean, scatter : float
        Of the baseline [mag]; the scatter is 0 where the difference of variances is negative.
    s_most : float
        Greatest |S| after the baseline.
    sum_most : float
        Greatest of both sums.
    n_blocks : int
        Bayesian blocks of all observations.
    passes : int
        Number of the first observation that passes; -1: none.
    status : str
        ``ok``, or ``baseline accumulation``: fewer than 20 observations.
    """

    mean: float
    scatter: float
    s_most: float
    sum_most: float
    n_blocks: int
    passes: int
    status: str


def as_written(mag: ArrayLike, magerr: ArrayLike) -> Written:
    """Run the document's statistics on one series.

    Parameters
    ----------
    mag, magerr : array_like, shape (n,)
        Sorted by time [mag]; what is not finite or has no positive error is left out, as a flux
        that is not positive has no magnitude.
    """
    m, e = (np.atleast_1d(np.asarray(one, dtype=float)) for one in (mag, magerr))
    good = np.isfinite(m) & np.isfinite(e) & (e > 0)
    m, e = m[good], e[good]
    n_blocks = len(blocks.blocks(m, e, NCP, clip=None))
    if len(m) < BASELINE:
        return Written(np.nan, np.nan, np.nan, np.nan, n_blocks, -1, "baseline accumulation")
    first, error = m[:BASELINE], e[:BASELINE]
    weight = error**-2.0
    mean = float((weight * first).sum() / weight.sum())
    observed = float((weight * (first - mean) ** 2).sum() / weight.sum())
    observed *= BASELINE / (BASELINE - 1)
    scatter = max(0.0, observed - float((error**2).mean())) ** 0.5
    z = (m[BASELINE:] - mean) / np.hypot(e[BASELINE:], scatter)
    plus, minus = cusum.run(z, clip=np.inf)
    sums = np.maximum(plus, minus)
    passed = np.flatnonzero((np.abs(z) > S_MIN) | (sums > H))
    return Written(
        mean,
        scatter,
        float(np.abs(z).max(initial=0.0)),
        float(sums.max(initial=0.0)),
        n_blocks,
        BASELINE + int(passed[0]) if len(passed) else -1,
        "ok",
    )


def many(series: Sequence[tuple[ArrayLike, ArrayLike]]) -> list[Written]:
    """Run the document's statistics on several series, each magnitudes and errors."""
    return [as_written(mag, magerr) for mag, magerr in series]
