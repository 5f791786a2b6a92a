"""What can be seen from a site: altitudes, the visibility factor, rise and set, the Moon.

A candidate's apparent place is computed once for the night and all sites; the Earth's rotation does
the rest, see `aas2rto.sky.window`. Altitudes are geometric, without refraction (0.03 deg at an
altitude of 30 deg).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from aas2rto.sky.ephemeris import (
    SIDEREAL_RATE,
    TURN,
    Array,
    Places,
    Site,
    Sky,
    horizontal,
    moon_at,
    places,
    separation_of,
    site_of,
    sky_at,
)
from aas2rto.sky.night import Night, NightKind, night_at
from aas2rto.sky.observatory import Observatory
from aas2rto.sky.window import (
    Stretches,
    Window,
    above_horizon,
    area,
    free_of_horizon,
    passage,
    passages,
    passages_of,
    stretches,
    window_of,
)

MIN_ALTITUDE = 30.0
"""a_min [deg]: airmass 2, A&A 698, A153, Sect. 3.2.2."""

REFERENCE_ALTITUDE = 90.0
"""a_ref [deg], A&A 698, A153, Eq. 13."""

SATURATION_MAX = 10.0
SATURATION_POWER = 10.0
"""A and p of A&A 698, A153, Eq. B.2."""


def visibility_factor(
    area: ArrayLike,
    time_left: ArrayLike,
    *,
    min_altitude: float = MIN_ALTITUDE,
    reference_altitude: float = REFERENCE_ALTITUDE,
) -> Array:
    """Compute x_vis = (a_ref - a_min) (t_SR - t_obs) / A_vis, A&A 698, A153, Eq. 13.

    Parameters
    ----------
    area : array_like
        A_vis [deg d].
    time_left : array_like
        t_SR - t_obs, until the end of the night [d].
    min_altitude, reference_altitude : float
        a_min and a_ref [deg].

    Returns
    -------
    ndarray
        1 for a candidate that stays at `reference_altitude`, more the less of it is left;
        NaN where `area` is 0.

    Examples
    --------
    >>> float(visibility_factor(15.0, 0.5))
    2.0
    """
    area = np.asarray(area, dtype=float)
    positive = np.where(area > 0, area, np.nan)
    return (reference_altitude - min_altitude) * np.asarray(time_left, dtype=float) / positive


def saturate(
    factor: ArrayLike, *, maximum: float = SATURATION_MAX, power: float = SATURATION_POWER
) -> Array:
    """Bound x_vis smoothly: x / (1 + (x / A)^p)^(1/p), A&A 698, A153, Eq. B.2.

    Parameters
    ----------
    factor : array_like
        x_vis.
    maximum : float
        A, approached from below.
    power : float
        p, the sharpness; infinity gives min(x, A), Eq. B.1.

    Examples
    --------
    >>> round(float(saturate(10.0)), 4)
    9.3303
    >>> float(saturate(454.0, power=float("inf")))
    10.0
    """
    ratio = np.asarray(factor, dtype=float) / maximum
    if np.isinf(power):
        return maximum * np.minimum(ratio, 1.0)
    # Divided by the larger term first, so that a huge factor does not overflow.
    larger = np.maximum(ratio, 1.0)
    root = ((1.0 / larger) ** power + (ratio / larger) ** power) ** (1.0 / power)
    return np.asarray(maximum * ratio / (larger * root))


def night(observatory: Observatory, now: Time) -> Night:
    """Find the current night at a site, or by day the coming one.

    Parameters
    ----------
    observatory : Observatory
        Its ``twilight_deg`` says what night is.
    now : Time
        The time after dawn belongs to the next night.
    """
    return night_at(observatory, sky_at(now))


def site_table(
    observatory: Observatory,
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
) -> pd.DataFrame:
    """Compute what a site's factors and lists need to know of every candidate.

    Parameters
    ----------
    observatory : Observatory
        The site.
    candidates : DataFrame
        One row each: ``candidate_id``, ``ra`` and ``dec`` [deg, ICRS].
    now : Time
        By day, the coming night is meant; at night, what is left of the current one.
    min_altitude : float
        a_min [deg]; a telescope that cannot point that low has its own limit instead.

    Returns
    -------
    DataFrame
        One row per candidate, in their order and with their index. Times are MJD [d, UTC],
        angles degrees:

        - ``altitude, azimuth, airmass, hour_angle`` [deg, deg, 1, h] now; airmass is sec z, NaN
          below the horizon;
        - ``min_altitude``: the argument; ``lowest_altitude``: that, or the telescope's own
          limit where it is higher;
        - ``altitude_area`` [deg d]: A_vis, the integral of max(a - a_min, 0) from
          ``observing_start`` to ``night_end``; 0 if the candidate cannot be observed any more;
        - ``observing_start`` (t_obs), ``night_start, night_end``; NaN on a polar day;
        - ``night_left`` [d]: ``night_end - observing_start``;
        - ``culmination, culmination_altitude``: the highest point between those two;
        - ``rises, sets``: the passage above the limit that is on at ``observing_start``, else the
          next one of the night, else the one that is over. ``rises`` is NaN when the candidate was
          up at ``night_start``, ``sets`` when it still is at ``night_end``, both when it is never
          up;
        - ``hours_left`` [h] for which it can still be observed this night;
        - ``moon_sep, moon_altitude, moon_illumination`` [deg, deg, 0 to 1] now, seen from the site;
          ``culmination_moon_sep, culmination_moon_altitude`` [deg] at that highest point;
          ``moon_limit`` [deg], the site's own smallest separation, NaN if it has none;
        - ``observable_now``: it is night and the candidate is within the limits;
        - ``status``: empty, or why the candidate cannot be observed any more this night.
    """
    return site_tables([observatory], candidates, now, min_altitude=min_altitude)[observatory.name]


def site_tables(
    observatories: Sequence[Observatory],
    candidates: pd.DataFrame,
    now: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
) -> dict[str, pd.DataFrame]:
    """Compute the table of `site_table` for several sites; places are computed once for all.

    Returns
    -------
    dict of str to DataFrame
        By the observatory's name.
    """
    sky = sky_at(now)
    ra, dec = candidates["ra"].to_numpy(float), candidates["dec"].to_numpy(float)
    found = places(sky, ra, dec)
    return {
        observatory.name: _site_table(observatory, candidates, sky, found, min_altitude)
        for observatory in observatories
    }


def visible_areas(
    observatories: Sequence[Observatory],
    ra: ArrayLike,
    dec: ArrayLike,
    now: Time,
    *,
    min_altitude: float = MIN_ALTITUDE,
) -> tuple[Array, Array]:
    """Compute A_vis alone, for simulations that need nothing else.

    Parameters
    ----------
    observatories : sequence of Observatory
        The sites.
    ra, dec : array_like, shape (n,)
        ICRS [deg].
    now, min_altitude
        As in `site_table`.

    Returns
    -------
    area : ndarray, shape (sites, n)
        A_vis [deg d], as ``altitude_area`` of `site_table`.
    night_left : ndarray, shape (sites,)
        t_SR - t_obs [d]; NaN on a polar day.
    """
    sky = sky_at(now)
    found = places(sky, ra, dec)
    enclosed = np.zeros((len(observatories), len(found.ra)))
    left = np.full(len(observatories), np.nan)
    for index, observatory in enumerate(observatories):
        tonight = night_at(observatory, sky)
        if tonight.kind is NightKind.POLAR_DAY:
            continue
        window = window_of(site_of(observatory, sky), sky, found, tonight)
        lowest = lowest_altitude(observatory, min_altitude)
        enclosed[index] = area(window, _time_left(observatory, window, lowest)[0], min_altitude)
        left[index] = tonight.end - tonight.observing_start(sky.mjd)
    return enclosed, left


def _site_table(
    observatory: Observatory,
    candidates: pd.DataFrame,
    sky: Sky,
    found: Places,
    min_altitude: float,
) -> pd.DataFrame:
    site = site_of(observatory, sky)
    tonight = night_at(observatory, sky)
    lowest = lowest_altitude(observatory, min_altitude)
    columns: dict[str, Any] = {"candidate_id": candidates["candidate_id"].array}
    columns |= _columns_now(site, sky, found)
    columns |= {
        "min_altitude": min_altitude,
        "lowest_altitude": lowest,
        "night_start": tonight.start,
        "night_end": tonight.end,
        "observing_start": tonight.observing_start(sky.mjd),
        "night_left": tonight.end - tonight.observing_start(sky.mjd),
        "moon_limit": np.nan
        if observatory.moon_separation_deg is None
        else observatory.moon_separation_deg,
    }
    if tonight.kind is NightKind.POLAR_DAY:
        why = f"no night: the Sun stays above {observatory.twilight_deg:g} deg (polar day)"
        columns |= _nothing(len(found.ra), why)
    else:
        window = window_of(site, sky, found, tonight)
        columns |= _columns_tonight(observatory, window, lowest, min_altitude)
        columns |= _moon_at_best(site, sky, found, tonight, columns["culmination"])
    columns["observable_now"] = (tonight.start <= sky.mjd) & _within_limits(
        observatory, lowest, columns
    )
    return pd.DataFrame(columns, index=candidates.index, copy=False)


def lowest_altitude(observatory: Observatory, min_altitude: float) -> float:
    """Return the altitude [deg] below which a site does not observe: a_min or its own limit."""
    return max(min_altitude, observatory.min_altitude_deg or 0.0)


def _within_limits(
    observatory: Observatory, lowest: float, columns: Mapping[str, Any]
) -> NDArray[np.bool_]:
    altitude = columns["altitude"]
    inside = (altitude >= lowest) & (columns["hours_left"] > 0)
    if observatory.max_altitude_deg is not None:
        inside &= altitude <= observatory.max_altitude_deg
    if observatory.hour_angle_limit_h is not None:
        inside &= np.abs(columns["hour_angle"]) <= observatory.hour_angle_limit_h
    return np.asarray(inside & above_horizon(altitude, columns["azimuth"], observatory.horizon))


def _columns_now(site: Site, sky: Sky, found: Places) -> dict[str, Any]:
    altitude, azimuth, sine = horizontal(found.vectors, site, sky.rotation(0.0))
    hour_angle = (sky.rotation(0.0) + site.longitude + np.pi - found.ra) % TURN - np.pi
    moon = moon_at(site, sky, 0.0)
    up = sine > 0
    return {
        "altitude": altitude,
        "azimuth": azimuth,
        "airmass": np.where(up, 1.0 / np.where(up, sine, 1.0), np.nan),
        "hour_angle": hour_angle * (24.0 / TURN),
        "moon_sep": separation_of(found.vectors @ moon.direction),
        "moon_altitude": float(moon.altitude),
        "moon_illumination": float(moon.illumination),
    }


def _moon_at_best(
    site: Site, sky: Sky, found: Places, tonight: Night, best_mjd: Array
) -> dict[str, Any]:
    """Find the Moon as it stands at each candidate's best moment.

    Straight lines between times 10 min apart are good to 0.02 deg in its altitude, and better in
    its direction.
    """
    start, end = tonight.observing_start(sky.mjd) - sky.mjd, tonight.end - sky.mjd
    steps = max(1, round((end - start) * 144))
    moon = moon_at(site, sky, np.linspace(start, end, steps + 1))
    place = np.nan_to_num((best_mjd - sky.mjd - start) * (steps / (end - start)))
    before = np.clip(place.astype(np.intp), 0, steps - 1)
    share = place - before

    def at_best(values: Array) -> Array:
        return np.asarray(values[before] + share * np.diff(values)[before])

    cosine = np.zeros(len(best_mjd))
    for axis in range(3):
        cosine += found.vectors[:, axis] * at_best(moon.direction[:, axis])
    return {
        "culmination_moon_sep": separation_of(cosine),
        "culmination_moon_altitude": at_best(moon.altitude),
    }


def _nothing(n: int, why: str) -> dict[str, Any]:
    nan = np.full(n, np.nan)
    unknown = ("culmination", "culmination_altitude", "rises", "sets")
    return {
        "altitude_area": np.zeros(n),
        "hours_left": np.zeros(n),
        **dict.fromkeys(unknown, nan),
        "status": _texts(np.zeros(n, dtype=np.intp), [why]),
        "culmination_moon_sep": nan,
        "culmination_moon_altitude": nan,
    }


def _texts(code: NDArray[np.intp], texts: list[str]) -> Any:
    """Write one of few texts for each candidate; ten times faster than one by one."""
    return pd.array(texts, dtype="str").take(code)


def _columns_tonight(
    observatory: Observatory, window: Window, lowest: float, min_altitude: float
) -> dict[str, Any]:
    n = len(window.start)
    found, tonight = _time_left(observatory, window, lowest)
    seen = passage(window, *tonight)
    enclosed = area(window, found, min_altitude)
    best = window.best()
    culmination = np.degrees(np.arcsin(np.clip(window.sine(best), -1.0, 1.0)))
    texts = [
        "",
        f"not above {lowest:g} deg while it is dark",
        "outside the telescope's limits for the rest of the night",
        "has set for the night",
        "its position is not known",
    ]
    code = np.zeros(n, dtype=np.intp)
    gone = enclosed <= 0
    code[gone] = 1
    code[gone & (culmination >= lowest)] = 2
    code[gone & seen.over] = 3
    code[np.isnan(window.start)] = 4
    return {
        "altitude_area": enclosed,
        "hours_left": found.length(n) * (24.0 / SIDEREAL_RATE),
        "culmination": window.mjd(best),
        "culmination_altitude": culmination,
        "rises": window.mjd(seen.rises),
        "sets": window.mjd(seen.sets),
        "status": _texts(code, texts),
    }


def _within(observatory: Observatory, window: Window, lowest: float) -> tuple[Array, Array]:
    """Find between which distances from the meridian a site observes, its horizon line apart."""
    outer = window.limit(lowest)
    if observatory.hour_angle_limit_h is not None:
        outer = np.minimum(outer, observatory.hour_angle_limit_h * (TURN / 24.0))
    inner = np.zeros_like(outer)
    if observatory.max_altitude_deg is not None:
        inner = window.limit(observatory.max_altitude_deg)
    return inner, outer


def _time_left(
    observatory: Observatory, window: Window, lowest: float
) -> tuple[Stretches, tuple[Array, Array]]:
    """Find when each candidate is within all limits from t_obs on, and its passages tonight."""
    inner, outer = _within(observatory, window, lowest)
    if not observatory.horizon:
        left = stretches(window, inner, outer, window.observe)
        return left, passages(window, inner, outer)
    night_long = stretches(window, inner, outer, window.start)
    night_long = free_of_horizon(window, night_long, observatory.horizon)
    return night_long.after(window.observe), passages_of(window, night_long)


def clock(mjd: float) -> str:
    """Write a time [d, MJD UTC] as hours and minutes, such as ``04:12``.

    Examples
    --------
    >>> clock(60000.175)
    '04:12'
    """
    minutes = round(mjd % 1.0 * 1440) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
