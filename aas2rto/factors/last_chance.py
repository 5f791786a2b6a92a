"""What waiting until tomorrow would cost."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import NDArray
from pydantic import Field

from aas2rto.factors import Factor, Needs, answer, factor, numbers
from aas2rto.text.late import say

LIMIT = 3.0
"""Default bound of the factor: by how much a last chance may lift a score."""


def ratio(candidates: pd.DataFrame) -> NDArray[np.float64]:
    """Return the score tonight over that expected tomorrow.

    Parameters
    ----------
    candidates : DataFrame
        ``score``, ``score_tomorrow`` (0: out by then) and ``hours_left_tomorrow`` [h] at the site.

    Returns
    -------
    ndarray
        Infinite where nothing is left tomorrow, NaN where tomorrow is not known.
    """
    tomorrow, hours = (
        numbers(candidates, "score_tomorrow"),
        numbers(candidates, "hours_left_tomorrow"),
    )
    expected = np.where(hours > 0, tomorrow, np.where(np.isnan(hours), np.nan, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(numbers(candidates, "score") / expected)


@factor("last_chance", needs=Needs.SITE, tomorrow=True)
def last_chance(
    candidates: pd.DataFrame, now: Time, *, limit: Annotated[float, Field(gt=1)] = LIMIT
) -> Factor:
    """Prefer what will be worth less tomorrow: score tonight / expected score tomorrow, bounded.

    x = r^(1 / (1 + |ln r| / ln limit)), which is r near 1 and never leaves 1/limit to limit.

    Parameters
    ----------
    candidates : DataFrame
        See `ratio`. All light-curve and fit factors have been evaluated again for the same data a
        day later: peaks pass, candidates age and leave the site's sky.
    now : Time
        Unused: the table was made for it.
    limit : float
        Bound of the factor.

    Returns
    -------
    Factor
        Above 1: tonight is better; `limit` where there is no tomorrow.
    """
    r = ratio(candidates)
    known = np.isfinite(r) & (r > 0)
    log = np.log(np.where(known, r, 1.0))
    value = np.exp(log / (1.0 + np.abs(log) / np.log(limit)))
    gone = np.isposinf(r)
    reason = say(
        lambda one, is_known, is_gone: (
            "not observable or out tomorrow"
            if is_gone
            else f"tonight / tomorrow = {one:.3g}"
            if is_known
            else "tomorrow is not known"
        ),
        r,
        known,
        gone,
    )
    return answer(np.where(gone, limit, value), reason=reason, ratio=r)
