"""Whether a candidate comes near enough to the meridian tonight."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.text.late import say
from aas2rto.units import Hour

SIDEREAL_HOURS_PER_DAY = 24.0 * 1.00273781191135448
"""IERS Conventions (2010), Eq. 5.15."""


@factor("hour_angle", needs=Needs.SITE)
def hour_angle(
    candidates: pd.DataFrame,
    now: Time,
    *,
    limit: Annotated[Hour, Field(gt=0, le=12)] = 6.0,
) -> Factor:
    """Exclude candidates that stay far from the meridian in what is left of the night.

    A limit of the telescope itself belongs in the observatory's file: it then shortens A_vis and
    the hours left as well.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        The time for which that table was made.
    limit : float
        Largest distance from the meridian [h].

    Returns
    -------
    Factor
        1; excluded where the candidate stays farther away.
    """
    later = candidates["culmination"].to_numpy(float) - now.utc.mjd
    best = candidates["hour_angle"].to_numpy(float) + SIDEREAL_HOURS_PER_DAY * later
    best = (best + 12.0) % 24.0 - 12.0
    out = ~(np.abs(best) <= limit)
    status = candidates["status"].to_numpy(object)
    return answer(
        np.ones(len(candidates)),
        exclude=out,
        reason=say(
            lambda h, why: _reason(h, limit) if math.isfinite(h) else (why or "no place tonight"),
            best,
            status,
        ),
        hour_angle=best,
    )


def _reason(hours: float, limit: float) -> str:
    # Crossing the meridian leaves a rounding error of either sign.
    shown = abs(hours) if abs(hours) < 0.05 else hours
    beyond = f", beyond {limit:g} h" if abs(hours) > limit else ""
    return f"at best at hour angle {shown:+.1f} h{beyond}"
