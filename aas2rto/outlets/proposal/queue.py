"""Who waits for a review: sources that are kept and have a class, the most urgent first."""

from __future__ import annotations

from typing import Any

import pandas as pd
from astropy.time import Time

from aas2rto.factors import Decision
from aas2rto.models.anomaly_class import AnomalyClass
from aas2rto.models.watched import packing
from aas2rto.models.watched.priority import priority
from aas2rto.outlets.proposal.subject import review_of
from aas2rto.steps.cycle import Parts
from aas2rto.steps.fit_memory import OnlyRead
from aas2rto.steps.judge import judge
from aas2rto.steps.prefilter import as_known
from aas2rto.store import Store
from aas2rto.tables.marks import standing

COLUMNS = ("source", "priority", "class", "ln_b", "review", "why")


def queue_of(parts: Parts, store: Store, now: Time) -> pd.DataFrame:
    """Return the queue; nothing is stored.

    Parameters
    ----------
    parts : Parts
    store : Store
    now : Time

    Returns
    -------
    DataFrame
        ``source, priority, class, ln_b, review, why``: those without a review first, then by
        priority and ln B.
    """
    known = as_known(parts, store, now)
    judged = judge(parts, known, now, memory=OnlyRead(store.fits))
    mjd = float(now.utc.mjd)
    marks = standing(store.marks.as_known(mjd), known.photometry, mjd)
    kept = judged.scored.verdict.decision == Decision.KEEP
    names = judged.scored.table["candidate_id"].to_numpy(object)[kept]
    rows: list[dict[str, Any]] = []
    for bound in parts.models:
        if not isinstance(bound.model, AnomalyClass) or bound.name not in judged.fits.tables:
            continue
        fits = judged.fits.tables[bound.name].set_index("candidate_id")
        for name in [one for one in names if one in fits.index]:
            told: Any = fits.loc[name, "parameters"]
            found = packing.class_of(told)
            urgency = priority(found, packing.measures_of(told), mjd) if found else None
            if found and urgency and urgency.letter:
                label = found.name if found.flagged else "none yet"
                review = review_of(marks, str(name))
                values = (name, urgency.letter, label, round(found.ln_b, 1), review, urgency.reason)
                rows.append(dict(zip(COLUMNS, values, strict=True)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    done = table["review"] != ""
    order = table.assign(done=done, less=-table["ln_b"].astype(float))
    order = order.sort_values(["done", "priority", "less"], kind="stable")
    return table.loc[order.index].reset_index(drop=True)
