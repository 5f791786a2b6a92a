"""Exposure times follow the light; the assumed numbers give way to an observatory's own."""

import doctest

import numpy as np
import pytest

from aas2rto.sky import exposure, visibility
from aas2rto.sky.observatory import Instrument, Observatory


def site(**settings):
    return Observatory("x", longitude_deg=0.0, latitude_deg=0.0, elevation_m=0.0, **settings)


@pytest.mark.parametrize("module", [exposure, visibility])
def test_the_examples_in_the_docstrings_are_true(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_full_moon_brightens_the_sky_as_measured():
    """Krisciunas & Schaefer: about 18 mag / arcsec^2 under a high full Moon, 21.587 without."""
    ratio = exposure.dark_sky(60.0) + exposure.moonlight(60.0, 60.0, 60.0, 1.0)
    assert 21.587 - 2.5 * np.log10(ratio) == pytest.approx(18.3, abs=0.4)


def test_moonlight_falls_with_distance_and_phase_and_ends_with_moonset():
    sep = exposure.moonlight(60.0, 40.0, np.array([5.0, 20.0, 50.0, 80.0]), 1.0)
    assert (np.diff(sep) < 0).all()
    phase = exposure.moonlight(60.0, 40.0, 50.0, np.array([1.0, 0.75, 0.5, 0.1]))
    assert (np.diff(phase) < 0).all()
    assert exposure.moonlight(60.0, -0.1, 50.0, 1.0) == 0
    # First quarter is a tenth of the full Moon, not half of it.
    assert phase[2] / phase[0] == pytest.approx(0.09, abs=0.02)


def test_the_dark_sky_is_brighter_near_the_horizon():
    assert exposure.dark_sky(90.0) == pytest.approx(1.0)
    assert exposure.dark_sky(30.0) > exposure.dark_sky(60.0) > 1.0
    assert exposure.optical_path(0.0) == pytest.approx(5.0)


INSTRUMENT = Instrument(
    reference_mag=18.0, reference_time_s=600.0, sky_mag=20.0, extinction_mag=0.2
)


def test_the_reference_takes_the_reference_time():
    assert exposure.exposure_time(site(instrument=INSTRUMENT), 18.0) == pytest.approx(600.0)


def test_bright_candidates_scale_with_flux_and_faint_ones_with_its_square():
    home = site(instrument=INSTRUMENT)
    bright = exposure.exposure_time(home, np.array([10.0, 11.0]))
    assert bright[1] / bright[0] == pytest.approx(10**0.4, rel=1e-3)
    faint = exposure.exposure_time(home, np.array([27.0, 28.0]))
    assert faint[1] / faint[0] == pytest.approx(10**0.8, rel=5e-3)


def test_airmass_and_moonlight_cost_time():
    home = site(instrument=INSTRUMENT)
    best = exposure.exposure_time(home, 20.0)
    assert exposure.exposure_time(home, 20.0, airmass=2.0) == pytest.approx(
        exposure.exposure_time(home, 20.2)
    )
    # As bright as the sky: ten times more sky makes (1 + 10) / (1 + 1) of the noise.
    assert exposure.exposure_time(home, 20.0, sky=10.0) / best == pytest.approx(5.5)


def test_what_is_beyond_the_limits_is_not_observed():
    home = site(
        instrument=Instrument(
            reference_mag=18.0,
            reference_time_s=600.0,
            bright_limit_mag=12.0,
            faint_limit_mag=19.0,
            min_exposure_s=30.0,
            max_exposure_s=1200.0,
        )
    )
    found = exposure.exposure_time(home, np.array([11.9, 12.0, 18.0, 18.9, 19.1, np.nan]))
    assert np.isnan(found).tolist() == [True, False, False, True, True, True]
    assert found[1] == 30.0


def test_an_unknown_instrument_scales_with_the_aperture():
    small, large = site(aperture_m=1.79), site(aperture_m=3.58)
    assert exposure.exposure_time(large, 18.5) == pytest.approx(900.0)
    assert exposure.exposure_time(small, 18.5) == pytest.approx(3600.0)
    assert exposure.instrument_of(small).name == "assumed"
    assert exposure.instrument_of(site(instrument=INSTRUMENT)) is INSTRUMENT


def test_slews_take_their_way_and_the_time_to_settle():
    swift = site(slew_rate_deg_s=2.0, settle_s=5.0, overhead_s=30.0)
    assert exposure.slew_time(swift, np.array([0.0, 10.0, 90.0])).tolist() == [0.0, 10.0, 50.0]
    assert exposure.overhead(swift) == 30.0
    assert exposure.slew_time(site(), 60.0) == 70.0
    assert exposure.overhead(site()) == 120.0
