"""Spectra are worth most near maximum light, as well as the fit knows it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from astropy import units as u
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.integrate import quad
from scipy.stats import norm

from aas2rto.factors import FACTORS, Decision, Needs
from aas2rto.factors.peak import peak, probability_within
from tests.conftest import MJD

NOW = Time(MJD, format="mjd")


def rows(from_peak, error=np.nan, prefix=""):
    from_peak = np.atleast_1d(np.asarray(from_peak, dtype=float))
    return pd.DataFrame(
        {
            "candidate_id": [f"c{i}" for i in range(len(from_peak))],
            f"{prefix}t_peak": MJD - from_peak,
            f"{prefix}t_peak_err": np.broadcast_to(error, len(from_peak)),
        }
    )


def value(from_peak, error=np.nan, **settings):
    return peak(rows(from_peak, error), NOW, **settings).value


def test_it_runs_after_the_fits():
    """It reads what they found."""
    assert FACTORS.get("peak").extras["needs"] is Needs.FIT


def test_the_values_of_the_paper():
    """30 at peak, 30 / sqrt(e) one sigma away, and 1e-2 near four days (Eq. 6)."""
    found = value([0.0, 1.0, -1.0, 3.9, 4.1, 50.0])
    assert found[:3] == pytest.approx([30.0, 30 * np.exp(-0.5), 30 * np.exp(-0.5)])
    assert found[3] > 0.01
    assert found[4:].tolist() == [0.01, 0.01]
    meets_floor = np.sqrt(2 * np.log(30 / 0.01))
    assert meets_floor == pytest.approx(4.0, abs=0.01)
    assert value(meets_floor - 1e-6)[0] > 0.01 >= value(meets_floor + 1e-6)[0]


@pytest.mark.slow
@given(
    from_peak=st.floats(-5, 5),
    error=st.floats(0.05, 4),
    sigma=st.floats(0.5, 3),
    amplitude=st.floats(1, 100),
)
def test_the_mean_over_the_posterior_is_that_of_an_integral(from_peak, error, sigma, amplitude):
    """E[x_peak] in closed form against numerical integration over t0 ~ N(t_peak, t_peak_err)."""

    def integrand(t0):
        gaussian = amplitude * np.exp(-((from_peak - t0) ** 2) / (2 * sigma**2))
        return gaussian * norm.pdf(t0, scale=error)

    narrow = 12 * min(error, sigma)
    centre = from_peak * error**2 / (error**2 + sigma**2)
    truth = quad(integrand, centre - narrow, centre + narrow, epsabs=1e-13)[0]
    found = value(from_peak, error, sigma=sigma, amplitude=amplitude, floor=1e-300)
    assert found[0] == pytest.approx(truth, rel=1e-6, abs=1e-12)


@given(st.floats(-3, 3), st.floats(0, 3))
def test_without_uncertainty_the_error_does_not_matter(from_peak, error):
    """The paper's value can be had."""
    found = value(from_peak, error, uncertainty=False)
    assert found == pytest.approx(value(from_peak, np.nan))
    assert value(from_peak, 0.0) == pytest.approx(found)


@given(st.lists(st.floats(0, 20), min_size=2, max_size=8), st.floats(0, 5))
def test_farther_from_peak_never_scores_higher(days, error):
    """With the same error, before as after."""
    found = value(sorted(days), error)
    assert (np.diff(found) <= 1e-12).all()
    assert value([-d for d in sorted(days)], error) == pytest.approx(found)


@given(st.floats(0, 0.99), st.lists(st.floats(0, 10), min_size=2, max_size=6))
def test_near_the_peak_a_surer_fit_is_worth_more(from_peak, errors):
    """A fit that leaves the peak open by days promises less."""
    found = value([from_peak] * len(errors), np.sort(errors))
    assert (np.diff(found) <= 1e-9).all()


def test_no_fit_ranks_below_a_well_fitted_candidate_at_its_floor_or_not():
    """The default is between the paper's 1 and the floor; the paper's can be had."""
    found = peak(rows([np.nan, 2.0]), NOW)
    assert found.value[0] == pytest.approx(0.1)
    assert found.value[1] > found.value[0]
    assert found.decision.tolist() == [Decision.KEEP] * 2
    assert found.reason[0] == "no fit"
    assert value(np.nan, no_fit=1.0).tolist() == [1.0]


def test_a_peak_that_is_wholly_uncertain_is_worth_the_floor():
    """An infinite error is no missing error."""
    assert value(0.0, np.inf).tolist() == [0.01]
    assert value(0.0, 1e9)[0] == pytest.approx(0.01)
    assert value(0.0, np.nan).tolist() == [30.0]


@given(st.floats(-10, 10), st.floats(0.01, 10), st.floats(0.1, 5))
def test_the_probability_is_that_of_a_normal_distribution(from_peak, error, days):
    """P(|now - t0| < days), by an independent implementation."""
    found = probability_within(np.array([from_peak]), np.array([error]), days)
    truth = norm.cdf(from_peak + days, scale=error) - norm.cdf(from_peak - days, scale=error)
    assert found[0] == pytest.approx(truth, abs=1e-9)


def test_without_an_error_there_is_no_probability():
    """Nothing is known, which is not the same as sure."""
    found = probability_within(np.zeros(3), np.array([np.nan, 0.0, -1.0]), 1.0)
    assert np.isnan(found).all()


def test_reasons_have_their_numbers():
    """How long before or after, how sure, and how probable."""
    found = peak(rows([2.0, -1.5, 0.0], [0.4, np.nan, 1.0]), NOW)
    assert found.reason.tolist() == [
        "2.0 +- 0.4 d after peak (P(within 1 d) = 1%)",
        "1.5 d before peak",
        "0.0 +- 1.0 d after peak (P(within 1 d) = 68%)",
    ]


def test_the_model_can_be_chosen():
    """By its name in the config; another model's fit does not count."""
    table = rows(0.0, prefix="salt_")
    assert peak(table, NOW, model="salt").value.tolist() == [30.0]
    assert peak(table, NOW, model="bazin").value.tolist() == [0.1]
    assert peak(table, NOW).value.tolist() == [0.1]


def test_the_time_is_the_callers():
    """The same fit a day later."""
    assert peak(rows(0.0), NOW + 1 * u.day).value == pytest.approx(30 * np.exp(-0.5))


@pytest.mark.parametrize("setting", ["amplitude", "floor", "no_fit"])
def test_values_must_be_positive(setting):
    """A zero would exclude everybody with an error."""
    options = FACTORS.get("peak").options
    with pytest.raises(ValidationError, match="greater than 0"):
        options(**{setting: 0.0})
    with pytest.raises(ValidationError, match="greater than 0"):
        options(sigma="0 day")
