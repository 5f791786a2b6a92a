"""Steps 4 and 5: join the factors to one score, decide, and say why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from astropy import units as u
from astropy.time import Time

from aas2rto.factors import Decision, Needs
from aas2rto.steps.column import RULES, Column, Verdict
from aas2rto.steps.combine import LABELS, combine, in_order, joined, why
from aas2rto.steps.cycle import Parts, Prefiltered, Scored
from aas2rto.steps.evaluate import evaluate_all, spread
from aas2rto.steps.fit import add_peak_probability
from aas2rto.steps.prefilter import look
from aas2rto.steps.rules import told_by_people
from aas2rto.text.late import Late


def score(parts: Parts, table: pd.DataFrame, prefiltered: Prefiltered, now: Time) -> Scored:
    """Join the factors to one score and decide, with reasons.

    Parameters
    ----------
    parts : Parts
    table : DataFrame
        Candidates with their fits.
    prefiltered : Prefiltered
        What the light-curve factors said; the others are asked where it keeps.
    now : Time
    """
    keep = prefiltered.keep
    after = evaluate_all(parts.factors, Needs.FIT, table[keep].reset_index(drop=True), now)
    placed = [spread(column, keep, "not evaluated: out before the fit") for column in after]
    columns = in_order(parts.factors, (*prefiltered.columns, *placed))
    verdict = combine(
        columns,
        table["base_score"].to_numpy(float),
        never_reject=table["too"].to_numpy(bool),
        effect=parts.case.config.score.effect,
    )
    values = {f"factor_{c.name}": c.factor.value for c in columns if c.name not in RULES}
    scored = table.assign(
        **values,
        score=verdict.score,
        decision=LABELS[verdict.decision],
        factor=verdict.factor,
        reason=_reasons(table, columns, verdict),
    )
    return Scored(scored, columns, verdict)


def _reasons(table: pd.DataFrame, columns: tuple[Column, ...], verdict: Verdict) -> Late:
    """Say for each candidate why it is out, or what people and the strongest factors said."""
    made = joined(told_by_people(table), why(columns))
    kept = verdict.decision == Decision.KEEP
    neutral = Late.by(
        lambda rows: [t or "all factors are neutral" for t in made.texts(rows)], len(table)
    )
    return Late.where(kept, neutral, verdict.reason).remembered()


def with_tomorrow(parts: Parts, scored: Scored, now: Time) -> Scored:
    """Add ``score_tomorrow``: what the same data would score a day later, 0 if they are out."""
    later = now + 1 * u.day
    table = add_peak_probability(scored.table, later.utc.mjd)
    prefiltered = look(parts, table, later)
    kept = scored.verdict.decision == Decision.KEEP
    prefiltered.keep[:] &= kept
    verdict = score(parts, table, prefiltered, later).verdict
    tomorrow = np.where(kept & (verdict.decision == Decision.KEEP), verdict.score, 0.0)
    return replace(scored, table=scored.table.assign(score_tomorrow=tomorrow))


def remove(scored: Scored) -> pd.DataFrame:
    """Return the rejected candidates; they leave the store's active set for good."""
    return scored.rows(Decision.REJECT)
