"""The one judgement, from what is known to ranked lists: loop and questions all ask it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from astropy.time import Time

from aas2rto.steps.cycle import Judged, Parts
from aas2rto.steps.fit import fit
from aas2rto.steps.fit_memory import FitMemory
from aas2rto.steps.prefilter import Known, prefilter
from aas2rto.steps.present import with_present_magnitudes
from aas2rto.steps.rank import rank
from aas2rto.steps.score import remove, score, with_tomorrow
from aas2rto.steps.uncertain import with_chances

Step = Callable[[str], AbstractContextManager[None]]
"""Told the name of each step; what it returns is entered while that step runs."""


def judge(
    parts: Parts,
    known: Known,
    at: Time,
    *,
    memory: FitMemory,
    in_full: bool = False,
    tomorrow: bool = False,
    step: Step = lambda _: nullcontext(),
) -> Judged:
    """Prefilter, fit, score, remove, rank.

    Parameters
    ----------
    parts : Parts
    known : Known
        What is known now.
    at : Time
        For when it is judged: now, or a night to come.
    memory : FitMemory
        Holds earlier fits, and may take new ones.
    in_full : bool
        Ask every factor of every candidate, and rank also what is out: for one that somebody
        wants explained.
    tomorrow : bool
        Add what the same data would score a day later, whether or not a factor asks for it.
    step : callable
        See `Step`.
    """
    with step("prefilter"):
        prefiltered = prefilter(parts, known, at)
        if in_full:
            prefiltered.keep[:] = True
    with step("fit"):
        table, fits = fit(parts, prefiltered, known, at, memory=memory)
        table = with_present_magnitudes(parts, table, fits, float(at.utc.mjd))
    with step("score"):
        scored = score(parts, table, prefiltered, at)
        if tomorrow or parts.looks_ahead:
            scored = with_tomorrow(parts, scored, at)
    with step("remove"):
        rejected = remove(scored)
    with step("rank"):
        rankings = rank(parts, scored, at, in_full=in_full, leaders=known.leaders)
        if parts.case.config.score.draws and not in_full:
            rankings = with_chances(parts, table, fits, rankings, at, known.leaders)
    return Judged(at, known.photometry, fits, scored, rejected, rankings)
