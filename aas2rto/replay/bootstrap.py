"""Intervals by bootstrap, over nights in blocks or over objects; of two runs they are paired.

All draws of one kind come from one seed, so that two figures of the same nights, or of the same
objects, are drawn alike: their difference has the interval of paired data.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

NIGHTS, OBJECTS = "nights", "objects"

TIMES = 1000
"""Draws; the ends of a 95 % interval are then good to about a twentieth of its width."""
LEVEL = 0.95
NONE_OF_MANY = float(-np.log((1.0 - LEVEL) / 2))
"""A Poisson count of none has this upper end, 3.69 (Gehrels 1986, ApJ 303, 336); a bootstrap of
zeros has no width."""
BLOCK = 30
"""Nights that are drawn together: the weather, the Moon and most candidates last for weeks. As
tests/benchmarks/bench_yield.py."""
LEAST_BLOCKS = 10
"""Shorter spans are cut into so many blocks, of a night at least; fewer give no good interval."""
AT_ONCE = 4_000_000
"""Numbers drawn at once, which is 32 MB."""
MOST_UNITS = 2000
"""More objects are drawn in so many groups: the interval is then good to 2 %."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval.

    Parameters
    ----------
    value : float
        NaN if there is nothing to measure.
    low, high : float
        The interval, which holds the value; NaN where it cannot be told, as for a single object.
    n : int
        What it rests on: nights, or objects.
    over : str
        What was drawn: ``nights`` (in blocks), or ``objects``.
    """

    value: float
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    over: str = OBJECTS

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON; None stands for what is not known."""
        numbers = {name: _plain(getattr(self, name)) for name in ("value", "low", "high")}
        return {**numbers, "n": self.n, "over": self.over}

    @property
    def is_known(self) -> bool:
        """Tell whether there is a value."""
        return bool(np.isfinite(self.value))


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


@dataclass(frozen=True)
class Ratio:
    """A sum over a sum, such as hits per night or hits per try.

    Parameters
    ----------
    numerator, denominator : ndarray of float
        By night, or by object; those of two runs are aligned.
    over : str
        ``nights`` or ``objects``.
    is_share : bool
        Whether it lies between 0 and 1; then an interval that would have no width (all of 5, or
        none) is that of Clopper & Pearson (1934), as the bootstrap knows nothing there.
    """

    numerator: Floats
    denominator: Floats
    over: str = OBJECTS
    is_share: bool = False

    def value(self) -> float:
        """Return the figure; NaN if there is nothing to divide by."""
        top, bottom = float(self.numerator.sum()), float(self.denominator.sum())
        return top / bottom if bottom else np.nan

    def columns(self) -> list[Floats]:
        """Return what is summed."""
        return [self.numerator, self.denominator]

    def units(self) -> int:
        """Return what it rests on: how many nights or objects count below the line."""
        return int(np.count_nonzero(self.denominator))

    def estimate(self, seed: int = 0) -> Estimate:
        """Return the figure with its interval."""
        value, n = self.value(), self.units()
        if not np.isfinite(value):
            return Estimate(np.nan, n=n, over=self.over)
        if self.is_share and value in {0.0, 1.0}:
            low, high = clopper_pearson(float(self.numerator.sum()), float(self.denominator.sum()))
        elif value == 0 and self.over == NIGHTS:
            low, high = 0.0, NONE_OF_MANY / float(self.denominator.sum())
        else:
            top, bottom = sum_draws(self.columns(), self.over, seed)
            low, high = _ends(_over(top, bottom), value, n)
        return Estimate(value, low, high, n, self.over)


@dataclass(frozen=True)
class Middle:
    """A quantile over objects, such as a median phase.

    Parameters
    ----------
    values : ndarray of float
        By object; NaN where an object has none. Those of two runs are aligned.
    share : float
        0.5 is the median.
    """

    values: Floats
    share: float = 0.5
    over: str = OBJECTS

    def value(self) -> float:
        """Return the quantile; NaN without any object."""
        known = self.values[np.isfinite(self.values)]
        return float(np.quantile(known, self.share)) if len(known) else np.nan

    def units(self) -> int:
        """Return how many objects have a value."""
        return int(np.isfinite(self.values).sum())

    def estimate(self, seed: int = 0) -> Estimate:
        """Return the quantile with its interval.

        Notes
        -----
        The k-th smallest of n values drawn with replacement is the one at n times a number of the
        distribution Beta(k, n + 1 - k): the bootstrap of a quantile needs no resampling.
        """
        known = np.sort(self.values[np.isfinite(self.values)])
        n = len(known)
        if n == 0:
            return Estimate(np.nan, n=0, over=self.over)
        k = self.share * (n - 1) + 1
        drawn = np.random.default_rng(seed).beta(k, n + 1 - k, size=TIMES)
        found = known[np.minimum((drawn * n).astype(int), n - 1)]
        return Estimate(self.value(), *_ends(found, self.value(), n), n, self.over)


Measured = Ratio | Middle
How = Callable[[Floats, Floats], Floats]


