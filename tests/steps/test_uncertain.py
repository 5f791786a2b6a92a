"""Chances to be among the first five, and lists that do not flip on noise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from aas2rto.steps.cycle import Fits
from aas2rto.steps.rank import order
from aas2rto.steps.uncertain import chance_of_top, perturbed


@given(
    scores=st.lists(
        st.lists(st.sampled_from([-np.inf, 0.1, 0.2, 1.0, 5.0]), min_size=4, max_size=4),
        min_size=1,
        max_size=9,
    )
)
def test_places_are_shared_out(scores):
    """In each draw min(5, listed) candidates are among the first; who is in no list never is."""
    values = np.array(scores)
    found = chance_of_top(values, np.zeros(len(values), dtype=bool))
    listed = (values > -np.inf).sum(axis=0)
    assert found.sum() == pytest.approx(np.minimum(listed, 5).mean())
    assert (found[(values == -np.inf).all(axis=1)] == 0).all()


def test_two_that_differ_by_noise_are_first_as_often_as_the_noise_says():
    """Normal scores of means 0.3 apart: P(first) = Phi(0.3 / sqrt 2)."""
    rng = np.random.default_rng(0)
    scores = 10 + rng.normal(size=(2, 20000)) + np.array([[0.3], [0.0]])
    found = chance_of_top(scores, np.zeros(2, dtype=bool), top=1)
    assert found[0] == pytest.approx(norm.cdf(0.3 / np.sqrt(2)), abs=0.01)


def table_of(n: int = 2) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "candidate_id": [f"SN{k}" for k in range(n)],
            "last_mag": 18.0,
            "last_magerr": 0.1,
            "last_band": "ztfg",
            "mag_ztfg": 18.0,
            "magerr_ztfg": 0.1,
            "mag_ztfr": np.nan,
            "magerr_ztfr": np.nan,
            "model": "salt",
            "t_peak": 61000.0,
            "salt_t_peak": 61000.0,
            "salt_t_peak_err": 2.0,
            "salt_t0": 61000.0,
            "salt_t0_err": 1.0,
            "salt_x1": 0.0,
        }
    )


def fits_of(table: pd.DataFrame, covariance: list[list[float]]) -> Fits:
    fits = pd.DataFrame({"candidate_id": table["candidate_id"]})
    fits["errors"] = [{"t0": 1.0, "x1": 0.5}] * len(table)
    fits["covariance"] = [covariance] * len(table)
    return Fits({"salt": fits})


def test_draws_have_the_covariance_of_the_fit_and_the_errors_of_the_magnitudes():
    """4000 draws: standard deviations within 5 %, the correlation within 0.05."""
    table = table_of()
    drawn = perturbed(table, fits_of(table, [[1.0, 0.3], [0.3, 0.25]]), 4000)
    one = drawn[drawn["candidate_id"] == "SN0"]
    assert len(one) == 4000
    assert one["salt_t0"].std() == pytest.approx(1.0, rel=0.05)
    assert one["salt_x1"].std() == pytest.approx(0.5, rel=0.05)
    assert np.corrcoef(one["salt_t0"], one["salt_x1"])[0, 1] == pytest.approx(0.6, abs=0.05)
    # The peak moves with t0, as widely as its calibrated error says.
    assert one["t_peak"].std() == pytest.approx(2.0, rel=0.05)
    assert np.corrcoef(one["salt_t0"], one["t_peak"])[0, 1] == pytest.approx(1.0)
    assert one["mag_ztfg"].std() == pytest.approx(0.1, rel=0.05)
    np.testing.assert_allclose(one["last_mag"], one["mag_ztfg"])
    assert one["mag_ztfr"].isna().all()
    other = drawn[drawn["candidate_id"] == "SN1"]
    assert abs(np.corrcoef(one["salt_t0"], other["salt_t0"])[0, 1]) < 0.05


def test_the_dice_belong_to_the_candidate():
    """Who else stands in the list changes nothing."""
    table = table_of(3)
    covariance = [[1.0, 0.3], [0.3, 0.25]]
    every = perturbed(table, fits_of(table, covariance), 50)
    alone = perturbed(table.iloc[[2]].reset_index(drop=True), fits_of(table, covariance), 50)
    pd.testing.assert_frame_equal(
        every[every["candidate_id"] == "SN2"].reset_index(drop=True), alone
    )


@pytest.mark.parametrize("covariance", [[], [[np.nan, 0], [0, 1]], [[1.0]]])
def test_a_fit_without_a_usable_covariance_stays_as_it_is(covariance):
    table = table_of()
    drawn = perturbed(table, fits_of(table, covariance), 10)
    assert (drawn["salt_t0"] == 61000.0).all()
    assert (drawn["t_peak"] == 61000.0).all()


@given(
    scores=st.lists(st.floats(0.1, 10), min_size=2, max_size=12, unique=True),
    bonus=st.floats(1, 3),
    leaders=st.sets(st.integers(0, 11), max_size=5),
)
def test_a_challenger_must_be_better_by_the_factor(scores, bonus, leaders):
    """No one stands above a leader who is not better by it; others are in order of their score."""
    table = pd.DataFrame(
        {
            "candidate_id": [f"{k:02d}" for k in range(len(scores))],
            "site_score": scores,
            "last_mag": 18.0,
            "too": False,
            "reason": "",
            "mark": "",
        }
    )
    favoured = frozenset(f"{k:02d}" for k in leaders if k < len(scores))
    found = order(table, "site_score", favoured=(favoured, bonus))
    is_leader = found["candidate_id"].isin(favoured).to_numpy()
    score = found["site_score"].to_numpy()
    for above in range(len(found)):
        for below in range(above + 1, len(found)):
            if is_leader[below] and not is_leader[above]:
                assert score[above] >= score[below] * bonus * (1 - 1e-9)
            if is_leader[below] == is_leader[above]:
                assert score[above] >= score[below]
