"""From the stored state to all that a bundle shows; nothing is stored."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from astropy.time import Time

from aas2rto.outlets import gather
from aas2rto.outlets.bundle.archive import Night
from aas2rto.outputs.figures import gathering as figures
from aas2rto.questions.plan import moments_of, outlook, plan_of
from aas2rto.sky.observatory import Observatory
from aas2rto.steps.cycle import Parts
from aas2rto.store import Store


def night_of(
    parts: Parts,
    store: Store,
    now: Time,
    site: Observatory,
    *,
    date: float | None = None,
    most: int = 20,
    standards: pd.DataFrame | None = None,
) -> Night:
    """Judge, plan and gather the night of one observatory.

    Parameters
    ----------
    parts : Parts
    store : Store
        Is only read.
    now : Time
        What is known.
    site : Observatory
    date : float, optional
        MJD of the local date of the evening; by default the current night, or the coming one.
    most : int
        Targets with a page.
    standards : DataFrame, optional
        From `gather.standards_of`.

    Raises
    ------
    UsageError
        If the night of `date` is over.
    """
    moments = moments_of([site], now, date)
    judged = outlook(parts, store, now, at=None if date is None else moments[0][1])
    plan = plan_of(parts, judged, now, moments=moments)
    wanted = gather.targets_of(plan)
    science = judged.rankings[0]
    (ranking,) = [one for one in judged.rankings if one.observatory == site.name]
    none = pd.DataFrame(columns=["candidate_id", "observatory", "at", "rank"])
    found = replace(
        figures.of_judged(parts, judged, none), rankings=[science, ranking], observatories=[site]
    )
    subjects = figures.gather(found, wanted["candidate_id"].head(most))
    more = [] if standards is None else [standards]
    return Night(parts.case, plan, ranking, gather.together([wanted, *more]), subjects)
