"""Windows are those in which the portal would call the target visible, which astropy says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation, SkyCoord
from astropy.time import Time

from aas2rto.outlets.lco.windows import windows
from aas2rto.planning.options import SiteNight
from aas2rto.sky import visibility
from aas2rto.sky.observatory import Observatory
from tests.standin.lco import HOUR_ANGLE, SITES, _is_up

NOW = Time("2026-03-20T08:00:00", scale="utc")
CONSTRAINTS = {"max_airmass": 2.0, "min_lunar_distance": 30.0}


WINTER = Time("2026-06-20T20:00:00", scale="utc")
"""When nights in Chile are longest."""


def night_at(code: str, when: Time = NOW) -> SiteNight:
    latitude, longitude, height = SITES[code]
    site = Observatory(f"lco_{code}_1m0", longitude, latitude, height)
    night = visibility.night(site, when)
    return SiteNight(site, night, night.start, pd.DataFrame(), 20.0)


@pytest.mark.proof
@pytest.mark.parametrize(("code", "kind"), [("lsc", "1m0"), ("ogg", "2m0"), ("elp", "1m0")])
def test_windows_are_when_the_target_is_up(code: str, kind: str) -> None:
    """For places all over the sky: what astropy says, but for 4 min at the edges."""
    night, rng = night_at(code), np.random.default_rng(3)
    latitude, longitude, height = SITES[code]
    there = EarthLocation(lon=longitude * u.deg, lat=latitude * u.deg, height=height * u.m)
    mjd = np.arange(night.night.start, night.night.end, 120 / 86400)
    seen = limited = 0
    for ra, dec in zip(rng.uniform(0, 360, 12), rng.uniform(-60, 60, 12), strict=True):
        found = windows(night, ra, dec, telescope_class=kind, max_airmass=2.0, moon_separation=30.0)
        ours = np.zeros(len(mjd), dtype=bool)
        for start, end in found:
            ours |= (mjd >= start) & (mjd <= end)
        place = SkyCoord(ra, dec, unit="deg")
        theirs = _is_up(place, there, mjd, CONSTRAINTS, kind)
        assert (ours != theirs).sum() <= 4
        seen += int(ours.sum())
        free = _is_up(place, there, mjd, CONSTRAINTS, "2m0")
        limited += int((free & ~theirs).sum())
    assert seen > 100
    assert (limited == 0) == (HOUR_ANGLE[kind] > 6), "the limit of the mount was met"


def test_the_mount_of_a_1_m_goes_no_farther_than_4_6_hours() -> None:
    """A circumpolar target at the pole's side of the zenith is up all night, and not observed."""
    night = night_at("lsc", WINTER)
    asked = {"max_airmass": 2.9, "moon_separation": 0.0}
    middle = Time((night.night.start + night.night.end) / 2, format="mjd", scale="utc")
    longitude = night.observatory.longitude_deg * u.deg
    ra = float(middle.sidereal_time("apparent", longitude).deg)
    ((start, end),) = windows(night, ra, -75.0, telescope_class="1m0", **asked)
    assert (end - start) * 24 == pytest.approx(9.2 / 1.00274, abs=0.05)
    ((start, end),) = windows(night, ra, -75.0, telescope_class="2m0", **asked)
    assert (end - start) * 24 > 9.3


def test_closed_hours_and_no_night() -> None:
    from dataclasses import replace

    night = night_at("lsc")
    begin, end = night.night.start, night.night.end
    asked = {"telescope_class": "2m0", "max_airmass": 2.9, "moon_separation": 0.0}
    shut = replace(night, closed=((begin + 0.1, begin + 0.2),))
    longitude = night.observatory.longitude_deg * u.deg
    middle = Time((begin + end) / 2, format="mjd", scale="utc")
    ra = float(middle.sidereal_time("apparent", longitude).deg)
    found = windows(shut, ra, -60.0, **asked)
    assert all(b <= begin + 0.1 or a >= begin + 0.2 for a, b in found)
    assert len(found) == 2
    assert windows(replace(night, begin=np.nan), ra, -60.0, **asked) == []
