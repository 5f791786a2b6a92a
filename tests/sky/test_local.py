"""Clocks and slits, against astropy and astroplan."""

from __future__ import annotations

from collections.abc import Iterator

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import TETE, AltAz, EarthLocation, SkyCoord
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.sky import observatory_file
from aas2rto.sky.altitude_curve import track
from aas2rto.sky.local import (
    local_time,
    parallactic_angle,
    sidereal_time,
    sidereal_words,
)
from aas2rto.sky.observatory import Observatory

SITES = [observatory_file.load(name) for name in ("la_palma_not", "la_silla_ntt", "palomar_p60")]


@pytest.fixture(autouse=True, scope="module")
def without_downloads() -> Iterator[None]:
    with iers.earth_orientation_table.set(iers.IERS_A.read(iers.IERS_A_FILE)):
        yield


def location(site: Observatory) -> EarthLocation:
    return EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.elevation_m * u.m
    )


def horizontal(site: Observatory, ra: float, dec: float, mjd: float) -> tuple[float, float]:
    altitude, azimuth = track(site, [ra], [dec], Time([mjd], format="mjd", scale="utc"))
    return float(altitude[0, 0]), float(azimuth[0, 0])


nights = st.floats(60700.0, 61400.0)
sites = st.sampled_from(SITES)


@pytest.mark.slow
@given(site=sites, mjd=nights)
def test_sidereal_time_is_that_of_astropy(site: Observatory, mjd: float) -> None:
    time = Time(mjd, format="mjd", scale="utc")
    expected = time.sidereal_time("apparent", longitude=site.longitude_deg * u.deg).hour
    off = (sidereal_time(site, mjd)[0] - expected + 12) % 24 - 12
    assert abs(off) * 3600 < 0.05


@pytest.mark.slow
@given(site=sites, mjd=nights, ra=st.floats(0, 359.9), dec=st.floats(-80, 80))
def test_the_parallactic_angle_is_the_direction_of_the_zenith(
    site: Observatory, mjd: float, ra: float, dec: float
) -> None:
    """Measured by astropy from the candidate to the zenith, in the equator of date."""
    time = Time(mjd, format="mjd", scale="utc")
    altitude, azimuth = (
        float(x[0, 0]) for x in track(site, [ra], [dec], Time([mjd], format="mjd"))
    )
    if not 20 < altitude < 88:
        return
    place = location(site)
    frame = TETE(obstime=time, location=place)
    seen = SkyCoord(ra * u.deg, dec * u.deg).transform_to(frame)
    zenith = SkyCoord(
        alt=90 * u.deg, az=0 * u.deg, frame=AltAz(obstime=time, location=place)
    ).transform_to(frame)
    expected = seen.position_angle(zenith).wrap_at("180d").deg
    off = (float(parallactic_angle(site, altitude, azimuth)) - expected + 180) % 360 - 180
    assert abs(off) < 0.05


@given(site=sites, mjd=nights, ra=st.floats(0, 359.9), dec=st.floats(-60, 60))
def test_the_parallactic_angle_is_that_of_astroplan(
    site: Observatory, mjd: float, ra: float, dec: float
) -> None:
    """Astroplan leaves precession out: up to half a degree, more where the zenith is near."""
    altitude, azimuth = (
        float(x[0, 0]) for x in track(site, [ra], [dec], Time([mjd], format="mjd"))
    )
    if not 20 < altitude < 70:
        return
    when = Time(mjd, format="mjd", scale="utc")
    target = SkyCoord(ra * u.deg, dec * u.deg)
    expected = site.observer.parallactic_angle(when, target).deg
    off = (float(parallactic_angle(site, altitude, azimuth)) - expected + 180) % 360 - 180
    assert abs(off) < 2.0


def test_east_is_negative() -> None:
    site = SITES[0]
    assert parallactic_angle(site, 45.0, 100.0) < 0 < parallactic_angle(site, 45.0, 260.0)


def test_local_time_needs_a_zone() -> None:
    """There is no local mean time: no clock shows it."""
    mjd = Time("2026-06-20T22:05:00", scale="utc").mjd
    assert str(local_time(SITES[0], mjd)) == "2026-06-20 23:05:00+01:00"
    assert local_time(Observatory("a", -17.9, 28.8, 2000.0), mjd) is None
    assert local_time(SITES[0], np.nan) is None


def test_sidereal_time_in_words() -> None:
    assert sidereal_words(SITES[0], np.nan) == ""
    hours = float(sidereal_time(SITES[0], 61119.9)[0])
    text = sidereal_words(SITES[0], 61119.9)
    assert abs(int(text[:2]) + int(text[3:]) / 60 - hours) < 0.51 / 60
