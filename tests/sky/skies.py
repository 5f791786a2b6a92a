"""Skies and sites at random, and what astropy says of them."""

import itertools

import astropy.units as u
import numpy as np
import pandas as pd
from astropy.coordinates import AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from scipy.interpolate import CubicSpline

from aas2rto.sky.observatory import Observatory

MINUTE = 1.0 / 1440.0


def place(latitude, longitude=0.0, **settings):
    return Observatory(
        "place", longitude_deg=longitude, latitude_deg=latitude, elevation_m=1000.0, **settings
    )


def at(text):
    return Time(text, format="isot", scale="utc")


def mjd_time(mjd):
    return Time(mjd, format="mjd", scale="utc")


def table_of(ra, dec):
    ra, dec = np.atleast_1d(ra), np.atleast_1d(dec)
    return pd.DataFrame({"candidate_id": [f"c{i}" for i in range(len(ra))], "ra": ra, "dec": dec})


def random_sky(rng, n):
    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def location_of(site):
    return EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )


def astropy_altaz(site, ra, dec, times):
    frame = AltAz(obstime=times, location=location_of(site))
    found = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
    return found.alt.deg, found.az.deg


def positive_integral(x, y):
    """Integrate the positive part of a smooth function between its exact roots."""
    spline = CubicSpline(x, y)
    edges = np.concatenate([[x[0]], spline.roots(extrapolate=False), [x[-1]]])
    return sum(
        float(spline.integrate(low, high))
        for low, high in itertools.pairwise(edges)
        if spline(0.5 * (low + high)) > 0
    )