def difference(one: Measured, other: Measured, seed: int = 0) -> Estimate:
    """Return ``one - other`` with the interval of a paired bootstrap.

    Parameters
    ----------
    one, other : Ratio or Middle
        Both of one kind, of the same nights, or objects, in the same order.
    seed : int
    """
    return _paired(one, other, seed, np.subtract)


def quotient(one: Measured, other: Measured, seed: int = 0) -> Estimate:
    """Return ``one / other`` with the interval of a paired bootstrap; see `difference`."""
    return _paired(one, other, seed, _over)


def _over(one: Floats, other: Floats) -> Floats:
    return np.where(other == 0, np.nan, one / np.where(other == 0, 1.0, other))


def _paired(one: Measured, other: Measured, seed: int, how: How) -> Estimate:
    value = float(how(np.array(one.value()), np.array(other.value())))
    n = min(one.units(), other.units())
    if not np.isfinite(value):
        return Estimate(np.nan, n=n, over=one.over)
    if isinstance(one, Ratio) and isinstance(other, Ratio):
        sums = sum_draws([*one.columns(), *other.columns()], one.over, seed)
        drawn = how(_over(sums[0], sums[1]), _over(sums[2], sums[3]))
    else:
        drawn = how(*_middle_draws(one, other, seed))
    return Estimate(value, *_ends(drawn, value, n), n, one.over)


def _middle_draws(one: Any, other: Any, seed: int) -> tuple[Floats, Floats]:
    """Return both quantiles in each draw of the objects that have either."""
    known = np.isfinite(one.values) | np.isfinite(other.values)
    first, second = one.values[known], other.values[known]
    n, rng = len(first), np.random.default_rng(seed)
    step = max(1, AT_ONCE // n)
    parts = []
    for begin in range(0, TIMES, step):
        drawn = rng.integers(0, n, size=(min(step, TIMES - begin), n))
        pair = (first, one.share), (second, other.share)
        parts.append([_nan_quantile(values[drawn], share) for values, share in pair])
    return np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts])


def clopper_pearson(hits: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of a share (Clopper & Pearson 1934, Biometrika 26, 404)."""
    tail = (1.0 - LEVEL) / 2
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits >= n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def block_length(nights: int) -> int:
    """Return how many nights are drawn together."""
    return max(1, min(BLOCK, nights // LEAST_BLOCKS))


def words(over: str, nights: int) -> str:
    """Say what an interval was drawn over."""
    if over == OBJECTS:
        return "over objects"
    length = block_length(nights)
    return f"over nights, in blocks of {length}" if length > 1 else "over single nights"


def sum_draws(columns: Sequence[Floats], over: str, seed: int) -> Floats:
    """Return the sums of some columns in each draw of their rows, shape (columns, TIMES).

    Parameters
    ----------
    columns : sequence of ndarray of float
        By night, or by object.
    over : str
        ``nights``: rows are drawn in blocks. ``objects``: one by one, or many of them in
        `MOST_UNITS` groups.
    seed : int
    """
    rows = np.stack([np.asarray(column, dtype=float) for column in columns], axis=1)
    if not len(rows):
        return np.zeros((len(columns), TIMES))
    if over == NIGHTS:
        units = _in_blocks(rows, max(1, len(rows) // block_length(len(rows))))
    else:
        units = rows if len(rows) <= MOST_UNITS else _in_turn(rows)
    return np.asarray((_weights(len(units), seed) @ units).T)


@functools.lru_cache(maxsize=4)
def _weights(n: int, seed: int) -> Floats:
    """Return how often each of n units is drawn, shape (TIMES, n): at most 16 MB."""
    drawn = np.random.default_rng(seed).integers(0, n, size=(TIMES, n))
    rows = np.arange(TIMES)[:, None] * n + drawn
    return np.bincount(rows.ravel(), minlength=TIMES * n).reshape(TIMES, n).astype(float)


def _in_blocks(rows: Floats, count: int) -> Floats:
    edges = np.linspace(0, len(rows), count + 1).astype(int)[:-1]
    return np.asarray(np.add.reduceat(rows, edges, axis=0))


def _in_turn(rows: Floats) -> Floats:
    """Sum objects in groups, dealt in turn: their order, by id, knows nothing of their values."""
    place = np.arange(len(rows)) % MOST_UNITS
    return np.stack([np.bincount(place, weights=column) for column in rows.T], axis=1)


def _nan_quantile(rows: Floats, share: float) -> Floats:
    """Return the quantile of each row over what is known; NaN where nothing is."""
    rows = np.sort(rows, axis=1)  # NaN last
    last = np.maximum(np.isfinite(rows).sum(axis=1) - 1, 0)
    place = share * last
    low = np.floor(place).astype(int)
    every = np.arange(len(rows))
    one, other = rows[every, low], rows[every, np.minimum(low + 1, last)]
    return np.asarray(one + (place - low) * (other - one))


def _ends(drawn: Floats, value: float, n: int) -> tuple[float, float]:
    """Return the percentile interval, which always holds the value; none of a single unit."""
    drawn = drawn[np.isfinite(drawn)]
    if n < 2 or len(drawn) < TIMES // 2:
        return np.nan, np.nan
    tail = (1.0 - LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return min(float(low), value), max(float(high), value)
