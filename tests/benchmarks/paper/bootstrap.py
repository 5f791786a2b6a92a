"""Intervals of the scripts beside: 95 %, by drawing objects or blocks of nights again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

DRAWS, BLOCK = 2000, 30

Statistic = Callable[[NDArray[np.intp]], float]
"""Computes a number from the rows that were drawn."""


def over_rows(n: int, statistic: Statistic, seed: int = 1) -> tuple[float, float]:
    """Return the interval of a statistic of n objects."""
    rng = np.random.default_rng(seed)
    found = [statistic(rng.integers(0, n, n)) for _ in range(DRAWS)] if n else [np.nan]
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def over_nights(n: int, statistic: Statistic, seed: int = 1) -> tuple[float, float]:
    """Return the interval of a statistic of n nights, drawn in blocks of 30."""
    rng = np.random.default_rng(seed)
    blocks = np.array_split(np.arange(n), max(round(n / BLOCK), 1))
    found = []
    for _ in range(DRAWS):
        drawn = rng.integers(0, len(blocks), len(blocks))
        found.append(statistic(np.concatenate([blocks[one] for one in drawn])))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def mean(values: NDArray[np.float64]) -> Statistic:
    """Return what computes the mean of the values that were drawn."""
    return lambda drawn: float(np.mean(values[drawn]))


def ratio(over: NDArray[np.int64], under: NDArray[np.int64]) -> Statistic:
    """Return what computes the ratio of two sums; the lower one counts as 1 at least."""
    return lambda drawn: float(over[drawn].sum() / max(under[drawn].sum(), 1))
