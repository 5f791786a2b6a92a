"""Simulated nights: reproducible, in the contract's columns, and with the right physics."""

import numpy as np
import pandas as pd
import pytest
import sncosmo

from aas2rto import data
from aas2rto.simulate import night as simulate
from aas2rto.tables import photometry as phot

NOW = 61366.3


@pytest.fixture(scope="module")
def night():
    return simulate.simulate_night(7, NOW)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_night(night):
    objects, photometry = simulate.simulate_night(7, NOW)
    pd.testing.assert_frame_equal(objects, night[0])
    pd.testing.assert_frame_equal(photometry, night[1])
    other, _ = simulate.simulate_night(8, NOW)
    assert not objects["ra"].equals(other["ra"])


@pytest.mark.slow
def test_photometry_follows_the_contract(night):
    objects, photometry = night
    assert list(photometry.columns) == list(phot.COLUMNS)
    assert (photometry["known_at"] <= NOW).all()
    assert (photometry["known_at"] > photometry["mjd"]).all()
    assert set(photometry["kind"]) == set(phot.KINDS)
    assert set(photometry["candidate_id"]) == set(objects["object_id"])
    keys = photometry[["candidate_id", "survey", "measurement_id"]]
    assert not keys.duplicated().any()
    limits = photometry[photometry["kind"] == phot.LIMIT]
    assert limits["flux"].isna().all()
    assert (limits["limit"] > 0).all()


def test_every_kind_of_object_is_there(night):
    objects, photometry = night
    assert {"SN Ia", "SN IIP", "SN Ibc", "variable star", "artefact"} == set(objects["type"])
    negative = photometry.loc[photometry["flux"] < 0, "candidate_id"]
    kinds = objects.set_index("object_id")["type"]
    assert {"variable star", "artefact"} <= set(kinds[negative.unique()])
    spikes = photometry[photometry["candidate_id"].map(kinds) == "artefact"]
    assert spikes[spikes["kind"] != phot.LIMIT].groupby("candidate_id").size().max() <= 3


def test_some_supernovae_are_bright_enough_to_be_ranked(night):
    objects, photometry = night
    ia = objects.loc[objects["type"] == "SN Ia", "object_id"]
    seen = photometry[photometry["candidate_id"].isin(ia) & (photometry["kind"] == phot.DETECTION)]
    last = seen.groupby("candidate_id")["flux"].last()
    assert (phot.mag_from_flux(last) < 18.5).sum() >= 5


def test_some_redshifts_are_known_and_are_the_truth(night):
    objects, _ = night
    supernovae = objects[objects["z"].notna()]
    known = supernovae["redshift"].notna()
    assert 0.2 < known.mean() < 0.6
    np.testing.assert_allclose(supernovae["redshift"][known], supernovae["z"][known], atol=1e-4)
    assert objects.loc[objects["z"].isna(), "redshift"].isna().all()


def test_no_objects_give_empty_tables():
    objects, photometry = simulate.simulate_night(
        1, NOW, n_sn_ia=0, n_cc=0, n_variables=0, n_artefacts=0
    )
    assert objects.empty
    assert photometry.empty


def test_fluxes_without_noise_are_those_of_sncosmo():
    truth = {"candidate_id": "a", "z": 0.04, "t0": NOW, "x0": 1e-3, "x1": -0.4, "c": 0.05}
    mjd = NOW + np.array([9.0, -5.0, 0.0])
    seen = simulate.Visits(mjd, np.array(["ztfr", "ztfg", "ztfr"]), np.ones(3))
    table = simulate.simulate_salt(pd.DataFrame([truth]), lambda n: seen)
    model = sncosmo.Model(data.salt3_source())
    model.set(z=0.04, t0=NOW, x0=1e-3, x1=-0.4, c=0.05)
    for row in table.itertuples():
        expected = model.bandflux(data.bandpass(row.band), row.mjd, zp=23.9, zpsys="ab")
        assert row.flux == pytest.approx(expected, rel=1e-10)


def test_the_distance_modulus_agrees_with_a_cosmology():
    from astropy.cosmology import FlatLambdaCDM

    z = np.array([0.01, 0.05, 0.1])
    expected = FlatLambdaCDM(70.0, 0.3).distmod(z).value
    np.testing.assert_allclose(simulate.distance_modulus(z), expected, atol=0.02)


def test_the_moon_is_new_and_full_when_it_was():
    """New moon of 2026-08-12 and full moon of 2026-08-28 (both eclipses)."""
    assert simulate.moon_illumination(np.array([61264.7]))[0] < 0.02
    assert simulate.moon_illumination(np.array([61280.2]))[0] > 0.98


def test_a_full_moon_costs_depth():
    rng = np.random.default_rng(3)
    seen = [simulate.ztf_visits(rng, 61200.0, 61400.0) for _ in range(40)]
    mjd = np.concatenate([visits.mjd for visits in seen])
    noise = np.concatenate([visits.noise for visits in seen])
    bright = simulate.moon_illumination(mjd) > 0.9
    dark = simulate.moon_illumination(mjd) < 0.1
    assert np.median(noise[bright]) > 1.8 * np.median(noise[dark])
