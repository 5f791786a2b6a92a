"""Zero points and errors that the package holds as numbers, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from aas2rto.sources.files import brightness
from aas2rto.sources.files.units import VEGA_TO_AB
from tests.sources.files.reading import SHARED, needs_shared

C = 2.99792458e18
"""[Angstrom / s]"""


def of_vega(wavelength, transmission):
    """Return the AB magnitude of Vega (CALSPEC alpha_lyr_stis_007) through a passband.

    Photons are counted: Bessell & Murphy (2012), PASP 124, 140, Eq. A12.
    """
    star = fits.getdata(SHARED / "sncosmo/spectra/alpha_lyr_stis_007.fits")
    x = np.linspace(wavelength[0], wavelength[-1], 20_001)
    t = np.interp(x, wavelength, transmission)
    flux = np.interp(x, star["WAVELENGTH"].astype(float), star["FLUX"].astype(float))
    mean = np.trapezoid(flux * t * x, x) / np.trapezoid(t / x, x) / C
    return -2.5 * np.log10(mean) - 48.6


class TestAgainstVegaItself:
    pytestmark = needs_shared

    @pytest.mark.parametrize("band", ["bessellux", "bessellb", "bessellv", "bessellr", "besselli"])
    def test_bessell(self, band):
        """The passbands that sncosmo brings; Vega's flux is known to 0.02 mag."""
        sncosmo = pytest.importorskip("sncosmo")
        found = sncosmo.get_bandpass(band)
        assert VEGA_TO_AB[band] == pytest.approx(of_vega(found.wave, found.trans), abs=0.025)

    @pytest.mark.parametrize(("band", "file"), [("ztfg", "g"), ("ztfr", "R"), ("ztfi", "I")])
    def test_ztf(self, band, file):
        """The same star: they agree to the digits given."""
        path = SHARED / f"sncosmo/bandpasses/ztf/P48_{file}.dat"
        wavelength, transmission = np.loadtxt(path, unpack=True)
        order = np.argsort(wavelength)
        found = of_vega(wavelength[order], transmission[order])
        assert VEGA_TO_AB[band] == pytest.approx(found, abs=0.002)


@needs_shared[1]
class TestAgainstVegaThroughPassbandsThatMayBeInstalled:
    """speclite is no dependency; where it is, SDSS and Gaia are compared, too."""

    @pytest.mark.parametrize("letter", list("ugriz"))
    def test_sdss(self, letter):
        """The passbands of speclite, where it is installed."""
        filters = pytest.importorskip("speclite.filters")
        found = filters.load_filter(f"sdss2010-{letter}")
        value = of_vega(found.wavelength, found.response)
        assert VEGA_TO_AB[f"sdss{letter}"] == pytest.approx(value, abs=0.025)

    def test_gaia(self):
        """Through the passband of DR3; its zero points rest on another spectrum of Vega."""
        filters = pytest.importorskip("speclite.filters")
        found = filters.load_filter("gaiadr3-G")
        value = of_vega(found.wavelength, found.response)
        assert VEGA_TO_AB["gaia::g"] == pytest.approx(value, abs=0.025)


DEEP_LENS_SURVEY = {
    "bessellb": -0.09,
    "bessellv": 0.00,
    "bessellr": 0.18,
    "besselli": 0.46,
    "sdssu": 0.96,
    "sdssg": -0.09,
    "sdssr": 0.16,
    "sdssi": 0.39,
    "sdssz": 0.54,
}
"""dls.physics.ucdavis.edu/calib/vegaab.html: Kurucz's model of Vega through Landolt's (1992) and
SDSS's passbands. U is left out: Landolt's differs from Bessell's by 0.2 mag."""


@pytest.mark.parametrize("band", DEEP_LENS_SURVEY)
def test_another_table_says_nearly_the_same(band):
    assert VEGA_TO_AB[band] == pytest.approx(DEEP_LENS_SURVEY[band], abs=0.05)


def test_gaias_zero_points():
    """AB minus Vega of G: gaia/edr3-passbands, and Riello et al. (2021), A&A 649, A3."""
    assert VEGA_TO_AB["gaia::g"] == pytest.approx(25.8010446445 - 25.6873668671, abs=5e-4)


def test_gaias_errors_are_those_of_the_abstract_and_grow():
    """Hodgkin et al. (2021), A&A 652, A76: 1 % at 13 mag, 3 % at 19 mag."""
    mag = np.array([13.0, 19.0])
    assert brightness.gaia_error(mag).tolist() == pytest.approx([0.01, 0.03], abs=0.0015)
    fainter = brightness.gaia_error(np.linspace(14.0, 21.0, 50))
    assert (np.diff(fainter) > 0).all()
    assert np.isnan(brightness.gaia_error(np.array([np.nan]))).all()
