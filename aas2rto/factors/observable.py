"""Whether a site can observe a candidate tonight: a condition, not a preference."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pandas as pd
from astropy.time import Time
from pydantic import Field

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.sky.visibility import MIN_ALTITUDE, clock
from aas2rto.text.late import say
from aas2rto.units import Degree, Hour


@factor("observable", needs=Needs.SITE)
def observable(
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: Degree = MIN_ALTITUDE,
    min_hours: Annotated[Hour, Field(ge=0)] = 0.0,
) -> Factor:
    """Exclude what the site cannot observe tonight; 1 for everything else.

    For scores that are a chance of success (`value`): what sets soon is no better a target for it.
    That it sets for the season, `wait_here` knows.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        Unused: the table was made for it.
    min_altitude : float
        Lowest altitude of the site's table [deg].
    min_hours : float
        So long it must be above that, in what is left of the night [hour].
    """
    hours = candidates["hours_left"].to_numpy(float)
    gone = ~(hours > 0)
    short = ~(hours >= min_hours)
    reason = say(
        lambda why, out, left, is_short, sets: (
            why
            if out
            else f"{left:.1f} h left above {min_altitude:g} deg"
            + (f", less than {min_hours:g} h" if is_short else "")
            + (f", sets {clock(sets)} UTC" if np.isfinite(sets) else "")
        ),
        candidates["status"].to_numpy(object),
        gone,
        hours,
        short,
        candidates["sets"].to_numpy(float),
    )
    return answer(1.0, exclude=gone | short, reason=reason, hours_left=hours)
