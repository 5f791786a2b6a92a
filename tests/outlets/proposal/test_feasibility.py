"""The nights of a window against astropy's own altitudes, Sun and Moon."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.time import Time

from aas2rto.outlets.proposal.feasibility import MOST_NIGHTS, STEP, nights
from aas2rto.sky.observatory import Observatory

PARANAL = Observatory(
    "paranal", longitude_deg=-70.402222, latitude_deg=-24.625278, elevation_m=2635.0
)


def test_a_night_is_that_of_astropy():
    one = nights(PARANAL, 32.628, 9.074, 59075.25, 59076.0).iloc[0]
    place = EarthLocation(lon=-70.402222 * u.deg, lat=-24.625278 * u.deg, height=2635 * u.m)
    times = Time(one["best"] + np.arange(-0.5, 0.5, STEP), format="mjd")
    frame = AltAz(obstime=times, location=place)
    altitude = SkyCoord(32.628 * u.deg, 9.074 * u.deg).transform_to(frame).alt.deg
    dark = get_sun(times).transform_to(frame).alt.deg < -18
    hours = ((altitude > 30) & dark).sum() * STEP * 24
    assert one["hours"] == pytest.approx(hours, abs=0.35)
    best = altitude[np.argmin(np.abs(times.mjd - one["best"]))]
    assert one["airmass"] == pytest.approx(1 / np.sin(np.radians(best)), abs=0.01)


def test_a_place_that_never_rises_has_no_hours():
    table = nights(PARANAL, 262.0, 75.0, 59075.25, 59080.0)
    assert len(table) == 5
    assert (table["hours"] == 0).all()
    assert table["airmass"].isna().all()


def test_a_long_window_is_cut():
    assert len(nights(PARANAL, 10.0, 0.0, 59075.0, 59500.0)) == MOST_NIGHTS
