"""SNe Ia look like SALT's, others look more like Bazin's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy.time import Time

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.sn_ia_likeness import sn_ia_likeness
from aas2rto.factors.sn_ia_logistic import SHARE, features, is_free
from aas2rto.factors.sn_ia_logistic import learnt_probability as probability
from aas2rto.models import MODELS
from aas2rto.models.bazin import Bazin
from aas2rto.models.salt import Salt
from aas2rto.steps.fit import fits_of, join
from tests.conftest import MJD
from tests.simulated import Visits, core_collapse_flux, salt_flux

NOW = Time(MJD, format="mjd")


def rows(
    chisq=10.0,
    penalty=1.0,
    gain=0.0,
    n=10.0,
    z=0.05,
    x1=0.0,
    c=0.0,
    x1_err=0.7,
    free=True,
    t_peak_err=1.0,
):
    volume = 4 * np.log(z) if free else 0.0
    return pd.DataFrame(
        {
            "salt_chisq": [chisq],
            "salt_n_points": [n],
            "salt_z": [z],
            "salt_z_err": [0.01 if free else np.nan],
            "salt_x1": [x1],
            "salt_x1_err": [x1_err],
            "salt_c": [c],
            "salt_objective": [chisq + penalty - volume],
            "salt_evidence": [gain],
            "salt_t_peak_err": [t_peak_err],
            "bazin_evidence": [0.0],
            "redshift": [np.nan if free else z],
        }
    )


def test_it_runs_after_the_fits():
    """It reads what they found."""
    assert FACTORS.get("sn_ia_likeness").extras["needs"] is Needs.FIT


@pytest.mark.parametrize("free", [True, False])
def test_features_are_bounded_and_without_volume(free):
    """A prior that only counts volume says nothing about the kind."""
    near, far = (features(rows(z=z, free=free), "salt", "bazin")[0] for z in (0.01, 0.15))
    assert near == pytest.approx([0.5, np.log(2.0), 0.0, 0.0, 0.0, 0.7, 0.0, 0.0, 0.0])
    assert far == pytest.approx(near)
    wild = rows(chisq=1e200, gain=1e6, x1=-1e3, c=9.0, x1_err=5.0, free=free, t_peak_err=99.0)
    wild["salt_objective"] = 1e300
    expected = [1.0, np.log(41.0), 1.0, -1.0, 4.0, 1.0, np.log(20.0), -1.0, 4 * np.log(41.0)]
    assert features(wild, "salt", "bazin")[0] == pytest.approx(expected)
    assert np.isnan(features(rows(chisq=np.nan), "salt", "bazin")[0, 0])


def test_what_is_missing_beside_a_fit_says_nothing():
    """No Bazin fit, and a stretch without an error."""
    table = rows(x1_err=np.nan).assign(bazin_evidence=np.nan)
    assert features(table, "salt", "bazin")[0, [2, 5]].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("free", [True, False])
@pytest.mark.parametrize(
    "worse",
    [
        {"chisq": 60.0},
        {"penalty": 12.0},
        {"gain": 2.0},
        {"x1": 2.0},
        {"c": -0.4, "penalty": 8.0},
        {"x1_err": 1.0},
        {"t_peak_err": 9.0},
    ],
)
def test_what_salt_explains_badly_is_less_likely(worse, free):
    """By chi2, by improbable parameters, or because Bazin explains it better."""
    good, bad = (sn_ia_likeness(rows(free=free, **more), NOW) for more in ({}, worse))
    assert bad.value[0] < good.value[0]
    assert good.reason[0] == f"P(SN Ia) = {good.inputs['p_sn_ia'][0]:.0%}"


def test_a_free_redshift_without_an_error_is_free():
    """Where a covariance cannot be inverted, a free redshift has no error; its prior counts."""
    sure, unsure = rows(), rows(x1_err=np.nan)
    unsure["salt_z_err"] = np.nan
    assert is_free(pd.concat([sure, unsure, rows(free=False)]), "salt").tolist() == [
        True,
        True,
        False,
    ]
    one, other = (features(row, "salt", "bazin") for row in (sure, unsure))
    assert one[0, 1] == other[0, 1]


def test_a_known_redshift_tells_more():
    """Improbable parameters count for more than where the redshift could make up for them."""

    def odds(penalty, *, free):
        p = sn_ia_likeness(rows(penalty=penalty, free=free), NOW).inputs["p_sn_ia"][0]
        return p / (1 - p)

    free, known = (odds(1.0, free=f) / odds(15.0, free=f) for f in (True, False))
    assert known > 1.5 * free > 15


@pytest.mark.parametrize("free", [True, False])
def test_the_share_of_sne_ia_moves_the_odds(free):
    """With the share of the calibration the logistic is as learnt; odds scale with the odds."""
    x, is_free = features(rows(free=free), "salt", "bazin"), np.array([free])
    learnt, half = probability(x, SHARE, is_free)[0], probability(x, 0.5, is_free)[0]
    odds = SHARE / (1 - SHARE)
    assert learnt / (1 - learnt) == pytest.approx(odds * half / (1 - half))


def test_unlikely_ones_are_excluded_on_request():
    """The default only lowers their score."""
    odd = rows(chisq=300.0, penalty=15.0)
    kept = sn_ia_likeness(odd, NOW)
    assert kept.decision.tolist() == [Decision.KEEP]
    assert kept.value.tolist() == [0.05]
    out = sn_ia_likeness(odd, NOW, min=0.3)
    assert out.decision.tolist() == [Decision.EXCLUDE]
    assert "is below 30%" in out.reason[0]


def test_without_a_fit_it_is_no_fit():
    """Nothing is known then."""
    found = sn_ia_likeness(pd.DataFrame(index=[0]), NOW)
    assert (found.value.tolist(), found.reason.tolist()) == ([0.5], ["no SALT fit"])


def test_a_config_must_have_both_models():
    """Told when it loads, with what to add."""
    part = FACTORS.get("sn_ia_likeness")
    check = part.extras["check"]
    options = part.options()
    assert check(options, models={"salt": MODELS.get("salt"), "bazin": MODELS.get("bazin")}) == []
    (problem,) = check(options, models={"salt": MODELS.get("salt")})
    assert problem == ("bazin: there is no model 'bazin' in `models`; add one, such as `bazin: {}`")


@pytest.mark.slow
def test_simulated_supernovae_are_told_apart():
    """A SN Ia and a SN IIP, fitted as a night would."""
    from tests.simulated import measure

    mjd = np.repeat(np.arange(MJD - 20, MJD + 8, 2.0), 2) + np.tile([0.0, 0.03], 14)
    seen = Visits(mjd, np.tile(["ztfg", "ztfr"], 14), np.full(28, 8.0))
    ia = {"z": 0.05, "t0": MJD, "x0": 1.5e-3, "x1": 0.2, "c": 0.0}
    iip = {
        "z": 0.02,
        "t0": MJD - 12,
        "peak_mag": 17.5,
        "tau_rise": 2.0,
        "tau_fall": 40.0,
        "plateau": 90.0,
    }
    rng = np.random.default_rng(2)
    fluxes = (salt_flux(ia, seen.band, mjd), core_collapse_flux(iip, seen.band, mjd))
    table = pd.concat(
        [measure(name, seen, flux, rng) for name, flux in zip(("Ia", "IIP"), fluxes, strict=True)]
    )
    asked = pd.DataFrame({"candidate_id": ["Ia", "IIP"], "ebv": 0.0, "redshift": np.nan})
    fits = fits_of({"salt": Salt().fit(table, asked), "bazin": Bazin().fit(table, asked)})
    found = sn_ia_likeness(join(asked, fits), NOW)
    assert found.value[0] > 0.7
    assert found.value[1] < 0.45
