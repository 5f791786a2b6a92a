"""SNe Ia: fluxes as sncosmo's, Tripp's relation, and populations as they are stated."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sncosmo

from aas2rto import data
from aas2rto.simulate import supernovae_ia as ia
from aas2rto.simulate.cosmology import distance_modulus
from tests.shared import SHARED

BANDS = ("lsstu", "lsstg", "lsstr", "lssti", "lsstz", "lssty")


def model_of(source: object, row: pd.Series) -> sncosmo.Model:
    model = sncosmo.Model(
        source, effects=[sncosmo.F99Dust(3.1)], effect_names=["mw"], effect_frames=["obs"]
    )
    model.set(z=row["z"], t0=row["t0"], x0=row["x0"], x1=row["x1"], c=row["c"], mwebv=row["ebv"])
    return model


def sample(n: int, z_max: float, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    truth = ia.draw(rng, rng.uniform(0.005, z_max, n), rng.uniform(61000, 61010, n))
    return truth.assign(ebv=rng.uniform(0.0, 0.6, n))


def compare(source: object, bands: tuple[str, ...], z_max: float, n: int) -> float:
    """Return the largest difference of fluxes from sncosmo's, as a share of the band's peak."""
    truth, made = sample(n, z_max), ia.tables(bands, z_max)
    phases = np.concatenate([np.linspace(-19.9, 49.9, 40), [-19.2, 0.0, 49.2]])
    worst = 0.0
    for k, row in truth.iterrows():
        mjd = row["t0"] + phases * (1 + row["z"])
        for b, band in enumerate(bands):
            owner = np.full(mjd.size, k)
            ours = ia.flux(truth, owner, mjd, np.full(mjd.size, b), made)
            try:
                order = np.argsort(mjd)
                theirs = np.empty(mjd.size)
                theirs[order] = model_of(source, row).bandflux(
                    data.bandpass(band), mjd[order], zp=23.9, zpsys="ab"
                )
            except ValueError:  # the surfaces do not cover the band there
                assert (ours == 0).all()
                continue
            worst = max(worst, float(np.abs(ours - theirs).max() / theirs.max()))
    return worst


def test_fluxes_are_those_of_sncosmo_in_the_bands_of_ztf() -> None:
    """Within 1e-4 of the peak, from the first phase to the last, behind dust."""
    assert compare(data.salt3_source(), ("ztfg", "ztfr"), 0.25, 12) < 1e-4


@pytest.mark.slow
def test_fluxes_are_those_of_sncosmo_in_the_bands_of_lsst() -> None:
    """The same from u to y up to z = 0.4, and nothing where a band is not covered."""
    assert compare(data.salt3_source(), BANDS, 0.4, 6) < 1e-4


@pytest.mark.real_data
def test_fluxes_are_those_of_the_published_surfaces() -> None:
    """SALT3-F22 from sncosmo's own files, magnitudes at peak within 0.001."""
    folder = SHARED / "sncosmo" / "models" / "salt3"
    found = next(folder.rglob("salt3_template_0.dat"), None)
    assert found is not None, folder
    assert compare(sncosmo.SALT3Source(modeldir=str(found.parent)), ("ztfg", "ztfr"), 0.2, 6) < 1e-3


def test_it_fades_after_the_last_phase() -> None:
    """By 0.02 mag per rest-frame day, where sncosmo has no light."""
    truth = sample(1, 0.05).assign(ebv=0.0)
    made = ia.tables(("ztfg", "ztfr"), 0.25)
    late = truth["t0"][0] + np.array([50.0, 75.0]) * (1 + truth["z"][0])
    flux = ia.flux(truth, np.zeros(2, int), late, np.ones(2, int), made)
    assert flux[0] > 0
    assert -2.5 * np.log10(flux[1] / flux[0]) == pytest.approx(0.5, abs=1e-6)


def test_there_is_no_light_before_the_first_phase() -> None:
    """SALT3 begins 20 d before maximum."""
    truth, made = sample(1, 0.05), ia.tables(("ztfg", "ztfr"), 0.25)
    early = truth["t0"][0] + np.array([-21.0]) * (1 + truth["z"][0])
    assert ia.flux(truth, np.zeros(1, int), early, np.zeros(1, int), made)[0] == 0.0


def test_luminosities_follow_tripp() -> None:
    """Standardised, they scatter by the stated width about the stated mean."""
    rng = np.random.default_rng(1)
    truth = ia.draw(rng, rng.uniform(0.02, 0.2, 20000), np.zeros(20000))
    m_b = -2.5 * np.log10(truth["x0"]) + ia.ZERO_POINT
    absolute = m_b - distance_modulus(truth["z"].to_numpy())
    left = absolute + ia.ALPHA * truth["x1"] - ia.BETA * truth["c"]
    assert left.mean() == pytest.approx(ia.PEAK_MAG, abs=0.005)
    assert left.std() == pytest.approx(ia.SCATTER, rel=0.03)
    np.testing.assert_allclose(absolute, truth["peak_abs"], atol=1e-9)


@pytest.mark.real_data
def test_the_luminosity_is_that_of_real_supernovae() -> None:
    """ZTF's DR1 (Dhawan et al. 2022), where it is complete: within 0.05 mag."""
    real = pd.read_parquet(SHARED / "data" / "ztf_dr1cosmo_saltparams.parquet")
    real = real[real["z"].between(0.02, 0.08) & (real["c"].abs() < 0.3) & (real["x1"].abs() < 3)]
    absolute = -2.5 * np.log10(real["x0"]) + 10.5 - distance_modulus(real["z"].to_numpy())
    left = absolute + ia.ALPHA * real["x1"] - ia.BETA * real["c"]
    assert len(real) > 80
    assert float(np.median(left)) == pytest.approx(ia.PEAK_MAG, abs=0.05)


@pytest.mark.parametrize(("shape", "cut"), [(ia.X1, ia.X1_RANGE), (ia.C, ia.C_RANGE)])
def test_populations_are_two_half_gaussians(shape, cut) -> None:
    """As much lies above the mode as the widths say, and the wings are as wide."""
    drawn = ia.asymmetric(np.random.default_rng(2), 100_000, shape, cut)
    mode, below, above = shape
    assert drawn.min() >= cut[0]
    assert drawn.max() <= cut[1]
    assert (drawn > mode).mean() == pytest.approx(above / (above + below), abs=0.01)
    low = mode - drawn[drawn < mode]
    assert np.median(low) == pytest.approx(0.6745 * below, rel=0.03)
