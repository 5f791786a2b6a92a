"""Columns -> one score and one decision for each candidate. Decides by name, never by a sign.

Reject beats exclude beats keep. What a factor does to a score, its `Effect` tells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aas2rto.factors import Decision
from aas2rto.steps.column import BoundFactor, Column, Verdict
from aas2rto.tables.effect import PRODUCT, Effect
from aas2rto.text.late import Late, as_words, say

REJECTED_SCORE = -np.inf
"""The paper's encoding of a rejected candidate, kept in exported files."""

EXCLUDED_SCORE = -1.0
"""The paper's encoding of an excluded candidate, kept in exported files."""

SCORE = "score"
"""What decides where the factors keep a candidate, and their score does not suffice."""

LABELS = np.array([decision.label for decision in Decision], dtype=object)
"""The word for each code of a decision."""


def combine(
    columns: Sequence[Column],
    base: NDArray[np.float64],
    *,
    never_reject: NDArray[np.bool_],
    effect: Effect = PRODUCT,
) -> Verdict:
    """Join factors and let the strongest decision win; the first to say it gives the reason.

    Parameters
    ----------
    columns : sequence of Column
        In the order of the config.
    base : ndarray of float, shape (n,)
        Base scores.
    never_reject : ndarray of bool, shape (n,)
        ToOs: a rejection only excludes them.
    effect : Effect
        How the factors join; the rules beside them change no score.
    """
    n = len(base)
    decision = np.full(n, Decision.KEEP, dtype=np.int8)
    score = np.array(base, dtype=float)
    name = np.full(n, "", dtype=object)
    reason = Late.of("", n)
    for column in columns:
        told, words = column.factor.decision, column.factor.reason
        spared = never_reject & (told == Decision.REJECT)
        if spared.any():
            told = np.where(spared, Decision.EXCLUDE, told)
            words = Late.where(spared, words.then(" (a ToO is never rejected)"), words)
        stronger = told > decision
        decision = np.where(stronger, told, decision).astype(np.int8)
        name[stronger] = column.name
        reason = Late.where(stronger, words, reason)
        score = column.effect.applied(score, column.factor.value)
    score = effect.finished(score, base)
    lost = (decision == Decision.KEEP) & ~effect.suffices(score)
    decision[lost] = Decision.EXCLUDE
    name[lost] = SCORE
    short = say(effect.shortage, score)
    reason = Late.where(lost, short if effect == PRODUCT else joined(short, why(columns)), reason)
    score = np.where(decision == Decision.EXCLUDE, EXCLUDED_SCORE, score)
    score = np.where(decision == Decision.REJECT, REJECTED_SCORE, score)
    return Verdict(score, decision, name, reason)


def why(columns: Sequence[Column], *, most: int = 4) -> Late:
    """Say in one line what made the score of each candidate, the strongest factor first."""
    n = len(columns[0].factor.value) if columns else 0

    def write(rows: NDArray[np.intp]) -> list[str]:
        strength = np.column_stack([column.strength()[rows] for column in columns])
        order = np.argsort(-strength, axis=1, kind="stable")[:, :most]
        told = np.full((len(rows), order.shape[1]), "", dtype=object)
        for number, column in enumerate(columns):
            at, place = np.nonzero(
                (order == number) & (strength[:, [number]] > column.effect.worth_saying)
            )
            told[at, place] = column.effects(rows[at])
        return _behind_each_other(list(told.T), len(rows))

    return Late.by(write, n)


def joined(*columns: Late) -> Late:
    """Put what several columns say of each candidate behind each other, empty ones left out."""

    def write(rows: NDArray[np.intp]) -> list[str]:
        return _behind_each_other([as_words(column.texts(rows)) for column in columns], len(rows))

    return Late.by(write, len(columns[0]))


def _behind_each_other(columns: Sequence[NDArray[np.object_]], n: int) -> list[str]:
    """Join `n` rows of texts by semicolons, empty ones left out."""
    told = np.full(n, "", dtype=object)
    for column in columns:
        between = np.where((told != "") & (column != ""), "; ", "").astype(object)
        told = told + between + column
    texts: list[str] = told.tolist()
    return texts


def in_order(factors: Sequence[BoundFactor], columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns in the order of the config, whenever they were evaluated."""
    place = {bound.name: index for index, bound in enumerate(factors)}
    return tuple(sorted(columns, key=lambda column: place.get(column.name, -1)))
