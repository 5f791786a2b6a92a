"""What lies behind the Milky Way is left out: the places of the existing implementation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.factors import Decision
from aas2rto.factors.galactic import galactic_factor
from aas2rto.sky.galactic import from_centre, galactic
from tests.factors.interest import scored

NOW = Time(61366.0, format="mjd")


def at(lon: float, lat: float) -> pd.DataFrame:
    place = SkyCoord(l=lon * u.deg, b=lat * u.deg, frame="galactic").icrs
    return pd.DataFrame({"ra": [place.ra.deg], "dec": [place.dec.deg]})


@given(st.floats(0, 360), st.floats(-90, 90))
def test_coordinates_are_astropy_s(ra, dec):
    """To 0.04 arcsec, by which its frame is defined otherwise."""
    place = SkyCoord(ra * u.deg, dec * u.deg).galactic
    lon, lat = galactic(ra, dec)
    assert lat == pytest.approx(place.b.deg, abs=1e-5)
    off = ((lon - place.l.deg + 180) % 360 - 180) * np.cos(np.radians(lat))
    assert off == pytest.approx(0.0, abs=1e-5)
    centre = SkyCoord(l=0 * u.deg, b=0 * u.deg, frame="galactic")
    assert from_centre(ra, dec) == pytest.approx(place.separation(centre).deg, abs=1e-5)


@pytest.mark.parametrize(
    ("place", "centre", "rejected"),
    [
        ((120, 4), 10.0, True),
        ((0, 11), 10.0, False),
        ((0, 9.9), 10.0, True),
        ((0, 12), 15.0, True),
        ((10, 12), 15.0, False),
        ((120, 3), 15.0, True),
        ((120, -5.01), 15.0, False),
    ],
)
def test_check_values(place, centre, rejected):
    """science.md, Sect. 8: kilonovae 10 deg from the centre, SNe Ia 15 deg, 5 deg of latitude."""
    found = galactic_factor(at(*place), NOW, centre=centre)
    assert (found.decision[0] == Decision.REJECT) == rejected
    assert found.value.tolist() == [1.0]


def test_the_reason_says_which_limit_and_by_how_much():
    found = galactic_factor(at(2, 4), NOW, centre=10.0)
    assert found.reason[0] == (
        "galactic latitude +4.0 deg, within 5 of the plane, 4 deg from the Galactic centre, "
        "closer than 10"
    )


def test_without_a_position_nothing_is_left_out():
    found = galactic_factor(pd.DataFrame({"ra": [np.nan], "dec": [np.nan]}), NOW)
    assert (found.decision[0], found.reason[0]) == (Decision.KEEP, "no position")


def kilonova(lon: float, lat: float, **more: float) -> dict[str, float]:
    place = at(lon, lat).iloc[0].to_dict()
    young = {"first_detection": 61360.0, "last_mag": 20.0, "n_detections": 2}
    return {**place, "base_score": 1.0, **young, **more}


def test_the_kilonova_case_has_its_check_values():
    """science.md, Sect. 8: the flux of 20.0 mag; places; 15 d; without photometry it is out."""
    rows = [
        kilonova(120, 40),
        kilonova(120, 4),
        kilonova(0, 11),
        kilonova(120, 40, first_detection=61350.0),
        kilonova(120, 40, last_mag=np.nan, first_detection=np.nan),
    ]
    found = scored("kilonova", *rows)
    assert found.verdict.score[[0, 2]] == pytest.approx([36.31, 36.31], abs=0.005)
    assert [Decision(d).label for d in found.verdict.decision] == [
        "keep",
        "reject",
        "keep",
        "reject",
        "exclude",
    ]
    assert found.verdict.factor.tolist() == ["", "galactic", "", "time_span", "time_span"]
