"""Columns -> one score and one decision for each candidate. Decides by name, never by a sign.

S = S_base x the product of the factors (A&A 698, A153, Eq. 1). Reject beats exclude beats keep.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.steps.column import BoundFactor, Column, Verdict

REJECTED_SCORE = -np.inf
"""The paper's encoding of a rejected candidate, kept in exported files."""

EXCLUDED_SCORE = -1.0
"""The paper's encoding of an excluded candidate, kept in exported files."""


def combine(
    columns: Sequence[Column], base: NDArray[np.float64], *, never_reject: NDArray[np.bool_]
) -> Verdict:
    """Multiply factors and let the strongest decision win; the first to say it gives the reason.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the config.
    base : ndarray of float, shape (n,)
        Base scores.
    never_reject : ndarray of bool, shape (n,)
        ToOs: a rejection only excludes them.
    """
    n = len(base)
    decision = np.full(n, Decision.KEEP, dtype=np.int8)
    score = np.array(base, dtype=float)
    name = np.full(n, "", dtype=object)
    reason = np.full(n, "", dtype=object)
    for column in columns:
        told = column.factor.decision
        spared = never_reject & (told == Decision.REJECT)
        told = np.where(spared, Decision.EXCLUDE, told)
        words = np.where(
            spared, column.factor.reason + " (a ToO is never rejected)", column.factor.reason
        )
        stronger = told > decision
        decision = np.where(stronger, told, decision).astype(np.int8)
        name[stronger] = column.name
        reason[stronger] = words[stronger]
        with np.errstate(invalid="ignore", over="ignore"):
            score = score * column.factor.value
    # Each factor is a positive number, yet their product may be too large or too small for one.
    lost = (decision == Decision.KEEP) & ~(np.isfinite(score) & (score > 0))
    decision[lost] = Decision.EXCLUDE
    name[lost] = "score"
    reason[lost] = [f"error: the product of base score and factors is {x:g}" for x in score[lost]]
    score = np.where(decision == Decision.EXCLUDE, EXCLUDED_SCORE, score)
    score = np.where(decision == Decision.REJECT, REJECTED_SCORE, score)
    return Verdict(score, decision, name, reason)


def why(columns: Sequence[Column], row: int, *, most: int = 4) -> str:
    """Say in one line what made the score of a candidate, the strongest factor first."""
    told = [
        (abs(np.log(column.factor.value[row])), column)
        for column in columns
        if column.factor.decision[row] == Decision.KEEP and column.factor.value[row] > 0
    ]
    told.sort(key=lambda pair: -pair[0])
    strong = [column for strength, column in told if strength > np.log(1.02)][:most]
    return "; ".join(
        f"{column.name} x{column.factor.value[row]:.3g} ({column.factor.reason[row]})"
        for column in strong
    )


def in_order(factors: Sequence[BoundFactor], columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns in the order of the config, whenever they were evaluated."""
    place = {bound.name: index for index, bound in enumerate(factors)}
    return tuple(sorted(columns, key=lambda column: place.get(column.name, -1)))
