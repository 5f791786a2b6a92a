"""Packaged surfaces and passbands equal their originals, and nothing is ever downloaded."""

import io

import numpy as np
import pytest
import sncosmo
from sncosmo.builtins import DATADIR

from aas2rto import data
from aas2rto.errors import ModelError
from tests.shared import SHARED

PHASES = np.array([-19.3, -7.2, 0.0, 11.1, 49.0])


def grid_text(phase, wave, values):
    rows = [
        f"{p} {w} {v!r}"
        for p, row in zip(phase, values, strict=True)
        for w, v in zip(wave, row, strict=True)
    ]
    return io.StringIO("\n".join(rows))


def by_the_public_door():
    """Build SALT3 as sncosmo documents it: from the text of its files."""
    with np.load(data.FOLDER / "salt3_f22.npz") as stored:
        arrays = {name: stored[name].astype(float).tolist() for name in stored.files}
    phase, wave = arrays["phase"], arrays["wave"]
    low, high = arrays["colour_law_range"]
    law = "\n".join(
        [
            str(len(arrays["colour_law"])),
            *map(repr, arrays["colour_law"]),
            "Salt2ExtinctionLaw.version 1",
            f"Salt2ExtinctionLaw.min_lambda {low}",
            f"Salt2ExtinctionLaw.max_lambda {high}",
        ]
    )
    dispersion = zip(arrays["dispersion_wave"], arrays["dispersion"], strict=True)
    return sncosmo.SALT3Source(
        m0file=grid_text(phase, wave, arrays["m0"]),
        m1file=grid_text(phase, wave, arrays["m1"]),
        clfile=io.StringIO(law),
        cdfile=io.StringIO("\n".join(f"{w} {v!r}" for w, v in dispersion)),
        lcrv00file=grid_text(phase, wave, arrays["variance_0"]),
        lcrv11file=grid_text(phase, wave, arrays["variance_1"]),
        lcrv01file=grid_text(phase, wave, arrays["covariance_01"]),
    )


def assert_same_photometry(ours, theirs, bands, rtol):
    """Compare fluxes and model covariances of two sources."""
    for band in bands:
        answers = []
        for source in (ours, theirs):
            model = sncosmo.Model(source)
            model.set(z=0.05, t0=0.0, x0=1e-3, x1=0.7, c=0.1)
            answers.append(model.bandfluxcov(band, PHASES, 23.9, "ab"))
        (flux, cov), (expected_flux, expected_cov) = answers
        np.testing.assert_allclose(flux, expected_flux, rtol=rtol)
        np.testing.assert_allclose(cov, expected_cov, rtol=20 * rtol)


@pytest.mark.slow
def test_packaged_salt3_equals_the_one_that_sncosmo_reads():
    bands = [data.bandpass(name) for name in ("ztfg", "atlaso", "lsstz")]
    assert_same_photometry(data.salt3_source(), by_the_public_door(), bands, rtol=1e-12)


@pytest.mark.parametrize("name", ["ztfg", "ztfr", "atlasc", "atlaso"])
def test_bands_know_their_colour(name):
    """Effective wavelengths lie where the surveys publish them [A]."""
    published = {"ztfg": 4814, "ztfr": 6422, "atlasc": 5409, "atlaso": 6866}
    assert data.bandpass(name).wave_eff == pytest.approx(published[name], abs=10)


def test_lsst_bands_are_in_order():
    waves = [data.bandpass(f"lsst{letter}").wave_eff for letter in "ugrizy"]
    assert waves == sorted(waves)
    assert 3600 < waves[0] < 3750
    assert 9600 < waves[-1] < 9800


def test_sncosmo_finds_the_bands_once_registered():
    data.register_bandpasses()
    data.register_bandpasses()
    for name in data.available_bands():
        assert sncosmo.get_bandpass(name) is data.bandpass(name)


def test_a_band_that_is_nowhere_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(DATADIR, "_checked_rootdir", str(tmp_path))
    monkeypatch.setattr(DATADIR, "_fetch_redirects", lambda: pytest.fail("a download was tried"))
    data.bandpass.cache_clear()
    for name in ("megacampsf::nonsense", "sdss::u"):
        with pytest.raises(ModelError, match=f"no passband '{name}': it is not packaged .*ztfg"):
            data.bandpass(name)
        assert not data.has_bandpass(name)
    data.bandpass.cache_clear()


def test_a_band_in_the_users_data_folder_is_used(tmp_path, monkeypatch):
    folder = tmp_path / "bandpasses" / "des"
    folder.mkdir(parents=True)
    (folder / "des_y.dat").write_text("9000 0.0\n9100 0.5\n9200 0.0\n")
    monkeypatch.setattr(DATADIR, "_checked_rootdir", str(tmp_path))
    data.bandpass.cache_clear()
    assert data.bandpass("desy").wave_eff == pytest.approx(9100)
    data.bandpass.cache_clear()


def test_bands_inside_sncosmo_need_no_data_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(DATADIR, "_checked_rootdir", str(tmp_path))
    assert data.has_bandpass("bessellb")


def test_a_source_that_is_nowhere_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(DATADIR, "_checked_rootdir", str(tmp_path))
    with pytest.raises(ModelError, match="no SALT source 'snemo2': 'salt3' is packaged"):
        data.salt_source("snemo2")
    with pytest.raises(ModelError, match=r"no salt3_template_0\.dat or salt2_template_0\.dat"):
        data.salt_source(str(tmp_path))


def test_every_file_is_small():
    for path in data.FOLDER.iterdir():
        assert path.is_dir() or path.stat().st_size < 5e6


@pytest.mark.slow
@pytest.mark.real_data
def test_packaged_data_equal_the_originals(monkeypatch):
    """Fluxes agree with sncosmo's own SALT3-F22 and passbands to 1e-6."""
    original = data.salt_source(str(SHARED / "sncosmo" / "models" / "salt3" / "salt3-f22"))
    bands = []
    for name, path in {
        "ztfg": "ztf/P48_g.dat",
        "ztfr": "ztf/P48_R.dat",
        "atlasc": "atlas/Atlas.Cyan",
        "atlaso": "atlas/Atlas.Orange",
    }.items():
        theirs = sncosmo.read_bandpass(
            str(SHARED / "sncosmo" / "bandpasses" / path), trim_level=data.TRIM_LEVEL
        )
        np.testing.assert_array_equal(data.bandpass(name).wave, theirs.wave)
        np.testing.assert_array_equal(data.bandpass(name).trans, theirs.trans)
        bands.append(theirs)
    assert_same_photometry(data.salt3_source(), original, bands, rtol=1e-6)


@pytest.mark.real_data
def test_a_salt2_folder_is_a_source():
    source = data.salt_source(str(SHARED / "sncosmo" / "models" / "salt2" / "salt2-4"))
    assert isinstance(source, sncosmo.SALT2Source)
    assert (source.minwave(), source.maxwave()) == (2000.0, 9200.0)
