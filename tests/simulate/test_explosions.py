"""Analytic light curves: their peaks, colours and brightness are those that are stated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aas2rto.simulate import explosions
from aas2rto.simulate.cosmology import distance_modulus
from aas2rto.simulate.explosions import KINDS, OUTBURST, REST_R
from aas2rto.tables.photometry import mag_from_flux

BY_NAME = {kind.type: kind for kind in KINDS}


def light_curve(kind, phases, wave, *, z=0.01, seed=0, n=20, ebv=0.0):
    """Return fluxes (n, phases) without dust of hosts."""
    rng = np.random.default_rng(seed)
    truth = explosions.draw(kind, rng, np.full(n, z), np.full(n, 61000.0))
    truth = truth.assign(ebv=ebv, host_av=0.0)
    owner = np.repeat(np.arange(n), phases.size)
    mjd = np.tile(61000.0 + phases * (1 + z), n)
    flux = explosions.flux(truth, owner, mjd, np.full(mjd.size, wave))
    return truth, flux.reshape(n, phases.size)


@pytest.mark.parametrize("kind", [*KINDS, OUTBURST], ids=lambda kind: kind.type)
def test_the_curve_in_r_peaks_at_its_peak(kind) -> None:
    """At the stated magnitude: within 0.2 mag for plateaus that decline, exactly for the others."""
    phases = np.arange(-30.0, 60.0, 0.25)
    z = 0.01
    truth, flux = light_curve(kind, phases, REST_R * (1 + z), z=z)
    top = mag_from_flux(flux.max(axis=1))
    margin = 0.2 if kind.plateau else 1e-3
    assert np.abs(top - truth["mag0"].to_numpy()).max() < margin
    at = phases[flux.argmax(axis=1)]
    assert np.abs(at).max() < (20.0 if kind.plateau else 0.5)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)
def test_luminosities_are_those_that_are_cited(kind) -> None:
    """The faint half of the Gaussian is whole, and none is brighter than the cut."""
    rng = np.random.default_rng(3)
    n = 20000
    truth = explosions.draw(kind, rng, np.full(n, 0.05), np.zeros(n))
    mean, width = kind.peak_abs
    assert truth["peak_abs"].min() >= kind.brightest
    cut = 0.04457  # Phi(-1.7)
    assert (truth["peak_abs"] > mean).mean() == pytest.approx(0.5 / (1 - cut), abs=0.015)
    faint = truth["peak_abs"][truth["peak_abs"] > mean] - mean
    assert faint.median() == pytest.approx(0.6745 * width, rel=0.05)
    modulus = truth["mag0"] - truth["peak_abs"] + 2.5 * np.log10(1.05)
    np.testing.assert_allclose(modulus, distance_modulus(0.05), atol=1e-9)


@pytest.mark.parametrize("name", ["SN II", "SN IIb", "SN Ib", "SN Ic", "SLSN-I"])
def test_they_redden_as_they_cool(name: str) -> None:
    """G - r grows by tenths of a magnitude in a month; a TDE stays blue."""
    phases = np.array([0.0, 30.0])
    colours = []
    for kind in (BY_NAME[name], BY_NAME["TDE"]):
        g, r = (light_curve(kind, phases, wave)[1] for wave in (4780.0, 6420.0))
        colours.append(np.median(-2.5 * np.log10(g / r), axis=0))
    assert colours[0][1] - colours[0][0] > 0.2
    assert abs(colours[1][1] - colours[1][0]) < 0.02
    assert colours[1][0] < -0.1


def test_a_plateau_ends_in_a_drop() -> None:
    """Some 2 mag in a month, after 65 to 110 days (Anderson et al. 2014)."""
    phases = np.arange(0.0, 170.0)
    truth, flux = light_curve(BY_NAME["SN II"], phases, REST_R * 1.01)
    for n, plateau in enumerate(truth["plateau"].astype(int)):
        before, after = flux[n, plateau - 15], flux[n, plateau + 15]
        assert 1.5 < 2.5 * np.log10(before / after) < 3.2


def test_dust_takes_what_fitzpatrick_says() -> None:
    """E(B-V) of 0.1 costs 0.26 mag in r and more in g (A_r = 2.6, A_g = 3.6 E(B-V))."""
    lost = []
    for wave in (6420.0, 4780.0):
        clean, dusty = (
            light_curve(BY_NAME["SN Ic"], np.zeros(1), wave, ebv=ebv)[1] for ebv in (0.0, 0.1)
        )
        lost.append(float(np.median(2.5 * np.log10(clean / dusty))))
    assert lost[0] == pytest.approx(0.24, abs=0.03)
    assert lost[1] == pytest.approx(0.36, abs=0.03)


@settings(max_examples=40)
@given(
    st.sampled_from([*KINDS, OUTBURST]),
    st.floats(-400, 2000),
    st.floats(0.001, 1.5),
    st.floats(3500.0, 10000.0),
    st.integers(0, 99),
)
def test_fluxes_are_numbers_at_all_times(kind, day, z, wave, seed) -> None:
    """Never negative, never infinite, and never above the peak by more than its colour."""
    _, flux = light_curve(kind, np.array([day]), wave, z=z, seed=seed, n=3)
    assert np.isfinite(flux).all()
    assert (flux >= 0).all()


def test_core_collapse_adds_up() -> None:
    """Shares of types are of all core collapse."""
    shares = [kind.rate.value / explosions.CC for kind in KINDS if kind.rate.at_z == 0.028]
    assert len(shares) == 5
    assert sum(shares) == pytest.approx(1.0, abs=0.002)
