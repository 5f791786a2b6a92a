"""What a factor does to a score, and how that is said: only here is a score a product.

S = S_base x the product of the factors (A&A 698, A153, Eq. 1). Another way to join factors, a sum
say, would have its neutral value, its strength and its words here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.text.words import number

NEUTRAL = 1.0
"""The value that changes nothing."""

WORTH_SAYING = float(np.log(1.02))
"""Strength from which a factor is said: within 2 % of neutral it is not."""


def applied(score: NDArray[np.float64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores after a factor; inf or 0 where a float does not reach."""
    with np.errstate(invalid="ignore", over="ignore"):
        return score * value


def joint(values: Sequence[float]) -> float:
    """Return what several factors do together; neutral where there is none."""
    return float(np.prod(values)) if len(values) else NEUTRAL


def strength(value: ArrayLike) -> NDArray[np.float64]:
    """Return how far values lie from neutral: abs(ln value), 0 for what is not above 0."""
    value = np.asarray(value, dtype=float)
    counts: NDArray[np.bool_] = np.isfinite(value) & (value > 0)
    return np.abs(np.log(np.where(counts, value, NEUTRAL)))


def step(value: ArrayLike) -> NDArray[np.float64]:
    """Return where values lie on the axis of a figure: powers of ten, 0 for neutral."""
    value = np.asarray(value, dtype=float)
    return np.log10(np.where(np.isfinite(value) & (value > 0), value, NEUTRAL))


STEP_LABEL = "factor (one step is ten times)"
"""The axis of `step`."""


def tick(place: float) -> str:
    """Write a place on the axis of `step`: ``×0.1``, ``×10``, ``×1e5``."""
    return f"×{10**place:g}" if -3 < place < 4 else f"×1e{place:.0f}"


def written(value: float) -> str:
    """Write a value for people with all characters at hand: ``×13.5``."""
    return f"×{number(value)}"


def typed(value: float) -> str:
    """Write a value for a terminal or a CSV, in ASCII: ``x13.5``."""
    return f"x{value:.3g}"


def between(one: float | None, other: float | None) -> float | None:
    """Return what puts one candidate before another: the value that leads from `other` to `one`."""
    return one / other if one is not None and other else None
