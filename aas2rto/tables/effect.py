"""What a factor does to a score, and how that is said: only here is a score a product.

Whatever computes with factors, or says what they did, is handed an `Effect`; it travels with a
column of the score, the card of a message, the subject of a figure. Another way to join factors, a
sum say, is another class here.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def applied(self, score: Floats, value: Floats) -> Floats:
        """Return the scores after a factor; not finite where a float does not reach."""

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


class Product:
    """S = S_base x the product of the factors (A&A 698, A153, Eq. 1)."""

    neutral = 1.0
    worth_saying = float(np.log(1.02))
    step_label = "factor (one step is ten times)"

    def applied(self, score: Floats, value: Floats) -> Floats:
        """Return the scores times the values."""
        with np.errstate(invalid="ignore", over="ignore"):
            return score * value

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
