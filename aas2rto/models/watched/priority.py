"""How urgent a spectrum is: A, B or C, with the numbers that say so, and until when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aas2rto.models.watched.classes import Class
from aas2rto.models.watched.measures import Measures
from aas2rto.models.watched.rules import is_early

FIRST_DAYS = 3.0
"""Of a supernova: flash-ionised lines last no longer (Gal-Yam et al. 2014, Nature 509, 471)."""

RISING_AFTER, NOVA_WITHIN, FAST_CHANGE = 7.0, 14.0, 0.01
"""TDE still rising so long after its onset [d]; nova so soon after its peak [d]; CLAGN that
changes by so much [mag/d] over 30 d: the design note's Sect. 6, its table as mended."""

RECENT = 14.0
"""What a source does now is not known if it was last measured longer ago [d]."""

WINDOWS = {"A": 3.0, "B": 14.0, "C": 30.0}
"""Days in which it should be observed: A from the first detection, else from now. C is the design
note's month; B a fortnight, as long as its novae count."""


@dataclass(frozen=True)
class Priority:
    """How urgent it is.

    Parameters
    ----------
    letter : str
        A (immediate), B (urgent), C (standard); empty: nothing to ask for.
    reason : str
    until : float
        End of the window [d, MJD]; NaN without one.
    """

    letter: str
    reason: str
    until: float


def priority(found: Class, measures: Measures, now_mjd: float) -> Priority:
    """Tell how urgent a spectrum is.

    Parameters
    ----------
    found : Class
    measures : Measures
    now_mjd : float
        [d]
    """
    names = {found.name, found.best} if found.flagged else set()
    age = now_mjd - measures.first
    if "SN" in {found.best, found.second} and is_early(measures) and 0 <= age < FIRST_DAYS:
        return Priority("A", _early_words(measures, age), measures.first + FIRST_DAYS)
    if not found.flagged:
        return Priority("", str(found), np.nan)
    urgent = _urgent(names, measures, now_mjd)
    if urgent:
        return Priority("B", urgent, now_mjd + WINDOWS["B"])
    silent = now_mjd - measures.t_on - measures.since
    if silent > RECENT:
        last = f"last measured {silent:.0f} d ago, so that what it does now is not known"
        return Priority("C", last, now_mjd + WINDOWS["C"])
    what = found.name if found.name != "Unknown" else f"{found.best} or {found.second}"
    return Priority("C", f"{what} that neither rises nor changes fast", now_mjd + WINDOWS["C"])


def _early_words(measures: Measures, age: float) -> str:
    jump = measures.gap <= 2.5 and measures.deeper >= 1.0
    how = (
        f"the last limit is {measures.gap:.1f} d before and {measures.deeper:.1f} mag deeper"
        if jump
        else f"it changes by {measures.daily:.2f} mag/d"
    )
    return (
        f"first seen {age:.1f} d ago in {measures.first_points:.0f} exposures (asked: < 3 d); {how}"
    )


def _urgent(names: set[str], measures: Measures, now_mjd: float) -> str:
    since = now_mjd - measures.t_on
    recent = since - measures.since <= RECENT
    if "TDE" in names and recent and measures.rising and since > RISING_AFTER:
        return f"still rising {since:.0f} d after its onset (asked: > 7 d)"
    peak = measures.onset.t_peak if measures.onset is not None else np.nan
    if "NOVA" in names and now_mjd - peak < NOVA_WITHIN:
        return f"{now_mjd - peak:.0f} d after its peak (asked: < 14 d)"
    if "CLAGN" in names and recent and abs(measures.rate_now) > FAST_CHANGE:
        return f"changes by {measures.rate_now:+.3f} mag/d over 30 d (asked: > 0.01 mag/d)"
    return ""
