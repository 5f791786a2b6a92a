"""What a factor does to a score, and how that is said: only here is a score a product, or a sum.

Whatever computes with factors, or says what they did, is handed an `Effect`; it travels with a
column of the score, the card of a message, the subject of a figure. Another way to join factors is
another class here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from aas2rto.text.words import number

Floats = NDArray[np.float64]


class Effect(Protocol):
    """How factors make a score."""

    neutral: float
    """The value that changes nothing."""
    worth_saying: float
    """Strength from which a factor is said."""
    step_label: str
    """Names the axis of `step`."""
    asks: str
    """What the value of a factor that keeps a candidate must be."""

    def allows(self, value: Floats) -> NDArray[np.bool_]:
        """Tell where a value is what `asks` says."""

    def applied(self, score: Floats, value: Floats) -> Floats:
        """Return the scores after a factor; not finite where a float does not reach."""

    def finished(self, score: Floats, base: Floats) -> Floats:
        """Return the scores after all factors, from base scores."""

    def suffices(self, score: Floats) -> NDArray[np.bool_]:
        """Tell which finished scores may stand in a list: never those that are not above 0."""

    def shortage(self, score: float) -> str:
        """Say why a score does not suffice."""

    def joint(self, values: Sequence[float]) -> float:
        """Return the one value that does what several do; neutral where there is none."""

    def strength(self, value: ArrayLike) -> Floats:
        """Return how far values lie from neutral, 0 for those that mean nothing."""

    def step(self, value: ArrayLike) -> Floats:
        """Return where values lie on the axis of a figure, 0 for neutral."""

    def tick(self, place: float) -> str:
        """Write a place on that axis."""

    def written(self, value: float) -> str:
        """Write a value for people, with all characters at hand."""

    def typed(self, value: float) -> str:
        """Write a value in ASCII, for a terminal or a CSV."""

    def between(self, one: float | None, other: float | None) -> float | None:
        """Return the value that leads from `other` to `one`: what puts one before another."""


@dataclass(frozen=True)
class Product:
    """S = S_base x the product of the factors (A&A 698, A153, Eq. 1)."""

    neutral = 1.0
    worth_saying = float(np.log(1.02))
    step_label = "factor (one step is ten times)"
    asks = "a positive number"

    def allows(self, value: Floats) -> NDArray[np.bool_]:
        """Take finite numbers above 0."""
        return np.isfinite(value) & (value > 0)

    def applied(self, score: Floats, value: Floats) -> Floats:
        """Return the scores times the values."""
        with np.errstate(invalid="ignore", over="ignore"):
            return score * value

    def finished(self, score: Floats, base: Floats) -> Floats:  # noqa: ARG002  a sum needs it
        """Return the scores as they are."""
        return score

    def suffices(self, score: Floats) -> NDArray[np.bool_]:
        """Take whatever a float can hold: each factor is positive, yet their product may be 0."""
        return np.isfinite(score) & (score > 0)

    def shortage(self, score: float) -> str:
        """Say that the product is too large or too small for a float."""
        return f"error: the product of base score and factors is {score:g}"

    def joint(self, values: Sequence[float]) -> float:
        """Return the product of all."""
        return float(np.prod(values)) if len(values) else self.neutral

    def strength(self, value: ArrayLike) -> Floats:
        """Return abs(ln value): up and down by the same are equally strong."""
        return np.abs(np.log(self._positive(value)))

    def step(self, value: ArrayLike) -> Floats:
        """Return the power of ten of each value."""
        return np.log10(self._positive(value))

    def tick(self, place: float) -> str:
        """Write ``×0.1``, ``×10``, ``×1e5``."""
        return f"×{10**place:g}" if -3 < place < 4 else f"×1e{place:.0f}"

    def written(self, value: float) -> str:
        """Write ``×13.5``."""
        return f"×{number(value)}"

    def typed(self, value: float) -> str:
        """Write ``x13.5``."""
        return f"x{value:.3g}"

    def between(self, one: float | None, other: float | None) -> float | None:
        """Return the ratio; None where there is none."""
        return one / other if one is not None and other else None

    def _positive(self, value: ArrayLike) -> Floats:
        value = np.asarray(value, dtype=float)
        return np.where(np.isfinite(value) & (value > 0), value, self.neutral)


PRODUCT = Product()


@dataclass(frozen=True)
class Sum:
    """S = S_base + the sum of the factors' points, which is clipped; too little is left out.

    Parameters
    ----------
    low, high : float
        Bounds of the sum of the points, without the base score.
    keep_from : float
        Smallest score of a candidate that stands in a list.

    Examples
    --------
    >>> points = Sum(keep_from=40.0)
    >>> points.finished(np.array([160.0, 59.8, -40.0]), np.zeros(3)).tolist()
    [100.0, 59.8, 0.0]
    >>> points.suffices(np.array([39.9, 40.0])).tolist(), points.typed(-40.0)
    ([False, True], '-40')
    """

    low: float = 0.0
    high: float = 100.0
    keep_from: float = 0.0

    neutral = 0.0
    worth_saying = 0.05
    step_label = "points"
    asks = "a finite number"

    def allows(self, value: Floats) -> NDArray[np.bool_]:
        """Take finite numbers, of whatever sign."""
        return np.isfinite(value)

    def applied(self, score: Floats, value: Floats) -> Floats:
        """Return the scores plus the values."""
        with np.errstate(invalid="ignore", over="ignore"):
            return score + value

    def finished(self, score: Floats, base: Floats) -> Floats:
        """Clip what the factors gave; rounded, so that 24.8 + 15.2 is not less than 40."""
        with np.errstate(invalid="ignore"):
            points = np.clip(score - base, self.low, self.high)
            return np.asarray(np.round(base + points, 9), dtype=float)

    def suffices(self, score: Floats) -> NDArray[np.bool_]:
        """Take what has points, and no fewer than `keep_from`."""
        with np.errstate(invalid="ignore"):
            return np.isfinite(score) & (score > 0) & (score >= self.keep_from)

    def shortage(self, score: float) -> str:
        """Say how many points there are, and how many are asked for."""
        if not np.isfinite(score):
            return f"error: the sum of base score and factors is {score:g}"
        if self.keep_from > 0:
            return f"{score:.4g} points, less than keep_from {self.keep_from:g}"
        return f"{score:.4g} points: nothing speaks for it"

    def joint(self, values: Sequence[float]) -> float:
        """Return the sum of all."""
        return float(np.sum(values)) if len(values) else self.neutral

    def strength(self, value: ArrayLike) -> Floats:
        """Return how many points, of whatever sign."""
        return np.abs(self.step(value))

    def step(self, value: ArrayLike) -> Floats:
        """Return the points themselves."""
        value = np.asarray(value, dtype=float)
        return np.where(np.isfinite(value), value, self.neutral)

    def tick(self, place: float) -> str:
        """Write ``+20``, ``-40``, ``0``."""
        return f"{place:+g}" if place else "0"

    def written(self, value: float) -> str:
        """Write ``+24.8``."""
        return self.typed(value)

    def typed(self, value: float) -> str:
        """Write ``+24.8``; what means nothing adds nothing."""
        return f"{float(self.step(value)):+.4g}"

    def between(self, one: float | None, other: float | None) -> float | None:
        """Return the difference; None where there is none."""
        return one - other if one is not None and other is not None else None
