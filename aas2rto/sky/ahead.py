"""The nights ahead at a site: on which of them, and when, each candidate can be observed.

A candidate's hour angles at the limit stay the same for weeks; what moves is the night, by the
Sun, and the Moon. So the nights are found once for all candidates, and the rest is arithmetic on
arrays of candidates x nights. An hour is good to a minute, the Moon's separation to a few degrees.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from astropy.time import Time

from aas2rto.sky.ephemeris import (
    SIDEREAL_RATE,
    TURN,
    Array,
    Places,
    Site,
    Sky,
    moon_at,
    places,
    site_of,
    sky_at,
    sun_altitude,
)
from aas2rto.sky.observatory import Observatory
from aas2rto.sky.visibility import MIN_ALTITUDE, lowest_altitude, site_table

SEEN = "seen_ahead_"
TONIGHT = f"{SEEN}0"
COLUMN = f"{SEEN}{{}}"
"""Columns of the moment [d, MJD UTC] at which a candidate is highest in the dark hours of the night
so many nights ahead, 0 for tonight; NaN where it cannot be observed then."""
STEP = 4.0 / 1440.0
"""How closely the Sun is looked at to find the nights [d]; lines between are good to 5 s."""
MIN_HOURS = 1.0
"""Shorter visibility does not count as a night on which a spectrum can be taken [h]."""
MOON_SEPARATION = 30.0
"""Closer to the Moon a night does not count [deg]; the default of ESO's Phase 2 constraints."""


def nights_ahead(
    observatory: Observatory,
    candidates: pd.DataFrame,
    now: Time,
    nights: int,
    *,
    min_altitude: float = MIN_ALTITUDE,
    min_hours: float = MIN_HOURS,
) -> Array:
    """Return when each candidate is highest on each of the nights ahead.

    Parameters
    ----------
    observatory : Observatory
    candidates : DataFrame
        ``ra`` and ``dec`` [deg, ICRS].
    now : Time
        By day the coming night is tonight.
    nights : int
        How many after tonight.
    min_altitude : float
        [deg]
    min_hours : float
        So long it must be above that, in the dark [h].

    Returns
    -------
    ndarray, shape (n, nights)
        [d, MJD UTC]; NaN where it cannot be observed: too low while it is dark, beyond the
        telescope's limits, or closer to the Moon than the site's limit.
    """
    sky = _sky(float(now.utc.mjd), nights)
    site = site_of(observatory, sky)
    start, end = _dark(observatory, site, sky, nights)
    place = (candidates[name].to_numpy(float).tobytes() for name in ("ra", "dec"))
    found = _places(sky.mjd, nights, *place)
    if observatory.horizon:
        hours, best = _behind_horizon(observatory, candidates, start, sky.mjd, min_altitude)
    else:
        hours, best = _hours(observatory, site, sky, found, start, end, min_altitude)
    limit = max(MOON_SEPARATION, observatory.moon_separation_deg or 0.0)
    middle = np.nan_to_num((start + end) / 2)
    moon = moon_at(site, sky, middle)
    clear = found.vectors @ moon.direction.T <= np.cos(np.radians(limit))
    good = (hours >= min_hours) & clear & np.isfinite(start)
    return np.where(good, sky.mjd + best, np.nan)


@functools.lru_cache(maxsize=4)
def _sky(mjd: float, nights: int) -> Sky:
    """Return the sky at an instant, with Sun and Moon as far ahead as is asked for."""
    return sky_at(Time(mjd, format="mjd", scale="utc"), days=nights + 3.0)


@functools.lru_cache(maxsize=2)
def _places(mjd: float, nights: int, ra: bytes, dec: bytes) -> Places:
    """Return apparent places, once for all sites: they ask for the same candidates."""
    return places(_sky(mjd, nights), np.frombuffer(ra), np.frombuffer(dec))


def _dark(observatory: Observatory, site: Site, sky: Sky, nights: int) -> tuple[Array, Array]:
    """Return begin and end of each night after tonight, in days from now; NaN: there is none."""
    days = np.arange(-1.2, nights + 2.2, STEP)
    height = sun_altitude(site, sky, days) - observatory.twilight_deg
    dark = height < 0
    change = np.flatnonzero(dark[1:] != dark[:-1])
    share = height[change] / (height[change] - height[change + 1])
    crossing = days[change] + share * STEP
    begins, ends = crossing[~dark[change]], crossing[dark[change]]
    start, end = np.full((2, nights), np.nan)
    if not len(begins) or not len(ends):
        if dark.all():  # polar night
            return np.arange(1.0, nights + 1.0), np.arange(2.0, nights + 2.0)
        return start, end
    ends = ends[ends > begins[0]]
    begins = begins[: len(ends)]
    middle = (begins + ends) / 2
    tonight = middle[np.argmax(ends > 0)]
    number = np.rint(middle - tonight).astype(int)
    inside = (number >= 1) & (number <= nights)
    start[number[inside] - 1], end[number[inside] - 1] = begins[inside], ends[inside]
    return start, end


def _hours(
    observatory: Observatory,
    site: Site,
    sky: Sky,
    found: Places,
    start: Array,
    end: Array,
    min_altitude: float,
) -> tuple[Array, Array]:
    """Return hours above the limit, and when it is highest [d from now], shape (n, nights)."""
    sin_lat, cos_lat = np.sin(site.latitude), np.cos(site.latitude)

    def reach(altitude: float) -> Array:
        rest = np.sin(np.radians(altitude)) - sin_lat * found.sin_dec
        return np.asarray(np.arccos(np.clip(rest / (cos_lat * found.cos_dec), -1.0, 1.0)))

    outer = reach(lowest_altitude(observatory, min_altitude))
    if observatory.hour_angle_limit_h is not None:
        outer = np.minimum(outer, observatory.hour_angle_limit_h * (TURN / 24.0))
    too_high = observatory.max_altitude_deg
    inner = None if too_high is None else reach(too_high)
    rotation = sky.rotation(start) + site.longitude
    first = (rotation[None, :] - found.ra[:, None] + np.pi) % TURN - np.pi
    last = first + SIDEREAL_RATE * (end - start)
    total = np.zeros_like(first)
    for meridian in (0.0, TURN):
        for far, sign in ((outer, 1.0), (inner, -1.0)):
            if far is not None:
                low, high = (meridian - far)[:, None], (meridian + far)[:, None]
                total += sign * np.maximum(np.minimum(last, high) - np.maximum(first, low), 0.0)
    best = np.minimum(np.where(first <= 0, 0.0, TURN), last)
    # Where the next meridian is not reached, the one that has passed may be nearer.
    best = np.where((first > 0) & (last < TURN) & (first < TURN - last), first, best)
    return total * (24.0 / SIDEREAL_RATE), start + (best - first) / SIDEREAL_RATE


def _behind_horizon(
    observatory: Observatory,
    candidates: pd.DataFrame,
    start: Array,
    now_mjd: float,
    min_altitude: float,
) -> tuple[Array, Array]:
    """Do the same where a horizon line cuts into the sky, night by night."""
    shape = (len(candidates), len(start))
    hours, best = np.zeros(shape), np.full(shape, np.nan)
    for h in np.flatnonzero(np.isfinite(start)).tolist():
        dusk = Time(now_mjd + start[h] + STEP, format="mjd", scale="utc")
        table = site_table(observatory, candidates, dusk, min_altitude=min_altitude)
        hours[:, h] = table["hours_left"]
        best[:, h] = table["culmination"] - now_mjd
    return hours, best
