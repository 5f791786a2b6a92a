"""Candidates, Moon and Sun along a night: many positions at many times in one call."""

from __future__ import annotations

import functools

import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike

from aas2rto.sky.ephemeris import (
    Array,
    Site,
    Sky,
    moon_at,
    places,
    separation_of,
    site_of,
    sky_at,
    sun_altitude,
)
from aas2rto.sky.observatory import Observatory


def track(
    observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time
) -> tuple[Array, Array]:
    """Compute altitudes and azimuths of all candidates at all times.

    Parameters
    ----------
    observatory : Observatory
        The site.
    ra, dec : array_like, shape (n,)
        ICRS [deg].
    times : Time, shape (m,)
        Within `LONGEST_TRACK` of each other.

    Returns
    -------
    altitude, azimuth : ndarray, shape (n, m)
        [deg], without refraction.
    """
    north, east, up = _components(observatory, ra, dec, times)
    altitude = np.degrees(np.arctan2(up, np.hypot(north, east)))
    return altitude, np.degrees(np.arctan2(east, north)) % 360.0


def altitudes(observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time) -> Array:
    """Compute altitudes [deg] alone, shape (n, m): azimuths take as long again.

    Parameters
    ----------
    observatory, ra, dec, times
        As in `track`.
    """
    north, east, up = _components(observatory, ra, dec, times)
    return np.asarray(np.degrees(np.arctan2(up, np.hypot(north, east))))


def _components(
    observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time
) -> tuple[Array, Array, Array]:
    """Return the directions of all candidates at all times: north, east, up."""
    site, sky, days = _at_times(observatory, times)
    axes = site.turned(sky.rotation(days))
    found = places(sky, np.atleast_1d(ra), np.atleast_1d(dec))
    # (n, 3) x (3, 3 m): three products for the place now and three for its slow change.
    flat = axes.transpose(2, 1, 0).reshape(3, -1)
    shape = (-1, 3, len(days))
    components = (found.vectors @ flat).reshape(shape)
    components += (found.per_day @ flat).reshape(shape) * days
    return components[:, 0], components[:, 1] + site.aberration, components[:, 2]


def moon_track(
    observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time
) -> tuple[Array, Array, Array]:
    """Compute the Moon at all times, and its distance from all candidates.

    Parameters
    ----------
    observatory, ra, dec, times
        As in `track`.

    Returns
    -------
    separation : ndarray, shape (n, m)
        Angle between candidate and Moon as seen from the site [deg].
    altitude : ndarray, shape (m,)
        Of the Moon [deg].
    illumination : ndarray, shape (m,)
        Illuminated fraction, 0 to 1.
    """
    cosine, altitude, illumination = moon_cosines(observatory, ra, dec, times)
    return separation_of(cosine), altitude, illumination


def moon_cosines(
    observatory: Observatory, ra: ArrayLike, dec: ArrayLike, times: Time
) -> tuple[Array, Array, Array]:
    """Do the same with the cosine of the separation, where its angle is not needed everywhere.

    Parameters
    ----------
    observatory, ra, dec, times
        As in `track`.
    """
    site, sky, days = _at_times(observatory, times)
    moon = moon_at(site, sky, days)
    vectors = places(sky, np.atleast_1d(ra), np.atleast_1d(dec)).vectors
    return vectors @ moon.direction.T, moon.altitude, moon.illumination


def sun_track(observatory: Observatory, times: Time) -> Array:
    """Compute the altitude [deg] of the Sun's centre at times of shape (m,)."""
    site, sky, days = _at_times(observatory, times)
    return sun_altitude(site, sky, days)


LONGEST_TRACK = 3.0
"""Times of one track lie within this of each other [d]: the apparent places are those of one
instant and their drift."""


def _at_times(observatory: Observatory, times: Time) -> tuple[Site, Sky, Array]:
    """Find the site, and the sky amid the times with their days from it."""
    mjd = np.atleast_1d(times.utc.mjd)
    span = float(np.ptp(mjd))
    if span > LONGEST_TRACK:
        raise ValueError(
            f"the times span {span:.1f} d; ask for at most {LONGEST_TRACK:g} d in one call"
        )
    sky = _sky_at(float(0.5 * (mjd.min() + mjd.max())))
    return site_of(observatory, sky), sky, mjd - sky.mjd


@functools.lru_cache(maxsize=8)
def _sky_at(mjd: float) -> Sky:
    """Return the sky of an instant [d, UTC]: the tracks of all sites in a night share it."""
    return sky_at(Time(mjd, format="mjd", scale="utc"))
