"""An observatory stands where astroplan puts it."""

from __future__ import annotations

import astropy.units as u
import pytest

from aas2rto.sky.observatory_file import load


def test_the_astroplan_observer_stands_at_the_same_place():
    site = load("la_palma_not")
    location = site.observer.location
    assert location.lat.to_value(u.deg) == pytest.approx(site.latitude_deg, abs=1e-9)
    assert location.lon.to_value(u.deg) == pytest.approx(site.longitude_deg, abs=1e-9)
    assert location.height.to_value(u.m) == pytest.approx(site.elevation_m, abs=1e-3)
    assert site.observer is site.observer
