"""How high a candidate comes in what is left of the night."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.factors import Factor, Needs, answer, factor
from aas2rto.sky.visibility import MIN_ALTITUDE, clock
from aas2rto.text.late import say
from aas2rto.units import Degree


@factor("culmination", needs=Needs.SITE)
def culmination(
    candidates: pd.DataFrame, now: Time, *, min_altitude: Degree = MIN_ALTITUDE
) -> Factor:
    """Prefer candidates that come high in what is left of the night: sin of their best altitude.

    The value is 1 / airmass (A&A 698, A153, Eq. 11) at the highest point between now, or dusk, and
    dawn. A candidate that has passed the meridian sinks in value as it sinks in the sky, and one
    that has set is out: a transit that is over counts for nothing.

    Parameters
    ----------
    candidates : DataFrame
        Joined with the site's table, see `aas2rto.sky.visibility.site_table`.
    now : Time
        Unused: the table was made for it.
    min_altitude : float
        [deg]; candidates that do not come that high are excluded at this site.

    Returns
    -------
    Factor
        0.5 at 30 deg, 1 at the zenith.
    """
    best = candidates["culmination_altitude"].to_numpy(float)
    status = candidates["status"].to_numpy(object)
    out = ~(best >= min_altitude) | (status != "")
    times = candidates["culmination"].tolist()
    return answer(
        np.sin(np.radians(best)),
        exclude=out,
        reason=say(
            lambda why, gone, t, a: (
                (why or f"only {a:.1f} deg high tonight, below {min_altitude:g} deg")
                if gone
                else f"highest at {clock(t)} UTC, {a:.1f} deg"
            ),
            status,
            out,
            times,
            best,
        ),
        culmination_altitude=best,
    )
