"""A cadence like ZTF's: fields, nights, weather, Moon and depth."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from aas2rto.simulate import cadence

PALOMAR = EarthLocation(lat=cadence.LATITUDE * u.deg, lon=cadence.LONGITUDE * u.deg, height=1700)


@pytest.fixture(scope="module")
def survey():
    return cadence.ztf_like(np.random.default_rng(4), 59945.0, 59945.0 + 730.0)


def test_fields_have_47_square_degrees() -> None:
    """On the average; those at the pole differ."""
    edges, count, _ = cadence.rows()
    band = np.degrees(np.diff(np.sin(np.radians(edges)))) * 360.0
    assert band.sum() / count.sum() == pytest.approx(cadence.FIELD_AREA, rel=0.01)


@given(st.floats(0, 359.999), st.floats(-30.9, 89.9))
def test_a_position_lies_near_the_centre_of_its_field(ra: float, dec: float) -> None:
    """Within half a row in declination, and half a field along it."""
    cell = int(cadence.cell_of(np.array([ra]), np.array([dec]))[0])
    if cell < 0:
        return  # between two detectors
    middle_ra, middle_dec = (values[cell] for values in cadence.centres())
    assert abs(dec - middle_dec) <= cadence.ROW / 2 + 1e-9
    east = (ra - middle_ra + 180) % 360 - 180
    _, count, first = cadence.rows()
    row = int(np.searchsorted(first, cell, side="right")) - 1
    assert abs(east) <= 180 / count[row] + 1e-9


def test_gaps_between_detectors_hide_their_share() -> None:
    """13.3 % of positions, always the same."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 50_000), rng.uniform(-30, 80, 50_000)
    cells = cadence.cell_of(ra, dec)
    assert (cells >= 0).mean() == pytest.approx(cadence.FILLED, abs=0.01)
    np.testing.assert_array_equal(cells, cadence.cell_of(ra, dec))
    assert (cadence.cell_of(ra[:10], np.full(10, -40.0)) == -1).all()


def test_the_sun_is_where_astropy_has_it() -> None:
    """But for the precession since 2000."""
    mjd = np.linspace(60000, 62000, 50)
    ra, dec = cadence.sun(mjd)
    truth = get_sun(Time(mjd, format="mjd"))
    apart = (ra - truth.ra.deg + 180) % 360 - 180
    assert apart.min() > 0.25
    assert apart.max() < 0.45
    assert np.abs(dec - truth.dec.deg).max() < 0.2


def test_exposures_are_taken_in_the_dark_of_what_is_up(survey) -> None:
    """Sun below -12 deg, fields above 30 deg, as astropy has them, within a degree."""
    some = np.random.default_rng(2).integers(0, len(survey), 300)
    when = Time(survey.mjd[some], format="mjd")
    frame = AltAz(obstime=when, location=PALOMAR)
    assert get_sun(when).transform_to(frame).alt.deg.max() < cadence.TWILIGHT + 1.0
    fields = SkyCoord(survey.ra[some] * u.deg, survey.dec[some] * u.deg)
    assert fields.transform_to(frame).alt.deg.min() > cadence.LOWEST - 1.0


def test_every_field_is_visited_in_g_and_r_every_second_night(survey) -> None:
    """Half an hour to an hour apart; weather makes gaps longer, never shorter."""
    one = survey.cell == np.bincount(survey.cell).argmax()
    mjd, band = survey.mjd[one], survey.band[one]
    nights, count = np.unique(np.floor(mjd - 0.8), return_counts=True)
    assert (count == 2).all()
    gaps = np.diff(nights)
    assert gaps.min() == cadence.EVERY
    assert np.median(gaps) == cadence.EVERY
    assert set(band[::2] + band[1::2]) == {1}
    pairs = (mjd[1::2] - mjd[::2]) * 24
    assert pairs.min() > 0.35
    assert pairs.max() < 0.95


def test_depths_have_the_published_medians(survey) -> None:
    """20.8 in g, 20.6 in r; 21.1 and 20.9 at new Moon (Bellm et al. 2019), to 0.1 mag."""
    dark = cadence.moon_illumination(survey.mjd) < 0.05
    for band, (median, new) in enumerate(((20.8, 21.1), (20.6, 20.9))):
        own = survey.band == band
        assert np.median(survey.depth[own]) == pytest.approx(median, abs=0.1)
        assert np.median(survey.depth[own & dark]) == pytest.approx(new, abs=0.1)


def test_weather_takes_more_in_winter_and_comes_in_spells() -> None:
    """Shares as stated; a clear night follows a clear one more often than a lost one."""
    nights = np.arange(51544.0, 51544.0 + 365.25 * 60)
    clear = cadence.clear_nights(np.random.default_rng(1), nights)
    month = ((nights - 51544) % 365.25) // 30.4
    assert 1 - clear[month == 1].mean() == pytest.approx(cadence.LOST_WINTER, abs=0.04)
    assert 1 - clear[month == 7].mean() == pytest.approx(cadence.LOST_SUMMER, abs=0.04)
    after_clear, after_lost = clear[1:][clear[:-1]].mean(), clear[1:][~clear[:-1]].mean()
    assert after_clear > after_lost + 0.2
