"""Results, report and messages of a cycle -> the store, in one transaction."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import pandas as pd

from aas2rto import __version__
from aas2rto.factors import Decision, numbers
from aas2rto.guard import attempt
from aas2rto.messaging import composing
from aas2rto.outputs.lists import idle
from aas2rto.steps.cycle import Cycle, Judged, Parts
from aas2rto.steps.prefilter import REJECTING, what_rejects
from aas2rto.store import Store
from aas2rto.store.outbox import Mail

NEWEST_ALERT = "antares_newest_alert_observation_time"
"""When an object was last seen that has no light curve here, if its broker says so."""


def record(parts: Parts, store: Store, cycle: Cycle) -> None:
    """Store what a cycle found, and what is to be told of it.

    Parameters
    ----------
    parts : Parts
    store : Store
    cycle : Cycle
        Gets its mail and its report.
    """
    judged = cycle.judged
    if judged is None:
        return
    cycle.mail = _compose(parts, store, cycle)
    cycle.report = cycle_summary(parts, store, cycle)
    table, rejected = judged.scored.table, judged.rejected
    rows = pd.Series(rejected.to_dict("records"), index=rejected.index, dtype=object)
    kept = table[table["decision"] != Decision.REJECT.label]
    store.save_cycle(
        cycle.now.utc.mjd,
        scores=kept[["candidate_id", "score", "decision", "factor"]],
        rejected=rejected[["candidate_id", "factor", "reason"]].assign(row=rows),
        ranks=_ranks(judged),
        report=cycle.report,
        mail=cycle.mail,
        best=_best(table) if parts.case.config.snapshot is not None else None,
    )
    now = cycle.now.utc.mjd
    cycle.rejection_state = store.rejections.state(now)
    cycle.load_rejections = functools.partial(store.rejections.as_known, now)
    cycle.rejected_since = functools.partial(store.rejections.times, now)
    retention = parts.case.config.store.retention
    done = attempt("pruning the store", lambda: store.prune(now, retention))
    cycle.failures.extend([done.failure] if done.failure else [])


def _ranks(judged: Judged) -> pd.DataFrame:
    ranks = [
        ranking.table[["candidate_id", "rank", "site_score"]].assign(
            observatory=ranking.observatory
        )
        for ranking in judged.rankings[1:]
        if len(ranking.table)
    ]
    return pd.concat(ranks, ignore_index=True) if ranks else pd.DataFrame()


def _best(table: pd.DataFrame) -> pd.DataFrame:
    """Return what snapshots are drawn from: of what is kept, the score and the newest detection."""
    kept = table[table["decision"] == Decision.KEEP.label]
    newest = kept["last_detection"].fillna(pd.Series(numbers(kept, NEWEST_ALERT), kept.index))
    return kept[["candidate_id", "score"]].assign(newest=newest)


def _compose(parts: Parts, store: Store, cycle: Cycle) -> Mail:
    """Write what people are to be told; what fails there costs the messages of this cycle."""
    done = attempt("messages", lambda: composing.compose(parts, store, cycle))
    if done.failure is not None:
        cycle.failures.append(done.failure)
    return done.value or Mail()


def cycle_summary(parts: Parts, store: Store, cycle: Cycle) -> dict[str, Any]:
    """Return what cycle.json shows: provenance, the funnel, sources, problems, timings."""
    return {
        "project": parts.case.project,
        "version": __version__,
        "config": parts.case.digest,
        "now": cycle.now.utc.isot,
        "now_mjd": round(cycle.now.utc.mjd, 8),
        "funnel": funnel(cycle.judged, store, cycle.now.utc.mjd) if cycle.judged else {},
        "sources": [arrival.line() for arrival in cycle.arrivals],
        "problems": cycle.problems,
        "notes": cycle.notes,
        "fits": cycle.judged.fits.fresh if cycle.judged else {},
        "idle": _idle(parts, cycle.judged) if cycle.judged else {},
        "reconsidered": cycle.reconsidered,
        "judged_anew": cycle.judged_anew,
        REJECTING: what_rejects(parts),
        "timings": cycle.rounded_timings(),
    }


def _idle(parts: Parts, judged: Judged) -> dict[str, str]:
    """Say of each site with nothing worth a slot that it is so."""
    least = parts.case.config.score.min_value
    told = {ranking.observatory: idle(ranking, least) for ranking in judged.rankings[1:]}
    return {name: words for name, words in told.items() if words}


def funnel(judged: Judged, store: Store, now: float) -> dict[str, Any]:
    """Count how many candidates each rule removed; the numbers add up to all candidates at `now`.

    Called before the cycle is saved: candidates that are rejected now are not yet in the store's
    list of rejections.
    """
    table = judged.scored.table
    by_factor = {
        label: table.loc[table["decision"] == label, "factor"] for label in ("reject", "exclude")
    }
    rejected = Counter(store.rejections.counts(now))
    rejected.update(by_factor["reject"])
    excluded = Counter(by_factor["exclude"])
    ranked = int((table["decision"] == Decision.KEEP.label).sum())
    return {
        "candidates": rejected.total() + excluded.total() + ranked,
        "rejected": dict(sorted(rejected.items())),
        "excluded": dict(sorted(excluded.items())),
        "ranked": ranked,
        "per_observatory": {r.observatory: len(r.table) for r in judged.rankings[1:]},
    }
