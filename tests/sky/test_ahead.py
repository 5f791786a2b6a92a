"""The nights ahead: the same as the site's table says on each of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.sky.ahead import MOON_SEPARATION, nights_ahead
from aas2rto.sky.observatory import Observatory
from aas2rto.sky.visibility import site_table

RNG = np.random.default_rng(3)
N, NIGHTS = 300, 6
TABLE = pd.DataFrame(
    {
        "candidate_id": [f"C{i}" for i in range(N)],
        "ra": RNG.uniform(0, 360, N),
        "dec": np.degrees(np.arcsin(RNG.uniform(-1, 1, N))),
    }
)
SITES = [
    Observatory("palomar", longitude_deg=-116.863, latitude_deg=33.356, elevation_m=1706),
    Observatory(
        "limited",
        longitude_deg=-70.7,
        latitude_deg=-29.3,
        elevation_m=2347,
        max_altitude_deg=80.0,
        hour_angle_limit_h=4.0,
        min_altitude_deg=35.0,
        moon_separation_deg=45.0,
    ),
    Observatory(
        "behind_a_wall",
        longitude_deg=17.0,
        latitude_deg=48.0,
        elevation_m=300,
        horizon=((0.0, 10.0), (90.0, 50.0), (180.0, 20.0)),
    ),
]


def by_table(site, now, hours):
    """Ask the site's table on each night, an hour after its dusk."""
    tonight = site_table(site, TABLE, now)
    columns = []
    for h in range(1, NIGHTS + 1):
        dusk = tonight["night_start"].iloc[0] + h
        dusk = site_table(site, TABLE, Time(dusk - 0.05, format="mjd", scale="utc"))
        near = (dusk["culmination_moon_sep"] < MOON_SEPARATION + 3).to_numpy()
        columns.append((dusk["hours_left"].to_numpy(), dusk["culmination"].to_numpy(), near))
    return (np.column_stack(column) for column in zip(*columns, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("site", SITES, ids=lambda site: site.name)
@pytest.mark.parametrize("mjd", [61000.3, 61120.9])
def test_they_are_those_of_the_sites_table(site, mjd):
    """By day and by night: the same nights can be used, and at the same best moment."""
    now = Time(mjd, format="mjd", scale="utc")
    found = nights_ahead(site, TABLE, now, NIGHTS, min_hours=1.0)
    hours, best, near_moon = by_table(site, now, 1.0)
    sure = (np.abs(hours - 1.0) > 0.05) & ~near_moon
    if site.moon_separation_deg is None:
        np.testing.assert_array_equal(np.isfinite(found)[sure], (hours >= 1.0)[sure])
    else:
        assert (np.isfinite(found) <= (hours >= 0.95)).all()
    up = np.isfinite(found) & (hours > 0.95)
    assert up.sum() > 100
    # One that is as high at dusk as at dawn may be taken at either end of the night.
    off = np.abs(found - best)[up] * 1440
    assert np.quantile(off, 0.99) < 5


def test_nights_next_to_the_moon_do_not_count():
    """The Moon moves 13 deg a day; a place that it passes is lost for some nights."""
    site = SITES[0]
    now = Time(61000.3, format="mjd", scale="utc")
    tonight = site_table(site, TABLE, now)
    high = tonight["hours_left"] > 3
    close = high & (tonight["moon_sep"] < 20)
    far = high & (tonight["moon_sep"] > 100)
    found = np.isfinite(nights_ahead(site, TABLE, now, 1))[:, 0]
    assert not found[close].any()
    assert found[far].all()


def test_a_polar_day_has_no_night():
    """And a polar night has one every day."""
    site = Observatory("pole", longitude_deg=0.0, latitude_deg=80.0, elevation_m=0.0)
    high = TABLE[TABLE["dec"] > 60]
    summer = nights_ahead(site, high, Time("2026-06-20"), 3)
    winter = nights_ahead(site, high, Time("2026-12-10"), 3)
    assert np.isnan(summer).all()
    assert np.isfinite(winter).any(axis=0).all()
