"""Two runs of the same nights side by side: their metrics in pairs, who is new in the top N."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aas2rto.replay.bootstrap import Estimate, difference, quotient
from aas2rto.replay.cast import Cast
from aas2rto.replay.metrics import Metric, Span

Ints = NDArray[np.int64]

SAME = 1e-6
"""Two times [d] are the same night's `now` if they differ by less: 0.1 s."""


@dataclass(frozen=True)
class Difference:
    """One metric of both runs.

    Parameters
    ----------
    metric : Metric
        Of the first run.
    one, other, minus, ratio : Estimate
        Both runs; the first less the second, and over it, in pairs.
    """

    metric: Metric
    one: Estimate
    other: Estimate
    minus: Estimate
    ratio: Estimate

    @property
    def is_clear(self) -> bool:
        """Tell whether the interval of the difference leaves out zero."""
        return self.minus.low > 0 or self.minus.high < 0


def common(one: pd.DataFrame, other: pd.DataFrame) -> Span:
    """Return the nights that both runs judged at the same time."""
    both = one.merge(other, on="night", suffixes=("", "_other"))
    same = np.abs(both["at"].to_numpy(float) - both["at_other"].to_numpy(float)) < SAME
    both = both[same].sort_values("at", kind="stable")
    return Span(both["night"].to_numpy(np.int64), both["at"].to_numpy(float))


def differences(one: Sequence[Metric], other: Sequence[Metric], seed: int) -> list[Difference]:
    """Compare the metrics that both runs have."""
    peers = {metric.key: metric for metric in other}
    return [
        Difference(
            metric,
            metric.measured.estimate(seed),
            peers[metric.key].measured.estimate(seed),
            difference(metric.measured, peers[metric.key].measured, seed),
            quotient(metric.measured, peers[metric.key].measured, seed),
        )
        for metric in one
        if metric.key in peers
    ]


def membership(one: Ints, other: Ints, cast: Cast) -> dict[str, dict[str, int]]:
    """Count who was ever in the top N of one run and never in that of the other, by kind.

    Parameters
    ----------
    one, other : ndarray of int
        Places in the cast of all rows of the top N.
    cast : Cast
    """
    names = ("unknown", "class", "neither", "other")
    found = {}
    for label, some in (("new", np.setdiff1d(one, other)), ("lost", np.setdiff1d(other, one))):
        counts = np.bincount(cast.kind[some], minlength=len(names))
        found[label] = {"all": len(some)} | {n: int(c) for n, c in zip(names, counts, strict=True)}
    return found
