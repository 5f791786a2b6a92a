"""Factors -> score, decision, reasons. Decides by name, never by the sign of a number.

S = S_base x the product of the factors (A&A 698, A153, Eq. 1). Reject beats exclude beats
keep. A factor that fails numerically, or raises, for some candidates excludes these and says
so; one that fails for every candidate is itself at fault and is left out of the cycle.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.config.case import PartConfig
from aas2rto.factors import Decision, Factor, Needs, answer
from aas2rto.guard import Failure, Outcome, attempt
from aas2rto.text.words import counted

REJECTED_SCORE = -np.inf
"""The paper's encoding of a rejected candidate, kept in exported files."""

EXCLUDED_SCORE = -1.0
"""The paper's encoding of an excluded candidate, kept in exported files."""

TRIED = 100
"""A factor that raises for so many candidates, spread over the table, is itself at fault."""

MOST_FAILURES = 10
"""Failures of one factor that are reported one by one."""

VALID_UNTIL, FEEDBACK = "valid_until", "feedback"
RULES = frozenset({VALID_UNTIL, FEEDBACK})
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
    """

    name: str
    needs: Needs
    function: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    instant: bool = False
    tomorrow: bool = False

    def __call__(self, candidates: pd.DataFrame, now: Time) -> Any:
        """Evaluate the factor; the answer is whatever its author returns."""
        return self.function(candidates, now, **self.settings)


@dataclass(frozen=True)
class Column:
    """A factor's checked answer, and what went wrong on the way."""

    name: str
    factor: Factor
    failures: tuple[Failure, ...] = ()


def bind(parts: Iterable[PartConfig]) -> tuple[BoundFactor, ...]:
    """Join factors and their settings.

    A plain function from a user's file, without a decorator, runs after the fits, where every
    column exists.
    """
    return tuple(
        BoundFactor(
            part.name,
            Needs(part.part.extras.get("needs", Needs.FIT)),
            part.part.make,
            part.arguments(),
            instant=bool(part.part.extras.get("instant", False)),
            tomorrow=bool(part.part.extras.get("tomorrow", False)),
        )
        for part in parts
    )


def evaluate(bound: BoundFactor, candidates: pd.DataFrame, now: Time) -> Column:
    """Evaluate one factor for all candidates, whatever its author did.

    Parameters
    ----------
    bound : BoundFactor
    candidates : DataFrame
        One row each; the factor gets a copy.
    now : Time

    Returns
    -------
    Column
        With one failure per culprit.
    """
    n = len(candidates)
    if n == 0:
        return Column(bound.name, answer(np.empty(0)))
    whole = _attempt(bound, candidates, now)
    if whole.value is not None:
        return _check_numbers(bound, whole.value, candidates)
    if n == 1:
        return _at_fault(bound, candidates, [whole.failure])
    return _one_by_one(bound, candidates, now)


def conform(returned: Any, n: int) -> Factor:
    """Turn whatever a factor returned into a `Factor` for `n` candidates.

    Raises
    ------
    TypeError, ValueError
        If it is no number, or not one per candidate.
    """
    if isinstance(returned, Factor):
        return _conform_factor(returned, n)
    values = np.asarray(returned, dtype=float)
    if values.ndim > 1 or values.size not in {1, n}:
        asked = counted(n, "candidate")
        raise ValueError(f"returned shape {values.shape} for {asked}; expected ({n},)")
    values = np.broadcast_to(values.reshape(-1), n)
    return answer(values, reason=np.array([f"{value:.4g}" for value in values], dtype=object))


def _conform_factor(returned: Factor, n: int) -> Factor:
    value = np.asarray(returned.value, dtype=float)
    decision = np.asarray(returned.decision)
    reason = np.asarray(returned.reason, dtype=object)
    for name, column in (("values", value), ("decisions", decision), ("reasons", reason)):
        if column.shape != (n,):
            asked = counted(n, "candidate")
            raise ValueError(f"returned {name} of shape {column.shape} for {asked}")
    if not np.isin(decision, list(Decision)).all():
        raise ValueError(f"returned decisions that are none of {[d.label for d in Decision]}")
    words = ["" if why is None else str(why) for why in reason.tolist()]
    return Factor(value, decision.astype(np.int8), np.array(words, dtype=object), returned.inputs)


