"""When a telescope can look at a place: dark hours, airmass and Moon of each night of a window."""

from __future__ import annotations

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.sky.altitude_curve import altitudes, moon_track, sun_track
from aas2rto.sky.observatory import Observatory

STEP = 10.0 / 1440.0
"""Between looks [d]."""

LOWEST = 30.0
"""Altitude above which it counts, an airmass of 2 [deg]."""

MOST_NIGHTS = 30


def nights(site: Observatory, ra: float, dec: float, begin: float, end: float) -> pd.DataFrame:
    """Return what each night offers.

    Parameters
    ----------
    site : Observatory
    ra, dec : float
        ICRS [deg].
    begin, end : float
        Of the window [d, MJD UTC]; at most `MOST_NIGHTS` nights are looked at.

    Returns
    -------
    DataFrame
        ``evening`` (UTC date), ``hours`` dark and above 30 deg, ``airmass`` at best, ``best``
        [d, MJD UTC], ``moon_sep`` [deg] then, ``moon_illumination`` [0 to 1], ``moon_up``.
    """
    longitude = float(site.longitude_deg)
    midnight = np.floor(begin + longitude / 360.0) + 1.0 - longitude / 360.0
    rows = []
    for k in range(int(np.clip(np.ceil(end - begin), 1, MOST_NIGHTS))):
        middle = midnight + k
        times = Time(np.arange(middle - 0.5, middle + 0.5, STEP), format="mjd")
        altitude = altitudes(site, [ra], [dec], times)[0]
        good = (sun_track(site, times) < site.twilight_deg) & (altitude > LOWEST)
        separation, moon, illumination = moon_track(site, [ra], [dec], times)
        row = {
            "evening": Time(middle - 0.5, format="mjd").utc.iso[:10],
            "hours": float(good.sum() * STEP * 24),
            "airmass": np.nan,
            "best": np.nan,
            "moon_sep": np.nan,
            "moon_illumination": float(np.mean(illumination)),
            "moon_up": False,
        }
        if good.any():
            at = int(np.argmax(np.where(good, altitude, -90.0)))
            row["airmass"] = float(1.0 / np.sin(np.radians(altitude[at])))
            row["best"] = float(times.mjd[at])
            row["moon_sep"] = float(separation[0, at])
            row["moon_up"] = bool(moon[at] > 0)
        rows.append(row)
    return pd.DataFrame(rows)
