"""How high a candidate stands now, A&A 698, A153, Eq. 11."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.sky.visibility import MIN_ALTITUDE
from aas2rto.text.late import say
from aas2rto.units import Degree


@factor("altitude", needs=Needs.SITE, instant=True)
def altitude(candidates: pd.DataFrame, now: Time, *, min_altitude: Degree = MIN_ALTITUDE) -> Factor:
    """Prefer candidates that are high now: x_alt = 1 / airmass = sin a, A&A 698, A153, Eq. 11.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        Unused: the table was made for it.
    min_altitude : float
        [deg]; lower candidates are excluded at this site.

    Returns
    -------
    Factor
        0.5 at 30 deg, 1 at the zenith.
    """
    now_at = candidates["altitude"].to_numpy(float)
    low = ~(now_at >= min_altitude)
    return answer(
        np.sin(np.radians(now_at)),
        exclude=low,
        reason=say(
            lambda a, out: f"at {a:.1f} deg" + (f", below {min_altitude:g} deg" if out else ""),
            now_at,
            low,
        ),
        altitude=now_at,
    )