def _one_by_one(bound: BoundFactor, candidates: pd.DataFrame, now: Time) -> Column:
    """Find the candidates on which a factor raises; the others keep their values."""
    n = len(candidates)
    sample = np.unique(np.linspace(0, n - 1, min(n, TRIED)).astype(int))
    tried = [_attempt(bound, candidates.iloc[[row]], now).failure for row in sample]
    if all(tried):
        return _at_fault(bound, candidates, tried)
    factors, failures = _in_halves(bound, candidates, now)
    checked = _check_numbers(bound, _concatenate(factors), candidates)
    return Column(bound.name, checked.factor, (*_first(bound, failures), *checked.failures))


def _in_halves(
    bound: BoundFactor, candidates: pd.DataFrame, now: Time
) -> tuple[list[Factor], list[Failure]]:
    """Evaluate ever smaller parts of a table on which a factor raised, down to the culprits."""
    factors: list[Factor] = []
    failures: list[Failure] = []
    middle = len(candidates) // 2
    for half in (candidates.iloc[:middle], candidates.iloc[middle:]):
        found = _attempt(bound, half, now)
        if found.value is not None:
            factors.append(found.value)
        elif len(half) > 1:
            more_factors, more_failures = _in_halves(bound, half, now)
            factors.extend(more_factors)
            failures.extend(more_failures)
        elif found.failure is not None:
            factors.append(_excluded(found.failure))
            failures.append(found.failure)
    return factors, failures


def _attempt(bound: BoundFactor, candidates: pd.DataFrame, now: Time) -> Outcome[Factor]:
    subject = str(candidates["candidate_id"].iloc[0]) if len(candidates) == 1 else ""
    call = functools.partial(_evaluate, bound, candidates, now)
    return attempt(f"factor {bound.name}", call, subject=subject)


def _evaluate(bound: BoundFactor, candidates: pd.DataFrame, now: Time) -> Factor:
    # A copy of its own, numbered from 0 as its author will expect.
    return conform(bound(candidates.reset_index(drop=True).copy(), now), len(candidates))


def _first(bound: BoundFactor, failures: Sequence[Failure]) -> list[Failure]:
    """Keep the first failures and count the others: each has its line in the lists."""
    more = len(failures) - MOST_FAILURES
    if more <= 0:
        return list(failures)
    what = f"failed for {counted(more, 'more candidate')}, see the reasons in the lists"
    told = Failure(f"factor {bound.name}", what)
    return [*failures[:MOST_FAILURES], told]


def _excluded(failure: Failure | None) -> Factor:
    error = failure.error if failure else "failed"
    return answer(np.nan, exclude=True, reason=f"the factor failed: {error}")


def _at_fault(
    bound: BoundFactor, candidates: pd.DataFrame, failures: Sequence[Failure | None]
) -> Column:
    """Answer for a factor that fails everywhere: it is left out, and the report says so.

    With a single candidate there is no telling whose fault it is, so the candidate is excluded.
    """
    first = next(failure for failure in failures if failure is not None)
    n = len(candidates)
    if n == 1:
        return Column(bound.name, _excluded(first), (first,))
    which = (
        f"all {n} candidates" if len(failures) == n else f"each of {len(failures)} that it tried"
    )
    told = Failure(f"factor {bound.name}", f"{first.error}; it failed for {which} and was left out")
    return Column(bound.name, answer(np.ones(n), reason="left out: the factor failed"), (told,))


def _concatenate(factors: Sequence[Factor]) -> Factor:
    return Factor(
        np.concatenate([factor.value for factor in factors]),
        np.concatenate([factor.decision for factor in factors]),
        np.concatenate([factor.reason for factor in factors]),
    )


