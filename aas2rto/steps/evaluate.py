"""Let factors answer, whatever their authors did.

A factor that fails numerically, or raises, for some candidates excludes these and says so; one
that fails for every candidate is itself at fault and is left out of the cycle.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray

from aas2rto.factors import Decision, Factor, Needs, answer
from aas2rto.guard import Failure, Outcome, attempt
from aas2rto.steps.column import BoundFactor, Column
from aas2rto.text.late import Late, say
from aas2rto.text.words import counted

TRIED = 100
"""A factor that raises for so many candidates, spread over the table, is itself at fault."""

MOST_FAILURES = 10
"""Failures of one factor that are reported one by one."""


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
        return Column(bound.name, answer(np.empty(0)), effect=bound.effect)
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
    return answer(values, reason=say("{:.4g}", values))


def _conform_factor(returned: Factor, n: int) -> Factor:
    value = np.asarray(returned.value, dtype=float)
    decision = np.asarray(returned.decision)
    reason = returned.reason
    for name, column in (("values", value), ("decisions", decision), ("reasons", reason)):
        shape = np.shape(column)
        if shape != (n,):
            asked = counted(n, "candidate")
            raise ValueError(f"returned {name} of shape {shape} for {asked}")
    if not np.isin(decision, list(Decision)).all():
        raise ValueError(f"returned decisions that are none of {[d.label for d in Decision]}")
    told = returned.inputs, returned.warnings
    return Factor(value, decision.astype(np.int8), reason, *told)


def _one_by_one(bound: BoundFactor, candidates: pd.DataFrame, now: Time) -> Column:
    """Find the candidates on which a factor raises; the others keep their values."""
    n = len(candidates)
    sample = np.unique(np.linspace(0, n - 1, min(n, TRIED)).astype(int))
    tried = [_attempt(bound, candidates.iloc[[row]], now).failure for row in sample]
    if all(tried):
        return _at_fault(bound, candidates, tried)
    factors, failures = _in_halves(bound, candidates, now)
    checked = _check_numbers(bound, _concatenate(factors), candidates)
    return replace(checked, failures=(*_first(bound, failures), *checked.failures))


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
    # Numbered from 0, as its author will expect; pandas copies what he writes to, and only that.
    told = conform(bound(candidates.reset_index(drop=True), now), len(candidates))
    return replace(told, value=told.value - bound.shift) if bound.shift else told


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
        return Column(bound.name, _excluded(first), (first,), bound.effect)
    which = (
        f"all {n} candidates" if len(failures) == n else f"each of {len(failures)} that it tried"
    )
    told = Failure(f"factor {bound.name}", f"{first.error}; it failed for {which} and was left out")
    neutral = answer(np.full(n, bound.effect.neutral), reason="left out: the factor failed")
    return Column(bound.name, neutral, (told,), bound.effect)


def _concatenate(factors: Sequence[Factor]) -> Factor:
    return Factor(
        np.concatenate([factor.value for factor in factors]),
        np.concatenate([factor.decision for factor in factors]),
        pd.concat([pd.Series(factor.reason) for factor in factors]).array,
    )


def _check_numbers(bound: BoundFactor, factor: Factor, candidates: pd.DataFrame) -> Column:
    """Exclude candidates that a factor wants to keep with a value that does not fit a score."""
    value = np.asarray(factor.value, dtype=float)
    warned = tuple(Failure(f"factor {bound.name}", one) for one in factor.warnings)
    bad = (factor.decision == Decision.KEEP) & ~bound.effect.allows(value)
    if not bad.any():
        return Column(bound.name, factor, warned, bound.effect)
    names = candidates["candidate_id"].to_numpy(object)
    why = f"a factor must be {bound.effect.asks}"
    failures = [
        Failure(f"factor {bound.name}", f"returned {value[row]:g}; {why}", str(names[row]))
        for row in np.flatnonzero(bad)
    ]
    if bad.all() and len(candidates) > 1:
        return _at_fault(bound, candidates, failures)
    decision = np.where(bad, Decision.EXCLUDE, factor.decision).astype(np.int8)
    reason = Late.where(bad, say("error: the factor returned {:g}; " + why, value), factor.reason)
    told = (*_first(bound, failures), *warned)
    return Column(bound.name, Factor(value, decision, reason, factor.inputs), told, bound.effect)


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
    value = np.full(len(where), column.effect.neutral)
    decision = np.full(len(where), Decision.KEEP, dtype=np.int8)
    place = np.cumsum(where) - 1
    told = column.factor.reason.take(np.where(where, place, -1), allow_fill=True)
    reasons = Late.where(where, told, Late.of(reason, len(where)))
    value[where] = column.factor.value
    decision[where] = column.factor.decision
    inputs = {}
    for name, given in column.factor.inputs.items():
        values = np.asarray(given)
        if values.shape == (int(where.sum()),):
            filled: NDArray[Any] = np.full(
                len(where), np.nan if values.dtype.kind in "iufb" else "", dtype=object
            )
            filled[where] = values
            inputs[name] = filled
    return replace(column, factor=Factor(value, decision, reasons, inputs))
