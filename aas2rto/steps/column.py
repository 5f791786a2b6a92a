"""A factor with its settings, and what it answered: the columns that a score is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.config.case import PartConfig
from aas2rto.factors import ANY_SCALE, POINTS, Decision, Factor, Needs
from aas2rto.guard import Failure
from aas2rto.tables.effect import PRODUCT, Effect
from aas2rto.text.late import Late

VALID_UNTIL, FEEDBACK, TELESCOPE = "valid_until", "feedback", "telescope"
RULES = frozenset({VALID_UNTIL, FEEDBACK, TELESCOPE})
"""What can exclude a candidate beside the factors; these have no column of their own."""


@dataclass(frozen=True)
class BoundFactor:
    """A factor with its settings.

    Parameters
    ----------
    name : str
        Its column is ``factor_<name>``.
    needs : Needs
        When it runs.
    function : callable
        ``function(candidates, now, **settings)``.
    settings : mapping
    instant : bool
        It says something of the moment only, and nothing of the rest of the night.
    tomorrow : bool
        It compares with the next night, and so needs ``score_tomorrow`` and
        ``hours_left_tomorrow``.
    ahead : int
        So many nights ahead it wants to know when the site can observe a candidate.
    effect : Effect
        What its value does to the score.
    shift : float
        What is taken off its value: in a sum of points, 1 from a factor that is neutral at 1.
    """

    name: str
    needs: Needs
    function: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    instant: bool = False
    tomorrow: bool = False
    ahead: int = 0
    effect: Effect = PRODUCT
    shift: float = 0.0

    def __call__(self, candidates: pd.DataFrame, now: Time) -> Any:
        """Evaluate the factor; the answer is whatever its author returns."""
        return self.function(candidates, now, **self.settings)


@dataclass(frozen=True)
class Column:
    """A factor's checked answer, what went wrong on the way, and what it does to the score."""

    name: str
    factor: Factor
    failures: tuple[Failure, ...] = ()
    effect: Effect = PRODUCT

    def strength(self) -> NDArray[np.float64]:
        """Return how much the factor matters to each candidate, see `Effect`; 0 if it is out."""
        kept = self.factor.decision == Decision.KEEP
        return self.effect.strength(np.where(kept, self.factor.value, self.effect.neutral))

    def effects(self, rows: NDArray[np.intp]) -> list[str]:
        """Say what the factor does to some candidates, and why: ``peak x13.5 (0.8 d ...)``."""
        told = zip(self.factor.value[rows].tolist(), self.factor.reason.texts(rows), strict=True)
        return [f"{self.name} {self.effect.typed(value)} ({reason})" for value, reason in told]


def effect_of(columns: Sequence[Column]) -> Effect:
    """Return what the factors of a score do to it; all of one score do the same."""
    return next((column.effect for column in columns if column.name not in RULES), PRODUCT)


@dataclass(frozen=True)
class Verdict:
    """The decision for each candidate: arrays of length n.

    Parameters
    ----------
    score : ndarray of float
        -1 where excluded, -inf where rejected (the paper's encoding).
    decision : ndarray of int8
        Codes of `Decision`.
    factor : ndarray of str
        What decided; empty where kept.
    reason : Late
        Why; empty where kept.
    """

    score: NDArray[np.float64]
    decision: NDArray[np.int8]
    factor: NDArray[np.object_]
    reason: Late


def needs_of(part: PartConfig) -> Needs:
    """Return when a factor runs: what it registers, or what it makes of its settings."""
    choose = part.part.extras.get("needs_with")
    return Needs(choose(part.options) if choose else part.part.extras.get("needs", Needs.FIT))


def bind(parts: Iterable[PartConfig], effect: Effect = PRODUCT) -> tuple[BoundFactor, ...]:
    """Join factors and their settings.

    A plain function from a user's file, without a decorator, runs after the fits, where every
    column exists. What depends on the site multiplies, whatever the others do.

    Parameters
    ----------
    parts : iterable of PartConfig
    effect : Effect
        What those do to the score that do not depend on the site.
    """
    return tuple(
        BoundFactor(
            part.name,
            needs_of(part),
            part.part.make,
            part.arguments(),
            instant=bool(part.part.extras.get("instant", False)),
            tomorrow=bool(part.part.extras.get("tomorrow", False)),
            ahead=_nights(part),
            effect=PRODUCT if needs_of(part) is Needs.SITE else effect,
            shift=0.0 if needs_of(part) is Needs.SITE else _neutral(part, effect) - effect.neutral,
        )
        for part in parts
    )


def _neutral(part: PartConfig, effect: Effect) -> float:
    """Return the value at which a factor says nothing; a formula, or a plain function: as asked."""
    extras = part.part.extras
    scale = extras.get("scale", "" if "needs" in extras else ANY_SCALE)
    return {POINTS: 0.0, ANY_SCALE: effect.neutral}.get(scale, 1.0)


def _nights(part: PartConfig) -> int:
    """Return how many nights ahead a factor looks, by its setting of that name."""
    looks = part.part.extras.get("ahead", False)
    return int(getattr(part.options, "nights", 1)) if looks else 0