def _check_numbers(bound: BoundFactor, factor: Factor, candidates: pd.DataFrame) -> Column:
    """Exclude candidates that a factor wants to keep with a value that is no positive number."""
    value = np.asarray(factor.value, dtype=float)
    bad = (factor.decision == Decision.KEEP) & ~(np.isfinite(value) & (value > 0))
    if not bad.any():
        return Column(bound.name, factor)
    names = candidates["candidate_id"].to_numpy(object)
    why = "a factor must be a positive number"
    failures = [
        Failure(f"factor {bound.name}", f"returned {value[row]:g}; {why}", str(names[row]))
        for row in np.flatnonzero(bad)
    ]
    if bad.all() and len(candidates) > 1:
        return _at_fault(bound, candidates, failures)
    decision, reason = factor.decision.copy(), factor.reason.copy()
    decision[bad] = Decision.EXCLUDE
    reason[bad] = [f"error: the factor returned {v:g}; {why}" for v in value[bad]]
    told = tuple(_first(bound, failures))
    return Column(bound.name, Factor(value, decision, reason, factor.inputs), told)


def evaluate_all(
    factors: Sequence[BoundFactor], needs: Needs, candidates: pd.DataFrame, now: Time
) -> tuple[Column, ...]:
    """Evaluate the factors of one kind for candidates that are not site dependent.

    A ToO without any photometry gets neutral factors: its base score counts.
    """
    bare = is_bare_too(candidates)
    columns = []
    for bound in factors:
        if bound.needs is not needs:
            continue
        column = evaluate(bound, candidates[~bare], now)
        columns.append(spread(column, ~bare, "neutral: a ToO without light curve"))
    return tuple(columns)


def is_bare_too(candidates: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which candidates are ToOs that have no photometry."""
    points = candidates[["n_detections", "n_limits", "n_suspect"]].to_numpy(float)
    bare: NDArray[np.bool_] = candidates["too"].to_numpy(bool)
    return np.asarray(bare & ~(np.nan_to_num(points).sum(axis=1) > 0))


def spread(column: Column, where: NDArray[np.bool_], reason: str) -> Column:
    """Place a column that was evaluated for some candidates among all; others are neutral."""
    if where.all():
        return column
    value = np.ones(len(where))
    decision = np.full(len(where), Decision.KEEP, dtype=np.int8)
    reasons = np.full(len(where), reason, dtype=object)
    value[where] = column.factor.value
    decision[where] = column.factor.decision
    reasons[where] = column.factor.reason
    inputs = {}
    for name, given in column.factor.inputs.items():
        values = np.asarray(given)
        if values.shape == (int(where.sum()),):
            filled: NDArray[Any] = np.full(
                len(where), np.nan if values.dtype.kind in "iufb" else "", dtype=object
            )
            filled[where] = values
            inputs[name] = filled
    return Column(column.name, Factor(value, decision, reasons, inputs), column.failures)


def expired(candidates: pd.DataFrame, now: Time) -> Column:
    """Exclude ToOs whose time is over."""
    until = candidates["valid_until"].to_numpy(float)
    over = until < now.utc.mjd
    reason = [
        f"the ToO was valid until {Time(t, format='mjd').isot[:16]}" if is_over else ""
        for t, is_over in zip(until, over, strict=True)
    ]
    return Column(VALID_UNTIL, answer(1.0, exclude=over, reason=reason))


@dataclass(frozen=True)
class Verdict:
    """The decision for each candidate: arrays of length n.

    Parameters
    ----------
    score : ndarray of float
        -1 where excluded, -inf where rejected (the paper's encoding).
    decision : ndarray of int8
        Codes of `Decision`.
    factor, reason : ndarray of str
        What decided, and why; empty where kept.
    """

    score: NDArray[np.float64]
    decision: NDArray[np.int8]
    factor: NDArray[np.object_]
    reason: NDArray[np.object_]


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
