"""When a telescope of LCO can see a target in a night."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from astropy.time import Time

from aas2rto.planning.options import SiteNight, within_limits
from aas2rto.sky.altitude_curve import moon_cosines, track

STEP = 60.0 / 86400.0
"""[d] Between two looks."""

HOUR_ANGLE = {"1m0": 4.6, "0m4": 4.6}
"""[h] How far from the meridian mounts go, by class: TOM Toolkit, tom_base issue 752."""

Window = tuple[float, float]
"""Start and end [d, MJD UTC]."""


def windows(
    night: SiteNight,
    ra: float,
    dec: float,
    *,
    telescope_class: str,
    max_airmass: float,
    moon_separation: float,
) -> list[Window]:
    """Return when a target can be observed, from when planning starts to dawn.

    Parameters
    ----------
    night : SiteNight
    ra, dec : float
        ICRS [deg].
    telescope_class : str
        Such as ``1m0``.
    max_airmass : float
        sec z.
    moon_separation : float
        [deg] while the Moon is up.

    Returns
    -------
    list of (start, end)
        [d, MJD UTC], in order.
    """
    begin, end = night.begin, night.night.end
    if not (np.isfinite(begin) and end > begin):
        return []
    mjd = np.arange(begin, end, STEP)
    times = Time(mjd, format="mjd", scale="utc")
    place = (np.array([ra]), np.array([dec]))
    altitude, azimuth = track(night.observatory, *place, times)
    cosine, moon_altitude, _ = moon_cosines(night.observatory, *place, times)
    lowest = max(night.min_altitude, float(np.degrees(np.arcsin(1.0 / max_airmass))))
    own = night.observatory.hour_angle_limit_h
    limits = [one for one in (own, HOUR_ANGLE.get(telescope_class)) if one is not None]
    site = replace(night.observatory, hour_angle_limit_h=min(limits, default=None))
    good = within_limits(site, altitude, azimuth, lowest)[0]
    near = max(moon_separation, night.moon_limit)
    good &= (cosine[0] <= np.cos(np.radians(near))) | (moon_altitude <= 0)
    for first, last in night.closed:
        good &= (mjd < first) | (mjd > last)
    return _runs(mjd, good)


def _runs(mjd: np.ndarray, good: np.ndarray) -> list[Window]:
    steps = np.diff(np.concatenate([[0], good.astype(int), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    found = zip(mjd[starts].tolist(), mjd[ends].tolist(), strict=True)
    return [(start, end) for start, end in found if end > start]
